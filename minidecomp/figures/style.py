"""How all pictures look: sizes, colours, and matplotlib's settings while one is made."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache, partial, wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MinidecompError, printable
from ..files import write_file
from ..packages import is_installed
from ..packages import missing as missing_package

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 200
COLUMN, PAGE = 3.25, 6.75  # widths in inches, those of a two-column page
DATA_COLOUR, MODEL_COLOUR, LINK_COLOUR = "#3b528b", "#e66100", "0.75"
COLOUR_MAP = "viridis"
# Petroff (arXiv 2107.02270): ten colours that the colour-blind can tell apart.
CLASS_COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#94a4a2"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
# Fonts with letters that STIX and DejaVu lack, where one is installed.
OTHER_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "PingFang SC", "Hiragino Sans", "Arial Unicode MS"),
)
LABEL_SIZE, LEGEND_SIZE = 8, 7  # points
STYLE: Any = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.labelsize": LABEL_SIZE,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "0.25",
    "axes.formatter.useoffset": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.color": "0.25",
    "ytick.color": "0.25",
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "legend.fontsize": LEGEND_SIZE,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "pdf.fonttype": 42,
}
LATE_IMPORTS = ("contourpy", "numpy.random", "matplotlib.style")
Extent = tuple[float, float, float, float]


def available() -> bool:
    """Whether matplotlib is installed; it is not imported."""
    return is_installed("matplotlib")


def missing() -> str | None:
    """Why no picture can be drawn, in words and with what to do; None where one can. Matplotlib is imported."""
    with _importing, _no_window():
        modules = ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg")
        reasons = (missing_package(module, "minidecomp[plots]", "matplotlib") for module in modules)
        return next((reason for reason in reasons if reason), None)


_importing = threading.Lock()


@contextmanager
def _no_window() -> Iterator[None]:
    """Imports of matplotlib go without $MPLBACKEND: it may name a module that is not here, such as a notebook's.

    Our pictures need no window. What the variable says is handed to matplotlib later, for whoever else draws.
    """
    wanted = os.environ.get("MPLBACKEND")
    if not wanted or "matplotlib" in sys.modules:
        yield
        return
    os.environ["MPLBACKEND"] = "agg"
    try:
        yield
    finally:
        os.environ["MPLBACKEND"] = wanted
        if "matplotlib" in sys.modules:
            with suppress(Exception):  # a backend that is not here
                sys.modules["matplotlib"].rcParams["backend"] = wanted


_meanwhile: list[threading.Thread] = []  # at most one


def import_matplotlib_meanwhile() -> None:
    """Begin to import what drawing needs, which takes as long as a small model's training, in another thread."""
    if available() and not _meanwhile:
        _meanwhile.append(threading.Thread(target=_prepare, daemon=True))
        _meanwhile[0].start()


def wait_for_imports() -> None:
    """Return when nothing is imported in another thread any more."""
    while _meanwhile:
        _meanwhile.pop().join()


def _prepare() -> None:
    """What the first picture would wait for: imports, some of which come late, and the grammar of formulas."""
    with suppress(Exception):  # what is wrong is said when a picture is drawn
        if missing():
            return
        for module in LATE_IMPORTS:
            with suppress(ImportError):  # another matplotlib
                import_module(module)
        from matplotlib.font_manager import FontProperties
        from matplotlib.mathtext import MathTextParser
        from PIL import Image

        Image.preinit()
        font = FontProperties(family=font_families(), size=STYLE["font.size"], math_fontfamily="stix")
        MathTextParser("agg").parse("$z$", dpi=DPI, prop=font)


_in_force: ContextVar[bool] = ContextVar("_in_force", default=False)


