"""Explains a term: formula, derivation, location of the code, and one entry computed with numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OptionError
from .explanation import Explained, Situation

FOLDER = Path(__file__).parents[2]


def where(function: Callable[..., Any]) -> str:
    """The file and line of a function: minidecomp/terms/regularisers/mmd.py:42 value_and_grad."""
    _, line = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function) or "")
    shown = path.relative_to(FOLDER) if path.is_relative_to(FOLDER) else path
    return f"{shown}:{line} {function.__qualname__}"


def lines(explained: Explained, situation: Situation) -> list[str]:
    """The whole explanation, as lines."""
    said = explained.explanation
    return [
        said.title,
        "",
        *(f"    {line}" for line in said.formula),
        "",
        "Derivation",
        *(f"{number:3d}. {step}" for number, step in enumerate(said.steps, 1)),
        "",
        "Code",
        *(f"    {where(function)}" for function in explained.code),
        *_entry(explained, situation),
    ]


_NOT_FINITE = ["", "No entry with this model's numbers: some of them are not finite"]


def _entry(explained: Explained, situation: Situation) -> list[str]:
    """The worked entry; nothing if the term, one of your own, has none."""
    try:
        worked = explained.work(situation)
    except NotImplementedError:
        return []
    except OverflowError:
        return _NOT_FINITE
    if not np.isfinite([worked.by_hand, worked.by_code]).all():
        return _NOT_FINITE
    agree = np.isclose(worked.by_hand, worked.by_code, rtol=1e-10, atol=1e-14)
    return [
        "",
        "One entry, with this model's numbers",
        *(f"    {line}" for line in worked.lines),
        f"    by hand {worked.by_hand:.12g}, the code's {worked.by_code:.12g}: {'equal' if agree else 'NOT EQUAL'}",
    ]


def explain(name: str, situation: Situation) -> list[str]:
    """The explanation of a term by name; ``reconstruction``, ``kl`` and ``prior`` mean the model's own.

    Raises
    ------
    OptionError
        There is no term with that name.
    """
    from .explanations import explanations, own_names

    known, own = explanations(), own_names(situation)
    name = own.get(name, name)
    if name not in known and name in own.values():
        raise OptionError("term", name, "there is no explanation of this term")
    if name not in known:
        names = [*own, *known]
        raise OptionError("term", name, choices=names)
    return lines(known[name], situation)
