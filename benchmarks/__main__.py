"""``python -m benchmarks``: every row of the table, minidecomp and its peers in turn, on the CPU or on a GPU."""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from . import command, limits, machine, problem, report
from .rows import COMMAND, ROWS, Row
from .workers import ROOT, Worker, in_turn, largest_difference

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 2e-3  # relative to the largest entry, between float32 gradients summed in different orders


@click.command()
@click.option("--device", type=click.Choice(("cpu", "gpu")), default="cpu", show_default=True)
@click.option("--rows", metavar="NAME,NAME,..", help="Only these rows.")
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
    "--out",
    type=click.Path(path_type=Path),
    help="The JSON file.  [benchmarks/results/, cpu.json or the GPU's name, if all rows run]",
)
def main(device: str, rows: str | None, peers: str, repetitions: int, threads: int, out: Path | None) -> None:
    """Time minidecomp and its peers in turn on the same work, and print the ratios of the medians.

    On the CPU, the peers are PyTorch and JAX; on a GPU, they are minidecomp's CPU engine, PyTorch, and PyTorch with
    CUDA graphs.
    """
    names = [row.name for row in ROWS] + ([COMMAND.name, "scaling"] if device == "cpu" else [])
    chosen = [name.strip() for name in rows.split(",")] if rows else names
    for name in chosen:
        if name not in names:
            raise click.BadParameter(f"{name} is none of {', '.join(names)}", param_hint="--rows")
    ours = ["minidecomp"] if device == "cpu" else ["minidecomp_gpu", "minidecomp"]
    contenders = dict.fromkeys(ours, sys.executable)
    if Path(peers).is_file():
        contenders |= dict.fromkeys(["torch", "jax"] if device == "cpu" else ["torch_cuda", "torch_cuda_graphs"], peers)
    else:
        click.echo(
            f"{peers} is missing; the peers are left out; benchmarks/README.md says how to install them", err=True
        )
    result: dict[str, Any] = {"machine": machine.describe(), "threads": threads, "repetitions": repetitions}
    result["rows"] = []
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(name, python) for name, python in contenders.items()]
        result["limits"] = workers[0].ask(do="limits", threads=threads)
        result["machine"]["blas"] = result["limits"].pop("blas")
        click.echo(report.head(result))
        for row in ROWS:
            if row.name in chosen:
                result["rows"].append(_measure(row, workers, Path(folder), repetitions, threads))
                click.echo(report.line(result["rows"][-1]))
        for worker in workers:
            worker.close()
        result["versions"] = {worker.contender: worker.version for worker in workers}
        if COMMAND.name in chosen:
            result["rows"].append(command.measure(COMMAND, contenders, Path(folder), repetitions))
            click.echo(report.line(result["rows"][-1]))
    if "scaling" in chosen:
        worker = Worker("minidecomp", sys.executable)
        result["scaling"] = worker.ask(do="scaling", repetitions=repetitions)
        worker.close()
        click.echo(report.of_scaling(result["scaling"]))
    if out is None and chosen == names:
        name = "cpu" if device == "cpu" else re.sub(r"\W+", "-", result["machine"]["blas"].split(",")[0]).lower()
        out = RESULTS / f"{name}.json"
    if out is not None:
        out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        click.echo(f"results: {out}")


def _measure(row: Row, workers: list[Worker], folder: Path, repetitions: int, threads: int) -> dict[str, Any]:
    """Check that all contenders compute the same, then time them in turn."""
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
    times = in_turn(workers, repetitions)
    path.unlink()
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    measured: dict[str, Any] = {
        "name": row.name,
        "title": row.title,
        "note": settings["note"],
        "targets": {"torch": row.torch, "jax": row.jax, "torch_cuda": row.torch_cuda},
        "seconds": medians,
        "all_seconds": times,
        "differences": differences,
    }
    if row.work == "step":
        # Measure the limits together with the row, as a shared machine is not always equally fast.
        rates = workers[0].ask(do="limits", threads=threads)
        needed = limits.needed(settings)
        measured |= {"needed": needed, "limits": {kind: rates[kind] for kind in ("operations", "bytes")}}
        ours_took = medians[workers[0].contender]
        measured["share"] = {kind: needed[kind] / rates[kind] / ours_took for kind in measured["limits"]}
    return measured


if __name__ == "__main__":
    main()
