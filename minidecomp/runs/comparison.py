"""Several runs compared: their options and recorded values, as the rows of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError, did_you_mean, either
from ..files import named_path
from ..settings.options import OF_THE_MACHINE, TrainOptions, by_name
from ..variants import METRICS, REGULARISERS
from .checkpoint import identity
from .evaluation_file import read_whole, recorded_terms
from .folder import config_values
from .following import independent
from .schema import columns

Row = dict[str, Any]
# These differ from run to run but do not affect what is trained.
NOT_SHOWN = OF_THE_MACHINE
SCHEDULED = ("alpha", "beta")


def test_terms() -> tuple[str, ...]:
    """The names of the terms in every evaluation of the test data."""
    return ("log_likelihood", "kl", *REGULARISERS)


def runs_inside(place: Path) -> list[Path]:
    """The run folders directly inside a folder, by name.

    Raises
    ------
    RunError
        The folder cannot be read.
    """
    return sorted(folder for folder in _inside(place) if is_run(folder))


def find_runs(places: Iterable[str | Path], inside: Callable[[Path], Iterable[Path]] = runs_inside) -> list[Path]:
    """The run folders among the places, and those inside the other places.

    Parameters
    ----------
    places : iterable of path
    inside : callable
        Takes a place that is not a run, and returns the run folders inside it, in order.

    Raises
    ------
    RunError
        A place is not a folder, or contains no run.
    """
    found: list[Path] = []
    for place in map(named_path, places):
        if not place.is_dir():
            raise no_folder(place)
        runs = [place] if is_run(place) else list(inside(place))
        if not runs:
            raise RunError(f"{place}: this is neither a run folder nor a folder of runs")
        found += runs
    return list(dict.fromkeys(found))


def no_folder(place: Path) -> RunError:
    """The error about a place that is not a folder."""
    return RunError(f"{place}: {'this is a file, not a run folder' if place.exists() else 'no such folder'}")


def _inside(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except OSError as error:
        raise RunError(f"cannot read {place}: {error.strerror or error}") from error


def is_run(folder: Path) -> bool:
    """Whether a folder contains a run."""
    return (folder / "checkpoint.npz").is_file()


def _is_begun(folder: Path) -> bool:
    return (folder / "config.toml").is_file() and not is_run(folder)


def read_rows(
    places: Iterable[str | Path], inside: Callable[[Path], Iterable[Path]] = runs_inside
) -> tuple[list[Row], list[str]]:
    """The rows of the runs from `find_runs`, and a line for each folder with a damaged or incomplete run.

    Raises
    ------
    RunError
        As for `find_runs`, or no run can be read.
    """
    rows: list[Row] = []
    problems: list[str] = []
    folders = list(map(named_path, places))
    for folder in find_runs(folders, inside):
        try:
            rows.append(read_row(folder))
        except RunError as error:
            problems.append(str(error))
    if not rows:
        raise RunError(problems[0])
    return rows, problems + begun_inside(folders)


def begun_inside(places: Iterable[Path]) -> list[str]:
    """A line for each folder inside the places with a run that was started but never saved."""
    begun = [folder for place in places if not is_run(place) for folder in sorted(_inside(place)) if _is_begun(folder)]
    return [f"{folder}: it has a config.toml but no checkpoint.npz" for folder in begun]


def read_row(folder: Path) -> Row:
    """A run's options, from its checkpoint, and its recorded values, by name; parameters are not read.

    An evaluation of another model is left out, for example after the run was resumed and stopped.

    Raises
    ------
    RunError
        A file is damaged.
    """
    trained = identity(folder)
    evaluation = read_whole(folder) if (folder / "evaluation.json").is_file() else {}
    return row_of(folder, trained.options, evaluation if trained.is_model_of(evaluation) else None)


def row_of(folder: Path, options: TrainOptions, evaluation: Mapping[str, Any] | None) -> Row:
    """A run's options and the values of an evaluation of its model, if there is one, by name."""
    row: Row = {"run": str(folder)}
    for name, value in config_values(options).items():
        row[name] = list(value) if isinstance(value, tuple) else value
    return row if evaluation is None else row | recorded(evaluation)


