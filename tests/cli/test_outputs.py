"""Where a command may write: never over a run's own files, nor over what it reads; and the option that was given is blamed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.cli.output import RUN_FILES
from minidecomp.runs import checkpoint

COMMAND = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run r of own.npy, with the file beside it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        np.save("own.npy", np.random.default_rng(0).normal(size=(40, 2)))
        args = ["-d", "own.npy", "-e", "2", "--hidden", "4", "--log-gradients", "--no-plots", "-q", "-o", "r"]
        args += ["--validation-fraction", "0.2"]
        assert main(["train", *args]) == 0
    return folder


@pytest.fixture
def place(made, own_folder, capsys):
    """A copy of it in the test's folder, and a file of every kind that leads to another one."""
    shutil.copytree(made, own_folder, dirs_exist_ok=True)
    os.symlink("r/checkpoint.npz", "link.npz")
    os.link("r/checkpoint.npz", "hard.npz")
    os.symlink("r", "linked")
    np.savez("x.npz", np.load("own.npy"))
    os.link("x.npz", "same.npz")
    os.link("own.npy", "own.html")
    os.mkdir("folder.npz")
    os.mkdir("folder.html")
    capsys.readouterr()
    return own_folder


def files():
    return {str(path): path.read_bytes() for path in Path(".").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("sample r -n 5 --out r/checkpoint.npz", "--out r/checkpoint.npz: this would overwrite a run's own checkpoint.npz"),
        ("sample r -n 5 --out ./r/../r/checkpoint.npz", "--out r/../r/checkpoint.npz: this would overwrite"),
        ("sample r -n 5 --out linked/checkpoint.npz", "--out linked/checkpoint.npz: this would overwrite"),
        ("sample r -n 5 --out link.npz", "--out link.npz: this would overwrite"),
        ("sample r -n 5 --out hard.npz", "--out hard.npz: this would overwrite"),
        ("reconstruct r --out hard.npz", "--out hard.npz: this would overwrite"),
        ("traverse r --out link.npz", "--out link.npz: this would overwrite"),
        ("gradients r --save r/checkpoint.npz", "--save r/checkpoint.npz: this would overwrite"),
        ("gradients -d x.npz --likelihood gaussian --points 8 --save same.npz", "--save same.npz: this would overwrite"),
        ("encode r x.npz --out x.npz", "--out x.npz: this would overwrite x.npz, which the command reads"),
        ("encode r x.npz --out same.npz", "--out same.npz: this would overwrite x.npz, which the command reads"),
        ("encode r -d x.npz --out r/checkpoint.npz", "--out r/checkpoint.npz: this would overwrite"),
        ("report r -d own.npy --out own.html", "--out own.html: this would overwrite"),
        ("export r --format numpy --name checkpoint --out r", "--out r/checkpoint.npz: this would overwrite"),
        ("export r --format numpy --name checkpoint --out linked", "--out linked/checkpoint.npz: this would overwrite"),
        ("export r --format numpy --name hard --out .", "--out hard.npz: this would overwrite"),
        ("sample r --out folder.npz", "--out folder.npz: this is a folder"),
        ("report r --out folder.html", "--out folder.html: this is a folder"),
        ("sample r --out none/x.npz", "--out none/x.npz: there is no folder none"),
        ("encode r own.npy --out own.npy/x.npz", "--out own.npy/x.npz: there is no folder own.npy"),
        ("gradients r --save x.txt", "--save x.txt: the file's name must end in .npz"),
        ("report r --out x.pdf", "--out x.pdf: the file's name must end in .html"),
        ("table r --plot test.kl -o fig.gif", "--out fig.gif: the file's name must end in .png, .pdf or .svg"),
        ("table r --plot test.kl -o fig", "--out fig: the file's name must end in .png, .pdf or .svg"),
        ("plot r --classes nothing", "--classes nothing: the points of own.npy have no classes"),
        ("plot r --classes ,", "--classes: expected names of classes, separated by commas, got ','"),
        ("encode r", "encode needs DATA; see minidecomp encode --help"),
        ("encode r x.npz --data own.npy", "--data own.npy: the file x.npz is already given"),
    ],
)  # fmt: skip
def test_refused_and_nothing_is_written(args, message, place, capsys):
    before = files()
    assert main(args.split()) == 2
    _, err = capsys.readouterr()
    assert err.count("\n") == 1 and err.startswith(f"minidecomp: {message}"), err
    assert files() == before
    checkpoint.load("r")


def test_another_runs_files_are_safe_too(place, capsys):
    shutil.copytree("r", "other")
    assert main(["sample", "r", "-n", "5", "--out", "other/checkpoint.npz"]) == 2
    assert main(["export", "r", "--format", "numpy", "--name", "checkpoint", "--out", "other"]) == 2
    checkpoint.load("other")


