"""The lines that ``minidecomp gradients`` prints."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .printing import wrapped

if TYPE_CHECKING:
    from minidecomp.inspection.by_term import TermGradients
    from minidecomp.inspection.check import Check
    from minidecomp.inspection.theory import Sides
    from minidecomp.terms.priors import Prior

NAMES = {"log_likelihood": "reconstr.", "kl": "beta KL", "regulariser": "alpha D"}
SHORT = {"log_likelihood": "r", "kl": "KL", "regulariser": "D"}
LARGEST = 3
KINKS = "kinks crossed"


def _cell(value: float, form: str = ".3g") -> str:
    return "" if math.isnan(value) else format(value, form)


def _table(rows: list[list[str]]) -> list[str]:
    """Lines of a table, with the first column left-aligned and the others right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def summary_lines(found: TermGradients, points: int, kl_title: str = "KL") -> list[str]:
    """Values; norms, shares and cosines by block; the largest entries; a line if the second term is not the KL."""
    from minidecomp.inspection.by_term import largest_entries, summarise

    terms = found.terms
    lines = [f"{points} training points, float64; gradients of the objective, which training maximises", ""]
    if kl_title != "KL":
        lines.insert(1, f"KL stands for {kl_title}, the objective's term in its place")
    rows = [["term", "weight", "value", "weighted"]]
    for term in terms:
        weight, value = found.weights[term], found.values[term]
        rows.append([NAMES[term], f"{weight:g}", f"{value:.6g}", f"{weight * value:.6g}"])
    lines += [*_table([*rows, ["objective", "", "", f"{found.values['objective']:.6g}"]]), ""]

    pairs = list(summarise(next(iter(found.blocks().values()))).cosine)
    head = ["by"] + [f"|{NAMES[term]}|" for term in terms] + ["|sum|"] + [f"share {SHORT[term]}" for term in terms]
    rows = [head + ["cos " + ",".join(SHORT[term] for term in pair.split()) for pair in pairs]]
    for block, by_term in found.blocks().items():
        s = summarise(by_term)
        norms = [_cell(s.norm[term]) for term in (*terms, "total")]
        shares = [_cell(s.share[term], ".2f") for term in terms]
        rows.append([block, *norms, *shares, *(_cell(s.cosine[pair], ".2f") for pair in pairs)])
    lines += [*_table(rows), *wrapped(_legend(terms, bool(pairs))), "", "largest entries"]
    for term in terms:
        best = []
        for block, gradient in found.gradients[term].items():
            best += [(abs(value), block, index, value) for index, value in largest_entries(gradient, 1)]
        shown = [
            f"{block}[{', '.join(map(str, index))}] {value:.3g}"
            for _, block, index, value in sorted(best)[::-1][:LARGEST]
        ]
        lines.append(f"  {NAMES[term]:10} {'   '.join(shown)}")
    return lines


def _legend(terms: Iterable[str], several: bool) -> str:
    """What the columns of the table are."""
    short = {"log_likelihood": "r: reconstruction", "kl": "KL: beta KL", "regulariser": "D: alpha D"}
    told = [short[term] for term in terms]
    told += ["|.|: norm", "share: the term's part of the step, negative if it goes against the sum"]
    return "; ".join([*told, *(["cos: cosine between two terms"] if several else [])])


def check_lines(found: Check, points: int) -> list[str]:
    """The error at each step size, pass or fail for each gradient, and the verdict."""
    from minidecomp.inspection.check import ENGINE_TOLERANCE, STEPS, TOLERANCE

    terms = list(found.curve)
    lines = [f"{points} training points, float64; (f(t + h u) - f(t - h u)) / (2 h) against <gradient, u>", ""]
    rows = [["step h"] + [NAMES[term] for term in terms] + [KINKS]]
    for i, step in enumerate(STEPS):
        rows.append([f"{step:.0e}", *(f"{found.curve[term][i]:.1e}" for term in terms), str(found.kinks[i] or "")])
    lines += [*_table(rows)]
    if any(found.kinks):
        lines += wrapped(f"{KINKS}: points where f has no derivative, of relu or of the Laplace likelihood")
    lines.append("")

    def verdict(block: str, term: str) -> str:
        error, engine = found.differences[block][term], found.engine.get(block, {}).get(term)
        passed = error <= TOLERANCE and (engine is None or engine <= ENGINE_TOLERANCE)
        return f"{'pass' if passed else 'FAIL'}  {error:.0e} / " + ("     " if engine is None else f"{engine:.0e}")

    engine = "of the CPU engine against the textbook" if found.engine else "the CPU engine does not know this model"
    lines.append(f"errors against differences / {engine}")
    rows = [["gradient by", *(NAMES[term] for term in terms)]]
    rows += [[block, *(verdict(block, term) for term in terms)] for block in found.differences]
    lines += [*_table(rows), ""]
    failures = found.failures()
    for block, term, against, error in failures:
        lines.append(f"FAIL: {NAMES[term]} by {block} differs from the {against} by {error:.2g} of its size")
    count = sum(map(len, found.differences.values())) + sum(map(len, found.engine.values()))
    lines.append(f"{len(failures)} of {count} comparisons fail" if failures else f"all {count} comparisons agree")
    return lines


def theorem_lines(name: str, sides: Sides, prior: Prior, beta: float) -> list[str]:
    """Both sides of a statement, part by part, their difference, and its meaning."""
    from minidecomp.inspection.meaning import meaning

    lines = [sides.statement, f"{prior.name} prior, beta {beta:g}; nats per data point", ""]
    for title, parts, total in (("left", sides.left_parts, sides.left), ("right", sides.right_parts, sides.right)):
        rows = [[f"  {name}", f"{value:.12f}"] for name, value in parts.items()]
        lines += [f"{title} side", *_table([*rows, ["  together", f"{total:.12f}"]])]
    return [*lines, f"difference: {sides.difference:.3g}", "", *wrapped(meaning(name, sides, prior, beta))]
