"""q(z|x) = N(loc, diag scale^2): the link from the encoder's output to the scale, and the reparameterised sample."""

from __future__ import annotations

from typing import Any

from .._core.codes import MIN_SCALE, SCALE_LINKS
from .arrays import array_module, sigmoid, softplus

__all__ = ["SCALE_LINKS", "sample", "scale_from_raw", "scale_slope"]


def scale_from_raw(raw: Any, scale_link: str) -> Any:
    """The posterior's scale s > 0 from the encoder's raw output a, element by element.

    softplus: s = log(1 + e^a) + 1e-6;   exp: s = e^(a / 2) + 1e-6
    """
    if scale_link == "exp":
        return array_module(raw).exp(0.5 * raw) + MIN_SCALE
    return softplus(raw) + MIN_SCALE


def scale_slope(raw: Any, scale_link: str) -> Any:
    """ds/da, the derivative of ``scale_from_raw``, element by element.

    softplus: ds/da = sigmoid(a);   exp: ds/da = e^(a / 2) / 2
    """
    if scale_link == "exp":
        return 0.5 * array_module(raw).exp(0.5 * raw)
    return sigmoid(raw)


def sample(loc: Any, scale: Any, eps: Any) -> Any:
    """Samples z (K, B, D) of the posteriors, from loc and scale (B, D) and standard normal eps (K, B, D).

    z = mu + s eps        dz/dmu = 1        dz/ds = eps        (Kingma and Welling, ICLR 2014, section 2.4)
    """
    return loc + scale * eps
