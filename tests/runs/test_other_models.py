"""An evaluation.json of another model than the checkpoint's counts for nothing: in no table, and for no sweep."""

import json
import shutil
from pathlib import Path

import pytest

from minidecomp.cli.main import main
from minidecomp.runs.checkpoint import identity
from minidecomp.runs.comparison import read_row

SMALL = ["--points-per-arm", "20", "--hidden", "4", "--threads", "1"]


def read_row_of(name):
    return read_row(Path(name))


def evaluation_of(name):
    return json.loads(Path(name, "evaluation.json").read_text())


def train(name, *options):
    assert main(["train", *SMALL, "-e", "2", "-q", "--no-plots", "-o", name, *options]) == 0


def test_a_table_leaves_another_models_numbers_out(capsys):
    train("a")
    train("b", "--seed", "1")
    mine = read_row_of("a")
    assert "test.kl" in mine
    shutil.copy("b/checkpoint.npz", "a/checkpoint.npz")
    assert "test.kl" not in read_row_of("a") and read_row_of("a")["seed"] == 1
    capsys.readouterr()
    assert main(["table", "a", "b", "--json"]) == 0
    rows = {row["run"]: row for row in json.loads(capsys.readouterr().out)}
    assert "test.kl" not in rows["a"] and "test.kl" in rows["b"]


def test_nor_those_of_an_earlier_epoch():
    train("a")
    kept = Path("a/evaluation.json").read_text()
    assert main(["train", "--resume", "a", "-e", "3", "-q", "--no-plots"]) == 0
    Path("a/evaluation.json").write_text(kept)
    assert "test.kl" not in read_row_of("a")


def test_a_checkpoint_names_its_model_by_the_digest_that_the_evaluation_has():
    train("a")
    evaluation = evaluation_of("a")
    found = identity("a")
    assert found.parameters_sha256 == evaluation["parameters_sha256"] and found.is_model_of(evaluation)
    assert not found.is_model_of(evaluation | {"parameters_sha256": "0" * 64})
    assert not found.is_model_of(evaluation | {"epochs": 1})


@pytest.mark.parametrize("stolen", ["evaluation.json", "checkpoint.npz"])
def test_a_sweep_is_not_finished_by_another_runs_files(stolen, capsys):
    sweep = ["sweep", *SMALL, "-e", "2", "--alpha", "0,1", "-o", "s", "-q"]
    assert main(sweep) == 0
    before = {name: evaluation_of(f"s/{name}") for name in ("alpha0", "alpha1")}
    shutil.copy(f"s/alpha1/{stolen}", f"s/alpha0/{stolen}")
    code = main(["sweep", "--resume", "s", "-q"])
    said = capsys.readouterr().err
    if stolen == "evaluation.json":
        assert code == 0
        after = evaluation_of("s/alpha0")
        assert after["test"] == before["alpha0"]["test"] != before["alpha1"]["test"]
    else:
        assert code == 2 and "alpha was 1.0, the sweep now says 0.0" in said
