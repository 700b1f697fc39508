"""The numbers of the explanations: for each term one entry of its gradient, worked by hand beside the textbook's."""

from __future__ import annotations

import math

import numpy as np

from ..model.optimizer import Adam
from ..model.vae import VAE
from ..terms import kl, likelihoods, posterior, priors
from ..terms.arrays import MIN_SCALE, sigmoid
from ..terms.regularisers import inclusive_kl, mmd
from .explanation import Situation, Worked

SMALL = 3  # points of the batch in a worked sum, so that every number can be shown


def _numbers(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in np.ravel(values)) + ")"


def _posterior(s: Situation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """loc, scale and z of the batch's first sample, each (B, D)."""
    loc, scale = s.vae.encode(s.x)
    return loc, scale, posterior.sample(loc, scale, s.draws.eps[0])


# ---- the network ----


def mlp_entry(s: Situation) -> Worked:
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


# ---- likelihoods ----


def _output(s: Situation) -> np.ndarray:
    return s.vae.decode(_posterior(s)[2])


def bernoulli_entry(s: Situation) -> Worked:
    output = _output(s)
    at = int(np.abs(s.x[0] - sigmoid(output[0])).argmax())
    x, o = float(s.x[0, at]), float(output[0, at])
    p = 1 / (1 + math.exp(-o)) if o > 0 else math.exp(o) / (1 + math.exp(o))
    grads = likelihoods.Bernoulli().value_and_grad(s.x, output)[1]
    return Worked(
        [
            f"first point, value {at}: x = {x:g}, logit o = {o:.12g}",
            f"sigmoid(o) = {p:.12g}",
            f"d/do = {x:g} - {p:.6g}",
        ],
        x - p,
        float(grads["output"][0, at]),
    )


def gaussian_entry(s: Situation) -> Worked:
    output, likelihood = _output(s), likelihoods.Gaussian()
    loc, raw = (float(each[0, 0]) for each in likelihood.loc_and_raw(output))
    scale, x = math.log1p(math.exp(raw)) + MIN_SCALE, float(s.x[0, 0])
    r = (x - loc) / scale
    by_hand = (r**2 - 1) / scale / (1 + math.exp(-raw))
    return Worked(
        [
            f"first point, first value: x = {x:.6g}, m = {loc:.6g}, raw r = {raw:.6g}",
            f"s = log(1 + e^r) + 1e-6 = {scale:.12g},   t = (x - m) / s = {r:.12g}",
            f"d/dr = (t^2 - 1) / s sigmoid(r) = ({r**2:.6g} - 1) / {scale:.6g} x {1 / (1 + math.exp(-raw)):.6g}",
        ],
        by_hand,
        float(likelihood.value_and_grad(s.x, output)[1]["output"][0, s.vae.data_dim]),
    )


def laplace_entry(s: Situation) -> Worked:
    output, b = _output(s), float(getattr(s.vae.likelihood, "scale", 0.1))
    residual = float(s.x[0, 0] - output[0, 0])
    grads = likelihoods.Laplace(b).value_and_grad(s.x, output)[1]
    return Worked(
        [
            f"first point, first value: x - m = {residual:.6g}, b = {b:g}",
            f"d/dm = sign(x - m) / b = {np.sign(residual):g} / {b:g}",
        ],
        float(np.sign(residual)) / b,
        float(grads["output"][0, 0]),
    )


# ---- the KL term ----


def analytic_entry(s: Situation) -> Worked:
    (loc, scale, _), own = _posterior(s), s.vae.current_prior()
    prior = priors.Gaussian(np.atleast_2d(own.loc)[0], np.atleast_2d(own.scale)[0])
    sigma, v = float(scale[0, 0]), float(prior.scale[0]) ** 2
    grads = kl.analytic_value_and_grad(loc, scale, prior)[1]
    return Worked(
        [
            f"first point, first dimension: s = {sigma:.12g}, v = {v:.6g}",
            f"d/ds = s / v - 1 / s = {sigma / v:.6g} - {1 / sigma:.6g}",
        ],
        sigma / v - 1 / sigma,
        float(grads["scale"][0, 0]),
    )


def monte_carlo_entry(s: Situation) -> Worked:
    loc, scale, z = _posterior(s)
    prior, m = s.vae.current_prior(), s.objective.log_prior_multiplier
    slope = float(prior.log_density_and_grad(z)[1]["z"][0, 0])
    sigma, eps = float(scale[0, 0]), float(s.draws.eps[0, 0, 0])
    grads = kl.monte_carlo_value_and_grad(z, loc, scale, prior, m)[1]
    return Worked(
        [
            f"first point, first dimension: s = {sigma:.6g}, eps = {eps:.6g}, d log p/dz = {slope:.6g}, M = {m:g}",
            "through z = mu + s eps:  d/ds = -1 / s - M d log p/dz eps",
            f"     = -{1 / sigma:.6g} - {m:g} x {slope:.6g} x {eps:.6g}",
        ],
        -1 / sigma - m * slope * eps,
        float(grads["scale"][0, 0] + grads["z"][0, 0] * eps),
    )


# ---- priors ----


def gaussian_prior_entry(s: Situation) -> Worked:
    prior = s.vae.current_prior()
    prior, z = priors.Gaussian(np.atleast_2d(prior.loc)[0], np.atleast_2d(prior.scale)[0]), _posterior(s)[2]
    m, v, at = float(prior.loc[0]), float(prior.scale[0]) ** 2, float(z[0, 0])
    return Worked(
        [
            f"first z, first dimension: z = {at:.12g}, m = {m:.6g}, v = {v:.6g}",
            f"d/dz = -(z - m) / v = -{at - m:.6g} / {v:.6g}",
        ],
        -(at - m) / v,
        float(prior.log_density_and_grad(z)[1]["z"][0, 0]),
    )


def student_t_entry(s: Situation) -> Worked:
    own, z = s.vae.current_prior(), _posterior(s)[2]
    prior = priors.StudentT(np.atleast_2d(own.loc)[0], np.atleast_2d(own.scale)[0], getattr(own, "df", 9.0))
    m, v, nu, at = float(prior.loc[0]), float(prior.scale[0]) ** 2, prior.df, float(z[0, 0])
    return Worked(
        [
            f"first z, first dimension: z = {at:.12g}, m = {m:.6g}, v = {v:.6g}, nu = {nu:g}",
            f"d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2) = -{nu + 1:g} x {at - m:.6g} / ({nu * v:.6g} + {(at - m) ** 2:.6g})",
        ],
        -(nu + 1) * (at - m) / (nu * v + (at - m) ** 2),
        float(prior.log_density_and_grad(z)[1]["z"][0, 0]),
    )


def mixture_entry(s: Situation) -> Worked:
    own, z = s.vae.current_prior(), _posterior(s)[2]
    loc, scale = np.atleast_2d(own.loc), np.atleast_2d(own.scale)
    prior = priors.Mixture(loc, scale, np.asarray(getattr(own, "log_weight", np.full(len(loc), -math.log(len(loc))))))
    joint = prior.joint_log_density(z)[0]
    weight = np.exp(joint - joint.max())
    R = weight / weight.sum()
    pulls = -(z[0, 0] - loc[:, 0]) / scale[:, 0] ** 2
    return Worked(
        [
            f"first z = {_numbers(z[0])}",
            f"log pi_m + log N(z; m_m, v_m) = {_numbers(joint)}",
            f"R = softmax of these = {_numbers(R)}",
            f"-(z_1 - m_m1) / v_m1 = {_numbers(pulls)}",
            "d/dz_1 = sum_m R_m (-(z_1 - m_m1) / v_m1)",
        ],
        float((R * pulls).sum()),
        float(prior.log_density_and_grad(z)[1]["z"][0, 0]),
    )


def sparse_entry(s: Situation) -> Worked:
    own, z = s.vae.current_prior(), _posterior(s)[2]
    prior = priors.Sparse(
        np.atleast_2d(own.loc)[0],
        np.atleast_2d(own.scale)[0],
        getattr(own, "gamma", 0.8),
        getattr(own, "spike_scale", 0.05),
    )
    m, v, a, at = float(prior.loc[0]), float(prior.scale[0]) ** 2, prior.spike_scale, float(z[0, 0])

    def log_normal(mean: float, variance: float) -> float:
        return -((at - mean) ** 2) / (2 * variance) - 0.5 * math.log(2 * math.pi * variance)

    log_slab = math.log(1 - prior.gamma) + log_normal(m, v) if prior.gamma < 1 else -math.inf
    log_spike = math.log(prior.gamma) + log_normal(0, a**2) if prior.gamma > 0 else -math.inf
    top = max(log_slab, log_spike)
    rho = math.exp(log_spike - top) / (math.exp(log_spike - top) + math.exp(log_slab - top))
    return Worked(
        [
            f"first z, first dimension: z = {at:.12g}, m = {m:.6g}, v = {v:.6g}, a = {a:g}, gamma = {prior.gamma:g}",
            f"log slab = {log_slab:.6g}, log spike = {log_spike:.6g}, rho = spike / (spike + slab) = {rho:.6g}",
            f"d/dz = -rho z / a^2 - (1 - rho) (z - m) / v = {-rho * at / a**2:.6g} - {(1 - rho) * (at - m) / v:.6g}",
        ],
        -rho * at / a**2 - (1 - rho) * (at - m) / v,
        float(prior.log_density_and_grad(z)[1]["z"][0, 0]),
    )


def prior_variance_entry(s: Situation) -> Worked:
    D = max(s.vae.latent_dim, 2)
    S, logits = s.vae.prior_variance_scale, np.linspace(0, 1, D)
    variance, d_variance = priors.variance_from_logits(logits, S), np.arange(1.0, D + 1)
    w = variance / variance.sum()
    mean = float((w * d_variance).sum())
    return Worked(
        [
            f"logits {_numbers(logits)}, S = {S:g}: w = softmax = {_numbers(w)}",
            f"v = S D w = {_numbers(variance)}; say dL/dv = {_numbers(d_variance)}",
            f"sum_j w_j dL/dv_j = {mean:.6g}",
            f"dL/dl_1 = v_1 (dL/dv_1 - that) = {variance[0]:.6g} x ({d_variance[0]:g} - {mean:.6g})",
        ],
        float(variance[0] * (d_variance[0] - mean)),
        float(priors.logits_grad(d_variance, variance)[0]),
    )


# ---- regularisers ----


def _prior_sample(s: Situation) -> np.ndarray:
    if s.draws.prior_sample is not None:
        return s.draws.prior_sample
    return s.vae.current_prior().sample(*_noise(s.vae))


def _noise(vae: VAE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (SMALL, vae.latent_dim) if vae.prior.choice_kind == "element" else (SMALL,)
    return rng.standard_normal((SMALL, vae.latent_dim)), rng.random(shape)


def mmd_entry(s: Situation) -> Worked:
    y, x = _posterior(s)[2][:SMALL, :1], _prior_sample(s)[:SMALL, :1]
    B = len(y)
    within = [float(mmd.kernel_slope(y[0, 0] - y[j, 0])) for j in range(B)]
    across = [float(mmd.kernel_slope(y[0, 0] - x[j, 0])) for j in range(B)]
    return Worked(
        [
            f"the batch's first {B} points, first dimension: y = {_numbers(y)}, x = {_numbers(x)}",
            f"k'(y_1 - y_j) = {_numbers(np.array(within))}",
            f"k'(y_1 - x_j) = {_numbers(np.array(across))}",
            f"d/dy_1 = 2 / ({B} x {B - 1}) x {sum(within):.6g} - 2 / {B}^2 x {sum(across):.6g}",
        ],
        2 / (B * (B - 1)) * sum(within) - 2 / B**2 * sum(across),
        float(mmd.value_and_grad(x, y)[1]["z"][0, 0]),
    )


def inclusive_entry(s: Situation) -> Worked:
    loc, scale, _ = _posterior(s)
    loc, scale, z, prior = loc[:SMALL], scale[:SMALL], _prior_sample(s)[:SMALL], s.vae.current_prior()
    log_q = np.array(
        [
            [
                sum(-0.5 * ((a - m) / w) ** 2 - math.log(w) for a, m, w in zip(each, mu, sd, strict=True))
                for mu, sd in zip(loc, scale, strict=True)
            ]
            for each in z
        ]
    )
    weight = np.exp(log_q - log_q.max(1, keepdims=True))
    weight /= weight.sum(1, keepdims=True)
    pulls = (z[:, 0] - loc[0, 0]) / scale[0, 0] ** 2
    J = len(z)
    return Worked(
        [
            f"the batch's first {J} points and samples: z_j1 = {_numbers(z[:, 0])}, mu_11 = {loc[0, 0]:.6g}, s_11 = {scale[0, 0]:.6g}",
            f"W_j1 = softmax over i of log q(z_j | x_i), at i = 1: {_numbers(weight[:, 0])}",
            f"(z_j1 - mu_11) / s_11^2 = {_numbers(pulls)}",
            f"d/dmu_11 = -1/{J} sum_j W_j1 (z_j1 - mu_11) / s_11^2",
        ],
        float(-(weight[:, 0] * pulls).sum() / J),
        float(inclusive_kl.value_and_grad(z, loc, scale, prior)[1]["loc"][0, 0]),
    )


def adam_entry(s: Situation) -> Worked:
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
