"""What a metric tells about itself: from it come the choices, their help, the checks and the columns of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import MinidecompError
from ...packages import is_installed, missing
from .sampling import GroundTruth
from .score import Score


@dataclass(frozen=True)
class Metric:
    """A metric of a model's codes, by its name.

    Attributes
    ----------
    name : str
        On the command line, in evaluation.json and in tables.
    help : str
        What it measures, in one line without a full stop.
    of_truth : callable, optional
        Given a `GroundTruth` and ``seed``, 0 to 2^32 - 1, returns the `Score`.
    of_codes : callable, optional
        Given codes (n, D), returns the `Score` for data without known factors, and for all data if there is no
        ``of_truth``. Without it the metric needs factors.
    least_factors : int
        How many factors have to vary, of those that it needs.
    least_latent_dims : int
        How many latent dimensions it needs.
    slow : str
        How long it takes, if that is minutes; ``all`` then leaves it out.
    package, module, install : str
        A package that it needs beyond NumPy: its name, its module's name, and the argument of ``pip install``.
    """

    name: str
    help: str
    of_truth: Callable[..., Score] | None = None
    of_codes: Callable[[Any], Score] | None = None
    least_factors: int = 1
    least_latent_dims: int = 1
    slow: str = ""
    package: str = ""
    module: str = ""
    install: str = ""

    def __post_init__(self) -> None:
        if self.of_truth is None and self.of_codes is None:
            raise ValueError(f"{self.name}: neither of_truth nor of_codes is given")

    @property
    def needs_factors(self) -> bool:
        """Whether it can be computed only where the factors are known."""
        return self.of_codes is None

    def lacks(self, factors: int, latent_dim: int) -> str:
        """Why it cannot be computed for so many varying factors and latent dimensions; empty if it can."""
        if self.needs_factors and factors == 0:
            return "it needs data with known factors that vary"
        if self.needs_factors and factors < self.least_factors:
            return f"it needs {_in_words(self.least_factors)} factors that vary"
        if latent_dim < self.least_latent_dims:
            return f"it needs {_in_words(self.least_latent_dims)} latent dimensions"
        return ""

    def is_installed(self) -> bool:
        """Whether the package that it needs is there."""
        return not self.module or is_installed(self.module)

    def check_package(self) -> None:
        """Raise MinidecompError if its package is not installed, or cannot be imported."""
        if self.module and (reason := missing(self.module, self.install, self.package)):
            raise MinidecompError(f"--metrics {self.name}: {reason}")

    def score(self, codes: Any, truth: GroundTruth | None, seed: int) -> Score:
        """The score of codes (n, D), or, where factors are known and it takes them, of the ground truth."""
        if self.of_truth is not None and truth is not None:
            return self.of_truth(truth, seed=seed)
        assert self.of_codes is not None, f"{self.name} needs factors"
        return self.of_codes(codes)


def _in_words(count: int) -> str:
    return {2: "two", 3: "three"}.get(count, str(count))