def styled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with matplotlib checked and our style in force, and no other, while it runs."""

    @wraps(function)
    def draw(*args: Any, **kwargs: Any) -> Any:
        if _in_force.get():
            return function(*args, **kwargs)
        wait_for_imports()  # two threads must not change matplotlib, or Python's warnings, at the same time
        if reason := missing():
            raise MinidecompError(f"no picture: {reason}")
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            matplotlib.rcParams["font.family"] = font_families()
            token = _in_force.set(True)
            try:
                result = function(*args, **kwargs)
            finally:
                _in_force.reset(token)
            if hasattr(result, "draw_without_rendering"):
                # Ticks take their style when they are first laid out, which has to be now; how many of them
                # there are follows from the size of their labels, even later.
                for axes in result.axes:
                    axes.tick_params(labelsize=STYLE["xtick.labelsize"])
                result.draw_without_rendering()
        return result

    return draw


def new_figure(width: float, height: float, compress: bool = False) -> Figure:
    """An empty figure, width and height in inches; with ``compress``, panels of fixed aspect stand close together."""
    from .layout import PanelLayout
    from .shown import ShownFigure

    return ShownFigure(figsize=(width, height), layout=PanelLayout(compress=compress))


def write_figure(figure: Figure, folder: Path, name: str, formats: Sequence[str]) -> list[Path]:
    """Write one picture in each format; returns the paths."""
    from .shown import write_png

    paths = [folder / f"{name}.{kind}" for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        write_file(path, partial(write_png, figure) if kind == "png" else partial(figure.savefig, format=kind))
    return paths


def dots(count: int) -> dict[str, Any]:
    """A scatter's style for ``count`` points; thousands would make a vector file huge."""
    return {"s": float(np.clip(3000 / count, 1.5, 8)), "linewidths": 0, "rasterized": count > 2000}


def square_axes(axes: Axes, extent: Extent) -> None:
    """Give axes the limits of the extent, equal units, and a frame on all sides."""
    axes.set_xlim(*extent[:2])
    axes.set_ylim(*extent[2:])
    axes.set_aspect("equal")
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    axes.locator_params(nbins=5, steps=[1, 2, 5, 10])


def outside(points: np.ndarray, extent: Extent) -> str:
    """What a title says of points (N, 2) that axes of the extent do not show; nothing where they show all."""
    low, high = np.array(extent[::2]), np.array(extent[1::2])
    count = int(((points < low) | (points > high)).any(axis=1).sum())
    return f" ({count} outside)" if count else ""


def epoch_axis(axes: Axes, epoch: np.ndarray) -> None:
    """Give a horizontal axis the first and the last epoch as its ends, and whole numbers, the first among them."""
    from matplotlib.ticker import MaxNLocator

    first, last = float(epoch[0]), float(epoch[-1])
    if first == last:
        axes.set_xlim(first - 0.5, first + 0.5)
        axes.set_xticks([first])
        return
    every = MaxNLocator(6, integer=True, min_n_ticks=1).tick_values(first, last)
    axes.set_xlim(first, last)
    axes.set_xticks([first, *(tick for tick in every if first + (last - first) / 15 < tick <= last)])


@cache
def font_families() -> list[str]:
    """The fonts of the pictures, the first that has a letter being taken."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [*STYLE["font.family"], *(name for name in OTHER_FONTS if name in installed)]


@cache
def _letters() -> frozenset[int]:
    """The code points that the fonts have."""
    from matplotlib import font_manager

    paths = [font_manager.findfont(family) for family in font_families()]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def has_glyphs(text: str) -> bool:
    """Whether the fonts have all letters of a text."""
    return all(ord(letter) in _letters() for letter in text)


def short(label: Any, longest: int = 11) -> str:
    """A name, cut if long, with no formula in it; a box is what no font has."""
    text = printable(str(label))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(letter if has_glyphs(letter) else "□" for letter in text).replace("$", r"\$")


def widest(names: Sequence[str]) -> float:
    """Inches of the widest name in a legend."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font, ruler = FontProperties(family=font_families(), size=STYLE["legend.fontsize"]), TextToPath()
    plain = (name.replace(r"\$", "$") for name in names if name)
    return max((ruler.get_text_width_height_descent(name, font, False)[0] / 72 for name in plain), default=0.0)
