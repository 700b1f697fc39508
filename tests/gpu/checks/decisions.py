"""For each constant that rests on measurement: its value, what this machine's figures suggest, and where it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidecomp.engines import choice, gpu_mmd, gpu_program, gpu_small

MARGIN = 0.02  # of the time: a constant is worth changing if more than this is won


@dataclass(frozen=True)
class Rung:
    """A size, and the time of each of two ways: the one for sizes below a threshold, and the one above it."""

    size: float
    below: float
    above: float

    def lost(self, threshold: float) -> float:
        """The share of the better way's time by which the way that is taken is slower."""
        taken = self.below if self.size < threshold else self.above
        return taken / min(self.below, self.above) - 1


@dataclass(frozen=True)
class Decision:
    """A constant's value now and the suggested one, with the mean share of time that is lost with each."""

    constant: str
    file: str
    now: float
    suggested: float
    lost_now: float
    lost_then: float
    reason: str

    @property
    def change(self) -> bool:
        """Whether the constant is worth changing."""
        return self.suggested != self.now


def lost(rungs: Sequence[Rung], threshold: float) -> float:
    """The mean share of time that is lost with a threshold."""
    return sum(rung.lost(threshold) for rung in rungs) / len(rungs)


def threshold(rungs: Sequence[Rung], now: float) -> float:
    """The threshold between two ways with which the least time is lost on average.

    It is ``now`` if no other gains more than ``MARGIN``, 0 if the way above is the better one for all sizes, and
    infinity if the way below is.
    """
    sizes = sorted({rung.size for rung in rungs})
    candidates = [0.0, *map(between, sizes, sizes[1:]), math.inf]
    best = min(candidates, key=lambda each: lost(rungs, each))
    return best if lost(rungs, best) < lost(rungs, now) - MARGIN else now


def between(low: float, high: float) -> float:
    """A number with few digits above ``low`` and at most ``high``, near the middle of their logarithms."""
    middle = math.sqrt(low * high)
    for digits in range(1, 17):
        rounded = float(f"{middle:.{digits}g}")
        if low < rounded <= high:
            return rounded
    return high


def shortest(times: Mapping[int, float], now: int) -> int:
    """The smallest number of steps a graph whose time is the best but for ``MARGIN``; ``now`` if its time is."""
    good = [steps for steps, took in times.items() if took <= min(times.values()) * (1 + MARGIN)]
    return now if now in good else min(good)


# ---- the constants ----


@dataclass(frozen=True)
class Constant:
    """A threshold: where it stands, and which figures of which part decide on it."""

    name: str
    module: Any
    part: str
    ladder: str
    below: str  # the way that is taken below it, by its name in the figures
    above: str
    size: Callable[[Mapping[str, Any]], float] = lambda figures: figures["size"]

    @property
    def file(self) -> str:
        """The module's place in a clone."""
        return file_of(self.module)


CONSTANTS = (
    Constant("CELLS_FROM", gpu_mmd, "profile", "mmd", "pairs", "cells", lambda figures: figures["points"]),
    Constant("LARGEST_PRODUCTS", gpu_small, "ladders", "products", "one launch", "graphs"),
    Constant("LARGEST_PAIRS", gpu_small, "ladders", "pairs", "one launch", "graphs"),
)


def file_of(module: Any) -> str:
    """A module's place in a clone: minidecomp/engines/choice.py."""
    return module.__name__.replace(".", "/") + ".py"


def decisions(found: Mapping[str, Mapping[str, Any]]) -> list[Decision]:
    """All for which there are figures; ``found`` has what each part found."""
    made = [_of_threshold(constant, found.get(constant.part, {})) for constant in CONSTANTS]
    ladders = found.get("ladders", {})
    return [each for each in (_of_runs(ladders), *made, _of_graphs(ladders)) if each is not None]


RUNS = [10 ** (half / 2) for half in range(16, 29)]  # operations of runs from 1e8 to 1e14


def runs(start: float, engines: Sequence[Mapping[str, float]]) -> list[Rung]:
    """Runs of each size with each model: on the CPU, and on the GPU after ``start`` seconds more."""
    return [
        Rung(size, size / each["size"] * each["cpu"], start * 1e6 + size / each["size"] * each["gpu"])
        for each in engines
        for size in RUNS
    ]


def _of_runs(found: Mapping[str, Any]) -> Decision | None:
    start, engines = found.get("start"), found.get("engines")
    if not start or not engines:
        return None
    more = start[0]["gpu"] - start[0]["cpu"]
    rungs, now = runs(max(more, 0.0), engines), choice.GPU_FROM
    best = threshold(rungs, now)
    reason = f"cpu below it, gpu above; the GPU's process takes {more:.2g} s more to start; {len(engines)} models"
    return Decision("GPU_FROM", file_of(choice), now, best, lost(rungs, now), lost(rungs, best), reason)


def _of_threshold(constant: Constant, found: Mapping[str, Any]) -> Decision | None:
    below, above = constant.below, constant.above
    rungs = [
        Rung(constant.size(each), each[below], each[above])
        for each in found.get(constant.ladder, [])
        if below in each and above in each
    ]
    if not rungs:
        return None
    now = float(getattr(constant.module, constant.name))
    best = threshold(rungs, now)
    reason = f"{below} below it, {above} above; {len(rungs)} sizes from {_short(rungs, min)} to {_short(rungs, max)}"
    return Decision(constant.name, constant.file, now, best, lost(rungs, now), lost(rungs, best), reason)


def _short(rungs: Sequence[Rung], which: Callable[..., float]) -> str:
    return in_digits(which(rung.size for rung in rungs))


def in_digits(value: float) -> str:
    """256, 1e8, 2.74e5."""
    return f"{value:.0f}" if value < 1e5 else f"{value:.3g}".replace("e+0", "e").replace("e+", "e")


def _of_graphs(found: Mapping[str, Any]) -> Decision | None:
    times = {int(each["steps"]): float(each["graphs"]) for each in found.get("graphs", [])}
    now = gpu_program.STEPS_A_GRAPH
    if not times:
        return None
    best, fastest = shortest(times, now), min(times.values())
    lost_now = times[now] / fastest - 1 if now in times else math.nan
    reason = f"the fewest within {MARGIN:.0%} of the fastest of {', '.join(map(str, sorted(times)))}"
    file = file_of(gpu_program)
    return Decision("STEPS_A_GRAPH", file, now, best, lost_now, times.get(best, math.nan) / fastest - 1, reason)
