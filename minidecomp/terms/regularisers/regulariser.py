"""What a regulariser is, and what it tells about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..explanation import Explanation, Worked


@dataclass(frozen=True)
class Regulariser:
    """D(q(z), p(z)), estimated from a batch.

    ``minidecomp.variants.REGULARISERS.add(Regulariser(...))`` makes one a choice of ``--regulariser``
    (docs/architecture.md).

    Attributes
    ----------
    name : str
        The word for it after ``--regulariser``.
    label : str
        What help says beside the name.
    title : str
        Its name in tables: "KL(p || q)".
    symbol : str
        Its symbol in formulas: "KL(p(z) || q(z))".
    value : callable
        (prior_sample (J, D), z (K, B, D), loc (B, D), scale (B, D), prior) -> float.
    value_and_grad : callable
        The same arguments -> the value, and a dict of its partial derivatives by those of ``z``, ``loc``, ``scale``,
        ``prior_sample`` and the prior's ``variance`` (J, D), at a fixed sample, on which it depends.
    least_points : int
        How many points a batch needs.
    unit : str
        ``nats``, or empty for a value without a unit.
    aliases : tuple of str
        Other words for it, such as those of the authors' code.
    code : tuple of callables
        The textbook's functions, for ``--explain``.
    explanation : Explanation or None
        What ``--explain`` says of it.
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
        """``value_and_grad``, which a user may have written: another shape would broadcast in silence.

        Raises
        ------
        ValueError
            If a derivative is by something else, or has another shape than what it is by, or there is none.
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
