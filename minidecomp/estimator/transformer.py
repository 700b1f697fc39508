"""DecompositionVAE: fit, transform and the other methods of a transformer."""

from __future__ import annotations

import inspect
import math
import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import progress, training
from ..data.arrays import FromFile, codes_of_gaps, labels_and_ids
from ..data.cells import Reading
from ..data.dataset import Dataset
from ..data.frame_cells import is_frame, plain_frame
from ..data.held_out import held_out
from ..data.images import channels_that_fit
from ..data.labels import as_texts, label_classes
from ..data.points import Points, fingerprint
from ..data.rules import DataRules, NewData, as_rows, check_finite, learn, new_data, size_note
from ..data.scaling import Scaling
from ..data.tables import table_names, table_of_frame
from ..engines import ROWS_AT_ONCE, Engine, make
from ..engines.choice import go_on_with
from ..errors import DataError, OptionError, as_arguments
from ..evaluation.terms import evaluate
from ..model.vae import VAE, in_dtype
from ..objective import objective_from
from ..runs.checkpoint import State
from ..settings.common_names import unknown_option
from ..settings.options import OWN, TrainOptions, by_name
from ..settings.resolving import check, resolve, whole_number
from ..settings.schedules import SCHEDULED
from ..settings.validation import GO_WITH_IT
from . import kept, spare
from .base import BASES, HAS_SKLEARN, NotFittedError, check_is_fitted, validate_data
from .parameters import CHANGEABLE, OF_PYTHON, checked_callbacks, is_verbose, parameters, patience

MOST_SAMPLES = 10**7
Show = Callable[[training.Trainer], AbstractContextManager[Callable[[training.Trainer], None]]]


