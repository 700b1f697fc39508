"""A run in a few lines, for ``repr``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import counted, printable
from ..settings.options import TrainOptions
from ..settings.schedules import own_options


def three_lines(
    title: str, options: TrainOptions, rows: Sequence[Mapping[str, float]], epochs: int, note: str = ""
) -> str:
    """A title; the data and the options of the objective; the progress, from the rows of ``metrics.csv``."""
    objective = f", objective {rows[-1]['objective']:.6g} nats per point" if rows else ""
    weights = ", ".join(_value(options, name) for name in ("alpha", "beta", "lr"))
    latent = counted(options.latent_dim, "latent dimension")
    what = f"{Path(str(options.data)).name}, {options.prior} prior, {latent}, {weights}, seed {options.seed}"
    return "\n".join(map(printable, (title, what, f"epoch {len(rows)} of {epochs}{objective}{note}")))


def _value(options: TrainOptions, name: str) -> str:
    """An option that may change during training, with its schedule."""
    schedule = [(each, getattr(options, each)) for each in own_options(name)]
    shown = "".join(f" ({each.rpartition('_')[2]} {value})" for each, value in schedule if value is not None)
    return f"{name} {getattr(options, name):g}{shown}"
