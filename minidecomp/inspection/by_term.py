"""The gradient of each term of the objective for one batch: norms, shares, cosines, largest entries."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import objective as textbook
from ..model.vae import VAE
from ..objective import TERMS, Objective
from ..randomness.draws import Draws

PAIRS = tuple(itertools.combinations(TERMS, 2))
LATENT = ("loc", "scale", "z")  # besides the parameters, what gradients are taken with respect to


@dataclass(frozen=True)
class TermGradients:
    """The weighted terms of the objective for one batch, and the gradient of each.

    Attributes
    ----------
    values : dict
        The value of each term, without its weight, and of the objective, in nats.
    weights : dict
        1, -beta and -alpha; a term with weight 0 has no gradient here.
    gradients : dict of dicts
        ``gradients[term][block]`` is the gradient of weight times term with respect to each parameter, loc and scale
        (B, D) and z (K, B, D). Gradients with respect to loc and scale are total: they include the path through
        z = loc + scale eps. Their sum over the terms is the gradient of the objective, along which it grows.
    """

    values: dict[str, float]
    weights: dict[str, float]
    gradients: dict[str, dict[str, np.ndarray]]

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms whose weight is not 0."""
        return tuple(self.gradients)

    def blocks(self) -> dict[str, dict[str, np.ndarray]]:
        """The flat gradients by block and term: each parameter, encoder, decoder, all of them, and loc, scale, z."""
        names = [name for name in next(iter(self.gradients.values())) if name not in LATENT]
        groups = {name: [name] for name in names}
        for title, prefix in (("encoder", "enc."), ("decoder", "dec."), ("all parameters", "")):
            groups[title] = [name for name in names if name.startswith(prefix)]
        groups |= {name: [name] for name in LATENT}
        return {
            title: {
                term: np.concatenate([by_block[name].ravel() for name in members])
                for term, by_block in self.gradients.items()
            }
            for title, members in groups.items()
        }


def term_gradients(vae: VAE, objective: Objective, x: np.ndarray, draws: Draws) -> TermGradients:
    """The gradient of each term for a batch, by the textbook engine, in the model's dtype.

    Parameters
    ----------
    vae, objective
        The model and its objective.
    x : numpy.ndarray of shape (B, dx)
    draws : Draws
        The noise; it includes a prior sample if the regulariser is to be among the terms.
    """
    if draws.prior_sample is None:
        objective = replace(objective, alpha=0.0)
    weights = {term: weight for term, weight in objective.weights.items() if weight != 0}
    gradients = {}
    for term, weight in weights.items():
        values, gradients[term] = textbook.value_and_grad(vae, objective, x, draws, {term: weight})
    return TermGradients(values, weights, gradients)


@dataclass(frozen=True)
class BlockSummary:
    """The terms' gradients with respect to one block, compared.

    Attributes
    ----------
    norm : dict
        |g_t| of each term's gradient g_t, and |g| of their sum, named ``total``.
    share : dict
        <g_t, g> / <g, g>, each term's part of the step. The shares add up to 1; a term that pulls against the sum has
        a negative one. NaN if g is 0.
    cosine : dict
        The cosine between two terms' gradients, under their names separated by a space; negative if they pull against
        each other, NaN if one is 0.
    """

    norm: dict[str, float]
    share: dict[str, float]
    cosine: dict[str, float]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """cos(a, b) = <a, b> / (|a| |b|); NaN if one of them is 0."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else float("nan")


def summarise(by_term: Mapping[str, np.ndarray]) -> BlockSummary:
    """Norms, shares and cosines of the terms' flat gradients with respect to one block."""
    total = np.sum(list(by_term.values()), axis=0)
    square = float(total @ total)
    norm = {term: float(np.linalg.norm(g)) for term, g in by_term.items()} | {"total": square**0.5}
    share = {term: float(g @ total) / square if square > 0 else float("nan") for term, g in by_term.items()}
    pairs = [pair for pair in PAIRS if pair[0] in by_term and pair[1] in by_term]
    return BlockSummary(norm, share, {f"{a} {b}": cosine(by_term[a], by_term[b]) for a, b in pairs})


def largest_entries(gradient: np.ndarray, count: int) -> list[tuple[tuple[int, ...], float]]:
    """Indices and values of the largest entries in absolute value, in descending order."""
    flat = np.abs(gradient).ravel()
    chosen = np.argpartition(flat, -min(count, flat.size))[-count:]
    chosen = chosen[np.argsort(-flat[chosen], kind="stable")]
    return [(tuple(map(int, np.unravel_index(i, gradient.shape))), float(gradient.flat[i])) for i in chosen]


def as_dict(found: TermGradients, largest: int = 3) -> dict[str, Any]:
    """The values, norms, shares, cosines and largest entries without the arrays, for JSON."""
    result: dict[str, Any] = {"values": found.values, "weights": found.weights, "blocks": {}}
    for block, by_term in found.blocks().items():
        summary = summarise(by_term)
        result["blocks"][block] = {"norm": summary.norm, "share": summary.share, "cosine": summary.cosine}
        if block in next(iter(found.gradients.values())):
            result["blocks"][block]["largest"] = {
                term: [
                    {"index": list(index), "value": value} for index, value in largest_entries(by_block[block], largest)
                ]
                for term, by_block in found.gradients.items()
            }
    return result
