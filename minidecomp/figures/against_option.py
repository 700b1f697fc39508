"""How a recorded value moves with an option, or with another recorded value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import CLASS_COLOURS, COLUMN, new_figure, short, styled, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES, MARKERS = ("-", "--", ":", "-."), ("o", "s", "^", "D")
LONGEST_NAME, LONGEST_TICK = 56, 20  # letters
SHORT_NAME = 25  # letters; two such names stand side by side
MOST_NAMED, MOST_TICKS = 40, 10
DECADES = 100  # numbers further apart than that stand on a logarithmic axis
LETTER = 0.045  # inches: the mean width of a letter in ticks and legends
LINE = 0.145  # inches from one line of the legend to the next
LARGEST = 1e30  # numbers beyond that, or that far apart, are none for an axis
ROOM, HANDLE = COLUMN - 0.15, 0.3  # inches: the legend's width, and what its lines take of it
AXIS = 2.6  # inches: about the horizontal axis's length


@styled
def value_against_option(
    curves: Mapping[str, Sequence[tuple[float | str, float]]],
    option: str,
    value: str,
    reference: float | None = None,
    joined: bool = True,
) -> Figure:
    """How a recorded value moves with an option, a line for each setting of the others.

    Parameters
    ----------
    curves : mapping of str to sequence of (float or str, float)
        The option's value and the recorded one, under what the legend says. Numbers stand where they belong on the
        axis, texts side by side in their order. Where the option's value occurs more than once (seeds), the mean is
        drawn, and each as a dot.
    option, value : str
        What the axes say.
    reference : float, optional
        A horizontal line.
    joined : bool
        Whether the means are joined by a line, and ticks stand at the option's values; else each point is drawn alone,
        as where the horizontal axis has a value that was recorded.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # Without a name nothing differs between the runs but the option.
    names = _fitting(list(curves)[:MOST_NAMED]) if any(curves) else []
    are_short = max(map(len, names), default=0) <= SHORT_NAME and widest(names) <= ROOM / 2 - HANDLE
    columns = 2 if are_short else 1
    values = list(dict.fromkeys(at for points in curves.values() for at, _ in points))
    numbers = [float(at) for at in values if not isinstance(at, str)]
    is_scale = len(numbers) == len(values) and _is_of_one_scale(numbers)
    values.sort(key=lambda at: (1, 0.0) if isinstance(at, str) else (0, at))
    words = [] if is_scale else cut_apart([at if isinstance(at, str) else f"{at:g}" for at in values], LONGEST_TICK)
    angle = _angle(words)
    more = LETTER * max(map(len, words), default=0) * math.sin(math.radians(angle))
    figure = new_figure(COLUMN, 2.4 + more + LINE * max(0, math.ceil(len(names) / columns) - 2))
    axes = figure.subplots()

    places: dict[Any, float] = {at: at if is_scale else i for i, at in enumerate(values)}  # type: ignore[misc]
    lines = [_draw(axes, i, points, places, joined) for i, points in enumerate(curves.values())]
    if reference is not None:
        axes.axhline(reference, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    if is_scale:
        _scale(axes, numbers, joined)
    else:
        _categories(axes, words, angle)
    axes.set_xlabel(short(option, 60))
    axes.set_ylabel(short(value, 60))
    if names:
        if len(curves) > MOST_NAMED:
            names[-1] += f", and {len(curves) - MOST_NAMED} more"
        figure.legend(lines[: len(names)], names, loc="outside upper center", ncols=min(len(names), columns))
    return figure


def _draw(
    axes: Axes, index: int, points: Sequence[tuple[float | str, float]], places: Mapping[Any, float], joined: bool
) -> Any:
    """One curve, which looks like no other of the first forty."""
    again = index // len(CLASS_COLOURS) % len(LINES)
    colour = CLASS_COLOURS[index % len(CLASS_COLOURS)]
    if not joined:
        x, y = [places[at] for at, _ in points], [v for _, v in points]
        return axes.plot(x, y, linestyle="none", marker=MARKERS[again], color=colour)[0]
    order = sorted({at for at, _ in points}, key=places.__getitem__)
    means = [np.mean([v for at, v in points if at == each]) for each in order]
    style: dict[str, Any] = {"linestyle": LINES[again], "marker": MARKERS[again], "color": colour}
    line = axes.plot([places[at] for at in order], means, **style)[0]
    if len(points) > len(order):
        axes.plot([places[at] for at, _ in points], [v for _, v in points], ".", color=colour, markersize=2)
    return line


def _fitting(names: Sequence[str]) -> list[str]:
    """The legend's names, cut so that the widest has room."""
    for longest in range(LONGEST_NAME, 8, -4):
        made = [short(name, len(name)) for name in cut_apart(names, longest)]
        if widest(made) <= ROOM - HANDLE:
            break
    return made


def _is_of_one_scale(numbers: Sequence[float]) -> bool:
    """Whether an axis can have all the numbers; else they stand side by side."""
    sizes = [abs(number) for number in numbers if number]
    return not sizes or (max(sizes) < LARGEST and max(sizes) / LARGEST < min(sizes))


def _scale(axes: Axes, numbers: Sequence[float], joined: bool) -> None:
    """Numbers where they belong: on a logarithmic axis if they are spread over decades, with a place for 0."""
    distinct = sorted(set(numbers))
    above = [number for number in distinct if number > 0]
    if distinct and distinct[0] >= 0 and above and above[-1] / above[0] >= DECADES:
        if distinct[0] > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=above[0])
    if joined and len(distinct) <= MOST_TICKS:
        axes.set_xticks(distinct, _thinned(axes, distinct))
        axes.set_xticks([], minor=True)


