"""Which engine a run uses: the one that its options name or, for ``auto``, the faster one, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10, prod

from .._core import codes
from ..data.dataset import Dataset
from ..errors import OptionError
from ..model import from_options
from ..settings.options import TrainOptions
from ..settings.schedules import largest
from . import rules
from .probe import has_cupy, missing

# Operations of a run from which the GPU is taken to be faster. On an H100 and an H200 steps of all measured sizes are
# faster than on the CPU (docs/gpu.md), but a process takes 1.1 s more to start, and 1.7 s if it compiles the kernels.
# In that time a CPU computes 2e10 operations (small steps, two cores) to 4e11 (large ones, 16 cores).
GPU_FROM = 2e11
OF_A_PARAMETER = 6  # operations, for each row: a multiplication and an addition, forward and twice backward
OF_A_PAIR = 10  # operations of a regulariser, for each pair of points and each latent dimension
MMD_NEIGHBOURS = 512  # pairs of a point that the compiled MMD computes at most: then it takes points together


@dataclass(frozen=True)
class Choice:
    """An engine's name, and why ``auto`` has taken it: empty if it was named, or if there is no CuPy to choose by."""

    engine: str
    why: str = ""
    operations: float = 0.0  # of the run, if they decided
    about: str = "about"  # or "at most", if the run may end early

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
    about = "at most" if options.early_stopping else "about"
    why = _by_size("the run", count, about)
    if count < GPU_FROM:
        return Choice("cpu", why, count, about)
    if reason := _unknown(options) or missing():
        return Choice("cpu", reason)
    return Choice("gpu", why, count, about)


def go_on_with(name: str, engine: str) -> Choice:
    """The engine of a training that goes on: ``auto`` keeps the one that it had or, without a GPU, says why not.

    Raises
    ------
    OptionError
        If ``name`` is the GPU and no GPU can be used.
    """
    if name == "auto" and engine == "gpu" and (reason := missing()):
        return Choice("cpu", f"it was trained with gpu, but {reason}")
    if name != "auto":
        check_engine(name)
        return Choice(name)
    return Choice(engine)


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
    used = o.regulariser if largest(o, "alpha") > 0 else None
    # The compiled MMD takes points together, so that a point has some neighbours at most.
    neighbours = min(rows, MMD_NEIGHBOURS) / rows if used == "mmd" else 1
    pairs = rules.pairs(used, rows, o.samples) * neighbours
    steps = o.epochs * ceil(points / rows)
    return float(steps) * (OF_A_PARAMETER * parameters * rows * o.samples + OF_A_PAIR * pairs * o.latent_dim)


def by_engine(choices: Sequence[Choice]) -> list[str]:
    """A line for each engine that ``auto`` has taken for some of several runs, with the reason for one of them."""
    lines = []
    for engine in sorted({choice.engine for choice in choices}):
        taken = [choice for choice in choices if choice.engine == engine and choice.why]
        if len({choice.why for choice in taken}) == 1 and len(taken) == len(choices):
            lines.append(str(taken[0]))
            continue
        by_size = [choice for choice in taken if choice.operations > 0]
        if by_size:
            # The run that is nearest to the other engine: its reason holds for all.
            size, near = ("smallest", min) if engine == "gpu" else ("largest", max)
            nearest = near(by_size, key=lambda choice: choice.operations)
            why = _by_size(f"the {size}", nearest.operations, nearest.about)
            lines.append(f"engine {engine} for {len(by_size)} of {len(choices)} runs: {why}")
        for why in sorted({choice.why for choice in taken if choice.operations == 0}):
            count = sum(choice.why == why for choice in taken)
            lines.append(f"engine {engine} for {count} of {len(choices)} runs: {why}")
    return lines


def rule() -> str:
    """What ``auto`` does on this machine, in a line."""
    if missing():
        return "auto uses the CPU, because no GPU can be used"
    return f"auto uses the GPU if a run has {_in_digits(GPU_FROM)} operations or more, otherwise the CPU"


def _by_size(run: str, operations: float, about: str) -> str:
    """Why a run's size decides for the CPU, or for the GPU."""
    size = f"{run} has {about} {_in_digits(operations)} operations"
    return f"{size}; a GPU, which takes seconds to start, pays off from {_in_digits(GPU_FROM)}"


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
    """2.5e6: two digits, rounded down, so that less than a threshold also looks less."""
    power = floor(log10(count)) if count > 0 else 0
    return f"{floor(count / 10.0**power * 10 + 1e-9) / 10:g}e{power}"
