"""What a prior is, and what it tells about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..explanation import Explanation, Worked


class Prior:
    """p(z) over z (..., D): the base of the priors, which holds what most of them have in common.

    A prior has

    ``log_density(z)``
        log p(z) of shape (...,) for z of shape (..., D), in nats.
    ``marginal_log_density(z)``
        log p_d(z_d) of each dimension by itself, (..., D).
    ``log_density_and_grad(z)``
        The log density, and its gradient by ``z`` (..., D) and by the prior's ``variance`` v = scale^2, one for each
        point and dimension (..., D) (a mixture's is summed over its components, which share what is learned).
    ``sample(noise, choice)`` and ``sample_grad(d_sample, noise, choice)``
        z from standard noise e (..., D), of the kind ``noise_kind``, and from uniform u that choose a component, of
        shape (...,) where ``choice_kind`` is "point" and (..., D) where it is "element"; and how a gradient by the
        sample becomes one by the variance: z = m + sqrt(v) e gives dz/dv = e / (2 sqrt(v)).

    The textbook and the CPU engine take any object with ``name``, ``choice_kind``, ``log_density``,
    ``log_density_and_grad`` (the gradient by ``z`` is enough) and ``sample`` as a prior (docs/python.md). What else
    stands here lets one be chosen by its name: ``minidecomp.variants.PRIORS.add(Mine)`` (docs/architecture.md).

    Attributes
    ----------
    name : str
        ``--prior``'s word for it.
    label : str
        What help says of it beside its name; may be empty.
    aliases : tuple of str
        Other words for it, such as those of the authors' code.
    options : tuple of Option
        Its own, which go with it alone.
    defaults : mapping
        Of options that it shares with other priors, where its own differ from the usual.
    usual_data : str or None
        The data set that is taken if none is given.
    noise_kind : str
        ``normal`` or ``student-t``: what ``sample`` makes z of.
    choice_kind : str or None
        ``point``, ``element`` or None.
    closed_form_kl : bool
        Whether KL(q(z|x) || p(z)) has the closed form of ``terms/kl.py``.
    is_product : bool
        Whether p(z) is a product over the dimensions.
    takes_data_variances : bool
        Whether ``--prior-variance pca`` makes sense: a variance a dimension.
    explanation : Explanation or None
    loc, scale : array of shape (D,), or (K, D) of a mixture
    """

    name: ClassVar[str]
    label: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()
    defaults: ClassVar[Mapping[str, Any]] = {}
    usual_data: ClassVar[str | None] = None
    noise_kind: ClassVar[str] = "normal"
    choice_kind: ClassVar[str | None] = None
    closed_form_kl: ClassVar[bool] = False
    is_product: ClassVar[bool] = True
    takes_data_variances: ClassVar[bool] = True
    explanation: ClassVar[Explanation | None] = None
    loc: Any
    scale: Any

    @classmethod
    def from_options(cls, options: Any, scale: np.ndarray) -> Prior:
        """The prior that the options name, centred at 0, for the scale (D,) that they and the data give."""
        return cls.with_scale(np.zeros_like(scale), scale)

    @classmethod
    def with_scale(cls, loc: np.ndarray, scale: np.ndarray) -> Prior:
        """The prior with loc and scale (D,), or (K, D) of a mixture, and the rest as usual."""
        return cls(loc, scale)  # type: ignore[call-arg]

    def marginal_log_density(self, z: Any) -> Any:
        raise NotImplementedError(f"the {self.name} prior has no density of a dimension by itself")

    def log_density(self, z: Any) -> Any:
        return self.marginal_log_density(z).sum(-1)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError(f"the {self.name} prior has no gradient")

    def sample(self, noise: Any, choice: Any = None) -> Any:
        return self.loc + self.scale * noise

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any = None) -> Any:
        return d_sample * noise / (2 * self.scale)

    def centre_and_spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and scale (D,) of each dimension, float64: what a traversal goes along."""
        return np.broadcast_to(self.loc, self.scale.shape).astype(np.float64), self.scale.astype(np.float64)

    def log_power_integral(self, beta: float) -> float:
        """log F_beta = log int p(z)^beta dz (docs/theory.md).

        Raises
        ------
        NotImplementedError
            If it is not known.
        OptionError
            If p^beta has no integral.
        """
        raise NotImplementedError(f"the integral of p^beta is not known for the {self.name} prior")

    def annealed(self, beta: float) -> Prior | None:
        """f_beta = p^beta / F_beta as a prior of its own, where it is one."""
        return None

    def constants(self) -> dict[str, Any]:
        """What compiled code and the page want to know beside loc and scale."""
        return {}

    def work_by_hand(self, z: np.ndarray) -> Worked:
        """d log p/dz of the first of z (B, D) in the first dimension, by hand and by the code."""
        raise NotImplementedError(f"the {self.name} prior has no worked entry")
