"""Clustering (Mathieu et al., Fig. 3): the pinwheel's aggregate posterior over beta at alpha = 0, and the reverse."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.points import as_numbers
from ..errors import counted
from ..evaluation.decomposition import overlap
from ..runs import checkpoint
from ..runs.comparison import Row
from ..sweeps.grid import Block
from ..sweeps.work import Datasets
from ..terms.priors.mixture import Mixture
from .claims import (
    Claim,
    Finding,
    above_zero,
    decimals_apart,
    in_most,
    in_words,
    interval,
    of_all,
    pairs,
    percent,
    share_in_words,
    undecided,
)
from .experiment import FULL, QUICK, Experiment
from .paired import Difference, by_seed, differences, share

BETAS, ALPHAS = [0.01, 0.5, 1.0, 1.2], [1.0, 3.0, 5.0, 8.0]
POINTS = 400  # in training
LEAST_SHARE = 0.05  # of the points, for a cluster that is kept
LEAST_KL = 0.01  # nats; an estimate of KL(p || q) is no finer
SPIKES, FEW = 0.9, 2  # of the largest mutual information; clusters
KL, AUTHORS_KL = "the KL", "the authors' KL"
PARTS = {1.0: KL, 2.0: AUTHORS_KL}  # by log_prior_multiplier: the authors count log p(z) once for each dimension
ROWS = {  # of the figure
    (KL, "beta"): r"$\alpha = 0$, $\beta$ grows",
    (AUTHORS_KL, "beta"): "the same,\nauthors' KL",
    (KL, "alpha"): r"$\beta = 0$, $\alpha$ grows",
}
STRIPS = ("clusters kept", "KL(p || q), nats")

Panels = dict[tuple[str, str, float], list[Row]]


def blocks(form: str, seeds: int) -> list[Block]:
    """Beta alone with the KL and with the authors' KL, and alpha alone."""
    common: Block = {"prior": "mixture", "regulariser": "kl-inc", "seeds": seeds}
    return [
        common | {"alpha": 0.0, "beta": BETAS, "log_prior_multiplier": list(PARTS)},
        common | {"beta": 0.0, "alpha": ALPHAS},  # no KL, so that its multiplier does not matter
    ]


def own(run: Path, datasets: Datasets) -> Mapping[str, float]:
    """How many clusters the training points' encodings keep, and how much an encoding tells of its point, in nats."""
    loc, scale, prior = _encodings(run, datasets)
    found = overlap(loc, scale, prior)["mutual_information"]
    return {"clusters": clusters_kept(loc, prior), "mutual_information": found["value"]}


def clusters_kept(loc: np.ndarray, prior: Mixture) -> int:
    """How many of the prior's components are the likeliest for more than 5 % of the posterior means loc (N, D)."""
    likeliest = prior.joint_log_density(loc).argmax(-1)
    shares = np.bincount(likeliest, minlength=len(prior.loc)) / len(loc)
    return int((shares > LEAST_SHARE).sum())


def _encodings(run: Path, datasets: Datasets) -> tuple[np.ndarray, np.ndarray, Mixture]:
    """Location and scale of the training points' posteriors, and the prior."""
    trained = checkpoint.load(run)
    x = as_numbers(datasets.get(trained.options).train, trained.vae.dtype)
    prior = trained.vae.current_prior()
    assert isinstance(prior, Mixture)
    loc, scale = trained.vae.encode(x)
    return loc, scale, prior


def named(row: Row) -> str:
    """What grows, how far, and with which KL."""
    part, grows, value = _panel(row)
    return f"{grows} {value:g}" + (f", {part}" if part != KL else "")


