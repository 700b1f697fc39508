"""A run's settings as the page shows them: grouped as in ``train --help``, with chosen ones marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import OptionError
from ..runs.folder import config_values
from ..settings.options import GROUPS, OF_THE_MACHINE, TrainOptions, by_name
from ..settings.resolving import resolve


def settings(options: TrainOptions) -> list[dict[str, Any]]:
    """The options that matter in this run, by group.

    Returns
    -------
    list of dict
        ``title`` of the group and its ``rows``: the option as on the command line, its value as text, and whether it
        differs from the default.
    """
    values = config_values(options)
    found = []
    for group in GROUPS:
        names = [name for name, option in by_name().items() if option.group == group and name in values]
        rows = [[_flag(name), _text(values[name]), differs(name, values)] for name in names]
        if rows:
            found.append({"title": group, "rows": rows})
    return found


def differs(name: str, values: Mapping[str, Any]) -> bool:
    """Whether an option differs from the value that the command gives it by default.

    It does not differ if the data and the prior alone give the value, or if the other options do: the decoder's layers
    mirror the encoder's. Options that only say where and how a run is computed are never marked.
    """
    if name in OF_THE_MACHINE:
        return False
    others = {other: value for other, value in values.items() if other != name}
    chosen = {other: values[other] for other in ("data", "prior") if other != name}
    defaults = [_default(name, chosen), _default(name, others)]
    by_the_data = name == "likelihood" and None in defaults  # known only after reading the file
    return values[name] not in defaults and not by_the_data


def _default(name: str, given: Mapping[str, Any]) -> Any:
    """The value of an option that follows from the given ones; None if they are not valid without it."""
    try:
        return getattr(resolve(**given), name)
    except OptionError:
        return None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _text(value: Any) -> str:
    """A value as typed on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
