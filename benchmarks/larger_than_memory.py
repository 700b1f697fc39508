"""``python -m benchmarks.larger_than_memory``: train on a file several times larger than the allowed memory."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np

from minidecomp import memory
from minidecomp.data.arrays import read
from minidecomp.data.feed import Feed
from minidecomp.data.on_disk import OnDisk

from .workers import ROOT, environment

OPTIONS = ["--epochs", "1", "--batch-size", "512", "--latent-dim", "10", "--quiet", "--no-plots"]
BLOCK = 1 << 25  # bytes written at once


@click.command()
@click.option("--limit", type=click.FloatRange(0.5), default=1.0, show_default=True, help="The memory limit in GB.")
@click.option("--times", type=click.FloatRange(1), default=5.0, show_default=True, help="The file size in limits.")
@click.option("--width", type=click.IntRange(1), default=1024, show_default=True, help="How many numbers a point has.")
@click.option("--hidden", default="100", show_default=True, help="Like --hidden of minidecomp train.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder on the disk to measure.  [default: temporary files]",
)
def main(limit: float, times: float, width: int, hidden: str, folder: Path | None) -> None:
    """Train for an epoch on a float32 file with a limit on memory (ulimit -v), and for comparison in memory.

    Both begin with a file that is no longer in the system's cache. The files are deleted afterwards.
    """
    with tempfile.TemporaryDirectory(dir=folder) as made:
        large, small = Path(made, "large.npy"), Path(made, "small.npy")
        rows, few = (int(size / (4 * width)) for size in (limit * times * 1e9, limit * 1e9 / 5))
        write(large, rows, width)
        write(small, few, width)
        click.echo(f"{large.stat().st_size / 1e9:.2f} GB, {rows} points of {width} float32; limit {limit:g} GB")
        for name, points, bound in (
            ("from the disk, limited", large, limit * 1e9),
            ("in memory, 1/25 of it", small, 0),
        ):
            forget(points)
            seconds, epoch, peak = train(points, Path(made, points.stem), hidden, int(bound))
            trained = 0.9 * (rows if points is large else few)
            click.echo(
                f"{name}: {epoch:.1f} s per epoch, {trained / epoch:,.0f} points/s; the command took {seconds:.1f} s, "
                f"peak {peak / 1e9:.2f} GB"
            )
        forget(large)
        rate = read_in_random_order(large)
        click.echo(f"reading alone, in random order: {rate / (4 * width):,.0f} points/s, {rate / 1e9:.2f} GB/s")


def write(path: Path, rows: int, width: int) -> None:
    """A .npy file of noise."""
    random, step = np.random.default_rng(0), max(1, BLOCK // (4 * width))
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, rows, step):
            file.write(random.standard_normal((min(step, rows - first), width), np.float32).data)
        file.flush()
        os.fsync(file.fileno())


def forget(path: Path) -> None:
    """Ask the system to drop the file from its cache."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _limited(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def train(data: Path, out: Path, hidden: str, limit: int) -> tuple[float, float, int]:
    """The seconds that the command and its epoch take, and its peak resident memory in bytes."""
    command = [sys.executable, "-m", "minidecomp", "train", "--data", str(data), "--hidden", hidden, *OPTIONS]
    before: Callable[[], None] | None = partial(_limited, limit) if limit else None
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, env=environment(), preexec_fn=before, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise click.ClickException(f"the command failed ({process.returncode})")
    with open(out / "metrics.csv", newline="") as file:
        epoch = float(list(csv.DictReader(file))[-1]["seconds"])
    return time.perf_counter() - begun, epoch, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def read_in_random_order(data: Path) -> float:
    """Bytes per second when read in the way training reads them."""
    memory.room_for_points = lambda: 0.0
    points = read(data).values
    assert isinstance(points, OnDisk)
    order = np.random.default_rng(0).permutation(len(points))
    begun, row = time.perf_counter(), 0
    with Feed(points, 512) as feed:
        while row < len(points):
            row += len(feed.take(order, row, len(points))[1])
    return points.shape[0] * points.files.row_bytes / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
