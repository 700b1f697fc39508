"""Sparsity (Mathieu et al., Fig. 4): Fashion-MNIST's encodings under the spike-and-slab prior as alpha grows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data import dataset_from
from ..data.dataset import Dataset
from ..data.points import as_numbers
from ..errors import counted, counted_from_to
from ..evaluation.traversal import traverse
from ..model.vae import VAE
from ..runs import checkpoint
from ..runs.comparison import Row
from ..sweeps.grid import Block
from ..sweeps.work import Datasets
from .claims import FAILS, HOLDS, OPEN, Claim, Finding, decimals_apart, of_all, undecided
from .experiment import FULL, QUICK, Experiment

ALPHAS, BETAS, GAMMAS = (0.0, 10.0, 100.0, 500.0, 1000.0), (0.1, 1.0, 5.0), (0.8, 0.0)
PUBLISHED = {  # read off the paper's figure, by gamma and beta, for each of ALPHAS
    (0.8, 0.1): (0.253, 0.396, 0.513, 0.541, 0.520),
    (0.8, 1.0): (0.361, 0.447, 0.551, 0.556, 0.520),
    (0.8, 5.0): (0.314, 0.328, 0.409, 0.425, 0.422),
    (0.0, 0.1): (0.227, 0.221, 0.217, 0.199, 0.185),
    (0.0, 1.0): (0.234, 0.231, 0.226, 0.213, 0.197),
    (0.0, 5.0): (0.242, 0.241, 0.232, 0.225, 0.223),
}
NEAR = 0.05  # of the paper's number
SPREAD = 0.02  # the standard deviation of the sparsity over seeds with gamma 0.8, as docs/tables/sparsity.csv has it
WARMUP = 10  # epochs
SCHEDULES = {None: "alpha from the start", WARMUP: f"alpha raised over {WARMUP} epochs"}
EPOCHS, QUICK_EPOCHS = 80, 20
EXAMPLE = (0.8, 1.0, 100.0)  # gamma, beta, alpha of the model whose dimensions are shown
CLASSES = ("T-shirt/top", "Trouser", "Dress", "Shirt")
TRAVERSED = 4  # images of one class
FEW, DIFFERENT = 10, 1 / 3  # of 50 dimensions; of the dimensions of two classes


def blocks(form: str, seeds: int) -> list[Block]:
    """The paper's grid, with alpha from the start and warmed up, seed by seed, and with the spike first.

    The quick form has beta 1, and fewer epochs.
    """
    common: Block = {"prior": "sparse", "data": "fashion-mnist", "image_size": 32, "beta": list(BETAS)}
    if form == QUICK:
        common |= {"beta": 1.0, "epochs": QUICK_EPOCHS}
    schedules: list[Block] = [{"alpha": list(ALPHAS)}, {"alpha": list(ALPHAS[1:]), "alpha_warmup": WARMUP}]
    return [
        common | {"gamma": gamma, "seed": seed} | schedule
        for seed in range(seeds)
        for gamma in GAMMAS
        for schedule in schedules
    ]


def own(run: Path, datasets: Datasets) -> Mapping[str, float]:
    """How many dimensions a class uses, and which share of their dimensions two classes have in common.

    A class uses the dimensions whose mean magnitude over its test points is at least half of the largest one.
    """
    from ..figures import class_magnitudes

    trained = checkpoint.load(run)
    dataset = datasets.get(trained.options)
    _, magnitudes = class_magnitudes(_locations(trained.vae, dataset), _labels(dataset))
    used = magnitudes >= 0.5 * magnitudes.max(1, keepdims=True)
    common = [(a & b).sum() / (a | b).sum() for a, b in itertools.combinations(used, 2)]
    return {"dimensions_of_a_class": float(used.sum(1).mean()), "common_to_two_classes": float(np.mean(common))}


def named(row: Row) -> str:
    """Gamma, beta, alpha, and whether alpha is raised."""
    schedule = f", {SCHEDULES[row['alpha_warmup']]}" if row["alpha_warmup"] else ""
    return f"gamma {row['gamma']:g}, beta {row['beta']:g}, alpha {row['alpha']:g}{schedule}"


def claims(rows: Sequence[Row]) -> list[Claim]:
    """The paper's sentences about the figure."""
    error = "a cell's error is by its own seeds or, if that is larger, by those of all cells of its curve"
    near = (
        f"it holds if at each alpha the mean over the seeds is within {NEAR:g} of the paper's, and is open if two "
        f"standard errors could change that; {error}, or from a spread of {SPREAD:g} if none has two seeds"
    )
    classes = "gamma 0.8, beta 1, alpha 100"
    return [
        Claim(
            "With the spike (gamma 0.8), sparsity follows the paper's curve: a fast rise with alpha, then a plateau.",
            near,
            _curves(rows, 0.8),
        ),
        Claim(
            "Without it (gamma 0), sparsity follows the paper's curve: near .2 throughout, and falling slightly.",
            "the same",
            _curves(rows, 0.0),
        ),
        Claim(
            "A class uses few dimensions.",
            f"on average over the classes, {FEW} or fewer of the 50 have at least half of the class's largest mean "
            f"magnitude; open if two standard errors could change that; {error}; {classes}",
            [_of_classes(rows, "dimensions_of_a_class", FEW, warmup) for warmup in SCHEDULES],
        ),
        Claim(
            "Different classes use different dimensions.",
            f"on average over two classes, they have a third of these dimensions in common, or less; open likewise; "
            f"{classes}",
            [_of_classes(rows, "common_to_two_classes", DIFFERENT, warmup) for warmup in SCHEDULES],
        ),
    ]


