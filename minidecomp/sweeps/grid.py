"""A grid of options: every combination of the given values, as named runs."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import PATHS, with_absolute_files
from ..errors import OptionError, RunError
from ..files import write_file
from ..runs.folder import config_text, config_values
from ..settings import toml_text
from ..settings.options import OF_THE_MACHINE, TrainOptions, by_name, is_relevant
from ..settings.resolving import check_known, resolve
from ..settings.schedules import SHAPES
from ..settings.sources import read_toml

MOST_RUNS = 10_000
LONGEST_PART, LONGEST_NAME = 48, 100  # bytes; file systems take 255, and a run's files have longer paths
DIGITS = 8  # of a digest, in a name
RESERVED = ("failed", "locks", "figures")  # names of other things in a sweep's folder

Block = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One run of a sweep: the name of its folder, and its resolved options."""

    name: str
    options: TrainOptions


def values_of(name: str, given: Any) -> list[Any]:
    """The values in ``1,3,5``; widths, which contain commas, are separated by ``;``.

    A comma in free text, such as a file's name, separates nothing, and a flag has only one value.
    """
    option = by_name()[name]
    parts = [part.strip() for part in given.split(",")] if isinstance(given, str) else []
    if name == "lr_schedule" and set(parts) <= set(SHAPES):
        return list(parts)
    if not isinstance(given, str) or (option.kind is str and option.choices is None):
        return [given]
    return [part.strip() for part in given.split(";" if option.kind is tuple else ",") if part.strip()]


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a TOML grid: the values at the top, with those of each ``[[grid]]`` table over them.

    Raises
    ------
    RunError
        The file cannot be read, is not TOML, or has other tables.
    """
    values = read_toml(path)
    tables = values.pop("grid", [{}])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise RunError(f"{path}: write [[grid]], once for each part of the grid")
    if any(isinstance(value, dict) for value in values.values()):
        raise RunError(f"{path}: it has tables other than [[grid]]")
    return [_named(values | table) for table in tables]


def _named(block: Mapping[str, Any]) -> Block:
    return {name.replace("-", "_"): value for name, value in block.items()}


def with_absolute_paths(block: Block) -> Block:
    """The block with absolute paths of data files, so that it means the same in any folder."""
    known = dict(block)
    for name in PATHS:
        if name in known:
            values = known[name] if isinstance(known[name], list) else [known[name]]
            values = [with_absolute_files({name: value})[name] for value in values]
            known[name] = values if isinstance(known[name], list) else values[0]
    return known


def write_blocks(path: Path, blocks: Sequence[Block]) -> None:
    """Write a TOML grid for ``read_blocks``."""
    text = "\n".join(f"[[grid]]\n{toml_text.dumps(block)}" for block in blocks)
    write_file(path, lambda file: file.write(text.encode()))


def expand(blocks: Sequence[Block]) -> list[Entry]:
    """Every combination of every block's values, resolved and named; duplicates are dropped.

    A value may be a list of several values or, for widths, a list of lists. ``seeds = 5`` is 0 to 4.

    Raises
    ------
    OptionError
        An option is unknown, or a value is not allowed.
    RunError
        There are no runs, or too many.
    """
    found: dict[str, TrainOptions] = {}
    count = 0
    for block in blocks:
        axes = [(name, _several(name, value)) for name, value in _with_seeds(block).items()]
        count += math.prod(len(values) for _, values in axes)
        if count > MOST_RUNS:
            raise RunError(f"the grid has {count:,} runs; at most {MOST_RUNS:,} are allowed")
        for combination in itertools.product(*(values for _, values in axes)):
            given = with_absolute_files({name: value for (name, _), value in zip(axes, combination, strict=True)})
            options = resolve(given)
            found.setdefault(config_text(options), options)
    if not found:
        raise RunError("the grid has no runs")
    named = {"seed", *(name for block in blocks for name in block)}
    return _entries(list(found.values()), named)


def expand_file(path: Path) -> list[Entry]:
    """`expand` for the blocks of a TOML grid.

    Raises
    ------
    RunError
        As for `read_blocks` and for what `expand` refuses; the error names the file.
    """
    blocks = read_blocks(path)
    try:
        return expand(blocks)
    except (OptionError, RunError) as error:
        raise RunError(f"{path}: {error}") from error


def _with_seeds(block: Block) -> Block:
    block = dict(block)
    seeds = block.pop("seeds", None)
    if seeds is None:
        return block
    if "seed" in block:
        raise RunError("`--seeds` and `--seed` cannot be used together")
    if (
        isinstance(seeds, bool)
        or not isinstance(seeds, int | list)
        or (isinstance(seeds, int) and not 1 <= seeds <= 1000)
    ):
        raise OptionError("seeds", seeds, must_be="a whole number from 1 to 1000, or a list of seeds")
    return block | {"seed": seeds if isinstance(seeds, list) else list(range(seeds))}


def _several(name: str, value: Any) -> list[Any]:
    check_known(name)
    if not isinstance(value, list):
        return [value]
    if by_name()[name].kind is tuple and not any(isinstance(each, list | str) for each in value):
        return [value]
    if not value:
        raise OptionError(name, "[]", expected="a list with at least one value")
    return value


def _entries(runs: list[TrainOptions], given: set[str]) -> list[Entry]:
    """Names from the given options that differ and have a meaning in the run: beta0-alpha3-seed1.

    The first run with a name gets it; another one, whose options read the same, gets a digest of them appended. So a
    grid gives the same names every time, and keeps them when values are appended to it.
    """
    differing = [name for name in by_name() if name in given and len({str(getattr(run, name)) for run in runs}) > 1]
    names: dict[int, str] = {}
    taken = set(RESERVED)
    for index, options in enumerate(runs):
        name = _name(options, differing)
        if _folded(name) not in taken:
            taken.add(_folded(name))
            names[index] = name
    for index, options in enumerate(runs):
        if index not in names:
            names[index] = _another(_name(options, differing), config_values(options), taken)
            taken.add(_folded(names[index]))
    return [Entry(names[index], options) for index, options in enumerate(runs)]


def _name(options: TrainOptions, differing: Sequence[str]) -> str:
    said = [name for name in differing if is_relevant(name, vars(options))]
    parts = [_cut(name.replace("_", "-") + _short(getattr(options, name)), LONGEST_PART) for name in said]
    return _cut("-".join(parts).rstrip(".") or "run", LONGEST_NAME)


def _another(name: str, values: Mapping[str, Any], taken: set[str]) -> str:
    """The name, with as many digits of the values' digest as make it unique."""
    digest = _digest(repr({key: value for key, value in values.items() if key not in OF_THE_MACHINE}))
    for digits in range(DIGITS, len(digest)):
        end = f"-{digest[:digits]}"
        found = _first_bytes(name, LONGEST_NAME - len(end)) + end
        if _folded(found) not in taken:
            return found
    raise OptionError("grid", None, f"two of its runs have the same name: {name}")


def _folded(name: str) -> str:
    """The name as file systems that ignore case see it."""
    return name.casefold()


def _cut(text: str, longest: int) -> str:
    """The text or, in at most ``longest`` bytes, its beginning and its digest."""
    if len(text.encode()) <= longest:
        return text
    end = f"-{_digest(text)[:DIGITS]}"
    return _first_bytes(text, longest - len(end)) + end


def _first_bytes(text: str, count: int) -> str:
    return text.encode()[:count].decode(errors="ignore")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _short(value: Any) -> str:
    """A value in letters, digits, ``.``, ``+``, ``-`` and ``_``; for a path, the file's name without its ending."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    text = unicodedata.normalize("NFC", str(value))
    return re.sub(r"[^\w.+-]+", "_", Path(text).stem if "/" in text or "\\" in text else text)
