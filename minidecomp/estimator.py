"""A scikit-learn estimator: the same options and the same training as the command line's, on arrays in memory.

scikit-learn is not needed: without it the class has the same methods, and raises plain ValueErrors.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np

from . import training
from .data.dataset import Dataset
from .engines import Engine, make
from .model.vae import VAE, in_dtype
from .randomness import streams
from .runs.checkpoint import State
from .settings.options import TrainOptions
from .settings.resolving import resolve

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted, validate_data

    HAS_SKLEARN = True
    BASES: tuple[type, ...] = (ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator)
except ImportError:  # none, or one before 1.6
    HAS_SKLEARN = False

    class _Parameters:
        """What scikit-learn's BaseEstimator has of parameters."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

        def set_params(self, **given: Any) -> Any:
            for name, value in given.items():
                if name not in self.get_params():
                    raise ValueError(f"{name!r} is no parameter of {type(self).__name__}")
                setattr(self, name, value)
            return self

        def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
            prefix = type(self).__name__.lower()
            return np.array([f"{prefix}{i}" for i in range(self._n_features_out)], object)  # type: ignore[attr-defined]

        def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
            return self.fit(X, y).transform(X)  # type: ignore[attr-defined]

    BASES = (_Parameters,)

    class NotFittedError(ValueError, AttributeError):  # type: ignore[no-redef]
        """The model is not fitted yet."""


OWN = "array"  # what stands for --data: a file of one's own, by its defaults
ROWS_AT_ONCE = 512