def _spread(curve: Mapping[float, Sequence[float]], alpha: float) -> float | None:
    """The standard deviation over seeds: in the cell with this alpha or, if larger, in the curve's cells together.

    None if no cell has two seeds.
    """
    cells = {each: found for each, found in curve.items() if len(found) > 1}
    if not cells:
        return None
    variances = {each: float(np.var(found, ddof=1)) for each, found in cells.items()}
    together = np.average(list(variances.values()), weights=[len(found) - 1 for found in cells.values()])
    return float(np.sqrt(max(together, variances.get(alpha, 0.0))))


def _curves(rows: Sequence[Row], gamma: float) -> list[Finding]:
    """A finding for each curve of which there are runs."""
    found = [_near(rows, gamma, beta, warmup) for warmup in SCHEDULES for beta in BETAS]
    return [each for each in found if each] or [undecided("", f"gamma {gamma:g}")]


def _near(rows: Sequence[Row], gamma: float, beta: float, warmup: int | None) -> Finding | None:
    part = f"beta {beta:g}, {SCHEDULES[warmup]}"
    there = at_each_alpha(rows, gamma, beta, warmup)
    if not there:
        return None
    missing = [f"{alpha:g}" for alpha in ALPHAS if alpha not in there]
    epochs = {row["epochs"] for row in rows}
    part += "" if epochs == {EPOCHS} else f", {max(epochs)} epochs in all"
    pairs = [(alpha, there[alpha], paper) for alpha, paper in published(gamma, beta) if alpha in there]
    number = ", ".join(f"{_beside(float(np.mean(ours)), paper)} at {alpha:g}" for alpha, ours, paper in pairs)
    if missing:
        return Finding(part, OPEN, f"{number}; no runs with alpha {', '.join(missing)}")
    verdicts = []
    for alpha, ours, paper in pairs:
        spread = _spread(there, alpha)
        apart = abs(float(np.mean(ours)) - paper)
        verdicts.append(_at_most(apart, NEAR, SPREAD if spread is None else spread, len(ours)))
    seeds = counted_from_to((len(ours) for _, ours, _ in pairs), "seed")
    return Finding(part, of_all(verdicts), f"{number}; {seeds}")


def _at_most(value: float, limit: float, spread: float | None, seeds: int) -> str:
    """Whether a value that moves with the mean over some seeds is within a limit; OPEN if chance may decide that."""
    margin = np.inf if spread is None else 2 * spread / np.sqrt(seeds)
    return OPEN if abs(value - limit) < margin else HOLDS if value <= limit else FAILS


def _beside(ours: float, paper: float) -> str:
    """Both numbers, with two decimals or as many more as show whether they are near."""
    for decimals in (2, 3, 4, 5, 6):
        shown = abs(round(ours, decimals) - round(paper, decimals))
        if (round(shown, decimals) <= NEAR) == (abs(ours - paper) <= NEAR):
            break
    return f"{ours:.{decimals}f} ({paper:.{decimals}f})"


def _of_classes(rows: Sequence[Row], value: str, limit: float, warmup: int | None) -> Finding:
    part = SCHEDULES[warmup]
    _, beta, alpha = EXAMPLE
    curves = {gamma: at_each_alpha(rows, gamma, beta, warmup, value) for gamma in GAMMAS}
    if alpha not in curves[0.8]:
        return undecided(part, f"alpha {alpha:g}")
    means = {gamma: float(np.mean(curve[alpha])) for gamma, curve in curves.items() if alpha in curve}
    scale, unit, least = (100, " %", 0) if limit < 1 else (1, "", 1)
    decimals = decimals_apart(least, (scale * means[0.8], scale * limit))
    number = "; ".join(f"{scale * mean:.{decimals}f}{unit} with gamma {gamma:g}" for gamma, mean in means.items())
    spread, count = _spread(curves[0.8], alpha), len(curves[0.8][alpha])
    seeds = counted(count, "seed") + (", and no cell of the curve has two" if spread is None else "")
    return Finding(part, _at_most(means[0.8], limit, spread, count), f"{number}; {seeds}")


