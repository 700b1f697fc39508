"""The work with minidecomp's GPU engine. ``train`` and ``encode`` end with copying their results to the host."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidecomp
from minidecomp import resolve
from minidecomp._core import codes
from minidecomp.engines.device import Call, CupyDevice, Device
from minidecomp.engines.gpu_step import WEIGHT, GpuStep
from minidecomp.engines.probe import describe
from minidecomp.model import from_options
from minidecomp.objective import objective_from

from . import with_minidecomp
from .arrays import read


def version() -> str:
    return f"minidecomp {minidecomp.__version__} on {describe()}"


class Step(with_minidecomp.Step):
    engine_name = "gpu"

    def run(self, units: int) -> None:
        """As in ``minidecomp train``, the orders are copied to the device once for many steps."""
        if len(self.order) < units * self.batch:
            epochs = -(-units * self.batch // len(self.data))
            self.order = self.engine.permutations(len(self.data), 0, 0, epochs).reshape(-1)
        super().run(units)


class Encode(with_minidecomp.Encode):
    engine_name = "gpu"


class Mmd:
    """The regulariser alone, with its kernels."""

    def __init__(
        self, settings: dict[str, Any], arrays: dict[str, np.ndarray], threads: int, device: Device | None = None
    ):
        options = resolve(settings["options"], engine="gpu")
        z, prior_sample = arrays["eps"], arrays["prior_sample"]
        self.device = device or CupyDevice(np.float32)
        with self.device.queue:
            step = GpuStep(from_options.vae(options, 2), objective_from(options), len(z), self.device)
            step.arrays["z"][...], step.arrays["sample"][...] = self.device.array(z), self.device.array(prior_sample)
            numbers = np.zeros(codes.NUMBER_COUNT)
            numbers[WEIGHT][2] = 1
            step.numbers[...] = self.device.array(numbers, np.float64)
            self.calls, self.parts = step._mmd(len(z))
            self.d_z, self.value = step.arrays["d_z"], step.arrays["regulariser"]
        self.graph: Call | None = None

    def check(self, out: str) -> dict[str, float]:
        with self.device.queue:
            self.d_z[...] = 0
            for call in self.calls:
                call()
        np.savez(out, z=self.device.to_host(self.d_z))
        return {"regulariser": float(self.device.to_host(self.value)[: self.parts].sum(dtype=np.float64))}

    def run(self, units: int) -> None:
        """One launch for each unit, as in training, which replays CUDA graphs; the gradients add up."""
        with self.device.queue:
            self.graph = self.graph or self.device.graph(self.calls)
            for _ in range(units):
                self.graph()
            self.device.to_host(self.value)


def load(path: str, threads: int) -> Step | Mmd:
    settings, arrays = read(path)
    return {"step": Step, "mmd": Mmd, "encode": Encode}[settings["work"]](settings, arrays, threads)
