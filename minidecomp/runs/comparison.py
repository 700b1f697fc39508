"""Runs side by side: their options and what was recorded of them, as the rows of a table."""

from __future__ import annotations

import difflib
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
        inside = [place] if _is_run(place) else sorted(each for each in place.iterdir() if _is_run(each))
        if not inside:
            raise RunError(f"{place}: neither a run folder nor a folder of runs")
        found += inside
    return found


def _is_run(folder: Path) -> bool:
    return (folder / "config.toml").is_file() and (folder / "checkpoint.npz").is_file()


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


def will_be_recorded(options: TrainOptions, metrics: Sequence[str] = ()) -> list[str]:
    """The options and values that a run of a sweep can have in its row when it is finished; see `recorded`."""
    names = [*vars(options), *(f"test.{name}" for name in test_terms()), "active_dimensions"]
    names += [*(f"train.{name}" for name in recorded_terms(dict.fromkeys(COLUMNS), options)), *metrics]
    return names + [f"{name}.gaussian_quantiles" for name in metrics]


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


def curves(rows: Sequence[Row], value: str, against: str) -> dict[str, list[tuple[float, float]]]:
    """Points (option, value), a curve for each setting of the other options that differ, the seed apart.

    Raises
    ------
    OptionError
        ``against`` is no number in some run.
    """
    others = [name for name in differing_options(rows) if name not in (against, "seed")]
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.get(value) is None:
            continue
        if not isinstance(row.get(against), int | float):
            raise OptionError("against", against, f"in {row['run']} it is {row.get(against)}, no number")
        setting = ", ".join(f"{name.replace('_', ' ')} {_short(row.get(name))}" for name in others)
        found.setdefault(setting, []).append((float(row[against]), float(row[value])))
    return found


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
