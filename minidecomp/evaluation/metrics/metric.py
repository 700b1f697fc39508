"""What a metric declares about itself, from which choices, help, checks and table columns are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import OptionError
from ...packages import is_installed, missing
from .known import ALL, HOLDABLE, IN_BOTH_PARTS, KnownFactors
from .labelled import LabelledCodes
from .sampling import GroundTruth
from .score import Score


@dataclass(frozen=True)
class Metric:
    """A metric of a model's codes.

    Attributes
    ----------
    name : str
        Its name on the command line, in evaluation.json and in tables.
    help : str
        What it measures, in one line without a full stop.
    title : str
        Its name in a few words; by default ``name`` without underscores.
    scale : str
        Its unit or range, and which end is good: "0 to 1, 1 is best".
    of_truth : callable, optional
        Takes a `GroundTruth` and ``seed``, 0 to 2^32 - 1, and returns the `Score`. Without it and ``of_codes``, the
        metric needs given points that have factors.
    of_points : callable, optional
        Takes `LabelledCodes` and ``seed``, and returns the `Score` of a user's own points, whose factors are known but
        cannot be drawn at will. Without it and ``of_codes``, the metric needs factors that can be drawn at will.
    of_codes : callable, optional
        Takes codes (n, D), and returns the `Score` for data without known factors, and for data without a function
        above. Without it the metric needs factors.
    uses : str
        The factors of a user's points that ``of_points`` can use: ``ALL``, ``IN_BOTH_PARTS`` or ``HOLDABLE``.
    least_factors : int
        How many of these factors have to vary, if it needs factors.
    most_values : int
        The most values that a factor may have; 0 for any number.
    least_latent_dims : int
        The number of latent dimensions that it needs.
    least_points : int
        The number of test points that it needs, if it takes nothing but their codes.
    slow : str
        How long it takes, if that is minutes; ``all`` then leaves it out.
    package, module, install : str
        A package that it needs besides NumPy: its name, its module's name, and the argument of ``pip install``.
    """

    name: str
    help: str
    of_truth: Callable[..., Score] | None = None
    of_codes: Callable[[Any], Score] | None = None
    of_points: Callable[..., Score] | None = None
    title: str = ""
    scale: str = ""
    uses: str = ALL
    least_factors: int = 1
    most_values: int = 0
    least_latent_dims: int = 1
    least_points: int = 2
    slow: str = ""
    package: str = ""
    module: str = ""
    install: str = ""

    def __post_init__(self) -> None:
        if self.of_truth is None and self.of_codes is None and self.of_points is None:
            raise ValueError(f"{self.name}: none of of_truth, of_points and of_codes is given")
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " ").replace("-", " "))

    @property
    def needs_factors(self) -> bool:
        """Whether it needs known factors."""
        return self.of_codes is None

    def function_of(self, known: KnownFactors) -> Callable[..., Score] | None:
        """``of_truth`` or ``of_points``, whichever fits the data, if factors vary; otherwise None."""
        if not known.sizes:
            return None
        return self.of_truth if known.at_will else self.of_points

    def lacks(self, known: KnownFactors, latent_dim: int, points: int | None = None) -> str:
        """Why it cannot be computed for these factors, latent dimensions and test points; empty if it can."""
        if self.needs_factors and (lack := self._lacks_of_factors(known)):
            return lack
        if latent_dim < self.least_latent_dims:
            return f"it needs {_in_words(self.least_latent_dims)} latent dimensions"
        if self.function_of(known) is None and points is not None and points < self.least_points:
            return f"it needs {_in_words(self.least_points)} test points or more"
        return ""

    def _lacks_of_factors(self, known: KnownFactors) -> str:
        if not known.sizes:
            return f"it needs data with known factors that vary{known.advice}"
        if self.function_of(known) is None:
            return _ONLY_AT_WILL if self.of_truth is not None else _ONLY_POINTS
        if known.count(self.uses) < self.least_factors:
            return _LESS_THAN[self.uses].format(_factors(self.least_factors))
        for name, size in known.sizes.items():
            if self.most_values and size > self.most_values:
                return f"the factor {name} has {size} values, more than {self.most_values}, as each is a class"
        return ""

    def is_installed(self) -> bool:
        """Whether its package is installed."""
        return not self.module or is_installed(self.module)

    def check_package(self) -> None:
        """Raise MinidecompError if its package is not installed, or cannot be imported."""
        if self.module and (reason := missing(self.module, self.install, self.package)):
            raise OptionError("metrics", self.name, reason)

    def score(self, codes: Any, truth: GroundTruth | LabelledCodes | None, seed: int) -> Score:
        """The score of codes (n, D) or, if factors are known and the metric uses them, of what is known."""
        if self.of_points is not None and isinstance(truth, LabelledCodes):
            return self.of_points(truth, seed=seed)
        if self.of_truth is not None and isinstance(truth, GroundTruth):
            return self.of_truth(truth, seed=seed)
        assert self.of_codes is not None, f"{self.name} needs factors"
        return self.of_codes(codes)


_ONLY_AT_WILL = "it needs data that can be drawn by any values of their factors, as dSprites can"
_ONLY_POINTS = "it needs a file of your own, with `--factors`"
_LESS_THAN = {
    ALL: "it needs {} that vary",
    IN_BOTH_PARTS: "it needs {} of which two values are both in the training and in the test points",
    HOLDABLE: "it needs {} that vary and have a value of two points or more",
}


def _factors(count: int) -> str:
    return "a factor" if count == 1 else f"{_in_words(count)} factors"


def _in_words(count: int) -> str:
    return {2: "two", 3: "three"}.get(count, str(count))
