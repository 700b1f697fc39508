"""dSprites (Matthey et al., 2017): 737,280 binary images of three shapes, every combination of five factors once.

Nothing has to be downloaded: the images are drawn in a quarter of a second, and equal the original's in all of its
published frames, to the pixel (``_core/sprites.pyx``). If the original file is found, it is used instead. Not every
combination gives a different image: 715,706 are distinct (docs/data.md).
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, OptionError, either
from ..files import make_folder, write_file
from ..randomness import philox, streams
from . import folders
from .dataset import Dataset, Grid
from .points import Bits
from .source import DATA_DIR, FACTORS, Available, DataSource

NAMES = ("shape", "scale", "orientation", "posX", "posY")
SHAPES = ("square", "ellipse", "heart")
SIZES = (3, 6, 40, 32, 32)  # of shape, scale, orientation, posX, posY, as _core/sprites.pyx has them
COUNT, BYTES = 737_280, 512
SIDE = 64
VALUES = (
    np.array([1.0, 2.0, 3.0]),
    np.linspace(0.5, 1, 6),
    np.linspace(0, 2 * np.pi, 40),
    np.linspace(0, 1, 32),
    np.linspace(0, 1, 32),
)
TEST_COUNT = 10_000

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
PACKED = "dsprites_packed.npy"
URL = f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{FILE}"
# As stated by public loaders of the file; either one is accepted.
SHA1, MD5 = "3e0a46a9238e425f46a6ef9e9bdfd7cedb35d50f", "7da33b31b13a06f4b04a70402ce90c2e"
MOST_BYTES = 40_000_000  # of the original, which has 26 MB
BLOCK = 4096


def load(
    data_dir: str | Path | None = None, factors: str | None = None, limit: int | None = None, data_seed: int = 0
) -> Dataset:
    """Draw the images, or read the original.

    Parameters
    ----------
    data_dir : path or None
        A folder with the original file, or with one that ``minidecomp data render dsprites --out FILE.npy`` wrote.
        Without it, it is looked for in ``$MINIDECOMP_DATA`` and the user's cache; if neither has it, the images are
        drawn.
    factors : str or None
        A part of the set, such as ``shape=heart,scale=0.5..1``; see `selection`.
    limit : int or None
        Train on this many images, chosen at random.
    data_seed : int
        Seed of that choice, and of the choice of test images.

    Returns
    -------
    Dataset
        Bits of shape (N, 4096), with the grid of factors. All images are training points, as in the paper; 10,000 of
        them, chosen at random, are test points. With ``limit``, the test images are chosen from the others.

    Raises
    ------
    OptionError
        ``factors`` is not understood.
    DataError
        A file is damaged or not dSprites.
    """
    classes = selection(factors)
    path = find(data_dir)
    if path is None:
        packed, source = render(classes), "drawn when it is loaded"
    else:
        packed, source = _read(path), str(path)
        if factors is not None:
            packed = packed[_numbers(classes)]
    grid = Grid(NAMES, tuple(v[c] for v, c in zip(VALUES, classes, strict=True)), Bits(packed))
    train = test = grid.points
    order = philox.permutation(len(packed), data_seed, *streams.SPLIT.at())
    if limit is not None and limit < len(packed):
        train, order = train[np.sort(order[:limit])], order[limit:]
    test = test[np.sort(order[:TEST_COUNT])]
    return Dataset("dsprites", train, test, image_shape=(SIDE, SIDE), source=source, grid=grid)


def selection(factors: str | None) -> tuple[np.ndarray, ...]:
    """The classes of each factor that a text such as ``shape=heart+square,scale=0.5..0.8,posX=0.5..1`` selects.

    A factor takes a value, values joined by ``+``, or a range ``low..high`` with both ends. Shapes go by their names;
    scale is 0.5 to 1, orientation 0 to 2 pi, posX and posY are 0 to 1.

    Raises
    ------
    OptionError
        The text has another form, or selects no value of a factor.
    """
    kept = [np.arange(size) for size in SIZES]
    for part in factors.split(",") if factors else ():
        name, equals, wanted = (text.strip() for text in part.partition("="))
        lowered = [known.lower() for known in NAMES]
        if not equals or name.lower() not in lowered:
            raise OptionError(
                "factors", part, expected=f"NAME=VALUE, NAME=A+B or NAME=LOW..HIGH, where NAME is {either(NAMES)}"
            )
        index = lowered.index(name.lower())
        if len(kept[index]) < SIZES[index]:
            raise OptionError("factors", part, f"{NAMES[index]} appears twice; join its values with +")
        chosen = [_matches(index, each.strip(), part) for each in wanted.split("+")]
        kept[index] = np.flatnonzero(np.any(chosen, axis=0))
        if len(kept[index]) == 0:
            shown = SHAPES if index == 0 else [f"{value:.4g}" for value in VALUES[index]]
            raise OptionError("factors", part, f"no value of {NAMES[index]} matches; its values are {', '.join(shown)}")
    return tuple(kept)


def _matches(index: int, wanted: str, part: str) -> np.ndarray:
    """Which values of a factor are selected by a value or a range."""
    if index == 0:
        return np.array([shape == wanted.lower() for shape in SHAPES])
    low, dots, high = wanted.partition("..")
    try:
        bounds = float(low), float(high if dots else low)
    except ValueError:
        raise OptionError("factors", part, expected="a number or a range LOW..HIGH") from None
    # A value is matched by rounding; a range includes its ends.
    slack = 1e-6 if dots else 0.005
    return (VALUES[index] >= bounds[0] - slack) & (VALUES[index] <= bounds[1] + slack)


def render(classes: tuple[np.ndarray, ...]) -> np.ndarray:
    """The packed images (N, 512) of all combinations of the classes, with the last factor fastest."""
    sizes = tuple(len(c) for c in classes)
    # Imported here, as only a drawn data set needs it.
    from .._core import sprites

    packed = np.empty((int(np.prod(sizes)), BYTES), np.uint8)
    if sizes == SIZES:
        sprites.render_range(0, packed)
        return packed
    combinations = np.stack(np.meshgrid(*classes, indexing="ij"), axis=-1).reshape(-1, len(SIZES))
    sprites.render(np.ascontiguousarray(combinations, np.int64), packed)
    return packed


def _numbers(classes: tuple[np.ndarray, ...]) -> np.ndarray:
    """The indices, in the whole set, of all combinations of the classes."""
    return np.ravel_multi_index(np.meshgrid(*classes, indexing="ij"), SIZES).reshape(-1)


# ---- files ----


def find(data_dir: str | Path | None = None) -> Path | None:
    """The original file, or a packed one; None if there is neither and ``data_dir`` is not given.

    Raises
    ------
    DataError
        ``data_dir`` has neither.
    """
    for folder in folders.candidates("dsprites", data_dir):
        for name in (FILE, PACKED):
            if (folder / name).is_file():
                return folder / name
    if data_dir is not None:
        raise DataError(
            f"dsprites: {data_dir} has neither {FILE} nor {PACKED}; leave `--data-dir` out to draw the images"
        )
    return None


def _read(path: Path) -> np.ndarray:
    """All images, packed."""
    try:
        return _read_packed(path) if path.name == PACKED else _read_original(path)
    except DataError:
        raise
    except Exception as error:  # numpy, zipfile and zlib raise almost any exception for a damaged file
        raise DataError(
            f"{path}: cannot be read ({folders.reason(error)}); delete it to draw the images again"
        ) from None


def _read_packed(path: Path) -> np.ndarray:
    packed = np.load(path, mmap_mode="r", allow_pickle=False)
    if packed.dtype != np.uint8 or packed.shape != (COUNT, BYTES):
        raise DataError(f"{path}: is {packed.dtype} of shape {packed.shape}; expected uint8 ({COUNT}, {BYTES})")
    return packed


def _read_original(path: Path) -> np.ndarray:
    """The images block by block: unpacked, they would take 3 GB."""
    packed = np.empty((COUNT, BYTES), np.uint8)
    with zipfile.ZipFile(path) as archive:
        for name in ("imgs.npy", "latents_classes.npy"):
            if name not in archive.namelist():
                raise DataError(f"{path}: has no array {name.removesuffix('.npy')}; expected the original dSprites")
        with archive.open("latents_classes.npy") as file:
            classes = np.lib.format.read_array(file, allow_pickle=False)
        if not np.array_equal(classes, _latents_classes()):
            raise DataError(f"{path}: its latents_classes are not those of dSprites")
        with archive.open("imgs.npy") as file:
            shape, dtype = _read_header(file)
            if shape != (COUNT, SIDE, SIDE) or dtype != np.uint8:
                raise DataError(f"{path}: imgs is {dtype} of shape {shape}; expected uint8 ({COUNT}, {SIDE}, {SIDE})")
            for first in range(0, COUNT, BLOCK):
                count = min(BLOCK, COUNT - first)
                block = np.frombuffer(file.read(count * SIDE * SIDE), np.uint8).reshape(count, SIDE * SIDE)
                if block.max() > 1:
                    raise DataError(f"{path}: imgs has the value {block.max()}; dSprites has only 0 and 1")
                packed[first : first + count] = np.packbits(block, axis=1)
            file.read(1)  # past the end, where zipfile compares the checksum
    return packed


def _read_header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran:
        raise ValueError("its rows are columns")
    return shape, dtype


def _latents_classes() -> np.ndarray:
    """(N, 6) int64: the constant colour, then the five factors' classes."""
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in SIZES), indexing="ij"), axis=-1).reshape(COUNT, -1)
    return np.concatenate([np.zeros((COUNT, 1), np.int64), grid], axis=1)


