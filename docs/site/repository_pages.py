"""Pages that stand outside docs/ (README.md and the like) become pages of the site, and links to them lead there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
FOLDER = DOCS / "repository"  # written by the build, ignored by git
OUTSIDE = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "tests/gpu/README.md": "gpu-measurements.md",
}
MOVED = {  # the page around it; the first of them
    DOCS / "playground.html": DOCS / "try-it.md",
    DOCS / "notebooks": DOCS / "notebooks/clusters.ipynb",
}
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
FENCED = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)


def relinked(text: str, original: Path, page: Path) -> str:
    """The text of a file, with links that lead from its page of the site to other pages of the site."""
    moved = MOVED | {ROOT / name: FOLDER / there for name, there in OUTSIDE.items() if (ROOT / name).exists()}

    def link(found: re.Match[str]) -> str:
        target = found[2]
        if ":" in target:
            return found[0]
        place = Path(os.path.normpath(original.parent / target))
        return found[1] + Path(os.path.relpath(moved.get(place, place), page.parent)).as_posix() + found[3]

    parts = FENCED.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def write_pages(app: Any) -> None:
    """Copy what stands outside, where it has changed."""
    FOLDER.mkdir(exist_ok=True)
    for name, there in OUTSIDE.items():
        if (ROOT / name).exists():
            text = relinked((ROOT / name).read_text("utf-8"), ROOT / name, FOLDER / there)
            if not (FOLDER / there).exists() or (FOLDER / there).read_text("utf-8") != text:
                (FOLDER / there).write_text(text, "utf-8")


def relink(app: Any, docname: str, source: list[str]) -> None:
    """Mend the links of a page of docs/."""
    page = Path(app.env.doc2path(docname))
    if page.suffix == ".md" and page.parent != FOLDER:
        source[0] = relinked(source[0], page, page)


def setup(app: Any) -> dict[str, Any]:
    """Connect to the build."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", relink)
    return {"parallel_read_safe": True}
