"""Images: which axes of an array are rows, columns and channels, and folders of image files."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, counted, either
from ..packages import pip_install

CHANNEL_COUNTS = (1, 3, 4)
FIRST, LAST = "first", "last"
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")

ImageShape = tuple[int, ...]  # (rows, columns), or (rows, columns, 3 or 4) in colour


def in_words(shape: ImageShape) -> str:
    """28 x 28, or 32 x 32 in 3 channels."""
    size = f"{shape[0]} x {shape[1]}"
    return size if len(shape) == 2 else f"{size} in {shape[2]} channels"


def channels_last(values: np.ndarray, name: str, channels: str = "") -> np.ndarray:
    """Images with their channels as the last axis; a single channel has no axis.

    Parameters
    ----------
    values : numpy.ndarray of shape (N, rows, columns), (N, rows, columns, C) or (N, C, rows, columns)
        C is 1, 3 or 4.
    name : str
        Name of the data in errors.
    channels : str
        ``first`` or ``last``; empty to detect it.

    Returns
    -------
    numpy.ndarray of shape (N, rows, columns) or (N, rows, columns, C)

    Raises
    ------
    DataError
        The axes have other sizes, or both the first and the last axis could be channels.
    """
    if values.ndim == 3:
        return values
    fits = {FIRST: values.shape[1] in CHANNEL_COUNTS, LAST: values.shape[3] in CHANNEL_COUNTS}
    if not channels:
        if all(fits.values()):
            raise DataError(
                f"{name}: has shape {values.shape}, and the channels may be its first or its last axis; "
                "say `--channels first` or `--channels last`"
            )
        channels = FIRST if fits[FIRST] else LAST
    if not fits[channels]:
        raise DataError(f"{name}: has shape {values.shape}; images have 1, 3 or 4 channels as their {channels} axis")
    images = np.moveaxis(values, 1, 3) if channels == FIRST else values
    return images[..., 0] if images.shape[3] == 1 else images


def channels_that_fit(shape: tuple[int, ...], known: ImageShape | None) -> str:
    """``first`` or ``last``, if only one of them gives the images (N, ..) a known shape; otherwise empty."""
    if len(shape) != 4 or known is None:
        return ""
    wanted = known if len(known) == 3 else (*known, 1)
    fits = [name for name, axes in ((FIRST, (*shape[2:], shape[1])), (LAST, shape[1:])) if axes == wanted]
    return fits[0] if len(fits) == 1 else ""


def read_folder(path: str | Path, size: tuple[int, int] | None = None) -> tuple[np.ndarray, list[str], list[str]]:
    """All PNG and JPEG files of a folder, sorted by name; if there are none, those of its subfolders.

    Parameters
    ----------
    path : path
        The folder.
    size : (int, int), optional
        Resize each image to these rows and columns.

    Returns
    -------
    images : numpy.ndarray of shape (N, rows, columns) or (N, rows, columns, 3)
        uint8, or uint16 if all files are grey with 16 bits.
    notes : list of str
        Lines about what was left out or changed.
    names : list of str
        Names of the files, with a subfolder in front, such as cat/01.png.

    Raises
    ------
    DataError
        There are no images, one is damaged, their sizes differ, or Pillow is missing.
    """
    path = Path(path)
    visible = _visible(path)
    files = [file for file in visible if _is_image(file)]
    if not files:
        visible = [file for folder in visible if folder.is_dir() for file in _visible(folder)]
        files = [file for file in visible if _is_image(file)]
    if not files:
        raise DataError(f"{path}: the folder has no images; minidecomp reads {', '.join(IMAGE_ENDINGS)}")
    notes = []
    others = sum(file.is_file() for file in visible) - len(files)
    if others:
        notes.append(f"{path}: {counted(others, 'file')} left out; images must end in {either(IMAGE_ENDINGS)}")
    images = [_image(file, size) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            raise DataError(
                f"{path}: all images must have the same size; {files[0].relative_to(path)} has "
                f"{in_words(images[0].shape[:2])} pixels, {file.relative_to(path)} {in_words(image.shape[:2])}; "
                "`--resize ROWS,COLUMNS` makes them equal"
            )
    coloured = [image.ndim == 3 for image in images]
    if any(coloured) and not all(coloured):
        notes.append(f"{path}: {coloured.count(False)} grey images were read as colour images, like the others")
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images]
    depths = {image.dtype for image in images}
    if len(depths) > 1:
        raise DataError(f"{path}: all images must have the same depth; some have 8 bits per value, others 16")
    return np.stack(images), notes, [file.relative_to(path).as_posix() for file in files]


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if not file.name.startswith("."))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_ENDINGS and file.is_file()


def _image(file: Path, size: tuple[int, int] | None) -> np.ndarray:
    try:
        pillow: Any = import_module("PIL.Image")
        upright = import_module("PIL.ImageOps").exif_transpose
    except ImportError as error:
        raise DataError(
            f"{file}: reading images needs Pillow ({error.name or error}); {pip_install('minidecomp[images]')}"
        ) from None
    try:
        with pillow.open(file) as opened:
            image = upright(opened)
            image = _plain(image, pillow)
            if size is not None and image.size != size[::-1]:
                image = image.resize(size[::-1], pillow.Resampling.BOX)
            return np.array(image)
    except DataError:
        raise
    except Exception as error:  # Pillow's readers raise almost any exception for a damaged file
        told = " ".join(str(error).split())[:150]
        raise DataError(f"{file}: Pillow cannot read the image: {told}") from None


def _plain(image: Any, pillow: Any) -> Any:
    """The image in grey (8 or 16 bits) or RGB; transparent parts become white."""
    clear = "transparency" in image.info  # in one colour of a picture that has no such channel
    if image.mode in ("L", "I;16") and not clear:
        return image
    if image.mode in ("1", "LA", "PA", "P", "RGBA", "La", "RGBa") or (clear and image.mode in ("L", "RGB")):
        if image.mode == "1":
            return image.convert("L")
        full = image.convert("RGBA")
        if full.getextrema()[3][0] < 255:
            white = pillow.new("RGBA", full.size, (255, 255, 255, 255))
            full = pillow.alpha_composite(white, full)
        return full.convert("L" if image.mode in ("L", "LA", "La") else "RGB")
    if image.mode in ("RGB", "YCbCr", "CMYK", "HSV", "LAB"):
        return image.convert("RGB")
    if image.mode == "I":  # what some versions of Pillow make of 16 bits
        values = np.array(image)
        if values.min() >= 0 and values.max() <= 65535:
            return pillow.fromarray(values.astype(np.uint16))
    raise DataError(f"{image.filename}: expected an image in grey or colour; this one has Pillow's mode {image.mode}")
