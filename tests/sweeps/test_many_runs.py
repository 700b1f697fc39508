"""What a sweep of many small runs costs: files read and written for each run, whatever their number."""

from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from minidecomp import training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import Fault
from minidecomp.files import write_json
from minidecomp.runs import checkpoint, evaluation_file, remembered
from minidecomp.sweeps import folder as sweep_folder
from minidecomp.sweeps import work
from minidecomp.sweeps.folder import Table, begin_sweep, failure, is_finished, open_sweep
from minidecomp.sweeps.grid import expand
from minidecomp.sweeps.local import run_all
from minidecomp.sweeps.survey import survey

SMALL = {"prior": "mixture", "points_per_arm": 10, "hidden": [5], "epochs": 3}


@pytest.fixture
def counts(monkeypatch):
    """How often files are read and written, while the table is written after every run."""
    found = Counter()

    def counted(module, name, what):
        true = getattr(module, name)

        def call(first, *more, **others):
            found[what(first)] += 1
            return true(first, *more, **others)

        monkeypatch.setattr(module, name, call)

    counted(checkpoint, "identity", lambda folder: "checkpoints")
    counted(evaluation_file, "_parse", lambda path: "evaluations")
    counted(sweep_folder, "read_small_file", lambda path: "notes")
    for module in (checkpoint, evaluation_file):
        counted(module, "write_file" if module is checkpoint else "write_json", lambda path: f"writes of {path.name}")
    monkeypatch.setattr(Table, "update", Table.write)
    return found


def forget():
    for known in (remembered._identity, evaluation_file._remembered_parts, sweep_folder._note):
        known.cache_clear()


def begun(name, runs, **more):
    blocks = [SMALL | {"seeds": runs} | more]
    return begin_sweep(name, blocks), expand(blocks)


def test_each_run_is_read_once(own_folder, counts):
    """Once every evaluation was read again after each run."""
    for runs in (3, 6):
        place, entries = begun(f"s{runs}", runs)
        for when in ("new", "resumed"):
            forget()
            counts.clear()
            assert set(run_all(place, entries, threads=1).values()) == {"finished"}
            sweep_folder.write_table(place, entries)
            assert counts["checkpoints"] == runs
            assert counts["evaluations"] == (2 if when == "new" else 1) * runs, "before it is written, and after"
        forget()
        counts.clear()
        assert len(list(survey(place))) == runs
        assert counts == {"checkpoints": runs, "evaluations": 2 * runs}


def test_each_note_of_a_failure_is_read_once(own_folder, counts, monkeypatch):
    monkeypatch.setattr(work, "_trainer", lambda *args: 1 / 0)
    for runs in (3, 6):
        place, entries = begun(f"s{runs}", runs)
        counts.clear()
        assert set(run_all(place, entries, threads=1).values()) == {"failed"}
        assert counts["notes"] == runs


def test_a_short_run_is_written_once(own_folder, counts):
    """Once there were two checkpoints and two tables of metrics."""
    place, entries = begun("s", 2)
    run_all(place, entries, threads=1)
    assert counts["writes of checkpoint.npz"] == counts["writes of metrics.csv"] == 2
    assert counts["writes of evaluation.json"] == 2


def test_the_table_has_what_others_have_changed(own_folder):
    """Another process evaluates a run again, and finishes one, between two writes of the table."""
    place, entries = begun("s", 3)
    table = Table(place, entries)
    run_all(place, entries[:2], threads=1)
    table.write()
    before = Path("s/sweep.csv").read_text()
    known = evaluation_file.read_whole(place / "seed0")
    write_json(place / "seed0" / "evaluation.json", known | {"test": known["test"] | {"kl": 12.5}})
    run_all(place, entries[2:], threads=1)
    table.write()
    lines = Path("s/sweep.csv").read_text().splitlines()
    assert "pending" in before and "pending" not in "".join(lines)
    assert "12.5" not in before and "12.5" in lines[1]


def parameters(folder):
    return checkpoint.load(folder).vae.parameters.vector


@pytest.mark.parametrize("more", [{}, {"log_gradients": True}, {"validation_fraction": 0.2}], ids=str)
@pytest.mark.parametrize("at", ["begun", "checkpoint.npz", "metrics.csv"])
def test_a_run_killed_at_its_first_checkpoint_goes_on(own_folder, at, more):
    """Before it, the run begins again; a table with rows never comes before it."""
    place, entries = begun("whole", 1, **more)
    run_all(place, entries, threads=1)
    place, _ = begun("s", 1, **more)
    entry, true = entries[0], checkpoint.write_file
    name = entry.name

    def write(path, *rest):
        true(path, *rest)
        if path.name == at:
            raise Fault("killed")

    with pytest.MonkeyPatch.context() as patch, nullcontext() if at == "begun" else pytest.raises(Fault):
        patch.setattr(checkpoint, "write_file", write)
        trainer = training.start(entry.options, dataset_from(entry.options), str(place / name), save_at_once=False)
        with trainer:
            assert at == "begun" or training.train(trainer)
    assert not is_finished(place, entry)
    assert set(run_all(place, entries, threads=1).values()) == {"finished"}
    assert np.array_equal(parameters(place / name), parameters(Path("whole") / name))
    tables = [(folder / name / "metrics.csv").read_text().splitlines() for folder in (place, Path("whole"))]
    assert len(tables[0]) == len(tables[1]) == 4


def test_a_run_that_fails_before_its_first_checkpoint_promises_none(own_folder, capsys):
    assert main(["sweep", "--prior", "mixture", "--lr", "1e30", "--epochs", "3", "--out", "s", "-q"]) == 1
    capsys.readouterr()
    (entry,) = open_sweep(Path("s"))
    assert "not finite" in failure(Path("s"), entry.name) and "checkpoint" not in failure(Path("s"), entry.name)
    assert main(["sweep", "--resume", "s", "-q"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_with_a_log_is_saved_before_it(own_folder, capsys):
    """Otherwise the log's files would make the folder another program's: no later sweep would train the run."""
    pytest.importorskip("tensorboard")
    words = ["--prior", "mixture", "--lr", "1e30", "--epochs", "3", "--log", "tensorboard", "--out", "s", "-q"]
    assert main(["sweep", *words]) == 1
    (entry,) = open_sweep(Path("s"))
    assert Path("s", entry.name, "checkpoint.npz").exists()
    assert main(["sweep", "--resume", "s", "-q"]) == 1
    assert "not finite" in failure(Path("s"), entry.name)