class DecompositionVAE(*BASES):  # type: ignore[misc]
    """A variational autoencoder with the decomposition objective, as a transformer.

    The parameters are the options of ``minidecomp train``, with its names and its defaults for data of one's own; None
    stands for what follows from the others or from the data. ``minidecomp train --help`` says what each is. The same
    options, seed and data give the same model as the command line, to the bit.

    Attributes
    ----------
    vae_ : minidecomp.VAE
        The trained model.
    options_ : minidecomp.TrainOptions
        The options as they were resolved.
    objective_ : float
        The objective over the last epoch, in nats a point.
    n_features_in_ : int
        dx.

    Examples
    --------
    >>> import numpy as np
    >>> from minidecomp import DecompositionVAE
    >>> X = np.random.default_rng(0).normal(size=(200, 6))
    >>> model = DecompositionVAE(prior="mixture", alpha=5.0, epochs=20).fit(X)
    >>> model.transform(X).shape, model.inverse_transform(model.transform(X)).shape, model.sample(3).shape
    ((200, 2), (200, 6), (3, 6))
    """

    def __init__(
        self,
        *,
        prior: str = "mixture",
        alpha: float = 0.0,
        beta: float = 1.0,
        regulariser: str = "mmd",
        latent_dim: int = 2,
        hidden: tuple[int, ...] = (100,),
        decoder_hidden: tuple[int, ...] | None = None,
        activation: str = "relu",
        decoder_activation: str | None = None,
        init: str = "torch",
        scale_link: str = "softplus",
        likelihood: str | None = None,
        likelihood_scale: float = 0.1,
        prior_variance: str = "iso",
        pca_centre: bool = True,
        learn_prior_variance: bool = False,
        prior_variance_scale: float | None = None,
        df: float = 9.0,
        components: int = 4,
        component_radius: float = 1.0,
        gamma: float = 0.8,
        spike_scale: float = 0.05,
        kl: str | None = None,
        samples: int = 1,
        log_prior_multiplier: float = 1.0,
        epochs: int = 100,
        batch_size: int = 100,
        lr: float = 1e-3,
        amsgrad: bool = True,
        seed: int = 0,
        dtype: str = "float32",
        threads: int | None = None,
        engine: str = "auto",
    ):
        self.prior = prior
        self.alpha = alpha
        self.beta = beta
        self.regulariser = regulariser
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.decoder_hidden = decoder_hidden
        self.activation = activation
        self.decoder_activation = decoder_activation
        self.init = init
        self.scale_link = scale_link
        self.likelihood = likelihood
        self.likelihood_scale = likelihood_scale
        self.prior_variance = prior_variance
        self.pca_centre = pca_centre
        self.learn_prior_variance = learn_prior_variance
        self.prior_variance_scale = prior_variance_scale
        self.df = df
        self.components = components
        self.component_radius = component_radius
        self.gamma = gamma
        self.spike_scale = spike_scale
        self.kl = kl
        self.samples = samples
        self.log_prior_multiplier = log_prior_multiplier
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.amsgrad = amsgrad
        self.seed = seed
        self.dtype = dtype
        self.threads = threads
        self.engine = engine

    # ---- fitting ----

    def fit(self, X: Any, y: Any = None) -> DecompositionVAE:
        """Train a new model on X (N, dx) for all epochs; ``y`` is not used."""
        X = self._checked(X, reset=True)
        self._train(self._start(X), self._options().epochs)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> DecompositionVAE:
        """Train for one epoch on X (N, dx), from where the last call left off."""
        begun = hasattr(self, "_state")
        X = self._checked(X, reset=not begun)
        if not begun:
            trainer = self._start(X)
        else:
            options, state = self.options_, self._state
            state.row, state.totals[:] = 0, 0
            trainer = training.go_on_in_memory(options, _dataset(X), state)
        self._train(trainer, trainer.state.epoch + 1)
        return self

    def _options(self) -> TrainOptions:
        given = {name: value for name, value in self.get_params(deep=False).items() if value is not None}
        given = {name: value.tolist() if isinstance(value, np.generic) else value for name, value in given.items()}
        return resolve(data=OWN, **given)

    def _start(self, X: np.ndarray) -> training.Trainer:
        return training.start_in_memory(self._options(), _dataset(X))

    def _train(self, trainer: training.Trainer, epochs: int) -> None:
        trainer.options = replace(trainer.options, epochs=epochs)
        training.train(trainer)
        state = trainer.state
        self._state: State = state
        self.options_ = replace(trainer.options, epochs=self._options().epochs)
        self.vae_: VAE = state.vae
        self.objective_ = float(state.rows[-1]["objective"])
        self.n_iter_ = state.epoch
        self._n_features_out = state.vae.latent_dim

    # ---- using ----

    def transform(self, X: Any) -> np.ndarray:
        """The posterior means loc (N, D), in X's dtype."""
        return self.posterior(X)[0]

    def posterior(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x), in X's dtype."""
        self._check_fitted()
        X = self._checked(X, reset=False)
        # Rows of fixed batches, the last one filled up: a point's encoding does not depend on its company.
        engine = self._make_engine()
        parts = []
        for first in range(0, len(X), ROWS_AT_ONCE):
            part = np.zeros((ROWS_AT_ONCE, X.shape[1]), self.vae_.dtype)
            rows = X[first : first + ROWS_AT_ONCE]
            part[: len(rows)] = rows
            parts.append([each[: len(rows)] for each in engine.encode(part)])
        loc, scale = (np.concatenate(each).astype(X.dtype) for each in zip(*parts, strict=True))
        return loc, scale

    def _make_engine(self) -> Engine:
        """The CPU's or the textbook's: an array that comes once is not worth the way to a GPU."""
        name = "textbook" if self.options_.engine == "textbook" else "cpu"
        # A model that was read back as a memory map cannot be written to, which the core insists on.
        vae = self.vae_ if self.vae_.parameters.vector.flags.writeable else in_dtype(self.vae_, self.vae_.dtype)
        return make(name, vae, _objective(self.options_), max_rows=ROWS_AT_ONCE)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """E[x|z] (N, dx) of latent points Z (N, D)."""
        self._check_fitted()
        Z = np.asarray(Z)
        if Z.ndim != 2 or Z.shape[1] != self.vae_.latent_dim:
            raise ValueError(f"Z has shape {Z.shape}, (N, {self.vae_.latent_dim}) is needed")
        dtype = Z.dtype if Z.dtype in (np.float32, np.float64) else np.float64
        mean = self.vae_.likelihood.mean(self.vae_.decode(Z.astype(self.vae_.dtype)))
        return np.asarray(mean, dtype)

    def sample(self, n_samples: int = 1, seed: int = 0) -> np.ndarray:
        """Points (n_samples, dx) from p(x|z) with z from the prior."""
        self._check_fitted()
        return np.asarray(self.vae_.sample(n_samples, seed)[2])

    def score(self, X: Any, y: Any = None) -> float:
        """The ELBO's mean over X, E_q[log p(x|z)] - KL(q(z|x) || p(z)), in nats a point; more is better.

        One sample a point stands for the expectation. It does not depend on alpha and beta, so that models with
        different ones compare.
        """
        self._check_fitted()
        X = self._checked(X, reset=False).astype(self.vae_.dtype)
        engine = self._make_engine()
        total = 0.0
        for number, first in enumerate(range(0, len(X), ROWS_AT_ONCE)):
            x = np.ascontiguousarray(X[first : first + ROWS_AT_ONCE])
            values = engine.values(x, self.options_.seed, streams.SCORE.step(number), "kl-inc")
            total += len(x) * (values["log_likelihood"] - values["kl"])
        return total / len(X)

    # ---- scikit-learn's conventions ----

    def _checked(self, X: Any, reset: bool) -> np.ndarray:
        """X as a float32 or float64 array (N, dx), as wide as the first one."""
        if HAS_SKLEARN:
            return validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], order="C")
        X = np.asarray(X)
        if X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float64)
        if X.ndim != 2 or 0 in X.shape:
            raise ValueError(f"X has shape {X.shape}, points in rows are needed")
        if not np.isfinite(X).all():
            raise ValueError("X has NaN or infinity in it")
        if reset:
            self.n_features_in_ = X.shape[1]
        elif X.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {X.shape[1]} features, the model was fitted with {self.n_features_in_}")
        return np.ascontiguousarray(X)

    def _check_fitted(self) -> None:
        if HAS_SKLEARN:
            check_is_fitted(self, "vae_")
        elif not hasattr(self, "vae_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _dataset(X: np.ndarray) -> Dataset:
    return Dataset(OWN, X, X)


def _objective(options: TrainOptions) -> Any:
    from .objective import objective_from as objective

    return objective(options)


__all__ = ["DecompositionVAE"]
