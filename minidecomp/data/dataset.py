"""The form that every data set has once it is loaded."""

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
    """The ground truth of data that have one: a point for every combination of the factors' values.

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
        """How many values each factor has."""
        return tuple(len(values) for values in self.values)


@dataclass(frozen=True)
class Factors:
    """The factors of a person's own data: each point's class of each factor.

    Attributes
    ----------
    names : tuple of str
        A name for each factor.
    sizes : tuple of int
        How many classes each has, over all points.
    train, test : numpy.ndarray of shape (N, F)
        int64 classes from 0 of the training and of the test points.
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
    """SHA-256 of the training, the test and the validation points, hexadecimal; empty where it was not taken."""

    train: str = ""
    test: str = ""
    validation: str = ""


def named(labels: np.ndarray | None, class_names: Sequence[str]) -> np.ndarray | None:
    """Labels (N,) as the names of their classes, if these have any."""
    return np.array(class_names)[labels] if labels is not None and class_names else labels


@dataclass(frozen=True)
class Dataset:
    """The training, the test and the validation points of a data set, and what is known of them.

    Attributes
    ----------
    name : str
        ``pinwheel``, ``dsprites``, ``fashion-mnist``, or the file's name.
    train, test : Points of shape (N, dx)
        float64; or uint8, where a byte v stands for the intensity v / 255; or bits. C-contiguous, finite.
        On the disk, where memory has no room for them: ``train[rows]`` is then an array.
    train_labels, test_labels : numpy.ndarray of shape (N,) or None
        int64 classes from 0.
    class_names : tuple of str
        A name for each class; may be empty.
    image_shape : tuple of int or None
        Rows and columns, when a point is an image; and 3 or 4, the channels, in colour.
    source : str
        Where it came from, in words for the terminal.
    grid : Grid or None
        The factors of variation, where they are known.
    notes : tuple of str
        What was found out, or taken for no point, while they were read, a line each.
    feature_names : tuple of str
        A name for each number of a point; may be empty.
    scaling : Scaling or None
        How a person's numbers became these points; None where they are the same, or bytes.
    factors : Factors or None
        The factors that a person's file has for its points; a data set with a ``grid`` has none.
    test_index : numpy.ndarray of shape (N,) or None
        What tells each test point from the others of a person's file: the cell of its index, or its row, from 0.
    validation : Points of shape (N, dx) or None
        Those that are not trained on, but show how the training goes.
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
        """What each class of any point is called, by a number if it has no name; empty without labels."""
        known = [labels for labels in (self.train_labels, self.test_labels) if labels is not None and labels.size]
        if self.class_names or not known:
            return self.class_names
        return tuple(map(str, range(1 + max(int(labels.max()) for labels in known))))

    @property
    def data_dim(self) -> int:
        """dx, the numbers of a point."""
        return self.train.shape[1]

    def give(self, x: np.ndarray) -> np.ndarray:
        """Points (.., dx) of the model in the units of a person's data; those of bytes stay intensities v / 255."""
        return x if self.scaling is None else self.scaling.undo(x)

    def given(self, points: Points, dtype: Any) -> np.ndarray:
        """Some of the data set's points in the units of a person's data; in ``dtype``, if no scaling has to be undone.

        Scaled ones get their own digits: from float32, a 0 could come back as 6.57e-08.
        """
        if self.scaling is None:
            return as_numbers(points, dtype)
        return self.scaling.restore(as_numbers(points, np.float64))

    def digests(self) -> Digests:
        """The digests of the parts, which tell these points from others; they are taken once."""
        return self._digests

    @cached_property
    def _digests(self) -> Digests:
        validation = "" if self.validation is None else fingerprint(self.validation)
        return Digests(fingerprint(self.train), fingerprint(self.test), validation)
