"""Writes a run's model in a format, and says what was written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from ..data import dataset_from
from ..data.dataset import Dataset
from ..errors import OptionError, either, marked
from ..files import make_folder
from ..runs.checkpoint import Run, load
from ..variants import EXPORT_FORMATS
from .example import SOURCES, Point, example, point_of
from .format import ExportFormat, chosen_format
from .networks import decoder_of, encoder_of
from .told import Told


@dataclass(frozen=True)
class Exported:
    """What an export wrote; as a string, the lines that ``minidecomp export`` prints.

    Attributes
    ----------
    kind : str
        The name of the format.
    files : dict
        Each file's path and size in bytes.
    told : Told
        The files' content, inputs, outputs and memory.
    has_self_check : bool
        Whether the files contain a test vector and a self-check.
    """

    kind: str
    files: dict[Path, int]
    told: Told
    has_self_check: bool

    def __str__(self) -> str:
        return "\n".join((*map(self.line_of, self.files), *self.about, *self.next_steps))

    def line_of(self, path: Path) -> str:
        """A file's line: format, path, size and content."""
        size, what = self.files[path], self.told.of_file(path.name)
        shown = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
        return f"{self.kind}: {path} ({shown})" + (f": {what}" if what else "")

    @property
    def about(self) -> list[str]:
        """The lines about inputs, outputs, memory and the self-check."""
        return [*self.told.lines, *([self.told.self_check] if self.has_self_check else [])]

    @property
    def next_steps(self) -> list[str]:
        """The command that compiles the exported source, as a line; empty for other formats."""
        sources = [path for path in self.files if path.suffix == ".c" and self.told.compile]
        return [f"next: {self.told.compile} {quote(str(path))}" for path in sources]


def export_run(
    run: Run | str | os.PathLike[str],
    kind: str,
    folder: str | os.PathLike[str] | None = None,
    name: str = "model",
    weights: str | None = None,
    test_vector: str | None = None,
) -> Exported:
    """Write a run's encoder and decoder for other programs, as ``minidecomp export`` does.

    Parameters
    ----------
    run : Run or path
        A run, or its folder.
    kind : str
        The format: ``onnx``, ``c``, ``numpy``, ``safetensors``, or one that you added.
    folder : path, optional
        Where the files go; by default the folder ``export`` of the run.
    name : str
        The name of the files and, in C, the prefix of the functions' names.
    weights : str, optional
        ``float32`` or, in C and ONNX, ``int8``.
    test_vector : str, optional
        The point of the self-check in C and NumPy: ``data``, the first point of the test data (a sample from the model
        if the data are missing); ``sample``, a sample from the model; or ``none``. ``data`` by default.

    Returns
    -------
    Exported

    Raises
    ------
    OptionError
        A format, a name or another value is not allowed.
    """
    chosen = chosen_format(kind, name, weights)
    check_test_vector(chosen, test_vector)
    run = run if isinstance(run, Run) else load(Path(run))
    point = point_for(chosen, run, test_vector, lambda: _data_of(run))
    weights = weights or chosen.weights[0]
    place = make_folder(run.folder / "export" if folder is None else Path(folder))
    paths = chosen.files(run, place, name, weights, point)
    return exported(chosen, run, {path: path.stat().st_size for path in paths}, name, weights, point)


def exported(
    chosen: ExportFormat, run: Run, files: dict[Path, int], name: str, weights: str, point: Point | None
) -> Exported:
    """What to say about the written files."""
    told = chosen.told(run, name, weights)
    return Exported(chosen.name, files, told, point is not None and bool(told.self_check))


def point_for(chosen: ExportFormat, run: Run, word: str | None, data: Callable[[], Dataset]) -> Point | None:
    """The point of the test vector, if the format takes one and its outputs are finite; ``data`` loads the data."""
    point = point_of(run, word or SOURCES[0], data) if chosen.takes_point else None
    if point is None:
        return None
    scaling = run.rules.scaling
    return None if example(encoder_of(run.vae, scaling), decoder_of(run.vae, scaling), point) is None else point


def check_test_vector(chosen: ExportFormat, word: str | None) -> None:
    """Raise OptionError unless the format allows this value of ``--test-vector``."""
    if word is None:
        return
    if word not in SOURCES:
        raise OptionError("test_vector", word, choices=SOURCES)
    if not chosen.takes_point:
        able = [name for name, each in EXPORT_FORMATS.items() if each.takes_point]
        raise OptionError("test_vector", word, f"this needs {either(marked('format', each) for each in able)}")


def _data_of(run: Run) -> Dataset:
    dataset = dataset_from(run.options)
    run.hold_against(dataset)
    return dataset
