"""The playground's images: hearts of dSprites, drawn by the core and made smaller."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ..data import dsprites

SIDE = 16
HEART = dsprites.SHAPES.index("heart")
SCALES, ORIENTATIONS, PLACES = (0, 2, 5), (0, 8, 16, 24, 32), (2, 11, 20, 29)  # classes of dSprites


def hearts() -> np.ndarray:
    """Zeros and ones (240, 16, 16), uint8: by scale, orientation, and position across and down, the last fastest.

    A pixel is 1 if at least half of its 4 x 4 pixels of dSprites are.
    """
    classes = tuple(np.array(each) for each in ((HEART,), SCALES, ORIENTATIONS, PLACES, PLACES))
    images = np.unpackbits(dsprites.render(classes), axis=1).reshape(-1, dsprites.SIDE, dsprites.SIDE)
    size = dsprites.SIDE // SIDE
    shares = images.reshape(-1, SIDE, size, SIDE, size).mean(axis=(2, 4))
    return (shares >= 0.5).astype(np.uint8)


def hearts_constant() -> dict[str, Any]:
    """What the page calls CONSTANTS.hearts: ``bits`` of all images in base64, ``count``, ``side`` and the ``scales``."""
    images = hearts()
    scales = [round(float(dsprites.VALUES[1][each]), 1) for each in SCALES]
    bits = base64.b64encode(np.packbits(images).tobytes()).decode()
    return {"bits": bits, "count": len(images), "side": SIDE, "scales": scales}
