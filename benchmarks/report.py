"""The README's table and picture: ``python -m benchmarks.report RESULT.json [PICTURE.png]``."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

PEERS = {
    "minidecomp": "minidecomp, CPU",
    "torch": "PyTorch",
    "jax": "JAX",
    "numpy": "NumPy",
    "torch_cuda": "PyTorch",
    "torch_cuda_graphs": "PyTorch, CUDA graphs",
}


def ours(row: dict[str, Any]) -> float:
    """Our time: that of the GPU engine if it took part."""
    return float(row["seconds"].get("minidecomp_gpu", row["seconds"].get("minidecomp")))


def peers(row: dict[str, Any]) -> list[str]:
    """The other contenders that took part."""
    on_gpu = "minidecomp_gpu" in row["seconds"]
    return [name for name in PEERS if name in row["seconds"] and (on_gpu or name != "minidecomp")]


def own(row: dict[str, Any]) -> str:
    """Our time, or the rate of a row that has a unit: 61.3 runs/s."""
    return f"{times(1 / ours(row))} {row['unit']}/s" if row.get("unit") else duration(ours(row))


def own_target(row: dict[str, Any]) -> tuple[str, float]:
    """The target for our own time or rate as text, and the longest time that meets it; no text if there is none."""
    targets = row["targets"]
    if targets.get("rate"):
        return f"{targets['rate']:g} {row['unit']}/s", 1 / targets["rate"]
    return (duration(targets["seconds"]), targets["seconds"]) if targets.get("seconds") else ("", math.inf)


def missed(row: dict[str, Any]) -> list[str]:
    """The targets that the row does not meet: our own, then those for the peers that took part."""
    text, longest = own_target(row)
    found = [f"{own(row)}, target {text}"] if ours(row) > longest else []
    for name in peers(row):
        ratio, target = row["seconds"][name] / ours(row), row["targets"].get(name)
        if target and ratio < target:
            found.append(f"{PEERS[name]} {times(ratio)} x, target {target:g}")
    return found


def of_targets(result: dict[str, Any]) -> str:
    """The targets that are missed, by row."""
    found = [f"{row['name']} ({each})" for row in result["rows"] for each in missed(row)]
    return f"targets missed: {'; '.join(found)}" if found else "all targets are met"


def duration(seconds: float) -> str:
    """A duration with three digits: 12.3 ms."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def times(ratio: float) -> str:
    """A ratio with three digits and no power of ten: 2.46, 24.6, 2,460."""
    return f"{ratio:.3g}" if ratio < 1000 else f"{float(f'{ratio:.3g}'):,.0f}"


def head(result: dict[str, Any]) -> str:
    m, rates = result["machine"], result["limits"]
    return (
        f"{m['processor']}, {result['threads']} threads, numpy {m['numpy']}\n"
        f"measured limits: {rates['operations'] / 1e9:.0f} GFLOP/s in products, {rates['bytes'] / 1e9:.1f} GB/s"
    )


def line(row: dict[str, Any]) -> str:
    """One row: times or rates, ratios, their targets, and shares of the limits."""
    text, _ = own_target(row)
    parts = [f"{row['title']}: {own(row)}" + (f" (target {text})" if text else "")]
    for name in peers(row):
        took, target = row["seconds"][name], row["targets"].get(name)
        aim = f" (target {target:g})" if target else ""
        parts.append(f"{PEERS[name]} {duration(took)}, {times(took / ours(row))} x{aim}")
    if "share" in row:
        shares = row["share"]
        parts.append(f"of the limits: products {shares['operations']:.0%}, memory {shares['bytes']:.0%}")
    if row.get("note"):
        parts.append(row["note"])
    return "; ".join(parts)


def of_scaling(values: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value:.3g}" for name, value in values.items() if isinstance(value, float))


def markdown(result: dict[str, Any]) -> str:
    """The README's table, with a column for each peer of the first row and a dash where it took no part."""
    names = peers(result["rows"][0])
    lines = ["| work | minidecomp | " + " | ".join(PEERS[name] for name in names) + " |"]
    lines.append("| --- " * (2 + len(names)) + "|")
    for row in result["rows"]:
        cells = [row["title"], own(row)]
        for name in names:
            took = row["seconds"].get(name)
            cells.append("-" if took is None else f"{duration(took)}, **{times(took / ours(row))} x**")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


COLOURS, HATCHES = ("#c1440e", "#9db4d9", "#3f5a1c"), ("", "////", "....")  # distinguishable in grey too


def picture(result: dict[str, Any], path: str) -> None:
    """How many times as long the peers take, on a logarithmic axis; bars begin at 1, equal time.

    Rows in which none of the first row's peers took part are left out.
    """
    from matplotlib.figure import Figure

    names = peers(result["rows"][0])
    rows = [row for row in result["rows"] if row["seconds"].keys() & set(names)]
    figure = Figure(figsize=(6.8, 0.8 + 0.42 * len(rows)), layout="constrained")
    axes, height = figure.subplots(), 0.8 / len(names)
    for i, name in enumerate(names):
        ratios = [row["seconds"].get(name, float("nan")) / ours(row) for row in rows]
        places = [at + 0.4 - height * (i + 0.5) for at in range(len(rows), 0, -1)]
        style = {"color": COLOURS[i], "hatch": HATCHES[i], "edgecolor": "0.25", "linewidth": 0.5}
        lengths = [ratio - 1 for ratio in ratios]
        axes.barh(places, lengths, height=0.9 * height, left=1, label=PEERS[name], **style)
        for at, ratio in zip(places, ratios, strict=True):
            axes.text(max(ratio, 1) * 1.04, at, f"{times(ratio)} x", va="center", fontsize=7)
    axes.set_yticks(range(len(rows), 0, -1), [row["title"].replace("`", "") for row in rows], fontsize=7)
    axes.set_xscale("log")
    every = [row["seconds"][name] / ours(row) for row in rows for name in names if name in row["seconds"]]
    low, high = min(1, 0.8 * min(every)), 2 * max(every)
    axes.set_xlim(low, high)
    axes.axvline(1, color="0.25", linewidth=0.8)
    axes.set_ylim(0.4, len(rows) + 0.6)
    ticks = [tick for tick in (0.01, 0.1, 1, 10, 100, 1000, 10_000) if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], fontsize=7)
    axes.set_xlabel("time relative to minidecomp (logarithmic; 1 = equal)", fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=len(names))
    machine = result["machine"]["processor"]
    figure.supxlabel(f"medians of {result['repetitions']} repetitions, {machine}", fontsize=6.5, color="0.3")
    figure.savefig(path, dpi=180)


if __name__ == "__main__":
    measured = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    print(markdown(measured))
    if len(sys.argv) > 2:
        picture(measured, sys.argv[2])
