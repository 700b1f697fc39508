"""What a likelihood is, and what it tells about itself."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..explanation import Explanation, Worked


class Likelihood:
    """p(x|z) over x (..., dx), given the decoder's output (..., output_dim): the base of the likelihoods.

    A likelihood has ``value(x, output)``, log p(x|z) of shape (...,) in nats, summed over the dx dimensions;
    ``value_and_grad(x, output)``, with the gradient by ``output``; ``mean(output)``, E[x|z] (..., dx); and
    ``sample(output, noise)`` from standard noise (..., dx) of the kind ``noise_kind``. x broadcasts against output.

    ``minidecomp.variants.LIKELIHOODS.add(Mine)`` makes one a choice of ``--likelihood`` (docs/architecture.md).

    Attributes
    ----------
    name, label : str
        ``--likelihood``'s word for it, and what help says beside it.
    aliases : tuple of str
    options : tuple of Option
        Its own, which go with it alone.
    noise_kind : str
        ``normal``, or ``uniform`` in (0, 1).
    data_range : (float, float) or None
        What x has to lie in.
    outputs_per_value : int
        How many numbers the decoder gives for each of x: output_dim = outputs_per_value dx.
    mean_link : str
        What makes the mean of the first dx outputs: ``identity`` or ``sigmoid``.
    learns_scale : bool
        Whether the other dx outputs r give a scale, softplus(r) + 1e-6.
    has_kink : bool
        Whether the gradient jumps where x equals the output.
    explanation : Explanation or None
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
        """One of this kind: ``other`` itself if it is, else the usual one."""
        return other if isinstance(other, cls) else cls()

    def output_dim(self, data_dim: int) -> int:
        return self.outputs_per_value * data_dim

    def value(self, x: Any, output: Any) -> Any:
        raise NotImplementedError(f"the {self.name} likelihood has no value")

    def value_and_grad(self, x: Any, output: Any) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError(f"the {self.name} likelihood has no gradient")

    def mean(self, output: Any) -> Any:
        """E[x|z]."""
        raise NotImplementedError(f"the {self.name} likelihood has no mean")

    def sample(self, output: Any, noise: Any) -> Any:
        raise NotImplementedError(f"the {self.name} likelihood has no sample")

    def work_by_hand(self, x: np.ndarray, output: np.ndarray) -> Worked:
        """An entry of the gradient by the output for the first of x (B, dx), by hand and by the code."""
        raise NotImplementedError(f"the {self.name} likelihood has no worked entry")
