"""Gradients over training: each term's norm and the cosines, an epoch; in a latent plane also where they pull."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..draws import draw
from ..engines import Engine
from ..errors import RunError
from ..model import in_dtype
from ..objective import TERMS
from ..points import Points, as_numbers, evenly_spread
from .by_term import PAIRS, cosine, term_gradients

COLUMNS = ("epoch", *(f"norm_{term}" for term in TERMS), *(f"cosine_{a}_{b}" for a, b in PAIRS))
POINTS = 100  # whose arrows are kept, at most
FRAMES = 60  # moments of training that are kept, at most


@dataclass
class GradientLog:
    """What ``train --log-gradients`` keeps.

    Attributes
    ----------
    rows : list of tuples
        As ``COLUMNS``; NaN for a term without weight.
    frame_epochs : list of int
        The epochs of ``frames``; when there are ``FRAMES`` of them every second goes, and the gap doubles.
    frames : list of numpy.ndarray of shape (P, 2 + 2 + 2 * 3)
        For up to 100 training points: loc, scale, and the gradient by loc of each weighted term.
    """

    rows: list[tuple[float, ...]] = field(default_factory=list)
    frame_epochs: list[int] = field(default_factory=list)
    frames: list[np.ndarray] = field(default_factory=list)
    gap: int = 1

    def record(self, engine: Engine, data: Points, batch_size: int, epoch: int, seed: int) -> None:
        """Look at the gradients at the end of an epoch, on the same evenly spread training points each time.

        The noise is that of the seed at the epoch, so that it differs from epoch to epoch.
        """
        vae, objective = engine.vae, engine.objective
        x = data[evenly_spread(len(data), batch_size)]
        weights = {term: weight for term, weight in objective.weights.items() if weight != 0}
        if "regulariser" in weights and objective.regulariser == "mmd" and len(x) < 2:
            del weights["regulariser"]
        drawn = draw(
            vae.current_prior(),
            objective.samples,
            len(x),
            vae.latent_dim,
            seed,
            _STEPS + epoch,
            vae.dtype,
            "regulariser" in weights,
        )
        gradients = {
            term: engine.value_and_grad(x, drawn, {term: weight})[1].astype(np.float64)
            for term, weight in weights.items()
        }
        norms = [float(np.linalg.norm(gradients[term])) if term in gradients else math.nan for term in TERMS]
        angles = [cosine(gradients[a], gradients[b]) if {a, b} <= gradients.keys() else math.nan for a, b in PAIRS]
        self.rows.append((epoch, *norms, *angles))
        if vae.latent_dim == 2 and epoch % self.gap == 0:
            self._keep(engine, data, epoch, seed)

    def _keep(self, engine: Engine, data: Points, epoch: int, seed: int) -> None:
        objective, vae = engine.objective, in_dtype(engine.vae, np.float64)
        x = as_numbers(data[evenly_spread(len(data), POINTS)], np.float64)
        with_prior = objective.alpha > 0 and len(x) > 1
        drawn = draw(vae.current_prior(), objective.samples, len(x), 2, seed, _STEPS + epoch, np.float64, with_prior)
        found = term_gradients(vae, objective, x, drawn)
        pulls = [found.gradients[term]["loc"] if term in found.terms else np.zeros((len(x), 2)) for term in TERMS]
        self.frame_epochs.append(epoch)
        self.frames.append(np.concatenate([*vae.encode(x), *pulls], axis=1))
        if len(self.frames) >= FRAMES:
            self.gap *= 2
            kept = [i for i, at in enumerate(self.frame_epochs) if at % self.gap == 0]
            self.frame_epochs, self.frames = [self.frame_epochs[i] for i in kept], [self.frames[i] for i in kept]

    def columns(self) -> dict[str, np.ndarray]:
        """The columns of ``gradients.csv``."""
        table = np.array(self.rows, float).reshape(-1, len(COLUMNS))
        return {name: table[:, i] for i, name in enumerate(COLUMNS)}

    def arrays(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "gradients": np.array(self.rows, float).reshape(-1, len(COLUMNS)),
            "gradients.frame_epochs": np.array(self.frame_epochs, np.int64),
            "gradients.frames": np.array(self.frames),
            "gradients.gap": self.gap,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> GradientLog:
        """Raises RunError if they do not fit together."""
        rows, frames = arrays["gradients"], arrays["gradients.frames"]
        epochs, gap = arrays["gradients.frame_epochs"], int(arrays["gradients.gap"])
        shaped = frames.size == 0 or (frames.ndim == 3 and frames.shape[2] == 10)
        if rows.ndim != 2 or rows.shape[1] != len(COLUMNS) or len(frames) != len(epochs) or gap < 1 or not shaped:
            raise RunError("the logged gradients do not fit together")
        return cls([(int(row[0]), *row[1:]) for row in rows.tolist()], epochs.tolist(), list(frames), gap)


_STEPS = 1 << 61  # training counts its draws' steps from 0, evaluation from 1 << 62
