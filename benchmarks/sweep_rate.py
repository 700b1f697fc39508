"""How many small runs a sweep finishes in a second: the pinwheel with 20 epochs, on this machine's own cores.

``python -m benchmarks.sweep_rate --runs 1000``
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from minidecomp.errors import counted
from minidecomp.settings.options import cores

from .workers import ROOT, environment

OPTIONS = ["--data", "pinwheel", "--prior", "mixture", "--epochs", "20"]
SEEDS = 1000  # at most, for one value of beta


def grid(runs: int) -> list[str]:
    """The options of a sweep with this many runs."""
    seeds = next(count for count in range(min(runs, SEEDS), 0, -1) if runs % count == 0)
    betas = ",".join(str(1 + number / 100) for number in range(runs // seeds))
    return [*OPTIONS, "--seeds", str(seeds), "--beta", betas]


def measure(runs: int, folder: Path) -> dict[str, float]:
    """Seconds of a new sweep, and of its resumption when all is finished, from the commands' start to their end.

    Returns
    -------
    dict of str to float
        ``runs_per_second``; ``seconds`` and ``resume_seconds``; ``cpu_seconds`` and ``resume_cpu_seconds``, the
        processors' time of each command.
    """
    sweep = str(folder / "sweep")
    seconds, cpu = _timed(["sweep", *grid(runs), "--out", sweep, "--quiet"])
    again, again_cpu = _timed(["sweep", "--resume", sweep, "--quiet"])
    return {
        "runs_per_second": runs / seconds,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "resume_seconds": again,
        "resume_cpu_seconds": again_cpu,
    }


def _timed(arguments: list[str]) -> tuple[float, float]:
    """The seconds of a command, and its processor time."""
    begun, before = time.perf_counter(), _cpu_seconds()
    command = [sys.executable, "-m", "minidecomp", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun, _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
@click.option("--runs", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="How many runs.")
def main(runs: int) -> None:
    """Print the runs per second of a sweep of the pinwheel at 20 epochs, and the seconds to resume it when finished."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(runs, Path(folder))
    each = 1000 * found["cpu_seconds"] / runs
    click.echo(f"{counted(runs, 'run')} on {counted(cores(), 'core')}: {found['runs_per_second']:.1f} runs per second")
    click.echo(f"processor time of each run: {each:.1f} ms")
    click.echo(f"resumed when finished: {found['resume_seconds']:.1f} s")


if __name__ == "__main__":
    main()
