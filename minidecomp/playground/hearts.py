"""The playground's images: hearts from dSprites, drawn by the core and reduced in size."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ..data import dsprites

SIDE = 16
MIDDLE = slice(16, 48)  # of the 64 rows and columns: if all were kept, a small heart would shrink to three pixels
HEART = dsprites.SHAPES.index("heart")
SCALES, ORIENTATIONS, PLACES = (0, 2, 5), (0, 8, 16, 24, 32), (11, 14, 17, 20)  # classes of dSprites


def hearts() -> np.ndarray:
    """Zeros and ones (240, 16, 16), uint8, ordered by scale, orientation, and position across and down (fastest).

    They show the middle of the dSprites images; a pixel is 1 if at least half of the 2 x 2 pixels there are.
    """
    classes = tuple(np.array(each) for each in ((HEART,), SCALES, ORIENTATIONS, PLACES, PLACES))
    images = np.unpackbits(dsprites.render(classes), axis=1).reshape(-1, dsprites.SIDE, dsprites.SIDE)
    shares = images[:, MIDDLE, MIDDLE].reshape(-1, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    return (shares >= 0.5).astype(np.uint8)


def hearts_constant() -> dict[str, Any]:
    """The page's CONSTANTS.hearts: the ``bits`` of all in base64, their ``count``, ``side`` and ``scales``."""
    images = hearts()
    scales = [round(float(dsprites.VALUES[1][each]), 1) for each in SCALES]
    bits = base64.b64encode(np.packbits(images).tobytes()).decode()
    return {"bits": bits, "count": len(images), "side": SIDE, "scales": scales}
