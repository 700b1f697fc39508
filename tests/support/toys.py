"""A variant of each kind that is not minidecomp's, as one would write it for oneself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidecomp.data.dataset import Dataset
from minidecomp.data.source import Available, DataSource
from minidecomp.export import ExportFormat
from minidecomp.files import write_file
from minidecomp.terms.arrays import array_module
from minidecomp.terms.explanation import Explanation, Worked
from minidecomp.terms.likelihoods import Likelihood
from minidecomp.terms.priors import Prior
from minidecomp.terms.regularisers import Regulariser
from minidecomp.variants import Option


@dataclass(frozen=True)
class Logistic(Prior):
    """log p = sum_d -t - 2 log(1 + e^-t) - log w,  t = z / w,  w the width;   d/dz = -tanh(t / 2) / w."""

    loc: Any
    scale: Any
    width: float = 1.0
    name: ClassVar[str] = "logistic"
    label: ClassVar[str] = "tails like e^-|z|"
    options: ClassVar[tuple[Option, ...]] = (
        Option("logistic_width", float, "Logistic: its width.", 1.0, above=0, below=100),
    )
    usual_data: ClassVar[str | None] = "pinwheel"
    explanation: ClassVar[Explanation | None] = Explanation(
        "Logistic prior", ("log p = sum_d -t - 2 log(1 + e^-t) - log w",), ("d/dt = -tanh(t / 2), dt/dz = 1 / w",)
    )

    @classmethod
    def from_options(cls, options, scale):
        return cls(np.zeros_like(scale), scale, options.logistic_width)

    def marginal_log_density(self, z):
        xp, t = array_module(z), abs(z / self.width)
        return -t - 2 * xp.log1p(xp.exp(-t)) - np.log(self.width)

    def log_density_and_grad(self, z):
        return self.log_density(z), {"z": -array_module(z).tanh(z / self.width / 2) / self.width}

    def sample(self, noise, choice=None):
        from scipy.special import ndtr

        u = np.clip(ndtr(noise), 1e-7, 1 - 1e-7)
        return (self.width * (np.log(u) - np.log1p(-u))).astype(noise.dtype)

    def work_by_hand(self, z):
        t = float(z[0, 0]) / self.width
        by_hand = -np.tanh(t / 2) / self.width
        return Worked([f"t = {t:.6g}"], by_hand, float(self.log_density_and_grad(z)[1]["z"][0, 0]))


@dataclass(frozen=True)
class Unit(Likelihood):
    """log p = sum_d -(x - m)^2 / 2 - log(2 pi) / 2,  d/dm = x - m."""

    name: ClassVar[str] = "unit"
    label: ClassVar[str] = "normal of variance 1"
    data_range: ClassVar[tuple[float, float] | None] = (-50.0, 50.0)
    explanation: ClassVar[Explanation | None] = Explanation("Unit likelihood", ("-(x - m)^2 / 2",), ("d/dm = x - m",))

    def value(self, x, output):
        return (-0.5 * (x - output) ** 2 - 0.5 * np.log(2 * np.pi)).sum(-1)

    def value_and_grad(self, x, output):
        return self.value(x, output), {"output": x - output}

    def mean(self, output):
        return output

    def sample(self, output, noise):
        return output + noise

    def work_by_hand(self, x, output):
        by_code = float(self.value_and_grad(x, output)[1]["output"][0, 0])
        return Worked([f"x = {x[0, 0]:.6g}, m = {output[0, 0]:.6g}"], float(x[0, 0] - output[0, 0]), by_code)


def _moments(prior_sample, z, loc, scale, prior):
    """sum_d (mean z_d - mean x_d)^2, averaged over the posterior samples."""
    return float(((z.mean(1) - prior_sample.mean(0)) ** 2).sum(-1).mean())


def _moments_and_grad(prior_sample, z, loc, scale, prior):
    gap = z.mean(1) - prior_sample.mean(0)
    d_z = np.broadcast_to(2 * gap[:, None] / (z.shape[0] * z.shape[1]), z.shape)
    d_sample = np.broadcast_to(-2 * gap.mean(0) / len(prior_sample), prior_sample.shape)
    return _moments(prior_sample, z, loc, scale, prior), {"z": d_z, "prior_sample": d_sample}


def _moments_by_hand(prior_sample, z, loc, scale, prior):
    by_hand = 2 * float(z[0, :, 0].mean() - prior_sample[:, 0].mean()) / z.shape[1]
    return Worked(
        ["2 (mean z - mean x) / B"],
        by_hand,
        float(_moments_and_grad(prior_sample, z, loc, scale, prior)[1]["z"][0, 0, 0]),
    )


MOMENTS = Regulariser(
    name="moments",
    label="squared distance of the means",
    title="moments",
    symbol="|E_q[z] - E_p[z]|^2",
    value=_moments,
    value_and_grad=_moments_and_grad,
    least_points=3,
    unit="",
    code=(_moments, _moments_and_grad),
    explanation=Explanation("The distance of the means", ("sum_d (mean z - mean x)^2",), ("a square's derivative",)),
    work_by_hand=_moments_by_hand,
)


def _ring(options):
    angle = np.linspace(0, 2 * np.pi, options.ring_points, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], 1)
    return Dataset("ring", points, points[::2].copy(), source="a circle")


RING = DataSource(
    name="ring",
    load=_ring,
    options=(Option("ring_points", int, "Ring: points.", 60, low=4, high=1000),),
    defaults={"prior": "gaussian", "likelihood": "gaussian", "epochs": 3, "batch_size": 20},
    available=lambda: Available("ring", True, "computed", 60, 30, 2),
)


def _write_text(run, folder, name, weights):
    path = folder / f"{name}.txt"
    text = "\n".join(f"{parameter} {view.shape}" for parameter, view in run.vae.parameters.items())
    write_file(path, lambda file: file.write(text.encode()))
    return [path]


TEXT = ExportFormat("text", "the parameters' names and shapes", _write_text)
