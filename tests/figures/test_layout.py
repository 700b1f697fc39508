"""A picture is laid out once, drawn once, and looks as matplotlib's own layout makes it; no label is cut."""

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from minidecomp import figures
from minidecomp.figures import layout, shown, style
from minidecomp.figures.layout import PanelLayout
from minidecomp.terms import priors

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(60, 2))
LONG = [f"a very long name of column {i}, in words" for i in range(7)]
EPOCHS = np.arange(1.0, 41)


def curves():
    columns = {"log_likelihood": -100 - 1e4 * np.exp(-EPOCHS), "kl": 5 + np.sin(EPOCHS), "objective": EPOCHS}
    return figures.learning_curves({"epoch": EPOCHS, **columns})


def posterior():
    prior = priors.Gaussian(np.zeros(2), np.ones(2))
    return figures.aggregate_posterior(POINTS, np.full((60, 2), 0.3), prior, np.arange(60) % 3, grid=40)


def rows():
    x = RNG.normal(size=(40, 7)) * 10.0 ** np.arange(7)
    return figures.data_and_reconstructions(x, 0.9 * x, None, np.arange(40) % 2, LONG)


PICTURES = [curves, posterior, rows]


@pytest.fixture
def calls(monkeypatch):
    """The names of the steps that are made, in order."""
    made = []
    for owner, name in ((PanelLayout, "execute"), (Figure, "draw")):
        monkeypatch.setattr(owner, name, watched(made, name, getattr(owner, name)))
    return made


def watched(made, name, original):
    def call(self, *args, **kwargs):
        made.append(name)
        return original(self, *args, **kwargs)

    return call


def test_a_png_is_laid_out_once_and_drawn_once(calls, tmp_path):
    figure = curves()
    calls.clear()
    figures.write_figure(figure, tmp_path, "x", ("png",))
    assert sorted(calls) == ["draw", "execute"]
    calls.clear()
    assert figure._repr_png_() == (tmp_path / "x.png").read_bytes()
    assert sorted(calls) == ["draw", "execute"]


def test_a_written_figure_keeps_its_canvas_and_its_resolution():
    figure = curves()
    before = figure.canvas, figure.dpi
    shown.write_png(figure, io.BytesIO(), dpi=50)
    assert (figure.canvas, figure.dpi) == before


@pytest.mark.parametrize("picture", PICTURES)
def test_labels_are_measured_once(picture, monkeypatch):
    figure, measured = picture(), []
    original = Axis.get_tightbbox

    def watched(axis, *args, **kwargs):
        measured.append((id(axis), layout._labels(axis)))
        return original(axis, *args, **kwargs)

    monkeypatch.setattr(Axis, "get_tightbbox", watched)
    style.styled(figure.get_layout_engine().execute)(figure)
    assert measured and len(measured) == len(set(measured))
    assert not any("get_tightbbox" in vars(axis) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis))


@pytest.mark.parametrize("picture", PICTURES)
def test_the_panels_stand_where_matplotlib_alone_puts_them(picture, monkeypatch):
    ours = [axes.get_position().extents for axes in picture().axes]
    monkeypatch.setattr(PanelLayout, "execute", ConstrainedLayoutEngine.execute)
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state
    theirs = [axes.get_position().extents for axes in picture().axes]
    assert np.allclose(ours, theirs, atol=0.01)


@pytest.mark.parametrize("width", [1, 2])
def test_long_names_are_neither_cut_off_nor_over_each_other(width):
    x = RNG.normal(size=(40, width))
    for figure in (figures.data_and_reconstructions(x, x, None, None, LONG), figures.samples(x, x, None, LONG)):
        labels = [label for axes in figure.axes for label in (axes.xaxis.label, axes.yaxis.label) if label.get_text()]
        boxes = [label.get_window_extent() for label in labels]
        assert len(boxes) >= 2
        for i, box in enumerate(boxes):
            assert min(box.x0, box.y0) >= 0
            assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height
            assert not any(box.overlaps(other) for other in boxes[:i])
