"""Independence (Mathieu et al., Fig. 2): disentanglement of dSprites against reconstruction, for several priors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ..errors import counted_from_to
from ..evaluation.naming import OF_QUANTILES
from ..runs.comparison import Row
from ..sweeps.grid import Block
from .claims import FAILS, HOLDS, OPEN, Claim, Finding, decimals_apart, in_words, percent, undecided
from .experiment import FULL, MEDIUM, QUICK, Experiment
from .paired import LEAST_PAIRS, Difference, by_seed, differences, least_difference, pairs_needed

AUTHORS, LITERATURE = "factor_vae_mathieu19", "factor_vae"
SCORES = {AUTHORS: "FactorVAE score, the authors'", LITERATURE: "FactorVAE score, the literature's"}
LOSS, GROWTH = "reconstruction loss (nats)", "reconstruction loss (% of isotropic)"
ISOTROPIC, STUDENT_T = "isotropic", "Student-t"
GAUSSIAN = (ISOTROPIC, "PCA", "learned from PCA")
MOST_LINES = 2  # of Student-t priors, each over beta
GAIN = 0.05  # of a score: what the grid is made to show
SPREAD = 0.08  # the standard deviation of a score over seeds, as the quick grid and earlier runs had it
LITTLE = 0.05  # of the isotropic prior's loss: what "little detriment" means here
NARROW: Block = {"hidden": [256, 256]}
SMALL: Block = NARROW | {"limit": 60_000, "epochs": 4}
MIDDLE: Block = NARROW | {"epochs": 2}


def blocks(form: str, seeds: int) -> list[Block]:
    """Isotropic, PCA and learned variances for several beta, Student-t for several degrees of freedom; several seeds.

    The quick form has 60,000 of the images, four epochs, narrow networks, and fewer values and seeds. The medium form
    has all images, two epochs, narrow networks, and two beta for each prior: all seeds at beta 1, then half as many at
    beta 4. It goes seed by seed, so that a part of it can be compared, too.
    """
    common: Block = {"data": "dsprites", "alpha": 0.0}
    if form == MEDIUM:
        kinds = _kinds([3.0, 9.0])
        pairs = [(1.0, seed) for seed in range(seeds)] + [(4.0, seed) for seed in range((seeds + 1) // 2)]
        return [common | MIDDLE | kind | {"beta": beta, "seed": seed} for beta, seed in pairs for kind in kinds]
    quick = form == QUICK
    common |= {"seeds": seeds} | (SMALL if quick else {})
    betas = [1.0, 4.0] if quick else [1.0, 2.0, 4.0, 8.0, 16.0]
    *gaussian, student_t = _kinds([3.0, 9.0] if quick else [3.0, 5.0, 9.0, 15.0, 30.0])
    return [*(common | kind | {"beta": betas} for kind in gaussian), common | student_t | {"beta": 1.0}]


def _kinds(dfs: list[float]) -> list[Block]:
    gaussian: Block = {"prior": "gaussian"}
    return [
        gaussian | {"prior_variance": "iso"},
        gaussian | {"prior_variance": "pca"},
        gaussian | {"prior_variance": "pca", "learn_prior_variance": True},
        {"prior": "student-t", "df": dfs},
    ]


def _prior(row: Row) -> str:
    if row["prior"] == "student-t":
        return f"{STUDENT_T}, df {row['df']:g}"
    return GAUSSIAN[2 if row["learn_prior_variance"] else row["prior_variance"] == "pca"]


def scored(row: Row) -> dict[str, float]:
    """A run's loss and scores; the authors score the codes of a Student-t prior as quantiles of a Gaussian."""
    authors = AUTHORS + OF_QUANTILES if row["prior"] == "student-t" else AUTHORS
    return {AUTHORS: row[authors], LITERATURE: row[LITERATURE], LOSS: -row["test.log_likelihood"]}


