"""A run as the page continues it: its options, its training points, its weights and its optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import codes
from ..data.dataset import Dataset
from ..data.points import as_numbers
from ..data.rules import BYTES
from ..engines.constants import is_built_in
from ..errors import RunError, printable
from ..figures.classes import class_colours
from ..page.constants import LIMITS, whole
from ..page.values import doubles, floats
from ..runs.checkpoint import Run, State
from ..runs.folder import config_values
from ..settings.options import OF_THE_MACHINE, TrainOptions
from ..settings.schedules import own_options, scheduled_names, value_at
from ..settings.validation import has_validation
from ..terms.priors import variance_from_logits

MOST_WEIGHTS, MOST_HIDDEN, MOST_NUMBERS = (LIMITS[name] for name in ("weights", "hidden", "numbers"))


def content(run: Run, dataset: Dataset) -> dict[str, Any]:
    """What the page starts with, ready for JSON.

    An array is ``{"dtype": "float32" or "float64", "base64": its bytes, little-endian, row by row}``. A whole number
    beyond 2^53, such as a large seed, is a string of its decimal digits.

    Parameters
    ----------
    run : Run
    dataset : Dataset
        The data that the run was trained on.

    Returns
    -------
    dict
        ``name`` of the run; ``options`` as in ``config.toml``, those with a schedule at their current value; ``data``,
        the training points in the model's units; ``state``, which determines the next step; ``notes``, lines about
        what the page does differently.

    Raises
    ------
    RunError
        If the page cannot train such a model.
    """
    check(run, dataset)
    return {
        "name": printable(run.folder.resolve().name),
        "options": _options(run.options, run.state),
        "data": _data(run, dataset),
        "state": _state(run.options, run.state),
        "notes": _notes(run),
    }


def check(run: Run, dataset: Dataset) -> None:
    """Raise RunError if the page cannot train the model on the data."""
    vae = run.vae
    hidden = max(len(run.options.hidden), len(run.options.decoder_hidden))
    size, numbers = vae.parameters.vector.size, len(dataset.train) * dataset.data_dim
    likelihood, regulariser = vae.likelihood.name, run.objective.regulariser
    reasons = (
        (not is_built_in(vae.prior), f"the playground cannot train with the prior {vae.prior.name}"),
        (likelihood not in codes.LIKELIHOODS, f"the playground cannot train with the likelihood {likelihood}"),
        (regulariser not in codes.REGULARISERS, f"the playground cannot train with the regulariser {regulariser}"),
        (size > MOST_WEIGHTS, f"the model has {size:,} weights; the page can train at most {MOST_WEIGHTS:,}"),
        (hidden > MOST_HIDDEN, f"the model has {hidden} hidden layers; the page can train at most {MOST_HIDDEN}"),
        (
            numbers > MOST_NUMBERS,
            f"the training points have {numbers:,} numbers; the page can hold at most {MOST_NUMBERS:,}; "
            "train on fewer points with --limit",
        ),
    )
    for applies, reason in reasons:
        if applies:
            raise RunError(f"{run.folder}: {reason}")


def _epoch(options: TrainOptions, state: State) -> int:
    """The index of the next epoch or, at the end of a run, of its last epoch."""
    return state.epoch if state.epoch < options.epochs else state.begun - 1


def _options(options: TrainOptions, state: State) -> dict[str, Any]:
    """The options in ``config.toml``, without those of the machine; schedules are replaced by their current values."""
    scheduled = scheduled_names(options)
    left_out = {*OF_THE_MACHINE, *(own for name in scheduled for own in own_options(name))}
    present = {name: value_at(options, name, _epoch(options, state)) for name in scheduled}
    values = {name: value for name, value in config_values(options).items() if name not in left_out} | present
    return {name: whole(value) for name, value in values.items()}


def _data(run: Run, dataset: Dataset) -> dict[str, Any]:
    labels, classes = dataset.train_labels, dataset.classes
    return {
        "name": printable(dataset.name),
        "rows": len(dataset.train),
        "width": dataset.data_dim,
        "x": array(as_numbers(dataset.train, run.vae.dtype)),
        "labels": None if labels is None else labels.tolist(),
        "classNames": [] if labels is None else [printable(name) for name in classes],
        "classColours": [] if labels is None else class_colours(len(classes)),
        "columns": _columns(dataset),
        "imageShape": dataset.image_shape,
    }


def _columns(dataset: Dataset) -> list[str]:
    """A name for each number in a point; an empty list for images."""
    if dataset.image_shape is not None:
        return []
    names = dataset.feature_names or ("",) * dataset.data_dim
    return [printable(name) or f"x_{i}" for i, name in enumerate(names)]


def _state(options: TrainOptions, state: State) -> dict[str, Any]:
    """All that the next step depends on besides the options; ``prior_scale`` (D,) if the data determine it."""
    adam, logits = state.optimizer, state.prior_logits
    scale = None
    if logits is not None:
        scale = np.sqrt(variance_from_logits(logits, options.prior_variance_scale)).astype(state.vae.dtype)
    return {
        "parameters": array(state.vae.parameters.vector),
        "m": array(adam.m),
        "v": array(adam.v),
        "v_max": None if adam.v_max is None else array(adam.v_max),
        "step": adam.step,
        "epoch": state.epoch,
        "row": state.row,
        "prior_logits": None if logits is None else array(logits),
        "prior_scale": None if scale is None else array(scale),
    }


def _notes(run: Run) -> list[str]:
    o, state = run.options, run.state
    notes = []
    if run.which == "best":
        notes.append(f"This is the model with the best validation score, that of epoch {state.epoch}.")
    if has_validation(o):
        stop = "" if not o.early_stopping else " and does not stop early"
        notes.append(f"The page does not validate{stop}: it continues to train on the training points alone.")
    epoch = _epoch(o, state)
    for name in scheduled_names(o):
        value = value_at(o, name, epoch)
        notes.append(f"The run has a schedule for {name}; here it stays at {value:g}, its value in epoch {epoch + 1}.")
    if state.vae.dtype == np.float32:
        notes.append("The run is in float32 and the page computes in float64, so the last digits of the steps differ.")
    if run.rules.unit == BYTES:
        notes.append("A byte v of the data is the intensity v / 255.")
    elif run.rules.scaling is not None:
        notes.append(f"The points are shown as the model sees them: the data scaled by --scale {run.rules.scale}.")
    return notes


def array(values: np.ndarray) -> dict[str, str]:
    """An array for JSON, without any rounding; see ``content``."""
    single = values.dtype == np.float32
    return {"dtype": "float32" if single else "float64", "base64": floats(values) if single else doubles(values)}
