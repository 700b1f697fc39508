"""Images side by side, as one picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def grey_range(data: np.ndarray) -> tuple[float, float]:
    """The values that are black and white in images: 0 and 1 if the data keep to them."""
    low, high = float(data.min()), float(data.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def mosaic(images: np.ndarray, image_shape: tuple[int, ...], columns: int) -> np.ndarray:
    """Images (n, dx) side by side in rows, with narrow gaps of NaN, which is drawn white.

    Of shape (rows, columns), or (rows, columns, channels) for images of 3 or 4 channels.
    """
    height, width, *channels = image_shape
    gap = max(1, width // 14)
    rows = math.ceil(len(images) / columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *channels), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image.reshape(image_shape)
    return canvas


def as_pixels(canvas: np.ndarray, grey: tuple[float, float]) -> np.ndarray:
    """A mosaic as bytes: from ``grey[0]``, black, to ``grey[1]``, white or full colour; NaN is white."""
    low, high = grey
    share = np.clip((canvas - low) / (high - low if high > low else 1.0), 0, 1)
    return np.where(np.isnan(share), 255, np.round(255 * np.nan_to_num(share))).astype(np.uint8)


def mosaic_height(canvas: np.ndarray, across: float) -> float:
    """Inches for square pixels, within limits that suit a page."""
    return float(np.clip(across * canvas.shape[0] / canvas.shape[1], 0.5, 8))


def draw_mosaic(axes: Axes, canvas: np.ndarray, grey: tuple[float, float]) -> None:
    """Draw a mosaic on axes, without ticks or frame; ``grey`` holds the values of black and of white or full colour."""
    if canvas.ndim == 3:
        axes.imshow(as_pixels(canvas, grey), interpolation="nearest")
    else:
        axes.imshow(canvas, cmap="gray", interpolation="nearest", vmin=grey[0], vmax=grey[1])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
