"""Assembles the page in one file."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from .. import __version__
from ..data.dataset import Dataset
from ..errors import printable
from ..page import parts
from ..runs.checkpoint import Run
from .content import content

HERE = Path(__file__).parent
SCRIPTS = (
    *(parts.HERE / name for name in parts.DRAWING_SCRIPTS),
    HERE / "trained.js",
    HERE / "chips.js",
    HERE / "chart.js",
    HERE / "output.js",
    HERE / "latent_plane.js",
    HERE / "sliders.js",
    HERE / "tables.js",
    HERE / "explorer.js",
    HERE / "page.js",
)


def write_report(run: Run, dataset: Dataset, out: Path) -> int:
    """Write the run's page; returns its size in bytes.

    Parameters
    ----------
    run : Run
    dataset : Dataset
        The data that the run was trained on.
    out : pathlib.Path
        The .html file; a missing folder is made.

    Raises
    ------
    Fault
        The file cannot be written.
    """
    return parts.write_page(page(content(run, dataset)), out)


def page(values: dict[str, Any]) -> str:
    """The page's text."""
    return parts.page_text(
        (HERE / "page.html").read_text("utf-8"),
        {
            "title": html.escape(printable(values["name"])),
            "version": __version__,
            "style": (HERE / "page.css").read_text("utf-8"),
            "values": parts.json_text(values),
            "script": parts.engine_script(parts.MODEL_SCRIPTS) + parts.joined(SCRIPTS),
        },
    )
