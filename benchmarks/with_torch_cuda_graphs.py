"""The work with PyTorch on a GPU, with each unit captured once as a CUDA graph and then replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from . import with_torch
from .arrays import read
from .with_torch_cuda import version

__all__ = ["load", "version"]

WARM_UP = 3  # runs on a side stream before a capture, as PyTorch's documentation requires


def captured(work: Callable[[], Any]) -> tuple[torch.cuda.CUDAGraph, Any]:
    """The graph of one run of ``work``, and what the run returned, which each replay overwrites."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph, result


class Step(with_torch.Step):
    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        super().__init__(settings, arrays, "cuda", fused=True, capturable=True)
        self.rows = self.next_rows().clone()
        self.graph: torch.cuda.CUDAGraph | None = None  # made after `check`, because it would change the step there

    def run(self, units: int) -> None:
        if self.graph is None:
            self.adam.zero_grad()
            self.graph, _ = captured(lambda: self.step(self.rows))
        for _ in range(units):
            self.rows.copy_(self.next_rows())
            self.graph.replay()
        torch.cuda.synchronize()


class Mmd(with_torch.Mmd):
    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        super().__init__(settings, arrays, "cuda")
        self.graph, _ = captured(lambda: torch.autograd.grad(with_torch.mmd(self.x, self.z), self.z))

    def run(self, units: int) -> None:
        for _ in range(units):
            self.graph.replay()
        torch.cuda.synchronize()


class Encode(with_torch.Encode):
    def __init__(self, settings: dict[str, Any], arrays: dict[str, np.ndarray]):
        super().__init__(settings, arrays, "cuda")
        self.graph, self.result = captured(self.encode)

    def run(self, units: int) -> None:
        for _ in range(units):
            self.graph.replay()
            for part in self.result:
                part.cpu()


def load(path: str, threads: int) -> Step | Mmd:
    settings, arrays = read(path)
    return {"step": Step, "mmd": Mmd, "encode": Encode}[settings["work"]](settings, arrays)
