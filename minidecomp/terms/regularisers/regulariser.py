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
    name, label : str
        ``--regulariser``'s word for it, and what help says beside it.
    title : str
        In tables: "KL(p || q)".
    symbol : str
        In formulas: "KL(p(z) || q(z))".
    value : callable
        (prior_sample (J, D), z (K, B, D), loc (B, D), scale (B, D), prior) -> float.
    value_and_grad : callable
        The same arguments -> the value, and a dict of its partial derivatives by those of ``z``, ``loc``, ``scale``,
        ``prior_sample`` and the prior's ``variance`` (J, D), at a fixed sample, on which it depends.
    least_points : int
        How many points a batch needs.
    unit : str
        ``nats``, or nothing.
    aliases : tuple of str
        Other words for it, such as those of the authors' code.
    options : tuple of Option
        Its own, which go with it alone.
    code : tuple of callables
        The textbook's functions, for ``--explain``.
    explanation : Explanation or None
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
