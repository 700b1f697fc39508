"""What compute-sanitizer watches: every reference case once, and a short training in each way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import reference_cases

from minidecomp import resolve
from minidecomp.engines import gpu_small
from minidecomp.engines.device import CupyDevice, Device
from minidecomp.engines.gpu import GpuEngine
from minidecomp.model import from_options
from minidecomp.model.optimizer import Adam
from minidecomp.objective import objective_from

WAYS = ("launches", "one launch")
Maker = Callable[[np.dtype], Device]


def cases(make: Maker, names: Sequence[str]) -> int:
    """The value and the gradient of each case; returns how many there were."""
    for name in names:
        _, vae, objective, x, draws = reference_cases.load(name, np.float32)
        engine = GpuEngine(vae, objective, max_rows=len(x), device=make(vae.dtype))
        values, gradient = engine.value_and_grad(x, draws)
        if not (np.isfinite(list(values.values())).all() and np.isfinite(gradient).all()):
            raise SystemExit(f"{name}: the value or the gradient is not finite")
    return len(names)


def training(make: Maker, regulariser: str, points: int = 300, epochs: int = 3) -> list[np.ndarray]:
    """The parameters after a short training in each way; batches of two sizes, so that epochs end in a smaller one."""
    return [_trained(make, regulariser, way, points, epochs) for way in WAYS]


def _trained(make: Maker, regulariser: str, way: str, points: int, epochs: int) -> np.ndarray:
    batch = points - points // 8
    options = resolve(prior="mixture", alpha=1.0, regulariser=regulariser, hidden=(12,), latent_dim=2, batch_size=batch)
    vae = from_options.vae(options, 6)
    device, fits = make(vae.dtype), gpu_small.fits
    gpu_small.fits = lambda *_: way == "one launch"
    try:
        engine = GpuEngine(vae, objective_from(options), max_rows=batch, device=device)
    finally:
        gpu_small.fits = fits
    data = np.random.default_rng(0).random((points, 6)).astype(np.float32)
    orders, totals = engine.permutations(points, 0, 0, epochs), np.zeros((epochs, 4))
    fault = engine.train(data, orders, batch, Adam.for_vector(vae.parameters.vector), 0, totals)
    if fault is not None:
        raise SystemExit(f"{regulariser} by {way}: {fault}")
    engine.encode(data)
    engine.pull()
    return vae.parameters.vector.copy()


def every_array_by_itself() -> None:
    """Without CuPy's pool, whose large blocks hide an access behind the end of an array."""
    import cupy

    cupy.cuda.set_allocator(None)


if __name__ == "__main__":
    every_array_by_itself()
    print(f"{cases(CupyDevice, reference_cases.NAMES)} reference cases", flush=True)
    for each in sys.argv[1:] or ("mmd", "kl-inc"):
        training(CupyDevice, each)
        print(f"trained with {each}", flush=True)
