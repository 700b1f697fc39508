"""``minidecomp export RUN``: writes the trained encoder and decoder as files for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from math import isfinite
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

import click

from minidecomp.errors import OptionError, counted, either, printable
from minidecomp.variants import EXPORT_FORMATS

from .loading import load_data, load_model, place_in, which_option
from .output import check_run_output, given_folder, say

if TYPE_CHECKING:
    from minidecomp.data.dataset import Dataset
    from minidecomp.data.rules import DataRules
    from minidecomp.export.precision import OutputError
    from minidecomp.runs.checkpoint import Run


LARGEST_FLOAT = 1e37
FAR = 1e4  # float32 has 24 bits, and this factor leaves about 11 of them to the data


class FormatsCommand(click.Command):
    """A command whose help lists the formats."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Formats"):
            formatter.write_dl([(name, each.help) for name, each in EXPORT_FORMATS.items()])


@click.command(cls=FormatsCommand)
@click.argument("run")
@click.option("--format", "kind", metavar="NAME", help="One of the formats below.")
@click.option("--out", "-o", metavar="DIR", help="The folder for the files.  [default: RUN/export]")
@click.option(
    "--name",
    metavar="NAME",
    default="model",
    help="The name of the files and, in C, of the functions.  [default: model]",
)
@click.option(
    "--weights", metavar="float32|int8", help="How to keep weights; int8 is for onnx and c.  [default: float32]"
)
@click.option(
    "--test-vector",
    metavar="data|sample|none",
    help="The point of the self-check in c and numpy: the first of the test data, a sample of the model, or none.  "
    "[default: data]",
)
@which_option
def export(
    run: str,
    which: str | None,
    kind: str | None,
    out: str | None,
    name: str,
    weights: str | None,
    test_vector: str | None,
) -> None:
    """Write a run's encoder and decoder; print their inputs, outputs and memory use."""
    from minidecomp.export.exporting import check_test_vector, exported, point_for
    from minidecomp.export.format import chosen_format
    from minidecomp.files import make_folder, write_file

    if kind is None:
        raise click.UsageError(f"export needs --format: {either(EXPORT_FORMATS)}")
    chosen = chosen_format(kind, name, weights)
    check_test_vector(chosen, test_vector)
    weights = weights or chosen.weights[0]
    loaded = load_model(run, which)
    _look_at_scaling(loaded, kind)
    data = cache(partial(load_data, loaded))
    point = point_for(chosen, loaded, test_vector, data)
    if chosen.takes_point and point is None and test_vector != "none":
        say("no self-check: its test vector gives outputs that are not finite", err=True)
    folder = make_folder(given_folder(out, place_in(loaded, "export")))
    with TemporaryDirectory() as scratch:
        # The names of a format's files are known only after writing. Then they are compared with those that must stay.
        with _named(folder, scratch):
            made = {folder / path.name: path for path in chosen.files(loaded, Path(scratch), name, weights, point)}
        for path in made:
            check_run_output("out", path, loaded)
        written = exported(
            chosen, loaded, {path: each.stat().st_size for path, each in made.items()}, name, weights, point
        )
        for path, each in made.items():
            with open(each, "rb") as source:
                write_file(path, partial(copyfileobj, source))
            say(written.line_of(path))
    for line in written.about:
        say(line)
    if point is not None:
        say(f"test vector: {point.source}")
    if weights == "int8":
        _say_the_error(loaded, data)
    for line in written.next_steps:
        say(line)


@contextmanager
def _named(folder: Path, scratch: str) -> Iterator[None]:
    """Name the requested file in errors, not the one in the scratch folder."""
    from minidecomp.errors import Fault

    try:
        yield
    except (Fault, OSError) as error:
        text = str(error)
        if isinstance(error, OSError):
            text = f"cannot write {error.filename or scratch}: {error.strerror or error}"
        if scratch not in text:
            raise
        made_first = f"it is first made in {gettempdir()}"
        raise Fault(f"{text.replace(scratch, str(folder))} ({made_first})") from error


def _look_at_scaling(loaded: Run, kind: str) -> None:
    """Refuse a scale that float32 cannot hold; warn if float32 cannot distinguish many of the data's values."""
    scaling = loaded.rules.scaling
    if scaling is None or kind == "safetensors":
        return
    largest = max(float(abs(scaling.shift).max()), float(scaling.scale.max()), 1 / float(scaling.scale.min()))
    if largest > LARGEST_FLOAT:
        raise OptionError(
            "format", kind, f"float32 cannot hold the data's scale, {largest:g}; use --format safetensors"
        )
    if scaling.farness > FAR and kind != "numpy":
        say(
            f"the data lie {scaling.farness:.0e} times their width from 0; {kind} uses 32-bit numbers, "
            "which cannot distinguish many of the values",
            err=True,
        )


def _say_the_error(loaded: Run, data: Callable[[], Dataset]) -> None:
    """Print how far int8 weights move the outputs on the test data or, without them, on samples from the model."""
    from minidecomp.errors import MinidecompError
    from minidecomp.export.example import sample
    from minidecomp.export.precision import MOST_POINTS, int8_errors

    try:
        given, noun, source = data().test, "test point", ""
    except MinidecompError:
        given, noun, source = sample(loaded.vae, MOST_POINTS), "sample", " from the model"
    errors = int8_errors(loaded.vae, given)
    points = counted(errors[0].points, noun) + source
    what = "the largest; the largest share of a column's standard deviation"
    click.echo(f"int8 errors of encoding and decoding {points} ({what}):")
    for error in errors:
        click.echo(f"  {_in_words(error, loaded.rules)}")


def _in_words(error: OutputError, rules: DataRules) -> str:
    """An int8 error's line."""
    if error.function == "encode":
        what, column = f"encoder's {error.output}", f"z{error.column + 1}"
    else:
        scaled = "" if rules.scaling is None else f", as scaled by --scale {rules.scale}"
        what = f"decoder's {error.output}{scaled}"
        column = (printable(rules.names[error.column]) if rules.names else "") or f"x_{error.column}"
    if not isfinite(error.largest):
        return f"{what}: not finite"
    share = "" if error.share is None else f"; {error.share:.1%} ({column}, standard deviation {error.spread:.2g})"
    return f"{what}: {error.largest:.2g}{share}"