def _thinned(axes: Axes, numbers: Sequence[float]) -> list[str]:
    """The numbers' labels; empty for one that would stand in the one before it."""
    low, high = axes.transData.transform([(at, 0) for at in axes.get_xlim()])[:, 0]
    places = axes.transData.transform([(number, 0) for number in numbers])[:, 0]
    labels, end = [], -math.inf
    for number, place in zip(numbers, (places - low) / (high - low or 1) * AXIS, strict=True):
        label = f"{number:g}"
        half = LETTER * len(label) / 2
        fits = place - half > end
        labels.append(label if fits else "")
        end = place + half + LETTER if fits else end
    return labels


def _angle(words: Sequence[str]) -> float:
    """How far the words are turned, for all of them to be read."""
    if LETTER * (sum(map(len, words)) + 2 * len(words)) <= AXIS:
        return 0
    return 40 if len(words) <= MOST_TICKS else 90


def _categories(axes: Axes, words: Sequence[str], angle: float) -> None:
    step = math.ceil(len(words) * 0.11 / AXIS)  # a turned word is so high
    shown = range(0, len(words), step)
    turned: dict[str, Any] = {"ha": "right", "rotation_mode": "anchor"} if 0 < angle < 90 else {}
    axes.set_xticks(shown, [short(words[i], len(words[i])) for i in shown], rotation=angle, **turned)


def cut_apart(texts: Sequence[str], longest: int) -> list[str]:
    """The texts, cut in the middle where they are longer; two that differ are still two."""
    made = [_cut(text, longest) for text in texts]
    if len(set(made)) == len(set(texts)):
        return made
    same = _common_start(texts)
    made = [_cut("…" + text[same:], longest) for text in texts]
    if len(set(made)) == len(set(texts)):
        return made
    places = {text: place for place, text in enumerate(dict.fromkeys(texts), 1)}
    return [_cut(f"({places[text]}) {text}", longest) for text in texts]


def _common_start(texts: Sequence[str]) -> int:
    count = 0
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            break
        count += 1
    return max(count - 3, 0)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = (longest - 1) // 2
    return text[: longest - 1 - end] + "…" + text[len(text) - end :]
