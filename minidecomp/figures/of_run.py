"""A trained run's pictures as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.points import Points, as_numbers, evenly_spread
from ..errors import OptionError, either
from ..files import make_folder
from .activity import class_activity
from .comparison import data_and_reconstructions, samples
from .curves import learning_curves
from .posterior import aggregate_posterior
from .side_by_side import results_of
from .style import styled, write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..data.dataset import Dataset
    from ..model.vae import VAE

FORMATS = ("png", "pdf", "svg")
MAX_POSTERIOR_POINTS = 10_000
MAX_SCATTER_POINTS = 500
MAX_SAMPLES = 1000
IMAGES_SAMPLED = 64
MODEL_PICTURES = ("aggregate_posterior", "class_activity", "reconstructions", "samples")


def check_formats(formats: Sequence[str]) -> None:
    """Raise OptionError if one is not of ``FORMATS``."""
    for name in formats:
        if name not in FORMATS:
            raise OptionError("format", name, choices=FORMATS)


def check_picture_file(option: str, path: str | Path) -> None:
    """Raise OptionError, which blames the option, unless a picture can be written to a file of that name."""
    if Path(path).suffix.removeprefix(".") not in FORMATS:
        raise OptionError(option, path, f"the file's name must end in {either(f'.{name}' for name in FORMATS)}")


def check_classes(vae: VAE, dataset: Dataset, classes: Sequence[str]) -> None:
    """Raise OptionError unless the activity of these classes can be drawn."""
    shown = ",".join(classes)
    if not classes:
        return
    if dataset.test_labels is None:
        raise OptionError("classes", shown, f"the points of {dataset.name} have no classes")
    if vae.latent_dim == 2:
        raise OptionError(
            "classes",
            shown,
            "a model with two latent dimensions has a picture of the plane, and none of class activity",
        )
    known = _classes_by_word(dataset)
    for each in classes:
        if each.casefold() not in known:
            names = ", ".join(dataset.classes[code] for code in known.values())
            raise OptionError("classes", each, f"{dataset.name} has the classes {names}")


@styled
def draw_all(
    folder: str | Path,
    metrics: Mapping[str, np.ndarray],
    vae: VAE,
    dataset: Dataset,
    seed: int = 0,
    formats: Sequence[str] = ("png",),
    kl_title: str = "KL",
    best: int | None = None,
    side_by_side: bool = False,
) -> list[Path]:
    """Write a trained run's pictures: those of ``draw_curves`` and of ``draw_model``; returns the paths.

    With ``side_by_side`` a second process draws some of them, if there is a core for it.
    """
    curves = partial(draw_curves, folder, metrics, formats, kl_title, best)
    tasks: list[Callable[[], list[Path]]] = [curves, *_model_tasks(folder, vae, dataset, seed, formats)]
    written = results_of(tasks) if side_by_side else [task() for task in tasks]
    return [path for paths in written for path in paths]


@styled
def draw_curves(
    folder: str | Path,
    metrics: Mapping[str, np.ndarray],
    formats: Sequence[str] = ("png",),
    kl_title: str = "KL",
    best: int | None = None,
) -> list[Path]:
    """Write learning_curves; nothing without an epoch.

    Parameters
    ----------
    folder : path
        It is made if it does not exist.
    metrics : mapping of str to numpy.ndarray of shape (epochs,)
    kl_title, best
        As for ``learning_curves``.
    formats : sequence of str
        Of ``png`` (200 dots an inch), ``pdf`` and ``svg``.

    Raises
    ------
    OptionError
        A format is none of these.
    """
    check_formats(formats)
    if not len(metrics["epoch"]):
        return []
    return write_figure(learning_curves(metrics, kl_title, best), make_folder(Path(folder)), "learning_curves", formats)


@styled
def draw_model(
    folder: str | Path,
    vae: VAE,
    dataset: Dataset,
    seed: int = 0,
    formats: Sequence[str] = ("png",),
    classes: Sequence[str] = (),
) -> list[Path]:
    """Write aggregate_posterior or class_activity, reconstructions and samples.

    A model with two latent dimensions has an aggregate posterior, that of at most 10,000 training points. Any other
    model has the activity for each class of the test points, if they have classes. The reconstructions are those of
    test points.

    Parameters
    ----------
    folder, formats
        As for ``draw_curves``.
    vae : VAE
    dataset : Dataset
    seed : int
        Of the samples, 0 to 2^64 - 1.
    classes : sequence of str
        The classes whose activity is drawn; all of them by default.

    Raises
    ------
    OptionError
        A format or a class is unknown, or classes are given but this model has no picture of their activity.
    """
    return [path for task in _model_tasks(folder, vae, dataset, seed, formats, classes) for path in task()]


def _model_tasks(
    folder: str | Path,
    vae: VAE,
    dataset: Dataset,
    seed: int,
    formats: Sequence[str],
    classes: Sequence[str] = (),
) -> list[Callable[[], list[Path]]]:
    """What writes the pictures of ``draw_model``, one by one."""
    check_formats(formats)
    check_classes(vae, dataset, classes)
    folder = make_folder(Path(folder))

    def draw(name: str) -> list[Path]:
        return write_figure(model_picture(name, vae, dataset, seed, classes), folder, name, formats)

    return [partial(draw, name) for name in _names(vae, dataset)]


def _names(vae: VAE, dataset: Dataset) -> list[str]:
    """The pictures that there are of a model, of ``MODEL_PICTURES``."""
    has_classes = vae.latent_dim != 2 and dataset.test_labels is not None
    there = {"aggregate_posterior": vae.latent_dim == 2, "class_activity": has_classes}
    return [name for name in MODEL_PICTURES if there.get(name, True)]


def model_picture(name: str, vae: VAE, dataset: Dataset, seed: int = 0, classes: Sequence[str] = ()) -> Figure:
    """One of ``MODEL_PICTURES``; see ``draw_model``.

    Raises
    ------
    OptionError
        There is no such picture of this model.
    """
    if name not in _names(vae, dataset):
        needs = (
            "two latent dimensions"
            if name == "aggregate_posterior"
            else "classes, and a number of dimensions other than two"
        )
        raise OptionError("name", name, f"it needs {needs}; possible here: {', '.join(_names(vae, dataset))}")
    match name:
        case "aggregate_posterior":
            return _training_posterior(vae, dataset)
        case "class_activity":
            return _test_activity(vae, dataset, classes)
        case "reconstructions":
            return _test_reconstructions(vae, dataset)
        case _:
            return _prior_samples(vae, dataset, seed)


def _in_chunks(function: Callable[[Any], np.ndarray], points: Points) -> np.ndarray:
    """The function's results (..., B, width) for 1000 rows at a time, joined."""
    parts = [function(points[start : start + 1000]) for start in range(0, len(points), 1000)]
    return np.concatenate(parts, axis=-2)


