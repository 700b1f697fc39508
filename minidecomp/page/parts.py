"""Assemble a page's parts into one HTML file, with a policy that lets nothing else run in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files import make_folder, write_file
from .constants import constants

HERE = Path(__file__).parent
# The order matters: a file may use names from those before it. First what a trained model computes, then training.
MODEL_SCRIPTS = (
    "arrays.js",
    "philox.js",
    "draws.js",
    "network.js",
    "posterior.js",
    "priors/prior.js",
    "priors/gaussian.js",
    "priors/student_t.js",
    "priors/mixture.js",
    "priors/sparse.js",
    "priors/all.js",
    "likelihoods/likelihood.js",
    "likelihoods/bernoulli.js",
    "likelihoods/gaussian.js",
    "likelihoods/laplace.js",
    "model.js",
)
ENGINE_SCRIPTS = (
    *MODEL_SCRIPTS,
    "kl.js",
    "regularisers/regulariser.js",
    "regularisers/inclusive_kl.js",
    "regularisers/mmd.js",
    "objective.js",
    "adam.js",
    "measures.js",
    "trainer.js",
)
# The drawing functions of both pages
DRAWING_SCRIPTS = (
    "encoded.js",
    "ticks.js",
    "contours.js",
    "prior_lines.js",
    "svg.js",
    "drawing.js",
    "class_marks.js",
    "plot_frame.js",
)
ELEMENTS = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1>", re.DOTALL)


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with each ``{{name}}`` replaced by the part of that name.

    The template is filled in one pass: ``{{name}}`` inside a part stays as it is, since a part may hold foreign text.
    """
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def json_text(values: Any) -> str:
    """Values as JSON that is safe inside a script element, because no text in it can end the element."""
    return json.dumps(values, allow_nan=False).replace("<", "\\u003c")


def joined(paths: Iterable[Path]) -> str:
    """The texts of the files, one after another."""
    return "\n".join(path.read_text("utf-8") for path in paths)


def engine_script(names: Iterable[str] = ENGINE_SCRIPTS, more: Mapping[str, Any] | None = None) -> str:
    """The page's engine, or some of its files, as one script.

    The script begins with ``CONSTANTS``, so that a worker and Node have them too. ``more`` adds constants for one page.
    """
    # "use strict" has an effect only at the very beginning of a script.
    beginning = f'"use strict";\nconst CONSTANTS = {json_text({**constants(), **(more or {})})};\n'
    return beginning + joined(HERE / "engine" / name for name in names)


def page_text(template: str, parts: Mapping[str, str]) -> str:
    """The template filled with its parts; ``{{policy}}`` becomes a policy that allows its scripts and style sheets.

    Parameters
    ----------
    template : str
        Contains scripts and style sheets as elements. A script with a ``type`` holds data and does not run.
    parts : mapping from a name to str
        All parts except ``policy``.
    """
    texts: dict[str, list[str]] = {"script": [], "style": []}
    for kind, attributes, content in ELEMENTS.findall(template):
        if "type=" not in attributes:
            texts[kind].append(fill(content, parts))
    return fill(template, {**parts, "policy": policy(texts["script"], texts["style"])})


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """A Content-Security-Policy that lets only these texts, and the workers they start, run; nothing can be fetched."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_sources(scripts)}",
            f"style-src {_sources(styles)}",
            "worker-src blob:",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _sources(texts: Iterable[str]) -> str:
    return " ".join(map(source, texts)) or "'none'"


def source(text: str) -> str:
    """The name of an inline text in a policy: its SHA-256."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def write_page(text: str, out: Path) -> int:
    """Write a page's file, create its folder if needed, and return the size in bytes.

    Raises
    ------
    Fault
        If the file cannot be written.
    """
    content = text.encode("utf-8", "backslashreplace")
    make_folder(out.parent)
    write_file(out, lambda file: file.write(content))
    return len(content)
