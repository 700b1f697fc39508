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

UPRIGHT = re.compile(r'(?:<mi mathvariant="normal">\w</mi>)+')
VARIANT = re.compile(r'<mi mathvariant="(double-struck|script)">(\w)</mi>')
LETTERLIKE = {("double-struck", "E"): "\U0001d53c", ("script", "L"): "\u2112"}  # browsers know no other variant
FUNCTION = re.compile(r"<mi>(log|exp|sign|tanh)</mi>(?=<m(?:i|n|frac|sup|sub|row)\b)")
ORDINARY = re.compile(r"<mo([^>]*)>(&#x0007C;|&#x0002F;|&#x02016;)</mo>")  # | / and ||, which TeX sets without space
LONG = 45  # characters of a formula within a line that may not fit on a telephone


def mathml(formula: str, display: str = "inline") -> str:
    """MathML of a formula, with the letters and the spaces that TeX gives it."""
    text = convert(formula, display=display)
    text = UPRIGHT.sub(lambda found: f"<mi>{re.sub('<[^>]*>', '', found[0])}</mi>", text)
    text = VARIANT.sub(lambda found: f'<mi mathvariant="normal">{LETTERLIKE[found[1], found[2]]}</mi>', text)
    text = FUNCTION.sub(r'\g<0><mspace width="0.167em"/>', text)
    text = re.sub(r"(</m(?:i|n|sup|sub|frac)>|</mstyle>)(<mi>log</mi>)", r'\1<mspace width="0.167em"/>\2', text)
    return ORDINARY.sub(r'<mo\1 lspace="0" rspace="0">\2</mo>', text)


def with_dollars(app: Any, docname: str, source: list[str]) -> None:
    """Turn $`x`$ into $x$, which MyST reads."""
    source[0] = INLINE.sub(r"$\1$", source[0])


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    formula = node.astext()
    kind = "formula long" if len(formula) > LONG else "formula"
    writer.body.append(f'<span class="{kind}">{mathml(formula)}</span>')
    raise nodes.SkipNode


def displayed(writer: Any, node: nodes.math_block) -> None:
    """Write a formula that stands by itself; a wide one scrolls."""
    writer.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), "block")}</div>')
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
