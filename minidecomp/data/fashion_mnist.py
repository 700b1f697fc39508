"""Fashion-MNIST (Xiao et al., 2017): 70 000 grey images of clothes, found on this machine or fetched."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import DataError, OptionError
from ..variants import Option
from . import folders
from .dataset import Dataset
from .source import DATA_DIR, Available, DataSource

URL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
MOST_BYTES = 40_000_000  # of a .gz; the largest has 26 MB

# Size and SHA-256 of what a file unpacks to: Debian compresses anew, so its .gz differ from upstream's.
FILES = {
    "train-images-idx3-ubyte.gz": (
        47040016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte.gz": (
        60008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte.gz": (
        7840016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        10008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

SYSTEM_FOLDERS = (Path("/usr/share/datasets/fashion-mnist"), Path("/usr/share/dataset-fashion-mnist"))

HOW_TO_GET = (
    "apt install dataset-fashion-mnist, or minidecomp data fetch fashion-mnist, "
    "or put the four .gz files into a folder and give `--data-dir`"
)


def find(data_dir: str | Path | None = None) -> Path:
    """The first folder with the four files; their content is not checked.

    Parameters
    ----------
    data_dir : path or None
        The only folder to look in. Without it: ``$MINIDECOMP_DATA``, the user's cache, then the place where Debian's
        package puts the files. Each of the user's folders may have them in its subfolder ``fashion-mnist``.

    Raises
    ------
    DataError
        No folder has them all.
    """
    looked_at = folders.candidates("fashion-mnist", data_dir)
    if data_dir is None:
        looked_at.extend(SYSTEM_FOLDERS)

    missing = {folder: [name for name in FILES if not os.path.isfile(folder / name)] for folder in looked_at}
    for folder in looked_at:
        if not missing[folder]:
            return folder
    if data_dir is None:
        raise DataError(f"fashion-mnist: not found on this machine; {HOW_TO_GET}")
    closest = min(looked_at, key=lambda folder: len(missing[folder]))
    raise DataError(
        f"fashion-mnist: {closest} lacks {', '.join(missing[closest])}; "
        f"put all four files there, or run: minidecomp data fetch fashion-mnist --data-dir {data_dir}"
    )


def load(data_dir: str | Path | None = None, image_size: int = 28) -> Dataset:
    """Load and verify the images.

    Parameters
    ----------
    data_dir : path or None
        As for `find`.
    image_size : int
        28, or 32 to add a frame of two zeros on every side.

    Returns
    -------
    Dataset
        60 000 training and 10 000 test points of shape (image_size^2,), uint8, with 10 classes.

    Raises
    ------
    OptionError
        ``image_size`` is neither.
    DataError
        The files are not found, or a file is not the expected one.
    """
    if image_size not in (28, 32):
        raise OptionError("image_size", image_size, must_be="28 or 32")
    folder = find(data_dir)

    def content(name: str) -> bytes:
        unpacked, fault = _unpack(folder / name, name)
        if fault:
            raise DataError(f"{folder / name}: {fault}; delete it, then {HOW_TO_GET}")
        return unpacked

    def images(name: str) -> np.ndarray:
        pixels = np.frombuffer(content(name), np.uint8, offset=16).reshape(-1, 28, 28)
        margin = (image_size - 28) // 2
        framed = np.zeros((len(pixels), image_size, image_size), np.uint8)
        framed[:, margin : margin + 28, margin : margin + 28] = pixels
        return framed.reshape(len(pixels), -1)

    def labels(name: str) -> np.ndarray:
        return np.frombuffer(content(name), np.uint8, offset=8).astype(np.int64)

    return Dataset(
        name="fashion-mnist",
        train=images("train-images-idx3-ubyte.gz"),
        test=images("t10k-images-idx3-ubyte.gz"),
        train_labels=labels("train-labels-idx1-ubyte.gz"),
        test_labels=labels("t10k-labels-idx1-ubyte.gz"),
        class_names=CLASS_NAMES,
        image_shape=(image_size, image_size),
        source=str(folder),
    )


def fetch(folder: str | Path | None = None, progress: Callable[[str], object] = lambda line: None) -> Path:
    """Download the four files, 31 MB in all, except those that are there and complete.

    Parameters
    ----------
    folder : path or None
        Where to put them; without it, the user's cache.
    progress : callable
        Called with a line of text before each file.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    Fault
        The network or the disk failed, or the download is not the expected file. No partial file is left behind.
    """
    folder = folders.cache() / "fashion-mnist" if folder is None else Path(folder)
    for name in FILES:
        folders.fetch_file(URL + name, folder / name, MOST_BYTES, partial(_fault, name), progress)
    return folder


def _fault(name: str, content: bytes) -> str:
    return _unpack(io.BytesIO(content), name)[1]


def _unpack(packed: Path | io.BytesIO, name: str) -> tuple[bytes, str]:
    """The content of the .gz, and what is wrong with it, in words that follow its name; empty if nothing is wrong."""
    size, digest = FILES[name]
    try:
        with gzip.open(packed) as file:
            content = file.read(size + 1)  # the byte beyond the end makes gzip compare its checksum
    except (OSError, EOFError, zlib.error) as error:
        return b"", f"cannot be unpacked ({folders.reason(error)})"
    if len(content) != size:
        found = f"more than {size}" if len(content) > size else len(content)
        return b"", f"unpacks to {found} bytes instead of {size}"
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != digest:
        # MNIST's digits come in files of the same names and sizes.
        return b"", f"is not Fashion-MNIST's (SHA-256 {sha256[:16]}... instead of {digest[:16]}...)"
    return content, ""


def _available() -> Available:
    try:
        ready, where = True, str(find())
    except DataError:
        ready, where = False, HOW_TO_GET
    return Available("fashion-mnist", ready, where, 60000, 10000, 784)


SOURCE = DataSource(
    name="fashion-mnist",
    load=lambda o: load(o.data_dir, o.image_size),
    options=(
        DATA_DIR,
        Option("image_size", int, "Fashion-MNIST: size of the images; 32 pads them with zeros.", 28, choices=(28, 32)),
    ),
    # A multilayer perceptron, in place of the paper's convolutions.
    defaults={
        "prior": "sparse",
        "likelihood": "laplace",
        "regulariser": "mmd",
        "latent_dim": 50,
        "hidden": (512, 512),
        "activation": "leaky-relu",
        "init": "he",
        "epochs": 80,
        "batch_size": 500,
        "lr": 5e-4,
    },
    available=_available,
    fetch=fetch,
    fetch_note="31 MB",
)
