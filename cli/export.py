"""``minidecomp export RUN``: the trained encoder and decoder for other places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

import click

from minidecomp.errors import OptionError, one_of
from minidecomp.variants import EXPORT_FORMATS

from .loading import load_model, place_in, which_option
from .output import check_run_output, given_folder, say

if TYPE_CHECKING:
    from minidecomp.runs.checkpoint import Run


LARGEST_FLOAT = 1e37
FAR = 1e4  # of 2^24, which float32 tells apart


class FormatsCommand(click.Command):
    """A command whose help lists the formats."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Formats"):
            formatter.write_dl([(name, each.help) for name, each in EXPORT_FORMATS.items()])


@click.command(cls=FormatsCommand)
@click.argument("run")
@click.option("--format", "kind", metavar="NAME", help="One of the formats below.")
@click.option("--out", "-o", metavar="DIR", help="The folder to write to.  [default: RUN/export]")
@click.option(
    "--name",
    metavar="NAME",
    default="model",
    help="Name of the files and, in C, prefix of the functions.  [default: model]",
)
@click.option(
    "--weights", metavar="float32|int8", help="Type of the stored weights; int8 is for C only.  [default: float32]"
)
@which_option
def export(run: str, which: str | None, kind: str | None, out: str | None, name: str, weights: str | None) -> None:
    """Write a run's encoder and decoder for use in other programs."""
    from minidecomp.export.format import chosen_format
    from minidecomp.files import make_folder, write_file

    if kind is None:
        raise OptionError("format", must_be=one_of(EXPORT_FORMATS), hint="it is missing")
    chosen = chosen_format(kind, name, weights)
    weights = weights or chosen.weights[0]
    loaded = load_model(run, which)
    _look_at_scaling(loaded, kind)
    folder = make_folder(given_folder(out, place_in(loaded, "export")))
    with TemporaryDirectory() as scratch:
        # What a format writes is known once it is written: only then can it be held against what must stay.
        with _named(folder, scratch):
            written = {folder / path.name: path for path in chosen.write(loaded, Path(scratch), name, weights)}
        for path in written:
            check_run_output("name", path, loaded)
        for path, made in written.items():
            size = made.stat().st_size
            with open(made, "rb") as source:
                write_file(path, partial(copyfileobj, source))
            say(f"{kind}: {path} ({size / 1e6:.1f} MB)" if size >= 1e6 else f"{kind}: {path} ({size / 1e3:.1f} kB)")
    if weights == "int8":
        _say_the_error(loaded)


@contextmanager
def _named(folder: Path, scratch: str) -> Iterator[None]:
    """Errors name the file that was asked for, in place of the one in the scratch folder."""
    from minidecomp.errors import Fault

    try:
        yield
    except (Fault, OSError) as error:
        text = str(error)
        if isinstance(error, OSError):
            text = f"cannot write {error.filename or scratch}: {error.strerror or error}"
        if scratch not in text:
            raise
        made_first = f"it is made in {gettempdir()} first"
        raise Fault(f"{text.replace(scratch, str(folder))} ({made_first})") from error


def _look_at_scaling(loaded: Run, kind: str) -> None:
    """Refuse numbers that no float32 holds, and say where such numbers hold little of the data."""
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
            f"the data are {scaling.farness:.0e} times as far from 0 as they are wide: the 32-bit numbers that "
            f"{kind} takes tell few of them apart",
            err=True,
        )


def _say_the_error(loaded: Run) -> None:
    """What the bytes cost, on the test data where it is at hand, else on samples of the model."""
    from minidecomp.errors import MinidecompError
    from minidecomp.export.precision import int8_errors

    from .loading import load_data

    try:
        data, points = load_data(loaded).test, "test points"
    except MinidecompError:
        data, points = loaded.vae.sample(1000)[2], "samples of the model"
    if loaded.rules.scaling is not None:
        points = f"{points}, as scaled by --scale {loaded.rules.scale}"
    for what, (largest, spread) in int8_errors(loaded.vae, data).items():
        share = largest / spread if spread > 0 else float("nan")
        click.echo(f"int8 error of {what}: at most {largest:.2g} ({share:.1%} of its standard deviation) on {points}")
