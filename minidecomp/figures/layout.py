"""Where the panels of a picture stand: matplotlib's constrained layout, in which axes are measured once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox


class PanelLayout(ConstrainedLayoutEngine):
    """matplotlib's constrained layout.

    It moves the panels twice, and before each move it asks several times how far the ticks' labels reach. That is most
    of its time, though the labels seldom change.
    """

    def execute(self, fig: Figure) -> Any:
        with _measured_once([axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)]):
            return super().execute(fig)


@contextmanager
def _measured_once(all_axis: list[Axis]) -> Iterator[None]:
    for axis in all_axis:
        axis.get_tightbbox = MeasuredAxis(axis)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for axis in all_axis:
            del axis.get_tightbbox


@dataclass
class MeasuredAxis:
    """In the place of an axis's ``get_tightbbox``: it measures anew only where the ticks' labels have changed.

    Attributes
    ----------
    known : dict
        How far the box reaches beyond the axis's ends (left, bottom, right, top, in pixels), by what the labels say.
    """

    axis: Axis
    known: dict[tuple[str, ...], np.ndarray | None] = field(default_factory=dict)

    def __call__(self, renderer: Any = None, *, for_layout_only: bool = False) -> Bbox | None:
        # A layout asks with and without for_layout_only, but the second time only for the height above a panel.
        labels = _labels(self.axis)
        if labels not in self.known:
            box = type(self.axis).get_tightbbox(self.axis, renderer, for_layout_only=True)
            self.known[labels] = None if box is None else np.subtract(box.extents, _ends(self.axis))
        beyond = self.known[labels]
        return None if beyond is None else Bbox.from_extents(*(_ends(self.axis) + beyond))


def _ends(axis: Axis) -> np.ndarray:
    """The panel's left, bottom, right and top in pixels; along the axis, its first and last tick instead."""
    ends = np.array(axis.axes.bbox.extents)
    along = int(axis is axis.axes.yaxis)
    places = np.zeros((len(axis.get_majorticklocs()), 2))
    places[:, along] = axis.get_majorticklocs()
    transform = axis.axes.get_yaxis_transform() if along else axis.axes.get_xaxis_transform()
    at = transform.transform(places)[:, along]
    at = at[(at > ends[along] - 1) & (at < ends[along + 2] + 1)]
    if len(at):
        ends[[along, along + 2]] = at.min(), at.max()
    return ends


def _labels(axis: Axis) -> tuple[str, ...]:
    """What stands at the ticks."""
    major = axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs()))
    return (*major, *axis.get_minor_formatter().format_ticks(list(axis.get_minorticklocs())))
