"""A command in odd surroundings: closed streams, poor terminals, broken packages, strange names, signals."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli import main as main_module
from minidecomp.cli.main import main
from minidecomp.errors import DataError, OptionError, is_text, printable

CODE = "from minidecomp.cli.main import run; run()"
COMMAND = [sys.executable, "-c", CODE]
SMALL = ["--points-per-arm", "5", "--epochs", "1", "--hidden", "3", "--threads", "1"]
ESCAPES = "\x1b[31m\n\u202ered\x7f"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that tests copy."""
    folder = tmp_path_factory.mktemp("trained") / "r"
    assert main(["train", *SMALL, "--no-plots", "-q", "-o", str(folder)]) == 0
    return folder


@pytest.fixture
def run_r(trained, capsys):
    shutil.copytree(trained, "r")
    capsys.readouterr()


def started(*args, env=None, **settings):
    """A process of the command that has ended, its text as bytes read as UTF-8."""
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
    return subprocess.run([*COMMAND, *args], env=os.environ | (env or {}), timeout=100, **settings)


def one_line(capsys, code, *args):
    assert main(list(args)) == code
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("minidecomp: "), err
    return err.removeprefix("minidecomp: ").strip()


# ---- pictures without a window ----


@pytest.mark.parametrize(
    ("backend", "args"),
    [
        ("module://not_here.backend_inline", ["plot", "r"]),
        pytest.param("nonsense", ["table", "r", "--plot", "test.kl"], marks=pytest.mark.slow),
        pytest.param("tkagg", ["sample", "r"], marks=pytest.mark.slow),
    ],
)
def test_pictures_are_drawn_whatever_mplbackend_says(backend, args, run_r):
    done = started(*args, env={"MPLBACKEND": backend})
    assert done.returncode == 0 and b"matplotlib" not in done.stderr and b"picture: " in done.stdout, done.stderr


def test_a_notebooks_backend_stays():
    """We draw first and do not load the backend's module; then matplotlib has the backend that the notebook wants."""
    code = """
import os, sys
os.environ["MPLBACKEND"] = sys.argv[1]
from minidecomp import figures
import numpy as np
figures.samples(np.zeros((4, 2)), np.zeros((4, 2)))
assert os.environ["MPLBACKEND"] == sys.argv[1] and "matplotlib.pyplot" not in sys.modules
import matplotlib
print(matplotlib.get_backend(auto_select=False) if sys.argv[1] == "svg" else "drawn")
"""
    for backend, expected in (("svg", "svg"), ("module://not_here", "drawn")):
        done = subprocess.run([sys.executable, "-c", code, backend], capture_output=True, text=True)
        assert (done.stdout.strip(), done.returncode) == (expected, 0), done.stderr


# ---- packages that are installed and broken ----


@pytest.fixture
def broken(tmp_path):
    """The environment of a process in which the packages that are optional raise when they are imported."""
    for name in ("matplotlib", "onnx", "distributed", "sklearn", "cupy"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "__init__.py").write_text(
            "raise RuntimeError('built against another numpy\\nmore')"
        )
    return {"PYTHONPATH": os.pathsep.join([str(tmp_path / "broken"), *filter(None, [os.environ.get("PYTHONPATH")])])}


@pytest.mark.parametrize(
    ("args", "code", "package"),
    [
        (["plot", "r"], 2, "matplotlib"),
        pytest.param(["reproduce", "clustering", "--quick"], 2, "matplotlib", marks=pytest.mark.slow),
        (["sample", "r"], 0, "matplotlib"),
        pytest.param(["gradients", "r"], 0, "matplotlib", marks=pytest.mark.slow),
        pytest.param(["table", "r", "--plot", "test.kl"], 2, "matplotlib", marks=pytest.mark.slow),
        (["train", *SMALL, "-q", "--json", "--plots", "-o", "q"], 0, None),
        pytest.param(["train", *SMALL, "-o", "q"], 0, "matplotlib", marks=pytest.mark.slow),
        (["export", "r", "--format", "onnx"], 2, "onnx"),
        (["sweep", "--alpha", "1,2", "--scheduler", "tcp://127.0.0.1:1"], 2, "Dask"),
        (["train", "--engine", "gpu"], 2, "CuPy"),
    ],
)  # fmt: skip
def test_a_broken_package_is_one_line(args, code, package, broken, run_r):
    done = started(*args, env=broken)
    lines = [line for line in done.stderr.decode().splitlines() if "points of" not in line and "epoch " not in line]
    assert done.returncode == code, lines
    if package is None:
        assert lines == []
    else:
        assert len(lines) == 1 and package in lines[0] and "built against another numpy" in lines[0], lines
    assert not os.path.exists("sweeps") and not os.path.exists("r/figures")


