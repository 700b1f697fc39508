"""Formulas as MathML, made when the site is built: a page needs neither a script nor the network to show them.

The pages write formulas as code hosts render them: inline between $` and `$, displayed in a fence of the kind ``math``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ziamath
from docutils import nodes
from fontTools import subset
from fontTools.ttLib import TTFont
from latex2mathml.converter import convert

INLINE = re.compile(r"\$`([^`]+)`\$")
FONT = Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf"
LETTERS = [*range(0x20, 0x250), *range(0x370, 0x400), *range(0x2000, 0x2070), *range(0x1D400, 0x1D800)]
SIGNS = [*range(0x2100, 0x2400), *range(0x27C0, 0x2800), *range(0x2900, 0x2C00)]


def with_dollars(app: Any, docname: str, source: list[str]) -> None:
    """Turn $`x`$ into $x$, which MyST reads."""
    source[0] = INLINE.sub(r"$\1$", source[0])


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def displayed(writer: Any, node: nodes.math_block) -> None:
    """Write a formula that stands by itself; a wide one scrolls."""
    writer.body.append(f'<div class="formula" tabindex="0">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def write_font(app: Any, error: Exception | None) -> None:
    """Write the part of STIX Two Math (SIL Open Font License) that formulas use."""
    if error is not None or app.builder.format != "html":
        return
    font = TTFont(FONT)
    part = subset.Subsetter(subset.Options(layout_features=["*"], name_IDs=["*"], notdef_outline=True))
    part.populate(unicodes=LETTERS + SIGNS)
    part.subset(font)
    font.flavor = "woff"
    font.save(Path(app.outdir) / "_static" / "formulas.woff")


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.connect("source-read", with_dollars)
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True}
