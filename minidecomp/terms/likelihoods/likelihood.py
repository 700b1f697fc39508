"""What a likelihood is, and what it tells about itself."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..explanation import Explanation, Worked


class Likelihood:
    """p(x|z) of points x (..., dx), given the decoder's output (..., output_dim): the base of the likelihoods.

    A likelihood has ``value``, ``value_and_grad``, ``mean`` and ``sample``. x broadcasts against the output: x (B, dx)
    goes with an output (K, B, output_dim) of K samples.

    ``minidecomp.variants.LIKELIHOODS.add(Mine)`` makes one a choice of ``--likelihood`` (docs/architecture.md).

    Attributes
    ----------
    name : str
        The word for it after ``--likelihood``.
    label : str
        What help says beside the name.
    aliases : tuple of str
        Other words for it, such as those of the authors' code.
    options : tuple of Option
        The options that go with this likelihood alone.
    noise_kind : str
        What ``sample`` takes: ``normal``, or ``uniform`` in (0, 1).
    data_range : (float, float) or None
        The least and the greatest value that x may have; None for any.
    outputs_per_value : int
        How many numbers the decoder gives for each number of x: output_dim = outputs_per_value dx.
    mean_link : str
        What makes the mean of the first dx outputs: ``identity`` or ``sigmoid``.
    learns_scale : bool
        Whether the other dx outputs r give a scale, softplus(r) + 1e-6.
    has_kink : bool
        Whether the gradient jumps where x equals the output.
    explanation : Explanation or None
        What ``--explain`` says of it.
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

    @classmethod
    def like(cls, other: Likelihood) -> Likelihood:
        """This kind of likelihood: ``other`` itself if it is of this kind, else one with the usual options."""
        return other if isinstance(other, cls) else cls()

    def output_dim(self, data_dim: int) -> int:
        """How many numbers the decoder gives for a point of ``data_dim`` numbers."""
        return self.outputs_per_value * data_dim

    def value(self, x: Any, output: Any) -> Any:
        """log p(x|z) in nats, (...,), summed over the dx dimensions of x (..., dx)."""
        raise NotImplementedError(f"the {self.name} likelihood has no value")

    def value_and_grad(self, x: Any, output: Any) -> tuple[Any, dict[str, Any]]:
        """log p(x|z) in nats, (...,), and its gradient by ``output`` (..., output_dim)."""
        raise NotImplementedError(f"the {self.name} likelihood has no gradient")

    def mean(self, output: Any) -> Any:
        """E[x|z], (..., dx)."""
        raise NotImplementedError(f"the {self.name} likelihood has no mean")

    def sample(self, output: Any, noise: Any) -> Any:
        """x (..., dx) from p(x|z), made of standard noise (..., dx) of the kind ``noise_kind``."""
        raise NotImplementedError(f"the {self.name} likelihood has no sample")

    def work_by_hand(self, x: np.ndarray, output: np.ndarray) -> Worked:
        """One entry of the gradient by the output, for the first point of x (B, dx): by hand, and by the code."""
        raise NotImplementedError(f"the {self.name} likelihood has no worked entry")
