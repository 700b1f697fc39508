"""The principal variances of dSprites: minidecomp's count of bits, and NumPy's products of float32 and eigvalsh.

``python -m benchmarks.pca CONTENDER THREADS LIMIT`` prints the seconds and the variances as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

from minidecomp import resolve
from minidecomp.data import dataset_from
from minidecomp.data.points import Bits
from minidecomp.data.principal_variances import principal_variances

from .repeating import Setting, result
from .rows import Row
from .workers import ROOT, environment

COUNT = 64
BLOCK = 4096  # rows
TOLERANCE = 1e-4  # relative to the largest variance, as float32 sums


def with_minidecomp(points: Bits, threads: int) -> np.ndarray:
    """The largest variances, in falling order."""
    return principal_variances(points, COUNT, threads=threads)


def with_numpy(points: Bits, threads: int) -> np.ndarray:
    """The same from float32 numbers, unpacked a block at a time; NumPy's BLAS has its own number of threads."""
    width = points.shape[1]
    total, second = np.zeros(width), np.zeros((width, width), np.float32)
    for first in range(0, len(points), BLOCK):
        block = np.unpackbits(points.packed[first : first + BLOCK], axis=1).astype(np.float32)
        total += block.sum(0)
        second += block.T @ block
    mean = (total / len(points)).astype(np.float32)
    return np.linalg.eigvalsh(second / len(points) - np.outer(mean, mean))[: -COUNT - 1 : -1]


CONTENDERS = {"minidecomp": with_minidecomp, "numpy": with_numpy}


def measure(row: Row, setting: Setting) -> dict[str, Any]:
    """Seconds of each in turn, in a fresh process; reading or drawing the images is not counted."""
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    found: dict[str, list[float]] = {}
    for _ in range(row.repetitions(setting.repetitions)):
        for name in CONTENDERS:
            answer = _in_a_process(name, setting)
            times[name].append(answer["seconds"])
            found[name] = answer["variances"]
    ours, theirs = np.array(found["minidecomp"]), np.array(found["numpy"])
    if np.abs(ours - theirs).max() > TOLERANCE * ours[0]:
        raise SystemExit(f"benchmarks: {row.name}: NumPy has the variances {theirs}, minidecomp {ours}")
    return result(row, times, "" if setting.limit is None else f"only {setting.limit:,} images")


def _in_a_process(name: str, setting: Setting) -> dict[str, Any]:
    limit = [] if setting.limit is None else [str(setting.limit)]
    command = [sys.executable, "-m", "benchmarks.pca", name, str(setting.threads), *limit]
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main(name: str, threads: int, limit: int | None) -> None:
    """Time one contender once."""
    points = dataset_from(resolve(data="dsprites", limit=limit)).train
    assert isinstance(points, Bits)
    begun = time.perf_counter()
    variances = CONTENDERS[name](points, threads)
    print(json.dumps({"seconds": time.perf_counter() - begun, "variances": variances.tolist()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
