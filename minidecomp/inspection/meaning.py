"""What the two sides of a statement of the paper mean, and what their difference means, in words."""

from __future__ import annotations

import numpy as np

from ..terms.priors import Gaussian, Prior
from .theory import Sides, rotation

ROUNDING = 1e-9  # relative to the largest part
SAME = 1e-11  # between two log densities of a prior that rotations leave as it is


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
    if looks_the_same_from_every_direction(prior):
        return (
            f"{what} {_verdict(sides)} This prior looks the same from every direction, so the objective has no "
            "preferred axes, although an encoder with diagonal covariances may prefer some."
        )
    why = f"a rotation changes this {prior.name} prior ({_what_a_rotation_changes(prior)})"
    if are_equal(sides):
        return f"{what} They differ by no more than rounding, although {why}."
    better = "higher" if sides.difference > 0 else "lower"
    return (
        f"{what} They differ, because {why}. The model scores {abs(sides.difference):.3g} nats per data point {better} "
        "than its rotation, so with this prior training can prefer one set of axes to another."
    )


def looks_the_same_from_every_direction(prior: Prior) -> bool:
    """Whether p(R z) = p(z) up to rounding, for random points z and rotations R; the prior has D of at least 2."""
    centre, spread = prior.centre_and_spread()
    z = centre + spread * np.random.default_rng(1).standard_normal((64, len(spread)))
    log_p = prior.log_density(z)
    return all(
        np.allclose(prior.log_density(z @ rotation(len(spread), seed).T), log_p, rtol=SAME, atol=SAME)
        for seed in range(3)
    )


def _what_a_rotation_changes(prior: Prior) -> str:
    if not isinstance(prior, Gaussian):
        return "p(R z) is not p(z)"
    return "its variances differ" if np.ptp(prior.scale) > 0 else "its mean is not 0"


def _verdict(sides: Sides) -> str:
    if are_equal(sides):
        return "The two sides are equal up to rounding."
    return f"The two sides should be equal, but they differ by {abs(sides.difference):.2g} nats, more than rounding."
