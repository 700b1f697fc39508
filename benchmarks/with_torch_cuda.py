"""The work with eager PyTorch on a GPU: data on the device, Adam in one fused kernel, synchronised at the end."""

from __future__ import annotations

import torch

from . import with_torch
from .arrays import read


def version() -> str:
    return f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}"


class Step(with_torch.Step):
    def run(self, units: int) -> None:
        super().run(units)
        torch.cuda.synchronize()


class Mmd(with_torch.Mmd):
    def run(self, units: int) -> None:
        super().run(units)
        torch.cuda.synchronize()


class Encode(with_torch.Encode):
    """The posteriors of all points, copied to the host."""

    def run(self, units: int) -> None:
        for _ in range(units):
            for part in self.encode():
                part.cpu()


def load(path: str, threads: int) -> Step | Mmd:
    settings, arrays = read(path)
    if settings["work"] == "mmd":
        return Mmd(settings, arrays, "cuda")
    return {"step": Step, "encode": Encode}[settings["work"]](settings, arrays, "cuda", fused=True)