def _by_prior(rows: Sequence[Row]) -> dict[float, dict[str, list[Row]]]:
    """By beta and prior, the rows with their loss and scores."""
    found: dict[float, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(row["beta"], {}).setdefault(_prior(row), []).append({**row, **scored(row)})
    return found


def _gaps(rows: Sequence[Row], value: str) -> dict[tuple[float, str], Difference]:
    """By beta and prior, the difference from the isotropic prior with the same beta and seeds."""
    gaps = {}
    for beta, priors in _by_prior(rows).items():
        reference = by_seed(priors.get(ISOTROPIC, []), value)
        for prior, group in priors.items():
            found = by_seed(group, value)
            if prior != ISOTROPIC and found.keys() & reference.keys():
                gaps[beta, prior] = differences(found, reference)
    return gaps


def _isotropic_losses(rows: Sequence[Row]) -> dict[float, float]:
    """The isotropic prior's mean loss by beta."""
    by_prior = {beta: priors[ISOTROPIC] for beta, priors in _by_prior(rows).items() if ISOTROPIC in priors}
    return {beta: sum(row[LOSS] for row in group) / len(group) for beta, group in by_prior.items()}


def claims(rows: Sequence[Row]) -> list[Claim]:
    """The paper's two sentences about the figure, for each prior and beta."""
    rule = (
        "it holds if the 95 % interval of the mean difference from the isotropic prior, over paired seeds, lies above "
        f"0, and not if it begins below 0 and ends below {GAIN:g}: then there is no gain of {GAIN:g}"
    )
    improves = [
        Claim(
            f"A prior that is not isotropic improves the FactorVAE score ({name} protocol).",
            rule,
            [_improves(*key, gap) for key, gap in _gaps(rows, score).items()]
            or [undecided("", "an isotropic and another prior, the same beta and seed")],
        )
        for score, name in ((AUTHORS, "the authors'"), (LITERATURE, "the literature's"))
    ]
    losses = _isotropic_losses(rows)
    little = Claim(
        'It does so "with little or no detriment" to the reconstructions.',
        f"it holds if the 95 % interval of the loss's mean growth, over paired seeds, lies below {percent(LITTLE)} of "
        "the isotropic prior's loss, and not if it lies above",
        [_little(*key, gap, losses[key[0]]) for key, gap in _gaps(rows, LOSS).items()]
        or [undecided("", "an isotropic and another prior, the same beta and seed")],
    )
    return [*improves, little]


def named(row: Row) -> str:
    """The prior and beta."""
    return _part(row["beta"], _prior(row))


def _part(beta: float, prior: str) -> str:
    return f"{prior}, beta {beta:g}"


def _improves(beta: float, prior: str, gap: Difference) -> Finding:
    decided = HOLDS if gap.low > 0 else FAILS if gap.high < GAIN else OPEN
    needed = pairs_needed(GAIN, gap.std) if decided == OPEN and gap.count >= LEAST_PAIRS else 0
    more = f"; to see a gain of {GAIN:g} would take {needed}" if needed > gap.count else ""
    decimals = decimals_apart(3, (gap.low, 0), (gap.high, GAIN))
    return Finding(_part(beta, prior), decided, in_words(gap, decimals) + more)


def _little(beta: float, prior: str, gap: Difference, loss: float) -> Finding:
    limit = LITTLE * loss
    decided = HOLDS if gap.high < limit else FAILS if gap.low > limit else OPEN
    decimals = decimals_apart(1, (gap.low, limit), (gap.high, limit))
    number = f"{in_words(gap, decimals)}; {percent(LITTLE)} is {limit:.{decimals}f} nats"
    return Finding(_part(beta, prior), decided, number)


def note(form: str, seeds: int) -> str:
    """How many seeds a claim needs, before any is trained."""
    spread = SPREAD * 2**0.5  # of a difference of two independent runs
    needs = (
        f"scores vary by about {SPREAD:g} over seeds: to be seen four times in five, a difference of {GAIN:g} needs "
        f"about {pairs_needed(GAIN, spread)} seeds"
    )
    counts = dict.fromkeys((seeds, (seeds + 1) // 2) if form == MEDIUM else (seeds,))
    least = {count: least_difference(count, spread) for count in counts if count >= LEAST_PAIRS}
    shown = [f"{count} seeds show {math.ceil(100 * gain) / 100:.2f}" for count, gain in least.items()]
    few = f"; fewer than {LEAST_PAIRS} decide nothing" if min(counts) < LEAST_PAIRS else ""
    return f"{needs}{''.join(f'; {each}' for each in shown)}{few}"


def draw(rows: Sequence[Row], out: Path) -> list[Path]:
    """Loss against score, and the differences from the isotropic prior."""
    from ..figures import loss_against_score, write_figure

    panels = {label: _lines(rows, score) for score, label in SCORES.items()}
    paths = write_figure(loss_against_score(panels), out, "independence", ("png",))
    return paths + _draw_differences(rows, out)


def _lines(rows: Sequence[Row], score: str) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Loss and score of each seed by line and point: a line over beta or, for many degrees of freedom, over them."""
    over_df = len({row["df"] for row in rows if row["prior"] == "student-t"}) > MOST_LINES
    lines: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in GAUSSIAN}  # they keep their colours
    for row in rows:
        prior, point = _prior(row), rf"$\beta = {row['beta']:g}$"
        if row["prior"] == "student-t" and over_df:
            prior, point = rf"{STUDENT_T}, $\beta = {row['beta']:g}$", rf"$\nu = {row['df']:g}$"
        found = scored(row)
        lines.setdefault(prior, {}).setdefault(point, []).append((found[LOSS], found[score]))
    return lines


def _draw_differences(rows: Sequence[Row], out: Path) -> list[Path]:
    from ..figures import differences_with_intervals, write_figure

    compared: dict[str, dict[str, dict[str, tuple[float, float, float]]]] = {}
    counts = set()
    losses = _isotropic_losses(rows)
    for value, label in {**SCORES, LOSS: GROWTH}.items():
        for (beta, prior), gap in _gaps(rows, value).items():
            if gap.count >= LEAST_PAIRS:
                counts.add(gap.count)
                unit = losses[beta] / 100 if value == LOSS else 1.0
                shown = (gap.value / unit, gap.low / unit, gap.high / unit)
                compared.setdefault(label, {}).setdefault(f"beta {beta:g}", {})[prior] = shown
    if not compared:
        return []
    seeds = counted_from_to(counts, "paired seed")
    text = f"difference from the isotropic prior with the same beta; mean and 95 % interval of {seeds}"
    bands = dict.fromkeys(SCORES.values(), (-GAIN, GAIN)) | {GROWTH: (-100 * LITTLE, 100 * LITTLE)}
    grey = f"grey: less than {GAIN:g} of a score, or {percent(LITTLE)} of the loss"
    figure = differences_with_intervals(compared, bands, f"{text}\n{grey}")
    return write_figure(figure, out, "independence-differences", ("png",))


EXPERIMENT = Experiment(
    name="independence",
    forms={FULL: 8, MEDIUM: 16, QUICK: 2},
    blocks=blocks,
    options=("prior", "prior_variance", "learn_prior_variance", "df", "beta", "hidden", "limit", "epochs"),
    values=(
        "test.log_likelihood",
        "test.kl",
        AUTHORS,
        LITERATURE,
        AUTHORS + OF_QUANTILES,
        LITERATURE + OF_QUANTILES,
    ),
    metrics=(LITERATURE, AUTHORS),
    named=named,
    claims=claims,
    draw=draw,
    note=note,
)
