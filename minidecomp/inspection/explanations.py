"""The explanations of all terms: each variant's is in its file (minidecomp/terms/), the others are here."""

from __future__ import annotations

from functools import partial

from ..model.network import MLP
from ..model.optimizer import Adam
from ..terms import kl, posterior, priors
from ..terms.explanation import Explanation
from ..variants import LIKELIHOODS, PRIORS, REGULARISERS
from . import worked
from .explanation import Explained, Situation


def own_names(situation: Situation) -> dict[str, str]:
    """What the general names ``reconstruction``, ``prior`` and so on stand for in the model."""
    return {
        "reconstruction": f"{situation.vae.likelihood.name}-likelihood",
        "kl": f"{situation.objective.kl}-kl",
        "regulariser": situation.objective.regulariser,
        "prior": f"{situation.vae.prior.name}-prior",
    }


_FIXED = {
    "mlp": Explained(
        Explanation(
            "Multilayer perceptron: h_0 = x, a_i = h_i W_i + b_i, h_i+1 = act(a_i), output = a_L-1",
            (
                "d/dW = h^T d_a        d/db = sum over points of d_a        d/dh = d_a W^T        d_a of the layer below = d/dh act'(a)",
            ),
            (
                "a_nj = sum_i h_ni W_ij + b_j for point n, so da_nj/dW_ij = h_ni, da_nj/db_j = 1, da_nj/dh_ni = W_ij",
                "chain rule, summed over all a that W_ij is in: df/dW_ij = sum_n h_ni df/da_nj, which is h^T d_a; and in the same way d_b and d_h",
                "h = act(a) element by element: df/da = df/dh act'(a)",
                "act' from the output h: relu [h > 0], leaky-relu 1 or 0.2, tanh 1 - h^2, softplus 1 - e^-h",
                "go from the last layer to the first, with h kept from the forward pass",
            ),
        ),
        (MLP.forward, MLP.backward),
        worked.mlp_entry,
    ),
    "sample": Explained(
        Explanation(
            "The reparameterised sample: z = mu + s eps, s = link(a), eps ~ N(0, 1)",
            ("d/dmu = d/dz        d/ds = d/dz eps        d/da = d/ds ds/da",),
            (
                "z ~ N(mu, s^2) is mu + s eps with noise that does not depend on mu or s, so E[f(z)] has the gradient E[df/dz dz/dmu], and the same with s",
                "dz/dmu = 1, dz/ds = eps",
                "softplus: s = log(1 + e^a) + 1e-6, ds/da = e^a / (1 + e^a) = sigmoid(a)",
                "exp: s = e^(a/2) + 1e-6, ds/da = e^(a/2) / 2",
            ),
        ),
        (posterior.sample, posterior.scale_slope),
        worked.sample_entry,
    ),
    "analytic-kl": Explained(
        Explanation(
            "KL(N(mu, s^2) || N(m, v)) in closed form",
            (
                "KL = sum_d log(v) / 2 - log s + (s^2 + (mu - m)^2) / (2 v) - 1/2",
                "d/dmu = (mu - m) / v        d/ds = s / v - 1 / s        d/dv = 1 / (2 v) - (s^2 + (mu - m)^2) / (2 v^2)",
            ),
            (
                "E_q[log q] = -log s - 1/2 - log(2 pi) / 2: minus the entropy of a normal",
                "E_q[log p] = -log(v) / 2 - log(2 pi) / 2 - E_q[(z - m)^2] / (2 v), and E_q[(z - m)^2] = s^2 + (mu - m)^2",
                "their difference is the KL; each derivative is that of one term",
            ),
        ),
        (kl.analytic_value, kl.analytic_value_and_grad),
        worked.analytic_entry,
    ),
    "monte-carlo-kl": Explained(
        Explanation(
            "KL(q || p) estimated from z = mu + s eps; M is --log-prior-multiplier, 1 by default",
            (
                "KL ~ log q(z|x) - M log p(z),   log q = -eps^2 / 2 - log s - log(2 pi) / 2,   eps = (z - mu) / s",
                "d/dz = -(z - mu) / s^2 - M d log p/dz        d/dmu = (z - mu) / s^2        d/ds = (z - mu)^2 / s^3 - 1 / s",
            ),
            (
                "log q = -(z - mu)^2 / (2 s^2) - log s - log(2 pi) / 2, with partial derivatives by z, mu and s as above",
                "z moves with mu (dz/dmu = 1): the two parts with (z - mu) / s^2 cancel, and -M d log p/dz is left",
                "z moves with s (dz/ds = eps): -(z - mu) / s^2 eps = -eps^2 / s cancels (z - mu)^2 / s^3, and -1 / s - M d log p/dz eps is left",
                "written with eps, log q = -eps^2 / 2 - log s - log(2 pi) / 2 depends on s alone, so nothing else can remain",
                "eps is the noise that made z: recomputed from z, it has few correct digits if s is small beside mu",
            ),
        ),
        (kl.sampled_log_density, kl.monte_carlo_value, kl.monte_carlo_value_and_grad),
        worked.monte_carlo_entry,
    ),
    "prior-variance": Explained(
        Explanation(
            "The learned variances of a prior: v = S D softmax(l)",
            ("d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),   w = softmax(l)",),
            (
                "dw_j/dl_k = w_j ([j = k] - w_k), the derivative of the softmax",
                "dL/dl_k = sum_j dL/dv_j S D w_j ([j = k] - w_k) = v_k dL/dv_k - v_k sum_j w_j dL/dv_j",
                "only relative variances are learned: their mean is S whatever the logits",
                "through a sample z = m + sqrt(v) e of the prior: dz/dv = e / (2 sqrt(v))",
            ),
        ),
        (priors.variance_from_logits, priors.logits_grad),
        worked.prior_variance_entry,
    ),
    "adam": Explained(
        Explanation(
            "Adam with AMSGrad, down the gradient g of the loss -L",
            (
                "m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2        v_max <- max(v_max, v)",
                "theta <- theta - lr / (1 - b1^t) m / (sqrt(v_max) / sqrt(1 - b2^t) + eps)",
            ),
            (
                "m and v begin at 0 and are too small by 1 - b1^t and 1 - b2^t after t steps, which the two divisions correct",
                "AMSGrad: the largest v so far, before that correction, so that the steps do not grow again",
            ),
        ),
        (Adam.update,),
        worked.adam_entry,
    ),
}


def explanations() -> dict[str, Explained]:
    """The explanation of every term by name: those above, and those of the likelihoods, priors and regularisers."""
    found = dict(_FIXED)
    for name, kind in LIKELIHOODS.items():
        if kind.explanation is not None:
            found[f"{name}-likelihood"] = Explained(
                kind.explanation, (kind.value, kind.value_and_grad), partial(worked.likelihood_entry, kind)
            )
    for name, kind in PRIORS.items():
        if kind.explanation is not None:
            found[f"{name}-prior"] = Explained(
                kind.explanation, (kind.log_density_and_grad,), partial(worked.prior_entry, kind)
            )
    for name, regulariser in REGULARISERS.items():
        if regulariser.explanation is not None and regulariser.work_by_hand is not None:
            work = partial(worked.regulariser_entry, regulariser)
            found[name] = Explained(regulariser.explanation, regulariser.code, work)
    return found
