"""Classes of points: each has a colour, a shape and a name, the same on all pictures and pages of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.labels import Classes, classes_of
from ..errors import printable
from .cutting import cut_apart
from .style import CLASS_COLOURS, dots, has_glyphs, short, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

MOST_NAMED = 20  # a longer legend does not help
LONGEST = 30  # letters
HANDLE = 0.3  # inches that a dot takes beside its name, and the space after it
LINE = 0.15  # inches from one line of a legend to the next
# For more classes than CLASS_COLOURS: viridis in equal steps, written out because pages are made without matplotlib.
MANY_COLOURS = (
    *("#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e", "#21918c"),
    *("#1fa088", "#28ae80", "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219", "#fde725"),
)
SHAPES = ("o", "^", "s", "D", "v", "P", "X", "<", "*", ">")
OF_DOTS: dict[str, Any] = {"markerscale": 2.2, "handletextpad": 0.1, "columnspacing": 1.2, "title_fontsize": 7}


def class_colours(count: int) -> list[str]:
    """A colour for each of all ``count`` classes of a data set, as ``#rrggbb``."""
    if count <= len(CLASS_COLOURS):
        return list(CLASS_COLOURS[:count])
    known = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in MANY_COLOURS])
    places = np.linspace(0, len(known) - 1, count)
    mixed = np.stack([np.interp(places, np.arange(len(known)), part) for part in known.T], axis=1)
    return ["#" + bytes(each).hex() for each in np.round(mixed).astype(np.uint8)]


def as_classes(labels: Any, names: Sequence[str] = ()) -> Classes:
    """The class of each label (N,): its index into ``names`` or, without names, into the different labels.

    Different labels are sorted: numbers by size, words by the alphabet.
    """
    labels = np.asarray(labels)
    if len(names):
        return Classes(labels.astype(np.int64), tuple(names))
    if labels.dtype.kind in "OU":
        return classes_of(labels.astype(str))
    different, codes = np.unique(labels, return_inverse=True)
    return Classes(codes.astype(np.int64), tuple(map(str, different.tolist())))


def class_labels(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Names of all classes on a picture; where no font here has a name's letters, the class's number, from 0."""
    known = [name if name.strip() and has_glyphs(printable(name)) else f"class {i}" for i, name in enumerate(names)]
    cut = cut_apart([printable(name) for name in known], longest)
    return [short(name, len(name)) for name in cut]


@dataclass(frozen=True)
class Dots:
    """What a legend says of points in the colours of their classes.

    Attributes
    ----------
    handles : list
        A dot for each class that is named.
    names : list of str
        What these classes are called.
    note : str
        How many of the classes are named; empty where all are.
    """

    handles: list[Any]
    names: list[str]
    note: str

    @cached_property
    def width(self) -> float:
        """Inches of the widest entry in a legend."""
        return widest(self.names) + HANDLE

    def before(self, handle: Any, name: str) -> Dots:
        """The same with one more entry before them."""
        return Dots([handle, *self.handles], [name, *self.names], self.note)

    def columns(self, room: float) -> int:
        """How many columns a legend can have in so many inches."""
        return max(1, min(len(self.names), int(room / self.width)))

    def height(self, columns: int, title: str) -> float:
        """Inches of a legend of so many columns."""
        return LINE * (-(-len(self.names) // columns) + bool(title)) + 0.1

    def write(self, parent: Any, title: str = "", **where: Any) -> Legend:
        """The legend, on axes or a figure."""
        # Matplotlib leaves out entries whose names begin with _, so that each gets its name afterwards.
        legend = parent.legend(self.handles, ["x"] * len(self.handles), title=title or None, **where, **OF_DOTS)
        for text, name in zip(legend.get_texts(), self.names, strict=True):
            text.set_text(name)
        return legend


def draw_classes(axes: Axes, points: np.ndarray, classes: Classes, **style: Any) -> Dots:
    """Points (N, 2) in the colours and shapes of their classes, in an order that hides no class behind another."""
    colours, shapes = class_colours(len(classes.names)), _shapes()
    order = np.random.default_rng(0).permutation(len(points))
    codes = classes.codes[order]
    drawn = axes.scatter(
        points[order, 0], points[order, 1], c=[colours[code] for code in codes], **(dots(len(points)) | style)
    )
    drawn.set_paths([shapes[code % len(shapes)] for code in codes])
    there = np.unique(classes.codes)
    named = there[:MOST_NAMED].tolist()
    names = class_labels(classes.names)
    return Dots(
        [axes.scatter([], [], color=colours[c], marker=SHAPES[c % len(SHAPES)], s=5, linewidths=0) for c in named],
        [names[code] for code in named],
        f"{len(named)} of {len(there)} classes" if len(named) < len(there) else "",
    )


def _shapes() -> list[Any]:
    """The outlines of the classes' dots, so that they are told apart without colours, too."""
    from matplotlib.markers import MarkerStyle

    markers = [MarkerStyle(shape) for shape in SHAPES]
    return [marker.get_path().transformed(marker.get_transform()) for marker in markers]
