"""From the options of a run to its model."""

from __future__ import annotations

import numpy as np

from ..data.dataset import Dataset
from ..data.points import all_zero_or_one
from ..data.principal_variances import cached_principal_variances
from ..data.waiting import SILENT, Waiting
from ..errors import OptionError, counted
from ..settings.options import TrainOptions
from ..terms.priors import variance_from_logits
from ..variants import LIKELIHOODS, PRIORS
from .network import MLP, Parameters, initialise
from .vae import PRIOR_LOGITS, VAE, cast_prior, parameter_shapes


def fit_likelihood(options: TrainOptions, dataset: Dataset) -> TrainOptions:
    """The options, with the likelihood that suits the data if none was given."""
    if options.likelihood is None:
        likelihood = "bernoulli" if all_zero_or_one(dataset.train) and all_zero_or_one(dataset.test) else "gaussian"
        return options.replace(likelihood=likelihood)
    return options


def shapes(options: TrainOptions, data_dim: int) -> dict[str, tuple[int, ...]]:
    """The parameters' names and shapes, in the order of their vector. No arrays are allocated."""
    return parameter_shapes(*_networks(options, data_dim), options.latent_dim, options.learn_prior_variance)


def _networks(options: TrainOptions, data_dim: int) -> tuple[MLP, MLP]:
    o = options
    output_dim = LIKELIHOODS[o.likelihood].from_options(o).output_dim(data_dim)
    encoder = MLP("enc", (data_dim, *o.hidden, 2 * o.latent_dim), o.activation)
    return encoder, MLP("dec", (o.latent_dim, *o.decoder_hidden, output_dim), o.decoder_activation)


def vae(options: TrainOptions, data_dim: int, prior_logits: np.ndarray | None = None) -> VAE:
    """A model with its initial parameters.

    Parameters
    ----------
    options : TrainOptions
        Resolved options, with a likelihood.
    data_dim : int
        dx, the data's width.
    prior_logits : numpy.ndarray of shape (D,), optional
        The prior's variances are S D softmax(prior_logits). The default, zeros, makes them equal.
    """
    o = options
    encoder, decoder = _networks(o, data_dim)
    parameters = Parameters(shapes(o, data_dim), dtype=o.dtype)
    initialise(parameters, o.seed, o.init)
    logits = np.zeros(o.latent_dim) if prior_logits is None else np.asarray(prior_logits, float)
    if o.learn_prior_variance:
        parameters[PRIOR_LOGITS][...] = logits
    scale = np.sqrt(variance_from_logits(logits, o.prior_variance_scale))
    return VAE(
        encoder,
        decoder,
        LIKELIHOODS[o.likelihood].from_options(o),
        cast_prior(PRIORS[o.prior].from_options(o, scale), o.dtype),
        o.scale_link,
        parameters,
        o.prior_variance_scale,
    )


def prior_logits(
    options: TrainOptions, dataset: Dataset, fingerprint: str, waiting: Waiting = SILENT
) -> np.ndarray | None:
    """The logits that make the prior's variances proportional to the data's largest principal variances.

    None if the prior's variances are equal.

    Raises
    ------
    OptionError
        If the data vary in fewer directions than the latent space has dimensions.
    """
    if options.prior_variance != "pca":
        return None
    dim = options.latent_dim
    variances = cached_principal_variances(
        dataset.train, dim, options.pca_centre, fingerprint, waiting, options.threads
    )
    usable = int((variances > 1e-12 * variances[0]).sum()) if variances[0] > 0 else 0
    if usable < dim:
        raise OptionError(
            "prior_variance",
            "pca",
            f"the data vary in {counted(usable, 'direction')} only, and `--latent-dim` is {dim}",
        )
    return np.log(variances)
