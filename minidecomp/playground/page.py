"""The page, assembled from its parts into one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import __version__
from ..page import parts
from ..page.constants import option_constants
from .formulas import formulas
from .hearts import hearts_constant

HERE = Path(__file__).parent
SHEET, WORKER, LAST = "page.css", "worker.js", "app.js"


def write_playground(out: Path, content: dict[str, Any] | None = None) -> int:
    """Write the page and return its size in bytes.

    Parameters
    ----------
    out : pathlib.Path
        The .html file; its folder is created if needed.
    content : dict, optional
        A run, as ``content`` returns it.

    Raises
    ------
    Fault
        If the file cannot be written.
    """
    return parts.write_page(page(content), out)


def page(content: dict[str, Any] | None = None) -> str:
    """The page's text. It starts with the content of a run or, if none is given, with the page's own data."""
    return parts.page_text(
        (HERE / "page.html").read_text("utf-8"),
        {
            "version": __version__,
            "style": parts.joined([HERE / SHEET, *sorted(each for each in HERE.glob("*.css") if each.name != SHEET)]),
            "engine": parts.engine_script(more={**option_constants(), "hearts": hearts_constant()}),
            "worker": (HERE / WORKER).read_text("utf-8"),
            "script": _tables() + parts.joined(scripts()),
            "content": parts.json_text(content),
        },
    )


def scripts() -> list[Path]:
    """The scripts of the main thread in order: the drawings first; the app, which starts the rest, last."""
    own = sorted(path for path in HERE.glob("*.js") if path.name not in (WORKER, LAST))
    return [*(parts.HERE / name for name in parts.DRAWING_SCRIPTS), *own, HERE / LAST]


def _tables() -> str:
    """``EXPLANATIONS`` of the terms, and a constant for each JSON file in this folder: ``TOUR`` from ``tour.json``."""
    lines = ['"use strict";', f"const EXPLANATIONS = {parts.json_text(formulas())};"]
    for path in sorted(HERE.glob("*.json")):
        lines.append(f"const {path.stem.upper()} = {parts.json_text(json.loads(path.read_text('utf-8')))};")
    return "\n".join(lines) + "\n"