def _class_by_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of ``count`` points: the first of every class, the second of every class, and so on."""
    order = np.argsort(labels, kind="stable")
    _, start, size = np.unique(labels[order], return_index=True, return_counts=True)
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(start, size)
    return np.lexsort((labels, rank))[:count]


def _training_posterior(vae: VAE, dataset: Dataset) -> Figure:
    chosen = evenly_spread(len(dataset.train), MAX_POSTERIOR_POINTS)
    x = as_numbers(dataset.train[chosen], vae.dtype)
    loc, scale = _in_chunks(lambda rows: np.stack(vae.encode(rows)), x)
    labels = None if dataset.train_labels is None else dataset.train_labels[chosen]
    return aggregate_posterior(loc, scale, vae.current_prior(), labels, class_names=dataset.classes)


def _classes_by_word(dataset: Dataset) -> dict[str, int]:
    """The classes of the test points by their names, whose case does not count."""
    assert dataset.test_labels is not None
    names = dataset.classes
    return {names[code].casefold(): code for code in np.unique(dataset.test_labels).tolist()}


def _test_activity(vae: VAE, dataset: Dataset, classes: Sequence[str]) -> Figure:
    labels = dataset.test_labels
    assert labels is not None
    known = _classes_by_word(dataset)
    codes = [known[each.casefold()] for each in classes]
    chosen = np.flatnonzero(np.isin(labels, codes)) if classes else evenly_spread(len(labels), len(labels))
    loc = _in_chunks(lambda rows: vae.encode(as_numbers(dataset.test[rows], vae.dtype))[0], chosen)
    return class_activity(loc, labels[chosen], dataset.classes)


def test_points(dataset: Dataset, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Indices of test points, class by class or evenly spread, and their classes if they have any."""
    labels = dataset.test_labels
    by_class = labels is not None and dataset.data_dim > 2
    chosen = _class_by_class(labels, count) if by_class else evenly_spread(len(dataset.test), count)  # type: ignore[arg-type]
    return chosen, None if labels is None else labels[chosen]


def _test_reconstructions(vae: VAE, dataset: Dataset) -> Figure:
    few = dataset.image_shape is not None or dataset.data_dim > 2
    chosen, labels = test_points(dataset, 20 if few else MAX_SCATTER_POINTS)
    points = dataset.test[chosen]
    made = dataset.give(_in_chunks(vae.reconstruct, as_numbers(points, vae.dtype)))
    x, names = dataset.given(points, vae.dtype), dataset.feature_names
    return data_and_reconstructions(x, made, dataset.image_shape, labels, names, class_names=dataset.classes)


def _prior_samples(vae: VAE, dataset: Dataset, seed: int) -> Figure:
    beside = dataset.given(dataset.train[evenly_spread(len(dataset.train), MAX_SAMPLES)], vae.dtype)
    images = dataset.image_shape is not None
    _, mean, x = vae.sample(IMAGES_SAMPLED if images else MAX_SAMPLES, seed)
    # Images are shown as their means; other points with the likelihood's noise, to compare with the data.
    return samples(dataset.give(mean if images else x), beside, dataset.image_shape, dataset.feature_names)
