"""Coloured images come out in colour."""

import numpy as np
import pytest

from minidecomp import figures
from minidecomp.figures.images import as_pixels, mosaic

SHAPE = (2, 3, 3)
IMAGES = np.random.default_rng(0).uniform(size=(5, 18))


def test_a_mosaic_of_coloured_images_holds_each_of_them():
    canvas = mosaic(IMAGES, SHAPE, 3)
    assert canvas.shape == (5, 11, 3)
    np.testing.assert_array_equal(canvas[3:5, 4:7], IMAGES[4].reshape(SHAPE))
    assert np.isnan(canvas[2]).all() and np.isnan(canvas[3:, 8:]).all()


def test_pixels_are_bytes_between_black_and_full_colour():
    values = np.array([[[np.nan] * 3, [0.0, 0.5, 1.0], [-1.0, 2.0, 0.25]]])
    np.testing.assert_array_equal(as_pixels(values, (0, 1)), [[[255] * 3, [0, 128, 255], [0, 255, 64]]])


def colours(figure):
    """The colours of the image that a figure shows, without the white of the gaps."""
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown.ndim == 3
    return {tuple(pixel) for pixel in shown.reshape(-1, shown.shape[2])} - {(255,) * shown.shape[2]}


RED = np.tile([1.0, 0.0, 0.0], (4, 6)).astype(float)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.data_and_reconstructions(RED, RED, SHAPE),
        lambda: figures.samples(RED, RED, SHAPE),
        lambda: figures.latent_traversals(np.zeros((2, 2)), RED.reshape(2, 2, 18), ["a", "b"], 1.0, RED, SHAPE),
    ],
)
def test_red_stays_red(draw):
    assert colours(draw()) == {(255, 0, 0)}


def test_an_animation_is_in_colour(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    figures.write_animation(tmp_path / "x.gif", np.zeros((2, 2)), RED.reshape(2, 2, 18), ["z1", "z2"], RED, SHAPE)
    with pillow.open(tmp_path / "x.gif") as frames:
        assert frames.convert("RGB").getpixel((0, frames.height - 1)) == (255, 0, 0)
