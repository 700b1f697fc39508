"""Weights and the learning rate over training: values at epochs, straight lines between them, constant after the last.

Each epoch has one value: the value at its beginning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import OptionError, either

SCHEDULED = ("alpha", "beta", "lr")
SHAPES = ("constant", "cosine", "step")  # of the learning rate, over all epochs
STEPS = ((0.5, 0.1), (0.75, 0.01))  # for "step": from this share of the epochs on, use this share of the rate
MOST_POINTS = 1000

Points = tuple[tuple[float, float], ...]


def own_options(name: str) -> tuple[str, ...]:
    """The options that say how ``name`` changes."""
    return (f"{name}_schedule",) if name == "lr" else (f"{name}_schedule", f"{name}_warmup")


def spelled_out(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options in which ``beta = "0:0,10:4"`` and ``lr = "1e-3:cosine"`` are split into value and schedule.

    Raises
    ------
    OptionError
        A schedule is given twice.
    """
    made = dict(given)
    for name in SCHEDULED:
        text = made.get(name)
        if not isinstance(text, str) or ":" not in text:
            continue
        schedule = f"{name}_schedule"
        if made.get(schedule) is not None:
            raise OptionError(name, text, f"--{name}-schedule gives a schedule too; leave one of them out")
        value, _, shape = text.partition(":")
        if name == "lr" and shape.strip() in SHAPES:
            made[name], made[schedule] = value.strip(), shape.strip()
        else:
            made[name], made[schedule] = points_of(name, text)[-1][1], text
    return made


def points_of(name: str, text: str) -> Points:
    """The points (epoch, value) of a schedule's text, ``0:0,10:4``.

    Raises
    ------
    OptionError
        The text has another form, its epochs do not rise, or a value is not allowed.
    """
    words = f", or {either(SHAPES)}" if name.startswith("lr") else ""
    expected = f"EPOCH:VALUE,EPOCH:VALUE,.. with rising epochs from 0 on{words}"
    points: list[tuple[float, float]] = []
    for part in text.split(",")[: MOST_POINTS + 1]:
        epoch, colon, value = part.partition(":")
        try:
            point = (number_of(epoch), number_of(value))
        except ValueError:
            raise OptionError(name, text, expected=expected) from None
        rises = point[0] > points[-1][0] if points else point[0] >= 0
        if not colon or not all(map(math.isfinite, point)) or not rises or len(points) == MOST_POINTS:
            raise OptionError(name, text, expected=expected)
        if point[1] < 0 or (name.startswith("lr") and point[1] == 0):
            raise OptionError(name, text, f"every value must be {'above 0' if name.startswith('lr') else '0 or more'}")
        points.append(point)
    return tuple(points)


def number_of(text: str) -> float:
    """A number as options accept it: Python would also accept 1_000 and the digits of every script."""
    if not text.isascii() or "_" in text:
        raise ValueError
    return float(text)


def check_text(name: str, text: str) -> None:
    """Raise OptionError unless a text is a schedule: points, or a shape of the learning rate."""
    if not (name == "lr_schedule" and text in SHAPES):
        points_of(name, text)


def settle(resolved: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Set each option that has a schedule to the schedule's last value; ``given`` are the options that were given.

    Raises
    ------
    OptionError
        The options contradict each other.
    """
    for name in SCHEDULED:
        text = resolved[f"{name}_schedule"]
        if text is not None and resolved.get(f"{name}_warmup"):
            raise OptionError(f"{name}_schedule", text, f"--{name}-warmup is a schedule too; leave one of them out")
        if text is None or text in SHAPES:
            continue
        last = points_of(f"{name}_schedule", text)[-1][1]
        if name in given and given[name] != last:
            reason = f"it ends with {last:g}, but --{name} is {given[name]:g}; leave --{name} out"
            raise OptionError(f"{name}_schedule", text, reason)
        resolved[name] = last


def value_at(options: Any, name: str, epoch: int) -> float:
    """The value of alpha, beta or lr after ``epoch`` finished epochs."""
    value, text = float(getattr(options, name)), getattr(options, f"{name}_schedule")
    warmup = getattr(options, f"{name}_warmup", None)
    if warmup:
        return value * min(1.0, epoch / warmup)
    if text is None or text == "constant":
        return value
    share = epoch / max(1, options.epochs)
    if text == "cosine":
        # from lr to 0 at the end of the last epoch, as half a cosine
        return value * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    if text == "step":
        return value * min([rate for start, rate in STEPS if share >= start], default=1.0)
    epochs, values = zip(*points_of(name, text), strict=True)
    return float(np.interp(epoch, epochs, values))


def largest(options: Any, name: str) -> float:
    """The largest value of alpha, beta or lr at any time."""
    value, text = float(getattr(options, name)), getattr(options, f"{name}_schedule")
    return value if text is None or text in SHAPES else max(each for _, each in points_of(name, text))


def over_epochs(options: Any, epochs: int) -> dict[str, np.ndarray]:
    """The values (epochs,) of alpha, beta and lr, by name, if they change."""
    found = {name: np.array([value_at(options, name, epoch) for epoch in range(epochs)]) for name in SCHEDULED}
    return {name: values for name, values in found.items() if has_schedule(options, name)}


def has_schedule(options: Any, name: str) -> bool:
    """Whether a value changes during training."""
    own = [getattr(options, option) for option in own_options(name)]
    return any(each not in (None, 0, "constant") for each in own)


def scheduled_names(options: Any) -> tuple[str, ...]:
    """Which of alpha, beta and lr change during training."""
    return tuple(name for name in SCHEDULED if has_schedule(options, name))


def settled(options: Any, name: str) -> float:
    """The number of epochs after which alpha, beta or lr no longer changes."""
    text, warmup = getattr(options, f"{name}_schedule"), getattr(options, f"{name}_warmup", None)
    if warmup:
        return float(warmup)
    if text is None or text == "constant":
        return 0.0
    if text in ("cosine", "step"):
        return float(options.epochs)
    return points_of(name, text)[-1][0]


def weights_settled(options: Any) -> float:
    """The number of epochs after which alpha and beta no longer change."""
    return max(settled(options, name) for name in ("alpha", "beta"))