def test_the_list_of_a_runs_files_is_whole(place):
    assert {name for name in os.listdir("r") if os.path.isfile(f"r/{name}")} == set(RUN_FILES)


def test_files_that_belong_to_no_run_are_written_over(place):
    """An earlier output may be replaced, and a new file may stand in a run's folder."""
    for out in ("new.npz", "new.npz", "r/new.npz"):
        assert main(["sample", "r", "-n", "5", "--out", out]) == 0
        with np.load(out) as arrays:
            assert arrays["z"].shape == (5, 2)
    assert main(["export", "r", "--format", "numpy", "--name", "model", "--out", "r"]) == 0
    assert main(["export", "r", "--format", "numpy", "--name", "own", "--out", "."]) == 0
    assert {"own.npz", "own.py", "own.npy"} <= set(os.listdir())


def test_encode_takes_its_file_in_either_way(place):
    assert main(["encode", "r", "own.npy", "--out", "a.npz"]) == 0
    assert main(["encode", "r", "--data", "own.npy", "--out", "b.npz"]) == 0
    with np.load("a.npz") as a, np.load("b.npz") as b:
        assert np.array_equal(a["loc"], b["loc"])


def test_the_pictures_of_training_stay(place):
    """`sample -n 5` and `reconstruct` wrote over the pictures that `plot` draws."""
    assert main(["plot", "r"]) == 0
    before = files()
    assert main(["sample", "r", "-n", "5", "--out", "s.npz"]) == 0
    assert main(["reconstruct", "r", "-n", "2"]) == 0
    after = files()
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {
        "s.npz",
        "r/figures/samples-5-seed0.png",
        "r/figures/reconstructions-2.png",
    }


def test_classes_are_refused_where_the_plane_is_drawn(capsys):
    assert main(["train", "--points-per-arm", "5", "-e", "1", "--hidden", "3", "--no-plots", "-q", "-o", "r"]) == 0
    capsys.readouterr()
    assert main(["plot", "r", "--classes", "0"]) == 2
    assert "--classes 0: a model with two latent dimensions" in capsys.readouterr().err
    assert not os.path.exists("r/figures")


def with_small_files(*args):
    """A command that may write no file of more than 300 bytes."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

    # -B: Python would cut the compiled modules that it keeps.
    command = [sys.executable, "-B", *COMMAND[1:], *args]
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)


def test_a_full_disk_keeps_the_gradients_of_before(place):
    """`gradients --save FILE --json` wrote into the file itself, which a full disk then cut."""
    Path("g.npz").write_bytes(b"before")
    done = with_small_files("gradients", "r", "--points", "8", "--save", "g.npz", "--json")
    assert done.returncode == 1 and "cannot write g.npz: File too large" in done.stderr
    assert Path("g.npz").read_bytes() == b"before"


@pytest.mark.parametrize(
    "kind", ["c", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("numpy", "safetensors"))]
)
def test_export_to_a_full_disk_names_the_file_that_it_was_for(kind, place):
    """It named one in a scratch folder."""
    done = with_small_files("export", "r", "--format", kind, "-o", "out")
    assert done.returncode == 1
    line = r"minidecomp: cannot write out/model\.\w+: File too large; .* \(it is first made in .*\)\n"
    assert re.fullmatch(line, done.stderr), done.stderr
    assert os.listdir("out") == []


def test_an_added_format_that_cannot_write(place, capsys, monkeypatch):
    from minidecomp.export.format import ExportFormat

    def write(run, folder, name, weights):
        (folder / "none" / name).write_text("")

    own = ExportFormat("own", "nothing", write)
    monkeypatch.setattr("minidecomp.export.format.chosen_format", lambda *given: own)
    assert main(["export", "r", "--format", "own", "-o", "out"]) == 1
    assert "minidecomp: cannot write out/none/model: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("args", ["report RUN -o x.html", "sample RUN -o s.npz", "gradients RUN --save g.npz"])
def test_in_a_folder_that_was_deleted(args, place, capsys):
    """The line was: No such file or directory."""
    run = os.path.abspath("r")
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")
    words = args.replace("RUN", run).split()
    assert main(words) == 2
    assert f"{words[-1]}: the current folder is gone" in capsys.readouterr().err


@pytest.mark.parametrize("args", ["export r --format c", "plot r"])
def test_an_empty_folders_name(args, place, capsys):
    assert main([*args.split(), "--out", ""]) == 2
    assert capsys.readouterr().err == 'minidecomp: --out "": the name is empty; name a folder\n'
