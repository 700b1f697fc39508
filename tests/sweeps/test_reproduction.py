"""The paper's experiments: their grids, the clustering one from start to end, and the others' figures on small runs."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data.dataset import Dataset
from minidecomp.reproduction import EXPERIMENTS, claims, clustering, estimate, independence, paired, sparsity, table
from minidecomp.sweeps.folder import begin_sweep, is_finished
from minidecomp.sweeps.grid import expand
from minidecomp.sweeps.local import run_all
from minidecomp.sweeps.work import Datasets
from minidecomp.terms.priors.mixture import Mixture

KEPT = Path(__file__).parents[2] / "docs" / "tables"


def test_grids_are_the_papers():
    runs = expand(clustering.blocks("full", 1))
    correct = [e.options for e in runs if e.options.log_prior_multiplier == 1]
    assert [(o.beta, o.alpha) for o in correct[:4]] == [(0.01, 0), (0.5, 0), (1, 0), (1.2, 0)]
    assert [(o.beta, o.alpha) for o in correct[4:]] == [(0, 1), (0, 3), (0, 5), (0, 8)]
    assert {(e.options.epochs, e.options.batch_size, e.options.prior_variance_scale) for e in runs} == {
        (500, 400, 0.03)
    }
    assert len(runs) == 12, "the authors' KL is another KL only where there is a KL"
    full = expand(sparsity.blocks("full", 1))
    assert len(full) == 30 + 24, "alpha 0 has nothing to warm up"
    assert {e.options.epochs for e in full} == {80} and {e.options.gamma for e in full} == {0, 0.8}
    assert {e.options.image_size for e in full} == {32}
    assert {e.options.epochs for e in expand(independence.blocks("full", 5))} == {20}
    for experiment in EXPERIMENTS.values():
        assert len(expand(experiment.blocks("quick", experiment.forms["quick"]))) <= 18


def test_the_medium_grid_of_independence_goes_seed_by_seed():
    runs = [e.options for e in expand(independence.blocks("medium", 16))]
    assert len(runs) == 5 * (16 + 8) and {(o.epochs, o.hidden, o.limit) for o in runs} == {(2, (256, 256), None)}
    assert [(o.beta, o.seed) for o in runs[::5]] == [(1, s) for s in range(16)] + [(4, s) for s in range(8)]
    kinds = {
        (o.prior, o.prior_variance, o.learn_prior_variance, o.df if o.prior == "student-t" else 0) for o in runs[:5]
    }
    assert len(kinds) == 5


@pytest.mark.slow
def test_clustering_from_start_to_end(capsys):
    pytest.importorskip("matplotlib")
    assert main(["reproduce", "clustering", "--seeds", "3"]) == 0
    out, err = capsys.readouterr()
    assert "36 runs; training will take about" in err
    folder = Path("reproductions/clustering")
    assert f"figure: {folder}/figures/clustering.png" in out and f"table: {folder}/clustering.csv" in out
    assert "36 runs, 3 seeds each; medians over the seeds" in out
    lines = [line.split() for line in out.splitlines()]
    [improves] = [i for i, line in enumerate(lines) if line[:4] == ["The", "match", "improves", "as"]]
    decided, by, *steps = lines[improves + 2][:5]
    assert (decided, by) == ("open", "by"), "three seeds decide nothing"
    assert all(float(step.rstrip(",")) > 0.3 for step in steps), "but the match improves with alpha"
    entries = expand(clustering.blocks("full", 3))
    rows = table.read(EXPERIMENTS["clustering"], folder / "clustering.csv", entries)
    assert len(rows) == 36 and {row["clusters"] for row in rows} <= {1, 2, 3, 4}
    assert main(["reproduce", "clustering", "--seeds", "3", "--estimate"]) == 0
    assert capsys.readouterr().err == "0 of 36 runs are left\n"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoint.npz")}
    assert main(["reproduce", "clustering", "-q", "--seeds", "3"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoint.npz")}
    capsys.readouterr()
    # The table alone gives the same judgements; without the runs there are no densities to draw.
    given = ["--table", str(folder / "clustering.csv"), "--no-train", "--out", "again", "--seeds", "3"]
    assert main(["reproduce", "clustering", *given]) == 0
    again, err = capsys.readouterr()
    assert again.partition("the paper's sentences")[2] == out.partition("the paper's sentences")[2]
    assert "no figure: it needs the runs themselves, and again does not have them" in err


def test_runs_of_a_table_are_not_trained_again(capsys, monkeypatch):
    """The grid's other runs are, and all are judged together."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(clustering, "BETAS", [1.2])
    monkeypatch.setattr(clustering, "ALPHAS", [5.0, 8.0])
    assert main(["reproduce", "clustering", "-q", "--seeds", "1", "--out", "a"]) == 0
    capsys.readouterr()
    assert main(["reproduce", "clustering", "--seeds", "2", "--out", "b", "--table", "a/clustering.csv"]) == 0
    out, err = capsys.readouterr()
    assert "4 of 8 runs are left; training will take" in err and "8 runs, 2 seeds each" in out
    assert len([path for path in Path("b").iterdir() if "seed" in path.name]) == 4
    assert len(Path("b/clustering.csv").read_text().splitlines()) == 9


