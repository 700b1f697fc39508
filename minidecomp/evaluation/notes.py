"""Sentences about the numbers of an evaluation, for the command's text and for the page."""

from __future__ import annotations

from ..errors import counted
from .terms import titles

OF_MARGINALS = (
    "The prior is not a product over the dimensions: the KL of each is against the prior's marginal p(z_d), so they do "
    "not add up to the KL."
)


def points_and_batches(points: int, batch_size: int) -> str:
    """How the means over batches take the test points: "400 test points in batches of 64"."""
    said = counted(points, "test point")
    return f"{said} in batches of {batch_size}" if batch_size < points else f"{said}, one batch"


def why_they_differ(batch_size: int, test_points: int, points: int) -> str:
    """Why a term has one value among the means over batches, and another from ``points`` test points together."""
    names = titles()
    kl, mmd, inclusive = names["kl"], names["mmd"], names["kl-inc"]
    again = f"{kl}, {mmd} and {inclusive} appear again"
    if batch_size >= test_points == points:
        return f"{again}, from other samples, so the values differ by chance."
    return (
        f"{again}. Here q(z) is the mixture of {points} encodings; above, it is that of a batch of {batch_size}. A "
        f"smaller mixture raises {inclusive}; {kl} and {mmd} differ by chance."
    )


def of_each_dimension(is_product: bool, latent_dim: int) -> str:
    """What the KL of each dimension is, if their sum is not the KL; otherwise empty."""
    return "" if is_product or latent_dim == 1 else OF_MARGINALS