def recorded(evaluation: Mapping[str, Any]) -> Row:
    """The numbers of an evaluation.json under short names.

    ``test.NAME``, ``train.NAME`` and ``validation.NAME`` for the terms, the metrics by name (``factor_vae``;
    ``factor_vae.gaussian_quantiles``), ``overlap.NAME``, ``match.NAME``, ``marginal_log_likelihood`` and
    ``active_dimensions``; ``log_volume``, the nats by which log p of the unscaled data is lower.
    """
    row: Row = {f"test.{name}": evaluation["test"][name] for name in test_terms() if name in evaluation["test"]}
    if "log_volume" in evaluation:
        row["log_volume"] = evaluation["log_volume"]
    row["active_dimensions"] = len(evaluation["dimensions"]["active"])
    for part in ("train", "validation"):
        row |= {f"{part}.{name}": value for name, value in evaluation.get(part, {}).items()}
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
    """The row of a finished run of a sweep before it is trained, with 1 for each value to come; see `recorded`."""
    row = {name: value for name, value in vars(options).items() if value is not None}
    names = [*(f"test.{name}" for name in test_terms()), "log_volume", "active_dimensions"]
    columns_there = dict.fromkeys(columns(options))
    for part in ("train", "validation"):
        names += [f"{part}.{name}" for name in recorded_terms(columns_there, options.log_prior_multiplier, part)]
    names += metrics
    names += [f"{name}.gaussian_quantiles" for name in metrics]
    return row | dict.fromkeys(names, 1.0)


def differing_options(rows: Sequence[Row]) -> list[str]:
    """The options that differ among the rows, in the order of ``train --help``."""
    names = [name for name in by_name() if name not in NOT_SHOWN]
    return [name for name in names if len({str(row.get(name)) for row in rows}) > 1]


def check_column(
    rows: Sequence[Row], option: str, name: str, otherwise: str = "no run has a value of this name"
) -> str:
    """The name, if a row has it; ``option`` is what the error names, and ``otherwise`` why it is none."""
    known = {column for row in rows for column in row}
    name = name.replace("-", "_") if name.replace("-", "_") in by_name() else name
    if name in known:
        return name
    values = recorded_names(rows)
    records = f"; minidecomp evaluate RUN {_what_records(name)} records it" if _what_records(name) else ""
    near = "" if records else did_you_mean(name, values if option == "plot" else sorted(known))
    if option == "against" and not near:
        differing = ", ".join(each.replace("_", "-") for each in differing_options(rows))
        raise OptionError(option, name, "unknown", hint=f"the runs differ in {differing or 'no option'}")
    hint = near or f"recorded so far: {', '.join(values) or 'nothing'}"
    raise OptionError(option, name, otherwise + records, hint=hint)


def _what_records(name: str) -> str:
    """The options of ``evaluate`` that record a value; empty for an unknown name."""
    if name in METRICS:
        return f"--metrics {name}"
    if name == "marginal_log_likelihood":
        return "--log-likelihood"
    return "--decomposition" if name.startswith(("overlap.", "match.")) else ""


def recorded_names(rows: Sequence[Row]) -> list[str]:
    """The names of the recorded values (not options) in any row, in order."""
    known = dict.fromkeys(name for row in rows for name in row)
    return [name for name in known if name not in by_name() and name not in ("run", "state", "reason")]


def choose_axis(rows: Sequence[Row]) -> str:
    """The option to draw a value against: alpha if the runs differ in it, otherwise the first in which they differ."""
    differing = differing_options(rows)
    usual = [name for name in ("alpha", *differing) if name in differing and name != "seed"]
    return next(iter([*usual, *differing]), "alpha")


