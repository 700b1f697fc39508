"""The form of every loaded data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import counted, shown
from .points import Points, as_numbers, fingerprint
from .scaling import Scaling


@dataclass(frozen=True)
class Grid:
    """The ground truth of a data set with a point for every combination of the factors' values.

    Attributes
    ----------
    names : tuple of str
        A name for each factor.
    values : tuple of numpy.ndarray of shape (size,)
        The values of each factor.
    points : Points
        All combinations, the last factor fastest.
    """

    names: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    points: Points

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each factor."""
        return tuple(len(values) for values in self.values)


@dataclass(frozen=True)
class Factors:
    """The factors of your own data: the class of each point for each factor.

    Attributes
    ----------
    names : tuple of str
        A name for each factor.
    sizes : tuple of int
        Number of classes of each, over all points.
    train, test : numpy.ndarray of shape (N, F)
        int64 classes, from 0, of the training and test points.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    train: np.ndarray
    test: np.ndarray

    def digest(self) -> str:
        """SHA-256 of names and classes, hexadecimal."""
        digest = hashlib.sha256(json.dumps([self.names, self.train.shape, self.test.shape]).encode())
        for part in (self.train, self.test):
            digest.update(np.ascontiguousarray(part, "<i8"))
        return digest.hexdigest()


@dataclass(frozen=True)
class Digests:
    """SHA-256 of the training, test and validation points, in hexadecimal; empty if not computed."""

    train: str = ""
    test: str = ""
    validation: str = ""


def named(labels: np.ndarray | None, class_names: Sequence[str]) -> np.ndarray | None:
    """Labels (N,) as the names of their classes, if the classes have names."""
    return np.array(class_names)[labels] if labels is not None and class_names else labels


@dataclass(frozen=True)
class Dataset:
    """The training, test and validation points of a data set, and what is known about them.

    Attributes
    ----------
    name : str
        ``pinwheel``, ``dsprites``, ``fashion-mnist``, or the file's name.
    train, test : Points of shape (N, dx)
        float64; or uint8, where a byte v stands for the intensity v / 255; or bits. C-contiguous, finite.
        They stay on disk if memory has no room for them; ``train[rows]`` is then an array.
    train_labels, test_labels : numpy.ndarray of shape (N,) or None
        int64 classes from 0.
    class_names : tuple of str
        A name for each class; may be empty.
    image_shape : tuple of int or None
        Rows and columns if a point is an image, and 3 or 4 channels if it is coloured.
    source : str
        Where the data came from, in words for the terminal.
    grid : Grid or None
        The factors of variation, if they are known.
    notes : tuple of str
        Lines about what was detected or left out while reading.
    feature_names : tuple of str
        A name for each number of a point; may be empty.
    scaling : Scaling or None
        How the original numbers became these points; None if they are unchanged, or bytes.
    factors : Factors or None
        The factors that your own file has for its points; None for a data set with a ``grid``.
    test_index : numpy.ndarray of shape (N,) or None
        What identifies each test point in your own file: its cell in the index, or its row, from 0.
    validation : Points of shape (N, dx) or None
        Points that show how the training goes, and are not trained on.
    """

    name: str
    train: Points
    test: Points
    train_labels: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, ...] | None = None
    source: str = ""
    grid: Grid | None = None
    notes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    scaling: Scaling | None = None
    factors: Factors | None = None
    test_index: np.ndarray | None = None
    validation: Points | None = None

    def __repr__(self) -> str:
        counts = f"{len(self.train)} training and {len(self.test)} test points"
        return f"Dataset({shown(self.name)}, {counts} of {counted(self.data_dim, 'number')})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Name of each class, or its number if it has no name; empty without labels."""
        known = [labels for labels in (self.train_labels, self.test_labels) if labels is not None and labels.size]
        if self.class_names or not known:
            return self.class_names
        return tuple(map(str, range(1 + max(int(labels.max()) for labels in known))))

    @property
    def data_dim(self) -> int:
        """dx, the number of values of a point."""
        return self.train.shape[1]

    def give(self, x: np.ndarray) -> np.ndarray:
        """Points (.., dx) of the model in the original units; those of bytes stay intensities v / 255."""
        return x if self.scaling is None else self.scaling.undo(x)

    def given(self, points: Points, dtype: Any) -> np.ndarray:
        """Some of the points in the original units, and in ``dtype`` if no scaling has to be undone.

        Scaled points stay float64: from float32, a 0 could come back as 6.57e-08.
        """
        if self.scaling is None:
            return as_numbers(points, dtype)
        return self.scaling.restore(as_numbers(points, np.float64))

    def digests(self) -> Digests:
        """The digests of the parts, which identify the points; computed once."""
        return self._digests

    @cached_property
    def _digests(self) -> Digests:
        validation = "" if self.validation is None else fingerprint(self.validation)
        return Digests(fingerprint(self.train), fingerprint(self.test), validation)
