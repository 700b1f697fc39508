"""Read a problem's file; every contender uses it, and it needs only numpy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def read(path: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The settings and the arrays that ``problem.write`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return json.loads(str(arrays.pop("settings"))), arrays
