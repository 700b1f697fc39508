"""What a file may be, what a download may send, and what a cache may hold."""

import io
import os
import socket
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data import arrays, folders
from minidecomp.data import principal_variances as pca
from minidecomp.data.dataset import Dataset
from minidecomp.data.waiting import Waiting
from minidecomp.errors import DataError, Fault
from minidecomp.files import write_file
from minidecomp.randomness import philox, streams

SMALL = ["-e", "1", "--hidden", "3", "--no-plots", "-q"]


# ---- pipes and devices ----


@pytest.mark.parametrize("ending", arrays.ENDINGS)
def test_a_pipe_is_refused_and_not_waited_for(ending, capsys):
    name = f"pipe{ending}"
    os.mkfifo(name)
    assert main(["train", "--data", name, *SMALL]) == 2
    err = capsys.readouterr().err
    assert "is a pipe; write the data to a file" in err and err.count("\n") == 1
    os.symlink(name, f"link{ending}")
    with pytest.raises(DataError, match="is a pipe"):
        arrays.read(f"link{ending}")


def test_sockets_and_devices_are_refused():
    os.symlink("/dev/zero", "zero.csv")
    with pytest.raises(DataError, match=r"zero\.csv: is a device"):
        arrays.read("zero.csv")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.npy")
        with pytest.raises(DataError, match=r"socket\.npy: is a socket"):
            arrays.read("socket.npy")


def test_encode_refuses_a_pipe():
    assert main(["train", "--prior", "mixture", "-o", "run", *SMALL]) == 0
    os.mkfifo("pipe.npy")
    command = [sys.executable, "-m", "minidecomp", "encode", "run", "pipe.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "is a pipe" in done.stderr


def test_what_a_run_without_its_file_says(capsys):
    np.save("x.npy", np.random.default_rng(0).normal(size=(20, 2)))
    assert main(["train", "--data", "x.npy", "-o", "run", *SMALL]) == 0
    os.rename("x.npy", "moved.npy")
    for command in ("evaluate run -q", "gradients run", "report run", "reconstruct run", "traverse run", "sample run"):
        assert main(command.split()) == 2
        assert "x.npy: no such file; --data FILE says where the run's data is now" in capsys.readouterr().err
    assert main(["sample", "run", "--out", "s.npz"]) == 2 and not os.path.exists("s.npz")
    assert main(["train", "--resume", "run", "-e", "2"]) == 2
    assert "--data FILE says where" in capsys.readouterr().err
    assert main(["train", "--resume", "run", "-e", "2", "--data", "moved.npy", "--no-plots", "-q"]) == 0


# ---- downloads ----


def fetched(content, most=100, fault=lambda content: ""):
    folders.fetch_file("https://example.org/x", folders.Path("there/x"), most, fault)
    return folders.Path("there/x").read_bytes() == content


def test_a_reply_longer_than_the_file_is_not_read_on(monkeypatch):
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size=-1):
            Endless.asked += size
            return bytes(size)

    monkeypatch.setattr(folders, "open_https", lambda url: Endless())
    with pytest.raises(Fault, match=r"it has more than 3,000,000 bytes"):
        fetched(b"", most=3_000_000)
    assert Endless.asked < 5_000_000 and os.listdir("there") == []


def test_a_link_in_the_folder_is_not_followed(monkeypatch):
    """Neither one at the old, predictable name of a part nor one at the file's own."""
    os.mkdir("there")
    folders.Path("precious").touch()
    os.symlink("../precious", f"there/x.{os.getpid()}.part")
    os.symlink("../precious", "there/x")
    monkeypatch.setattr(folders, "open_https", lambda url: io.BytesIO(b"content"))
    assert fetched(b"content", fault=lambda content: "" if content else "is empty")
    assert folders.Path("precious").read_text() == "" and not os.path.islink("there/x")


def test_https_all_the_way():
    from minidecomp.data import dsprites, fashion_mnist

    assert fashion_mnist.URL.startswith("https://") and dsprites.URL.startswith("https://")
    with pytest.raises(Fault, match=r"it leads to http://example\.org/x, which is not https"):
        folders.fetch_file("http://example.org/x", folders.Path("there/x"), 10, lambda content: "")


def test_a_redirect_to_http_is_refused(monkeypatch):
    import urllib.request
    from email.message import Message

    def open_(opener, request, timeout=None):
        handler = next(each for each in opener.handlers if type(each).__name__ == "HttpsOnly")
        asked = urllib.request.Request(request)
        again = handler.redirect_request(asked, None, 302, "Found", Message(), "https://example.org/other")
        assert again.full_url == "https://example.org/other"
        return handler.redirect_request(asked, None, 302, "Found", Message(), "http://example.org/x")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", open_)
    with pytest.raises(OSError, match=r"it leads to http://example\.org/x, which is not https"):
        folders.open_https("https://example.org/x")


# ---- the cache of principal variances ----


@pytest.mark.parametrize(
    "held",
    [
        {"variances": np.ones(3, np.float32)},
        {"variances": np.ones((3, 1))},
        {"variances": np.float64(1)},
        {"variances": np.ones(9)},
        {"variances": np.ones(0)},
        {"variances": np.array([1.0, np.nan, 0.5])},
        {"variances": np.array([1.0, 2.0, 3.0])},
        {"variances": np.array([3.0, 2.0, -1.0])},
        {"variances": np.array(["a", "b", "c"])},
        {"variances": np.array([1.0, 1.0, 1.0]), "key": "others-centred"},
        {"other": np.ones(3)},
    ],
)
def test_a_cache_that_holds_something_else_is_not_used(held, monkeypatch):
    monkeypatch.setattr(pca, "WORTH_CACHING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", os.getcwd())
    points = np.random.default_rng(0).normal(size=(30, 4)) * [4, 3, 2, 1]
    expected = pca.cached_principal_variances(points, 3, True, "abc")
    path = next((folders.cache() / "principal_variances").iterdir())
    np.savez(path, **({"key": "abc-centred"} | held))
    np.testing.assert_array_equal(pca.cached_principal_variances(points, 3, True, "abc"), expected)
    with np.load(path) as file:  # and what was wrong is written anew
        np.testing.assert_array_equal(file["variances"][:3], expected)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"\x80\x04pickle"])
