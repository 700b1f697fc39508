# What popcount.pyx gives.

from collections.abc import Callable

import numpy as np

BLOCK: int  # points
MOST_HELD: int
VARIANTS: tuple[str, ...]

def add_second_moment(
    packed: np.ndarray,
    second: np.ndarray,
    threads: int,
    counted: Callable[[int], object] = ...,
    variant: str = ...,
    most_held: int = ...,
) -> None: ...
