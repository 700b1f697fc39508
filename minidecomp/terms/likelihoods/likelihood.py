"""The base class of the likelihoods, with the attributes that describe each."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..explanation import Explanation, Worked


class Likelihood:
    """p(x|z) of points x (..., dx), given the decoder's output (..., output_dim): the base class of the likelihoods.

    A likelihood has ``value``, ``value_and_grad``, ``mean`` and ``sample``. x broadcasts against the output: x (B, dx)
    goes with an output (K, B, output_dim) of K samples.

    ``minidecomp.variants.LIKELIHOODS.add(Mine)`` adds a choice to ``--likelihood`` (docs/architecture.md).

    Attributes
    ----------
    name : str
        Its name after ``--likelihood``.
    label : str
        What help shows beside the name.
    aliases : tuple of str
        Other names for it, such as those in the authors' code.
    options : tuple of Option
        The options that only this likelihood has.
    noise_kind : str
        The noise that ``sample`` takes: ``normal``, or ``uniform`` in (0, 1).
    data_range : (float, float) or None
        The smallest and the largest value allowed in x; None if any value is.
    outputs_per_value : int
        How many outputs the decoder has for each number in x: output_dim = outputs_per_value dx.
    mean_link : str
        The function that turns the first dx outputs into the mean: ``identity`` or ``sigmoid``.
    learns_scale : bool
        Whether the other dx outputs r give the scale, softplus(r) + 1e-6.
    has_kink : bool
        Whether the gradient jumps where x equals the output.
    explanation : Explanation or None
        What ``--explain`` says about it.
    """

    name: ClassVar[str]
    label: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()
    noise_kind: ClassVar[str] = "normal"
    data_range: ClassVar[tuple[float, float] | None] = None
    outputs_per_value: ClassVar[int] = 1
    mean_link: ClassVar[str] = "identity"
    learns_scale: ClassVar[bool] = False
    has_kink: ClassVar[bool] = False
    explanation: ClassVar[Explanation | None] = None

    @classmethod
    def from_options(cls, options: Any) -> Likelihood:
        """The likelihood that the options name."""
        return cls()

    def output_dim(self, data_dim: int) -> int:
        """How many outputs the decoder has for a point of ``data_dim`` numbers."""
        return self.outputs_per_value * data_dim

    def value(self, x: Any, output: Any) -> Any:
        """log p(x|z) in nats, (...,), summed over the dx dimensions of x (..., dx)."""
        raise NotImplementedError(f"the {self.name} likelihood has no value")

    def value_and_grad(self, x: Any, output: Any) -> tuple[Any, dict[str, Any]]:
        """log p(x|z) in nats, (...,), and its gradient with respect to ``output`` (..., output_dim)."""
        raise NotImplementedError(f"the {self.name} likelihood has no gradient")

    def mean(self, output: Any) -> Any:
        """E[x|z], (..., dx)."""
        raise NotImplementedError(f"the {self.name} likelihood has no mean")

    def sample(self, output: Any, noise: Any) -> Any:
        """A sample x (..., dx) of p(x|z), computed from standard noise (..., dx) of the kind ``noise_kind``."""
        raise NotImplementedError(f"the {self.name} likelihood has no sample")

    def work_by_hand(self, x: np.ndarray, output: np.ndarray) -> Worked:
        """One entry of the gradient with respect to the output at the first point of x (B, dx), by hand and by code."""
        raise NotImplementedError(f"the {self.name} likelihood has no worked entry")
