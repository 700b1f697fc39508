import gzip
import hashlib
import io
import struct
import urllib.error
from http.client import IncompleteRead
from types import SimpleNamespace

import numpy as np
import pytest

from minidecomp import data
from minidecomp.data import fashion_mnist, folders
from minidecomp.errors import DataError, Fault, OptionError

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = fashion_mnist.FILES


def idx_files(seed=0, train=12, test=5):
    """Unpacked IDX files of random images, by the names of the real ones."""
    rng = np.random.default_rng(seed)
    files = {}
    for images, labels, count in ((TRAIN_IMAGES, TRAIN_LABELS, train), (TEST_IMAGES, TEST_LABELS, test)):
        pixels = rng.integers(0, 256, count * 784, np.uint8).tobytes()
        classes = rng.integers(0, 10, count, np.uint8).tobytes()
        files[images] = struct.pack(">IIII", 0x803, count, 28, 28) + pixels
        files[labels] = struct.pack(">II", 0x801, count) + classes
    return files


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(gzip.compress(content))


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Small files stand for the real ones, and no place outside tmp_path is looked at."""
    files = idx_files()
    expected = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()}
    monkeypatch.setattr(fashion_mnist, "FILES", expected)
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDERS", (tmp_path / "system1", tmp_path / "system2"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIDECOMP_DATA", raising=False)
    return files


def one_line(caught, *parts):
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    return message


def test_load(small, tmp_path):
    write(tmp_path / "here", small)
    loaded = data.load("fashion-mnist", data_dir=tmp_path / "here")
    assert loaded.train.shape == (12, 784)
    assert loaded.test.shape == (5, 784)
    assert loaded.image_shape == (28, 28)
    assert loaded.train.tobytes() == small[TRAIN_IMAGES][16:]
    assert loaded.test.tobytes() == small[TEST_IMAGES][16:]
    assert loaded.train_labels.tolist() == list(small[TRAIN_LABELS][8:])
    assert loaded.test_labels.tolist() == list(small[TEST_LABELS][8:])
    assert loaded.train.dtype == np.uint8
    assert loaded.train_labels.dtype == np.int64
    assert loaded.train.flags.writeable
    assert len(loaded.class_names) == 10


def test_load_with_a_frame(small, tmp_path):
    write(tmp_path / "here", small)
    plain, framed = (fashion_mnist.load(tmp_path / "here", size) for size in (28, 32))
    images = framed.train.reshape(12, 32, 32)
    np.testing.assert_array_equal(images[:, 2:30, 2:30].reshape(12, 784), plain.train)
    assert images.sum(dtype=int) == plain.train.sum(dtype=int)
    assert framed.image_shape == (32, 32)
    assert framed.train.flags.c_contiguous


def test_image_size(small, tmp_path):
    write(tmp_path / "here", small)
    with pytest.raises(OptionError) as caught:
        fashion_mnist.load(tmp_path / "here", image_size=30)
    one_line(caught, "image_size", 30, 28, 32)


def test_folders_are_looked_at_in_order(small, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDECOMP_DATA", str(tmp_path / "variable"))
    order = [
        tmp_path / "variable",
        tmp_path / "variable" / "fashion-mnist",
        tmp_path / "cache" / "minidecomp",
        tmp_path / "cache" / "minidecomp" / "fashion-mnist",
        tmp_path / "system1",
        tmp_path / "system2",
    ]
    for folder in reversed(order):
        write(folder, small)
        assert fashion_mnist.find() == folder
    (order[0] / TRAIN_LABELS).unlink()
    assert fashion_mnist.find() == order[1]


def test_home_is_used_without_a_cache_variable(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.cache() == tmp_path / ".cache" / "minidecomp"


def test_data_dir_is_the_only_place(small, tmp_path):
    write(tmp_path / "system1", small)
    with pytest.raises(DataError) as caught:
        fashion_mnist.find(tmp_path / "nowhere")
    one_line(caught, tmp_path / "nowhere", *small)
    write(tmp_path / "part" / "fashion-mnist", small)
    assert fashion_mnist.find(tmp_path / "part") == tmp_path / "part" / "fashion-mnist"
    (tmp_path / "part" / "fashion-mnist" / TEST_LABELS).unlink()
    with pytest.raises(DataError) as caught:
        fashion_mnist.load(tmp_path / "part")
    message = one_line(caught, tmp_path / "part" / "fashion-mnist", TEST_LABELS)
    assert TEST_IMAGES not in message


def test_nothing_found(small):
    with pytest.raises(DataError) as caught:
        fashion_mnist.load()
    one_line(caught, "apt install dataset-fashion-mnist", "minidecomp data fetch fashion-mnist", "data_dir")


def damage(name, packed, files):
    if name == "truncated":
        return packed[: len(packed) // 2]
    if name == "checksum":
        return packed[:-8] + bytes(4) + packed[-4:]
    if name == "flipped":
        return packed[:40] + bytes([packed[40] ^ 0xFF]) + packed[41:]
    if name == "empty":
        return b""
    if name == "no gzip":
        return b"<html>not here</html>"
    if name == "short":
        return gzip.compress(files[TRAIN_IMAGES][:-1])
    if name == "long":
        return gzip.compress(files[TRAIN_IMAGES] + b"x")
    return gzip.compress(idx_files(seed=1)[TRAIN_IMAGES])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("truncated", "cannot be unpacked"),
        ("checksum", "cannot be unpacked"),
        ("flipped", ""),
        ("empty", "0 bytes instead of"),
        ("no gzip", "cannot be unpacked"),
        ("short", "bytes instead of"),
        ("long", "more than"),
        ("foreign", "is not Fashion-MNIST's"),
    ],
)
def test_damaged_file(small, tmp_path, kind, said):
    write(tmp_path, small)
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(damage(kind, path.read_bytes(), small))
    with pytest.raises(DataError) as caught:
        fashion_mnist.load(tmp_path)
    one_line(caught, path, said, "delete it, then apt install")


@pytest.mark.parametrize("name", list(fashion_mnist.FILES))
def test_every_file_is_verified(small, tmp_path, name):
    write(tmp_path, small | {name: idx_files(seed=1)[name]})
    with pytest.raises(DataError) as caught:
        fashion_mnist.load(tmp_path)
    one_line(caught, tmp_path / name)


def test_file_that_is_a_folder(small, tmp_path):
    write(tmp_path, small)
    (tmp_path / TEST_LABELS).unlink()
    (tmp_path / TEST_LABELS).mkdir()
    with pytest.raises(DataError) as caught:
        fashion_mnist.load(tmp_path)
    one_line(caught, TEST_LABELS)


@pytest.fixture
def server(small, monkeypatch):
    """Serves the small files; `replies` may be changed, and `asked` lists the addresses."""

    replies = {name: gzip.compress(content) for name, content in small.items()}
    served = SimpleNamespace(replies=replies, asked=[])

    def open_https(url):
        served.asked.append(url)
        reply = served.replies[url.removeprefix(fashion_mnist.URL)]
        if isinstance(reply, Exception):
            raise reply
        return io.BytesIO(reply)

    monkeypatch.setattr(folders, "open_https", open_https)
    return served


def test_fetch_then_load(server, small, tmp_path):
    lines = []
    folder = fashion_mnist.fetch(progress=lines.append)
    assert folder == tmp_path / "cache" / "minidecomp" / "fashion-mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(small)
    assert [line.split(":")[0] for line in lines] == list(small)
    assert fashion_mnist.load().train.tobytes() == small[TRAIN_IMAGES][16:]


def test_fetch_keeps_whole_files_and_replaces_damaged_ones(server, small, tmp_path):
    write(tmp_path / "mine", small)
    (tmp_path / "mine" / TEST_IMAGES).write_bytes(b"damaged")
    assert fashion_mnist.fetch(tmp_path / "mine") == tmp_path / "mine"
    assert server.asked == [fashion_mnist.URL + TEST_IMAGES]
    assert len(fashion_mnist.load(tmp_path / "mine").test) == 5


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (urllib.error.URLError("Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
        (IncompleteRead(b"abc", 10), "3 bytes read"),
        (b"<html>log in first</html>", "the download cannot be unpacked"),
        (gzip.compress(b"something else", mtime=0), "the download unpacks to 14 bytes"),
        (gzip.compress(idx_files(seed=1)[TRAIN_LABELS], mtime=0), "the download is not Fashion-MNIST's"),
    ],
)
def test_fetch_fails(server, tmp_path, reply, said):
    server.replies[TRAIN_LABELS] = reply
    with pytest.raises(Fault) as caught:
        fashion_mnist.fetch(tmp_path / "mine")
    one_line(caught, fashion_mnist.URL + TRAIN_LABELS, said)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [TRAIN_IMAGES]


def test_fetch_into_a_file(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault) as caught:
        fashion_mnist.fetch(tmp_path / "file")
    one_line(caught, tmp_path / "file")


def test_interrupted_fetch_leaves_nothing(server, tmp_path, monkeypatch):
    class Interrupted(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise KeyboardInterrupt
            return super().read(10)

    monkeypatch.setattr(folders, "open_https", lambda url: Interrupted(bytes(100)))
    with pytest.raises(KeyboardInterrupt):
        fashion_mnist.fetch(tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.slow
def test_the_real_files():
    try:
        fashion_mnist.find()
    except DataError as error:
        pytest.skip(str(error))
    loaded = fashion_mnist.load()
    assert loaded.train.shape == (60000, 784)
    assert loaded.test.shape == (10000, 784)
    assert loaded.train.mean() / 255 == pytest.approx(0.286, abs=0.0005)
    assert np.bincount(loaded.train_labels).tolist() == [6000] * 10
    assert np.bincount(loaded.test_labels).tolist() == [1000] * 10