def check_axes(rows: Sequence[Row], value: str, against: str | None, otherwise: str) -> tuple[str, str]:
    """The full names of a plot's axes.

    Parameters
    ----------
    rows : sequence of dict
        The rows of the runs that exist, or will exist.
    value : str
        What is drawn: a number in at least one run.
    against : str or None
        What it is drawn against; by default `choose_axis` chooses.
    otherwise : str
        Why a name is not allowed.

    Raises
    ------
    OptionError
        No run has one of the names, the value is never a number, or the runs differ in other options but not in
        ``against``.
    RunError
        No run has recorded anything.
    """
    if not recorded_names(rows):
        raise RunError("no run is evaluated yet; use minidecomp evaluate RUN, or minidecomp sweep --resume SWEEP")
    value = check_column(rows, "plot", value, otherwise)
    found = [row[value] for row in rows if row.get(value) is not None]
    if not any(map(is_number, found)):
        what = f"this is not a number but {short_text(found[0])}" if found else "no run has a number for this"
        near = [name for name in (f"test.{value}", f"train.{value}") if any(is_number(row.get(name)) for row in rows)]
        raise OptionError("plot", value, what, hint=f"did you mean {either(near)}?" if near else "")
    if against is None:
        return value, choose_axis(rows)
    against = check_column(rows, "against", against, otherwise)
    differing = differing_options(rows)
    same = len({str(row.get(against)) for row in rows}) == 1
    if against in by_name() and differing and same:
        raise OptionError("against", against, f"all runs have the same value; they differ in {', '.join(differing)}")
    return value, against


def is_number(value: Any) -> bool:
    """Whether a recorded value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def curves(rows: Sequence[Row], value: str, against: str) -> dict[str, list[tuple[float | str, float]]]:
    """Points (option, value), with a curve for each setting of the other options that differ, except the seed.

    The option is a number, or its text in a run; a run without a number for the value has no point. An option that
    follows from ``against`` or another option is not part of a setting; against the runs themselves there are no
    settings. Settings and points are ordered by value, texts as in the rows. An alpha or a beta with a schedule is the
    text of the schedule.
    """
    rows = [_with_schedules(row) for row in rows]
    others = [] if against == "run" else independent(rows, differing_options(rows), against)
    others = [name for name in others if name != "seed"]
    drawn = [row for row in rows if is_number(row.get(value))]
    words = {name: _words([row.get(name) for row in drawn]) for name in (against, *others)}
    places = {name: {key: place for place, key in enumerate(known)} for name, known in words.items()}
    drawn.sort(key=lambda row: [places[name][str(row.get(name))] for name in (*others, against)])
    found: dict[str, list[tuple[float | str, float]]] = {}
    for row in drawn:
        at: Any = row.get(against)
        setting = ", ".join(f"{name.replace('_', ' ')} {words[name][str(row.get(name))]}" for name in others)
        point = (float(at) if is_number(at) else words[against][str(at)], float(row[value]))
        found.setdefault(setting, []).append(point)
    return found


def _with_schedules(row: Row) -> Row:
    """The row with the schedules of alpha and beta instead of their last values."""
    scheduled = {name: row[f"{name}_schedule"] for name in SCHEDULED if row.get(f"{name}_schedule") is not None}
    return {name: value for name, value in row.items() if name.removesuffix("_schedule") not in SCHEDULED} | {
        name: scheduled.get(name, row.get(name)) for name in SCHEDULED if name in row
    }


def _words(values: Sequence[Any]) -> dict[str, str]:
    """What a picture calls each value, by its text, in order of size."""
    different = {str(value): value for value in values}
    ordered = sorted(different, key=lambda text: size_of_value(different[text]))
    words = last_parts([short_text(different[text]) for text in ordered])
    return dict(zip(ordered, words if len(set(words)) == len(words) else ordered, strict=True))


def size_of_value(value: Any) -> tuple[float, ...]:
    """A sort key: numbers by value, widths by their total number of units, then all else."""
    if isinstance(value, list | tuple):
        return (1, sum(value), *value)
    return (0, value) if is_number(value) else (2,)


def last_parts(texts: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that distinguish them: the file's name, if that does."""
    parts = [re.split(r"[/\\]", text) for text in texts]
    for count in range(1, max(map(len, parts), default=0)):
        ends = ["/".join(each[-count:]) for each in parts]
        if len(set(ends)) == len(set(texts)):
            return ends
    return list(texts)


def short_text(value: Any) -> str:
    """A value as pictures and messages write it."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
