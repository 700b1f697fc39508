"""The decomposition objective (Mathieu et al., ICML 2019, eq. 7), term by term, with its gradient (textbook).

    L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z))

Each term is a mean over the batch of B points and over the K posterior samples, in nats (the MMD has no unit).
Gradients are those of L, along which L grows; training goes down the loss -L.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ._core.codes import KL_ESTIMATORS, TERMS
from .model.vae import PRIOR_LOGITS, VAE
from .randomness.draws import Draws
from .settings.options import TrainOptions
from .settings.schedules import value_at as scheduled
from .terms import kl
from .terms.arrays import array_module
from .terms.kl import title as kl_title
from .terms.posterior import sample, scale_from_raw, scale_slope
from .terms.priors import Gaussian, logits_grad
from .variants import REGULARISERS

__all__ = [
    "KL_ESTIMATORS",
    "TERMS",
    "Objective",
    "objective_at",
    "objective_from",
    "value",
    "value_and_grad",
    "value_at",
]


@dataclass(frozen=True)
class Objective:
    """The weights of the objective's terms, and how the KL and the regulariser are estimated.

    Attributes
    ----------
    beta, alpha : float
        Weights of the KL term and of the regulariser D.
    regulariser : str
        The name of D: ``mmd``, ``kl-inc`` or another of ``minidecomp.variants.REGULARISERS``.
    kl : str
        ``analytic`` (a Gaussian prior only) or ``monte-carlo``.
    samples : int
        K, the number of posterior samples for each data point.
    log_prior_multiplier : float
        M in the Monte-Carlo KL, log q - M log p. The correct value is 1; with any other, the term is not a KL. The
        authors' code has M = latent_dim for its mixture.
    """

    beta: float = 1.0
    alpha: float = 0.0
    regulariser: str = "mmd"
    kl: str = "monte-carlo"
    samples: int = 1
    log_prior_multiplier: float = 1.0

    @property
    def weights(self) -> dict[str, float]:
        """dL/dterm for each term, by name: 1, -beta, -alpha."""
        return {"log_likelihood": 1.0, "kl": -self.beta, "regulariser": -self.alpha}

    @property
    def kl_title(self) -> str:
        """The name of the second term: "KL" if it is one."""
        return kl_title(self.log_prior_multiplier)

    @property
    def used_regulariser(self) -> str | None:
        """The regulariser's name; None if alpha is 0."""
        return self.regulariser if self.alpha > 0 else None

    @property
    def least_points(self) -> int:
        """How many points a batch needs: as many as the regulariser, or one if alpha is 0."""
        return REGULARISERS[self.regulariser].least_points if self.alpha > 0 else 1

    def combine(self, values: Mapping[str, float]) -> float:
        """L in nats from the values of its terms; a term with weight 0 may be missing."""
        return sum(weight * values[term] for term, weight in self.weights.items() if weight != 0)


def objective_from(options: TrainOptions) -> Objective:
    """The objective that the options name."""
    return Objective(
        beta=options.beta,
        alpha=options.alpha,
        regulariser=options.regulariser,
        kl=options.kl,
        samples=options.samples,
        log_prior_multiplier=options.log_prior_multiplier,
    )


def objective_at(options: TrainOptions, epoch: int) -> Objective:
    """The objective of the epoch that follows ``finished`` others; its weights may have schedules."""
    alpha, beta = (scheduled(options, name, epoch) for name in ("alpha", "beta"))
    return replace(objective_from(options), alpha=alpha, beta=beta)


def value(vae: VAE, objective: Objective, x: Any, draws: Draws) -> dict[str, float]:
    """The terms and the objective at x (B, dx), in nats, by name; the regulariser only if there is a prior sample."""
    loc, scale = vae.encode(x)
    return value_at(vae, objective, x, loc, scale, sample(loc, scale, draws.eps), draws, draws.eps)


def value_at(
    vae: VAE, objective: Objective, x: Any, loc: Any, scale: Any, z: Any, draws: Draws, eps: Any = None
) -> dict[str, float]:
    """The values at given posteriors loc, scale (B, D) and samples z (K, B, D), all independent variables.

    If ``eps`` is given, z is loc + scale eps, and the KL does not have to recover the noise.
    """
    prior = vae.current_prior()
    values = {"log_likelihood": float(vae.likelihood.value(x, vae.decode(z)).mean())}
    if objective.kl == "analytic":
        values["kl"] = float(kl.analytic_value(loc, scale, _gaussian(prior)).mean())
    else:
        values["kl"] = float(kl.monte_carlo_value(z, loc, scale, prior, objective.log_prior_multiplier, eps).mean())
    if draws.prior_sample is not None:
        regulariser = REGULARISERS[objective.regulariser]
        values["regulariser"] = float(regulariser.value(draws.prior_sample, z, loc, scale, prior))
    return values | {"objective": objective.combine(values)}


