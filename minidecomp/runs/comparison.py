"""Runs side by side: their options and what was recorded of them, as the rows of a table."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError, shown
from ..settings.options import OF_THE_MACHINE, TrainOptions, by_name
from ..settings.resolving import check
from ..settings.sources import read_toml
from ..variants import REGULARISERS
from .checkpoint import COLUMNS, epoch_of
from .evaluation_file import read_whole, recorded_terms

Row = dict[str, Any]
PARTS = ("config.toml", "checkpoint.npz")
# They differ from run to run and say nothing of what was trained.
NOT_SHOWN = OF_THE_MACHINE


def test_terms() -> tuple[str, ...]:
    """The names of the terms that every evaluation has of the test data."""
    return ("log_likelihood", "kl", *REGULARISERS)


def find_runs(places: Iterable[str | Path]) -> list[Path]:
    """The run folders among the places, and those directly inside of the others, by name.

    Raises
    ------
    RunError
        A place is no folder, or there is no run in it.
    """
    found: list[Path] = []
    for place in map(Path, places):
        if not place.is_dir():
            raise RunError(f"{place}: no such folder")
        inside = [place] if is_run(place) else sorted(each for each in _inside(place) if is_run(each))
        if not inside:
            raise RunError(f"{place}: neither a run folder nor a folder of runs")
        found += inside
    return list(dict.fromkeys(found))


def _inside(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except OSError as error:
        raise RunError(f"cannot read {place}: {error.strerror or error}") from error


def is_run(folder: Path) -> bool:
    """Whether a folder has what every run has."""
    return all((folder / name).is_file() for name in PARTS)


def read_rows(places: Iterable[str | Path]) -> tuple[list[Row], list[str]]:
    """The rows of the runs that `find_runs` finds, and a line for each folder with a damaged run, or half of one.

    Raises
    ------
    RunError
        As `find_runs`, or if no run can be read.
    """
    rows: list[Row] = []
    problems: list[str] = []
    folders = list(map(Path, places))
    for folder in find_runs(folders):
        try:
            rows.append(read_row(folder))
        except RunError as error:
            problems.append(str(error))
    if not rows:
        raise RunError(problems[0])
    for place in folders:
        for folder in [] if is_run(place) else sorted(_inside(place)):
            has = [name for name in PARTS if (folder / name).is_file()]
            if has and len(has) < len(PARTS):
                lacks = next(name for name in PARTS if name not in has)
                problems.append(f"{folder}: it has {has[0]}, but no {lacks}")
    return rows, problems


def read_row(folder: Path) -> Row:
    """A run's options and recorded values, by name; of the checkpoint the epoch alone is read.

    An evaluation of another epoch is another model's, as of a run that was resumed and stopped: it is left out.

    Raises
    ------
    RunError
        A file is damaged.
    """
    row: Row = {"run": str(folder)} | _options_of(folder / "config.toml")
    if (folder / "evaluation.json").is_file():
        evaluation = read_whole(folder)
        if evaluation["epochs"] == epoch_of(folder):
            row |= recorded(evaluation)
    return row


def _options_of(path: Path) -> Row:
    """The options in a run's config.toml, each checked; those of a variant that is not here must be plain values."""
    values = read_toml(path)
    for name, value in values.items():
        try:
            if name in by_name():
                check(name, value)
        except OptionError as error:
            raise RunError(f"{path}: damaged, {error.message(name)}") from None
        plain = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | int | float) and not _is_huge(each) for each in plain):
            raise RunError(f"{path}: damaged, {shown(name)} is {shown(value)}, which is no option's value")
    return values


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > 2**64


def recorded(evaluation: Mapping[str, Any]) -> Row:
    """The numbers of an evaluation.json under short names.

    ``test.NAME`` and ``train.NAME`` for the terms, the metrics by their names (``factor_vae``;
    ``factor_vae.gaussian_quantiles``), ``overlap.NAME``, ``match.NAME``, ``marginal_log_likelihood`` and
    ``active_dimensions``.
    """
    row: Row = {f"test.{name}": evaluation["test"][name] for name in test_terms() if name in evaluation["test"]}
    row["active_dimensions"] = len(evaluation["dimensions"]["active"])
    row |= {f"train.{name}": value for name, value in evaluation.get("train", {}).items()}
    row |= {name: score["score"] for name, score in evaluation.get("metrics", {}).items()}
    quantiles = evaluation.get("metrics_of_gaussian_quantiles", {})
    row |= {f"{name}.gaussian_quantiles": score["score"] for name, score in quantiles.items()}
    for factor in ("overlap", "match"):
        parts = evaluation.get("decomposition", {}).get(factor, {})
        row |= {f"{factor}.{name}": estimate["value"] for name, estimate in parts.items()}
    if "marginal_log_likelihood" in evaluation:
        row["marginal_log_likelihood"] = evaluation["marginal_log_likelihood"]["mean"]
    return row


