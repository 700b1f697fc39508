"""The renderer of dSprites against frames of the original, and against itself."""

from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from minidecomp._core import sprites

SQUARE, ELLIPSE, HEART = range(3)


def render_packed(factors):
    factors = np.ascontiguousarray(factors, np.int64)
    out = np.full((len(factors), sprites.BYTES), 0xAA, np.uint8)
    sprites.render(factors, out)
    return out


def render(factors):
    """Images (N, 64, 64) of 0 and 1."""
    return np.unpackbits(render_packed(factors), axis=1).reshape(-1, 64, 64)


def every(*ranges):
    """All combinations (N, 5), the last factor fastest."""
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 5)


def centres(images):
    """Each image's mean lit pixel, (N,) across and (N,) down."""
    lit = images.sum(axis=(1, 2))
    return (images.sum(axis=1) @ np.arange(64)) / lit, (images.sum(axis=2) @ np.arange(64)) / lit


def animation():
    """The classes (320, 5) of the animation's frames."""
    scales = [*range(6), *range(5, -1, -1), *range(6)]
    path = []

    def move(shape, scale=5, orientation=0, x=0, y=0):
        path.extend(np.broadcast(shape, scale, orientation, x, y))

    move(HEART, scale=scales)
    move(HEART, orientation=range(40))
    move(HEART, y=range(32))
    move(HEART, y=31, x=range(32))
    move(HEART, x=31, y=range(31, -1, -1))
    move(HEART, x=range(31, -1, -1))
    move(HEART, scale=range(5, -1, -1))
    for shape in ELLIPSE, SQUARE:
        move(shape, scale=scales)
        move(shape, orientation=range(40))
        move(shape, scale=range(5, -1, -1))
    return np.array(path)


def test_frames_of_the_original():
    # Equal to the pixel: an intersection over union of 1 for every frame.
    with np.load(Path(__file__).parents[1] / "dsprites_reference" / "frames.npz") as stored:
        frames, index = np.unpackbits(stored["frames"], axis=-1), stored["index"]
    path = animation()
    assert path.shape == (320, 5)
    wrong = (render(path[index]) != frames).sum(axis=(1, 2))
    assert len(wrong) == 160
    assert dict(zip(index[wrong > 0].tolist(), wrong[wrong > 0].tolist(), strict=True)) == {}


def outline(shape):
    """Vertices (n, 2) at scale 1, unturned, in pixels: rightwards and downwards."""
    if shape == SQUARE:
        return 9.6 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    t = np.linspace(0, 2 * np.pi, 100 if shape == ELLIPSE else 150, endpoint=False)
    if shape == ELLIPSE:
        return np.stack([1.33 * 9.6 * np.cos(t), 9.6 / 1.33 * np.sin(t)], axis=1)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return 9.6 * np.stack([np.sin(t) ** 3, -y / 14.5 - 0.15], axis=1)


