"""What the two sides of a statement of the paper mean, and what their difference means, in words."""

from __future__ import annotations

from ..terms.priors import Gaussian, Prior
from .theory import Sides

ROUNDING = 1e-9  # relative to the largest part


def are_equal(sides: Sides) -> bool:
    """Whether the two sides of a statement agree up to rounding."""
    largest = max(abs(part) for part in (1.0, *sides.left_parts.values(), *sides.right_parts.values()))
    return abs(sides.difference) <= ROUNDING * largest


def meaning(name: str, sides: Sides, prior: Prior, beta: float) -> str:
    """A few sentences about a statement, for this prior and beta.

    Parameters
    ----------
    name : str
        The statement's name in `minidecomp.inspection.theory.STATEMENTS`.
    sides : Sides
        Its two sides.
    prior : Prior
        The model's.
    beta : float
        Above 0.
    """
    return {"1": _theorem_1, "corollary": _corollary, "2": _theorem_2}[name](sides, prior, beta)


def _theorem_1(sides: Sides, prior: Prior, beta: float) -> str:
    if beta == 1:
        return (
            "With beta 1 both sides are the ordinary ELBO: annealing leaves the prior as it is. "
            f"{_verdict(sides)} Try another --beta."
        )
    more = "rewards" if beta > 1 else "penalises"
    return (
        "The left side is what training maximises at alpha = 0. The right side is the ELBO of the same networks with "
        f"the annealed prior p^beta / F_beta, a term that {more} the entropy of the encodings, and a constant. "
        f"{prior.describe_annealed(beta)} {_verdict(sides)}"
    )


def _corollary(sides: Sides, prior: Prior, beta: float) -> str:
    if beta == 1:
        return f"With beta 1 both sides are the ordinary ELBO. {_verdict(sides)} Try another --beta."
    more = "rewards wide encodings, which overlap more" if beta > 1 else "penalises wide encodings, which overlap"
    return (
        "The left side is what training maximises at alpha = 0. The right side is the ELBO of the same model with its "
        f"latent space scaled by sqrt(beta), a term in log|S'| that {more}, and a constant. {_verdict(sides)} "
        "So with a Gaussian prior beta sets how much the encodings overlap; by itself it does not disentangle them."
    )


def _theorem_2(sides: Sides, prior: Prior, beta: float) -> str:
    what = (
        "Both sides are what training maximises at alpha = 0: on the left for the model, on the right for the model "
        "with its latent space turned by a random rotation, which the decoder turns back."
    )
    if are_equal(sides):
        return (
            f"{what} {_verdict(sides)} This prior looks the same from every direction, so the objective has no "
            "preferred axes, although an encoder with diagonal covariances may prefer some."
        )
    why = "its variances differ" if isinstance(prior, Gaussian) else "p(R z) is not p(z)"
    better = "higher" if sides.difference > 0 else "lower"
    return (
        f"{what} They differ, which is possible: a rotation changes this {prior.name} prior ({why}). The model scores "
        f"{abs(sides.difference):.3g} nats per data point {better} than its rotation, so with this prior training can "
        "prefer one set of axes to another."
    )


def _verdict(sides: Sides) -> str:
    if are_equal(sides):
        return "The two sides are equal up to rounding."
    return f"The two sides should be equal, but they differ by {abs(sides.difference):.2g} nats, more than rounding."
