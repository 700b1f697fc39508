"""The pictures of a run as figures, by the names of the files that ``minidecomp plot`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..data import dataset_from
from ..data.dataset import Dataset
from ..errors import MinidecompError, OptionError
from ..model.vae import VAE
from ..objective import objective_from
from ..runs.checkpoint import Run, State
from ..settings.options import TrainOptions
from ..settings.schedules import over_epochs
from .curves import learning_curves
from .gradients import gradient_curves
from .of_run import MODEL_PICTURES, check_classes, model_picture
from .style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..estimator import DecompositionVAE
    from ..training import Trainer

    Trained = Run | Trainer | DecompositionVAE

PICTURES = ("learning_curves", "gradients", *MODEL_PICTURES)


@styled
def picture(
    trained: Trained, name: str, X: Any = None, y: Any = None, *, seed: int = 0, classes: Sequence[str] = ()
) -> Figure:
    """One picture of a run, a trainer or an estimator; a notebook shows what is returned.

    Parameters
    ----------
    trained : Run, Trainer or DecompositionVAE
        From ``load_run``, or after training.
    name : str
        One of ``PICTURES``: ``learning_curves``; ``gradients``, with ``log_gradients``; ``aggregate_posterior``, of
        two latent dimensions; ``class_activity``, of points with classes; ``reconstructions``; ``samples``.
    X : array_like of shape (N, dx), or Dataset, optional
        The points. A run and a trainer have their own; an estimator needs them, except for the learning curves.
    y : array_like of shape (N,), optional
        The class of each of an estimator's points, for the colours.
    seed : int
        Of the samples, 0 to 2^64 - 1.
    classes : sequence of str
        The classes whose activity is drawn; all by default.

    Returns
    -------
    matplotlib.figure.Figure
        Pyplot does not know it, so a notebook shows it once. ``figure.savefig`` writes it.

    Raises
    ------
    OptionError
        There is no such picture, or this model has none.
    RunError, DataError
        The run's data are no longer there, or have changed.
    """
    if name not in PICTURES:
        raise OptionError("name", name, choices=PICTURES)
    parts = _parts(trained)
    if name == "learning_curves":
        metrics = parts.training.metrics()
        metrics = over_epochs(parts.options, len(metrics["epoch"])) | metrics
        return learning_curves(metrics, objective_from(parts.options).kl_title, parts.best)
    if name == "gradients":
        if parts.training.gradient_log is None:
            raise MinidecompError("no gradients were logged; train with log_gradients")
        return gradient_curves(parts.training.gradient_log.columns())
    dataset = _dataset(trained, X, y)
    check_classes(parts.vae, dataset, classes)
    return model_picture(name, parts.vae, dataset, seed, classes)


class _Parts(NamedTuple):
    """What is drawn: the whole training and the chosen model, with its epoch if it is the best by validation."""

    options: TrainOptions
    training: State
    vae: VAE
    best: int | None


def _parts(trained: Any) -> _Parts:
    if hasattr(trained, "state_"):  # an estimator, which has all by names of scikit-learn's kind
        return _Parts(trained.options_, trained.state_, trained.vae_, trained.best_epoch_)
    if isinstance(trained, Run):
        best = trained.state.epoch if trained.which == "best" else None
        return _Parts(trained.options, trained.training(), trained.vae, best)
    state = trained.state
    return _Parts(trained.options, state, state.chosen.vae, None if state.best is None else state.best.epoch)


def _dataset(trained: Any, X: Any, y: Any) -> Dataset:
    """The given points, or those that the model was trained on."""
    if isinstance(X, Dataset):
        return X
    if hasattr(trained, "state_"):
        if X is None:
            raise OptionError("X", None, "an estimator keeps no points; give the points to draw")
        return trained.dataset(X, y)
    if X is not None or y is not None:
        raise OptionError(
            "X" if X is not None else "y", None, "a run has its own points; to draw others, give a Dataset"
        )
    if not isinstance(trained, Run):
        return trained.dataset
    # Validation points are for training alone, and their file may be gone.
    dataset = dataset_from(trained.options.replace(validation=None))
    trained.hold_against(dataset)
    return dataset
