"""Validation: points of their own, the terms on them, the best model beside the last, and early stopping."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data.points import as_numbers
from minidecomp.engines.means import means
from minidecomp.errors import DataError, Fault, OptionError, RunError
from minidecomp.evaluation.everything import evaluate_trainer
from minidecomp.inspection import validation
from minidecomp.randomness import streams
from minidecomp.report.content import content
from minidecomp.runs import checkpoint
from minidecomp.runs.evaluation_file import read_whole
from minidecomp.runs.folder import holds_only_a_beginning
from minidecomp.runs.standing import standing

SMALL = {"hidden": "6", "epochs": 12, "points_per_arm": 13, "batch_size": 20, "threads": 1, "engine": "cpu"}
VALIDATED = SMALL | {"validation_fraction": 0.2, "validate_every": 2}
STOPPING = VALIDATED | {"epochs": 300, "lr": 0.005, "early_stopping": 3, "alpha": 2.0, "validate_every": 1}
STOPPING |= {"regulariser": "kl-inc"}


def start(folder, **options):
    resolved = resolve(options)
    return training.start(resolved, dataset_from(resolved), str(folder))


def again(folder, **changes):
    run = checkpoint.load(folder, "last")
    options = replace(run.options, **changes)
    return training.resume(run, options, dataset_from(options))


def trained(folder, **options):
    trainer = start(folder, **options)
    assert training.train(trainer)
    return trainer


def parameters(state):
    return state.vae.parameters.vector


@pytest.fixture
def points(tmp_path):
    """A file of 60 points, each told from the others, far from mean 0."""
    X = np.random.default_rng(0).normal(3, 2, (60, 3))
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy", X


# ---- options ----


def test_early_stopping_asks_for_a_tenth_of_the_points():
    assert resolve(early_stopping=3).validation_fraction == 0.1
    assert resolve(early_stopping=3, validation_fraction=0.3).validation_fraction == 0.3
    assert resolve(early_stopping=3, validation="v.npy").validation_fraction is None
    assert resolve(early_stopping=0).validation_fraction is None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"early_stopping": 3, "validation_fraction": 0}, "this needs validation points"),
        ({"validation": "v.npy", "validation_fraction": 0.1}, "leave one of them out"),
        ({"monitor": "kl"}, "this needs validation_fraction, validation or early_stopping"),
        ({"validate_every": 3}, "this needs validation_fraction"),
        ({"validation_fraction": 0.1, "monitor": "regulariser"}, "this needs alpha above 0"),
        ({"validation_fraction": 0.1, "monitor": "accuracy"}, "must be objective, log_likelihood"),
        ({"validation_fraction": 1.0}, "below 1"),
        ({"from_which": "best"}, "this needs from_run"),
    ],
)
def test_what_contradicts_itself_is_refused(options, line):
    with pytest.raises(OptionError, match=line):
        resolve(options)


# ---- points ----


def rows(points):
    return {tuple(row) for row in as_numbers(points, np.float64)}


@pytest.mark.parametrize("more", [{"data": "pinwheel", "points_per_arm": 25}, {"data": "x.npy"}])
def test_a_share_of_the_training_points_is_kept_apart(more, points, monkeypatch):
    monkeypatch.chdir(points[0].parent)
    whole = dataset_from(resolve(more))
    parted = dataset_from(resolve(more, validation_fraction=0.25))
    assert rows(parted.train) | rows(parted.validation) == rows(whole.train)
    assert len(parted.train) + len(parted.validation) == len(whole.train)
    assert len(parted.validation) == round(0.25 * len(whole.train)) and whole.validation is None
    assert_array_equal(parted.test, whole.test)
    other = dataset_from(resolve(more, validation_fraction=0.25, data_seed=1, data_dir=None))
    assert rows(other.validation) != rows(parted.validation)
    if parted.train_labels is not None:
        where = {tuple(row): label for row, label in zip(whole.train, whole.train_labels, strict=True)}
        assert [where[tuple(row)] for row in parted.train] == parted.train_labels.tolist()


def test_the_scale_is_learnt_without_the_validation_points(points):
    path, X = points
    data = dataset_from(resolve(data=str(path), scale="standardise", validation_fraction=0.5))
    assert_allclose(data.train.mean(0), 0, atol=1e-12)
    assert abs(data.validation.mean()) > 1e-3
    back = data.scaling.undo(np.concatenate([data.train, data.validation, data.test]))
    assert_allclose(np.sort(back, 0), np.sort(X, 0))


def test_validation_points_of_a_file_are_in_the_units_of_the_data(points, tmp_path):
    path, X = points
    np.save(tmp_path / "v.npy", X[:7])
    options = resolve(data=str(path), scale="standardise", validation=str(tmp_path / "v.npy"))
    data = dataset_from(options)
    assert_allclose(data.scaling.undo(data.validation), X[:7])
    np.save(tmp_path / "v.npy", X[:7, :2])
    with pytest.raises(DataError, match=r"points of 3 numbers; .*v.npy has 2"):
        dataset_from(options)


def test_bytes_are_validated_with_bytes(tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (40, 4), np.uint8)
    np.save(tmp_path / "x.npy", X), np.save(tmp_path / "v.npy", X[:6])
    options = {"data": str(tmp_path / "x.npy"), "hidden": "3", "epochs": 2, "engine": "cpu"}
    file = trained(tmp_path / "file", validation=str(tmp_path / "v.npy"), **options)
    share = trained(tmp_path / "share", validation_fraction=0.2, **options)
    assert file.validation.dtype == share.validation.dtype == np.uint8
    assert math.isfinite(file.state.rows[-1]["validation_objective"])


def test_too_few_points(points, tmp_path):
    np.save(tmp_path / "few.npy", points[1][:4])
    with pytest.raises(
        DataError, match=r"3 training points; of these validation_fraction=0\.9 leaves 0, and at least 2"
    ):
        dataset_from(resolve(data=str(tmp_path / "few.npy"), validation_fraction=0.9))
    with pytest.raises(DataError, match='1 validation point; with alpha above 0, regulariser="mmd" needs 2'):
        start(tmp_path / "run", **SMALL | {"validation_fraction": 0.01, "alpha": 1.0, "regulariser": "mmd"})
    assert not (tmp_path / "run").exists()


# ---- what is recorded ----


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_validation_changes_no_step_and_is_what_evaluation_says(engine, tmp_path):
    options = resolve(VALIDATED | {"epochs": 5, "alpha": 1.0, "engine": engine})
    data = dataset_from(options)
    trainer = training.start(options, data, str(tmp_path / "with"))
    assert training.train(trainer)
    alone = training.start_in_memory(
        replace(options, validation_fraction=None, validate_every=None), replace(data, validation=None)
    )
    assert training.train(alone)
    assert_array_equal(parameters(trainer.state), parameters(alone.state))
    seen = [row["epoch"] for row in trainer.state.rows if not math.isnan(row["validation_objective"])]
    assert seen == [2, 4, 5]  # the last epoch always is
    last = trainer.state.rows[-1]
    drawn = streams.VALIDATION, streams.VALIDATION_ORDER
    expected = means(trainer.engine, trainer.validation, options.batch_size, 0, [options.regulariser], *drawn)
    assert last["validation_kl"] == expected["kl"]
    assert last["validation_regulariser"] == expected[options.regulariser]
    objective = last["validation_log_likelihood"] - last["validation_kl"] - last["validation_regulariser"]
    assert_allclose(last["validation_objective"], objective)
    header = (tmp_path / "with/metrics.csv").read_text().splitlines()[0]
    assert header.endswith(
        "seconds,validation_log_likelihood,validation_kl,validation_regulariser,validation_objective"
    )


@pytest.mark.parametrize("monitor", ["objective", "log_likelihood", "kl", "regulariser"])
def test_the_best_model_is_that_of_its_epoch(monitor, tmp_path):
    options = STOPPING | {"early_stopping": 0, "epochs": 30, "monitor": monitor, "regulariser": "mmd"}
    trainer = trained(tmp_path / "run", **options)
    values = trainer.state.metrics()[f"validation_{monitor}"]
    sign = -1 if monitor in ("kl", "regulariser") else 1
    epoch = int(np.argmax(sign * values)) + 1
    best = checkpoint.load(tmp_path / "run")
    assert (best.which, best.state.epoch, best.state.rows[-1]["epoch"]) == ("best", epoch, epoch)
    shorter = trained(tmp_path / "shorter", **options | {"epochs": epoch})
    assert_array_equal(parameters(best.state), parameters(shorter.state))
    assert_array_equal(best.state.optimizer.m, shorter.state.optimizer.m)
    assert best.state.optimizer.step == shorter.state.optimizer.step
    last = checkpoint.load(tmp_path / "run", "last")
    assert last.which == "last" and last.state.epoch == 30
    assert_array_equal(parameters(last.state), parameters(trainer.state))
    assert len(best.training().rows) == 30


def test_without_validation_there_is_no_best(tmp_path):
    trained(tmp_path / "run", **SMALL | {"epochs": 1})
    assert checkpoint.load(tmp_path / "run").which == "last" and not (tmp_path / "run/best.npz").exists()
    with pytest.raises(RunError, match=r"run: it has no best\.npz"):
        checkpoint.load(tmp_path / "run", "best")
    with pytest.raises(OptionError, match="must be best or last"):
        checkpoint.load(tmp_path / "run", "first")


def test_while_the_weights_change_nothing_is_compared(tmp_path):
    trainer = trained(tmp_path / "run", **STOPPING | {"beta_warmup": 9, "early_stopping": 1})
    assert trainer.state.best.epoch >= 10
    short = trained(tmp_path / "short", **VALIDATED | {"beta_warmup": 20, "early_stopping": 1})
    assert short.state.best is None and short.state.epoch == 12


# ---- early stopping ----


def test_early_stopping_returns_the_best_model(tmp_path):
    trainer = trained(tmp_path / "run", **STOPPING)
    result = evaluate_trainer(trainer)
    epoch, last = trainer.state.best.epoch, trainer.state.epoch
    assert last < 300 and last == epoch + 3 and trainer.epochs == last
    values = trainer.state.metrics()["validation_objective"]
    assert np.nanmax(values) == values[epoch - 1] and (values[epoch:] < values[epoch - 1]).all()
    assert result["epochs"] == epoch and result["train"]["epoch"] == epoch
    assert result["validation"]["objective"] == values[epoch - 1]
    assert "validation_kl" not in result["train"]
    assert (standing(tmp_path / "run").state, standing(tmp_path / "run").epoch) == ("finished", last)
    assert read_whole(tmp_path / "run")["epochs"] == epoch


def test_more_patience_goes_on_to_the_longer_run(tmp_path):
    trained(tmp_path / "run", **STOPPING)
    longer = again(tmp_path / "run", early_stopping=6)
    assert training.train(longer)
    whole = trained(tmp_path / "whole", **STOPPING | {"early_stopping": 6})
    assert longer.state.epoch == whole.state.epoch
    assert_array_equal(parameters(longer.state.best), parameters(whole.state.best))
    same = again(tmp_path / "whole")
    assert training.train(same) and same.state.epoch == whole.state.epoch


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("whole") / "run", **STOPPING)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=3))
def test_any_number_of_stops_gives_the_same_best_and_last(whole, tmp_path_factory, stops):
    folder = tmp_path_factory.mktemp("stops") / "run"
    trainer = start(folder, **STOPPING)
    for stop in stops:
        slices = iter(range(1000))
        training.train(trainer, should_stop=lambda s=slices, n=stop: next(s) == n)
        trainer = again(folder)
    assert training.train(trainer)
    assert_same_end(trainer, whole)


def assert_same_end(trainer, whole):
    assert (trainer.state.epoch, trainer.state.best.epoch) == (whole.state.epoch, whole.state.best.epoch)
    assert_array_equal(parameters(trainer.state), parameters(whole.state))
    assert_array_equal(parameters(trainer.state.best), parameters(whole.state.best))
    assert_array_equal(parameters(checkpoint.load(trainer.folder).state), parameters(whole.state.best))
    assert_array_equal(trainer.state.metrics()["validation_objective"], whole.state.metrics()["validation_objective"])


def test_a_kill_between_the_best_model_and_the_checkpoint(whole, tmp_path):
    """Then best.npz is of a later epoch than the checkpoint."""
    trainer = start(tmp_path / "run", **STOPPING)
    training.train(trainer, on_epoch=[lambda trainer: trainer.state.epoch == 2])
    trainer.let_go()
    shutil.copy(whole.folder / "best.npz", tmp_path / "run/best.npz")
    with pytest.raises(OptionError, match=r"beyond the checkpoint; resume with the run's own 300 epochs first"):
        again(tmp_path / "run", epochs=299)
    resumed = again(tmp_path / "run")
    assert resumed.state.epoch < resumed.state.best.epoch and not resumed.state.stopped_early
    assert training.train(resumed)
    assert_same_end(resumed, whole)


def test_a_fault_keeps_the_best_model(tmp_path):
    trainer = start(tmp_path / "run", **STOPPING | {"checkpoint_every": 1e9})

    def spoil(trainer):
        if trainer.state.epoch == 3:
            parameters(trainer.state)[:] = np.inf
            trainer.engine.push()

    with pytest.raises(Fault, match="not finite"), trainer:
        training.train(trainer, on_epoch=[spoil])
    best = checkpoint.load(tmp_path / "run")
    assert best.which == "best" and best.state.epoch in (1, 2, 3)


def test_the_beginning_of_a_run_with_validation_is_one(tmp_path):
    trainer = start(tmp_path / "run", **VALIDATED)
    trainer.let_go()
    (tmp_path / "run/checkpoint.npz").unlink()
    assert holds_only_a_beginning(tmp_path / "run")


# ---- how often ----


@given(st.integers(1, 10**4), st.integers(2, 10**6), st.integers(1, 10**6), st.integers(10, 10**8))
def test_validation_costs_a_twentieth_at_most_by_the_estimate(batch, count, aside, size):
    gap = validation.epochs_between(batch, count, aside, size)
    v = validation
    look = v.A_CALL * -(-aside // batch) + 2 * aside * size
    epoch = v.A_STEP * -(-count // batch) + v.TIMES * 2 * count * size
    assert look <= 0.0500001 * gap * epoch and (gap == 1 or look > 0.05 * (gap - 1) * epoch)


# ---- the command's faces ----


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces") / "run"
    names = [f"--{name.replace('_', '-')}={value}" for name, value in STOPPING.items()]
    assert main(["train", "--no-plots", "--out", str(folder), *names]) == 0
    return folder


def test_train_says_what_it_did(capfd, tmp_path):
    names = [f"--{name.replace('_', '-')}={value}" for name, value in STOPPING.items()]
    assert main(["train", "--no-plots", "--out", str(tmp_path / "run"), *names]) == 0
    out, err = capfd.readouterr()
    assert "(42 points of 2 numbers, 10 to validate each epoch)" in err
    assert "the best model by the validation objective is that of epoch" in out
    assert "stopped early, after 3 validations without a better" in out
    assert ["train", "validation", "test"] in [line.split() for line in out.split("\n")]


@pytest.mark.parametrize(
    "command",
    [
        "sample -n 4 --out z.npz",
        pytest.param("reconstruct -n 4 --out z.npz", marks=pytest.mark.slow),
        pytest.param("encode x.npy --out z.npz", marks=pytest.mark.slow),
        "export --format numpy --out e",
    ],
)
def test_which(command, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((3, 2)))
    name, *more = command.split()

    def written(which):
        assert main([name, str(run), *more, *which]) == 0
        file = "e/model.npz" if name == "export" else "z.npz"
        return {key: value for key, value in np.load(file).items() if value.dtype.kind == "f"}, capsys.readouterr().err

    best, said = written(["--which", "best"])
    usual, said_of_usual = written([])
    last, _ = written(["--which", "last"])
    epochs = checkpoint.load(run).state.epoch, checkpoint.load(run, "last").state.epoch
    assert f"the best model, of epoch {epochs[0]}; --which last uses that of epoch {epochs[1]}" in said_of_usual
    assert "the best model" not in said
    for key, value in best.items():
        assert_array_equal(value, usual[key])
    assert any(not np.array_equal(value, last[key]) for key, value in best.items())
    assert main([name, str(run), *more, "--which", "first"]) == 2
    assert "--which must be best or last, not 'first'" in capsys.readouterr().err


def test_what_is_made_of_the_last_model_stands_beside(run, capsys):
    before = set(run.rglob("*"))
    assert main(["sample", str(run), "-n", "3", "--which", "last"]) == 0
    assert main(["export", str(run), "--format", "numpy", "--which", "last"]) == 0
    assert main(["report", str(run), "--which", "last"]) == 0
    made = {path.relative_to(run).parts[0] for path in set(run.rglob("*")) - before}
    assert made == {"figures-last", "export-last", "report-last.html"}
    assert "the last model" in (run / "report-last.html").read_text()


def test_evaluate_writes_of_the_best_model_alone(run, capsys):
    options = ["--metrics", "none", "--no-decomposition", "--json"]
    before = (run / "evaluation.json").read_bytes()
    assert main(["evaluate", str(run), "--which", "last", *options]) == 0
    out, err = capsys.readouterr()
    last = json.loads(out)
    assert last["epochs"] == checkpoint.load(run, "last").state.epoch
    assert "not written: evaluation.json describes the run's best model" in err
    assert (run / "evaluation.json").read_bytes() == before
    assert main(["evaluate", str(run), *options]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["epochs"] == checkpoint.load(run).state.epoch and best["test"] != last["test"]


def test_a_warm_start_begins_with_the_best(run, tmp_path):
    for which, expected in ((None, "best"), ("best", "best"), ("last", "last")):
        options = resolve(from_run=str(run), from_which=which, hidden="6", points_per_arm=13)
        trainer = training.start_in_memory(options, dataset_from(options))
        assert_array_equal(parameters(trainer.state), parameters(checkpoint.load(run, expected).state))


def test_a_sweep_knows_a_run_that_stopped_early_as_finished(tmp_path, capsys):
    names = [
        f"--{name.replace('_', '-')}={value}" for name, value in STOPPING.items() if name not in ("threads", "alpha")
    ]
    folder = str(tmp_path / "sweep")
    assert main(["sweep", "--alpha", "1,2", "--out", folder, "-q", *names]) == 0
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("checkpoint.npz")}
    assert len(written) == 2
    capsys.readouterr()
    assert main(["sweep", "--resume", folder]) == 0
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert main(["runs", str(tmp_path)]) == 0
    assert "2 of 2 finished" in capsys.readouterr().out
    assert main(["table", folder, "--values", "validation.objective"]) == 0
    assert "validation.objective" in capsys.readouterr().out


def test_changed_validation_points_are_refused_by_a_resume(points, tmp_path, capsys):
    path, X = points
    np.save(tmp_path / "v.npy", X[:7])
    folder = str(tmp_path / "run")
    given = ["--data", str(path), "--validation", str(tmp_path / "v.npy"), "--hidden", "3", "--epochs", "2"]
    assert main(["train", *given, "--no-plots", "--out", folder]) == 0
    np.save(tmp_path / "v.npy", X[7:14])
    assert main(["train", "--resume", folder, "--epochs", "3"]) == 2
    assert "the validation points of x.npy are not those that this run started with" in capsys.readouterr().err
    (tmp_path / "v.npy").unlink()
    assert main(["evaluate", folder, "--metrics", "none", "--no-decomposition"]) == 0
    assert main(["train", "--resume", folder, "--epochs", "3"]) == 2
    assert "v.npy: there is no such file" in capsys.readouterr().err
    np.save(tmp_path / "moved.npy", X[:7])
    moved = ["--validation", str(tmp_path / "moved.npy")]
    assert main(["train", "--resume", folder, "--epochs", "3", "--no-plots", *moved]) == 0


def test_the_curves_and_the_report_show_it(run):
    from minidecomp.figures import learning_curves

    loaded = checkpoint.load(run)
    metrics, best = loaded.training().metrics(), loaded.state.epoch
    figure = learning_curves(metrics, best=best)
    for axes, term in zip(figure.axes, ("log_likelihood", "kl", "regulariser", "objective"), strict=True):
        trained_on, aside, mark = axes.get_lines()
        assert_array_equal(trained_on.get_ydata(), metrics[term])
        assert_array_equal(aside.get_ydata(), metrics[f"validation_{term}"])
        assert set(mark.get_xdata()) == {best}
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()][1:] == [
        "validation",
        f"best: epoch {best}",
    ]
    values = content(loaded, dataset_from(loaded.options))
    assert values["best"] == best and values["epochs"] == len(values["curves"]["epoch"]) > best
    assert values["validation"]["epoch"] == values["curves"]["epoch"]
    assert values["validation"]["kl"][0] == pytest.approx(metrics["validation_kl"][0], rel=1e-5)


def test_few_validations_are_joined_by_a_line_in_the_curves(tmp_path):
    from minidecomp.figures import learning_curves

    trainer = trained(tmp_path / "run", **VALIDATED | {"validate_every": 5})
    line = learning_curves(trainer.state.metrics()).axes[0].get_lines()[1]
    assert line.get_xdata().tolist() == [5, 10, 12]
    run = checkpoint.load(tmp_path / "run")
    assert content(run, dataset_from(run.options))["validation"]["epoch"] == [5, 10, 12]


# ---- a run that goes on, and the two files of one run ----


@pytest.mark.parametrize(("first", "every", "patience"), [(7, 3, 1), (8, 3, 2), (5, 4, 0), (2, 5, 1), (12, 4, 3)])
def test_more_epochs_are_the_longer_run(first, every, patience, tmp_path):
    """Also where the first end was no multiple of ``validate_every``."""
    options = STOPPING | {"validate_every": every, "early_stopping": patience}
    trained(tmp_path / "short", **options | {"epochs": first})
    longer = again(tmp_path / "short", epochs=30)
    assert training.train(longer)
    assert_same_end(longer, trained(tmp_path / "whole", **options | {"epochs": 30}))


def test_the_end_alone_is_validated_where_no_other_epoch_is(tmp_path):
    trainer = trained(tmp_path / "run", **VALIDATED | {"epochs": 3, "validate_every": 10})
    assert trainer.state.best.epoch == 3


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--early-stopping", "5"], "--early-stopping must be 0, as the run has no validation points, not 5"),
        (["--validation", "v.npy"], "--validation v.npy: the run has no file of validation points"),
    ],
)
def test_validation_cannot_begin_in_the_midst_of_a_run(more, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.zeros((3, 2)))
    trained("r", **SMALL | {"epochs": 2}).let_go()
    before = {path: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    assert main(["train", "--resume", "r", "--epochs", "3", *more]) == 2
    assert line in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"hidden": "7"},
        *(pytest.param(more, marks=pytest.mark.slow) for more in ({"latent_dim": 3}, {"alpha": 1.0}, {"data_seed": 1})),
    ],
)
def test_the_best_model_of_another_run_is_refused(other, tmp_path, capsys):
    run, foreign = tmp_path / "run", tmp_path / "other"
    trained(run, **VALIDATED).let_go()
    trained(foreign, **VALIDATED | other).let_go()
    shutil.copy(foreign / "best.npz", run / "best.npz")
    for command in (
        ["evaluate", str(run)],
        ["table", str(run)],
        ["sample", str(run)],
        ["train", "--resume", str(run), "--epochs", "13"],
        ["train", "--from", str(run), "--epochs", "1"],
    ):
        assert main(command) == 2
        assert "best.npz: it belongs to another run than checkpoint.npz" in capsys.readouterr().err
    assert standing(run).state == "damaged"
    assert main(["sample", str(run), "--which", "last"]) == 0


def test_a_best_model_that_is_gone_is_missed(tmp_path, capsys):
    trained(tmp_path / "run", **VALIDATED).let_go()
    (tmp_path / "run/best.npz").unlink()
    assert main(["sample", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "it has no best.npz, though its checkpoint says that the best model is that of epoch" in said
    assert "use --which last" in said
    assert main(["sample", str(tmp_path / "run"), "--which", "last"]) == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (SMALL | {"epochs": 1}, "for it was trained without validation"),
        (VALIDATED | {"epochs": 3, "beta_warmup": 9}, "for alpha or beta change until epoch 9"),
    ],
)
def test_why_there_is_no_best_model(options, line, tmp_path):
    trained(tmp_path / "run", **options)
    with pytest.raises(RunError, match=line):
        checkpoint.load(tmp_path / "run", "best")


def test_few_points_are_drawn_often(tmp_path):
    trainer = start(tmp_path / "run", **VALIDATED)
    assert len(trainer.dataset.validation) == 10 and len(trainer.validation) == 20
    assert {tuple(row) for row in trainer.validation} == {tuple(row) for row in np.float32(trainer.dataset.validation)}


def test_a_numpy_truth_stops_as_a_plain_one_does(tmp_path):
    trainer = start(tmp_path / "run", **SMALL)
    assert not training.train(trainer, on_epoch=[lambda trainer: np.bool_(trainer.state.epoch == 3)])
    assert trainer.state.epoch == 3
