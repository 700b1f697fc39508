"""The formulas that the playground shows: those of ``minidecomp gradients --explain``."""

from __future__ import annotations

from ..inspection.explanations import explanations


def formulas() -> dict[str, dict[str, str | list[str]]]:
    """Title, formula and steps of each term's explanation, by its name: ``mixture-prior``, ``kl-inc``, ``sample``.

    Each formula and each step is a line of text. The page has them as ``EXPLANATIONS``.
    """
    return {
        name: {
            "title": explained.explanation.title,
            "formula": list(explained.explanation.formula),
            "steps": list(explained.explanation.steps),
        }
        for name, explained in explanations().items()
    }
