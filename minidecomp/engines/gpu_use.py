"""What the GPU engine does with whole data sets besides training: terms, log weights, encoding, decoding.

The data go to the device once, and the results stay there until the last batch is done. For a batch size, a batch is
always the same list of calls: its place in the data and the step of its draws come from a plan on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .._core.codes import BIT_DATA, BYTE_DATA, REAL_DATA, TERMS
from ..data.points import Bits, Points
from .device import Call, Device
from .gpu_coder import Coder, decoder, encoder
from .gpu_step import STATE, DevicePoints, GpuStep
from .rules import least_points

PART_BYTES = 2**28  # of data, or of results, on the device at once

T = TypeVar("T")


def upload(device: Device, points: Points) -> DevicePoints:
    """Points in the device's memory, stored as on the host."""
    if isinstance(points, Bits):
        return DevicePoints(device.array(points.packed, np.uint8), BIT_DATA)
    if points.dtype == np.uint8:
        return DevicePoints(device.array(points, np.uint8), BYTE_DATA)
    return DevicePoints(device.array(points), REAL_DATA)


class GpuUse:
    """The arrays and calls for using a model. Everything is kept for the next call.

    Terms and log weights use the working arrays of the training step; the encoder and the decoder have their own, made
    when they are first needed.

    Parameters
    ----------
    step : GpuStep
        The training step. Its parameters are used.
    """

    def __init__(self, step: GpuStep):
        zeros, self._trained, self._device = step.device.zeros, step, step.device
        # Training has its own state and its own order.
        self._step = copy(step)
        self._step.state, self._step.numbers = zeros(len(STATE), dtype=np.int64), zeros(step.numbers.size, dtype=float)
        self._step.arrays = step.arrays | {"state": self._step.state, "numbers": self._step.numbers}
        self.data: Points | None = None  # the last data, and their copy on the device
        self.points: DevicePoints | None = None
        self._rooms: dict[str, Any] = {}  # arrays for plans and results, which grow
        self._made: dict[Any, tuple[Any, tuple[Any, ...]]] = {}  # calls, and the rooms and data that they work on

    # ---- what all need ----

    def _once(self, key: Any, make: Callable[[], T], *works_on: Any) -> T:
        """What ``make`` gives, until one of the rooms and data that it works on is replaced."""
        if key not in self._made:
            self._made[key] = make(), works_on
        made: T = self._made[key][0]
        return made

    def _forget(self, replaced: Any) -> None:
        """Forget the calls that work on something that is to be replaced, so that its memory is free."""
        self._made = {key: known for key, known in self._made.items() if all(each is not replaced for each in known[1])}

    def _room(self, name: str, count: int, dtype: Any = None) -> Any:
        """An array of at least ``count`` numbers, which replaces a smaller one."""
        if name not in self._rooms or self._rooms[name].size < count:
            self._forget(self._rooms.pop(name, None))
            self._rooms[name] = self._device.zeros(1 << (count - 1).bit_length(), dtype=dtype)
        return self._rooms[name]

    def _take(self, data: Points, trained: DevicePoints | None) -> DevicePoints:
        """The data's copy on the device: that of training, the last one, or a new one in its place."""
        if data is not self.data or self.points is None:
            self._forget(self.points)
            self.data = self.points = None
            self.points = upload(self._device, data) if trained is None else trained
            self.data = data
        return self.points

    def _plan(self, seed: int, firsts: Any, steps: Any, order: np.ndarray | None = None) -> None:
        """Copy to the device where each of the next batches begins in the order, and the step of its draws."""
        state, plan = np.zeros(len(STATE), np.int64), np.empty((len(firsts), 2), np.int64)
        state[STATE["seed"]], state[STATE["fault"]] = np.uint64(seed).view(np.int64), -1
        plan[:, 0], plan[:, 1] = firsts, np.array(steps, np.uint64).view(np.int64)
        if order is not None:
            self._step.order = self._room("order", len(order), np.int64)
            self._device.write(self._step.order[: len(order)], np.ascontiguousarray(order, np.int64))
        self._device.write(self._room("plan", plan.size, np.int64)[: plan.size], plan.ravel())
        self._device.write(self._step.state, state)

    def _next_batch(self) -> Call:
        plan = self._rooms["plan"]
        return self._once("next", lambda: self._step._launch("next_batch", (1, 1), 1, plan=plan), plan)

    def _over(self, kernel: str, width: int, room: str, stride: int = 0, **names: Any) -> Call:
        """A thread for each of a batch's ``width`` numbers in a room."""
        names |= {"width": width, "stride": stride, "room": self._rooms[room]}
        return self._once(
            (kernel, room, width, stride), lambda: self._step._over(kernel, width, **names), names["room"]
        )

    # ---- terms and log weights, in batches that training has room for ----

    def _terms(self, points: DevicePoints, B: int, regulariser: str | None, again: bool = False) -> list[Call]:
        """The terms of the next batch; ``again``: of the last one, with another regulariser than the one it had."""

        def bind() -> list[Call]:
            self._step._pair_weights = self._trained._pair_weights  # large, and shared with training
            if again:
                calls = self._step.with_another_regulariser(B, regulariser)
            else:
                calls, _ = self._step.values(points, B, regulariser)
            self._trained._pair_weights = self._step._pair_weights
            return calls

        return self._once((B, regulariser, again), bind, points, self._step.order)

    def values(
        self,
        data: Points,
        trained: DevicePoints | None,
        rows: np.ndarray | range,
        batch_size: int,
        seed: int,
        steps: Sequence[int],
        regularisers: Sequence[str | None],
    ) -> np.ndarray:
        """The terms (regularisers, batches, terms) of the batches of ``rows``, with the draws of a step for each batch.

        A batch is encoded and decoded once. A regulariser that needs more points than a batch has is left out, and its
        value means nothing.
        """
        values = np.empty((len(regularisers), len(steps), len(TERMS)))
        for start, some, order in _parts(data, rows, batch_size, values[:, 0].nbytes, trained is not None):
            points = self._take(some, trained)
            firsts, number = range(0, len(order), batch_size), start // batch_size
            found, own = values[:, number:][:, : len(firsts)].swapaxes(0, 1), steps[number:][: len(firsts)]
            room = self._room("values", found.size, np.float64)
            self._plan(seed, np.repeat(firsts, len(regularisers)), np.repeat(own, len(regularisers)), order)
            begin, keep = self._next_batch(), self._over("keep_values", len(TERMS), "values")
            for first in firsts:
                B = min(batch_size, len(order) - first)
                usable = [name if least_points(name) <= B else None for name in regularisers]
                # The first pass has a regulariser, if there is any, so that a sample of the prior is drawn.
                usable[0] = next(filter(None, usable), None)
                for i, name in enumerate(usable):
                    _run([begin, *self._terms(points, B, name, again=i > 0), keep])
            found[...] = self._device.to_host(room[: found.size]).reshape(found.shape)
        return values

    def log_weights_at_once(
        self, data: Points, trained: DevicePoints | None, batch_size: int, batches: Sequence[tuple[int, int]]
    ) -> int:
        """How many of the next ``batches`` one call of ``log_weights`` may take."""
        count = PART_BYTES // (8 * self._step.objective.samples * batch_size)
        if trained is None and not _is_small(data):
            end = batches[0][0] + PART_BYTES // _row_bytes(data)
            count = min(count, sum(first + batch_size <= end for first, _ in batches))
        return max(1, min(count, len(batches)))

    def log_weights(
        self,
        data: Points,
        trained: DevicePoints | None,
        batch_size: int,
        seed: int,
        batches: Sequence[tuple[int, int]],
    ) -> list[np.ndarray]:
        """The log weights (K, B) of batches of consecutive rows, each given by its first row and its draws' step."""
        K, start, stop = self._step.objective.samples, 0, len(data)
        if trained is None and not _is_small(data):
            start, stop = batches[0][0], min(stop, batches[-1][0] + batch_size)
            data = data[start:stop]
        points, stride = self._take(data, trained), K * batch_size
        room = self._room("log weights", stride * len(batches), np.float64)
        order = np.arange(stop - start)
        self._plan(seed, [first - start for first, _ in batches], [step for _, step in batches], order)
        sizes = [min(batch_size, stop - first) for first, _ in batches]
        for B in sizes:
            keep = self._over("keep_log_weights", K * B, "log weights", stride)
            _run([self._next_batch(), *self._terms(points, B, None), keep])
        weights = self._device.to_host(room[: stride * len(batches)]).reshape(len(batches), stride)
        return [each[: K * B].reshape(K, B) for each, B in zip(weights, sizes, strict=True)]

    # ---- encoding and decoding, always so many rows at once for a model's widths ----

    def encode(self, data: Points, trained: DevicePoints | None) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x), on the host."""
        coder = self._once("encoder", partial(encoder, self._step))
        found, rows = self._room_on_host(coder, len(data)), len(coder.x)
        for start, some, order in _parts(data, range(len(data)), rows, coder.row_bytes, trained is not None):
            points = self._take(some, trained)
            # The last batch is filled up with copies of its last row.
            padded = np.pad(order, (0, -len(order) % rows), mode="edge")
            self._make_room("encoder", coder, len(padded))
            firsts = range(0, len(padded), rows)
            self._plan(0, firsts, [0] * len(firsts), padded)
            gather = self._once("gather", partial(self._step.gather, points, coder.x, rows), points, self._step.order)
            self._run(coder, len(firsts), gather, self._keep("encoder", coder))
            self._read("encoder", [each[start : start + len(order)] for each in found])
        return found[0], found[1]

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim) for z (N, D), on the host."""
        coder = self._once("decoder", partial(decoder, self._step))
        z = np.ascontiguousarray(z, self._device.dtype)
        if z.ndim != 2 or z.shape[1] != coder.x.shape[1]:
            raise ValueError(f"z has shape {z.shape}, not (N, {coder.x.shape[1]})")
        (found,), rows = self._room_on_host(coder, len(z)), len(coder.x)
        at_once = max(1, PART_BYTES // coder.row_bytes // rows) * rows
        for start in range(0, len(z), at_once):
            part = z[start : start + at_once]
            batches = -(-len(part) // rows)
            self._make_room("decoder", coder, batches * rows)
            room = self._room("z", batches * coder.x.size)
            self._device.write(room[: part.size], part.ravel())
            self._plan(0, [0] * batches, [0] * batches)
            take = self._over("take_part", coder.x.size, "z", part=coder.x)
            self._run(coder, batches, take, self._keep("decoder", coder))
            self._read("decoder", [found[start : start + len(part)]])
        return found

    def _run(self, coder: Coder, batches: int, take: Call, keep: list[Call]) -> None:
        for _ in range(batches):
            _run([self._next_batch(), take, *coder.calls, *keep])

    def _room_on_host(self, coder: Coder, rows: int) -> list[np.ndarray]:
        return [np.empty((rows, each.shape[1]), self._device.dtype) for each in coder.results]

    def _make_room(self, name: str, coder: Coder, rows: int) -> None:
        for i, each in enumerate(coder.results):
            self._room(f"{name} {i}", rows * each.shape[1])

    def _keep(self, name: str, coder: Coder) -> list[Call]:
        """The calls that copy a batch's results to their places among those of all batches."""
        parts = enumerate(coder.results)
        return [self._over("keep_part", part.size, f"{name} {i}", part=part) for i, part in parts]

    def _read(self, name: str, found: list[np.ndarray]) -> None:
        for i, to in enumerate(found):
            to[...] = self._device.to_host(self._rooms[f"{name} {i}"][: to.size]).reshape(to.shape)


def _run(calls: list[Call]) -> None:
    for call in calls:
        call()


def _row_bytes(data: Points) -> int:
    width = data.shape[1]
    return width // 8 if isinstance(data, Bits) else width * data.dtype.itemsize


def _is_small(data: Points) -> bool:
    """Whether the data go to the device at once."""
    return len(data) * _row_bytes(data) <= PART_BYTES


def _parts(
    data: Points, rows: np.ndarray | range, multiple: int, result_bytes: int, there: bool
) -> Iterator[tuple[int, Points, np.ndarray]]:
    """The rows in parts, each with room for its results: the first one's place, points, and which of them, in order.

    The points are all the data, unless these are neither small nor on the device.
    """
    whole = there or _is_small(data)
    per_row = result_bytes if whole else max(result_bytes, _row_bytes(data))
    at_once = max(1, PART_BYTES // per_row // multiple) * multiple
    for first in range(0, len(rows), at_once):
        part = rows[first : first + at_once]
        if whole:
            yield first, data, np.asarray(part)
        else:
            some = data[part.start : part.stop] if isinstance(part, range) else data[part]
            yield first, some, np.arange(len(part))