def claims(rows: Sequence[Row]) -> list[Claim]:
    """The paper's sentences about the figure."""
    panels = _panels(rows)
    most = "in most seeds: it holds if the 95 % interval of their share is above a half, and not if it is below"
    return [
        Claim(
            "A small beta leaves spikes: each point has a place of its own.",
            f"I(x; z) is 90 % or more of its limit, log {POINTS}, {most}",
            [_spikes(panels, part) for part in PARTS.values()],
        ),
        Claim(
            "A large beta blurs the clusters away.",
            f"{FEW} or fewer are left {most}",
            [_blurred(panels, part) for part in PARTS.values()],
        ),
        Claim(
            "Beta alone does not reliably make q(z) match a prior with clusters.",
            "even at the best beta, log KL(p || q) is above that at alpha 8: mean over paired seeds, an interval that "
            f"covers 95 % for the best of {len(BETAS)}",
            [_beta_alone(panels, part) for part in PARTS.values()],
        ),
        Claim("Alpha alone keeps all four clusters.", f"at each alpha {most}", [_over_alpha(panels, _kept)]),
        Claim(
            "The match improves as alpha grows.",
            "log KL(p || q) falls at each step: mean over paired seeds, 95 % interval",
            [_over_alpha(panels, _improves)],
        ),
    ]


def _panels(rows: Sequence[Row]) -> Panels:
    """The rows of each panel: by the KL, the option that grows, and its value."""
    found: Panels = {}
    for row in rows:
        found.setdefault(_panel(row), []).append(row)
    return found


def _panel(row: Row) -> tuple[str, str, float]:
    grows = "alpha" if row["beta"] == 0 else "beta"
    part = KL if grows == "alpha" else PARTS[row["log_prior_multiplier"]]
    return part, grows, row[grows]


def _spikes(panels: Panels, part: str) -> Finding:
    group = panels.get((part, "beta", BETAS[0]))
    if not group:
        return undecided(part, f"beta {BETAS[0]:g}")
    shares = [row["mutual_information"] / math.log(POINTS) for row in group]
    count = sum(each >= SPIKES for each in shares)
    number = f"in {_of(count, group)} at beta {BETAS[0]:g}; the median is {percent(float(np.median(shares)))}"
    return Finding(part, in_most(count, len(group)), number)


def _blurred(panels: Panels, part: str) -> Finding:
    group = panels.get((part, "beta", BETAS[-1]))
    if not group:
        return undecided(part, f"beta {BETAS[-1]:g}")
    count = sum(row["clusters"] <= FEW for row in group)
    return Finding(part, in_most(count, len(group)), f"in {_of(count, group)} at beta {BETAS[-1]:g}")


def _beta_alone(panels: Panels, part: str) -> Finding:
    groups = {beta: panels.get((part, "beta", beta), []) for beta in BETAS}
    by_alpha = panels.get((KL, "alpha", ALPHAS[-1]))
    if not by_alpha:
        return undecided(part, f"alpha {ALPHAS[-1]:g}")
    if lacking := [beta for beta, group in groups.items() if not group]:
        return undecided(part, f"beta {_several(lacking)}")
    found = {beta: differences(_logs(group), _logs(by_alpha), len(BETAS)) for beta, group in groups.items()}
    if unpaired := [beta for beta, gap in found.items() if not gap.count]:
        return undecided(part, f"the same seed at beta {_several(unpaired)} and at alpha {ALPHAS[-1]:g}")
    best = min(found, key=lambda beta: found[beta].value)
    return Finding(part, above_zero(found[best]), f"best beta {best:g}: higher by {_shown(found[best])}")


def _over_alpha(panels: Panels, finding: Callable[[list[list[Row]]], Finding]) -> Finding:
    """What the runs at each alpha say together."""
    groups = [panels.get((KL, "alpha", alpha), []) for alpha in ALPHAS]
    lacking = [alpha for alpha, group in zip(ALPHAS, groups, strict=True) if not group]
    return undecided("", f"alpha {_several(lacking)}") if lacking else finding(groups)