def published(gamma: float, beta: float) -> list[tuple[float, float]]:
    """The paper's sparsity at each alpha."""
    return list(zip(ALPHAS, PUBLISHED[gamma, beta], strict=True))


def at_each_alpha(
    rows: Sequence[Row], gamma: float, beta: float, warmup: int | None, value: str = "hoyer"
) -> dict[float, list[float]]:
    """By alpha, the sparsity or another value of each seed that is there.

    Alpha 0 is not warmed up: its runs are those of both schedules, and alone are no curve of a warmed-up alpha.
    """
    cells = {alpha: (gamma, beta, alpha, warmup if alpha else None) for alpha in ALPHAS}
    found = {alpha: _values(rows, value, cell) for alpha, cell in cells.items()}
    there = {alpha: values for alpha, values in found.items() if values}
    return {} if warmup and there.keys() <= {0.0} else there


def _values(rows: Sequence[Row], value: str, cell: tuple[float, float, float, int | None]) -> list[float]:
    """A value of each seed of the cell with this gamma, beta, alpha and warm-up."""
    own = [row for row in rows if (row["gamma"], row["beta"], row["alpha"], row["alpha_warmup"]) == cell]
    return [row[value] for row in own if value in row]


def draw(rows: Sequence[Row], out: Path) -> list[Path]:
    """Sparsity against alpha beside the paper's, the bar plots of four classes, and one dimension in several images."""
    from ..figures import curves_beside_others, write_figure

    panels, others = {}, {}
    for beta in BETAS:
        curves = {
            f"gamma {gamma:g}, {name}": list(at_each_alpha(rows, gamma, beta, warmup).items())
            for gamma in GAMMAS
            for warmup, name in SCHEDULES.items()
        }
        if any(curves.values()):
            panels[f"beta {beta:g}"] = curves
            others[f"beta {beta:g}"] = {f"gamma {gamma:g}, the paper": published(gamma, beta) for gamma in GAMMAS}
    note = "alpha is not to scale; with alpha 0 there is nothing to raise: both curves have the same runs there"
    figure = curves_beside_others(panels, others, "alpha", "Hoyer sparsity", note)
    paths = write_figure(figure, out, "sparsity", ("png",))
    for row in rows:
        if "run" in row and (row["gamma"], row["beta"], row["alpha"], row["alpha_warmup"]) == (*EXAMPLE, None):
            trained = checkpoint.load(row["run"])
            return paths + draw_model(trained.vae, dataset_from(trained.options), out)
    return paths


def draw_model(vae: VAE, dataset: Dataset, out: Path) -> list[Path]:
    """Two pictures of one model: four classes, and the dimension that best separates trousers from the others."""
    from ..figures import class_activity, latent_traversals, write_figure

    labels = _labels(dataset)
    names = np.array(dataset.class_names)[labels]
    loc = _locations(vae, dataset)
    shown = np.isin(names, CLASSES)
    figure = class_activity(loc[shown], labels[shown], dataset.class_names)
    paths = write_figure(figure, out, "activity", ("png",))
    trousers = names == "Trouser"
    d = int((np.abs(loc[trousers]).mean(0) - np.abs(loc[~trousers]).mean(0)).argmax())
    some = np.flatnonzero(trousers)[:TRAVERSED]
    moved = [traverse(vae, loc[i]) for i in some]
    values, means = (np.stack([pair[part][d] for pair in moved]) for part in (0, 1))
    titles = [f"trousers {i + 1}, z{d + 1}" for i in range(len(some))]
    x = as_numbers(dataset.test[:1000], vae.dtype)
    figure = latent_traversals(values, means, titles, 3.0, x, dataset.image_shape)
    return paths + write_figure(figure, out, f"traversal-z{d + 1}", ("png",))


def _labels(dataset: Dataset) -> Any:
    assert dataset.test_labels is not None
    return dataset.test_labels


def _locations(vae: VAE, dataset: Dataset) -> np.ndarray:
    """The posterior means of the test points, (N, D)."""
    x = as_numbers(dataset.test, vae.dtype)
    return np.concatenate([vae.encode(x[i : i + 1000])[0] for i in range(0, len(x), 1000)])


EXPERIMENT = Experiment(
    name="sparsity",
    forms={FULL: 3, QUICK: 1},
    blocks=blocks,
    options=("gamma", "beta", "alpha", "alpha_warmup", "epochs", "image_size"),
    values=("train.objective", "test.log_likelihood", "test.kl", "test.mmd", "active_dimensions", "hoyer"),
    metrics=("hoyer",),
    own=own,
    own_values=("dimensions_of_a_class", "common_to_two_classes"),
    named=named,
    claims=claims,
    draw=draw,
)
