"""A variational autoencoder: its parts, its parameters, and what a trained model computes."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from .. import memory
from ..errors import counted
from ..randomness import philox, streams
from ..randomness.draws import sample_prior
from ..terms import priors
from ..terms.arrays import array_module
from ..terms.likelihoods import Likelihood
from ..terms.posterior import scale_from_raw
from ..terms.priors import Prior
from .network import MLP, Parameters

PRIOR_LOGITS = "prior.logits"


@dataclass
class VAE:
    """Encoder, decoder, likelihood, prior and their parameters, all in textbook code.

    Attributes
    ----------
    encoder, decoder : MLP
        The encoder's output is (loc, raw), each ``latent_dim`` wide; the decoder's is what the likelihood expects.
    likelihood : Likelihood
    prior : Prior
        If ``learn_prior_variance`` is set, its scale is the initial one: use ``current_prior()``.
    scale_link : str
        How the encoder's raw output becomes the posterior's scale: ``softplus`` or ``exp``.
    parameters : Parameters
        ``enc.i.W``, ``enc.i.b``, ``dec.i.W``, ``dec.i.b``, and, if the prior's variances are learned, ``prior.logits``
        (D,).
    prior_variance_scale : float
        S, the mean of the prior's variances over the dimensions.
    """

    encoder: MLP
    decoder: MLP
    likelihood: Likelihood
    prior: Prior
    scale_link: str
    parameters: Parameters
    prior_variance_scale: float = 1.0

    def __repr__(self) -> str:
        widths = " ".join("-".join(map(str, net.widths)) for net in (self.encoder, self.decoder))
        prior, likelihood = (getattr(part, "name", type(part).__name__) for part in (self.prior, self.likelihood))
        return f"VAE({widths}, {prior} prior, {likelihood} likelihood, {self.parameters.vector.size} parameters)"

    @property
    def data_dim(self) -> int:
        """dx, the data's width."""
        return self.encoder.widths[0]

    @property
    def latent_dim(self) -> int:
        """D, the number of latent dimensions."""
        return self.decoder.widths[0]

    @property
    def learn_prior_variance(self) -> bool:
        """Whether the prior's variances are learned."""
        return PRIOR_LOGITS in self.parameters

    @property
    def dtype(self) -> Any:
        """The dtype of the parameters, float32 or float64."""
        return self.parameters.vector.dtype

    def current_prior(self) -> Prior:
        """The prior with the current parameters: v_d = S D softmax(prior.logits)_d if the variances are learned."""
        if not self.learn_prior_variance:
            return self.prior
        variance = priors.variance_from_logits(self.parameters[PRIOR_LOGITS], self.prior_variance_scale)
        xp = array_module(variance)
        scale = xp.broadcast_to(xp.sqrt(variance), self.prior.scale.shape)
        return replace(self.prior, scale=xp.ascontiguousarray(scale))  # type: ignore[type-var]

    def split_posterior(self, encoder_output: Any) -> tuple[Any, Any]:
        """loc and raw, each (..., D), of the encoder's output (..., 2 D)."""
        return encoder_output[..., : self.latent_dim], encoder_output[..., self.latent_dim :]

    def encode(self, x: Any) -> tuple[Any, Any]:
        """loc and scale (B, D) of q(z|x) for x (B, dx)."""
        loc, raw = self.split_posterior(self.encoder.forward(self.parameters, x)[0])
        return loc, scale_from_raw(raw, self.scale_link)

    def decode(self, z: Any) -> Any:
        """The decoder's output (..., output_dim) for z (..., D): logits, loc, or (loc, raw), by likelihood."""
        return self.decoder.forward(self.parameters, z)[0]

    def sample(self, count: int, seed: int = 0) -> tuple[Any, Any, Any]:
        """``count`` samples: z (count, D) from p(z), E[x|z] (count, dx), and x (count, dx) from p(x|z)."""
        size = memory.of_samples(count, self.decoder.widths, self.data_dim, self.dtype.itemsize)
        memory.ask(counted(count, "sample"), size, "fewer, by --count, take less")
        z, _, _ = sample_prior(
            self.current_prior(),
            (count, self.latent_dim),
            seed,
            streams.SAMPLE_Z.at(),
            streams.SAMPLE_CHOICE.at(),
            self.dtype,
        )
        output = self.decode(z)
        mean = self.likelihood.mean(output)
        noise = philox.uniform if self.likelihood.noise_kind == "uniform" else philox.normal
        return z, mean, self.likelihood.sample(output, noise(mean.shape, seed, *streams.SAMPLE_X.at(), self.dtype))

    def reconstruct(self, x: Any) -> Any:
        """E[x|z] (B, dx) at the posterior means z = loc(x) of the points x (B, dx)."""
        return self.likelihood.mean(self.decode(self.encode(x)[0]))


def parameter_shapes(
    encoder: MLP, decoder: MLP, latent_dim: int, learn_prior_variance: bool
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, in the order of the vector."""
    shapes = encoder.shapes() | decoder.shapes()
    if learn_prior_variance:
        shapes[PRIOR_LOGITS] = (latent_dim,)
    return shapes


def cast_prior(prior: Prior, dtype: Any) -> Prior:
    """The prior with its arrays in a dtype, C-contiguous. A prior that is not a dataclass is returned unchanged."""
    if not is_dataclass(prior):
        return prior
    arrays: dict[str, Any] = {
        name: np.ascontiguousarray(value, dtype) for name, value in vars(prior).items() if isinstance(value, np.ndarray)
    }
    return replace(prior, **arrays)


def in_dtype(vae: VAE, dtype: Any) -> VAE:
    """A copy of the model in another dtype; it does not share the parameters."""
    parameters = Parameters(vae.parameters.shapes, vae.parameters.vector.astype(dtype))
    return replace(vae, parameters=parameters, prior=cast_prior(vae.prior, dtype))
