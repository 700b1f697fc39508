"""One row's work as plain arrays and numbers, the same for every contender."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from minidecomp import resolve
from minidecomp.data import dataset_from, points
from minidecomp.data.dataset import Dataset
from minidecomp.errors import DataError
from minidecomp.model import from_options
from minidecomp.objective import objective_from
from minidecomp.randomness import draws, streams

from .rows import Row


def _data(row: Row) -> Dataset:
    options = resolve(row.options)
    limit = row.points if options.data == "dsprites" else None
    return dataset_from(resolve(row.options, limit=limit))


def write(row: Row, path: Path) -> dict[str, Any]:
    """Write the row's problem to an .npz file and return its settings.

    The data are the real ones. If Fashion-MNIST is not installed, random numbers of the same shape replace it, and the
    settings say so.
    """
    options, note = resolve(row.options), ""
    try:
        train = _data(row).train[: row.points]
        data = points.as_numbers(train, np.float32)
    except DataError as error:
        note, train = str(error), None
        data = np.random.default_rng(0).random((row.points, 784), np.float32)
    vae, objective = from_options.vae(options, data.shape[1]), objective_from(options)
    batch = min(options.batch_size, len(data))
    drawn = draws.draw(vae.prior, 1, batch, options.latent_dim, 1, streams.TRAINING.step(), np.float32)
    prior = vae.prior
    settings = {
        "row": row.name,
        "work": row.work,
        "note": note,
        "options": row.options,
        "batch_size": batch,
        "encoder_widths": vae.encoder.widths,
        "decoder_widths": vae.decoder.widths,
        "activations": [vae.encoder.activation, vae.decoder.activation],
        "scale_link": vae.scale_link,
        "likelihood": vae.likelihood.name,
        "likelihood_scale": options.likelihood_scale,
        "prior": prior.name,
        "gamma": options.gamma,
        "spike_scale": options.spike_scale,
        "kl": objective.kl,
        "beta": objective.beta,
        "alpha": objective.alpha,
        "regulariser": objective.regulariser,
        "lr": options.lr,
    }
    arrays = {
        "data": data,
        "eps": drawn.eps[0],
        "prior_sample": drawn.prior_sample,
        "prior.loc": np.asarray(prior.loc, np.float32),
        "prior.scale": np.asarray(prior.scale, np.float32),
        "prior.log_weight": np.asarray(getattr(prior, "log_weight", [0.0]), np.float32),
    }
    if isinstance(train, points.Bits):
        arrays["packed"] = train.packed
    arrays |= {f"parameter.{name}": view for name, view in vae.parameters.items()}
    np.savez(path, settings=np.array(json.dumps(settings)), **arrays)
    return settings
