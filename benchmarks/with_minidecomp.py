"""The work with minidecomp."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidecomp
from minidecomp import DecompositionVAE, resolve
from minidecomp._core import engine_float32 as core
from minidecomp.data.points import Bits
from minidecomp.engines import make
from minidecomp.model import from_options
from minidecomp.model.optimizer import Adam
from minidecomp.objective import objective_from
from minidecomp.randomness.draws import Draws

from .arrays import read


def version() -> str:
    return f"minidecomp {minidecomp.__version__}"


class Step:
    """Training steps over consecutive batches, as in ``minidecomp train``."""

    engine_name = "cpu"

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], threads: int):
        self.options = resolve(settings["options"], threads=threads, engine=self.engine_name)
        data = arrays["data"]
        self.vae = from_options.vae(self.options, data.shape[1])
        for name, view in self.vae.parameters.items():
            view[...] = arrays[f"parameter.{name}"]
        self.batch = settings["batch_size"]
        self.data = Bits(arrays["packed"]) if "packed" in arrays else data
        objective = objective_from(self.options)
        self.engine = make(self.engine_name, self.vae, objective, max_rows=self.batch, threads=threads)
        self.optimizer = Adam.for_vector(self.vae.parameters.vector, self.options.lr)
        self.arrays, self.totals = arrays, np.zeros(4)
        self.order = np.empty(0, np.int64)

    def check(self, out: str) -> dict[str, float]:
        draws = Draws(self.arrays["eps"][None], self.arrays["prior_sample"] if self.options.alpha else None)
        values, gradient = self.engine.value_and_grad(self.data[: self.batch], draws)
        parts, start = {}, 0
        for name, view in self.vae.parameters.items():
            parts[name] = gradient[start : start + view.size].reshape(view.shape)
            start += view.size
        np.savez(out, **parts)
        return values

    def run(self, units: int) -> None:
        if len(self.order) < units * self.batch:
            epochs = -(-units * self.batch // len(self.data))
            self.order = np.tile(self.engine.permutation(len(self.data), 0, 0), epochs)
        self.engine.train(self.data, self.order[: units * self.batch], self.batch, self.optimizer, 0, self.totals)


class Mmd:
    """The regulariser alone."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], threads: int):
        self.pool, self.x, self.z = core.Pool(threads), arrays["prior_sample"], arrays["eps"]

    def check(self, out: str) -> dict[str, float]:
        value, _, d_z = core.mmd(self.pool, self.x, self.z)
        np.savez(out, z=d_z)
        return {"regulariser": value}

    def run(self, units: int) -> None:
        for _ in range(units):
            core.mmd(self.pool, self.x, self.z)


class Encode(Step):
    """The posteriors of all points."""

    def check(self, out: str) -> dict[str, float]:
        loc, scale = self.engine.encode(self.data)
        np.savez(out, loc=loc, scale=scale)
        return {}

    def run(self, units: int) -> None:
        for _ in range(units):
            self.engine.encode(self.data)


class Predict:
    """The posterior means of one point, as ``DecompositionVAE.transform`` gives them."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], threads: int):
        options, self.points, self.at = resolve(settings["options"]), arrays["data"], 0
        same = ("hidden", "activation", "scale_link", "latent_dim", "likelihood")
        self.model = DecompositionVAE(epochs=1, threads=threads, **{name: getattr(options, name) for name in same})
        self.model.fit(self.points)
        for name, view in self.model.vae_.parameters.items():
            view[...] = arrays[f"parameter.{name}"]

    def check(self, out: str) -> dict[str, float]:
        np.savez(out, loc=np.concatenate([self.model.transform(point[None]) for point in self.points]))
        return {}

    def run(self, units: int) -> None:
        for _ in range(units):
            self.model.transform(self.points[self.at % len(self.points)][None])
            self.at += 1


def load(path: str, threads: int) -> Step | Mmd | Predict:
    settings, arrays = read(path)
    works = {"step": Step, "mmd": Mmd, "encode": Encode, "predict": Predict}
    return works[settings["work"]](settings, arrays, threads)