def slow_image(shape, scale, orientation, x, y):
    """A pixel's centre is inside if an odd number of edges pass left of it, in whole units of 1/256 pixel."""
    t = 2 * np.pi * orientation / 39
    turned = (0.5 + 0.1 * scale) * outline(shape) @ [[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]
    vertices = np.rint(256 * (turned + 16 + 32 * np.array([x, y]) / 31)).astype(np.int64)
    inside = np.zeros((64, 64), np.uint8)
    px, py = 256 * np.arange(64) + 128, 256 * np.arange(64)[:, None] + 128
    for edge in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = sorted(edge, key=lambda vertex: vertex[1])
        inside ^= (y0 <= py) & (py < y1) & ((px - x0) * (y1 - y0) >= (py - y0) * (x1 - x0))
    return inside


def test_pixels_follow_the_definition():
    drawn = np.random.default_rng(0).integers(0, sprites.CLASSES, (150, 5))
    np.testing.assert_array_equal(render(drawn), [slow_image(*factors) for factors in drawn])


def test_the_whole_set():
    # The original's lit share is about 4.25 %.
    ones = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
    out = np.empty((6 * 40 * 32 * 32 // 5, sprites.BYTES), np.uint8)
    lit, reached = 0, np.zeros(sprites.BYTES, np.uint8)
    for first in range(0, sprites.IMAGES, len(out)):
        sprites.render_range(first, out)
        lit += ones[out].sum(dtype=np.int64)
        reached |= np.bitwise_or.reduce(out)
    assert lit / (sprites.IMAGES * 64 * 64) == pytest.approx(0.042494, abs=1e-6)
    y, x = np.nonzero(np.unpackbits(reached).reshape(64, 64))
    assert (x.min(), x.max(), y.min(), y.max()) == (2, 61, 2, 61)


def test_square_has_whole_sizes():
    lit = render(every([SQUARE], range(6), [0], [0, 31], [0, 31])).reshape(6, 4, 64, 64)
    assert (lit.any(axis=2).sum(axis=-1) == [[10], [12], [14], [16], [18], [20]]).all()
    assert (lit.sum(axis=(2, 3)) == np.array([[10], [12], [14], [16], [18], [20]]) ** 2).all()


@pytest.mark.parametrize("shape", [SQUARE, ELLIPSE])
def test_centre_runs_from_15_5_to_47_5(shape):
    for scale in range(6):
        factors = every([shape], [scale], [0, 5], range(32), range(32))
        across, down = centres(render(factors))
        np.testing.assert_allclose(across, 15.5 + 32 * factors[:, 3] / 31, rtol=0, atol=0.55)
        np.testing.assert_allclose(down, 15.5 + 32 * factors[:, 4] / 31, rtol=0, atol=0.55)
        corner = np.isin(factors[:, 3:], [0, 31]).all(axis=1)
        np.testing.assert_allclose(across[corner], 15.5 + 32 * (factors[corner, 3] > 0), rtol=0, atol=1e-12)
        np.testing.assert_allclose(down[corner], 15.5 + 32 * (factors[corner, 4] > 0), rtol=0, atol=1e-12)


def test_heart_is_above_its_anchor():
    _, down = centres(render(every([HEART], range(6), [0], [0], [0])))
    assert ((down > 13.5) & (down < 14.7)).all()


def test_orientation_turns_anticlockwise():
    # At an eighth of a turn the ellipse rises to the right: right and down vary against each other.
    y, x = np.nonzero(render([[ELLIPSE, 5, 5, 0, 0]])[0])
    assert np.cov(x, y)[0, 1] < -10


def test_a_whole_turn_is_none():
    none, whole = (every(range(3), range(6), [turn], range(32), range(32)) for turn in (0, 39))
    np.testing.assert_array_equal(render_packed(none), render_packed(whole))


@pytest.mark.slow
def test_how_many_images_are_distinct():
    """The numbers of docs/data.md: beside the whole turn, squares and ellipses that look alike at two orientations."""
    packed = np.empty((sprites.IMAGES, sprites.BYTES), np.uint8)
    sprites.render_range(0, packed)
    grid = packed.reshape(3, 6, 40, -1, sprites.BYTES)
    whole_turns = grid[:, :, 39].size // sprites.BYTES
    np.testing.assert_array_equal(grid[:, :, 39], grid[:, :, 0])
    distinct, alike = set(), []
    for shape in grid[:, :, :39]:
        found = {blake2b(image, digest_size=16).digest() for image in shape.reshape(-1, sprites.BYTES)}
        alike.append(shape.size // sprites.BYTES - len(found))
        distinct |= found
    assert (whole_turns, alike, len(distinct)) == (18_432, [2620, 522, 0], 715_706)
    # Those that are alike have the same scale and position: within each there are as many distinct ones.
    by_place = np.moveaxis(grid[:HEART, :, :39], 2, 3).reshape(-1, 39, sprites.BYTES)
    assert sum(39 - len({image.tobytes() for image in place}) for place in by_place) == 2620 + 522


@pytest.mark.parametrize(("shape", "quarters", "ties"), [(SQUARE, 1, 0), (ELLIPSE, 2, 1)])
def test_symmetry_about_the_centre(shape, quarters, ties):
    # A tie, a pixel's centre on the outline, is inside on one side only.
    images = render(every([shape], range(6), range(40), [0], [0]))[:, :32, :32]
    differ = (images != np.rot90(images, quarters, axes=(1, 2))).sum(axis=(1, 2))
    assert differ.max() <= 2 * ties
    assert (differ > 0).sum() <= 2 * ties


def test_heart_is_its_mirror_image_turned_the_other_way():
    images = render(every([HEART], range(6), range(40), [0], [0])).reshape(6, 40, 64, 64)[..., :32, :32]
    np.testing.assert_array_equal(images, images[:, ::-1, :, ::-1])


def test_order_of_the_set():
    assert np.prod(sprites.CLASSES) == sprites.IMAGES == 737_280
    index = np.random.default_rng(1).integers(0, sprites.IMAGES, 300)
    index[:2] = 0, sprites.IMAGES - 1
    one_by_one = np.empty((300, sprites.BYTES), np.uint8)
    for i, out in zip(index, one_by_one, strict=True):
        sprites.render_range(i, out[None])
    factors = np.stack(np.unravel_index(index, sprites.CLASSES), axis=1)
    np.testing.assert_array_equal(one_by_one, render_packed(factors))


def test_position_y_runs_fastest():
    out = np.empty((64, sprites.BYTES), np.uint8)
    sprites.render_range(0, out)
    across, down = centres(np.unpackbits(out, axis=1).reshape(-1, 64, 64))
    assert np.ptp(across[:32]) == 0
    assert (np.diff(down[:32]) > 0).all()
    assert across[32] > across[31]
    np.testing.assert_array_equal(down[32:], down[:32])


def test_packing():
    rows = np.zeros((64, 8), np.uint8)
    rows[11:21, 1:3] = 0b00011111, 0b11111000
    np.testing.assert_array_equal(render_packed([[0, 0, 0, 0, 0]]).reshape(64, 8), rows)


def test_only_out_is_written():
    around = np.full((5, sprites.BYTES), 7, np.uint8)
    sprites.render_range(100, around[1:4])
    assert (around[[0, 4]] == 7).all()
    sprites.render_range(sprites.IMAGES, around[:0])
    sprites.render(np.empty((0, 5), np.int64), around[:0])


@pytest.mark.parametrize("factor", range(5))
@pytest.mark.parametrize("past", [False, True])
def test_classes_out_of_range(factor, past):
    factors, out = np.zeros((3, 5), np.int64), np.zeros((3, sprites.BYTES), np.uint8)
    factors[1, factor] = sprites.CLASSES[factor] if past else -1
    name = ("shape", "scale", "orientation", "position X", "position Y")[factor]
    with pytest.raises(ValueError, match=rf"row 1: {name} class {factors[1, factor]} is not in 0 \.\. "):
        sprites.render(factors, out)
    assert not out.any()


@pytest.mark.parametrize("first", [-1, 737_278, 2**62])
def test_images_out_of_range(first):
    with pytest.raises(ValueError, match=rf"images {first} .* are not all in 0 \.\. 737279"):
        sprites.render_range(first, np.empty((3, sprites.BYTES), np.uint8))


def test_wrong_arrays():
    factors, out = np.zeros((2, 5), np.int64), np.zeros((2, sprites.BYTES), np.uint8)
    with pytest.raises(ValueError, match=r"factors must be \(N, 5\), got \(2, 6\)"):
        sprites.render(np.zeros((2, 6), np.int64), out)
    for shape in (1, 512), (3, 512), (2, 511):
        with pytest.raises(ValueError, match=rf"out must be \(2, 512\), got \({shape[0]}, {shape[1]}\)"):
            sprites.render(factors, np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match=r"out must be \(N, 512\), got \(2, 64\)"):
        sprites.render_range(0, np.zeros((2, 64), np.uint8))
    for wrong in factors.astype(np.int32), np.asfortranarray(factors):
        with pytest.raises(ValueError):
            sprites.render(wrong, out)
    both = np.zeros(20480, np.uint8)
    with pytest.raises(ValueError, match="factors and out share memory"):
        sprites.render(both[:1600].view(np.int64).reshape(40, 5), both.reshape(40, 512))
    for no_array in (None, 3, "text", [[0] * 5]):
        with pytest.raises(TypeError):
            sprites.render(no_array, out)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        sprites.render(factors, out)
