"""The safetensors format: a JSON header, then the parameters' bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..files import write_file
from ..runs.checkpoint import Run
from .data_facts import metadata, scaling_metadata
from .format import ExportFormat
from .provenance import options_text, provenance
from .told import Told

DTYPES = {"float32": "F32", "float64": "F64"}


def write_safetensors(run: Run, folder: Path, name: str) -> list[Path]:
    """Write NAME.safetensors: the parameters, with their names and dtype in the checkpoint.

    The metadata have the result of `provenance`, ``config`` (the options again), ``columns``, ``scale`` and, for scaled
    data, ``data_shift`` and ``data_scale``.

    Layout (github.com/huggingface/safetensors): the header's length in 8 bytes, little-endian; the header, JSON padded
    with spaces to a multiple of 8; the arrays in C order, little-endian, at the offsets in the header.
    """
    header: dict[str, Any] = {
        "__metadata__": {
            "format": "minidecomp",
            "version": __version__,
            "config": options_text(run),
            **provenance(run, run.vae.dtype.name),
            "data_dim": str(run.vae.data_dim),
            **metadata(run.rules),
            **scaling_metadata(run.rules),
        }
    }
    parts, offset = [], 0
    for parameter, view in run.vae.parameters.items():
        part = np.ascontiguousarray(view, view.dtype.newbyteorder("<")).tobytes()
        header[parameter] = {
            "dtype": DTYPES[view.dtype.name],
            "shape": list(view.shape),
            "data_offsets": [offset, offset + len(part)],
        }
        parts.append(part)
        offset += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = folder / f"{name}.safetensors"
    write_file(path, lambda file: file.writelines([len(text).to_bytes(8, "little"), text, *parts]))
    return [path]


def tell(run: Run, name: str, weights: str) -> Told:
    """The file, and the parameters in it."""
    vae = run.vae
    return Told(
        {".safetensors": "parameters and metadata"},
        (
            f"parameters: {vae.parameters.vector.nbytes} bytes, {vae.dtype.name}; no code",
            *(f"{key}: {list(view.shape)}" for key, view in vae.parameters.items()),
        ),
    )


FORMAT = ExportFormat(
    "safetensors",
    "the parameters, with the options as metadata",
    lambda run, folder, name, weights: write_safetensors(run, folder, name),
    tell=tell,
)
