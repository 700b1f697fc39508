"""Sentences of the paper, and what runs say about them: holds here, does not hold here, or open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import counted
from .paired import LEAST_PAIRS, Difference, share

HOLDS, FAILS, OPEN = "holds here", "does not hold here", "open"
BAR = r"\|"  # of a cell, which would end it otherwise


@dataclass(frozen=True)
class Finding:
    """What one part of the runs says.

    Attributes
    ----------
    part : str
        Which runs: "the authors' KL"; empty for all.
    verdict : str
        HOLDS, FAILS or OPEN.
    number : str
        The number that says so, in words.
    """

    part: str
    verdict: str
    number: str


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, in our words, with the rule that decides it and the findings."""

    sentence: str
    rule: str
    findings: list[Finding]


def in_most(count: int, total: int) -> str:
    """For something seen in ``count`` of ``total`` runs: HOLDS if the 95 % interval of its share is above a half, FAILS
    if it is below, otherwise OPEN."""
    low, high = share(count, total)
    return HOLDS if low > 0.5 else FAILS if high < 0.5 else OPEN


def share_in_words(count: int, total: int) -> str:
    """The 95 % interval of the share of which ``count`` of ``total`` were seen: "28 to 47 %"."""
    low, high = share(count, total)
    return f"{100 * low:.0f} to {percent(high)}"


def of_all(verdicts: Sequence[str]) -> str:
    """For several things that must all hold."""
    return FAILS if FAILS in verdicts else OPEN if OPEN in verdicts else HOLDS


def above_zero(gap: Difference) -> str:
    """For a difference that chance may tip: HOLDS if its interval is above 0, FAILS if it is below, otherwise OPEN."""
    return HOLDS if gap.low > 0 else FAILS if gap.high < 0 else OPEN


def in_words(gap: Difference, decimals: int) -> str:
    """The difference, its interval or that there is none, and the number of pairs."""
    return f"{interval(gap, decimals)}, {pairs(gap)}" if gap.count else "no seed in common"


def interval(gap: Difference, decimals: int) -> str:
    """The difference and, if there is one, its interval: "+0.02 (-0.01 to +0.05)"."""
    value = f"{gap.value:+.{decimals}f}"
    return value if math.isnan(gap.low) else f"{value} ({gap.low:+.{decimals}f} to {gap.high:+.{decimals}f})"


def pairs(gap: Difference) -> str:
    """How many pairs there are, and whether they are too few."""
    return counted(gap.count, "pair") + (f"; an interval needs {LEAST_PAIRS}" if math.isnan(gap.low) else "")


def decimals_apart(least: int, *compared: tuple[float, float]) -> int:
    """How many decimals show on which side of its limit each number lies: ``least`` or, if they hide it, up to six."""
    for decimals in range(least, 6):
        if all(a == b or round(a, decimals) != round(b, decimals) for a, b in compared):
            return decimals
    return 6


def percent(part: float) -> str:
    """A part of one in percent."""
    return f"{100 * part:.0f} %"


def undecided(part: str, missing: str) -> Finding:
    """A finding of runs that are not there."""
    return Finding(part, OPEN, f"no runs with {missing}")


def as_markdown(claims: Iterable[Claim]) -> str:
    """A table of the claims, for docs/reproduction.md."""
    lines = ["| the paper | which runs | here | the number |", "| --- | --- | --- | --- |"]
    for claim in claims:
        for i, each in enumerate(claim.findings):
            sentence = "" if i else f"{claim.sentence} *Rule: {claim.rule}.*"
            cells = (sentence, each.part, f"**{each.verdict}**", each.number)
            lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    return "\n".join(lines)


def as_text(claims: Sequence[Claim]) -> list[str]:
    """The claims as lines for a terminal."""
    lines = []
    for claim in claims:
        lines += [claim.sentence, f"  rule: {claim.rule}"]
        widths = [max(len(each.part) for each in claim.findings), max(len(each.verdict) for each in claim.findings)]
        lines += [
            f"  {each.part:{widths[0]}}  {each.verdict:{widths[1]}}  {each.number}".rstrip()
            if widths[0]
            else f"  {each.verdict:{widths[1]}}  {each.number}"
            for each in claim.findings
        ]
    return lines