def test_a_damaged_cache_or_a_pipe_is_not_used(content, monkeypatch):
    monkeypatch.setattr(pca, "WORTH_CACHING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", os.getcwd())
    points = np.random.default_rng(0).normal(size=(30, 4))
    expected = pca.cached_principal_variances(points, 3, True, "abc")
    path = next((folders.cache() / "principal_variances").iterdir())
    write_file(path, lambda file: file.write(content))
    np.testing.assert_array_equal(pca.cached_principal_variances(points, 3, True, "abc"), expected)
    path.unlink()
    os.mkfifo(path)
    np.testing.assert_array_equal(pca.cached_principal_variances(points, 3, True, "abc"), expected)


def test_what_is_computed_for_the_cache_is_said_and_counted_once(monkeypatch):
    monkeypatch.setattr(pca, "WORTH_CACHING", 0)
    monkeypatch.setattr(pca, "BLOCK", 20)
    monkeypatch.setenv("XDG_CACHE_HOME", os.getcwd())
    said, counts = [], []
    waiting = Waiting(said.append, lambda length: counts.append(length) or nullcontext(counts.append))
    points = np.random.default_rng(0).normal(size=(50, 4))
    for centre in (False, True, True):
        pca.cached_principal_variances(points, 3, centre, "abc", waiting)
    assert counts == [50, 20, 40, 50] * 2
    place = folders.cache() / "principal_variances"
    assert said == [
        "computing the second moment of 50 points, once, for --prior-variance pca",
        f"principal variances: kept for later runs in {place}",
        "computing the covariance of 50 points, once, for --prior-variance pca",
        f"principal variances: kept for later runs in {place}",
    ]
    monkeypatch.setattr(pca, "make_folder", lambda folder: (_ for _ in ()).throw(Fault("it is full")))
    pca.cached_principal_variances(points, 3, True, "other", waiting)
    assert said[-1] == "the principal variances are not kept for later runs: it is full"


def test_train_says_what_pca_computes_unless_it_is_quiet_or_known(monkeypatch, capsys):
    monkeypatch.setattr(pca, "WORTH_CACHING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", os.getcwd())
    small = ["--data", "pinwheel", "--points-per-arm", "5", "--hidden", "4", "--epochs", "1", "--no-plots"]
    pca_run = ["train", *small, "--prior", "gaussian", "--prior-variance", "pca", "--out"]
    for run, data_seed, more, is_said in (("a", "0", [], True), ("b", "0", [], False), ("c", "1", ["-q"], False)):
        assert main([*pca_run, run, "--data-seed", data_seed, *more]) == 0
        assert ("computing the covariance of 20 points, once" in capsys.readouterr().err) == is_said


# ---- the digest ----


@pytest.mark.parametrize(
    "command",
    [
        "evaluate run --data moved.npy",
        "gradients run --data moved.npy --no-plots",
        "report run --data moved.npy",
        "reconstruct run --data moved.npy",
        "plot run --data moved.npy",
        "traverse run --data moved.npy",
        "train --resume run --data moved.npy -e 2",
    ],
)
def test_changed_test_points_are_refused_on_every_face(command, capsys):
    points = np.random.default_rng(0).normal(size=(40, 3))
    np.save("x.npy", points)
    assert main(["train", "--data", "x.npy", "-o", "run", *SMALL]) == 0
    points[philox.permutation(40, 0, *streams.SPLIT.at())[:4]] += 100
    np.save("moved.npy", points)
    capsys.readouterr()
    assert main(command.split()) == 2
    assert "the test points of moved.npy are not those that this run started with" in capsys.readouterr().err


# ---- one point ----


def test_a_report_with_one_test_point():
    np.save("ten.npy", np.random.default_rng(0).normal(size=(10, 3)))
    assert main(["train", "--data", "ten.npy", "--alpha", "1", "-o", "run", *SMALL]) == 0
    assert main(["report", "run"]) == 0
    assert os.path.getsize("run/report.html") > 10_000


def test_gradients_of_a_batch_too_small_for_the_regulariser():
    from minidecomp import resolve, training
    from minidecomp.inspection.by_term import term_gradients
    from minidecomp.randomness.draws import draw

    points = np.random.default_rng(0).normal(size=(10, 3))
    trainer = training.start_in_memory(resolve(data="x.npy", alpha=2.0, hidden="3"), Dataset("x", points, points))
    vae = trainer.state.vae
    drawn = draw(vae.current_prior(), 1, 1, vae.latent_dim, 0, 1, vae.dtype, False)
    found = term_gradients(vae, trainer.objective, points[:1].astype(vae.dtype), drawn)
    assert found.terms == ("log_likelihood", "kl")
    assert found.values["objective"] == pytest.approx(found.values["log_likelihood"] - found.values["kl"])


@pytest.mark.parametrize("regulariser", ["kl-inc", "mmd"])
def test_logged_gradients_with_one_training_point(regulariser, capsys):
    np.save("four.npy", np.random.default_rng(0).normal(size=(4, 3)))
    command = ["train", "--data", "four.npy", "--test-fraction", "0.7", "--log-gradients", "-o", "run", *SMALL]
    assert main([*command, "--alpha", "1", "--regulariser", regulariser]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err
