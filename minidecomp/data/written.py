"""What the commands write: arrays and tables, in the format that the file's ending names."""

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
SHOWN = 5  # of the renamed columns
CELLS_AT_ONCE = 100_000  # of a CSV file, turned into text together

Column = tuple[str, np.ndarray]


@dataclass(frozen=True)
class Given:
    """What a command writes.

    Attributes
    ----------
    arrays : dict of str to numpy.ndarray
        By their names in a .npz file.
    main : str
        The array in a .npy file.
    table : dict of str to numpy.ndarray of shape (N,) or (N, k)
        The columns of a table, in order. An array (N,) is the column of that name.
    latent : tuple of str
        Arrays of the table whose columns are latent dimensions: ``loc`` (N, D) has the columns loc_1 to loc_D.
    features : dict of str to str
        Arrays of the table with the columns of the data, and the prefix of these columns' names, as in
        ``{"x": "", "mean": "mean_"}``.
    names : tuple of str
        Names of the data's columns; if empty, the columns are x_0, x_1, ..
    index, labels : numpy.ndarray or None
        What identifies each row of ``arrays``, and its class.
    repeats : int
        Number of rows of the table for each of these.
    image_shape : tuple of int or None
        Rows, columns and channels (if coloured) of the images in the data, whose pixels are in this order.
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
        """The content of a .npz file: the arrays, and what is known of index, labels, columns and images."""
        known = {"index": self.index, "labels": self.labels, "columns": np.array(self.names) if self.names else None}
        if self.image_shape is not None and self.features:
            known["image_shape"] = np.array(self.image_shape)
        return {**self.arrays, **{name: _plain(array) for name, array in known.items() if array is not None}}

    def columns(self) -> tuple[list[Column], str]:
        """The columns of the table with unique names, and a line about those that were renamed."""
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
    """What is missing for a file with this ending; None if nothing is."""
    return missing("pyarrow.parquet", "minidecomp[tables]", "pyarrow") if ending_of(path) == ".parquet" else None


def write_given(path: str | Path, given: Given) -> tuple[str, str]:
    """Write the result of a command, completely or not at all.

    Returns
    -------
    line : str
        What was written, for the user.
    note : str
        What may be surprising about it; empty if nothing is.
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
    """A table as CSV in UTF-8, some rows at a time; each number is the shortest text that reads back exactly."""
    yield (",".join(_quoted(name) for name, _ in columns) + "\n").encode()
    rows = max(1, CELLS_AT_ONCE // len(columns))
    for start in range(0, len(columns[0][1]), rows):
        cells = [_cells(values[start : start + rows]) for _, values in columns]
        yield ("\n".join(map(",".join, zip(*cells, strict=True))) + "\n").encode()


def _cells(values: np.ndarray) -> list[str]:
    """The cells of a column as texts; NumPy writes a float as the shortest text that reads back the same."""
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
    """Texts as an array that a file can hold without a pickle."""
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _apart(names: Sequence[str], from_data: Sequence[bool]) -> list[str]:
    """The names made unique: a repeated name gets the first free suffix of _2, _3, ..

    minidecomp's own columns and the first data column of each name keep their names.
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
