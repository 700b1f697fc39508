"""dSprites as a data set: its grid, its parts, its files."""

import hashlib
import io
import zipfile

import numpy as np
import pytest

from minidecomp import data
from minidecomp.cli.main import main
from minidecomp.data import dsprites, folders
from minidecomp.data.points import Bits, as_numbers
from minidecomp.errors import DataError, Fault, OptionError


@pytest.fixture(autouse=True)
def no_files_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIDECOMP_DATA", raising=False)


@pytest.fixture(scope="module")
def whole():
    return dsprites.render(dsprites.selection(None))


@pytest.mark.slow
def test_the_whole_set(whole):
    loaded = data.load("dsprites")
    assert loaded.train.shape == (737280, 4096) and loaded.image_shape == (64, 64) and loaded.data_dim == 4096
    assert isinstance(loaded.train, Bits) and loaded.grid.points.packed is loaded.train.packed
    np.testing.assert_array_equal(loaded.train.packed, whole)
    assert loaded.grid.names == ("shape", "scale", "orientation", "posX", "posY")
    assert loaded.grid.sizes == (3, 6, 40, 32, 32)
    assert len(loaded.test) == 10000 and loaded.source == "drawn when it is loaded"
    ones = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)
    lit = np.bincount(whole.ravel(), minlength=256) @ ones / (len(whole) * 4096)
    assert 0.0420 <= lit <= 0.0430


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        (None, [range(3), range(6), range(40), range(32), range(32)]),
        ("shape=heart", [[2], range(6), range(40), range(32), range(32)]),
        ("shape=heart+square,scale=0.5..0.7", [[0, 2], [0, 1, 2], range(40), range(32), range(32)]),
        (" Scale = 1 , posx=0.5..1,orientation=0", [range(3), [5], [0], range(16, 32), range(32)]),
        ("orientation=3.14..7,posY=0+0.032+1", [range(3), range(6), range(20, 40), range(32), [0, 1, 31]]),
    ],
)
def test_selection(factors, expected):
    for got, classes in zip(dsprites.selection(factors), expected, strict=True):
        np.testing.assert_array_equal(got, list(classes))


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (
            "shape",
            "factors: expected NAME=VALUE, NAME=A+B or NAME=LOW..HIGH, where NAME is shape, scale",
        ),
        ("colour=1", "factors: expected NAME=VALUE"),
        ("shape=star", "factors=shape=star: no value of shape matches; its values are square, ellipse, heart"),
        ("scale=2", "factors=scale=2: no value of scale matches; its values are 0.5, 0.6, 0.7, 0.8, 0.9, 1"),
        ("scale=1,scale=0.5", "factors=scale=0.5: scale appears twice; join its values with +"),
        ("posX=0.5", "factors=posX=0.5: no value of posX matches; its values are 0, 0.03226"),
        ("scale=x", "factors: expected a number or a range LOW..HIGH, got 'scale=x'"),
        ("scale=1..0.5", "factors=scale=1..0.5: no value of scale matches"),
        ("posX=0.5..", "factors: expected a number or a range LOW..HIGH, got 'posX=0.5..'"),
    ],
)
def test_selection_refused(factors, message):
    with pytest.raises(OptionError) as caught:
        dsprites.selection(factors)
    assert str(caught.value).startswith(message)


def test_a_part_is_that_part_of_the_whole(whole):
    loaded = data.load("dsprites", factors="shape=ellipse+heart,scale=1,posX=0..0.2")
    assert loaded.grid.sizes == (2, 1, 40, 7, 32)
    blocks = whole.reshape(3, 6, 40, 32, 32, 512)[1:, 5:, :, :7]
    np.testing.assert_array_equal(loaded.train.packed, blocks.reshape(-1, 512))
    np.testing.assert_allclose(loaded.grid.values[1], [1])
    assert len(loaded.test) == 10000