def value_and_grad(
    vae: VAE, objective: Objective, x: Any, draws: Draws, weights: Mapping[str, float] | None = None
) -> tuple[dict[str, float], dict[str, Any]]:
    """The values in nats, and the gradient of sum_T weights[T] T, which without ``weights`` is the objective.

    Parameters
    ----------
    vae, objective
        The model and its objective.
    x : array of shape (B, dx)
    draws : Draws
        The step's random numbers.
    weights : mapping from a term's name to float, optional
        ``{"kl": 1}`` gives the gradient of the KL term alone.

    Returns
    -------
    values : dict
        ``log_likelihood``, ``kl``, ``regulariser`` (if there is a prior sample) and ``objective``.
    gradient : dict
        An array for each parameter, and the gradients with respect to ``z`` (K, B, D), ``loc`` and ``scale`` (B, D).
    """
    weights = objective.weights if weights is None else weights
    parameters, prior, xp = vae.parameters, vae.current_prior(), array_module(x)
    samples, batch = draws.eps.shape[:2]
    values: dict[str, float] = {}

    encoder_output, encoder_inputs = vae.encoder.forward(parameters, x)
    loc, raw = vae.split_posterior(encoder_output)
    scale = scale_from_raw(raw, vae.scale_link)
    z = sample(loc, scale, draws.eps)
    output, decoder_inputs = vae.decoder.forward(parameters, z)
    d_z, d_loc, d_scale = xp.zeros_like(z), xp.zeros_like(loc), xp.zeros_like(scale)
    d_variance = xp.zeros_like(loc[0])

    # E_q(z|x)[log p(x|z)]
    log_likelihood, grads = vae.likelihood.value_and_grad(x, output)
    values["log_likelihood"] = float(log_likelihood.mean())
    w = weights.get("log_likelihood", 0) / (samples * batch)
    gradient, back = vae.decoder.backward(parameters, decoder_inputs, w * grads["output"])
    d_z += back

    # KL(q(z|x) || p(z))
    if objective.kl == "analytic":
        divergence, grads = kl.analytic_value_and_grad(loc, scale, _gaussian(prior))
        w = weights.get("kl", 0) / batch
    else:
        multiplier = objective.log_prior_multiplier
        divergence, grads = kl.monte_carlo_value_and_grad(z, loc, scale, prior, multiplier, draws.eps)
        w = weights.get("kl", 0) / (samples * batch)
        d_z += w * grads["z"]
    values["kl"] = float(divergence.mean())
    d_loc += w * grads["loc"].reshape(-1, *loc.shape).sum(0)
    d_scale += w * grads["scale"].reshape(-1, *scale.shape).sum(0)
    if "variance" in grads:
        d_variance += w * grads["variance"].reshape(-1, vae.latent_dim).sum(0)

    # D(q(z), p(z))
    w = weights.get("regulariser", 0)
    if draws.prior_sample is not None:
        regulariser = REGULARISERS[objective.regulariser]
        discrepancy, grads = regulariser.checked_value_and_grad(draws.prior_sample, z, loc, scale, prior)
        values["regulariser"] = float(discrepancy)
        for name, total in (("z", d_z), ("loc", d_loc), ("scale", d_scale)):
            if name in grads:
                total += w * grads[name]
        if "variance" in grads:
            d_variance += w * grads["variance"].sum(0)
        d_sample = w * grads["prior_sample"] if "prior_sample" in grads else xp.zeros_like(draws.prior_sample)
        if draws.prior_noise is not None and vae.learn_prior_variance:
            d_variance += prior.sample_grad(d_sample, draws.prior_noise, draws.prior_choice).sum(0)

    # z = mu + s eps,   s = link(raw)
    d_loc += d_z.sum(0)
    d_scale += (d_z * draws.eps).sum(0)
    d_raw = d_scale * scale_slope(raw, vae.scale_link)
    encoder_gradient, _ = vae.encoder.backward(parameters, encoder_inputs, xp.concatenate([d_loc, d_raw], axis=-1))
    gradient |= encoder_gradient
    if vae.learn_prior_variance:
        variance = prior.scale.reshape(-1, vae.latent_dim)[0] ** 2
        gradient[PRIOR_LOGITS] = logits_grad(d_variance, variance)
    values["objective"] = objective.combine(values)
    return values, gradient | {"z": d_z, "loc": d_loc, "scale": d_scale}


def _gaussian(prior: Any) -> Gaussian:
    if not isinstance(prior, Gaussian):
        raise ValueError(f"the analytic KL needs a gaussian prior, not {prior.name}: use monte-carlo")
    return prior
