"""Independence (Mathieu et al., Fig. 2): disentanglement of dSprites against reconstruction, for several priors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import make_folder
from ..sweeps.folder import rows as table_rows
from ..sweeps.grid import Block, Entry

STATEMENT = (
    "a prior that is not isotropic, with unequal variances (from the data's principal components, or learned) or with "
    "heavier tails (Student-t), improves the FactorVAE score with little or no detriment to the reconstructions"
)
METRICS = ("factor_vae",)
COLUMNS = (
    "prior",
    "prior_variance",
    "learn_prior_variance",
    "df",
    "beta",
    "seed",
    "test.log_likelihood",
    "test.kl",
    "factor_vae",
    "factor_vae.gaussian_quantiles",
)
QUICK: Block = {"limit": 60_000, "epochs": 4, "hidden": [256, 256]}


def blocks(quick: bool) -> list[Block]:
    """Isotropic, PCA and learned variances for several beta, Student-t for several degrees of freedom; several seeds.

    The quick form has 60,000 of the images, four epochs, narrow networks, and fewer values and seeds.
    """
    common: Block = {"data": "dsprites", "alpha": 0.0, "seeds": 2 if quick else 5} | (QUICK if quick else {})
    betas = [1.0, 4.0] if quick else [1.0, 2.0, 4.0, 8.0, 16.0]
    dfs = [3.0, 9.0] if quick else [3.0, 5.0, 9.0, 15.0, 30.0]
    return [
        common | {"prior": "gaussian", "prior_variance": "iso", "beta": betas},
        common | {"prior": "gaussian", "prior_variance": "pca", "beta": betas},
        common | {"prior": "gaussian", "prior_variance": "pca", "learn_prior_variance": True, "beta": betas},
        common | {"prior": "student-t", "beta": 1.0, "df": dfs},
    ]


def _kind(options: Mapping[str, Any]) -> str:
    if options["prior"] == "student-t":
        return "Student-t"
    variances = "PCA" if options["prior_variance"] == "pca" else "isotropic"
    return "learned from PCA" if options["learn_prior_variance"] else variances


def score(row: Mapping[str, Any]) -> float:
    """The FactorVAE score as in the paper: with a Student-t prior, for the codes' Gaussian quantiles."""
    return float(row["factor_vae.gaussian_quantiles" if row["prior"] == "student-t" else "factor_vae"])


def measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """The best score of each prior, with its reconstruction loss."""
    best: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        kind = _kind(row)
        if kind not in best or score(row) > score(best[kind]):
            best[kind] = row
    scores = [f"{kind} {score(row):.2f} (loss {-row['test.log_likelihood']:.1f})" for kind, row in best.items()]
    return f"best FactorVAE score of each prior: {', '.join(scores)}"


def draw(folder: Path, entries: list[Entry]) -> list[Path]:
    """Reconstruction loss against the score, as in the paper: Gaussian priors by beta, mapped Student-t codes by df."""
    from ..figures import loss_against_score, write_figure

    groups: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for entry, row in zip(entries, table_rows(folder, entries), strict=True):
        if row["state"] == "finished":
            o = entry.options
            point = rf"$\nu = {o.df:g}$" if o.prior == "student-t" else rf"$\beta = {o.beta:g}$"
            points = groups.setdefault(_kind(vars(o)), {}).setdefault(point, [])
            points.append((-row["test.log_likelihood"], score(row)))
    return write_figure(loss_against_score(groups), make_folder(folder / "figures"), "independence", ("png",))