def test_limit_keeps_training_and_test_images_apart():
    loaded = data.load("dsprites", factors="scale=1,orientation=0..0.5", limit=500, data_seed=3)
    assert len(loaded.train) == 500 and len(loaded.grid.points) == 3 * 4 * 32 * 32
    assert len(loaded.test) == 10000
    train, test = ({row.tobytes() for row in part.packed} for part in (loaded.train, loaded.test))
    assert len(train) == 500 and not train & test
    other = data.load("dsprites", factors="scale=1,orientation=0..0.5", limit=500, data_seed=4)
    assert (other.train.packed != loaded.train.packed).any()


@pytest.mark.parametrize(("limit", "tested"), [(3000, 3144), (6100, 44), (6144, 6144), (None, 6144)])
def test_limit_on_a_part_smaller_than_the_test_set(limit, tested):
    loaded = data.load("dsprites", factors="shape=heart,orientation=0", limit=limit)
    assert len(loaded.test) == tested
    train, test = ({row.tobytes() for row in part.packed} for part in (loaded.train, loaded.test))
    assert len(train) == (limit or 6144) and bool(train & test) == (limit in (6144, None))


def test_bits_become_numbers(whole):
    points = Bits(whole[::50000])
    numbers = as_numbers(points, np.float32)
    assert numbers.dtype == np.float32 and set(np.unique(numbers)) == {0, 1}
    np.testing.assert_array_equal(np.packbits(numbers.astype(bool), axis=1), points.packed)


# ---- files ----


def small_original(path, **changes):
    """A file of the original's format, for tests that say the set has six images of 64 x 64."""
    content = {"imgs": np.unpackbits(np.eye(6, 512, dtype=np.uint8), axis=1).reshape(6, 64, 64)}
    content |= {"latents_classes": dsprites._latents_classes(), "latents_values": np.ones((6, 6))}
    content |= changes
    np.savez_compressed(path, **{name: value for name, value in content.items() if value is not None})


@pytest.fixture
def six_images(monkeypatch, tmp_path):
    monkeypatch.setattr(dsprites, "COUNT", 6)
    monkeypatch.setattr(dsprites, "SIZES", (3, 2, 1, 1, 1))
    monkeypatch.setattr(dsprites, "VALUES", tuple(v[:n] for v, n in zip(dsprites.VALUES, (3, 2, 1, 1, 1), strict=True)))
    monkeypatch.setattr(dsprites, "BLOCK", 4)
    return tmp_path / dsprites.FILE


def test_the_original_is_read_where_it_is_found(six_images, monkeypatch, tmp_path):
    small_original(six_images)
    for arguments in ({"data_dir": tmp_path}, {}):
        loaded = data.load("dsprites", **arguments)
        np.testing.assert_array_equal(loaded.train.packed, np.eye(6, 512, dtype=np.uint8))
        assert loaded.source == str(six_images)
        monkeypatch.setenv("MINIDECOMP_DATA", str(tmp_path))
    part = data.load("dsprites", data_dir=tmp_path, factors="shape=ellipse+heart,scale=0.6")
    np.testing.assert_array_equal(part.train.packed, np.eye(6, 512, dtype=np.uint8)[[3, 5]])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"imgs": None}, "has no array imgs; expected the original dSprites"),
        ({"latents_classes": None}, "has no array latents_classes"),
        (
            {"latents_classes": np.zeros((6, 6), int)},
            "its latents_classes are not those of dSprites",
        ),
        ({"imgs": np.zeros((6, 64, 64))}, "imgs is float64 of shape (6, 64, 64); expected uint8 (6, 64, 64)"),
        ({"imgs": np.zeros((5, 64, 64), np.uint8)}, "imgs is uint8 of shape (5, 64, 64)"),
        ({"imgs": np.full((6, 64, 64), 255, np.uint8)}, "imgs has the value 255; dSprites has only 0 and 1"),
        ({"imgs": np.zeros((6, 64, 64), np.uint8, order="F")}, "cannot be read"),
        ({"latents_classes": np.array([{}], object)}, "cannot be read"),
    ],
)
def test_a_foreign_file(six_images, changes, said):
    small_original(six_images, **changes)
    with pytest.raises(DataError) as caught:
        data.load("dsprites", data_dir=six_images.parent)
    assert said in str(caught.value) and str(six_images) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "html"])
