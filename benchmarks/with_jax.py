"""The work with JAX: one compiled function per step, with the parameters and Adam's state donated."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import read

LOG_2PI = math.log(2 * math.pi)
KERNEL_SCALES = (0.2, 0.4, 1.0, 2.0, 4.0, 10.0)
ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "leaky-relu": partial(jax.nn.leaky_relu, negative_slope=0.2)}
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def version() -> str:
    return f"JAX {jax.__version__}"


def mlp(layers: list[dict[str, jax.Array]], h: jax.Array, activation: str) -> jax.Array:
    for layer in layers[:-1]:
        h = ACTIVATIONS[activation](h @ layer["W"] + layer["b"])
    return h @ layers[-1]["W"] + layers[-1]["b"]


def normal_log_density(x: Any, loc: Any, scale: Any) -> jax.Array:
    return -0.5 * ((x - loc) / scale) ** 2 - jnp.log(scale) - 0.5 * LOG_2PI


def mmd(x: jax.Array, y: jax.Array) -> jax.Array:
    """Unbiased, summed over dimensions and kernels."""
    n = len(x)

    def kernel_sum(a: jax.Array, b: jax.Array) -> jax.Array:
        square = (a[:, None] - b) ** 2
        return sum((c / (c + square)).sum() for c in KERNEL_SCALES)

    diagonal = len(KERNEL_SCALES) * x.size
    within = kernel_sum(x, x) + kernel_sum(y, y) - 2 * diagonal
    return within / (n * (n - 1)) - 2 * kernel_sum(x, y) / n**2


class Model:
    """The terms of the objective as pure functions of the parameters."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        self.settings = settings
        self.loc, self.scale, self.log_weight = (
            jnp.asarray(arrays[f"prior.{name}"]) for name in ("loc", "scale", "log_weight")
        )
        self.parameters = {
            short: [
                {kind: jnp.asarray(arrays[f"parameter.{short}.{i}.{kind}"]) for kind in "Wb"}
                for i in range(len(settings[f"{name}_widths"]) - 1)
            ]
            for short, name in (("enc", "encoder"), ("dec", "decoder"))
        }

    def posterior(self, parameters: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        loc, raw = jnp.split(mlp(parameters["enc"], x, self.settings["activations"][0]), 2, axis=-1)
        scale = jnp.exp(raw / 2) if self.settings["scale_link"] == "exp" else jax.nn.softplus(raw)
        return loc, scale + 1e-6

    def log_prior(self, z: jax.Array) -> jax.Array:
        if self.settings["prior"] == "mixture":
            parts = normal_log_density(z[:, None, :], self.loc, self.scale).sum(-1)
            return jax.nn.logsumexp(self.log_weight + parts, axis=-1)
        if self.settings["prior"] == "sparse":
            gamma, a = self.settings["gamma"], self.settings["spike_scale"]
            slab = math.log(1 - gamma) + normal_log_density(z, self.loc, self.scale)
            return jnp.logaddexp(slab, math.log(gamma) + normal_log_density(z, 0.0, a)).sum(-1)
        return normal_log_density(z, self.loc, self.scale).sum(-1)

    def sample_prior(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        of_noise, of_choice = jax.random.split(key)
        noise = jax.random.normal(of_noise, shape)
        if self.settings["prior"] == "mixture":
            component = jax.random.randint(of_choice, shape[:1], 0, len(self.log_weight))
            return self.loc[component] + self.scale[component] * noise
        if self.settings["prior"] == "sparse":
            spike = jax.random.uniform(of_choice, shape) < self.settings["gamma"]
            return jnp.where(spike, self.settings["spike_scale"] * noise, self.loc + self.scale * noise)
        return self.loc + self.scale * noise

    def log_likelihood(self, x: jax.Array, output: jax.Array) -> jax.Array:
        if self.settings["likelihood"] == "bernoulli":
            return (x * output - jax.nn.softplus(output)).sum(-1)
        if self.settings["likelihood"] == "laplace":
            b = self.settings["likelihood_scale"]
            return (-jnp.abs(x - output) / b - math.log(2 * b)).sum(-1)
        loc, raw = jnp.split(output, 2, axis=-1)
        return normal_log_density(x, loc, jax.nn.softplus(raw) + 1e-6).sum(-1)

    def terms(self, parameters: Any, x: jax.Array, eps: jax.Array, prior_sample: Any) -> dict[str, jax.Array]:
        loc, scale = self.posterior(parameters, x)
        z = loc + scale * eps
        output = mlp(parameters["dec"], z, self.settings["activations"][1])
        terms = {"log_likelihood": self.log_likelihood(x, output).mean()}
        if self.settings["kl"] == "analytic":
            ratio = scale / self.scale
            kl = 0.5 * (ratio**2 + ((loc - self.loc) / self.scale) ** 2 - 1) - jnp.log(ratio)
            terms["kl"] = kl.sum(-1).mean()
        else:
            log_q = (-0.5 * eps**2 - jnp.log(scale) - 0.5 * LOG_2PI).sum(-1)
            terms["kl"] = (log_q - self.log_prior(z)).mean()
        if self.settings["alpha"] and self.settings["regulariser"] == "mmd":
            terms["regulariser"] = mmd(prior_sample, z)
        elif self.settings["alpha"]:
            log_posteriors = normal_log_density(prior_sample[:, None], loc, scale).sum(-1)
            log_q = jax.nn.logsumexp(log_posteriors, axis=1) - math.log(len(x))
            terms["regulariser"] = (self.log_prior(prior_sample) - log_q).mean()
        return terms

    def loss(self, parameters: Any, x: jax.Array, eps: jax.Array, prior_sample: Any) -> Any:
        terms = self.terms(parameters, x, eps, prior_sample)
        loss = self.settings["beta"] * terms["kl"] - terms["log_likelihood"]
        return (loss + self.settings["alpha"] * terms["regulariser"] if "regulariser" in terms else loss), terms


def adam(parameters: Any, gradient: Any, state: Any, t: jax.Array, lr: float) -> tuple[Any, Any]:
    """Adam with AMSGrad, as in ``torch.optim.Adam``."""
    rate, root = lr / (1 - BETA1**t), 1 / jnp.sqrt(1 - BETA2**t)

    def update(p: jax.Array, g: jax.Array, s: tuple[jax.Array, ...]) -> Any:
        m = BETA1 * s[0] + (1 - BETA1) * g
        v = BETA2 * s[1] + (1 - BETA2) * g**2
        v_max = jnp.maximum(s[2], v)
        return p - rate * m / (jnp.sqrt(v_max) * root + EPS), (m, v, v_max)

    leaves, tree = jax.tree.flatten(parameters)
    pairs = [update(p, g, s) for p, g, s in zip(leaves, jax.tree.leaves(gradient), state, strict=True)]
    return jax.tree.unflatten(tree, [p for p, _ in pairs]), [s for _, s in pairs]


class Step:
    """Training steps over consecutive batches."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        model = self.model = Model(settings, arrays)
        self.batch, shape = settings["batch_size"], arrays["eps"].shape
        self.data, self.eps = jnp.asarray(arrays["data"]), jnp.asarray(arrays["eps"])
        self.prior_sample = jnp.asarray(arrays["prior_sample"])
        self.parameters, self.t, self.at = model.parameters, jnp.zeros((), jnp.int32), 0
        self.state = [(jnp.zeros_like(p),) * 3 for p in jax.tree.leaves(self.parameters)]
        self.state = jax.tree.map(jnp.array, self.state)  # no two may share memory, as they are donated
        self.key, self.order = jax.random.key(0), np.random.default_rng(0).permutation(len(self.data))

        @partial(jax.jit, donate_argnums=(0, 1, 2, 3))
        def step(parameters: Any, state: Any, t: jax.Array, key: jax.Array, data: jax.Array, rows: jax.Array) -> Any:
            key, of_eps, of_prior = jax.random.split(key, 3)
            eps = jax.random.normal(of_eps, shape)
            prior_sample = model.sample_prior(of_prior, shape)
            (loss, _), gradient = jax.value_and_grad(model.loss, has_aux=True)(
                parameters, data[rows], eps, prior_sample
            )
            t = t + 1
            parameters, state = adam(parameters, gradient, state, t, settings["lr"])
            return parameters, state, t, key, loss

        self.step = step

    def check(self, out: str) -> dict[str, float]:
        value_and_grad = jax.jit(jax.value_and_grad(self.model.loss, has_aux=True))
        (_, terms), gradient = value_and_grad(self.parameters, self.data[: self.batch], self.eps, self.prior_sample)
        named = {
            f"{short}.{i}.{kind}": -np.asarray(array)
            for short, layers in gradient.items()
            for i, layer in enumerate(layers)
            for kind, array in layer.items()
        }
        np.savez(out, **named)
        return {name: float(value) for name, value in terms.items()}

    def run(self, units: int) -> None:
        loss = None
        for _ in range(units):
            if self.at + self.batch > len(self.order):
                self.order, self.at = np.random.default_rng(0).permutation(len(self.data)), 0
            rows = self.order[self.at : self.at + self.batch]
            self.at += self.batch
            self.parameters, self.state, self.t, self.key, loss = self.step(
                self.parameters, self.state, self.t, self.key, self.data, rows
            )
        jax.block_until_ready((loss, self.parameters))


class Mmd:
    """The regulariser alone."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        self.x, self.z = jnp.asarray(arrays["prior_sample"]), jnp.asarray(arrays["eps"])
        self.value_and_grad = jax.jit(jax.value_and_grad(mmd, argnums=1))

    def check(self, out: str) -> dict[str, float]:
        value, gradient = self.value_and_grad(self.x, self.z)
        np.savez(out, z=np.asarray(gradient))
        return {"regulariser": float(value)}

    def run(self, units: int) -> None:
        for _ in range(units):
            jax.block_until_ready(self.value_and_grad(self.x, self.z))


class Encode:
    """The posteriors of all points."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        model = Model(settings, arrays)
        batches = jnp.asarray(arrays["data"]).reshape(-1, settings["batch_size"], arrays["data"].shape[1])
        self.encode = jax.jit(lambda p, xs: jax.lax.map(lambda x: model.posterior(p, x), xs))
        self.arguments = model.parameters, batches

    def check(self, out: str) -> dict[str, float]:
        loc, scale = (np.asarray(part).reshape(-1, part.shape[-1]) for part in self.encode(*self.arguments))
        np.savez(out, loc=loc, scale=scale)
        return {}

    def run(self, units: int) -> None:
        for _ in range(units):
            jax.block_until_ready(self.encode(*self.arguments))


class Predict:
    """The posterior means of one point, from and to NumPy."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        model, self.points, self.at = Model(settings, arrays), arrays["data"], 0
        self.parameters = model.parameters
        self.loc = jax.jit(lambda parameters, x: model.posterior(parameters, x)[0])

    def check(self, out: str) -> dict[str, float]:
        np.savez(out, loc=np.concatenate([self.loc(self.parameters, point[None]) for point in self.points]))
        return {}

    def run(self, units: int) -> None:
        for _ in range(units):
            np.asarray(self.loc(self.parameters, self.points[self.at % len(self.points)][None]))
            self.at += 1


def load(path: str, threads: int) -> Step | Mmd | Encode | Predict:
    """JAX uses as many threads as the process may."""
    settings, arrays = read(path)
    works = {"step": Step, "mmd": Mmd, "encode": Encode, "predict": Predict}
    return works[settings["work"]](settings, arrays)
