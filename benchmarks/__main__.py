"""``python -m benchmarks``: every row of the table, minidecomp and its peers in turn, on the CPU or on a GPU."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from . import command, installation, limits, machine, pca, problem, report, sweep
from .repeating import Setting, result
from .rows import CPU_ROWS, ROWS, Row
from .workers import ROOT, Worker, in_turn, largest_difference

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 2e-3  # relative to the largest entry, between float32 gradients summed in different orders
MODULES = {"command": command, "install": installation, "sweep": sweep, "pca": pca}  # all other work has workers


@click.command()
@click.option("--device", type=click.Choice(("cpu", "gpu")), default="cpu", show_default=True)
@click.option(
    "--rows", metavar="NAME,NAME,..", help="Only these rows; start means start-help, start-runs, start-encode."
)
@click.option(
    "--peers",
    metavar="PYTHON",
    default=str(ROOT / ".venv-peers" / "bin" / "python"),
    show_default=".venv-peers/bin/python",
    help="The Python with the packages in benchmarks/requirements.txt.",
)
@click.option("--repetitions", type=click.IntRange(1), default=10, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option(
    "--runs", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="How many runs the sweep has."
)
@click.option("--limit", type=click.IntRange(100), help="How many dSprites images pca takes.  [default: all]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The JSON file.  [benchmarks/results/, cpu.json or the GPU's name, if all rows run without --limit]",
)
def main(
    device: str,
    rows: str | None,
    peers: str,
    repetitions: int,
    threads: int,
    runs: int,
    limit: int | None,
    out: Path | None,
) -> None:
    """Time minidecomp and its peers in turn on the same work, and print the ratios of the medians.

    On the CPU, the peers are PyTorch and JAX; on a GPU, they are minidecomp's CPU engine, PyTorch, and PyTorch with
    CUDA graphs.
    """
    every = ROWS + CPU_ROWS if device == "cpu" else ROWS
    names = [row.name for row in every] + (["scaling"] if device == "cpu" else [])
    chosen = chosen_rows(rows, names)
    ours = ["minidecomp"] if device == "cpu" else ["minidecomp_gpu", "minidecomp"]
    contenders = dict.fromkeys(ours, sys.executable)
    if Path(peers).is_file():
        contenders |= dict.fromkeys(["torch", "jax"] if device == "cpu" else ["torch_cuda", "torch_cuda_graphs"], peers)
    else:
        click.echo(
            f"{peers} is missing; the peers are left out; benchmarks/README.md says how to install them", err=True
        )
    measured: dict[str, Any] = {"machine": machine.describe(), "threads": threads, "repetitions": repetitions}
    measured["rows"] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        workers = [Worker(name, python) for name, python in contenders.items()]
        measured["limits"] = workers[0].ask(do="limits", threads=threads)
        measured["machine"]["blas"] = measured["limits"].pop("blas")
        click.echo(report.head(measured))
        setting = Setting(contenders, folder, repetitions, threads, runs, limit)
        for row in every:
            if row.name in chosen and row.work not in MODULES:
                measured["rows"].append(_measure(row, workers, setting))
                click.echo(report.line(measured["rows"][-1]))
        for worker in workers:
            worker.close()
        measured["versions"] = {worker.contender: worker.version for worker in workers}
        for row in every:
            if row.name in chosen and row.work in MODULES:
                measured["rows"].append(MODULES[row.work].measure(row, setting))
                click.echo(report.line(measured["rows"][-1]))
    if "scaling" in chosen:
        worker = Worker("minidecomp", sys.executable)
        measured["scaling"] = worker.ask(do="scaling", repetitions=repetitions)
        worker.close()
        click.echo(report.of_scaling(measured["scaling"]))
    click.echo(report.of_targets(measured))
    if out is None and chosen == names and limit is None:
        name = "cpu" if device == "cpu" else re.sub(r"\W+", "-", measured["machine"]["blas"].split(",")[0]).lower()
        out = RESULTS / f"{name}.json"
    if out is not None:
        out.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
        click.echo(f"results: {out}")


def chosen_rows(given: str | None, names: list[str]) -> list[str]:
    """The names of ``--rows``; the first word of a name stands for all that begin with it."""
    chosen = []
    for each in given.split(",") if given else names:
        found = [name for name in names if name == each.strip() or name.startswith(f"{each.strip()}-")]
        if not found:
            raise click.BadParameter(f"{each.strip()} is none of {', '.join(names)}", param_hint="--rows")
        chosen += found
    return chosen


def _measure(row: Row, workers: list[Worker], setting: Setting) -> dict[str, Any]:
    """Check that all contenders compute the same, then time them in turn."""
    folder, threads = setting.folder, setting.threads
    path = folder / f"{row.name}.npz"
    settings = problem.write(row, path)
    differences, ours = {}, None
    for worker in workers:
        worker.load(path, threads)
        values, arrays = worker.check(folder / f"{worker.contender}.npz")
        if ours is None:
            ours = values, arrays
            continue
        differences[worker.contender] = largest_difference(ours[1], arrays)
        close = all(abs(values[name] - ours[0][name]) <= 1e-4 * max(1, abs(ours[0][name])) for name in values)
        if not close or differences[worker.contender] > TOLERANCE:
            raise SystemExit(
                f"benchmarks: {row.name}: {worker.contender} has {values}, {workers[0].contender} {ours[0]}; "
                f"gradients differ by {differences[worker.contender]:.1e} of the largest"
            )
    times = in_turn(workers, setting.repetitions)
    path.unlink()
    measured = result(row, times, settings["note"]) | {"differences": differences}
    if row.work == "step":
        # Measure the limits together with the row, as a shared machine is not always equally fast.
        rates = workers[0].ask(do="limits", threads=threads)
        needed = limits.needed(settings)
        measured |= {"needed": needed, "limits": {kind: rates[kind] for kind in ("operations", "bytes")}}
        ours_took = measured["seconds"][workers[0].contender]
        measured["share"] = {kind: needed[kind] / rates[kind] / ours_took for kind in measured["limits"]}
    return measured


if __name__ == "__main__":
    main()