def test_a_damaged_file(six_images, damage):
    small_original(six_images)
    content = six_images.read_bytes()
    place = content.index(b"imgs.npy") + 60
    six_images.write_bytes(
        {
            "empty": b"",
            "truncated": content[: len(content) // 2],
            "flipped": content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :],
            "html": b"<html>not here</html>",
        }[damage]
    )
    with pytest.raises(DataError, match=r"cannot be read .* delete it to draw the images again") as caught:
        data.load("dsprites", data_dir=six_images.parent)
    assert "\n" not in str(caught.value)


def test_a_folder_with_neither_file(tmp_path):
    with pytest.raises(DataError, match="has neither"):
        data.load("dsprites", data_dir=tmp_path)


def test_packed_file(six_images, tmp_path):
    path = tmp_path / dsprites.PACKED
    packed = np.random.default_rng(0).integers(0, 256, (6, 512), dtype=np.uint8)
    np.save(path, packed)
    loaded = data.load("dsprites", data_dir=tmp_path)
    np.testing.assert_array_equal(loaded.train.packed, packed)
    assert isinstance(loaded.train.packed, np.memmap)
    np.save(path, packed[:5])
    with pytest.raises(DataError, match=r"is uint8 of shape \(5, 512\)"):
        data.load("dsprites", data_dir=tmp_path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read"):
        data.load("dsprites", data_dir=tmp_path)


@pytest.mark.slow
def test_render_command(tmp_path, capsys, whole):
    path = tmp_path / dsprites.PACKED
    assert main(["data", "render", "dsprites", "--out", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    np.testing.assert_array_equal(np.load(path, mmap_mode="r")[::1000], whole[::1000])
    assert main(["data", "render", "dsprites", "--out", str(tmp_path / "x.png")]) == 2
    assert "must end in .npz (the original's arrays) or .npy" in capsys.readouterr().err
    assert main(["data", "render", "pinwheel", "--out", "x.npz"]) == 2
    path.unlink()


@pytest.mark.slow
def test_render_the_originals_arrays_and_read_them_back(tmp_path, whole):
    dsprites.write(tmp_path / dsprites.FILE)
    with np.load(tmp_path / dsprites.FILE, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files), "a pickle may run anything"
        assert file["latents_values"].shape == file["latents_classes"].shape == (737280, 6)
        np.testing.assert_array_equal(file["latents_sizes"], [1, 3, 6, 40, 32, 32])
        assert file["latents_names"].tolist() == ["color", *dsprites.NAMES]
        np.testing.assert_allclose(file["latents_values"][-1], [1, 3, 1, 2 * np.pi, 1, 1])
        np.testing.assert_array_equal(file["latents_classes"][33], [0, 0, 0, 0, 1, 1])
    with zipfile.ZipFile(tmp_path / dsprites.FILE) as archive, archive.open("imgs.npy") as file:
        assert dsprites._read_header(file) == ((737280, 64, 64), np.uint8)
    np.testing.assert_array_equal(data.load("dsprites", data_dir=tmp_path).train.packed, whole)


def test_fetch(monkeypatch, tmp_path):
    content = b"the published file"
    monkeypatch.setattr(folders, "open_https", lambda url: io.BytesIO(content))
    with pytest.raises(Fault, match="the download is not the published file"):
        dsprites.fetch()
    assert not list((tmp_path / "cache" / "minidecomp" / "dsprites").iterdir())
    monkeypatch.setattr(dsprites, "MD5", hashlib.md5(content).hexdigest())
    lines = []
    assert dsprites.fetch(progress=lines.append) == tmp_path / "cache" / "minidecomp" / "dsprites"
    assert dsprites.fetch(progress=lines.append) and "already there" in lines[-1]
    assert (tmp_path / "cache" / "minidecomp" / "dsprites" / dsprites.FILE).read_bytes() == content
