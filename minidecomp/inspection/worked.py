"""The numbers of the explanations: for each term, one entry of its gradient, computed by hand and by the textbook."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..errors import OptionError
from ..model.optimizer import Adam
from ..randomness.draws import prior_of_step
from ..terms import kl, posterior, priors
from ..terms.explanation import Worked, numbers
from ..terms.likelihoods import Likelihood
from ..terms.priors import Prior
from ..terms.regularisers import Regulariser
from .explanation import Situation
from .other_kinds import likelihood_of_kind, prior_of_kind


def _posterior(s: Situation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """loc, scale and z of the batch's first sample, each (B, D)."""
    loc, scale = s.vae.encode(s.x)
    return loc, scale, posterior.sample(loc, scale, s.draws.eps[0])


# ---- the network ----


def mlp_entry(s: Situation) -> Worked:
    """An entry of the gradient with respect to the encoder's last weights."""
    encoder, parameters = s.vae.encoder, s.vae.parameters
    x = s.x[:1]
    output, inputs = encoder.forward(parameters, x)
    d_output = np.zeros_like(output)
    d_output[0, 0] = 1.0
    gradient, _ = encoder.backward(parameters, inputs, d_output)
    last = f"{encoder.name}.{encoder.layers - 1}"
    h = inputs[-1][0]
    row = int(np.abs(h).argmax())
    return Worked(
        [
            "f = the first entry of loc for the batch's first point, so d_a = (1, 0, ..) at the last layer",
            f"h, the last layer's input, is largest at {row}: h = {h[row]:.12g}",
            f"d/dW[{row}, 0] of {last} = h d_a = {h[row]:.12g} x 1",
        ],
        float(h[row]),
        float(gradient[f"{last}.W"][row, 0]),
    )


def sample_entry(s: Situation) -> Worked:
    """An entry of the gradient of z with respect to the encoder's raw output, through the scale."""
    loc, raw = s.vae.split_posterior(s.vae.encoder.forward(s.vae.parameters, s.x)[0])
    a, eps = float(raw[0, 0]), float(s.draws.eps[0, 0, 0])
    if s.vae.scale_link == "exp":
        slope, link = 0.5 * math.exp(0.5 * a), "e^(a/2) / 2"
    else:
        slope, link = 1 / (1 + math.exp(-a)), "1 / (1 + e^-a)"
    by_code = float(posterior.scale_slope(raw, s.vae.scale_link)[0, 0]) * eps
    return Worked(
        [
            f"first point, first dimension: loc = {float(loc[0, 0]):.6g}, a = {a:.12g}, eps = {eps:.12g}",
            f"ds/da = {link} = {slope:.12g}",
            f"dz/da = eps ds/da = {eps:.6g} x {slope:.6g}",
        ],
        eps * slope,
        by_code,
    )


# ---- likelihoods, priors and regularisers compute theirs themselves ----


def _noted(note: str, worked: Worked) -> Worked:
    return replace(worked, lines=[note, *worked.lines]) if note else worked


def likelihood_entry(kind: type[Likelihood], s: Situation) -> Worked:
    """An entry of a likelihood's gradient: the model's, or another kind's with the model's numbers."""
    found = likelihood_of_kind(kind, s, s.vae.decode(_posterior(s)[2]))
    return _noted(found.note, found.likelihood.work_by_hand(found.x, found.output))


def prior_entry(kind: type[Prior], s: Situation) -> Worked:
    """An entry of a prior's gradient: the model's, or another kind's with its scale."""
    prior, note = prior_of_kind(kind, s)
    return _noted(note, prior.work_by_hand(_posterior(s)[2]))


def regulariser_entry(regulariser: Regulariser, s: Situation) -> Worked:
    """An entry of the regulariser's gradient, for the batch's first sample.

    Raises
    ------
    OptionError
        The regulariser needs more points.
    """
    assert regulariser.work_by_hand is not None
    if len(s.x) < regulariser.least_points:
        need = f"at least {regulariser.least_points} for --term {regulariser.name}"
        raise OptionError("points", len(s.x), must_be=need)
    loc, scale, z = _posterior(s)
    return regulariser.work_by_hand(_prior_sample(s), z[None], loc, scale, s.vae.current_prior())


def _prior_sample(s: Situation) -> np.ndarray:
    """The step's sample of the prior (B, D), or a new one if alpha is 0 and the step needs none."""
    if s.draws.prior_sample is not None:
        return s.draws.prior_sample
    return prior_of_step(s.vae.current_prior(), (len(s.x), s.vae.latent_dim), 0, 0, np.float64)[0]


