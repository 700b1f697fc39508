"""The values that an option or an argument can have: choices, runs, sweeps, files, names of recorded values.

For most parameters the metavar is enough: ``a|b`` are choices, RUN is a run's folder, FILE.html is a file with this
ending. ``BY_NAME`` has the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Items = list[CompletionItem[str]]
Suggest = Callable[[click.Context, str], Items]

MOST_ENTRIES = 500  # read from a folder in the search for runs, so that a large folder takes no time
RUN_FILES, BEGUN_FILES, SWEEP_FILES = ("checkpoint.npz",), ("checkpoint.npz", "config.toml"), ("sweep.toml",)
RUNS, SWEEPS = "runs", "sweeps"


def suggest(context: click.Context, parameter: click.Parameter, word: str) -> Items:
    """The values that complete a word."""
    command, name = str(context.info_name), str(parameter.name)
    found = BY_NAME.get((command, name)) or BY_NAME.get(("", name))
    if found is not None:
        return found(context, word)
    metavar = (parameter.metavar or "").strip("[].")
    if "|" in metavar:
        choices = metavar.split("|")
        return _of_list(choices, word) if command == "sweep" else _starting(choices, word)
    if metavar == "DIR":
        return folders(word)
    if match := re.fullmatch(r"(?:FILE|GRID)(\.\w+)?", metavar):
        return files(word, (match[1],) if match[1] else ())
    return []


def _starting(values: Iterable[str], word: str) -> Items:
    return [CompletionItem(value) for value in values if value.startswith(word)]


def _of_list(values: Iterable[str], word: str) -> Items:
    """The values for the last item of a comma-separated list, without those already in the list."""
    before, comma, last = word.rpartition(",")
    taken = before.split(",")
    return [
        CompletionItem(before + comma + value, type="part")
        for value in values
        if value.startswith(last) and value not in taken
    ]


# Folders and files


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a folder by name: at most MOST_ENTRIES, and none if it cannot be read."""
    found = []
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for entry in entries:
                found.append(entry)
                if len(found) == MOST_ENTRIES:
                    break
    except OSError:
        return []
    return sorted(found, key=lambda entry: _natural(entry.name))


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key that puts run-9 before run-10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _matching(word: str) -> tuple[str, list[os.DirEntry[str]]]:
    """The folder part of a word as typed, and the entries of that folder that begin with the rest of the word."""
    head, slash, start = word.rpartition("/")
    found = [entry for entry in _entries(head + slash) if entry.name.startswith(start)]
    return head + slash, [entry for entry in found if start or not entry.name.startswith(".")]


def folders(word: str) -> Items:
    """The folders that complete a word."""
    head, found = _matching(word)
    return [CompletionItem(f"{head}{entry.name}/", type="folder") for entry in found if entry.is_dir()]


def files(word: str, endings: tuple[str, ...] = ()) -> Items:
    """The files with one of the endings, and folders that may lead to more."""
    head, found = _matching(word)
    named = [entry for entry in found if not entry.is_dir() and (not endings or _ends(entry.name, endings))]
    return folders(word) + [CompletionItem(head + entry.name) for entry in named]


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    return name.lower().endswith(endings)


def _has(folder: str | os.DirEntry[str], names: tuple[str, ...]) -> bool:
    return any(os.path.isfile(os.path.join(folder, name)) for name in names)


def _leads_to(folder: str | os.DirEntry[str], names: tuple[str, ...], depth: int = 2) -> bool:
    """Whether a folder contains, directly or deeper, a folder with such a file."""
    inside = [entry for entry in _entries(os.fspath(folder)) if entry.is_dir()]
    return any(_has(entry, names) for entry in inside) or (
        depth > 1 and any(_leads_to(entry, names, depth - 1) for entry in inside)
    )


def holders(word: str, names: tuple[str, ...], usual: str) -> Items:
    """Folders with one of the files (in the usual place, their names suffice), and folders that lead to such ones."""
    head, found = _matching(word)
    inside = [entry for entry in found if entry.is_dir()]
    items = [CompletionItem(head + entry.name) for entry in inside if _has(entry, names)]
    if "/" not in word:
        there = [(f"{usual}/{entry.name}", entry) for entry in _entries(usual)]
        items += [
            CompletionItem(path)
            for path, entry in there
            if _has(entry, names) and (path.startswith(word) or entry.name.startswith(word))
        ]
    usual_is_listed = "/" not in word and any(item.value.startswith(f"{usual}/") for item in items)
    items += [
        CompletionItem(f"{head}{entry.name}/", type="folder")
        for entry in inside
        if not _has(entry, names) and _leads_to(entry, names) and not (usual_is_listed and entry.name == usual)
    ]
    return items or folders(word)


def runs(context: click.Context, word: str) -> Items:
    """Folders of runs."""
    return holders(word, RUN_FILES, RUNS)


def begun_runs(context: click.Context, word: str) -> Items:
    """Folders of runs, including those without a checkpoint."""
    return holders(word, BEGUN_FILES, RUNS)


def sweeps(context: click.Context, word: str) -> Items:
    """Folders of sweeps."""
    return holders(word, SWEEP_FILES, SWEEPS)


