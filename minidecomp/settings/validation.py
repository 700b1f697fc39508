"""Validation: whether a run has it, and what follows for its options."""

from __future__ import annotations

from typing import Any

from ..errors import OptionError

USUAL_FRACTION = 0.1  # of the training points, for early stopping, if nothing else is given
MONITORED = ("objective", "log_likelihood", "kl", "regulariser")
LESS_IS_BETTER = ("kl", "regulariser")
GO_WITH_IT = ("validate_every", "monitor")


def has_validation(options: Any) -> bool:
    """Whether points are kept for validation."""
    return options.validation is not None or bool(options.validation_fraction)


def monitored(options: Any) -> str:
    """The term that decides which model is best, by its value on the validation points."""
    return options.monitor or MONITORED[0]


def settle(resolved: dict[str, Any]) -> None:
    """Choose the points for early stopping if nothing else does.

    Raises
    ------
    OptionError
        The options contradict each other.
    """
    file, fraction, patience = (resolved[name] for name in ("validation", "validation_fraction", "early_stopping"))
    if file is not None and fraction:
        raise OptionError(
            "validation_fraction", fraction, "`--validation` gives the points already; leave one of them out"
        )
    if patience and file is None and fraction is None:
        resolved["validation_fraction"] = fraction = USUAL_FRACTION
    if file is not None or fraction:
        if resolved["monitor"] == "regulariser" and not _has_weight(resolved):
            raise OptionError("monitor", "regulariser", "this needs `--alpha` above 0")
        return
    if patience:
        raise OptionError(
            "early_stopping",
            patience,
            "this needs validation points; use `--validation-fraction` or `--validation FILE`",
        )
    for name in GO_WITH_IT:
        if resolved[name] is not None:
            raise OptionError(
                name, resolved[name], "this needs `--validation-fraction`, `--validation` or `--early-stopping`"
            )


def _has_weight(resolved: dict[str, Any]) -> bool:
    return bool(resolved["alpha"] > 0)
