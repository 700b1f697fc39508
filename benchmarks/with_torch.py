"""The work with eager PyTorch, written in the usual way: modules, autograd, ``torch.optim.Adam``."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .arrays import read

LOG_2PI = math.log(2 * math.pi)
KERNEL_SCALES = (0.2, 0.4, 1.0, 2.0, 4.0, 10.0)


def version() -> str:
    return f"PyTorch {torch.__version__}"


def mlp(widths: list[int], activation: str) -> nn.Sequential:
    kinds = {"relu": nn.ReLU, "tanh": nn.Tanh, "leaky-relu": lambda: nn.LeakyReLU(0.2)}
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), kinds[activation]()]
    return nn.Sequential(*layers[:-1])


def normal_log_density(x: torch.Tensor, loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return -0.5 * ((x - loc) / scale) ** 2 - torch.log(scale) - 0.5 * LOG_2PI


def mmd(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Unbiased, summed over dimensions and kernels, with all (B, B, D) differences at once."""
    n = len(x)

    def kernel_sum(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        square = (a[:, None] - b) ** 2
        return sum((c / (c + square)).sum() for c in KERNEL_SCALES)

    diagonal = len(KERNEL_SCALES) * x.numel()
    within = kernel_sum(x, x) + kernel_sum(y, y) - 2 * diagonal
    return within / (n * (n - 1)) - 2 * kernel_sum(x, y) / n**2


class Vae(nn.Module):
    """Encoder, decoder, prior, and the terms of the objective."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], device: str):
        super().__init__()
        self.settings, self.device = settings, device
        self.encoder = mlp(settings["encoder_widths"], settings["activations"][0]).to(device)
        self.decoder = mlp(settings["decoder_widths"], settings["activations"][1]).to(device)
        self.loc, self.scale, self.log_weight = (
            torch.from_numpy(arrays[f"prior.{name}"]).to(device) for name in ("loc", "scale", "log_weight")
        )
        self.spike_scale, self.zero = torch.tensor([settings["spike_scale"], 0.0], device=device)
        with torch.no_grad():
            for name, parameter in self.by_our_name():
                array = torch.from_numpy(arrays[f"parameter.{name}"])
                parameter.copy_(array.T if array.ndim == 2 else array)

    def by_our_name(self) -> list[tuple[str, nn.Parameter]]:
        pairs = []
        for short, net in (("enc", self.encoder), ("dec", self.decoder)):
            for i, layer in enumerate(net[::2]):
                pairs += [(f"{short}.{i}.W", layer.weight), (f"{short}.{i}.b", layer.bias)]
        return pairs

    def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loc, raw = self.encoder(x).chunk(2, dim=-1)
        scale = torch.exp(raw / 2) if self.settings["scale_link"] == "exp" else F.softplus(raw)
        return loc, scale + 1e-6

    def log_prior(self, z: torch.Tensor) -> torch.Tensor:
        if self.settings["prior"] == "mixture":
            parts = normal_log_density(z[:, None, :], self.loc, self.scale).sum(-1)
            return torch.logsumexp(self.log_weight + parts, -1)
        if self.settings["prior"] == "sparse":
            gamma = self.settings["gamma"]
            slab = math.log(1 - gamma) + normal_log_density(z, self.loc, self.scale)
            return torch.logaddexp(slab, math.log(gamma) + normal_log_density(z, self.zero, self.spike_scale)).sum(-1)
        return normal_log_density(z, self.loc, self.scale).sum(-1)

    def sample_prior(self, shape: torch.Size) -> torch.Tensor:
        noise = torch.randn(shape, device=self.device)
        if self.settings["prior"] == "mixture":
            component = torch.randint(len(self.log_weight), shape[:1], device=self.device)
            return self.loc[component] + self.scale[component] * noise
        if self.settings["prior"] == "sparse":
            spike = torch.rand(shape, device=self.device) < self.settings["gamma"]
            return torch.where(spike, self.settings["spike_scale"] * noise, self.loc + self.scale * noise)
        return self.loc + self.scale * noise

    def log_likelihood(self, x: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        if self.settings["likelihood"] == "bernoulli":
            return -F.binary_cross_entropy_with_logits(output, x, reduction="none").sum(-1)
        if self.settings["likelihood"] == "laplace":
            b = self.settings["likelihood_scale"]
            return (-(x - output).abs() / b - math.log(2 * b)).sum(-1)
        loc, raw = output.chunk(2, dim=-1)
        return normal_log_density(x, loc, F.softplus(raw) + 1e-6).sum(-1)

    def terms(self, x: torch.Tensor, eps: torch.Tensor, prior_sample: torch.Tensor | None) -> dict[str, torch.Tensor]:
        loc, scale = self.posterior(x)
        z = loc + scale * eps
        terms = {"log_likelihood": self.log_likelihood(x, self.decoder(z)).mean()}
        if self.settings["kl"] == "analytic":
            ratio = scale / self.scale
            kl = 0.5 * (ratio**2 + ((loc - self.loc) / self.scale) ** 2 - 1) - torch.log(ratio)
            terms["kl"] = kl.sum(-1).mean()
        else:
            log_q = (-0.5 * eps**2 - torch.log(scale) - 0.5 * LOG_2PI).sum(-1)
            terms["kl"] = (log_q - self.log_prior(z)).mean()
        if prior_sample is not None and self.settings["regulariser"] == "mmd":
            terms["regulariser"] = mmd(prior_sample, z)
        elif prior_sample is not None:
            log_posteriors = normal_log_density(prior_sample[:, None], loc, scale).sum(-1)
            log_q = torch.logsumexp(log_posteriors, 1) - math.log(len(x))
            terms["regulariser"] = (self.log_prior(prior_sample) - log_q).mean()
        return terms

    def loss(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        loss = self.settings["beta"] * terms["kl"] - terms["log_likelihood"]
        return loss + self.settings["alpha"] * terms["regulariser"] if "regulariser" in terms else loss


class Step:
    """Training steps over consecutive batches."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], device: str, **adam: Any):
        self.vae, self.batch, self.device = Vae(settings, arrays, device), settings["batch_size"], device
        self.data = torch.from_numpy(arrays["data"]).to(device)
        self.eps = torch.from_numpy(arrays["eps"]).to(device)
        self.prior_sample = torch.from_numpy(arrays["prior_sample"]).to(device) if settings["alpha"] else None
        self.adam = torch.optim.Adam(self.vae.parameters(), lr=settings["lr"], amsgrad=True, **adam)
        self.order, self.at = torch.randperm(len(self.data), device=device), 0

    def check(self, out: str) -> dict[str, float]:
        terms = self.vae.terms(self.data[: self.batch], self.eps, self.prior_sample)
        self.adam.zero_grad()
        self.vae.loss(terms).backward()
        gradients = {name: -(p.grad.T if p.ndim == 2 else p.grad).cpu() for name, p in self.vae.by_our_name()}
        np.savez(out, **{name: gradient.numpy() for name, gradient in gradients.items()})
        return {name: value.item() for name, value in terms.items()}

    def next_rows(self) -> torch.Tensor:
        if self.at + self.batch > len(self.order):
            self.order, self.at = torch.randperm(len(self.data), device=self.device), 0
        self.at += self.batch
        return self.order[self.at - self.batch : self.at]

    def step(self, rows: torch.Tensor) -> None:
        x, eps = self.data[rows], torch.randn(self.eps.shape, device=self.device)
        prior_sample = None if self.prior_sample is None else self.vae.sample_prior(eps.shape)
        self.adam.zero_grad()
        self.vae.loss(self.vae.terms(x, eps, prior_sample)).backward()
        self.adam.step()

    def run(self, units: int) -> None:
        for _ in range(units):
            self.step(self.next_rows())


class Mmd:
    """The regulariser alone."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], device: str):
        self.x = torch.from_numpy(arrays["prior_sample"]).to(device)
        self.z = torch.from_numpy(arrays["eps"]).to(device).requires_grad_()

    def check(self, out: str) -> dict[str, float]:
        value = mmd(self.x, self.z)
        (gradient,) = torch.autograd.grad(value, self.z)
        np.savez(out, z=gradient.cpu().numpy())
        return {"regulariser": value.item()}

    def run(self, units: int) -> None:
        for _ in range(units):
            torch.autograd.grad(mmd(self.x, self.z), self.z)


class Encode(Step):
    """The posteriors of all points."""

    def encode(self) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            parts = [self.vae.posterior(x) for x in self.data.split(self.batch)]
        return torch.cat([loc for loc, _ in parts]), torch.cat([scale for _, scale in parts])

    def check(self, out: str) -> dict[str, float]:
        loc, scale = self.encode()
        np.savez(out, loc=loc.cpu().numpy(), scale=scale.cpu().numpy())
        return {}

    def run(self, units: int) -> None:
        for _ in range(units):
            self.encode()


class Predict:
    """The posterior means of one point, from and to NumPy."""

    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray], device: str):
        self.vae, self.points, self.at = Vae(settings, arrays, device), arrays["data"], 0

    def loc(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.vae.posterior(torch.from_numpy(x))[0].numpy()

    def check(self, out: str) -> dict[str, float]:
        np.savez(out, loc=np.concatenate([self.loc(point[None]) for point in self.points]))
        return {}

    def run(self, units: int) -> None:
        for _ in range(units):
            self.loc(self.points[self.at % len(self.points)][None])
            self.at += 1


def load(path: str, threads: int) -> Step | Mmd | Predict:
    torch.set_num_threads(threads)
    settings, arrays = read(path)
    works = {"step": Step, "mmd": Mmd, "encode": Encode, "predict": Predict}
    return works[settings["work"]](settings, arrays, "cpu")
