"""How an estimator looks where scikit-learn is not installed: a line, and a table for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..errors import shown

CELL = 'style="text-align: left"'


def line(name: str, changed: Mapping[str, Any]) -> str:
    """The call that makes the estimator, with the parameters that differ from their defaults."""
    return f"{name}({', '.join(f'{parameter}={value!r}' for parameter, value in changed.items())})"


def table(name: str, changed: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """A self-contained HTML table.

    Parameters
    ----------
    name : str
        The class's name.
    changed : mapping
        The parameters that differ from their defaults.
    facts : mapping
        What a fitted estimator reports about itself, by a label; empty if it is not fitted.
    """
    title = f"{name}, {'fitted' if facts else 'not fitted'}"
    rows = [(parameter, repr(value)) for parameter, value in changed.items()] or [("parameters", "all as by default")]
    rows += [(word, str(value)) for word, value in facts.items()]
    cells = "".join(
        f"<tr><th {CELL}>{escape(word)}</th><td {CELL}>{escape(shown(value))}</td></tr>" for word, value in rows
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{cells}</tbody></table>"
