"""Launching the same step many times: CUDA graphs of one step and of several."""

from __future__ import annotations

from collections.abc import Iterator

from .device import Call, Device

STEPS_A_GRAPH = 16


class Program:
    """The calls of a step, which have the same arguments each time.

    The first step is launched call by call, so that the libraries load what they need. From then on graphs replay it.
    """

    def __init__(self, device: Device, calls: list[Call]):
        self._device, self._calls = device, calls
        self._began = False
        self._graphs: dict[int, list[Call]] = {}

    def calls(self, steps: int) -> Iterator[Call]:
        """The calls that make so many steps."""
        if not self._began and steps > 0:
            self._began = True
            steps -= 1
            yield from self._calls
        for length in (STEPS_A_GRAPH, 1):
            times, steps = divmod(steps, length)
            for _ in range(times):
                yield from self._graph(length)

    def _graph(self, steps: int) -> list[Call]:
        """A graph of so many steps; where there are none, the calls themselves."""
        if steps not in self._graphs:
            calls = self._calls * steps
            graph = self._device.graph(calls)
            if graph is None:
                return calls
            self._graphs[steps] = [graph]
        return self._graphs[steps]
