"""The benchmark's rows and its report; nothing here depends on how long anything takes."""

import sys
from itertools import product
from pathlib import Path

import click
import numpy as np
import pytest

from minidecomp.data.points import Bits

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from benchmarks import command, pca, problem, repeating, report, sweep  # noqa: E402
from benchmarks.__main__ import MODULES, chosen_rows  # noqa: E402
from benchmarks.arrays import read  # noqa: E402
from benchmarks.rows import CPU_ROWS, ROWS, Row  # noqa: E402
from benchmarks.with_minidecomp import load  # noqa: E402

WORKERS = ("step", "mmd", "encode", "predict")


def of_row(times, note="", **given):
    return repeating.result(Row("name", "`work`", **given), times, note)


STEP = of_row({"minidecomp": [1e-3, 2e-3, 9e-3], "torch": [8e-3], "jax": [3e-3]}, torch=3, jax=2)
ALONE = of_row({"minidecomp": [50.0]}, seconds=45)
RATE = of_row({"minidecomp": [0.0125]}, "40 runs", rate=64, unit="runs")
FASTER = of_row({"minidecomp": [30.0], "numpy": [60.0]}, seconds=45)
RESULT = {"rows": [STEP, ALONE, RATE, FASTER], "machine": {"processor": "any"}, "repetitions": 3}


def test_lines_with_targets_for_ratios_times_and_rates():
    assert [report.line(row) for row in RESULT["rows"]] == [
        "`work`: 2 ms; PyTorch 8 ms, 4 x (target 3); JAX 3 ms, 1.5 x (target 2)",
        "`work`: 50 s (target 45 s)",
        "`work`: 80 runs/s (target 64 runs/s); 40 runs",
        "`work`: 30 s (target 45 s); NumPy 60 s, 2 x",
    ]


def test_the_targets_that_are_missed():
    assert [report.missed(row) for row in RESULT["rows"]] == [["JAX 1.5 x, target 2"], ["50 s, target 45 s"], [], []]
    slow = of_row({"minidecomp": [0.02]}, rate=64, unit="runs")
    assert report.missed(slow) == ["50 runs/s, target 64 runs/s"]
    assert report.of_targets({"rows": [RATE, slow]}) == "targets missed: name (50 runs/s, target 64 runs/s)"
    assert report.of_targets({"rows": [RATE, FASTER]}) == "all targets are met"


def test_the_table_has_a_dash_where_no_peer_took_part():
    assert report.markdown(RESULT).splitlines() == [
        "| work | minidecomp | PyTorch | JAX |",
        "| --- | --- | --- | --- |",
        "| `work` | 2 ms | 8 ms, **4 x** | 3 ms, **1.5 x** |",
        "| `work` | 50 s | - | - |",
        "| `work` | 80 runs/s | - | - |",
        "| `work` | 30 s | - | - |",
    ]


def test_the_picture_leaves_out_rows_without_peers(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, dpi: drawn.append(figure))
    report.picture(RESULT, str(tmp_path / "speed.png"))
    [axes] = drawn[0].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["work"]
    assert [text.get_text() for text in axes.texts] == ["4 x", "1.5 x"]


def test_rows_are_chosen_by_name_or_first_word():
    names = ["mmd", "start-help", "start-runs"]
    assert chosen_rows(None, names) == names
    assert chosen_rows("start, mmd", names) == ["start-help", "start-runs", "mmd"]
    with pytest.raises(click.BadParameter, match="star is none of mmd, start-help"):
        chosen_rows("star", names)


def test_every_row_can_be_measured():
    assert {row.work for row in ROWS + CPU_ROWS} <= {*WORKERS, *MODULES}
    assert {row.name for row in CPU_ROWS if row.work == "command"} == set(command.PREPARATIONS)
    assert all(bool(row.rate) == bool(row.unit) for row in ROWS + CPU_ROWS)
    few = Row("name", "work", most=3)
    assert [few.repetitions(wanted) for wanted in (1, 10)] == [1, 3] and ROWS[0].repetitions(10) == 10


def test_rounds_take_turns_and_the_first_is_not_counted():
    calls = []
    work = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = repeating.in_rounds(work, 2, lambda name: calls.append(f"before {name}"))
    assert calls == ["before a", "a", "before b", "b"] * 3
    assert {name: len(found) for name, found in times.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize("runs", [1, 7, 1000, 1500, 10_000])
def test_the_sweep_has_as_many_runs_as_asked(runs):
    given = dict(zip(*[iter(sweep.grid(runs))] * 2, strict=True))
    betas = given["--beta"].split(",")
    assert len(set(product(range(int(given["--seeds"])), betas))) == runs


def test_numpy_finds_the_same_principal_variances():
    packed = np.random.default_rng(0).integers(0, 256, (5000, 10), np.uint8)
    ours, theirs = (function(Bits(packed), 1) for function in pca.CONTENDERS.values())
    assert len(ours) == pca.COUNT and np.abs(ours - theirs).max() < pca.TOLERANCE * ours[0]


def test_single_predictions_are_those_of_the_problems_model(tmp_path):
    path, out = str(tmp_path / "problem.npz"), str(tmp_path / "out.npz")
    settings = problem.write(next(row for row in CPU_ROWS if row.work == "predict"), Path(path))
    assert list(settings["encoder_widths"]) == [784, 512, 512, 2 * 50]
    load(path, 1).check(out)
    _, arrays = read(path)
    h = arrays["data"]
    for i in range(3):
        h = h @ arrays[f"parameter.enc.{i}.W"] + arrays[f"parameter.enc.{i}.b"]
        h = np.where(h > 0, h, 0.2 * h) if i < 2 else h
    assert np.load(out)["loc"] == pytest.approx(h[:, :50], abs=1e-5)


@pytest.mark.slow
def test_commands_and_a_sweep_are_timed(tmp_path):
    setting = repeating.Setting({"minidecomp": sys.executable}, tmp_path, 1, 1, runs=2)
    for row in CPU_ROWS:
        if row.work in ("command", "sweep") and row.name != "command":
            found = MODULES[row.work].measure(row, setting)
            assert found["seconds"]["minidecomp"] > 0 and len(found["all_seconds"]["minidecomp"]) == 1
    assert found["note"].startswith("2 runs; when finished, resumed in ")
    with pytest.raises(SystemExit, match="ended with 2"):
        repeating.run(repeating.own_command("train", "--epochs", "-1"))
