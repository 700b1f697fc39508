"""An experiment's table: the options and values of its finished runs, as rows and as a CSV file."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.delimited import plain
from ..errors import RunError, counted, counted_from_to, shown
from ..evaluation.naming import OF_QUANTILES
from ..files import read_small_file, write_file
from ..runs.comparison import Row
from ..settings.options import is_relevant
from ..settings.schedules import number_of
from ..sweeps.folder import finished_values
from ..sweeps.grid import Entry
from ..sweeps.work import Datasets
from ..terms.priors.student_t import StudentT
from .experiment import Experiment

MOST_BYTES = 20_000_000
LARGEST = 1e15  # no value of a run comes near
Key = tuple[str, ...]  # the options in cells
RunKey = tuple[Key, int]  # and the seed


def rows(experiment: Experiment, folder: Path, entries: Sequence[Entry]) -> list[Row]:
    """A row for each finished run in a sweep's folder: its options, its recorded values, and the experiment's own."""
    found: list[Row] = []
    datasets = Datasets()
    for entry in entries:
        values = finished_values(folder, entry, experiment.metrics)
        if values is not None:
            known = {name: values[name] for name in experiment.values if name in values}
            run = folder / entry.name
            found.append(_options(experiment, entry) | known | dict(experiment.own(run, datasets)) | {"run": run})
    return found


def read(experiment: Experiment, path: Path, entries: Sequence[Entry]) -> list[Row]:
    """The rows of a table that `write` made, for runs like those of the grid, with any seeds.

    Raises
    ------
    RunError
        The file cannot be read, is not such a table, has a run twice, or one that the grid has with no seed.
    """
    like = {_key(experiment, options): options for options in (_options(experiment, entry) for entry in entries)}
    try:
        text = read_small_file(path, MOST_BYTES).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        lines = list(reader)
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path}: expected a table in CSV: {error}") from error
    names = reader.fieldnames or ()
    if not text.strip():
        raise RunError(f"{path}: expected a table in CSV, but the file is empty")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RunError(f"{path}: it has the column {shown(twice)} twice")
    needed = [*experiment.options, "seed", *experiment.values, *experiment.own_values]
    absent = [name for name in needed if name not in names]
    if absent := [name for name in absent if not name.endswith(OF_QUANTILES)]:
        raise RunError(f"{path}: this is no table of {experiment.name}: it has no column {', '.join(absent)}")
    if not text.endswith("\n"):
        raise RunError(f"{path}: its last line has no line end (\\n); perhaps the file is cut")
    found: dict[RunKey, Row] = {}
    for number, line in enumerate(lines, 2):
        row = _row(experiment, f"{path}, line {number}", line, like)
        if found.setdefault(_run(experiment, row), row) is not row:
            raise RunError(f"{path}, line {number}: this run is there twice")
    return list(found.values())


def _row(experiment: Experiment, where: str, line: dict[str, Any], like: dict[Key, dict[str, Any]]) -> Row:
    if None in line or None in line.values():
        raise RunError(f"{where}: it has {'more' if None in line else 'fewer'} cells than there are columns")
    options = like.get(tuple(_as_written(line[name]) for name in experiment.options))
    if options is None:
        given = [(name.replace("_", "-"), shown(line[name])) for name in experiment.options if line[name]]
        said = ", ".join(f"{name} {value}" for name, value in given)
        raise RunError(f"{where}: the grid has no run with {said or 'no options'}")
    names = [*experiment.values, *experiment.own_values]
    if options.get("prior") != StudentT.name:
        names = [name for name in names if not name.endswith(OF_QUANTILES)]
    seed = _as_written(line["seed"])
    if not re.fullmatch("[0-9]{1,10}", seed):
        raise RunError(f"{where}: expected a seed, not {shown(line['seed']) or 'nothing'}")
    return options | {"seed": int(seed)} | {name: _value(where, name, line.get(name, "")) for name in names}


def _value(where: str, name: str, cell: str) -> float:
    try:
        value = number_of(cell)
    except ValueError:
        value = math.nan
    if not abs(value) < LARGEST:
        raise RunError(f"{where}: expected a number below {LARGEST:g} for {name}, not {shown(cell) or 'nothing'}")
    return value


def _as_written(cell: str | None) -> str:
    """A cell as `write` has it, if a spreadsheet has changed it: TRUE, or 0.0."""
    text = (cell or "").strip()
    if text.lower() in ("true", "false"):
        return text.capitalize()
    try:
        number = number_of(text)
    except ValueError:
        return text
    return f"{number:g}" if float(f"{number:g}") == number else text


def write(experiment: Experiment, path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as CSV, with all digits."""
    recorded = [n for n in (*experiment.values, *experiment.own_values) if any(n in row for row in rows)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*experiment.options, "seed", *recorded])
    for row in rows:
        writer.writerow(
            [
                *(option_text(row[name]) for name in experiment.options),
                row["seed"],
                *(plain(row[name]) if name in row else "" for name in recorded),
            ]
        )
    write_file(path, lambda file: file.write(buffer.getvalue().encode()))


