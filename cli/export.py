"""``minidecomp export RUN``: the trained encoder and decoder for other places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minidecomp.errors import OptionError

if TYPE_CHECKING:
    from minidecomp.runs.checkpoint import Run

FORMATS = ("onnx", "c", "numpy", "safetensors")


@click.command()
@click.argument("run")
@click.option("--format", "kind", metavar="|".join(FORMATS), required=True, help="What to write.")
@click.option("--out", "-o", metavar="DIR", help="Where to.  [RUN/export]")
@click.option("--name", metavar="NAME", default="model", help="The files' name, and in C the functions'.  [model]")
@click.option("--weights", metavar="float32|int8", default="float32", help="In C: how weights are kept.  [float32]")
def export(run: str, kind: str, out: str | None, name: str, weights: str) -> None:
    """Write a run's encoder and decoder.

    \b
    onnx         two models with a free batch size, for onnxruntime and others
    c            a C99 header and source with no dependency but libm, for small devices
    numpy        one Python file that needs numpy alone, and its weights
    safetensors  the parameters, with the settings as metadata
    """
    import re

    from minidecomp.export.c_source import WEIGHTS
    from minidecomp.files import make_folder
    from minidecomp.runs import checkpoint

    if kind not in FORMATS:
        raise OptionError("format", kind, f"one of {', '.join(FORMATS)} is")
    if weights not in WEIGHTS:
        raise OptionError("weights", weights, f"one of {', '.join(WEIGHTS)} is")
    if weights != "float32" and kind != "c":
        raise OptionError("weights", weights, "it goes with --format c only")
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise OptionError("name", name, "a name of letters, digits, - and _ that begins with a letter is")
    loaded = checkpoint.load(run)
    folder = make_folder(Path(out) if out is not None else loaded.folder / "export")
    for path in _write(loaded, kind, folder, name, weights):
        size = path.stat().st_size
        click.echo(f"{kind}: {path} ({size / 1e6:.1f} MB)" if size >= 1e6 else f"{kind}: {path} ({size / 1e3:.1f} kB)")
    if weights == "int8":
        _say_the_error(loaded)


def _write(loaded: Run, kind: str, folder: Path, name: str, weights: str) -> list[Path]:
    if kind == "onnx":
        from minidecomp.export.onnx import write_onnx

        return write_onnx(loaded.vae, folder, name)
    if kind == "c":
        from minidecomp.export.c_source import write_c

        return write_c(loaded.vae, folder, name, weights)
    if kind == "numpy":
        from minidecomp.export.numpy_file import write_numpy

        return write_numpy(loaded.vae, folder, name)
    from minidecomp.export.safetensors import write_safetensors

    return write_safetensors(loaded, folder, name)


def _say_the_error(loaded: Run) -> None:
    """What the bytes cost, on the test data where it is at hand, else on samples of the model."""
    from minidecomp.errors import MinidecompError
    from minidecomp.export.precision import int8_errors

    from .loading import load_data

    try:
        data, of = load_data(loaded).test, "test points"
    except MinidecompError:
        data, of = loaded.vae.sample(1000)[2], "samples of the model"
    for what, (largest, spread) in int8_errors(loaded.vae, data).items():
        share = largest / spread if spread > 0 else float("nan")
        click.echo(f"int8 error of {what}: at most {largest:.2g} ({share:.1%} of its standard deviation) on {of}")
