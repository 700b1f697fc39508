"""The C format: a C99 header and source that need only libm, with static buffers and weights as floats or bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..data.rules import DataRules
from ..files import write_file
from ..model.vae import VAE
from ..runs.checkpoint import Run
from .c_header import header
from .c_memory import tell
from .c_names import prefix_of, why_not
from .c_source import source
from .example import Point, example
from .format import ExportFormat
from .networks import decoder_of, encoder_of
from .provenance import provenance
from .quantised import WEIGHTS, as_kept


def write_c(
    vae: VAE,
    folder: Path,
    name: str,
    weights: str,
    rules: DataRules | None = None,
    origin: Mapping[str, str] | None = None,
    point: Point | None = None,
) -> list[Path]:
    """Write NAME.h and NAME.c: NAME_encode and NAME_decode, one point at a time, and NAME_self_check.

    Parameters
    ----------
    vae : VAE
    folder : path
    name : str
    weights : str
        ``float32`` or ``int8``.
    rules : DataRules, optional
        They give the names of the columns and the scaling of x.
    origin : mapping, optional
        The result of `provenance`, for the header's comment.
    point : Point, optional
        The self-check's point. Without one there is no self-check.
    """
    scaling, names = (None, ()) if rules is None else (rules.scaling, rules.names)
    chains = (encoder_of(vae, scaling), decoder_of(vae, scaling))
    prefix = prefix_of(name)
    kept = [as_kept(chain, weights) for chain in chains]
    test = None if point is None else example(kept[0], kept[1], point)
    told = header(chains, prefix, weights, rules, origin or {}, test)
    text = source(chains, prefix, f"{name}.h", weights, names, test)
    paths = [folder / f"{name}.h", folder / f"{name}.c"]
    for path, content in zip(paths, (told, text), strict=True):
        write_file(path, lambda file, content=content: file.write(content.encode()))  # type: ignore[misc]
    return paths


def _write(run: Run, folder: Path, name: str, weights: str, point: Point | None = None) -> list[Path]:
    return write_c(run.vae, folder, name, weights, run.rules, provenance(run, weights), point)


FORMAT = ExportFormat(
    "c",
    "a C99 header and source that need only libm, for small devices",
    _write,
    weights=WEIGHTS,
    why_not=why_not,
    takes_point=True,
    tell=tell,
)
