"""Images as people have them: axes found by their sizes, folders of files, and what is refused."""

import numpy as np
import pytest

from minidecomp.data.images import channels_last, read_folder
from minidecomp.errors import DataError

GREY = np.random.default_rng(0).integers(0, 256, (5, 6, 8), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (5, 6, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("values", "channels", "expected"),
    [
        (GREY, "", GREY),
        (GREY[..., None], "", GREY),
        (GREY[:, None], "", GREY),
        (COLOUR, "", COLOUR),
        (np.moveaxis(COLOUR, 3, 1), "", COLOUR),
        (COLOUR[:, :4], "last", COLOUR[:, :4]),
        (np.moveaxis(COLOUR[:, :4], 3, 1)[..., :3], "first", COLOUR[:, :4, :3]),
    ],
)
def test_channels_are_found_by_size_and_put_last(values, channels, expected):
    np.testing.assert_array_equal(channels_last(values, "x", channels), expected)


@pytest.mark.parametrize(
    ("shape", "channels", "words"),
    [
        ((5, 3, 8, 3), "", ("first or its last", 'channels="first"')),
        ((5, 6, 8, 2), "", ("1, 3 or 4 channels",)),
        ((5, 6, 8, 3), "first", ("1, 3 or 4 channels", "first axis")),
        ((5, 3, 6, 8), "last", ("1, 3 or 4 channels", "last axis")),
    ],
)
def test_axes_that_nobody_can_tell_are_refused(shape, channels, words):
    with pytest.raises(DataError) as caught:
        channels_last(np.zeros(shape), "x.npy", channels)
    assert all(word in str(caught.value) for word in ("x.npy", *words))


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


def put(pillow, folder, images, ending="png"):
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        pillow.fromarray(image).save(folder / f"{i:03}.{ending}")
    return folder


def test_a_folder_of_images_in_the_order_of_their_names(tmp_path, pillow):
    folder = put(pillow, tmp_path / "x", COLOUR)
    (folder / "notes.txt").write_text("-")
    (folder / ".hidden.png").write_text("-")
    images, notes, names = read_folder(folder)
    np.testing.assert_array_equal(images, COLOUR)
    assert names == [f"{i:03}.png" for i in range(len(COLOUR))]
    assert images.dtype == np.uint8 and len(notes) == 1 and "1 file left out" in notes[0]
    images, notes, _ = read_folder(put(pillow, tmp_path / "grey", GREY))
    np.testing.assert_array_equal(images, GREY)
    assert notes == []


def test_sixteen_bits_and_black_and_white(tmp_path, pillow):
    deep = GREY.astype(np.uint16) * 257
    images, _, _ = read_folder(put(pillow, tmp_path / "deep", deep))
    np.testing.assert_array_equal(images, deep)
    assert images.dtype == np.uint16
    images, _, _ = read_folder(put(pillow, tmp_path / "bits", GREY > 127))
    np.testing.assert_array_equal(images, np.where(GREY > 127, 255, 0))
    put(pillow, tmp_path / "deep", COLOUR[:1])
    with pytest.raises(DataError, match="the same depth"):
        read_folder(tmp_path / "deep")


def test_grey_among_colour_is_colour_and_transparent_is_on_white(tmp_path, pillow):
    folder = put(pillow, tmp_path / "x", COLOUR)
    pillow.fromarray(GREY[0]).save(folder / "000.png")
    clear = np.dstack([COLOUR[1], np.zeros((6, 8), np.uint8)])
    pillow.fromarray(clear).save(folder / "001.png")
    # One colour that is transparent, without a channel for it.
    pillow.fromarray(np.full((6, 8, 3), 7, np.uint8)).save(folder / "002.png", transparency=(7, 7, 7))
    images, notes, _ = read_folder(folder)
    np.testing.assert_array_equal(images[0], np.repeat(GREY[0][..., None], 3, 2))
    assert (images[1:3] == 255).all()
    np.testing.assert_array_equal(images[3:], COLOUR[3:])
    assert "1 grey images" in notes[0]


def test_two_sizes_and_a_broken_file(tmp_path, pillow):
    folder = put(pillow, tmp_path / "x", [GREY[0], GREY[1][:4]])
    with pytest.raises(DataError, match=r"000.png has 6 x 8 pixels, 001.png 4 x 8; resize makes them equal"):
        read_folder(folder)
    images, _, _ = read_folder(folder, (3, 4))
    assert images.shape == (2, 3, 4)
    np.testing.assert_allclose(images[0], GREY[0].reshape(3, 2, 4, 2).mean((1, 3)), atol=1)
    (folder / "002.png").write_bytes((folder / "000.png").read_bytes()[:50])
    with pytest.raises(DataError, match=r"002.png: Pillow cannot read the image"):
        read_folder(folder)


def test_a_folder_without_images(tmp_path):
    with pytest.raises(DataError, match=r"the folder has no images; minidecomp reads .png, .jpg, .jpeg"):
        read_folder(tmp_path)


def test_without_pillow_one_line_says_what_helps(tmp_path, monkeypatch):
    import sys

    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError, match=r"needs Pillow.*pip install .pillow"):
        read_folder(tmp_path)
