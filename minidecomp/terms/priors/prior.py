"""The base class of the priors, with the attributes that describe each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..explanation import Explanation, Worked


class Prior:
    """p(z) of latent points z (..., D): the base class of the priors.

    Each prior is a frozen dataclass, because a learned variance or another dtype makes a copy with other arrays.

    The textbook and the CPU engine accept as a prior any object with ``name``, ``choice_kind``, ``log_density``,
    ``log_density_and_grad`` (the gradient with respect to ``z`` is enough) and ``sample`` (docs/python.md). The other
    attributes are needed to choose a prior by its name: ``minidecomp.variants.PRIORS.add(Mine)``
    (docs/architecture.md).

    Attributes
    ----------
    loc, scale : array of shape (D,), or (M, D) for a mixture of M components
        The centre and the standard deviation (for a Student-t, the scale) in each dimension.
    name : str
        Its name after ``--prior``.
    label : str
        What help shows beside the name; may be empty.
    aliases : tuple of str
        Other names for it, such as those in the authors' code.
    options : tuple of Option
        The options that only this prior has.
    defaults : mapping
        Defaults that differ from the usual ones, for options that it shares with other priors.
    usual_data : str or None
        The data set to train on if the user does not name one.
    noise_kind : str
        The noise that ``sample`` takes: ``normal`` or ``student-t``.
    choice_kind : str or None
        ``point`` if uniform numbers choose a component for each point, ``element`` if they choose one for each
        dimension of each point, None if there is nothing to choose.
    closed_form_kl : bool
        Whether KL(q(z|x) || p(z)) has the closed form of ``terms/kl.py``.
    is_product : bool
        Whether p(z) is a product over the dimensions.
    takes_data_variances : bool
        Whether ``--prior-variance pca`` makes sense, that is, each dimension has one variance.
    of_whole_beta : str
        What else is true of p^beta if beta is a whole number, as a sentence; may be empty.
    explanation : Explanation or None
        What ``--explain`` says about it.
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
    of_whole_beta: ClassVar[str] = ""
    explanation: ClassVar[Explanation | None] = None
    loc: Any
    scale: Any

    @classmethod
    def from_options(cls, options: Any, scale: np.ndarray) -> Prior:
        """The prior that the options name, centred at 0, with a scale (D,) that the options and the data determine."""
        return cls.with_scale(np.zeros_like(scale), scale)

    @classmethod
    def with_scale(cls, loc: np.ndarray, scale: np.ndarray) -> Prior:
        """The prior with loc and scale (D,), or (M, D) for a mixture, and the default values of its other options."""
        return cls(loc, scale)  # type: ignore[call-arg]

    def marginal_log_density(self, z: Any) -> Any:
        """log p_d(z_d) in nats for each dimension separately, (..., D)."""
        raise NotImplementedError(f"the {self.name} prior has no density of a dimension by itself")

    def log_density(self, z: Any) -> Any:
        """log p(z) in nats, (...,), for z (..., D)."""
        return self.marginal_log_density(z).sum(-1)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        """log p(z) in nats, (...,), and its gradients with respect to ``z`` and ``variance``, (..., D) each.

        The prior's variance is v = scale^2; its gradient has an entry for each point and dimension. A mixture sums it
        over its components, which share the learned variances.
        """
        raise NotImplementedError(f"the {self.name} prior has no gradient")

    def sample(self, noise: Any, choice: Any = None) -> Any:
        """A sample z (..., D) of p(z), computed from standard noise (..., D) and uniform numbers.

        Parameters
        ----------
        noise : array of shape (..., D)
            Of the kind ``noise_kind``.
        choice : array of shape (...,) or (..., D), optional
            Uniform in (0, 1), for a prior with a ``choice_kind``: (...,) for ``point``, (..., D) for ``element``.
        """
        return self.loc + self.scale * noise

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any = None) -> Any:
        """The gradient (..., D) by the variance v, from the gradient ``d_sample`` (..., D) by the sample.

        z = m + sqrt(v) e        dz/dv = e / (2 sqrt(v))
        """
        return d_sample * noise / (2 * self.scale)

    def centre_and_spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and standard deviation of each dimension, (D,) each, float64, for traversals and pictures."""
        return np.broadcast_to(self.loc, self.scale.shape).astype(np.float64), self.scale.astype(np.float64)

    def log_power_integral(self, beta: float) -> float:
        """log F_beta = log int p(z)^beta dz, in nats (docs/theory.md).

        Raises
        ------
        NotImplementedError
            If the integral is not known for this prior.
        OptionError
            If p^beta has no finite integral.
        """
        raise NotImplementedError(f"the integral of p^beta is not known for the {self.name} prior")

    def annealed(self, beta: float) -> Prior | None:
        """The prior f_beta = p^beta / F_beta, or None if it is not of a known kind."""
        return None

    def describe_annealed(self, beta: float) -> str:
        """What f_beta = p^beta / F_beta is, for beta other than 1: one sentence, or two."""
        how = "sharper" if beta > 1 else "flatter"
        general = (
            f"Here the annealed prior is {how} than the prior: the ratio of its densities at any two points is the "
            f"prior's to the power {beta:g}."
        )
        return f"{general} {self.of_whole_beta}" if self.of_whole_beta and float(beta).is_integer() else general

    def constants(self) -> dict[str, Any]:
        """The numbers that compiled code and the report's page need in addition to loc and scale, by name."""
        return {}

    def work_by_hand(self, z: np.ndarray) -> Worked:
        """d log p/dz for the first point of z (B, D) in the first dimension, by hand and by code."""
        raise NotImplementedError(f"the {self.name} prior has no worked entry")
