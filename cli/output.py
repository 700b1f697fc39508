"""What the commands write: lines on the terminal, and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, RunError, as_flags, either, printable

from .program import as_typed

if TYPE_CHECKING:
    from minidecomp.data.written import Given
    from minidecomp.runs.checkpoint import Run

STANDARD_OUTPUT = "-"
RUN_FILES = ("checkpoint.npz", "best.npz", "config.toml", "metrics.csv", "gradients.csv", "evaluation.json")


def say(line: str, err: bool = False) -> None:
    """Print one line that may contain a name from outside; unprintable characters are escaped."""
    stream = sys.stderr if err else sys.stdout
    click.echo(printable(as_typed(as_flags(line)), getattr(stream, "encoding", None) or "utf-8"), err=err)


def say_page(path: Path, size: int) -> None:
    """Say where a page was written, and its size in bytes."""
    shown = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
    say(f"page: {path} ({shown})")


def check_output(
    option: str,
    path: str | Path | None,
    inputs: Iterable[str | Path | None] = (),
    ending: str | tuple[str, ...] = "",
    makes_folder: bool = False,
) -> None:
    """Raise OptionError for this option unless the file may be written.

    Parameters
    ----------
    option : str
        Its name in Python.
    path : path or None
        The file to write, if any.
    inputs : iterable of path
        What the command reads; None and paths that are not files are ignored.
    ending : str or tuple of str
        Of the file's name; an error names the first.
    makes_folder : bool
        Whether the command makes a missing folder.
    """
    if path is None:
        return
    path = Path(path)
    if ending and not path.name.endswith(ending):
        raise OptionError(
            option, path, f"the file's name must end in {ending if isinstance(ending, str) else ending[0]}"
        )
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:  # a name that is too long
        raise OptionError(option, path, str(error.strerror)) from None
    if is_folder:
        raise OptionError(option, path, "this is a folder; give the name of a file")
    if not has_folder and not makes_folder:
        raise OptionError(option, path, f"there is no folder {path.parent}")
    for each in inputs:
        if each is not None and _is_same(path, Path(each)):
            raise OptionError(option, path, f"this would overwrite {each}, which the command reads")
        if each is not None and Path(each).is_dir() and _is_same(path.parent, Path(each)):
            raise OptionError(option, path, f"this would add a file to the folder {each}, which the command reads")
    try:
        leads_to = Path(os.path.realpath(path))
    except OSError as error:  # the folder that we are in was deleted
        raise OptionError(option, path, f"the current folder is gone ({error.strerror})") from None
    for file in _files_of_a_run(path.parent) + _files_of_a_run(leads_to.parent):
        if _is_same(path, file):
            raise OptionError(option, path, f"this would overwrite a run's own {file.name}")


def check_run_output(
    option: str,
    path: str | Path | None,
    run: Run,
    data: str | None = None,
    ending: str | tuple[str, ...] = "",
    makes_folder: bool = False,
) -> None:
    """``check_output`` for a command that reads a run: it must not overwrite the run's files or its data."""
    from minidecomp.data import FILES_OR_NAMES

    named = [getattr(run.options, name, None) for name in FILES_OR_NAMES]
    inputs = [*_files_of_a_run(run.folder), run.options.data, data, *named, *_files_of_the_data_set(run)]
    check_output(option, path, inputs, ending, makes_folder)


def check_out(path: str | None) -> None:
    """Raise OptionError unless ``write_out`` can write to ``--out``, as far as one can tell before reading a run."""
    from minidecomp.data.cells import ending_of
    from minidecomp.data.written import ENDINGS, cannot_be_written

    if path is None or path == STANDARD_OUTPUT:
        return
    if ending_of(path) not in ENDINGS:
        raise OptionError("out", path, f"the file's name must end in {either(ENDINGS)}, or be - for standard output")
    if reason := cannot_be_written(path):
        raise OptionError("out", path, reason)
    check_output("out", path)


def check_run_out(path: str | None, run: Run, data: str | None = None) -> None:
    """``check_run_output`` of ``--out``."""
    check_run_output("out", None if path == STANDARD_OUTPUT else path, run, data)


def write_out(out: str, given: Given) -> None:
    """Write a command's result to ``--out``, and say where; standard output gets CSV and nothing else."""
    from minidecomp.data.written import csv_text, write_given

    if out == STANDARD_OUTPUT:
        columns, note = given.columns()
        if note:
            say(f"standard output: {note}", err=True)
        for text in csv_text(columns):
            click.echo(text, nl=False)
        return
    line, note = write_given(out, given)
    if note:
        say(note, err=True)
    say(line)


def given_folder(out: str | None, usual: Path) -> Path:
    """The folder that ``--out`` names, or the usual one."""
    if out == "":
        raise RunError('--out "": the name is empty; name a folder')
    return usual if out is None else Path(out)


def write_arrays(out: str, **arrays: Any) -> None:
    """Write named arrays and say where."""
    save_arrays(out, **arrays)
    say(f"arrays: {out} ({', '.join(arrays)})")


def save_arrays(out: str, **arrays: Any) -> None:
    """Write named arrays."""
    import numpy as np

    from minidecomp.files import write_file

    write_file(Path(out), lambda file: np.savez(file, **arrays))


def _files_of_a_run(folder: Path) -> list[Path]:
    """The files that belong to a run, if the folder is one."""
    return [folder / name for name in RUN_FILES] if (folder / RUN_FILES[0]).is_file() else []


def _files_of_the_data_set(run: Run) -> list[Path]:
    from minidecomp.data.dsprites import FILE, PACKED
    from minidecomp.data.folders import candidates

    if run.options.data != "dsprites":
        return []
    return [folder / name for folder in candidates("dsprites", run.options.data_dir) for name in (FILE, PACKED)]


def _is_same(path: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, through links or other spellings."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # one of them does not exist
        return False
