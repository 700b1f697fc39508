"""How long ``DecompositionVAE.transform`` of one point takes, for a model 784-512-512-50: microseconds a call.

python -m benchmarks.single_prediction
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from minidecomp import DecompositionVAE

HIDDEN, LATENT_DIM, PIXELS = (512, 512), 50, 784
CALLS = 200


def fitted() -> tuple[DecompositionVAE, np.ndarray]:
    """A model that has seen a few points, and these (64, 784) in float32."""
    X = np.random.default_rng(0).random((64, PIXELS)).astype(np.float32)
    model = DecompositionVAE(
        hidden=HIDDEN, latent_dim=LATENT_DIM, likelihood="gaussian", epochs=1, batch_size=64, engine="cpu"
    )
    return model.fit(X), X


def microseconds(calls: int = CALLS) -> float:
    """The median over ``calls`` calls of ``transform`` with one point."""
    model, X = fitted()
    times = []
    for i in range(calls):
        point = X[i % len(X)][None]
        start = time.perf_counter()
        model.transform(point)
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


if __name__ == "__main__":
    print(f"transform of one point, {PIXELS}-512-512-{LATENT_DIM}: {microseconds():.0f} us")
