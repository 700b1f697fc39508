"""What a regulariser is, and what it tells about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...variants import Option
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
    options : tuple of Option
        The options that go with this regulariser alone.
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
    options: tuple[Option, ...] = ()
    code: tuple[Callable[..., Any], ...] = ()
    explanation: Explanation | None = None
    work_by_hand: Callable[..., Worked] | None = None
