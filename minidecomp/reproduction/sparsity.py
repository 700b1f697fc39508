"""Sparsity (Mathieu et al., Fig. 4): Fashion-MNIST's encodings under the spike-and-slab prior as alpha grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data import dataset_from
from ..data.dataset import Dataset
from ..data.points import as_numbers
from ..evaluation.traversal import traverse
from ..files import make_folder
from ..model.vae import VAE
from ..runs import checkpoint
from ..runs.comparison import curves
from ..sweeps.folder import rows as table_rows
from ..sweeps.grid import Block, Entry

STATEMENT = (
    "with gamma = 0.8 the normalised Hoyer sparsity rises fast with alpha (beta 1: .36, .55 at 100, .52 at 1000); with "
    "gamma = 0 it stays near .23 for all alpha and beta; each class uses few dimensions, and other classes use others"
)
ALPHAS = [0.0, 10.0, 100.0, 500.0, 1000.0]
METRICS = ("hoyer",)
COLUMNS = ("gamma", "beta", "alpha", "test.log_likelihood", "test.kl", "test.mmd", "hoyer")
CLASSES = ("T-shirt/top", "Trouser", "Dress", "Shirt")
QUICK_EPOCHS = 20
TRAVERSED = 4  # images of one class


def blocks(quick: bool) -> list[Block]:
    """The paper's grid, or four alphas at beta = 1 and fewer epochs."""
    common: Block = {"prior": "sparse", "data": "fashion-mnist", "gamma": [0.8, 0.0]}
    if quick:
        return [common | {"beta": 1.0, "alpha": [0.0, 10.0, 100.0, 1000.0], "epochs": QUICK_EPOCHS}]
    return [common | {"beta": [0.1, 1.0, 5.0], "alpha": ALPHAS}]


def measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """The Hoyer sparsity over alpha, for beta = 1."""

    def over_alpha(gamma: float) -> str:
        chosen = sorted((row["alpha"], row["hoyer"]) for row in rows if (row["gamma"], row["beta"]) == (gamma, 1))
        return ", ".join(f"{hoyer:.2f} at alpha {alpha:g}" for alpha, hoyer in chosen)

    return f"Hoyer sparsity at beta 1, gamma 0.8: {over_alpha(0.8)}; gamma 0: {over_alpha(0.0)}"


def draw(folder: Path, entries: list[Entry]) -> list[Path]:
    """Sparsity against alpha, the bar plots of four classes, and the effect of one dimension in several images."""
    from ..figures import value_against_option, write_figure

    out = make_folder(folder / "figures")
    found = [row for row in table_rows(folder, entries) if row["state"] == "finished"]
    figure = value_against_option(curves(found, "hoyer", "alpha"), "alpha", "Hoyer sparsity")
    paths = write_figure(figure, out, "sparsity", ("png",))
    chosen = next(e for e in entries if (e.options.gamma, e.options.beta, e.options.alpha) == (0.8, 1.0, 100.0))
    return paths + draw_model(checkpoint.load(folder / chosen.name).vae, dataset_from(chosen.options), out)


def draw_model(vae: VAE, dataset: Dataset, out: Path) -> list[Path]:
    """Two pictures of one model: four classes, and the dimension that best separates trousers from the others."""
    from ..figures import class_activity, latent_traversals, write_figure

    assert dataset.test_labels is not None
    names = np.array(dataset.class_names)[dataset.test_labels]
    x = as_numbers(dataset.test, vae.dtype)
    loc = np.concatenate([vae.encode(x[i : i + 1000])[0] for i in range(0, len(x), 1000)])
    shown = np.isin(names, CLASSES)
    figure = class_activity(loc[shown], dataset.test_labels[shown], dataset.class_names)
    paths = write_figure(figure, out, "activity", ("png",))
    trousers = names == "Trouser"
    d = int((np.abs(loc[trousers]).mean(0) - np.abs(loc[~trousers]).mean(0)).argmax())
    some = np.flatnonzero(trousers)[:TRAVERSED]
    moved = [traverse(vae, loc[i]) for i in some]
    values, means = (np.stack([pair[part][d] for pair in moved]) for part in (0, 1))
    labels = [f"trousers {i + 1}, z{d + 1}" for i in range(len(some))]
    figure = latent_traversals(values, means, labels, 3.0, x[:1000], dataset.image_shape)
    return paths + write_figure(figure, out, f"traversal-z{d + 1}", ("png",))
