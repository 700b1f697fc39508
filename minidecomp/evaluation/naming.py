"""Names in words for recorded values and options, in tables and pictures."""

from __future__ import annotations

from ..settings.options import by_name
from ..variants import METRICS
from .terms import titles, unit_of

PARTS = {"test": "test", "train": "training", "validation": "validation", "overlap": "", "match": "match:"}
WORDS = {
    "lr": "learning rate",
    "df": "degrees of freedom",
    "seconds": "time",
    "kl_term": "KL term",
    "active_dimensions": "active dimensions",
    "marginal_log_likelihood": "marginal log-likelihood",
    "log_volume": "log volume of the scaling",
}
OF_QUANTILES = ".gaussian_quantiles"


def in_words(column: str) -> str:
    """A column's name in words: ``test.kl`` is "test KL", ``batch_size`` "batch size"."""
    if column in by_name() or column in WORDS:
        return _words(column)
    name = column.removesuffix(OF_QUANTILES)
    if name in METRICS:
        of_quantiles = " of Gaussian quantiles" if name != column else ""
        return METRICS[name].title + of_quantiles
    part, _, name = column.partition(".")
    if part not in PARTS or not name:
        return _words(column)
    return f"{PARTS[part]} {titles().get(name) or _words(name)}".strip()


def label_of(column: str) -> str:
    """The name in words with its unit, as on an axis: "test KL (nats)"."""
    unit = unit_of(column)
    return f"{in_words(column)} ({unit})" if unit else in_words(column)


def _words(name: str) -> str:
    return WORDS.get(name, name.replace("_", " "))
