"""What every data set is once it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Training and test points with what is known of them.

    Attributes
    ----------
    name : str
        ``pinwheel``, ``fashion-mnist``, or the file's name.
    train, test : numpy.ndarray of shape (N, dx)
        float64, or uint8 where a byte v stands for the intensity v / 255. C-contiguous, finite.
    train_labels, test_labels : numpy.ndarray of shape (N,) or None
        int64 classes from 0.
    class_names : tuple of str
        A name for each class; may be empty.
    image_shape : (int, int) or None
        Rows and columns, when a point is an image.
    source : str
        Where it came from, in words for the terminal.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None
    source: str = ""

    @property
    def data_dim(self) -> int:
        return self.train.shape[1]