class DecompositionVAE(*BASES):  # type: ignore[misc]
    """A variational autoencoder with the decomposition objective, as a transformer.

    The parameters are the options of ``minidecomp train``, with the same names and the defaults for your own data;
    ``minidecomp train --help`` explains them. None means that the value follows from the other options or from the
    data. The same options, seed and data give exactly the same model as on the command line, to the bit.

    X is an array (N, dx), or a pandas or polars DataFrame, which is read like a table on the command line: its column
    names are kept, and its numbers are never taken for bytes. With ``reshape=True`` X may be images (N, rows, columns),
    or colour images with 3 or 4 channels as the last or the second axis. `inverse_transform` and `sample` then return
    images with the same axes.

    ``early_stopping=True`` (or a number of validations) keeps ``validation_fraction`` of X for validation, a tenth by
    default. Training stops after ten validations (or that number) without a better one, and the best model is kept.

    ``verbose=1`` shows the progress of ``fit`` (`minidecomp.progress.shown`), and prints a line per epoch in
    ``partial_fit``. ``callbacks`` is a list of functions that are called with the `minidecomp.training.Trainer` after
    every epoch: ``trainer.state.rows[-1]`` has the epoch's values, and ``trainer.state.vae`` is the model. A callback
    that returns True ends the training.

    Attributes
    ----------
    vae_ : minidecomp.VAE
        The trained model.
    options_ : minidecomp.TrainOptions
        The resolved options.
    rules_ : minidecomp.data.rules.DataRules
        What X must be, learnt in ``fit``. As on the command line, a uint8 array with values other than 0 and 1 is taken
        for bytes, v for v / 255.
    objective_ : float
        The objective, averaged over the model's last epoch, in nats per point.
    history_ : dict of str to numpy.ndarray of shape (n_iter_,)
        The mean over each epoch, by ``epoch``, ``log_likelihood``, ``kl``, ``regulariser``, ``objective`` and the other
        columns of a run's ``metrics.csv``. With validation also ``validation_objective`` and so on, which are NaN in
        epochs without a validation. ``partial_fit`` adds to them.
    n_iter_ : int
        The number of epochs trained.
    best_epoch_ : int or None
        With validation, the epoch of the model with the best validation value, which is kept.
    n_features_in_ : int
        The number of features, dx.
    image_shape_ : tuple of int or None
        Rows, columns and, in colour, channels of the images passed to ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> from minidecomp import DecompositionVAE
    >>> X = np.random.default_rng(0).normal(size=(200, 6))
    >>> model = DecompositionVAE(prior="mixture", alpha=5.0, epochs=20).fit(X)
    >>> model.transform(X).shape, model.inverse_transform(model.transform(X)).shape, model.sample(3).shape
    ((200, 2), (200, 6), (3, 6))
    """

    def __init__(self, **given: Any):
        usual = parameters()
        for name in given:
            if name not in usual:
                line = str(unknown_option(name, usual)).replace("unknown option", "unknown parameter")
                raise TypeError(f"{type(self).__name__}: {line}")
        for name, value in usual.items():
            setattr(self, name, given.get(name, value))

    # Editors, help() and scikit-learn read the signature.
    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
                for name, value in parameters().items()
            ),
        ]
    )

    _digest = ""  # of the points of the last training; empty if unknown

    def __getattr__(self, name: str) -> Any:
        """A parameter of a variant that was added after the estimator was made has its default value."""
        usual = {} if name.startswith("_") or name.endswith("_") else parameters()
        if name not in usual:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return usual[name]

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """scikit-learn's method for reading parameters, including those of a prior that was added later."""
        return sorted(parameters())

    # ---- fitting ----

    def fit(self, X: Any, y: Any = None) -> DecompositionVAE:
        """Train a new model on X (N, dx) for all epochs. ``y`` is ignored.

        With ``early_stopping`` or ``validation_fraction``, a part of X is kept for validation, and the model is the one
        with the best validation value.
        """
        show = progress.shown if is_verbose(self.verbose) else None
        checked_callbacks(self.callbacks)
        X = self._checked(X, reset=True)
        self._train(self._start(X, validated=True), self._options().epochs, show)
        self._digest = fingerprint(X)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> DecompositionVAE:
        """Train for one epoch on X (N, dx), from where the last call stopped, or from the best model after validation.

        Changes by `set_params` since then take effect: the weights of the objective, ``lr``, ``batch_size`` and so on.
        Parameters of the model itself must not change; ``fit`` starts a new one. No points are kept for validation, and
        there is no early stopping.
        """
        show = progress.lines if is_verbose(self.verbose) else None
        checked_callbacks(self.callbacks)
        begun = hasattr(self, "_state")
        X = self._checked(X, reset=not begun)
        if not begun:
            trainer = self._start(X, validated=False)
        else:
            options, state = self._changed_options(), self._state.chosen
            dataset = self._dataset(self._taken(X), self.rules_.scaling)
            _look_at(dataset)
            state.row, state.totals[:], state.optimizer.lr = 0, 0, options.lr
            trainer = training.go_on_in_memory(options, dataset, self.rules_, state)
        try:
            self._train(trainer, trainer.state.epoch + 1, show)
        except BaseException:
            if begun:  # the model and its attributes have changed
                self._keep(trainer.options, trainer.rules, trainer.state)
            raise
        self._digest = fingerprint(X)
        return self

    def _options(self) -> TrainOptions:
        given = {
            name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
            for name, value in self.get_params(deep=False).items()
            if value is not None and name not in OF_PYTHON
        }
        if "early_stopping" in given:
            given["early_stopping"] = patience(given["early_stopping"])
        if not given.get("early_stopping") and not given.get("validation_fraction"):
            for name in GO_WITH_IT:  # a hyperparameter search may switch validation off
                given.pop(name, None)
        usual = parameters()
        for name in SCHEDULED:
            # A schedule also gives the value: a value equal to the default was not given besides it.
            if given.get(f"{name}_schedule") is not None and given.get(name) == usual[name]:
                del given[name]
        return resolve(data=OWN, **given)

    def _changed_options(self) -> TrainOptions:
        """The options of the existing model with the changes that are allowed; OptionError for any other change."""
        was, now = self.options_, self._options()
        choice = go_on_with(now.engine, was.engine)
        if choice.why:
            _warn(str(choice), 4)
        now = now.replace(engine=choice.engine, likelihood=now.likelihood or was.likelihood)
        for name, value in vars(now).items():
            before = getattr(was, name, by_name()[name].default)  # an option of a variant added since has its default
            if value != before and name not in CHANGEABLE:
                raise OptionError(
                    name,
                    value,
                    f"partial_fit goes on with a model that was made with {before}; call fit to begin a new one",
                )
        return now

    def _start(self, X: np.ndarray, validated: bool) -> training.Trainer:
        options = self._options()
        new, dataset = self._new_dataset(X, options, validated)
        trainer = training.start_in_memory(options, dataset)
        _look_at(dataset)
        if new.note:
            _warn(new.note, 3)
        return trainer

    def _new_dataset(
        self, X: np.ndarray, options: TrainOptions, validated: bool, X_test: np.ndarray | None = None
    ) -> tuple[NewData, Dataset]:
        """What X (N, dx) means to a new model; ``validated`` says whether some points may be kept for validation."""
        new = new_data(X, "X", options.scale)._replace(image_shape=self.image_shape_)
        fraction = (options.validation_fraction or 0.0) if validated else 0.0
        trained, held = held_out(len(X), fraction, options.data_seed, "X")
        scaling = new.scaled(new.rows[trained])
        train = new.points(new.rows[trained], scaling)
        test = None if X_test is None else new.points(X_test, scaling)
        made = self._dataset(train, scaling, test)
        return new, replace(made, validation=new.points(new.rows[held], scaling)) if held.size else made

    def _dataset(self, points: Points, scaling: Scaling | None, test: Points | None = None) -> Dataset:
        names = tuple(map(str, getattr(self, "feature_names_in_", ())))
        tested = points if test is None else test
        return Dataset("X", points, tested, image_shape=self.image_shape_, feature_names=names, scaling=scaling)

    def _train(self, trainer: training.Trainer, epochs: int, show: Show | None) -> None:
        trainer.until = epochs
        with nullcontext(lambda t: None) if show is None else show(trainer) as advance:
            training.train(trainer, advance, on_epoch=checked_callbacks(self.callbacks))
        self._keep(trainer.options, trainer.rules, trainer.state)

    def _keep(self, options: TrainOptions, rules: DataRules, state: State) -> None:
        """Set the attributes of a fitted estimator."""
        self._state: State = state
        self.options_ = options
        self.vae_: VAE = state.chosen.vae
        self.rules_: DataRules = rules
        self.history_: dict[str, np.ndarray] = state.metrics()
        rows = state.chosen.rows
        self.objective_ = float(rows[-1]["objective"]) if rows else math.nan
        self.n_iter_ = state.epoch
        self.best_epoch_ = None if state.best is None else state.best.epoch
        self._n_features_out = state.vae.latent_dim
        self._spare = spare.Spare()

    # ---- for figures and run folders ----

    @property
    def state_(self) -> State:
        """The state of the training, as in a run's checkpoint."""
        return self._state

    def dataset(self, X: Any, y: Any = None) -> Dataset:
        """X (N, dx) as a data set in the model's units, for `minidecomp.figures`. Its points are also the test points.

        ``y`` (N,) has each point's class, as words or numbers.
        """
        self._check_fitted()
        points = self._taken(self._checked(X, reset=False))
        made = self._dataset(points, self.rules_.scaling)
        if y is None:
            return made
        classes = label_classes(as_texts(np.asarray(y), "y", len(points))[:, 0], "y")
        return replace(made, train_labels=classes.codes, test_labels=classes.codes, class_names=classes.names)

    # ---- run folders ----

    def save(self, folder: str | os.PathLike[str], X: Any = None, X_test: Any = None) -> Path:
        """Write a run folder, as ``minidecomp train --out`` does, for ``minidecomp plot`` and all other commands.

        If ``partial_fit`` has trained for more epochs than the parameter ``epochs`` says, the folder has their number.

        Parameters
        ----------
        folder : path
            A new or an empty folder.
        X : array_like, optional
            The fitted points, which are saved in the folder. Without them the run has no data: ``export``,
            ``encode`` and ``table`` work, and commands that need the data ask for ``--data FILE``.
        X_test : array_like, optional
            Test points, also saved. Without them the test points are a tenth of X, which the model was trained on.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        RunError
            The folder is not empty, or cannot be made.
        DataError
            X does not match what the model was fitted to.
        """
        self._check_fitted()
        if X is None and X_test is not None:
            raise ValueError("X_test needs X, the points that were fitted")
        trained = kept.Trained(self.options_, self.rules_, self._state, self._axes)
        return kept.save(folder, trained, None if X is None else self._to_keep(X, X_test))

    def _to_keep(self, X: Any, X_test: Any) -> kept.Points:
        """The checked points for a run folder."""
        X = self._checked(X, reset=False)
        X_test = kept.some_to_test(X) if X_test is None else self._checked(X_test, reset=False)
        if X_test.dtype != X.dtype:
            raise DataError(f"X_test: has dtype {X_test.dtype}; expected that of X, {X.dtype}")
        _, dataset = self._new_dataset(X, self.options_, kept.is_validated(self._state), X_test)
        if self._digest and fingerprint(X) != self._digest:
            raise DataError("X: expected the points that were fitted last, in the same order")
        rules = learn(dataset, str(self.options_.likelihood), self.options_.dtype)
        mine, theirs = self.rules_.arrays(), rules.arrays()
        other = [name for name in mine | theirs if not np.array_equal(mine.get(name, ()), theirs.get(name, ()))]
        if rules.width != self.rules_.width or other:
            what = other[0].removeprefix("data_") if other else "width"
            raise DataError(f"X: expected the points that were fitted; these give the model another {what}")
        engine = self._make_engine(max(self.options_.batch_size, ROWS_AT_ONCE))
        return kept.Points(self._as_fitted(X), self._as_fitted(X_test), dataset, engine)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], which: str | None = None) -> DecompositionVAE:
        """A fitted estimator from a run folder, written by ``save`` or ``minidecomp train``, with the run's options.

        It gives the same codes as the saved one, and ``partial_fit`` continues where it stopped, to the bit. Parameters
        that a run folder does not have (``verbose``, ``callbacks``) get their defaults. If the run stopped in the
        middle of an epoch, ``partial_fit`` starts that epoch again.

        Parameters
        ----------
        folder : path
        which : str, optional
            ``best``, the best model by validation, or ``last``. By default the best if the run has one.

        Raises
        ------
        RunError
            It is not a run folder, or its checkpoint is damaged.
        """
        trained, changed = kept.load(folder, which)
        rules = trained.rules
        model = cls(**changed, reshape=rules.image_shape is not None)
        model.n_features_in_ = rules.width
        if rules.names:
            model.feature_names_in_ = np.array(rules.names, object)
        model.image_shape_, model._axes = rules.image_shape, trained.axes
        model._keep(trained.options, rules, trained.state)
        return model

    # ---- using the model ----

    def transform(self, X: Any) -> np.ndarray:
        """The posterior means loc (N, D), in the dtype of X if that is float32 or float64, otherwise in float64.

        A point's mean is the same, to the bit, alone and among any other points.
        """
        return self.posterior(X)[0]

    def posterior(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x), in the dtype of X if that is float32 or float64, otherwise in float64.

        A point's loc and scale are the same, to the bit, alone and among any other points.
        """
        self._check_fitted()
        X = self._checked(X, reset=False)
        points = self._taken(X)
        dtype = X.dtype if X.dtype in (np.float32, np.float64) else np.float64
        found = self._encoded(points)
        loc, scale = (each.astype(dtype, copy=False) for each in found)
        check_finite("X", {"loc": loc, "scale": scale})
        return loc, scale

    def _encoded(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(points) > spare.ROWS:
            return self._make_engine(min(len(points), ROWS_AT_ONCE)).encode(points, alone=True)
        engine = self._spare.take(self.vae_) or self._make_engine(spare.ROWS)
        found = engine.encode(points, alone=True)
        self._spare.put_back(engine)
        return found

    def _make_engine(self, max_rows: int) -> Engine:
        """The CPU engine or the textbook; for a single array, moving it to a GPU is not worth while.

        Calls make their own, with room for no more rows than they have: that takes little time, calls of several
        threads do not meet, and the model may change between two calls. `spare` has engines for a few rows.
        """
        name = "textbook" if self.options_.engine == "textbook" else "cpu"
        # A model that was read as a memory map is not writable, which the core requires.
        vae = self.vae_ if self.vae_.parameters.vector.flags.writeable else in_dtype(self.vae_, self.vae_.dtype)
        return make(name, vae, objective_from(self.options_), max_rows=max_rows)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """E[x|z] of latent points Z (N, D), in the shape and units of X; for a model of bytes, intensities v / 255.

        The last bits of a point may depend on how many points there are.
        """
        self._check_fitted()
        Z = np.asarray(Z)
        if Z.ndim != 2 or Z.shape[1] != self.vae_.latent_dim:
            raise ValueError(f"Z has shape {Z.shape}, expected (N, {self.vae_.latent_dim})")
        dtype = Z.dtype if Z.dtype in (np.float32, np.float64) else np.float64
        with np.errstate(all="ignore"):  # results that are not finite are refused below
            mean = self.vae_.likelihood.mean(self.vae_.decode(Z.astype(self.vae_.dtype)))
        check_finite("Z", {"x": mean})
        # Scaled data may lie far from 0, where float32 cannot hold their differences.
        x = self.rules_.give(np.asarray(mean))
        return self._as_fitted(np.asarray(x, dtype if self.rules_.scaling is None else np.float64))

    def sample(self, n_samples: int = 1, seed: int = 0) -> np.ndarray:
        """Draw points (n_samples, dx) from p(x|z), with z from the prior; their units are as in `inverse_transform`."""
        self._check_fitted()
        count, seed = whole_number("n_samples", n_samples, 1, MOST_SAMPLES), check("seed", seed)
        return self._as_fitted(self.rules_.give(np.asarray(self.vae_.sample(count, seed)[2])))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean ELBO over X, E_q[log p(x|z)] - KL(q(z|x) || p(z)), in nats per point; higher is better.

        It is what ``minidecomp evaluate`` reports for X as test data: log-likelihood minus KL, from one sample
        per point (or ``samples``) and the model's seed. With ``scale`` it is converted to the units of X, so that
        models with different scales compare. It does not depend on alpha and beta.
        """
        self._check_fitted()
        points = self._taken(self._checked(X, reset=False))
        batch_size, seed = self.options_.batch_size, self.options_.seed
        engine = self._make_engine(min(len(points), batch_size))
        found = evaluate(engine, points, batch_size, seed, ("kl-inc",))
        score = float(found["log_likelihood"] - found["kl"]) - self.rules_.log_volume
        if not math.isfinite(score):
            raise DataError("X: the score is not finite; use values nearer to the training data")
        return score

    # ---- scikit-learn's conventions ----

    def _checked(self, X: Any, reset: bool) -> np.ndarray:
        """X as an array (N, dx) in its own dtype, which tells bytes from numbers, with as many columns as in fit."""
        if not reset and self._is_plain(X):
            return X
        if np.ma.is_masked(X):
            raise ValueError("X hides values under a mask; expected an array without a mask")
        axes = np.ndim(X) if isinstance(X, list | tuple) else getattr(X, "ndim", 2)
        shape, image_shape = None, None
        if axes in (3, 4) and not is_frame(X):
            X = np.asarray(X)
            shape = X.shape[1:]
            X, image_shape = self._rows_of_images(X, reset)
        rows = self._checked_rows(X, reset)
        if reset:  # after all checks, so that a fit that fails leaves the model unchanged
            self.image_shape_: tuple[int, ...] | None = image_shape
            self._axes: tuple[int, ...] | None = shape
        return rows

    def _is_plain(self, X: Any) -> bool:
        """Whether the checks would return X as it is: for a single point, they take longer than all that follows."""
        return (
            type(X) is np.ndarray
            and X.dtype in (np.float32, np.float64, np.uint8)
            and X.ndim == 2
            and X.flags.c_contiguous
            and len(X) > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and bool(np.isfinite(X).all())
        )

    def _checked_rows(self, X: Any, reset: bool) -> np.ndarray:
        """``_checked``, for points in rows."""
        if is_frame(X):
            return self._of_frame(X, reset)
        if HAS_SKLEARN:
            return validate_data(self, X, reset=reset, dtype="numeric", order="C")
        X = np.asarray(X)
        if X.dtype.kind not in "biuf":
            X = X.astype(np.float64)
        if X.ndim != 2 or 0 in X.shape:
            raise ValueError(f"X has shape {X.shape}; expected points in rows")
        if not np.isfinite(X).all():
            raise ValueError("X has NaN or infinity in it")
        self._check_features(X.shape[1], None, reset)
        return np.ascontiguousarray(X)

    def _of_frame(self, X: Any, reset: bool) -> np.ndarray:
        """The numbers (N, dx) in all columns of a DataFrame, read like a table."""
        X = plain_frame(X)
        if HAS_SKLEARN:
            validate_data(self, X, reset=reset, skip_check_array=True)
        names = table_names(X)
        table = table_of_frame(X, Reading(columns=names or tuple(map(str, range(len(X.columns))))))
        if not HAS_SKLEARN:
            self._check_features(len(X.columns), names or None, reset)
        if reset:
            found = FromFile(table.values, table.names)
            for line in (*labels_and_ids(found, "X"), *codes_of_gaps(table.values, "X")):
                _warn(line, 4)
        return table.values

    def _check_features(self, count: int, names: tuple[str, ...] | None, reset: bool) -> None:
        """Note the number and names of the features, as scikit-learn does, or compare them with those of fit."""
        if reset:
            self.n_features_in_ = count
            if names:
                self.feature_names_in_ = np.array(names, object)
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif count != self.n_features_in_:
            raise ValueError(f"X has {count} features, the model was fitted with {self.n_features_in_}")
        elif names and hasattr(self, "feature_names_in_") and tuple(self.feature_names_in_) != names:
            raise ValueError("X has other columns, or another order of them, than the frame that was fitted")

    def _rows_of_images(self, X: np.ndarray, reset: bool) -> tuple[np.ndarray, tuple[int, ...]]:
        """Images as points (N, dx) with the channels last, and the shape of one image."""
        if not self.reshape:
            raise ValueError(
                f"X has shape {X.shape}, expected <= 2 axes: points in rows; {type(self).__name__}(reshape=True) takes "
                "images, and X.reshape(len(X), -1) has them as points"
            )
        known = None if reset else self.image_shape_
        channels = self.channels or channels_that_fit(X.shape, known)
        rows, shape = as_rows(X, "X", channels)
        assert isinstance(rows, np.ndarray) and shape is not None
        if not reset and known not in (None, shape):
            raise ValueError(f"X has images of shape {shape}, the model was fitted with {known}")
        return rows, shape

    def _as_fitted(self, x: np.ndarray) -> np.ndarray:
        """Points (N, dx) in the shape of the fitted X."""
        if self.image_shape_ is None or self._axes is None:
            return x
        images = x.reshape(len(x), *self.image_shape_)
        moved = len(self.image_shape_) == 3 and self._axes != self.image_shape_
        return np.moveaxis(images, -1, 1) if moved else images.reshape(len(x), *self._axes)

    def _taken(self, X: np.ndarray) -> np.ndarray:
        """The points in the form that an engine takes; warns if their meaning is doubtful."""
        points, note = self.rules_.take(X, "X")
        if note:
            _warn(note, 3)
        assert isinstance(points, np.ndarray)
        return points

    def _check_fitted(self) -> None:
        if HAS_SKLEARN:
            check_is_fitted(self, "vae_")
        elif not hasattr(self, "vae_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _look_at(dataset: Dataset) -> None:
    """Warn if the data's size is far from 1."""
    if note := size_note(dataset):
        _warn(note, 4)


def _warn(line: str, depth: int) -> None:
    warnings.warn(as_arguments(line), stacklevel=depth + 1)


__all__ = ["DecompositionVAE"]
