"""The paper's experiments: their grids, the clustering one from start to end, and the others' figures on small runs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data.dataset import Dataset
from minidecomp.reproduction import EXPERIMENTS, clustering, estimate, independence, sparsity
from minidecomp.sweeps.folder import is_finished
from minidecomp.sweeps.grid import expand
from minidecomp.sweeps.local import run_all
from minidecomp.sweeps.work import Datasets


def test_grids_are_the_papers():
    runs = expand(clustering.blocks(False))
    assert [(e.options.beta, e.options.alpha) for e in runs[:4]] == [(0.01, 0), (0.5, 0), (1, 0), (1.2, 0)]
    assert [(e.options.beta, e.options.alpha) for e in runs[4:]] == [(0, 1), (0, 3), (0, 5), (0, 8)]
    assert {(e.options.epochs, e.options.batch_size, e.options.prior_variance_scale) for e in runs} == {
        (500, 400, 0.03)
    }
    full = expand(sparsity.blocks(False))
    assert len(full) == 30 and {e.options.epochs for e in full} == {80} and {e.options.gamma for e in full} == {0, 0.8}
    assert {e.options.epochs for e in expand(independence.blocks(False))} == {20}
    for experiment in EXPERIMENTS.values():
        assert len(expand(experiment.blocks(True))) <= 16


@pytest.mark.slow
def test_clustering_from_start_to_end(capsys):
    pytest.importorskip("matplotlib")
    assert main(["reproduce", "clustering"]) == 0
    out, err = capsys.readouterr()
    assert "8 runs; training will take about" in err
    assert "figure: reproductions/clustering/figures/clustering.png" in out and "the paper: with alpha = 0" in out
    assert "these runs: KL(p || q) with alpha = 0: " in out
    with open("reproductions/clustering/sweep.csv") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    # The figure's lower row, as numbers: the match to the prior gets better as alpha grows.
    match = [float(rows[f"beta0-alpha{alpha}"]["test.kl-inc"]) for alpha in (1, 3, 5, 8)]
    assert match == sorted(match, reverse=True) and match[-1] < 0.2
    before = {path: path.stat().st_mtime_ns for path in Path("reproductions").glob("*/*/checkpoint.npz")}
    assert main(["reproduce", "clustering", "-q"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in Path("reproductions").glob("*/*/checkpoint.npz")}


def test_sparsitys_figures(monkeypatch):
    """On a few random images of four classes."""
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 4
    images = rng.integers(0, 256, (80, 784), dtype=np.uint8)
    data = Dataset("fashion-mnist", images, images, labels, labels, sparsity.CLASSES, (28, 28))
    for module in ("sweeps.work", "reproduction.sparsity"):
        monkeypatch.setattr(f"minidecomp.{module}.dataset_from", lambda options: data)
    small = {"epochs": 1, "hidden": [8], "latent_dim": 6, "batch_size": 40}
    entries = expand([block | small for block in sparsity.blocks(True)])
    Path("s").mkdir()
    assert set(
        run_all(Path("s"), entries, metrics={entry.name: list(sparsity.METRICS) for entry in entries}).values()
    ) == {"finished"}
    names = sorted(path.name for path in sparsity.draw(Path("s"), entries))
    assert names[:2] == ["activity.png", "sparsity.png"] and names[2].startswith("traversal-z")


def test_a_student_t_priors_score_is_of_the_mapped_codes(monkeypatch):
    """As in the paper and docs/metrics.md; those of the other priors are of the codes as they are."""
    pytest.importorskip("matplotlib")
    entries = expand(independence.blocks(True))
    row = {"state": "finished", "test.log_likelihood": -90.0, "factor_vae": 0.25}
    rows = [row | {"prior": entry.options.prior} for entry in entries]
    for each in rows:
        if each["prior"] == "student-t":
            each["factor_vae.gaussian_quantiles"] = 0.75
    monkeypatch.setattr(independence, "table_rows", lambda folder, entries: rows)
    drawn = {}
    monkeypatch.setattr("minidecomp.figures.loss_against_score", lambda groups: drawn.update(groups))
    monkeypatch.setattr("minidecomp.figures.write_figure", lambda figure, out, name, formats: [])
    independence.draw(Path("s"), entries)
    scores = {kind: {score for points in groups.values() for _, score in points} for kind, groups in drawn.items()}
    assert scores.pop("Student-t") == {0.75}
    assert len(scores) == 3 and all(found == {0.25} for found in scores.values())


def test_a_student_t_run_is_finished_with_both_scores():
    """A kill between the two leaves the second to be made."""
    Path("s").mkdir()
    small = {
        "limit": 200,
        "epochs": 1,
        "hidden": [8],
        "latent_dim": 2,
        "factors": "shape=heart,scale=1,posX=0,posY=0..0.1",
    }
    entries = expand([{"data": "dsprites", "prior": "student-t"} | small])
    metrics = {entries[0].name: ["mig"]}
    assert set(run_all(Path("s"), entries, metrics=metrics).values()) == {"finished"}
    path = Path("s") / entries[0].name / "evaluation.json"
    whole = json.loads(path.read_text())
    cut = {name: value for name, value in whole.items() if name != "metrics_of_gaussian_quantiles"}
    path.write_text(json.dumps(cut))
    assert not is_finished(Path("s"), entries[0], ["mig"])
    assert set(run_all(Path("s"), entries, metrics=metrics).values()) == {"finished"}
    again = json.loads(path.read_text())
    assert again["metrics_of_gaussian_quantiles"] == whole["metrics_of_gaussian_quantiles"]


@pytest.mark.slow
def test_independences_figure():
    pytest.importorskip("matplotlib")
    small = {
        "limit": 500,
        "epochs": 1,
        "hidden": [16],
        "latent_dim": 4,
        "factors": "shape=heart,scale=1,orientation=0..1",
    }
    entries = expand([block | small for block in independence.blocks(True)])
    Path("s").mkdir()
    metrics = {entry.name: independence.METRICS for entry in entries}
    assert set(run_all(Path("s"), entries, metrics=metrics).values()) == {"finished"}
    assert [path.name for path in independence.draw(Path("s"), entries)] == ["independence.png"]


def test_an_estimate_adds_up(monkeypatch):
    """Steps of every run, shared by as many as train at once."""
    asked = []
    monkeypatch.setattr(estimate, "_seconds_a_step", lambda options, datasets, threads: asked.append(options) or 0.5)
    monkeypatch.setattr(estimate, "cores", lambda: 4)
    monkeypatch.setattr(estimate, "threads_of_each", lambda entries, datasets: 1)
    values = {"prior": "mixture", "points_per_arm": 50, "batch_size": 60, "epochs": 10}
    entries = expand([values | {"alpha": [1, 5], "hidden": [[5], [6]], "seeds": 2}])
    assert estimate.seconds(entries, Datasets()) == 8 * 10 * 4 * 0.5 / 4
    assert len(asked) == 2, "a model is timed once"


def test_what_the_runs_gave_is_one_line():
    rows = [{"alpha": 0.0, "beta": 0.5, "test.kl-inc": 1234.5}, {"alpha": 0.0, "beta": 1.0, "test.kl-inc": 5.0}]
    rows.append({"alpha": 8.0, "beta": 0.0, "test.kl-inc": 0.06})
    line = "KL(p || q) with alpha = 0: 1.23e+03 at beta 0.5, 5 at beta 1; with beta = 0: 0.06 at alpha 8"
    assert clustering.measured(rows) == line
    rows = [{"gamma": g, "beta": b, "alpha": 10.0, "hoyer": g / 2} for g in (0.8, 0.0) for b in (1.0, 5.0)]
    line = "Hoyer sparsity at beta 1, gamma 0.8: 0.40 at alpha 10; gamma 0: 0.00 at alpha 10"
    assert sparsity.measured(rows) == line
    kinds = [{"prior": "gaussian", "prior_variance": "pca", "learn_prior_variance": False, "factor_vae": 0.5}] * 2
    kinds.append({"prior": "student-t", "factor_vae": 0.9, "factor_vae.gaussian_quantiles": 0.75})
    rows = [row | {"test.log_likelihood": -10.0 * i} for i, row in enumerate(kinds, 1)]
    line = "best FactorVAE score of each prior: PCA 0.50 (loss 10.0), Student-t 0.75 (loss 30.0)"
    assert independence.measured(rows) == line


def test_a_step_is_timed():
    [entry] = expand([{"prior": "mixture", "points_per_arm": 10, "hidden": [5]}])
    assert estimate._seconds_a_step(entry.options, Datasets(), 1) > 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (80, "80 seconds"), (400, "6.7 minutes"), (9000, "2.5 hours"), (300000, "3.5 days")],
)
def test_durations(seconds, words):
    assert estimate.in_words(seconds) == f"about {words}"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            "reproduce colours",
            "unknown experiment 'colours'; the experiments are clustering, sparsity and independence",
        ),
        ("reproduce clustering --out other", "other: it exists and is not a sweep"),
        ("reproduce clustering --out grid", "grid: it belongs to another grid"),
        ("reproduce clustering --threads 0", "--threads must be a whole number"),
    ],
)
def test_wrong_use(args, message, capsys):
    Path("other").mkdir()
    Path("other/x").touch()
    Path("grid").mkdir()
    Path("grid/sweep.toml").write_text("alpha = [1, 2]\n")
    assert main([*args.split(), "-q"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"minidecomp: {message}") and err.count("\n") == 1
