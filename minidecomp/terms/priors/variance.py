"""The prior's learned variances: from logits to variances, and the gradient back."""

from __future__ import annotations

from typing import Any

from ..arrays import array_module


def variance_from_logits(logits: Any, prior_variance_scale: float) -> Any:
    """The prior's variances v (D,) from logits l (D,). Their mean is always S = ``prior_variance_scale``.

    v_d = S D softmax(l)_d
    """
    xp = array_module(logits)
    w = xp.exp(logits - logits.max())
    return prior_variance_scale * logits.shape[0] * w / w.sum()


def logits_grad(d_variance: Any, variance: Any) -> Any:
    """The gradient with respect to the logits (D,), from the one with respect to the variances and the variances (D,).

    d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),   w = softmax(l) = v / sum v
    """
    w = variance / variance.sum()
    return variance * (d_variance - (w * d_variance).sum())