# Names that depend on the variants, or on what the runs recorded


def data(context: click.Context, word: str) -> Items:
    """Data sets' names, and files that can be read as data."""
    from minidecomp.settings.options import data_names

    if context.info_name == "sweep":
        return _of_list(data_names(), word) + data_files(context, word)
    return _starting(data_names(), word) + data_files(context, word)


def data_files(context: click.Context, word: str) -> Items:
    """Files that can be read as data."""
    from minidecomp.data.arrays import ENDINGS

    return files(word, ENDINGS)


def label_files(context: click.Context, word: str) -> Items:
    """Files that can have labels."""
    from minidecomp.data.labels import FILE_ENDINGS

    return files(word, FILE_ENDINGS)


def data_folders(context: click.Context, word: str) -> Items:
    """Folders."""
    return folders(word)


def metrics(context: click.Context, word: str) -> Items:
    """A list of metrics, or "all" or "none"."""
    from minidecomp.variants import METRICS

    return _of_list([*METRICS, *([] if "," in word else ["all", "none"])], word)


def loggers(context: click.Context, word: str) -> Items:
    """A list of loggers, or "none"."""
    from minidecomp.variants import LOGGERS

    return _of_list([*LOGGERS, *([] if "," in word else ["none"])], word)


def terms(context: click.Context, word: str) -> Items:
    """What ``--explain`` explains."""
    from minidecomp.inspection.explanations import explanations

    return _starting(dict.fromkeys(["reconstruction", "kl", "prior", *explanations()]), word)


def formats(context: click.Context, word: str) -> Items:
    """Formats of exports."""
    from minidecomp.variants import EXPORT_FORMATS

    return [CompletionItem(name, help=each.help) for name, each in EXPORT_FORMATS.items() if name.startswith(word)]


def fetchable(context: click.Context, word: str) -> Items:
    """Data sets that can be fetched."""
    from minidecomp.variants import DATA_SETS

    return _starting([name for name, source in DATA_SETS.items() if source.fetch is not None], word)


def _rows(context: click.Context) -> list[dict[str, object]]:
    """The rows of the runs on the command line."""
    from minidecomp.runs.comparison import read_rows, runs_inside

    # If the last option lacks its value, click leaves the arguments among the words not yet parsed.
    words = [os.path.expanduser(word) for word in context.params.get("runs") or context.args]
    return read_rows([word for word in words if os.path.isdir(word)], runs_inside)[0]


def recorded(context: click.Context, word: str) -> Items:
    """A value that these runs recorded."""
    from minidecomp.runs.comparison import recorded_names

    return _starting(recorded_names(_rows(context)), word)


def recorded_list(context: click.Context, word: str) -> Items:
    """A list of values that these runs recorded."""
    from minidecomp.runs.comparison import recorded_names

    return _of_list(recorded_names(_rows(context)), word)


def coming(context: click.Context, word: str) -> Items:
    """A value that every run of a sweep will record."""
    from minidecomp.runs.comparison import test_terms
    from minidecomp.variants import METRICS

    return _starting([*(f"test.{name}" for name in test_terms()), *METRICS], word)


def differing(context: click.Context, word: str) -> Items:
    """An option in which these runs differ."""
    from minidecomp.runs.comparison import differing_options

    return _starting([name.replace("_", "-") for name in differing_options(_rows(context))], word)


def differing_list(context: click.Context, word: str) -> Items:
    """A list of options in which these runs differ."""
    from minidecomp.runs.comparison import differing_options

    return _of_list([name.replace("_", "-") for name in differing_options(_rows(context))], word)


def options(context: click.Context, word: str) -> Items:
    """An option of training."""
    from minidecomp.settings.options import by_name

    return _starting([name.replace("_", "-") for name in by_name()], word)


# By command and parameter, or for all commands.
BY_NAME: dict[tuple[str, str], Suggest] = {
    ("", "run"): runs,
    ("", "runs"): runs,
    ("", "folders"): runs,
    ("", "from_run"): runs,
    ("train", "resume"): begun_runs,
    ("sweep", "resume"): sweeps,
    ("", "config"): lambda context, word: files(word, (".toml",)),
    ("", "data"): data_files,
    ("train", "data"): data,
    ("sweep", "data"): data,
    ("gradients", "data"): data,
    ("playground", "data"): data,
    ("encode", "option"): data_files,
    ("", "validation"): data_files,
    ("", "labels"): label_files,
    ("", "factors"): label_files,
    ("", "data_dir"): data_folders,
    ("", "metrics"): metrics,
    ("", "log"): loggers,
    ("", "lr_schedule"): lambda context, word: _starting(("constant", "cosine", "step"), word),
    ("", "term"): terms,
    ("export", "kind"): formats,
    ("fetch", "name"): fetchable,
    ("render", "name"): lambda context, word: _starting(("dsprites",), word),
    ("table", "plot"): recorded,
    ("table", "values"): recorded_list,
    ("table", "against"): differing,
    ("table", "by"): differing_list,
    ("sweep", "plot"): coming,
    ("sweep", "against"): options,
}