def test_a_broken_scikit_learn(broken):
    code = """
import numpy as np
from minidecomp import DecompositionVAE
from minidecomp.errors import MinidecompError
from minidecomp.evaluation import scoring
print(DecompositionVAE(epochs=1).fit(np.random.default_rng(0).random((20, 2))).transform(np.zeros((1, 2))).shape)
try:
    scoring.choose("dci", None, 10)
except MinidecompError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | broken, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "(1, 2)" and lines[1].startswith("metrics=dci: scikit-learn is installed but broken")


# ---- streams ----


def test_closed_streams(run_r):
    """A closed stream acts like the null device: nothing is written to a file that got its number."""
    np.save("own.npy", np.random.default_rng(0).normal(size=(9, 2)))
    for closed in [(1,), (0, 1, 2)]:

        def close(numbers=closed):
            for number in numbers:
                os.close(number)

        kept = {"stdin": None, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        settings = {name: kept[name] for i, name in enumerate(kept) if i not in closed}
        done = subprocess.run(
            [*COMMAND, "encode", "r", "own.npy", "--out", "s.npz"], preexec_fn=close, timeout=100, **settings
        )
        assert done.returncode == 0 and not done.stderr, (closed, done.stderr)
        with np.load("s.npz") as arrays:
            assert arrays["loc"].shape == (9, 2)
        if closed == (1,):
            continue
        # What is wrong has its exit code, whether or not its line can be read.
        done = subprocess.run([*COMMAND, "sample", "nowhere"], preexec_fn=close, timeout=100, **settings)
        assert done.returncode == 2 and b"Traceback" not in (done.stderr or b"")
        done = subprocess.run([*COMMAND, "train", *SMALL, "--no-plots"], preexec_fn=close, timeout=100, **settings)
        assert done.returncode == 0 and b"Traceback" not in (done.stderr or b"")


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"PYTHONIOENCODING": "latin-1"}, marks=pytest.mark.slow),
        {"PYTHONIOENCODING": "ascii:strict"},
        pytest.param({"LC_ALL": "C"}, marks=pytest.mark.slow),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_terminal_that_cannot_show_every_letter(env, run_r):
    os.mkdir("ü→ё")
    np.save("own.npy", np.random.default_rng(0).normal(size=(9, 2)))
    # The names reach Python as text in all but the last, where the system gives them byte by byte.
    whole = "PYTHONUTF8" not in env
    done = started("encode", "r", "own.npy", "--out", "ü→ё/s.npz", env=env)
    assert done.returncode == (0 if whole else 2) and b"Traceback" not in done.stderr
    assert os.path.exists("ü→ё/s.npz") == whole
    if "ascii:strict" in env.values():
        assert b"arrays: \\xfc\\u2192\\u0451/s.npz (loc, scale, index)" in done.stdout
    done = started("train", "--help", env=env)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr


def test_main_leaves_its_callers_streams_alone(tmp_path):
    """After any OSError it sent the caller's stdout to the null device; click puts others in its place."""
    code = """
import os, sys
from minidecomp.cli import group
from minidecomp.cli.main import main
def fail(error):
    def raise_it(*args):
        raise error
    return raise_it
before = sys.stdout, sys.stderr, sys.stdin
for error in (OSError(28, "No space left on device", "x"), BrokenPipeError(32, "Broken pipe"), OSError(5, "I/O error")):
    group.cli.invoke = fail(error)
    print("code", main(["data", "list"]), flush=True)
assert (sys.stdout, sys.stderr, sys.stdin) == before
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "code 1\n" * 3, done
    lines = done.stderr.splitlines()
    assert lines == ["minidecomp: x: No space left on device", "minidecomp: Broken pipe", "minidecomp: I/O error"]


@pytest.mark.parametrize("stream", ["stdout", pytest.param("stderr", marks=pytest.mark.slow)])
@pytest.mark.parametrize("args", [["train", *SMALL, "--no-plots"]])
def test_nobody_reads(stream, args):
    reading, writing = os.pipe()
    os.close(reading)
    done = started(*args, **{stream: writing})
    os.close(writing)
    assert done.returncode in (0, 1, 2) and not any(
        b"Traceback" in (text or b"") for text in (done.stdout, done.stderr)
    )


# ---- signals ----


@pytest.mark.parametrize(
    "module",
    ["click", "minidecomp.cli.train"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("numpy", "minidecomp.settings.options")],
)
def test_an_interruption_while_modules_are_imported(module):
    """Ctrl-C in the first tenth of a second was a traceback. Here it comes as a module begins to be imported."""
    code = f"""
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(10_000): pass
sys.meta_path.insert(0, Interrupt())
{CODE}
"""
    done = subprocess.run([sys.executable, "-c", code, "train", *SMALL], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "minidecomp: interrupted\n")
    assert not os.path.exists("runs")


def test_an_interruption_and_one_more(monkeypatch):
    """The second comes while the first one's line is written."""
    code = f"""
import os, signal
from minidecomp.cli import group, main
def interrupt(*args):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(10_000): pass
group.cli.invoke = main._complain = interrupt
{CODE}
"""
    done = subprocess.run([sys.executable, "-c", code, "data", "list"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


# ---- the last resort ----


def test_what_nobody_foresaw_is_one_line_and_how_to_report_it(monkeypatch, capsys):
    from minidecomp.cli import group

    for error in (ZeroDivisionError("a\nb"), RecursionError(), AssertionError(ESCAPES), EOFError("cut")):
        monkeypatch.setattr(group.cli, "invoke", lambda context, error=error: (_ for _ in ()).throw(error))
        line = one_line(capsys, 1, "data", "list")
        assert type(error).__name__ in line and "MINIDECOMP_DEBUG=1" in line and "report" in line
        assert line.isprintable()
    monkeypatch.setenv("MINIDECOMP_DEBUG", "1")
    assert main(["data", "list"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback") and err.splitlines()[-1].startswith("minidecomp: internal error")


def test_debug_is_no_option_of_a_run(monkeypatch):
    monkeypatch.setenv("MINIDECOMP_DEBUG", "1")
    assert main(["train", *SMALL, "--no-plots", "-q", "-o", "r"]) == 0


# ---- names ----

NO_TEXT = "caf\udce9"  # what Python makes of the bytes of latin-1


def test_text_is_utf_8_without_zero_bytes():
    assert is_text("café \x1b") and not is_text(NO_TEXT) and not is_text("a\0b")


@pytest.mark.parametrize(
    "args",
    [
        "train -o BAD", "train -d BAD.npy", "train --data=BAD.npy", "train --data-dir BAD --data dsprites", "train -c BAD.toml",
        "train --resume BAD", "train -d two.npz --array BAD", "train --prior BAD", "train --alpha BAD", "train BAD", "BAD",
        "train --factors BAD", "evaluate BAD", "evaluate r --metrics BAD", "evaluate r -d BAD.npy", "table BAD",
        "table r --plot test.kl -o BAD.png", "table r --values BAD", "plot BAD", "plot r -o BAD", "plot r --classes BAD",
        "traverse r -o BAD.npz", "reconstruct r -o BAD.npz", "sample r -o BAD.npz", "sample r --data-dir BAD",
        "encode r BAD.npy", "encode r -d BAD.npy", "encode r own.npy -o BAD.npz", "encode r two.npz --array BAD",
        "sweep --alpha 1,2 -o BAD", "sweep -c BAD.toml", "sweep --resume BAD", "sweep -d BAD.npy --seeds 2",
        "reproduce clustering --quick -o BAD", "gradients r --save BAD.npz", "gradients -c BAD.toml", "gradients -d BAD.npy",
        "report r -o BAD.html", "export r --format c -o BAD", "export r --format c --name BAD", "export r --format BAD",
        "data fetch BAD", "data fetch dsprites --data-dir BAD", "data render dsprites -o BAD.npz",
    ],
)  # fmt: skip
def test_a_name_that_is_not_utf_8(args, run_r, capsys):
    """It was a traceback, and an empty run folder was left."""
    np.save("own.npy", np.random.default_rng(0).normal(size=(9, 2)))
    np.savez("two.npz", a=np.load("own.npy"), b=np.load("own.npy"))
    before = sorted(map(str, Path(".").rglob("*")))
    line = one_line(capsys, 2, *args.replace("BAD", NO_TEXT).split())
    assert "caf\\udce9" in line and "UTF-8" in line
    assert sorted(map(str, Path(".").rglob("*"))) == before


def test_a_folder_above_that_is_not_utf_8(capsys, monkeypatch):
    """What is recorded is refused before a folder is made; all else works there."""
    os.mkdir(NO_TEXT)
    monkeypatch.chdir(NO_TEXT)
    np.save("own.npy", np.random.default_rng(0).normal(size=(40, 2)))
    assert "names must be UTF-8" in one_line(capsys, 2, "train", "-d", "own.npy", "-e", "1", "-o", "r")
    assert "names must be UTF-8" in one_line(capsys, 2, "sweep", "-d", "own.npy", "-e", "1", "--seeds", "2", "-o", "s")
    assert os.listdir() == ["own.npy"]
    assert main(["train", *SMALL, "-q", "--no-plots", "-o", "r"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("MINIDECOMP_DATA_DIR", NO_TEXT)
    assert "MINIDECOMP_DATA_DIR=caf\\udce9: names must be UTF-8" in one_line(capsys, 2, "train", "-o", "q")
    monkeypatch.delenv("MINIDECOMP_DATA_DIR")
    for args in ("sample r", "evaluate r", "report .", "encode r own.npy", "table .", "export r --format c"):
        code = 2 if args == "report ." else 0
        assert main(args.split()) == code, args
    os.rename("r", "caf")
    monkeypatch.chdir("..")
    os.rename(f"{NO_TEXT}/caf", "r2")
    os.rename("r2", NO_TEXT + "2")
    monkeypatch.chdir(NO_TEXT + "2")
    assert main(["report", "."]) == 0
    assert "caf\\udce9" in Path("report.html").read_text("utf-8")


def test_names_are_shown_escaped():
    assert printable("plain ü→ text") == "plain ü→ text"
    assert printable(ESCAPES) == "\\x1b[31m\\n\\u202ered\\x7f"
    assert printable("ü→", "latin-1") == "ü\\u2192" and printable("ü→", "ascii") == "\\xfc\\u2192"
    assert str(OptionError("data", ESCAPES, "no")) == f"data={printable(ESCAPES)}: no"
    assert str(DataError(f"{ESCAPES}: no such file")).isprintable()


@pytest.mark.parametrize(
    "args",
    [
        ["train", "-d", f"{ESCAPES}.npy"], ["train", "-d", "esc.npz"], ["train", "-d", "esc.npz", "--array", ESCAPES + "x"],
        ["train", "-c", f"{ESCAPES}.toml"], ["train", "--prior", ESCAPES], ["train", "--alpha", ESCAPES], [ESCAPES],
        ["train", f"--{ESCAPES}"], ["train", "--resume", ESCAPES], ["evaluate", ESCAPES], ["evaluate", "r", "--metrics", ESCAPES],
        ["table", "r", "--values", ESCAPES], ["table", ESCAPES], ["sample", "r", "--out", ESCAPES], ["export", "r", "--format", ESCAPES],
        ["sample", "r", "--out", f"{ESCAPES}/x.npz"], ["data", "fetch", ESCAPES], ["plot", "r", "--format", ESCAPES],
        ["export", "r", "--format", "c", "--name", ESCAPES], ["sweep", "--scheduler", ESCAPES], ["reproduce", ESCAPES],
        ["gradients", "r", "--theorem", ESCAPES], ["encode", "r", "esc.npz"], ["encode", "r", f"{ESCAPES}.csv"],
        ["train", "-d", "esc.csv"], ["train", "-c", "esc.toml"],
    ],
)  # fmt: skip
def test_escape_sequences_in_what_is_refused(args, run_r, capsys):
    points = np.random.default_rng(0).normal(size=(9, 2))
    np.savez("esc.npz", **{ESCAPES: points, ESCAPES + "2": points})
    Path("esc.csv").write_text("a\x1b[31m,b\n1,2\n3,\x1b[2J4\n5,6\n7,8\n")
    Path("esc.toml").write_text('"al\\u001b[31mpha" = 1\n')
    line = one_line(capsys, 2, *args)
    assert line.isprintable() and "Traceback" not in line


def test_escape_sequences_in_what_works(capsys):
    name = f"r{ESCAPES}"
    assert main(["train", *SMALL, "--no-plots", "-o", name]) == 0
    for args in (["evaluate", name], ["sample", name, "--out", f"{ESCAPES}.npz"], ["report", name], ["table", name]):
        assert main(args) == 0
    assert main(["export", name, "--format", "numpy"]) == 0
    out, err = capsys.readouterr()
    assert all(line.isprintable() for line in (out + err).splitlines()), out + err
    assert f"next: minidecomp evaluate 'r{printable(ESCAPES)}'" in out


def test_main_module_imports_nothing_but_pythons_own():
    """So that an interruption of all later imports meets ``main``."""
    code = "import sys; import minidecomp.cli.main; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"click", "numpy", "minidecomp.errors"} & set(done.stdout.split())
    assert main_module.main is main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