# ---- the KL term ----


def analytic_entry(s: Situation) -> Worked:
    """An entry of the closed-form KL's gradient."""
    (loc, scale, _), (prior, note) = _posterior(s), prior_of_kind(priors.Gaussian, s)
    assert isinstance(prior, priors.Gaussian)
    sigma, v = float(scale[0, 0]), float(prior.scale[0]) ** 2
    grads = kl.analytic_value_and_grad(loc, scale, prior)[1]
    lines = [
        f"first point, first dimension: s = {sigma:.12g}, v = {v:.6g}",
        f"d/ds = s / v - 1 / s = {sigma / v:.6g} - {1 / sigma:.6g}",
    ]
    return _noted(note, Worked(lines, sigma / v - 1 / sigma, float(grads["scale"][0, 0])))


def monte_carlo_entry(s: Situation) -> Worked:
    """An entry of the sampled KL's gradient."""
    loc, scale, z = _posterior(s)
    prior, m = s.vae.current_prior(), s.objective.log_prior_multiplier
    slope = float(prior.log_density_and_grad(z)[1]["z"][0, 0])
    sigma, eps = float(scale[0, 0]), float(s.draws.eps[0, 0, 0])
    grads = kl.monte_carlo_value_and_grad(z, loc, scale, prior, m, s.draws.eps[0])[1]
    return Worked(
        [
            f"first point, first dimension: s = {sigma:.6g}, eps = {eps:.6g}, d log p/dz = {slope:.6g}, M = {m:g}",
            "through z = mu + s eps:  d/ds = -1 / s - M d log p/dz eps",
            f"     = -{1 / sigma:.6g} - {m:g} x {slope:.6g} x {eps:.6g}",
        ],
        -1 / sigma - m * slope * eps,
        float(grads["scale"][0, 0] + grads["z"][0, 0] * eps),
    )


# ---- the learned variances ----


def prior_variance_entry(s: Situation) -> Worked:
    """An entry of the gradient with respect to the logits of a learned variance."""
    D = max(s.vae.latent_dim, 2)
    S, logits = s.vae.prior_variance_scale, np.linspace(0, 1, D)
    variance, d_variance = priors.variance_from_logits(logits, S), np.arange(1.0, D + 1)
    w = variance / variance.sum()
    mean = float((w * d_variance).sum())
    return Worked(
        [
            f"logits {numbers(logits)}, S = {S:g}: w = softmax = {numbers(w)}",
            f"v = S D w = {numbers(variance)}; say dL/dv = {numbers(d_variance)}",
            f"sum_j w_j dL/dv_j = {mean:.6g}",
            f"dL/dl_1 = v_1 (dL/dv_1 - that) = {variance[0]:.6g} x ({d_variance[0]:g} - {mean:.6g})",
        ],
        float(variance[0] * (d_variance[0] - mean)),
        float(priors.logits_grad(d_variance, variance)[0]),
    )


# ---- the optimiser ----


def adam_entry(s: Situation) -> Worked:
    """An entry of Adam's step."""
    vector, g = np.array([0.5]), 0.2
    adam = Adam.for_vector(vector, lr=1e-3)
    for gradient in (g, -0.1):
        adam.update(vector, np.array([gradient]))
    m1, v1 = 0.1 * g, 0.001 * g**2
    theta = 0.5 - 1e-3 / (1 - 0.9) * m1 / (math.sqrt(v1) / math.sqrt(1 - 0.999) + 1e-8)
    m2, v2 = 0.9 * m1 + 0.1 * -0.1, 0.999 * v1 + 0.001 * 0.01
    largest = max(v1, v2)
    by_hand = theta - 1e-3 / (1 - 0.9**2) * m2 / (math.sqrt(largest) / math.sqrt(1 - 0.999**2) + 1e-8)
    return Worked(
        [
            "theta = 0.5, lr = 0.001; the loss's gradient is 0.2 at the first step, -0.1 at the second",
            f"step 1: m = {m1:.6g}, v = {v1:.6g}, v_max = {v1:.6g}, theta = {theta:.9g}",
            f"step 2: m = {m2:.6g}, v = {v2:.6g}, v_max = {largest:.6g}, theta = {by_hand:.9g}",
        ],
        by_hand,
        float(vector[0]),
    )