def _kept(groups: list[list[Row]]) -> Finding:
    counts = [sum(row["clusters"] == 4 for row in group) for group in groups]
    decided = of_all([in_most(count, len(group)) for count, group in zip(counts, groups, strict=True)])
    sizes = [len(group) for group in groups]
    lowest = min(zip(counts, sizes, strict=True), key=lambda each: share(*each)[0])
    if len(set(sizes)) == 1:
        seen = f"{_several(counts)} of {counted(sizes[0], 'seed')}"
    else:
        seen = ", ".join(f"{count} of {size}" for count, size in zip(counts, sizes, strict=True)) + " seeds"
    number = f"in {seen} at alpha {_several(ALPHAS)}; the lowest: {share_in_words(*lowest)}"
    return Finding("", decided, number)


def _improves(groups: list[list[Row]]) -> Finding:
    gaps = [differences(_logs(before), _logs(after)) for before, after in itertools.pairwise(groups)]
    if len({gap.count for gap in gaps}) == 1 and gaps[0].count:
        steps = f"{', '.join(interval(gap, _decimals(gap)) for gap in gaps)}, {pairs(gaps[0])}"
    else:
        steps = "; ".join(_shown(gap) for gap in gaps)
    medians = ", ".join(f"{np.median([row['test.kl-inc'] for row in group]):.2g}" for group in groups)
    number = f"by {steps}; median KL(p || q) {medians} at alpha {_several(ALPHAS)}"
    return Finding("", of_all([above_zero(gap) for gap in gaps]), number)


def _of(count: int, group: Sequence[Row]) -> str:
    return f"{count} of {counted(len(group), 'seed')} ({share_in_words(count, len(group))})"


def _shown(gap: Difference) -> str:
    return in_words(gap, _decimals(gap))


def _decimals(gap: Difference) -> int:
    return decimals_apart(2, (gap.low, 0), (gap.high, 0))


def _several(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _logs(rows: Sequence[Row]) -> dict[Any, float]:
    """log KL(p || q) by seed. An estimate has an error of a few hundredths, and may fall below 0."""
    return {seed: math.log(max(value, LEAST_KL)) for seed, value in by_seed(rows, "test.kl-inc").items()}


def draw(rows: Sequence[Row], out: Path) -> list[Path]:
    """The densities of the prior and of one seed's runs as in the paper, and below each the numbers of all seeds.

    Without the runs themselves there is no picture.
    """
    from ..figures import Strip, panel_grid, write_figure

    panels = {key: group for key, group in _panels(rows).items() if any("run" in row for row in group)}
    datasets = Datasets()
    drawn, titles, strips, names = [], [], [], []
    for (part, grows), name in ROWS.items():
        values = sorted(value for kl, option, value in panels if (kl, option) == (part, grows))
        groups = [panels[part, grows, value] for value in values]
        if groups:
            encodings = [_encodings(_first(group)["run"], datasets) for group in groups]
            drawn.append([(loc, scale) for loc, scale, _ in encodings])
            titles.append([rf"$\{grows} = {value:g}$" for value in values])
            strips.append([Strip([r["clusters"] for r in g], [r["test.kl-inc"] for r in g]) for g in groups])
            names.append(name)
    if not drawn:
        return []
    # The square is the paper's.
    prior, square = encodings[0][2], (-2.0, 2.0, -2.0, 2.0)
    figure = panel_grid(drawn, titles, prior, square, names=names, strips=strips, strip_labels=STRIPS)
    return write_figure(figure, out, "clustering", ("png",))


def _first(group: Sequence[Row]) -> Row:
    """The first seed of which the run itself is there."""
    return min((row for row in group if "run" in row), key=lambda row: row["seed"])


EXPERIMENT = Experiment(
    name="clustering",
    forms={FULL: 10, QUICK: 1},
    blocks=blocks,
    options=("alpha", "beta", "log_prior_multiplier"),
    values=("test.log_likelihood", "test.kl", "test.kl-inc"),
    own=own,
    own_values=("clusters", "mutual_information"),
    named=named,
    claims=claims,
    draw=draw,
    medians=True,
)
