"""Validation: the terms' means on points that training does not see, and which model is the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..data.points import Points
from ..engines import Engine
from ..engines.means import means
from ..objective import TERMS
from ..randomness import streams
from ..runs.schema import OF_VALIDATION
from ..settings.options import TrainOptions
from ..settings.schedules import weights_settled
from ..settings.validation import LESS_IS_BETTER, monitored

COST = 0.05  # at most, relative to the training, by an estimate in operations
# The estimate is the same on every machine, so that the same epochs are validated. A call costs as much as some
# million operations besides its arithmetic; a training step costs nearly three times an evaluation of the same
# points. Measured on two cores.
A_CALL, A_STEP, TIMES = 7e6, 1e6, 2.7
MOST_EPOCHS = 5  # between two validations if training may stop early


def times_drawn(batch_size: int, points: int) -> int:
    """How often each validation point is drawn: few points are repeated to fill a batch, to reduce the noise."""
    return max(1, batch_size // points)


def epochs_between(batch_size: int, trained: int, validated: int, parameters: int, stops: bool = False) -> int:
    """How many epochs lie between two validations, so that they cost at most 5 % of the training, by an estimate.

    Parameters
    ----------
    batch_size : int
    trained, validated : int
        The numbers of points, repetitions included.
    parameters : int
        The number of the model's parameters.
    stops : bool
        Whether early stopping uses them: then there are at most five epochs between, whatever that costs.
    """
    look = A_CALL * math.ceil(validated / batch_size) + 2 * validated * parameters
    epoch = A_STEP * math.ceil(trained / batch_size) + TIMES * 2 * trained * parameters
    gap = max(1, math.ceil(look / (COST * epoch)))
    return min(gap, MOST_EPOCHS) if stops else gap


def validate(engine: Engine, points: Points, options: TrainOptions) -> dict[str, float]:
    """The columns of ``metrics.csv``: means of the terms and the objective over the validation points.

    The draws are the same each time, so that models compare; a regulariser with weight 0 is NaN.
    """
    objective = engine.objective
    wanted = [objective.regulariser] if objective.alpha > 0 else []
    size, seed = options.batch_size, options.seed
    found = means(engine, points, size, seed, wanted, streams.VALIDATION, streams.VALIDATION_ORDER)
    values = {term: found[term] for term in TERMS if term in found}
    values["regulariser"] = found[objective.regulariser] if wanted else math.nan
    values["objective"] = objective.combine(values)
    return {OF_VALIDATION + name: float(value) for name, value in values.items()}


def value_of(row: Mapping[str, Any], options: TrainOptions) -> float:
    """The value by which the models of epochs are compared, from a row: higher is better, NaN says nothing.

    While a schedule still changes alpha or beta, nothing is compared, because the objectives differ.
    """
    name = monitored(options)
    value = float(row.get(OF_VALIDATION + name, math.nan))
    if row["epoch"] - 1 < weights_settled(options):
        return math.nan
    return -value if name in LESS_IS_BETTER else value


def is_better(value: float, best: float | None) -> bool:
    """Whether a value is better than the best so far, if there is one."""
    return math.isfinite(value) and (best is None or value > best)


def validations_since(rows: Sequence[Mapping[str, Any]], best_epoch: int | None, options: TrainOptions) -> int:
    """The number of validations since the best one."""
    values = [row.get(OF_VALIDATION + monitored(options), math.nan) for row in rows[best_epoch or len(rows) :]]
    return sum(not math.isnan(value) for value in values)


def is_over(rows: Sequence[Mapping[str, Any]], best_epoch: int | None, options: TrainOptions) -> bool:
    """Whether early stopping ends the training: as many validations as its patience were not better than the best."""
    patience = options.early_stopping
    return bool(patience) and validations_since(rows, best_epoch, options) >= patience
