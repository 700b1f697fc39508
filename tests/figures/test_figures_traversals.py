"""Traversals as a picture and as an animation."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from minidecomp import figures
from minidecomp.errors import Fault

NAMES = ["$z_1$", "$z_2$", "$z_3$"]


def moved(width, steps=5):
    values = np.linspace(-2, 2, steps) * np.array([[1], [1], [0.5]])
    means = np.random.default_rng(0).random((3, steps, width))
    return values, means


@pytest.mark.parametrize(("width", "shape"), [(20, (4, 5)), (2, None), (7, None), (1, None)])
@pytest.mark.parametrize("kind", ["png", pytest.param("pdf", marks=pytest.mark.slow)])
def test_drawn(width, shape, kind, tmp_path):
    figure = figures.latent_traversals(*moved(width), NAMES, 2.0, np.zeros((2, width)), shape)
    (path,) = figures.write_figure(figure, tmp_path, "traversals", (kind,))
    assert path.stat().st_size > 3000


def test_a_row_of_images_is_a_dimension():
    means = np.zeros((3, 5, 20))
    means[1, 4] = 1
    figure = figures.latent_traversals(moved(20)[0], 7 * means, NAMES, 2.0, means[0], (4, 5))
    (axes,) = figure.axes
    canvas = axes.images[0].get_array()
    assert axes.images[0].get_clim() == (0, 1)  # of the data, not of what the decoder makes far out
    lit = np.argwhere(canvas == 7)
    assert lit[:, 0].min() == 5 and lit[:, 0].max() == 8  # four rows of pixels below four and a gap
    assert lit[:, 1].min() == 24 and lit[:, 1].max() == 28  # the fifth of images 5 wide, a gap between
    assert [text.get_text() for text in axes.get_yticklabels()] == NAMES
    assert [text.get_text() for text in axes.get_xticklabels()] == ["−2", "−1", "0", "1", "2"]
    assert "scales of the prior" in axes.get_xlabel(), "the rows' own values differ"
    same = figures.latent_traversals(np.tile([0, 0.5, 1], (3, 1)), means[:, :3], NAMES, 2.0, means[0], (4, 5), note="x")
    assert [text.get_text() for text in same.axes[0].get_xticklabels()] == ["0", "0.5", "1"]
    assert same.axes[0].get_xlabel() == "$z_d$" and same.get_supxlabel() == "x"


@pytest.mark.parametrize("width", [2, 7])
def test_a_value_has_the_same_colour_in_all_rows(width):
    """Rows whose values differ in range share the scale of colours that the bar shows."""
    values, means = moved(width)
    figure = figures.latent_traversals(values, means, NAMES, 2.0, means[0])
    bar = figure.axes[-1]
    assert bar.get_ylim() == (-2, 2) and bar.get_ylabel() == "value of $z_d$"
    last, first = figure.axes[2], figure.axes[0]
    if width == 2:
        assert {axes.collections[0].get_clim() for axes in (first, last)} == {(-2, 2)}
    else:
        assert last.lines[-1].get_color() == first.lines[3].get_color(), "both are 1"


def test_animation(tmp_path):
    """Forth and back, without end, every frame as grey as it should be."""
    means = np.zeros((4, 6, 64 * 64))
    means[2] = np.linspace(0, 1, 6)[:, None]
    path = tmp_path / "t.gif"
    means[0, 2] = 9.0  # beyond the data's range, and shown as white
    figures.write_animation(path, np.zeros((4, 6)), means, ["z1", "z2", "z3", "z4"], means[2], (64, 64))
    with Image.open(path) as animation:
        assert animation.n_frames == 10 and animation.info["loop"] == 0 and animation.info["duration"] == 90
        seen = []
        for frame in range(10):
            animation.seek(frame)
            pixels = np.asarray(animation.convert("L"))
            height, width = pixels.shape
            seen.append(int(pixels[height - 1, width // 4]))  # the third of four images, two in a row
            assert pixels[height // 4, width // 4] == (255 if frame in (2, 8) else 0)
    assert seen[:6] == [0, 51, 102, 153, 204, 255] and seen[6:] == [204, 153, 102, 51]


def test_small_images_are_drawn_larger(tmp_path):
    figures.write_animation(
        tmp_path / "t.gif", np.zeros((1, 3)), np.zeros((1, 3, 64)), ["z1"], np.ones((1, 64)), (8, 8)
    )
    with Image.open(tmp_path / "t.gif") as animation:
        assert animation.size == (96, 96 + 18)


def test_a_frame_shows_the_value(tmp_path):
    """Nothing but the value changes, and the head of the frame with it."""
    values, ones = np.array([[-1.5, 0.25]]), np.ones((1, 64))
    figures.write_animation(tmp_path / "t.gif", values, np.zeros((1, 2, 64)), ["z12"], ones, (8, 8))
    with Image.open(tmp_path / "t.gif") as animation:
        frames = []
        for i in range(2):
            animation.seek(i)
            frames.append(np.asarray(animation.convert("L")).astype(int))
    assert (frames[0][:18] < 128).any() and (frames[0][:18] != frames[1][:18]).any()
    assert (frames[0][18:] == 0).all() and (frames[1][18:] == 0).all()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(Fault, match=r"cannot write .*none/t\.gif: No such file"):
        figures.write_animation(
            tmp_path / "none" / "t.gif", np.zeros((1, 3)), np.zeros((1, 3, 64)), ["z1"], np.ones((1, 64)), (8, 8)
        )


# ---- active dimensions, and a value against an option ----


def test_class_magnitudes():
    loc = np.array([[1.0, -2], [3, 0], [-5, 4]])
    classes, magnitudes = figures.class_magnitudes(loc, np.array(["a", "a", "b"]))
    assert classes.tolist() == ["a", "b"]
    np.testing.assert_allclose(magnitudes, [[2, 1], [5, 4]])


@pytest.mark.parametrize("count", [*(pytest.param(count, marks=pytest.mark.slow) for count in (1, 3)), 10])
def test_class_activity(count, tmp_path):
    loc = np.random.default_rng(0).normal(size=(100, 50))
    labels = np.array([f"class {i % count}" for i in range(100)])
    figure = figures.class_activity(loc, labels)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == count and all(len(axes.patches) == 50 for axes in shown)
    heights = [patch.get_height() for patch in shown[0].patches]
    np.testing.assert_allclose(heights, np.abs(loc[labels == "class 0"]).mean(0))
    figures.write_figure(figure, tmp_path, "activity", ("png", "pdf"))


def test_class_activity_of_one_dimension_has_one_tick():
    axes = figures.class_activity(np.linspace(0, 1, 12)[:, None], np.arange(12) % 3).axes
    assert [each.get_xticks().tolist() for each in axes] == [[1]] * 3


def test_class_activity_of_many_classes_and_of_numbers():
    loc = np.random.default_rng(0).normal(size=(120, 5))
    figure = figures.class_activity(loc, np.array([str(i % 30) for i in range(120)]))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    names = [axes.get_title() for axes in shown]
    assert names == [str(i) for i in range(20)]
    assert "(20 of 30 classes)" in shown[-1].get_xlabel()


def test_value_against_option(tmp_path):
    curves = {"beta 1": [(0, 0.3), (0, 0.5), (100, 0.6)], "beta 5": [(0, 0.2), (1000, 0.4)]}
    figure = figures.value_against_option(curves, "alpha", "Hoyer sparsity", 0.23)
    (axes,) = figure.axes
    means, dots, *_ = axes.lines
    np.testing.assert_allclose(means.get_xydata(), [[0, 0.4], [100, 0.6]])
    np.testing.assert_allclose(dots.get_xydata(), [[0, 0.3], [0, 0.5], [100, 0.6]])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "100", "1000"]
    figures.write_figure(figure, tmp_path, "value", ("png",))
    assert not figures.value_against_option({"": [(0, 1.0), (1, 2.0)]}, "alpha", "kl").legends
