"""Which options follow from others: for example, the decoder's widths from the encoder's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..settings.options import CHOOSERS, by_name

# Besides a variant's defaults and ``only_with``; see `minidecomp.settings.resolving.resolve`.
LEADERS = {
    "data": ("prior",),
    "prior": ("data",),
    "likelihood": ("data",),
    "kl": ("prior",),
    "decoder_hidden": ("hidden",),
    "decoder_activation": ("activation",),
}


def independent(rows: Sequence[Mapping[str, Any]], names: Sequence[str], against: str) -> list[str]:
    """The options that follow neither from ``against`` nor from another option in these rows.

    An option is dropped only if the settings make it depend on another one, and each value of that one comes with a
    single value of it. Two options that somebody changed together both stay.
    """
    kept = [name for name in names if name != against]
    for name in tuple(kept):
        leaders = sorted(_all_leaders(name) & {against, *kept})
        if leaders and _is_decided(rows, name, leaders):
            kept.remove(name)
    return kept


def _is_decided(rows: Sequence[Mapping[str, Any]], name: str, leaders: Sequence[str]) -> bool:
    found: dict[tuple[str, ...], str] = {}
    return all(
        found.setdefault(tuple(str(row.get(leader)) for leader in leaders), str(row.get(name))) == str(row.get(name))
        for row in rows
    )


def _all_leaders(name: str) -> set[str]:
    """The options that determine this one's value, directly or through others; without itself."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        more = _leaders(waiting.pop()) - found
        found |= more
        waiting += more
    return found - {name}


def _leaders(name: str) -> set[str]:
    needed = by_name()[name].only_with
    found = {*LEADERS.get(name, ()), *([] if needed is None else [needed[0]])}
    for chooser, (variants, _) in CHOOSERS.items():
        if any(name in getattr(variant, "defaults", ()) for variant in variants.values()):
            found.add(chooser)
    return found
