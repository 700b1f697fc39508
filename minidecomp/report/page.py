"""The page: its parts, put together into one file."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from .. import __version__
from ..data.dataset import Dataset
from ..files import make_folder, write_file
from ..runs.checkpoint import Run
from .content import content

HERE = Path(__file__).parent
SCRIPTS = ("decoder.js", "curves.js", "drawing.js", "explorer.js", "page.js")


def write_report(run: Run, dataset: Dataset, out: Path) -> int:
    """Write the run's page; returns its size in bytes.

    Parameters
    ----------
    run : Run
    dataset : Dataset
        What it was trained on.
    out : pathlib.Path
        The .html file; its folder is made if need be.

    Raises
    ------
    Fault
        It cannot be written.
    """
    text = page(content(run, dataset)).encode("utf-8", "backslashreplace")
    make_folder(out.parent)
    write_file(out, lambda file: file.write(text))
    return len(text)


def page(values: dict[str, Any]) -> str:
    """The page's text."""
    parts = {
        "title": html.escape(values["name"]),
        "version": __version__,
        "style": (HERE / "page.css").read_text("utf-8"),
        # A "</script>" inside a string would end the script.
        "values": json.dumps(values, allow_nan=False).replace("<", "\\u003c"),
        "script": "\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS),
    }
    # In one pass: a part's own text, which holds names from outside, is not looked through again.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], (HERE / "page.html").read_text("utf-8"))