def will_be_recorded(options: TrainOptions, metrics: Sequence[str] = ()) -> Row:
    """The row that a run of a sweep will have when it is finished, with a 1 for each value to come; see `recorded`."""
    row = {name: value for name, value in vars(options).items() if value is not None}
    names = [*(f"test.{name}" for name in test_terms()), "active_dimensions"]
    names += [
        *(f"train.{name}" for name in recorded_terms(dict.fromkeys(COLUMNS), options.log_prior_multiplier)),
        *metrics,
    ]
    names += [f"{name}.gaussian_quantiles" for name in metrics]
    return row | dict.fromkeys(names, 1.0)


def differing_options(rows: Sequence[Row]) -> list[str]:
    """The options that are not the same in all rows, in the order in which ``train --help`` has them."""
    names = [name for name in by_name() if name not in NOT_SHOWN]
    return [name for name in names if len({str(row.get(name)) for row in rows}) > 1]


def check_column(rows: Sequence[Row], option: str, name: str, otherwise: str = "no run has it recorded") -> str:
    """The name, if a row has it; ``option`` is what the error names, and ``otherwise`` why it is none."""
    known = {column for row in rows for column in row}
    name = name.replace("-", "_") if name.replace("-", "_") in by_name() else name
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise OptionError(option, name, f"{otherwise}{hint}")
    return name


def choose_axis(rows: Sequence[Row]) -> str:
    """The option to draw a value against: alpha, if the runs differ in it, or the first in which they do."""
    differing = differing_options(rows)
    usual = [name for name in ("alpha", *differing) if name in differing and name != "seed"]
    return next(iter([*usual, *differing]), "alpha")


def check_axes(rows: Sequence[Row], value: str, against: str | None, otherwise: str) -> tuple[str, str]:
    """The names of a plot's axes, in full.

    Parameters
    ----------
    rows : sequence of dict
        Of the runs that are there, or will be.
    value : str
        What is drawn: a number in some run.
    against : str or None
        What it is drawn against; `choose_axis` chooses.
    otherwise : str
        Why a name is none.

    Raises
    ------
    OptionError
        If no run has one of them, the value is no number anywhere, or the runs do not differ in the other but
        elsewhere.
    """
    value = check_column(rows, "plot", value, otherwise)
    found = [row[value] for row in rows if row.get(value) is not None]
    if not any(map(_is_number, found)):
        what = f"it is {_short(found[0])}, no number" if found else "no run has a number for it"
        near = [name for name in (f"test.{value}", f"train.{value}") if any(_is_number(row.get(name)) for row in rows)]
        raise OptionError("plot", value, what + (f"; did you mean {' or '.join(near)}?" if near else ""))
    if against is None:
        return value, choose_axis(rows)
    against = check_column(rows, "against", against, otherwise)
    differing = differing_options(rows)
    same = len({str(row.get(against)) for row in rows}) == 1
    if against in by_name() and differing and same:
        raise OptionError("against", against, f"all runs have the same; they differ in {', '.join(differing)}")
    return value, against


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def curves(rows: Sequence[Row], value: str, against: str) -> dict[str, list[tuple[float | str, float]]]:
    """Points (option, value), a curve for each setting of the other options that differ, the seed apart.

    The option is a number, or the text of what it is in a run; a run without a number for the value has no point.
    """
    others = [name for name in differing_options(rows) if name not in (against, "seed")]
    found: dict[str, list[tuple[float | str, float]]] = {}
    for row in rows:
        if not _is_number(row.get(value)):
            continue
        at: Any = row.get(against)
        setting = ", ".join(f"{name.replace('_', ' ')} {_short(row.get(name))}" for name in others)
        found.setdefault(setting, []).append((float(at) if _is_number(at) else _short(at), float(row[value])))
    return found


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
