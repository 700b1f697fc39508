"""What is said of each term: value, gradient, and how the one leads to the other."""

from __future__ import annotations

from ..model.network import MLP
from ..model.optimizer import Adam
from ..terms import kl, likelihoods, posterior, priors
from ..terms.regularisers import inclusive_kl, mmd
from . import worked
from .explanation import Explanation, Situation


def own_names(situation: Situation) -> dict[str, str]:
    """What the general names stand for in this model."""
    return {
        "reconstruction": f"{situation.vae.likelihood.name}-likelihood",
        "kl": f"{situation.objective.kl}-kl",
        "regulariser": situation.objective.regulariser,
        "prior": f"{situation.vae.prior.name}-prior",
    }


EXPLANATIONS = {
    "mlp": Explanation(
        "Multilayer perceptron: h_0 = x, a_i = h_i W_i + b_i, h_i+1 = act(a_i), output = a_L-1",
        (
            "d/dW = h^T d_a        d/db = sum over points of d_a        d/dh = d_a W^T        d_a of the layer below = d/dh act'(a)",
        ),
        (
            "a_nj = sum_i h_ni W_ij + b_j for point n, so da_nj/dW_ij = h_ni, da_nj/db_j = 1, da_nj/dh_ni = W_ij",
            "chain rule, summed over all a that W_ij is in: df/dW_ij = sum_n h_ni df/da_nj, which is h^T d_a; likewise d_b and d_h",
            "h = act(a) element by element: df/da = df/dh act'(a)",
            "act' from the output h: relu [h > 0], leaky-relu 1 or 0.2, tanh 1 - h^2, softplus 1 - e^-h",
            "go from the last layer to the first, with h kept from the way forward",
        ),
        (MLP.forward, MLP.backward),
        worked.mlp_entry,
    ),
    "sample": Explanation(
        "The reparameterised sample: z = mu + s eps, s = link(a), eps ~ N(0, 1)",
        ("d/dmu = d/dz        d/ds = d/dz eps        d/da = d/ds ds/da",),
        (
            "z ~ N(mu, s^2) is mu + s eps with noise that does not depend on mu or s, so E[f(z)] has the gradient E[df/dz dz/d.]",
            "dz/dmu = 1, dz/ds = eps",
            "softplus: s = log(1 + e^a) + 1e-6, ds/da = e^a / (1 + e^a) = sigmoid(a)",
            "exp: s = e^(a/2) + 1e-6, ds/da = e^(a/2) / 2",
        ),
        (posterior.sample, posterior.scale_slope),
        worked.sample_entry,
    ),
    "bernoulli-likelihood": Explanation(
        "Bernoulli likelihood of logits o",
        ("log p(x | o) = sum_d x o - log(1 + e^o)        d/do = x - sigmoid(o)",),
        (
            "p = sigmoid(o):  log p(x) = x log p + (1 - x) log(1 - p)",
            "log p = o - log(1 + e^o) and log(1 - p) = -log(1 + e^o), so log p(x) = x o - log(1 + e^o)",
            "d/do log(1 + e^o) = e^o / (1 + e^o) = sigmoid(o)",
        ),
        (likelihoods.Bernoulli.value, likelihoods.Bernoulli.value_and_grad),
        worked.bernoulli_entry,
    ),
    "gaussian-likelihood": Explanation(
        "Gaussian likelihood with a learned scale: output (m, r), s = softplus(r) + 1e-6",
        (
            "log p(x | m, r) = sum_d -t^2 / 2 - log s - log(2 pi) / 2,   t = (x - m) / s",
            "d/dm = t / s        d/dr = (t^2 - 1) / s sigmoid(r)",
        ),
        (
            "dt/dm = -1 / s, so d/dm (-t^2 / 2) = t / s",
            "dt/ds = -t / s, so d/ds (-t^2 / 2 - log s) = t^2 / s - 1 / s",
            "ds/dr = sigmoid(r)",
        ),
        (likelihoods.Gaussian.value, likelihoods.Gaussian.value_and_grad),
        worked.gaussian_entry,
    ),
    "laplace-likelihood": Explanation(
        "Laplace likelihood with a fixed scale b",
        ("log p(x | m) = sum_d -|x - m| / b - log(2 b)        d/dm = sign(x - m) / b",),
        (
            "d|r|/dr = sign(r) for r other than 0, where the density has its kink; there 0 is taken",
            "dr/dm = -1 for r = x - m",
        ),
        (likelihoods.Laplace.value, likelihoods.Laplace.value_and_grad),
        worked.laplace_entry,
    ),
    "analytic-kl": Explanation(
        "KL(N(mu, s^2) || N(m, v)) in closed form",
        (
            "KL = sum_d log(v) / 2 - log s + (s^2 + (mu - m)^2) / (2 v) - 1/2",
            "d/dmu = (mu - m) / v        d/ds = s / v - 1 / s        d/dv = 1 / (2 v) - (s^2 + (mu - m)^2) / (2 v^2)",
        ),
        (
            "E_q[log q] = -log s - 1/2 - log(2 pi) / 2: the entropy of a normal",
            "E_q[log p] = -log(v) / 2 - log(2 pi) / 2 - E_q[(z - m)^2] / (2 v), and E_q[(z - m)^2] = s^2 + (mu - m)^2",
            "their difference is the KL; each derivative is that of one term",
        ),
        (kl.analytic_value, kl.analytic_value_and_grad),
        worked.analytic_entry,
    ),
    "monte-carlo-kl": Explanation(
        "KL(q || p) estimated from z = mu + s eps; M is --log-prior-multiplier, 1 by default",
        (
            "KL ~ log N(z; mu, s^2) - M log p(z)",
            "d/dz = -(z - mu) / s^2 - M d log p/dz        d/dmu = (z - mu) / s^2        d/ds = (z - mu)^2 / s^3 - 1 / s",
        ),
        (
            "log q = -(z - mu)^2 / (2 s^2) - log s - log(2 pi) / 2, with partial derivatives by z, mu and s as above",
            "z moves with mu (dz/dmu = 1): the two parts with (z - mu) / s^2 cancel, and -M d log p/dz is left",
            "z moves with s (dz/ds = eps): -(z - mu) / s^2 eps = -eps^2 / s cancels (z - mu)^2 / s^3, and -1 / s - M d log p/dz eps is left",
            "for log q = -eps^2 / 2 - log s - log(2 pi) / 2: where z goes, the density q goes along",
        ),
        (kl.monte_carlo_value, kl.monte_carlo_value_and_grad),
        worked.monte_carlo_entry,
    ),
    "gaussian-prior": Explanation(
        "Gaussian prior N(m, v)",
        (
            "log p = sum_d -(z - m)^2 / (2 v) - log(2 pi v) / 2        d/dz = -(z - m) / v        d/dv = ((z - m)^2 / v^2 - 1 / v) / 2",
        ),
        ("the square's derivative by z is 2 (z - m)", "d(1 / v)/dv = -1 / v^2, d log v/dv = 1 / v"),
        (priors.Gaussian.log_density_and_grad,),
        worked.gaussian_prior_entry,
    ),
    "student-t-prior": Explanation(
        "Student-t prior, nu degrees of freedom, v = scale^2",
        (
            "log p = sum_d c - log(v) / 2 - (nu + 1) / 2 log(1 + (z - m)^2 / (nu v))",
            "d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2)",
        ),
        (
            "with r = z - m: d/dz log(1 + r^2 / (nu v)) = 2 r / (nu v) / (1 + r^2 / (nu v)) = 2 r / (nu v + r^2)",
            "times -(nu + 1) / 2; for large |r| the pull falls like 1 / r, where a Gaussian's grows like r",
            "d/dv: the log gives -r^2 / (v (nu v + r^2)), so ((nu + 1) / 2 r^2 / (nu v + r^2) - 1/2) / v",
        ),
        (priors.StudentT.log_density_and_grad,),
        worked.student_t_entry,
    ),
    "mixture-prior": Explanation(
        "Mixture prior sum_m pi_m N(m_m, v_m)",
        (
            "log p = logsumexp_m (log pi_m + log N(z; m_m, v_m))        R_m = softmax_m of the same",
            "d/dz = -sum_m R_m (z - m_m) / v_m        d/dv_m = R_m ((z - m_m)^2 / v_m^2 - 1 / v_m) / 2",
        ),
        (
            "d log sum_m e^(l_m) = sum_m e^(l_m) / sum e^l  dl_m = sum_m R_m dl_m",
            "l_m = log pi_m + log N(z; m_m, v_m), whose derivatives are a Gaussian's",
            "R_m is one number for a point, over all its dimensions together: the components are not a mixture in each dimension",
        ),
        (priors.Mixture.log_density_and_grad,),
        worked.mixture_entry,
    ),
    "sparse-prior": Explanation(
        "Spike and slab in each dimension: (1 - gamma) N(m, v) + gamma N(0, a^2)",
        (
            "log p = sum_d log((1 - gamma) N(z; m, v) + gamma N(z; 0, a^2))        rho = the spike's share",
            "d/dz = -rho z / a^2 - (1 - rho) (z - m) / v",
        ),
        (
            "a mixture of two in each dimension by itself, so a responsibility rho for each dimension",
            "d log(u + w) = (du + dw) / (u + w) = rho dlog u + (1 - rho) dlog w, with u the spike's part and w the slab's",
        ),
        (priors.Sparse.log_density_and_grad,),
        worked.sparse_entry,
    ),
    "prior-variance": Explanation(
        "The learned variances of a prior: v = S D softmax(l)",
        ("d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),   w = softmax(l)",),
        (
            "dw_j/dl_k = w_j ([j = k] - w_k), the softmax's derivative",
            "dL/dl_k = sum_j dL/dv_j S D w_j ([j = k] - w_k) = v_k dL/dv_k - v_k sum_j w_j dL/dv_j",
            "only relative variances are learned: their mean is S whatever the logits",
            "through a sample z = m + sqrt(v) e of the prior: dz/dv = e / (2 sqrt(v))",
        ),
        (priors.variance_from_logits, priors.logits_grad),
        worked.prior_variance_entry,
    ),
    "mmd": Explanation(
        "MMD^2 between x, a sample of the prior, and y = z, dimension by dimension, k(r) = sum_c c / (c + r^2)",
        (
            "MMD^2 = 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j)",
            "d/dy_a = 2/(B (B-1)) sum_j k'(y_a - y_j) - 2/B^2 sum_j k'(y_a - x_j),   k'(r) = -2 r sum_c c / (c + r^2)^2",
        ),
        (
            "y_a is in the double sum over (i, j) twice, as y_i and as y_j; k is even, so both give k'(y_a - y_j): the factor 2",
            "k'(0) = 0, so j = a may stay in the sum",
            "in the sum across, k(x_j - y_a) = k(y_a - x_j) has y_a once; the factor 2 is the formula's own",
            "points pull together where k' of a distance is negative, and are pushed apart within: the y spread out over the x",
        ),
        (mmd.value, mmd.value_and_grad),
        worked.mmd_entry,
    ),
    "kl-inc": Explanation(
        "KL(p || q) from samples z_j of the prior, q(z) = 1/B sum_i N(z; mu_i, s_i^2)",
        (
            "KL = 1/J sum_j [log p(z_j) - logsumexp_i log q(z_j | x_i) + log B]        W_ji = softmax_i log q(z_j | x_i)",
            "d/dmu_i = -1/J sum_j W_ji (z_j - mu_i) / s_i^2        d/ds_i = -1/J sum_j W_ji ((z_j - mu_i)^2 / s_i^3 - 1 / s_i)",
        ),
        (
            "the derivative of a logsumexp is the softmax-weighted sum of the derivatives: W_ji d log q(z_j | x_i)",
            "log q(z | x_i) is normal: d/dmu = (z - mu) / s^2, d/ds = (z - mu)^2 / s^3 - 1 / s",
            "each sample of the prior pulls the posteriors that explain it best towards itself: no part of the prior stays empty",
            "with a learned prior z_j moves too: d/dz_j = 1/J (d log p/dz_j + sum_i W_ji (z_j - mu_i) / s_i^2)",
        ),
        (inclusive_kl.value, inclusive_kl.value_and_grad),
        worked.inclusive_entry,
    ),
    "adam": Explanation(
        "Adam with AMSGrad, down the gradient g of the loss -L",
        (
            "m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2        v_max <- max(v_max, v)",
            "theta <- theta - lr / (1 - b1^t) m / (sqrt(v_max) / sqrt(1 - b2^t) + eps)",
        ),
        (
            "m and v begin at 0 and are too small by 1 - b1^t and 1 - b2^t after t steps, which the two divisions mend",
            "AMSGrad: the largest v so far, before that correction, so that steps do not grow again",
        ),
        (Adam.update,),
        worked.adam_entry,
    ),
}
