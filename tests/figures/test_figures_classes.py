"""Classes on pictures: each has its colour and its name on all of them, however many and whatever they are called."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb

from minidecomp import figures
from minidecomp.data.dataset import Dataset
from minidecomp.figures import of_run
from minidecomp.figures.classes import MANY_COLOURS, class_colours
from minidecomp.model.network import MLP, Parameters, initialise
from minidecomp.model.vae import VAE, parameter_shapes
from minidecomp.terms import likelihoods, priors

RNG = np.random.default_rng(0)
LATIN = tuple(f"{chr(97 + i)}, a class of a rather long name" for i in range(26))
STRANGE = ("_first", "\U00012000", "100 $", "\U00012000x")  # cuneiform, which no usual font has
CALLED = ["_first", "class 1", r"100 \$", "class 3"]
PRIOR = priors.Gaussian(np.zeros(2), np.ones(2))


def posterior(labels, names):
    loc = RNG.normal(size=(len(labels), 2))
    return figures.aggregate_posterior(loc, np.full(loc.shape, 0.1), PRIOR, labels, grid=20, class_names=names)


def reconstructions(labels, names, width=2, shape=None):
    x = RNG.random((len(labels), width))
    return figures.data_and_reconstructions(x, 0.9 * x, shape, labels, class_names=names)


def small_vae():
    encoder, decoder = MLP("enc", (2, 4, 4), "relu"), MLP("dec", (2, 4, 4), "relu")
    parameters = Parameters(parameter_shapes(encoder, decoder, 2, False), dtype=np.float64)
    initialise(parameters, 0)
    return VAE(encoder, decoder, likelihoods.Gaussian(), PRIOR, "softplus", parameters)


def legend_of(figure):
    return next(filter(None, [*figure.legends, *(axes.get_legend() for axes in figure.axes)]))


def entries(figure):
    """The legend's names with their colours."""
    legend = legend_of(figure)
    names = [text.get_text() for text in legend.get_texts()]
    colours = [to_hex(handle.get_facecolor()[0]) for handle in legend.legend_handles]
    return {name: colour for name, colour in zip(names, colours, strict=True) if name != "data"}


@pytest.mark.parametrize(
    ("draw", "count"),
    [(posterior, 4), (reconstructions, 26)]
    + [pytest.param(*other, marks=pytest.mark.slow) for other in ((posterior, 26), (reconstructions, 4))],
)
def test_a_class_has_its_colour_whichever_others_are_there(draw, count):
    colours = class_colours(count)
    for there in ([2], [1, 3], list(range(1, min(count, 15)))):
        figure = draw(np.repeat(there, 3), tuple(map(str, range(count))))
        assert entries(figure) == {str(code): colours[code] for code in there}


def test_points_have_the_colours_of_the_legend():
    labels = np.array([3, 1, 1, 2])
    loc = np.arange(8.0).reshape(4, 2)
    figure = figures.aggregate_posterior(loc, np.ones((4, 2)), PRIOR, labels, grid=20, class_names=tuple("abcd"))
    dots = figure.axes[2].collections[1]
    places = (dots.get_offsets()[:, 0] / 2).astype(int)
    assert [to_hex(each) for each in dots.get_facecolor()] == [class_colours(4)[labels[i]] for i in places]
    assert len({tuple(path.vertices.ravel()) for path in dots.get_paths()}) == 3, "a shape for each class"


def test_training_and_test_points_of_one_class_have_one_colour():
    """A class that is only among the test points moves no other's colour."""
    names, points = ("a", "b", "c"), RNG.normal(size=(40, 2))
    dataset = Dataset("t", points[:20], points[20:], np.arange(20) % 2 + 1, np.arange(20) % 3, names)
    numbered = Dataset("t", points[:20], points[20:], np.arange(20) % 2 + 1, np.arange(20) % 3)
    vae = small_vae()
    for each in (dataset, numbered):
        trained = entries(of_run._training_posterior(vae, each))
        tested = entries(of_run._test_reconstructions(vae, each))
        assert tested == dict(zip(each.classes, class_colours(3), strict=True))
        assert trained == {name: tested[name] for name in each.classes[1:]}


def test_many_classes_have_the_colours_of_viridis():
    """Closely; the page that has them as well is made without matplotlib."""
    for count in (11, 26, 100):
        made = np.array([to_rgb(colour) for colour in class_colours(count)])
        exact = colormaps["viridis"](np.linspace(0, 1, count))[:, :3]
        assert np.abs(made - exact).max() < 6 / 255
    assert class_colours(len(MANY_COLOURS)) == list(MANY_COLOURS)


@pytest.mark.parametrize("draw", [posterior, reconstructions])
def test_a_legend_of_many_classes_is_whole_and_says_how_many(draw):
    figure = draw(np.arange(52) % 26, LATIN)
    legend = legend_of(figure)
    assert "20 of 26 classes" in legend.get_title().get_text()
    assert list(entries(figure).values()) == class_colours(26)[:20]
    inside = figure.bbox.padded(1)
    for text in legend.get_texts():
        box = text.get_window_extent()
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
    for axes in figure.axes:
        if axes.get_label() != "<colorbar>":
            assert min(axes.get_window_extent().size) > 1.5 * figure.dpi, "the panels keep their size"


@pytest.mark.parametrize("draw", [posterior, reconstructions])
def test_the_title_says_nothing_where_all_are_named(draw):
    assert "of" not in legend_of(draw(np.arange(20), LATIN[:20])).get_title().get_text()


def test_a_name_without_glyphs_is_the_classs_number_everywhere():
    labels = np.arange(8) % 4
    assert list(entries(posterior(labels, STRANGE))) == CALLED
    assert list(entries(reconstructions(labels, STRANGE))) == CALLED
    lines = reconstructions(labels, STRANGE, 5)
    assert [axes.get_title(loc="right") for axes in lines.axes] == CALLED
    images = reconstructions(labels, STRANGE, 6, (2, 3))
    assert [text.get_text() for text in images.axes[0].texts] == [*CALLED, *CALLED]
    bars = figures.class_activity(RNG.normal(size=(8, 3)), labels, STRANGE)
    titles = [axes.get_title() for axes in bars.axes if axes.get_visible()]
    assert titles == CALLED
    without_codes = figures.class_activity(RNG.normal(size=(8, 3)), np.array(STRANGE)[labels])
    assert {"class 2", "class 3"} < {axes.get_title() for axes in without_codes.axes}, "by the alphabet"


@pytest.mark.parametrize("count", [2, 5])
def test_no_name_stands_over_bars_or_lines(count):
    labels, names = np.arange(4 * count) % count, LATIN[:count]
    bars = figures.class_activity(RNG.normal(size=(len(labels), 4)), labels, names)
    for figure in (bars, reconstructions(labels, names, 5)):
        for axes in figure.axes:
            if axes.get_visible():
                title = next(each for each in (axes.title, axes._right_title) if each.get_text()).get_window_extent()
                assert title.y0 >= axes.get_window_extent().y1 and title.x0 >= 0


def test_activity_is_in_the_order_of_all_classes():
    figure = figures.class_activity(RNG.normal(size=(4, 3)), np.array([2, 2, 0, 2]), ("z", "m", "a"))
    assert [axes.get_title() for axes in figure.axes] == ["z", "a"]
