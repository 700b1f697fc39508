"""Which engine a run uses: the one that its options name or, for ``auto``, the faster one, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from .._core import codes
from ..data.dataset import Dataset
from ..errors import OptionError
from ..model import from_options
from ..settings.options import TrainOptions
from ..settings.schedules import largest
from .probe import has_cupy, missing

# Operations of a run from which the GPU is taken to be faster. On an H100 a step of any size is faster than on the CPU
# (docs/gpu.md), but a process needs some seconds to load CuPy and the kernels. In that time two cores compute as much.
GPU_FROM = 2e11
OF_A_PARAMETER = 6  # operations, for each row: a multiplication and an addition, forward and twice backward
OF_A_PAIR = 10  # operations of a regulariser, for each pair of points and each latent dimension
MMD_NEIGHBOURS = 512  # pairs of a point that the compiled MMD computes at most: then it takes points together


@dataclass(frozen=True)
class Choice:
    """An engine's name, and why ``auto`` has taken it: empty if it was named, or if there is no CuPy to choose by."""

    engine: str
    why: str = ""
    operations: float = 0.0  # of the run, if they were counted

    def __str__(self) -> str:
        return f"engine {self.engine}" + (f": {self.why}" if self.why else "")


def check_engine(name: str) -> None:
    """Raise OptionError if it is the GPU and no GPU can be used."""
    if name == "gpu" and (reason := missing()):
        raise OptionError("engine", "gpu", reason, hint="without a GPU, use cpu or auto")


def choose(options: TrainOptions, dataset: Dataset) -> Choice:
    """The engine of a run with these options on these data.

    The run's size decides first, so that CuPy, which takes a second to import, is imported only if it may be used.

    Raises
    ------
    OptionError
        If the options name the GPU and no GPU can be used.
    """
    if options.engine != "auto":
        check_engine(options.engine)
        return Choice(options.engine)
    if not has_cupy():
        return Choice("cpu")
    options = from_options.fit_likelihood(options, dataset)
    count = operations(options, dataset.data_dim, len(dataset.train))
    size = f"the run has {_in_digits(count)} operations, and the GPU, which takes seconds to start, is faster from"
    why = f"{size} {_in_digits(GPU_FROM)}"
    if count < GPU_FROM:
        return Choice("cpu", why, count)
    if reason := _unknown(options) or missing():
        return Choice("cpu", reason, count)
    return Choice("gpu", why, count)


def go_on_with(name: str, engine: str) -> str:
    """The engine of a training that goes on: ``auto`` keeps the one that it had, if that can be used here.

    Raises
    ------
    OptionError
        If ``name`` is the GPU and no GPU can be used.
    """
    if name == "auto":
        return "cpu" if engine == "gpu" and missing() else engine
    check_engine(name)
    return name


def operations(options: TrainOptions, data_dim: int, points: int) -> float:
    """About how many operations all training steps of a run have.

    Parameters
    ----------
    options : TrainOptions
        Resolved options, with a likelihood.
    data_dim, points : int
        The width and the number of the training points.
    """
    o, rows = options, min(options.batch_size, points)
    parameters = sum(map(prod, from_options.shapes(o, data_dim).values()))
    pairs = 0
    if largest(o, "alpha") > 0:
        pairs = rows * (min(rows, MMD_NEIGHBOURS) if o.regulariser == "mmd" else rows)
    steps = o.epochs * ceil(points / rows)
    return float(steps) * (OF_A_PARAMETER * parameters * rows * o.samples + OF_A_PAIR * pairs * o.latent_dim)


def by_engine(choices: Sequence[Choice]) -> list[str]:
    """A line for each engine that ``auto`` has taken for some of several runs, with the reason for one of them."""
    lines = []
    for engine in sorted({choice.engine for choice in choices}):
        taken = [choice for choice in choices if choice.engine == engine and choice.why]
        if len({choice.why for choice in taken}) == 1 and len(taken) == len(choices):
            lines.append(str(taken[0]))
        elif taken:
            # The run that is nearest to the other engine: its reason holds for all.
            size, near = ("smallest", min) if engine == "gpu" else ("largest", max)
            why = near(taken, key=lambda choice: choice.operations).why
            lines.append(f"engine {engine} in {len(taken)} of {len(choices)} runs; of the {size}, {why}")
    return lines


def rule() -> str:
    """What ``auto`` does on this machine, in a line."""
    if missing():
        return "auto takes the cpu, as no GPU can be used"
    return f"auto takes the gpu if a run has {_in_digits(GPU_FROM)} operations or more, otherwise the cpu"


def _unknown(options: TrainOptions) -> str:
    """Why the GPU engine cannot train such a model; empty if it can."""
    known = {
        f"{options.likelihood} likelihood": options.likelihood in codes.LIKELIHOODS,
        f"{options.prior} prior": options.prior in codes.PRIORS,
        f"{options.regulariser} regulariser": options.regulariser in codes.REGULARISERS
        or largest(options, "alpha") == 0,
    }
    return next((f"the GPU engine does not know the {part}" for part, is_known in known.items() if not is_known), "")


def _in_digits(count: float) -> str:
    """2.5e6."""
    digits, power = f"{count:.1e}".split("e")
    return f"{float(digits):g}e{int(power)}"
