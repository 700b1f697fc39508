"""The class of the regularisers, with the attributes that describe each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..explanation import Explanation, Worked


@dataclass(frozen=True)
class Regulariser:
    """D(q(z), p(z)), estimated from a batch.

    ``minidecomp.variants.REGULARISERS.add(Regulariser(...))`` adds a choice to ``--regulariser``
    (docs/architecture.md).

    Attributes
    ----------
    name : str
        Its name after ``--regulariser``.
    label : str
        What help shows beside the name.
    title : str
        Its name in tables: "KL(p || q)".
    symbol : str
        Its symbol in formulas: "KL(p(z) || q(z))".
    value : callable
        (prior_sample (J, D), z (K, B, D), loc (B, D), scale (B, D), prior) -> float.
    value_and_grad : callable
        The same arguments -> the value, and a dict of its partial derivatives by those of ``z``, ``loc``, ``scale``,
        ``prior_sample`` and the prior's ``variance`` (J, D), at a fixed sample, that it depends on.
    least_points : int
        The smallest number of points in a batch.
    unit : str
        ``nats``, or empty for a value without a unit.
    aliases : tuple of str
        Other names for it, such as those in the authors' code.
    code : tuple of callables
        The textbook's functions, which ``--explain`` shows.
    explanation : Explanation or None
        What ``--explain`` says about it.
    work_by_hand : callable or None
        The arguments of ``value`` -> a Worked entry of its gradient.
    """

    name: str
    label: str
    title: str
    symbol: str
    value: Callable[..., float]
    value_and_grad: Callable[..., tuple[float, dict[str, Any]]]
    least_points: int = 1
    unit: str = "nats"
    aliases: tuple[str, ...] = ()
    code: tuple[Callable[..., Any], ...] = ()
    explanation: Explanation | None = None
    work_by_hand: Callable[..., Worked] | None = None

    def checked_value_and_grad(
        self, prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Any
    ) -> tuple[float, dict[str, Any]]:
        """``value_and_grad`` with its shapes checked: a user's function may return a shape that broadcasts silently.

        Raises
        ------
        ValueError
            If there is no derivative, one is by something unknown, or one has the wrong shape.
        """
        value, grads = self.value_and_grad(prior_sample, z, loc, scale, prior)
        shapes = {"z": z.shape, "loc": loc.shape, "scale": scale.shape, "prior_sample": prior_sample.shape}
        shapes["variance"] = prior_sample.shape
        if not grads or not grads.keys() <= shapes.keys():
            raise ValueError(f"{self.name}: expected derivatives by some of {', '.join(shapes)}, got {list(grads)}")
        for name, grad in grads.items():
            got = getattr(grad, "shape", None)
            if got != shapes[name]:
                raise ValueError(f"{self.name}: the derivative by {name} has shape {got}, not {shapes[name]}")
        return value, grads
