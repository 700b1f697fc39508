"""Weights as bytes: one int8 per weight, and a float32 scale for each column of a matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .networks import Chain

WEIGHTS = ("float32", "int8")


def quantised(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (n_in, n_out) as int8 q from -127 to 127 and a scale s for each column (n_out,): W_ij ~ s_j q_ij.

    The scale comes from the column's largest entry.
    """
    scale = np.abs(W).max(0) / 127
    safe = np.where(scale > 0, scale, 1)
    return np.rint(W / safe).astype(np.int8), scale.astype(np.float32)


def dequantised(chain: Chain) -> Chain:
    """The chain with the weights that the bytes stand for."""
    weights = []
    for W in chain.weights:
        q, scale = quantised(W)
        weights.append(q * scale)
    return replace(chain, weights=tuple(weights))


def as_kept(chain: Chain, weights: str) -> Chain:
    """The chain with the weights that an export with ``weights`` computes with."""
    return dequantised(chain) if weights == "int8" else chain


def constant_bytes(chain: Chain, weights: str) -> int:
    """Bytes of the chain's weights and biases and, for int8, the scales of the columns; without shift and unit."""
    size = sum(b.size * 4 for b in chain.biases)
    for W in chain.weights:
        size += W.size + 4 * W.shape[1] if weights == "int8" else 4 * W.size
    return size