def check_out(path: Path) -> None:
    """Raise OptionError unless ``write`` can write to the path."""
    if path.suffix not in (".npy", ".npz"):
        raise OptionError("out", path, "the file's name must end in .npz (the original's arrays) or .npy (packed bits)")


def write(path: Path, progress: Callable[[int], object] = lambda images: None) -> None:
    """Draw the whole set into a file.

    Parameters
    ----------
    path : pathlib.Path
        The folder is made if needed. ``.npz`` gives the original's arrays, without the pickle that
        the original has as metadata; arrays with the names and sizes of the factors replace it. ``.npy``
        gives the packed bits, which minidecomp maps into memory once for all processes, if the file is called
        dsprites_packed.npy and its folder is --data-dir.
    progress : callable
        Called with the number of images written so far.

    Raises
    ------
    OptionError
        The path has another ending.
    Fault
        The file cannot be written.
    """
    check_out(path)
    make_folder(path.parent)
    packed = render(selection(None))
    if path.suffix == ".npy":
        write_file(path, lambda file: np.save(file, packed))
        progress(COUNT)
    else:
        write_file(path, lambda file: _write_original(file, packed, progress))


def _write_original(file: Any, packed: np.ndarray, progress: Callable[[int], object]) -> None:
    classes = _latents_classes()
    values = np.stack([np.ones(COUNT), *(v[classes[:, i + 1]] for i, v in enumerate(VALUES))], axis=1)
    arrays = {
        "latents_values": values,
        "latents_classes": classes,
        "latents_names": np.array(["color", *NAMES]),
        "latents_sizes": np.array([1, *SIZES]),
        "title": np.array("dSprites, drawn anew by minidecomp"),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("imgs.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (COUNT, SIDE, SIDE)}
            np.lib.format.write_array_header_1_0(member, header)
            for first in range(0, COUNT, BLOCK):
                member.write(np.unpackbits(packed[first : first + BLOCK], axis=1).tobytes())
                progress(min(first + BLOCK, COUNT))
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def fetch(folder: str | Path | None = None, progress: Callable[[str], object] = lambda line: None) -> Path:
    """Download the original, 26 MB, and read it once from end to end.

    Parameters
    ----------
    folder : path or None
        Where to put it; without it, the user's cache.
    progress : callable
        Called with a line of text.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    Fault
        The network or the disk failed, or the download is not the expected file. No partial file is left behind.
    """
    target = (folders.cache() / "dsprites" if folder is None else Path(folder)) / FILE

    def fault(content: bytes) -> str:
        if hashlib.sha1(content).hexdigest() != SHA1 and hashlib.md5(content).hexdigest() != MD5:
            return f"is not the published file (neither SHA-1 {SHA1} nor MD5 {MD5})"
        return ""

    folders.fetch_file(URL, target, MOST_BYTES, fault, progress)
    return target.parent


def where() -> str:
    """Where ``load`` finds the images, in words for the terminal."""
    path = find()
    return "drawn when it is loaded" if path is None else os.fspath(path)


SOURCE = DataSource(
    name="dsprites",
    load=lambda o: load(o.data_dir, o.factors, o.limit, o.data_seed),
    options=(
        DATA_DIR,
        FACTORS,
    ),
    # The fully connected model of the beta-VAE paper (Higgins et al., 2017), in place of the paper's convolutions.
    defaults={
        "prior": "gaussian",
        "likelihood": "bernoulli",
        "regulariser": "mmd",
        "latent_dim": 10,
        "hidden": (1200, 1200),
        "decoder_hidden": (1200, 1200, 1200),
        "decoder_activation": "tanh",
        "scale_link": "exp",
        "epochs": 20,
        "batch_size": 64,
        "lr": 5e-4,
    },
    limits_itself=True,
    available=lambda: Available("dsprites", True, where(), COUNT, TEST_COUNT, SIDE * SIDE),
    fetch=fetch,
    fetch_note="26 MB; optional, minidecomp can draw it",
)
