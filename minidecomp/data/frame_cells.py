"""The cells of DataFrames of pandas and polars, and of the files that pandas reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MinidecompError, is_text, printable
from ..packages import pip_install
from .cells import Cells, Reading, ending_of, find_header, header_names
from .delimited import SAMPLE, value


def is_frame(values: Any) -> bool:
    """Whether something is a frame of pandas or polars, or the like; the columns of a lazy frame are not computed."""
    return hasattr(values, "collect") or hasattr(values, "columns")


def plain_frame(frame: Any) -> Any:
    """A frame of pandas or polars; a table of pyarrow or a frame of dask is converted to pandas.

    Raises
    ------
    DataError
        It is lazy, has no columns, or two columns with one name.
    """
    if hasattr(frame, "collect") and not hasattr(frame, "to_numpy"):
        raise DataError("X is a lazy frame without rows yet; use X.collect()")
    kind = type(frame).__module__.partition(".")[0]
    if kind in ("pyarrow", "dask"):
        frame = frame.to_pandas() if kind == "pyarrow" else frame.compute()
    names = [str(name) for name in frame.columns]
    if not names:
        raise DataError("X is a frame without columns")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"X has two columns named {twice}; each name must be different")
    for name in names:
        if not is_text(name):
            raise DataError(f"X has a column named {printable(name)}; names must be UTF-8 without zero bytes")
    return frame


@dataclass
class FrameCells(Cells):
    """The cells of a DataFrame, by its own types."""

    frame: Any = None

    @classmethod
    def read(cls, path: str | Path, reading: Reading) -> FrameCells:
        """A file that pandas reads. Of a spreadsheet, this is the first sheet, whose first row may have names.

        Raises
        ------
        DataError
            pandas, or what it needs for the file, is missing or broken, or the file is damaged.
        """
        ending = ending_of(path)
        reader = {".parquet": "read_parquet", ".feather": "read_feather"}.get(ending, "")
        try:
            pandas = import_module("pandas")
            if ending == ".xlsx":
                return cls._of_sheet(pandas.read_excel(path, header=None, sheet_name=None), str(path), reading)
            return cls.of(getattr(pandas, reader)(path), str(path))
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except ImportError as error:
            raise DataError(
                f"{path}: reading {ending} needs pandas and what it reads that with ({error.name or error}); "
                f"{pip_install('minidecomp[tables]')}"
            ) from None
        except MinidecompError:
            raise
        except Exception as error:  # pandas and its readers raise almost any exception for a damaged file
            told = " ".join(str(error).split())[:200]
            raise DataError(f"{path}: pandas cannot read the {ending} file: {told}") from None

    @classmethod
    def _of_sheet(cls, sheets: dict[str, Any], name: str, reading: Reading) -> FrameCells:
        """The first sheet without empty rows above and below its values."""
        title, frame = next(iter(sheets.items()))
        full = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
        if not len(full):
            raise DataError(f"{name}: its first sheet, {title}, is empty; expected a table of numbers")
        frame = frame.iloc[full[0] : full[-1] + 1]
        shown = [["" if cell != cell else str(cell) for cell in row] for row in frame.head(SAMPLE).to_numpy().tolist()]
        header, said = find_header(reading, shown, ".", name)
        made = cls.of(frame.iloc[int(header) :].infer_objects().reset_index(drop=True), name)
        made.names = header_names(shown[0], name) if header else ()
        made.notes += said
        if len(sheets) > 1:
            made.notes.append(f"{name}: the first of {len(sheets)} sheets, {title}, was read")
        return made

    @classmethod
    def of(cls, frame: Any, name: str) -> FrameCells:
        """A frame with the names of its columns; names of pandas that only count are ignored."""
        names = [str(column) for column in frame.columns]
        if names == [str(i) for i in range(len(names))]:
            names = []
        elif names and names[0].startswith("Unnamed: 0"):  # read_excel's word for an empty cell
            names[0] = ""
        return cls(name, tuple(names), len(frame.columns), frame=frame)

    def index_apart(self) -> list[Any] | None:
        """The index of pandas, unless it only counts the rows from 0."""
        index = getattr(self.frame, "index", None)
        if index is None or (type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)):
            return None
        return list(index)

    def _series(self, column: int) -> Any:
        frame = self.frame
        return frame.iloc[:, column] if hasattr(frame, "iloc") else frame[frame.columns[column]]

    def values(self, columns: Sequence[int]) -> np.ndarray | None:
        """Columns with a dtype of plain numbers; None if one has another."""
        made = []
        for column in columns:
            array = np.asarray(self._series(column).to_numpy())
            if array.dtype.kind not in "biuf" or array.ndim != 1:
                return None
            made.append(array.astype(np.float64))
        return np.stack(made, axis=1)

    def rows(self, columns: Sequence[int]) -> Iterator[Sequence[Any]]:
        """The cells of these columns, row by row."""
        return zip(*(list(self._series(i)) for i in columns), strict=True)

    def word(self, cell: Any) -> float | None:
        """A number for a number, NaN for a gap, texts as in delimited text, and None for the rest, such as a date."""
        if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
            return float("nan")
        if isinstance(cell, str):
            return value(cell)
        if isinstance(cell, bool | int | float | Decimal | np.bool_ | np.integer | np.floating):
            with suppress(OverflowError):  # whole numbers of hundreds of digits
                return float(cell)
        return None