def test_what_there_is_so_far_is_shown_without_training(capsys):
    pytest.importorskip("matplotlib")
    assert main(["reproduce", "clustering", "--no-train", "--out", "a"]) == 2
    assert "a: no such folder, so there are no runs to draw; leave out --no-train" in capsys.readouterr().err
    assert not Path("a").exists()
    begin_sweep("a", clustering.blocks("full", 10))
    assert main(["reproduce", "clustering", "--no-train", "--out", "a"]) == 2
    assert "a: no run is finished, so there is nothing to draw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a table in CSV, but the file is empty"),
        ("7,0,1,0,1,2,3,4,5", "line 2: the grid has no run with alpha 7"),
        (",,,,,,,,", "line 2: the grid has no run with no options"),
        ("8,0,1,x,1,2,3,4,5", "line 2: expected a seed, not x"),
        ("8,0,1,,1,2,3,4,5", "line 2: expected a seed, not nothing"),
        ("8,0,1,1_0,1,2,3,4,5", "line 2: expected a seed, not 1_0"),
        ("8,0,1,-1,1,2,3,4,5", "line 2: expected a seed, not -1"),
        ("8,0,1,0.5,1,2,3,4,5", "line 2: expected a seed, not 0.5"),
        ("8.0000001,0,1,0,1,2,3,4,5", "line 2: the grid has no run with alpha 8.0000001"),
        ("8,0,1,0,1,nan,3,4,5", "line 2: expected a number below 1e+15 for test.kl, not nan"),
        ("8,0,1,0,1,2,,,", "line 2: expected a number below 1e+15 for test.kl-inc, not nothing"),
        ("8,0,1,0,1,2,1e300,4,5", "line 2: expected a number below 1e+15 for test.kl-inc, not 1e300"),
        ("8,0,1,0,1,2,3,four,5", "line 2: expected a number below 1e+15 for clusters, not four"),
        ("8,0,1,0,1,2,3,4,5\n1,0,1,0,1,2,3,4,0.12", "its last line has no line end"),
        ("8,0,1,0,1,2,3,4,5,6", "line 2: it has more cells than there are columns"),
        ("8,0,1,0,1,2,3,4", "line 2: it has fewer cells than there are columns"),
        ('8,0,1,0,1,2,3,4,"5\n1,0,1,0,1,2,3,4,5', "expected a table in CSV"),
        (f"{'9' * 1000},0,1,0,1,2,3,4,5", ".. (1000 letters)"),
        ("8,0,1,0,1,2,3,4,5\n8,0,1,0,1,2,3,4,6", "line 3: this run is there twice"),
        ("\xff,0,1,0,1,2,3,4,5", "expected a table in CSV"),
    ],
)
def test_a_table_that_is_none(text, message, capsys):
    head = "alpha,beta,log_prior_multiplier,seed,test.log_likelihood,test.kl,test.kl-inc,clusters,mutual_information\n"
    end = "" if "no line end" in message else "\n"
    Path("t.csv").write_bytes((text and head + text + end).encode("latin-1"))
    assert main(["reproduce", "clustering", "--no-train", "--table", "t.csv"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("minidecomp: t.csv") and message in err and err.count("\n") == 1


def test_a_table_of_something_else(capsys):
    Path("t.csv").write_text("beta,seed\n1,0\n")
    assert main(["reproduce", "clustering", "--no-train", "--table", "t.csv"]) == 2
    said = "this is no table of clustering: it has no column alpha, log_prior_multiplier, test.log_likelihood, "
    assert said in capsys.readouterr().err


def test_a_table_as_a_spreadsheet_saves_it():
    """With a mark at its beginning, lines that end in CR LF, capitals, and other spellings of numbers."""
    experiment = EXPERIMENTS["independence"]
    entries = expand(experiment.blocks("medium", 16))
    values = [{"test.log_likelihood": -80.5, "test.kl": 20.0, "factor_vae_mathieu19": 0.5, "factor_vae": 0.4}] * 2
    rows = [{**table._options(experiment, entry), **each} for entry, each in zip(entries[1:3], values, strict=True)]
    table.write(experiment, Path("t.csv"), rows)
    text = Path("t.csv").read_text().replace("True", "TRUE").replace("False", "FALSE").replace(",1,", ",1.0,")
    Path("s.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert table.read(experiment, Path("s.csv"), entries) == rows


def test_no_row_of_a_table_is_lost(monkeypatch, capsys):
    """Neither those of tables given before, nor those of runs that are gone; tables that disagree are refused."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(clustering, "BETAS", [1.2])
    monkeypatch.setattr(clustering, "ALPHAS", [5.0, 8.0])
    head = ",".join([*EXPERIMENTS["clustering"].options, "seed", *EXPERIMENTS["clustering"].values])
    head += ",clusters,mutual_information\n"
    Path("a.csv").write_text(head + "8,0,1,3,1,2,0.5,4,5\n")
    Path("b.csv").write_text(head + "8,0,1,4,1,2,0.5,4,5\n")
    Path("c.csv").write_text(head + "8,0,1,4,1,2,0.7,4,5\n")
    for name in ("a", "b"):
        assert main(["reproduce", "clustering", "--no-train", "--table", f"{name}.csv", "--out", "o"]) == 0
    assert len(Path("o/clustering.csv").read_text().splitlines()) == 3
    capsys.readouterr()
    assert main(["reproduce", "clustering", "--no-train", "--table", "b.csv", "--table", "c.csv", "--out", "o"]) == 2
    said = "has other values for the run with alpha 8, beta 0, log-prior-multiplier 1 and seed 4"
    assert f"c.csv: b.csv {said}" in capsys.readouterr().err
    assert main(["reproduce", "clustering", "--no-train", "--table", "c.csv", "--out", "o"]) == 2
    assert f"o/clustering.csv: c.csv {said}" in capsys.readouterr().err
    Path("d.csv").write_text(Path("a.csv").read_text().replace("test.kl,", "alpha,", 1))
    assert main(["reproduce", "clustering", "--no-train", "--table", "d.csv", "--out", "o"]) == 2
    assert "d.csv: it has the column alpha twice" in capsys.readouterr().err


def test_clusters_kept():
    prior = Mixture.with_scale(np.array([(0.0, 1), (1, 0), (0, -1), (-1, 0)]), np.full((4, 2), 0.2))
    around = np.repeat(prior.loc, (50, 30, 16, 4), axis=0)
    assert clustering.clusters_kept(around, prior) == 3, "4 of 100 points are no cluster"


def test_sparsitys_figures_and_values(monkeypatch):
    """On a few random images of four classes."""
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 4
    images = rng.integers(0, 256, (80, 1024), dtype=np.uint8)
    data = Dataset("fashion-mnist", images, images, labels, labels, sparsity.CLASSES, (32, 32))
    for module in ("sweeps.work", "reproduction.sparsity"):
        monkeypatch.setattr(f"minidecomp.{module}.dataset_from", lambda options: data)
    small = {"epochs": 1, "hidden": [8], "latent_dim": 6, "batch_size": 40}
    entries = expand([block | small for block in sparsity.blocks("quick", 1)])
    Path("s").mkdir()
    experiment = EXPERIMENTS["sparsity"]
    metrics = {entry.name: list(experiment.metrics) for entry in entries}
    assert set(run_all(Path("s"), entries, metrics=metrics).values()) == {"finished"}
    rows = table.rows(experiment, Path("s"), entries)
    assert len(rows) == 18 and all(1 <= row["dimensions_of_a_class"] <= 6 for row in rows)
    assert all(0 <= row["common_to_two_classes"] <= 1 for row in rows)
    names = sorted(path.name for path in experiment.draw(rows, Path("s")))
    assert names[:2] == ["activity.png", "sparsity.png"] and names[2].startswith("traversal-z")
    table.write(experiment, Path("t.csv"), rows)
    read = table.read(experiment, Path("t.csv"), entries)
    assert read == [{name: value for name, value in row.items() if name != "run"} for row in rows]
    assert [path.name for path in experiment.draw(read, Path("s"))] == ["sparsity.png"]
    assert experiment.claims(read) == experiment.claims(rows)


def sparsity_rows(seeds=(0.0,), **others):
    """The paper's own numbers for both schedules, with what each seed adds."""
    return [
        {"gamma": gamma, "beta": beta, "alpha": alpha, "alpha_warmup": warmup, "seed": seed, "hoyer": hoyer + more}
        | {"epochs": 80, **others}
        for (gamma, beta), curve in sparsity.PUBLISHED.items()
        for alpha, hoyer in zip(sparsity.ALPHAS, curve, strict=True)
        for warmup in (None, 10)
        if alpha or warmup is None
        for seed, more in enumerate(seeds)
    ]


def test_sparsitys_claims_are_by_the_papers_numbers():
    """The paper's own numbers hold; a cell that is .06 off does not."""
    rises, stays, few, different = sparsity.claims(sparsity_rows())
    assert {each.verdict for claim in (rises, stays) for each in claim.findings} == {"holds here"}
    assert {each.verdict for claim in (few, different) for each in claim.findings} == {"open"}
    two = sparsity_rows((0.0, 0.0))
    off = [row | {"hoyer": row["hoyer"] - 0.06 * ((row["beta"], row["alpha"]) == (1, 1000))} for row in two]
    rises, stays, *_ = sparsity.claims(off)
    assert [each.part for each in rises.findings if each.verdict == "does not hold here"] == [
        "beta 1, alpha from the start",
        "beta 1, alpha raised over 10 epochs",
    ]


@pytest.mark.parametrize(
    ("seeds", "verdict"),
    [
        ((0.03, 0.04), "holds here"),
        ((0.02, 0.07), "open"),
        ((0.04, 0.07), "open"),
        ((0.08, 0.09), "does not hold here"),
    ],
)
def test_a_curve_is_open_if_chance_could_decide(seeds, verdict):
    assert {each.verdict for claim in sparsity.claims(sparsity_rows(seeds))[:2] for each in claim.findings} == {verdict}


def test_a_part_of_a_curve_is_open():
    """Alpha 0 alone says nothing of a warmed-up alpha, and shorter runs say how long they were."""
    rows = [row for row in sparsity_rows(epochs=20) if row["alpha"] in (0, 10)]
    rises = sparsity.claims(rows)[0]
    assert {each.verdict for each in rises.findings} == {"open"}
    assert rises.findings[1].part == "beta 1, alpha from the start, 20 epochs in all"
    assert rises.findings[1].number == "0.36 (0.36) at 0, 0.45 (0.45) at 10; no runs with alpha 100, 500, 1000"
    alone = sparsity.claims([row for row in rows if row["alpha"] == 0])[0].findings
    assert len(alone) == 3 and all("alpha from the start" in each.part for each in alone)
    without = sparsity.claims([row for row in rows if row["gamma"] == 0])[0].findings
    assert [each.number for each in without] == ["no runs with gamma 0.8"]


def cell_of(rows, gamma=0.8, beta=1.0, alpha=0.0, warmup=None):
    (cell,) = [
        row
        for row in rows
        if (row["gamma"], row["beta"], row["alpha"], row["alpha_warmup"]) == (gamma, beta, alpha, warmup)
    ]
    return cell


def with_seeds(cell, *more, value="hoyer"):
    """Further seeds of a cell, each with what it adds to the first."""
    return [cell | {"seed": seed, value: cell[value] + add} for seed, add in enumerate(more, 1)]


def test_the_spread_over_seeds_is_that_of_the_curves_cells():
    """One cell with three seeds says how far its curve may be off; without one, the spread of earlier runs does."""
    rows = [row | {"hoyer": row["hoyer"] + 0.03} for row in sparsity_rows()]
    assert {each.verdict for each in sparsity.claims(rows)[0].findings} == {"open"}
    again = with_seeds(cell_of(rows), 0.002, -0.002)
    verdicts = {each.part: each.verdict for each in sparsity.claims([*rows, *again])[0].findings}
    assert {part for part, verdict in verdicts.items() if verdict == "holds here"} == {
        "beta 1, alpha from the start",
        "beta 1, alpha raised over 10 epochs",  # alpha 0 belongs to both
    }
    assert set(verdicts.values()) == {"holds here", "open"}


@pytest.mark.parametrize(("more", "verdict"), [((0.001, -0.001), "does not hold here"), ((0.03, -0.03), "open")])
def test_a_cell_whose_seeds_differ_more_than_its_curves_is_judged_by_its_own(more, verdict):
    rows = sparsity_rows((0.0, 0.0, 0.0))
    for row in rows:
        if (row["gamma"], row["beta"], row["alpha"], row["alpha_warmup"]) == (0.8, 1.0, 1000.0, None):
            row["hoyer"] += 0.07 + (0.0, *more)[row["seed"]]
    judged = {each.part: each.verdict for each in sparsity.claims(rows)[0].findings}
    assert judged.pop("beta 1, alpha from the start") == verdict, judged
    assert set(judged.values()) == {"holds here"}


def test_the_spread_of_a_curve_weighs_cells_by_their_seeds():
    rows = sparsity_rows()
    assert sparsity._spread(sparsity.at_each_alpha(rows, 0.8, 1.0, None), 0.0) is None
    small, large = cell_of(rows), cell_of(rows, alpha=10.0)
    rows += [*with_seeds(small, 0.02, -0.02), *with_seeds(large, 0.2)]  # variances .0004 and .02, of 3 and 2 seeds
    curve = sparsity.at_each_alpha(rows, 0.8, 1.0, None)
    assert sparsity._spread(curve, 0.0) == pytest.approx(((2 * 0.0004 + 0.02) / 3) ** 0.5)
    assert sparsity._spread(curve, 10.0) == pytest.approx(0.02**0.5), "its own is larger"


def test_judgements_are_by_the_rules_numbers():
    """Within .05 of the paper's; 10 dimensions; a third of two classes'; with three seeds, 1.15 spreads are open."""
    seeds = (0.0, 0.01, -0.01)
    for off, verdict in ((0.038, "holds here"), (0.039, "open"), (0.061, "open"), (0.062, "does not hold here")):
        rows = sparsity_rows([each + off for each in seeds])
        assert {each.verdict for claim in sparsity.claims(rows)[:2] for each in claim.findings} == {verdict}, off
    for value, limit, place in (("dimensions_of_a_class", 10.0, 2), ("common_to_two_classes", 1 / 3, 3)):
        for off, verdict in ((-0.012, "holds here"), (-0.011, "open"), (0.011, "open"), (0.012, "does not hold here")):
            rows = sparsity_rows(seeds)
            for row in rows:
                chosen = (row["gamma"], row["beta"], row["alpha"]) == (0.8, 1.0, 100.0)
                row[value] = limit + seeds[row["seed"]] + (off if chosen else 0.0)
            assert {each.verdict for each in sparsity.claims(rows)[place].findings} == {verdict}, (value, off)


def test_a_class_is_judged_by_the_spread_of_its_curve():
    rows = [row | {"dimensions_of_a_class": 9.9} for row in sparsity_rows()]

    def few(*more):
        return sparsity.claims([*rows, *more])[2].findings

    one = few()[0]
    assert (one.verdict, one.number) == (
        "open",
        "9.9 with gamma 0.8; 9.9 with gamma 0; 1 seed, and no cell of the curve has two",
    )
    cell, value = cell_of(rows, alpha=10.0), "dimensions_of_a_class"
    assert few(*with_seeds(cell, -0.3, value=value))[0].verdict == "open", "a spread of .2 makes 9.9 uncertain"
    assert [each.verdict for each in few(*with_seeds(cell, -0.02, value=value))] == ["holds here", "open"]
    raised = with_seeds(cell_of(rows, alpha=10.0, warmup=10), -0.02, value=value)
    assert [each.verdict for each in few(*raised)] == ["open", "holds here"]
    assert few(*with_seeds(cell | {"gamma": 0.0}, -0.02, value=value))[0].number == one.number, "it is another curve"


def independence_rows(seeds, gain=0.0, cost=0.0, spread=0.0):
    """The medium grid at beta 1, where each prior but the isotropic one gains in score and costs in loss."""
    rng, rows = np.random.default_rng(0), []
    for entry in expand(independence.blocks("medium", seeds))[: 5 * seeds]:
        o, noise = entry.options, spread * rng.normal()
        is_t, is_isotropic = o.prior == "student-t", o.prior == "gaussian" and o.prior_variance == "iso"
        score = 0.5 + (0 if is_isotropic else gain) + noise
        row = {"prior": o.prior, "prior_variance": o.prior_variance, "learn_prior_variance": o.learn_prior_variance}
        row |= {"df": o.df if is_t else None, "beta": o.beta, "seed": o.seed}
        row |= {"test.log_likelihood": -80 - (0 if is_isotropic else cost), "test.kl": 20.0}
        row |= {"factor_vae": score, "factor_vae_mathieu19": 9.0 if is_t else score}
        rows.append(row | ({"factor_vae_mathieu19.gaussian_quantiles": score} if is_t else {}))
    return rows


@pytest.mark.parametrize(
    ("seeds", "gain", "spread", "verdict"),
    [
        (16, 0.1, 0.01, "holds here"),
        (16, 0.0, 0.01, "does not hold here"),
        (16, 0.0, 0.3, "open"),
        (7, 0.1, 0.01, "open"),
    ],
)
def test_a_gain_in_score_is_decided_by_its_interval(seeds, gain, spread, verdict):
    """Seven pairs are too few for an interval. A Student-t prior's score is that of the mapped codes."""
    for claim in independence.claims(independence_rows(seeds, gain, 0.0, spread))[:2]:
        assert [each.verdict for each in claim.findings] == 4 * [verdict]
        assert [each.part for each in claim.findings] == [
            *("PCA, beta 1", "learned from PCA, beta 1", "Student-t, df 3, beta 1", "Student-t, df 9, beta 1")
        ]


@pytest.mark.parametrize(("cost", "verdict"), [(3.0, "holds here"), (5.0, "does not hold here")])
def test_little_detriment_is_a_twentieth_of_the_loss(cost, verdict):
    *_, little = independence.claims(independence_rows(8, cost=cost))
    assert {each.verdict for each in little.findings} == {verdict}
    assert "5 % is 4.0 nats" in little.findings[0].number


def test_independences_figures_from_a_table():
    pytest.importorskip("matplotlib")
    names = [path.name for path in independence.draw(independence_rows(8, 0.1, 1.0, 0.05), Path())]
    assert names == ["independence.png", "independence-differences.png"]
    assert [path.name for path in independence.draw(independence_rows(7), Path())] == ["independence.png"]


def test_how_many_seeds_a_claim_needs():
    """By the noncentral t of SciPy's tables, and by simulation; the classical formula with z gives 41."""
    spread = 0.08 * 2**0.5
    needed = paired.pairs_needed(0.05, spread)
    assert needed == 43 and paired.power(43, 0.05, spread) >= 0.8 > paired.power(42, 0.05, spread)
    assert paired.least_difference(43, spread) == pytest.approx(0.05, abs=0.001)
    assert paired.power(paired.pairs_needed(0.01, 0.1) - 1, 0.01, 0.1) < 0.8
    draws = np.random.default_rng(0).normal(0.1, spread, size=(4000, 16))
    t = draws.mean(1) / (draws.std(1, ddof=1) / 4)
    assert (t > 2.1314).mean() == pytest.approx(paired.power(16, 0.1, spread), abs=0.02)
    text = (
        "scores vary by about 0.08 over seeds: to be seen four times in five, a difference of 0.05 needs about 43 seeds"
    )
    assert independence.note("medium", 16) == f"{text}; 16 seeds show 0.09; 8 seeds show 0.14"
    assert independence.note("quick", 2) == f"{text}; fewer than 8 decide nothing"


@pytest.mark.parametrize(("count", "total"), [(0, 5), (9, 10), (10, 10), (40, 100)])
def test_the_interval_of_a_share(count, total):
    """Its ends are the shares for which as many, or more, or fewer, come up in 2.5 % of cases."""
    from scipy.stats import binomtest

    known = binomtest(count, total).proportion_ci(0.95, method="exact")
    assert paired.share(count, total) == pytest.approx((known.low, known.high))


def test_what_is_seen_in_most_runs():
    assert [claims.in_most(n, 10) for n in (9, 8, 2, 1)] == ["holds here", "open", "open", "does not hold here"]
    assert claims.in_most(41, 100) == "open" and claims.in_most(39, 100) == "does not hold here"
    assert claims.of_all(["holds here", "open"]) == "open"
    assert claims.of_all(["open", "does not hold here"]) == "does not hold here"


def test_paired_differences():
    first, second = {str(s): s + 1.0 for s in range(10)}, {str(s): float(s) for s in range(2, 12)}
    found = paired.differences(first, second)
    assert (found.value, found.low, found.high, found.count, found.std) == (1.0, 1.0, 1.0, 8, 0.0)
    none = paired.differences({"a": 1.0}, {"b": 1.0})
    assert none.count == 0 and math.isnan(none.value) and claims.above_zero(none) == "open"
    assert claims.in_words(none, 2) == "no seed in common"
    one = paired.differences({"a": 2.0}, {"a": 1.0})
    assert one.value == 1 and math.isnan(one.low) and math.isnan(one.std)


@pytest.mark.slow
@pytest.mark.parametrize("count", [8, 16])
@pytest.mark.parametrize("draw", [lambda rng, n: rng.normal(size=n), lambda rng, n: rng.exponential(size=n) - 1])
def test_the_interval_covers_the_true_difference(count, draw):
    """95 % intervals of 400 repetitions; for skewed differences of few pairs they cover a little less."""
    rng, inside = np.random.default_rng(1), 0
    for _ in range(400):
        values = draw(rng, count)
        found = paired.differences(dict(enumerate(values)), dict.fromkeys(range(count), 0.0))
        inside += found.low <= 0 <= found.high
    assert 0.90 <= inside / 400 <= 0.99


def test_the_interval_of_the_best_of_several_is_wider():
    """Among four equal ones it leaves out 0 in 5 % of cases or fewer, the usual interval in about 18 %."""
    rng, tipped, single = np.random.default_rng(0), 0, 0
    for _ in range(200):
        groups = [dict(enumerate(rng.normal(size=30))) for _ in range(4)]
        zero = dict.fromkeys(range(30), 0.0)
        best = max(groups, key=lambda group: abs(np.mean(list(group.values()))))
        tipped += claims.above_zero(paired.differences(best, zero, 4)) != "open"
        single += claims.above_zero(paired.differences(best, zero)) != "open"
    assert tipped <= 20 < single


def test_numbers_that_round_to_their_limit_show_their_side():
    assert claims.decimals_apart(2, (0.05, 0.05), (0.054, 0.06)) == 2
    assert claims.decimals_apart(2, (0.0496, 0.05)) == 4
    assert claims.decimals_apart(2, (math.nan, 0)) == 2
    assert claims.decimals_apart(1, (3.28, 3.31), (-2, 3.3)) == 2
    assert sparsity._beside(0.2028, 0.253) == "0.2028 (0.2530)" and sparsity._beside(0.24, 0.253) == "0.24 (0.25)"


def test_clusterings_claims_with_other_seeds_for_some_runs():
    """Each count is of the runs that it is about; runs without a common seed leave a sentence open."""
    rows = table.read(EXPERIMENTS["clustering"], KEPT / "clustering.csv", expand(clustering.blocks("full", 1)))
    apart = [row for row in rows if row["beta"] or (row["seed"] < 50) == (row["alpha"] == 1)]
    *_, beta_alone, kept, improves = clustering.claims([r for r in apart if not r["beta"] or r["seed"] < 50])
    assert {each.verdict for each in beta_alone.findings} == {"open"}
    assert beta_alone.findings[0].number.startswith("no runs with the same seed at beta 0.01, 0.5, 1, 1.2 and at alpha")
    assert improves.findings[0].verdict == "open" and "by no seed in common; +0.8" in improves.findings[0].number
    few = [row for row in rows if row["beta"] or row["alpha"] < 8 or row["seed"] < 7]
    *_, beta_alone, kept, improves = clustering.claims(few)
    assert kept.findings[0].number == (
        "in 91 of 100, 97 of 100, 95 of 100, 6 of 7 seeds at alpha 1, 3, 5, 8; the lowest: 42 to 100 %"
    )
    assert "7 pairs; an interval needs 8; median" in improves.findings[0].number
    without = [row for row in rows if row["alpha"] != 3 and row["beta"] != 0.5]
    *_, beta_alone, kept, improves = clustering.claims(without)
    said = ["no runs with beta 0.5", "no runs with alpha 3", "no runs with alpha 3"]
    assert [claim.findings[0].number for claim in (beta_alone, kept, improves)] == said


def test_claims_as_text_and_markdown():
    finding = claims.Finding("the KL", claims.HOLDS, "KL(p || q) 0.1")
    found = [claims.Claim("It holds.", "a rule", [finding, claims.undecided("", "beta 1")])]
    assert claims.as_text(found) == [
        *("It holds.", "  rule: a rule"),
        *("  the KL  holds here  KL(p || q) 0.1", "          open        no runs with beta 1"),
    ]
    assert claims.as_markdown(found).splitlines()[2:] == [
        r"| It holds. *Rule: a rule.* | the KL | **holds here** | KL(p \|\| q) 0.1 |",
        "|  |  | **open** | no runs with beta 1 |",
    ]


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
def test_independences_runs_and_figure():
    pytest.importorskip("matplotlib")
    small = {
        "limit": 500,
        "epochs": 1,
        "hidden": [16],
        "latent_dim": 4,
        "factors": "shape=heart,scale=1,orientation=0..1",
    }
    entries = expand([block | small for block in independence.blocks("quick", 2)])
    Path("s").mkdir()
    experiment = EXPERIMENTS["independence"]
    metrics = {entry.name: experiment.metrics for entry in entries}
    assert set(run_all(Path("s"), entries, metrics=metrics).values()) == {"finished"}
    rows = table.rows(experiment, Path("s"), entries)
    assert [path.name for path in experiment.draw(rows, Path("s"))] == ["independence.png"]


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
        ("reproduce clustering --seeds 0", "--seeds must be a whole number from 1 to 1000, not 0"),
        (
            "reproduce clustering --medium",
            "--medium: clustering has no grid of this size; it has the full one and --quick",
        ),
        ("reproduce independence --medium --quick", "--medium: --quick and --medium cannot be used together"),
        ("reproduce clustering --table missing.csv", "missing.csv: No such file"),
        ("reproduce clustering --out=", "'': the name is empty"),
        ("reproduce clustering --table=", "'': the name is empty"),
        (f"reproduce {'x' * 999}", f"unknown experiment '{'x' * 60}.. (999 letters)'"),
        ("reproduce clustering --estimate --no-train", "--estimate: --estimate and --no-train cannot be used together"),
        ("reproduce clustering --quick --out spoiled", "spoiled/clustering.csv: this is no table of clustering"),
        ("reproduce clustering --quick --out blocked", "cannot make the folder blocked/figures: "),
    ],
)
def test_wrong_use(args, message, capsys):
    Path("other").mkdir()
    Path("other/x").touch()
    Path("grid").mkdir()
    Path("grid/sweep.toml").write_text("alpha = [1, 2]\n")
    for name in ("spoiled", "blocked"):
        begin_sweep(name, clustering.blocks("quick", 1))
    Path("spoiled/clustering.csv").write_text("x\n1\n")
    Path("blocked/figures").touch()
    assert main([*args.split(), "-q"]) == (1 if args.endswith("blocked") else 2)
    out, err = capsys.readouterr()
    assert not list(Path().glob("*/*/checkpoint.npz")), "nothing is trained first"
    assert out == "" and err.startswith(f"minidecomp: {message}") and err.count("\n") == 1
