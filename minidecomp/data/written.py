"""What the commands give a person: arrays and tables in files, of the kind that the file's ending says."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import counted
from ..files import write_file
from ..packages import missing
from .cells import ending_of

CSV = ".csv"
ENDINGS = (".npz", ".npy", CSV, ".csv.gz", ".parquet")
SHOWN = 5  # of the columns that have other names
CELLS_AT_ONCE = 100_000  # of a CSV file, turned into text together

Column = tuple[str, np.ndarray]


@dataclass(frozen=True)
class Given:
    """What a command gives.

    Attributes
    ----------
    arrays : dict of str to numpy.ndarray
        As an .npz file names them.
    main : str
        The array that an .npy file has.
    table : dict of str to numpy.ndarray of shape (N,) or (N, k)
        The columns of a table in their order. An (N,) is the column of that name.
    latent : tuple of str
        Those in the table whose columns are latent dimensions: ``loc`` (N, D) has the columns loc_1 to loc_D.
    features : dict of str to str
        Those in the table whose columns are the data's, and what stands before these columns' names, as in
        ``{"x": "", "mean": "mean_"}``.
    names : tuple of str
        The data's columns; empty where they have no names: they are x_0, x_1, .. then.
    index, labels : numpy.ndarray or None
        What tells each row of ``arrays`` from the others, and its class.
    repeats : int
        How many rows of the table each of these stands for.
    image_shape : tuple of int or None
        Rows, columns and, in colour, channels of the images that the data are, whose pixels come in that order.
    """

    arrays: Mapping[str, np.ndarray]
    main: str
    table: Mapping[str, np.ndarray]
    latent: tuple[str, ...] = ()
    features: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    index: np.ndarray | None = None
    labels: np.ndarray | None = None
    repeats: int = 1
    image_shape: tuple[int, ...] | None = None

    def all_arrays(self) -> dict[str, np.ndarray]:
        """What an .npz file has: the arrays, and what is known of index, labels, columns and images."""
        known = {"index": self.index, "labels": self.labels, "columns": np.array(self.names) if self.names else None}
        if self.image_shape is not None and self.features:
            known["image_shape"] = np.array(self.image_shape)
        return {**self.arrays, **{name: _plain(array) for name, array in known.items() if array is not None}}

    def columns(self) -> tuple[list[Column], str]:
        """The table's columns, no two of one name, and a line on those whose name was taken."""
        columns: list[Column] = [
            (name, np.repeat(array, self.repeats))
            for name, array in (("index", self.index), ("label", self.labels))
            if array is not None
        ]
        from_data = [False] * len(columns)
        for name, array in self.table.items():
            parts = array.T if array.ndim == 2 else [array]
            columns += zip(self._names_of(name, len(parts)), parts, strict=True)
            from_data += [name in self.features] * len(parts)
        names = _apart([name for name, _ in columns], from_data)
        renamed = [f"{old} to {new}" for (old, _), new in zip(columns, names, strict=True) if old != new]
        shown = ", ".join(renamed[:SHOWN]) + (", .." if len(renamed) > SHOWN else "")
        note = f"columns of the data were renamed, as their names are in use: {shown}" if renamed else ""
        return [(new, values) for new, (_, values) in zip(names, columns, strict=True)], note

    def _names_of(self, name: str, count: int) -> list[str]:
        if name in self.latent:
            return [f"{name}_{i + 1}" for i in range(count)]
        if name not in self.features:
            return [name]
        known = self.names or ("",) * count
        return [self.features[name] + (feature or f"x_{i}") for i, feature in enumerate(known)]


def cannot_be_written(path: str | Path) -> str | None:
    """What is missing for a file of that ending; None where nothing is."""
    return missing("pyarrow.parquet", "minidecomp[tables]", "pyarrow") if ending_of(path) == ".parquet" else None


def write_given(path: str | Path, given: Given) -> tuple[str, str]:
    """Write what a command gives, whole or not at all.

    Returns
    -------
    line : str
        What was written, for the user.
    note : str
        What may surprise in it; empty where nothing does.
    """
    ending = ending_of(path)
    if ending == ".npz":
        arrays = given.all_arrays()
        write_file(Path(path), lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
        return f"arrays: {path} ({', '.join(arrays)})", ""
    if ending == ".npy":
        write_file(Path(path), lambda file: np.save(file, given.arrays[given.main]))
        return f"array: {path} ({given.main})", ""
    columns, note = given.columns()
    if ending == ".parquet":
        write_file(Path(path), lambda file: _write_parquet(file, columns))
    elif ending == ".csv.gz":
        write_file(Path(path), lambda file: _write_compressed(file, columns))
    else:
        write_file(Path(path), lambda file: file.writelines(csv_text(columns)))
    size = f"{counted(len(columns[0][1]), 'row')}, {counted(len(columns), 'column')}"
    return f"table: {path} ({size})", note and f"{path}: {note}"


def csv_text(columns: Sequence[Column]) -> Iterator[bytes]:
    """A table as CSV in UTF-8, some rows at a time; a number is the shortest that reads back to the same bits."""
    yield (",".join(_quoted(name) for name, _ in columns) + "\n").encode()
    rows = max(1, CELLS_AT_ONCE // len(columns))
    for start in range(0, len(columns[0][1]), rows):
        cells = [_cells(values[start : start + rows]) for _, values in columns]
        yield ("\n".join(map(",".join, zip(*cells, strict=True))) + "\n").encode()


def _cells(values: np.ndarray) -> list[str]:
    """The cells of a column as texts; NumPy writes a float as the shortest that is read as the same."""
    if values.dtype.kind in "OU":
        return [_quoted(str(each)) for each in values]
    texts: list[str] = values.astype(np.str_).tolist()
    return texts


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def _write_compressed(file: Any, columns: Sequence[Column]) -> None:
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.writelines(csv_text(columns))


def _write_parquet(file: Any, columns: Sequence[Column]) -> None:
    import pyarrow
    from pyarrow import parquet

    arrays = [pyarrow.array(np.ascontiguousarray(values)) for _, values in columns]
    parquet.write_table(pyarrow.Table.from_arrays(arrays, [name for name, _ in columns]), file)


def _plain(array: np.ndarray) -> np.ndarray:
    """Texts in an array that a file can hold without a pickle."""
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _apart(names: Sequence[str], from_data: Sequence[bool]) -> list[str]:
    """The names, no two alike: one that is taken gets the first free of _2, _3, ..

    minidecomp's own columns keep theirs, and then the first data column of each name.
    """
    owner: dict[str, int] = {}
    for i in sorted(range(len(names)), key=lambda i: from_data[i]):
        owner.setdefault(names[i], i)
    taken, made = set(owner), []
    for i, name in enumerate(names):
        number, new = 2, name
        while owner[name] != i and new in taken:
            new, number = f"{name}_{number}", number + 1
        taken.add(new)
        made.append(new)
    return made
