"""The order of the pages, kept out of docs/index.md so that it reads well on a code host, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
SECTIONS = {
    "Start here": ("repository/readme", "try-it", "sample-report", "gallery"),
    "How to": (
        "howto/own-table",
        "howto/alpha-and-beta",
        "howto/sweep",
        "howto/c",
        "howto/lesson",
    ),
    "Notebooks": (
        "notebooks/clusters",
        "notebooks/sparsity",
        "notebooks/own-data",
        "notebooks/step-by-hand",
    ),
    "Guides": (
        "data",
        "training",
        "metrics",
        "sweeps",
        "python",
        "embedding",
        "teaching",
        "gpu",
        "completion",
        "windows",
    ),
    "Derivations": ("gradients", "theory"),
    "Results": ("reproduction", "sparsity", "repository/benchmarks", "repository/gpu-measurements"),
    "Reference": ("api/index", "files"),
    "Project": (
        "architecture",
        "repository/contributing",
        "repository/changelog",
        "repository/security",
    ),
}
REST = "More"  # pages that no section names


def sections() -> dict[str, list[str]]:
    """The pages that there are, by section."""
    named = {page for pages in SECTIONS.values() for page in pages}
    found = {
        title: [page for page in pages if any((DOCS / f"{page}{suffix}").exists() for suffix in (".md", ".ipynb"))]
        for title, pages in SECTIONS.items()
    }
    places = [*DOCS.glob("*.md"), *DOCS.glob("howto/*.md"), *DOCS.glob("notebooks/*.ipynb")]
    pages = (place.relative_to(DOCS).with_suffix("").as_posix() for place in places)
    found[REST] = sorted(page for page in pages if page not in named | {"index"})
    return {title: pages for title, pages in found.items() if pages}


def entry(page: str) -> str:
    """A page's line in a table of contents; README.md has the project's name as its title."""
    return f"README <{page}>" if page == "repository/readme" else page


def add(app: Any, docname: str, source: list[str]) -> None:
    """Append the tables of contents to the home page."""
    if docname == app.config.root_doc:
        for title, pages in sections().items():
            entries = "\n".join(entry(page) for page in pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"


def setup(app: Any) -> dict[str, Any]:
    """Connect to the reading of pages."""
    app.connect("source-read", add)
    return {"parallel_read_safe": True}