def together(experiment: Experiment, first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    """The rows of both, in the order of the first and then of the second; where both have a run, that of the first."""
    found: dict[RunKey, Row] = {}
    for row in (*first, *second):
        found.setdefault(_run(experiment, row), row)
    return list(found.values())


def in_order(experiment: Experiment, entries: Sequence[Entry], rows: Sequence[Row]) -> list[Row]:
    """The rows in the order of the grid, then those with other seeds."""
    places = {_run(experiment, _options(experiment, entry)): place for place, entry in enumerate(entries)}
    return sorted(rows, key=lambda row: (places.get(_run(experiment, row), len(places)), row["seed"]))


def refuse_other_values(
    experiment: Experiment, path: Path, found: Sequence[Row], known: Sequence[Row], whose: str
) -> None:
    """Raise RunError if a table has other values for a run than those that are known; ``whose`` says from where."""
    by_run = {_run(experiment, row): row for row in known}
    for row in found:
        other = by_run.get(_run(experiment, row), row)
        if any(other.get(name) != row.get(name) for name in (*experiment.values, *experiment.own_values)):
            given = [(name.replace("_", "-"), option_text(row[name])) for name in experiment.options]
            said = ", ".join(f"{name} {value}" for name, value in given if value)
            raise RunError(f"{path}: {whose} has other values for the run with {said} and seed {row['seed']}")


def missing(experiment: Experiment, entries: Sequence[Entry], rows: Sequence[Row]) -> list[Entry]:
    """The runs of the grid that no row is of."""
    there = {_run(experiment, row) for row in rows}
    return [entry for entry in entries if _run(experiment, _options(experiment, entry)) not in there]


def in_groups(experiment: Experiment, rows: Sequence[Row]) -> list[list[Row]]:
    """The rows that differ only in their seeds, together."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(_key(experiment, row), []).append(row)
    return list(found.values())


def how_many(experiment: Experiment, rows: Sequence[Row]) -> str:
    """The number of runs, one or more, and of seeds of each group, in words."""
    seeds = counted_from_to(map(len, in_groups(experiment, rows)), "seed")
    return f"{counted(len(rows), 'run')}, {seeds} each"


def _options(experiment: Experiment, entry: Entry) -> dict[str, Any]:
    """The options of a run that stand in the table, None where an option has no meaning, and its seed."""
    given = vars(entry.options)
    known = {name: given[name] if is_relevant(name, given) else None for name in experiment.options}
    return known | {"seed": entry.options.seed}


def _run(experiment: Experiment, row: Row) -> RunKey:
    return _key(experiment, row), row["seed"]


def _key(experiment: Experiment, row: Row) -> Key:
    return tuple(option_text(row[name]) for name in experiment.options)


def option_text(value: Any) -> str:
    """An option's value in a cell; empty if it has no meaning for the run."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
