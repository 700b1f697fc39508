"""Numbers, flags and TOML files as people and programs give them: taken as what they say, or refused in one line."""

import json
import os
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from minidecomp import DecompositionVAE, resolve
from minidecomp.cli.main import main
from minidecomp.errors import OptionError, RunError, shown
from minidecomp.runs import checkpoint, comparison
from minidecomp.runs.evaluation_file import read_evaluation, read_whole
from minidecomp.settings.resolving import check, whole_number
from minidecomp.settings.sources import read_config, read_toml


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("latent_dim", np.float32(2), 2),
        ("latent_dim", np.int8(3), 3),
        ("latent_dim", np.array(3), 3),
        ("latent_dim", Decimal("3.0"), 3),
        ("latent_dim", Fraction(6, 2), 3),
        ("latent_dim", " 3 ", 3),
        ("seed", 2**64 - 1, 2**64 - 1),
        ("seed", np.uint64(2**64 - 1), 2**64 - 1),
        ("beta", np.float64(0.5), 0.5),
        ("beta", Decimal("0.5"), 0.5),
        ("beta", " 1e3 ", 1000.0),
        ("beta", ".5", 0.5),
        ("amsgrad", "True", True),
        ("amsgrad", "FALSE", False),
        ("amsgrad", "No", False),
        ("amsgrad", np.bool_(False), False),
        ("hidden", np.int64(5), (5,)),
        ("hidden", np.array([5, 6]), (5, 6)),
        ("hidden", "5, 6,", (5, 6)),
        ("hidden", range(1, 3), (1, 2)),
        ("data", np.str_("x.npy"), "x.npy"),
    ],
)
def test_taken(name, value, taken):
    found = check(name, value)
    assert found == taken and type(found) is type(taken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("latent_dim", value) for value in (np.float32(2.5), np.bool_(True), Decimal("2.5"), Fraction(5, 2), "1_0")),
        *(("latent_dim", value) for value in ("１２", "٣", "2.0", np.array([2]), Decimal("NaN"), Decimal("sNaN"), 1j)),
        *(
            ("latent_dim", value)
            for value in (10**400, -(10**400), 10**5000, "9" * 400, "9" * 5000, Decimal("1e999999999"))
        ),
        *(("limit", value) for value in (10**10, 10**400, "9" * 400)),
        *(("seed", value) for value in (2**64, 1e300, float("inf"), float("nan"), np.float64("nan"), "9" * 400)),
        *(
            ("beta", value)
            for value in ("1_0", "１", "infinity", "nan", 10**400, np.array([1.0]), np.timedelta64(3, "s"))
        ),
        *(("amsgrad", value) for value in (1, 0, "y", "", "on", np.int64(1), np.array([True]))),
        *(
            ("hidden", value)
            for value in ("5,,6", ",", {5, 6}, {5: 1}, b"ab", [5.5], [[5]], np.array([[5]]), [True], "5_0")
        ),
        *(("data", value) for value in (b"x.npy", "x\0.npy", np.bytes_(b"x"), 3)),
    ],
    ids=shown,
)
def test_refused(name, value):
    with pytest.raises(OptionError) as caught:
        check(name, value)
    assert caught.value.option == name and "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("value", ["9" * 400, 10**400, 1e300, "1_000"], ids=shown)
def test_the_same_holds_for_options_that_are_not_of_training(value):
    with pytest.raises(OptionError, match=r"^points.* a whole number from 1 to 1,000,000,000, "):
        whole_number("points", value, 1, 10**9)


def test_a_long_value_is_shortened(capsys):
    assert main(["train", "--seed", "9" * 400]) == 2
    assert capsys.readouterr().err == (
        f"minidecomp: --seed: expected a whole number from 0 to 2^64 - 1, got '{'9' * 60}.. (400 letters)'\n"
    )
    with pytest.raises(
        OptionError, match=r"^seed: expected a whole number from 0 to .*, got a number of thousands of digits$"
    ):
        resolve(seed=10**5000)
    with pytest.raises(OptionError, match=r"^data: expected text, got 'x\\x00\\n'$"):
        resolve(data="x\0\n")
    long = "folder/" * 20 + "x.npx"
    with pytest.raises(OptionError, match=f"not for {long}$"):  # a path of usual length is not
        resolve(data=long, arms=3)


def test_the_estimator_takes_no_half_dimension():
    with pytest.raises(OptionError, match=r"latent_dim: expected a whole number from 1 to 10,000, got 2\.5"):
        DecompositionVAE(latent_dim=np.float32(2.5)).fit(np.zeros((9, 2)))


def test_environment(monkeypatch, capsys):
    monkeypatch.setenv("MINIDECOMP_AMSGRAD", "False")
    assert main(["train", "--epochs", "1", "--points-per-arm", "10", "--quiet", "--no-plots", "--out", "r"]) == 0
    assert checkpoint.load("r").options.amsgrad is False
    monkeypatch.setenv("MINIDECOMP_EPOCHS", "9" * 400)
    capsys.readouterr()
    assert main(["train"]) == 2
    line = capsys.readouterr().err
    assert (
        line.startswith("minidecomp: MINIDECOMP_EPOCHS: expected a whole number")
        and line.count("\n") == 1
        and len(line) < 200
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = " + b"[" * 20_000, r"c\.toml is not a TOML file: too many nested brackets$"),
        (b"x = " + b"{a=" * 20_000, r"c\.toml is not a TOML file: too many nested brackets$"),
        (b"epochs = " + b"9" * 4400, r"c\.toml is not a TOML file: a number or date that is out of range$"),
        (b"epochs = " + b"9" * 400, r"c\.toml: epochs: expected a whole number from 1 to 1,000,000,000, got 9{60}\.\. \(400 letters\)$"),
        (b"epochs = 1979-05-27", r"c\.toml: epochs: expected a whole number from 1 to 1,000,000,000, got 1979-05-27$"),
        (b"beta = 07:32:00", r"c\.toml: beta: expected a number of 0 or more, got 07:32:00$"),
        (b"epochs = 1e400", r"c\.toml: epochs: expected a whole number"),
        ("# d\u00e9j\u00e0\nepochs = 3".encode("latin-1"), r"c\.toml is not a TOML file: a byte in line 1 is not UTF-8, which TOML must be$"),
        ("epochs = 3".encode("utf-16"), r"c\.toml is not a TOML file: the text is UTF-16; TOML must be UTF-8$"),
        (b'["a\\nb"]\n', r"c\.toml: \[a\\nb\] is a table"),
        (b"#" * 10_000_001, r"c\.toml is not a TOML file of options: it has more than 10,000,000 bytes$"),
    ],
    ids=lambda value: str(value[:20]),
)  # fmt: skip
def test_toml_in_one_line(content, message, tmp_path):
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(RunError, match=message) as caught:
        read_config(str(tmp_path / "c.toml"))
    assert "\n" not in str(caught.value)


def test_toml_with_a_mark_before_it(tmp_path):
    (tmp_path / "c.toml").write_bytes(b"\xef\xbb\xbfepochs = 3\r\nbeta = 1_000.5\r\n")
    assert read_config(str(tmp_path / "c.toml")) == {"epochs": 3, "beta": 1000.5}


def test_a_path_that_is_none():
    with pytest.raises(RunError, match=r"^cannot read a\\x00b"):
        read_toml("a\0b")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "r"
    args = "--points-per-arm 10 --hidden 4 --epochs 1 --threads 1 --quiet --no-plots --out"
    assert main(["train", *args.split(), str(folder)]) == 0
    return folder, (folder / "evaluation.json").read_text(), (folder / "config.toml").read_text()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"epochs": True}, "epochs"),
        ({"epochs": [1]}, "epochs"),
        ({"test": []}, "test"),
        ({"test": {"kl": "x"}}, "test"),
        ({"train": {"kl": [1]}}, "train"),
        ({"dimensions": {"kl": [1, 2]}}, "dimensions"),
        ({"dimensions": {"kl": [{}], "active": [0]}}, "dimensions"),
        ({"metrics": {"mig": 3}}, "metrics"),
        ({"metrics": {"mig": {"score": "high"}}}, "metrics"),
        ({"decomposition": {"overlap": []}}, "decomposition"),
        ({"marginal_log_likelihood": 3}, "marginal_log_likelihood"),
        ({"factors": ["shape"]}, "factors"),
    ],
)
def test_a_damaged_part_of_an_evaluation(change, part, run, capsys):
    folder, good, _ = run
    try:
        (folder / "evaluation.json").write_text(json.dumps(json.loads(good) | change))
        with pytest.raises(
            RunError, match=rf"evaluation\.json: the file is damaged in {part}; minidecomp evaluate .* makes it anew$"
        ):
            comparison.read_row(folder)
        assert main(["table", str(folder)]) == 2 and capsys.readouterr().err.count("\n") == 1
        kept = read_evaluation(folder, checkpoint.load(folder).state)
        assert part not in kept or kept[part] == {}
        assert main(["evaluate", str(folder), "--metrics", "none", "--quiet"]) == 0
        assert read_whole(folder)["epochs"] == 1
    finally:
        (folder / "evaluation.json").write_text(good)


@pytest.mark.parametrize(
    "text", ["NaN", '{"seed": NaN}', '{"x": 1e400}', '{"x": ' + "9" * 400 + "}", '{"x": "\\ud800"}', '{"x": ' + "9" * 5000 + "}"]
    + ['{"x": ' + "[" * deep + "]" * deep + "}" for deep in (30, 900, 20_000)] + ["", "[]", "{", '"x"', "null"],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_no_evaluation_at_all(text, run, capsys):
    folder, good, _ = run
    try:
        (folder / "evaluation.json").write_text(text)
        with pytest.raises(
            RunError, match=r"evaluation\.json: the file is damaged; minidecomp evaluate .* makes it anew$"
        ):
            comparison.read_row(folder)
        assert read_evaluation(folder, checkpoint.load(folder).state) == {}
        assert main(["evaluate", str(folder), "--metrics", "none", "--quiet"]) == 0
    finally:
        (folder / "evaluation.json").write_text(good)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_no_evaluation(run, tmp_path):
    os.mkfifo(tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path, checkpoint.load(run[0]).state) == {}


@pytest.mark.parametrize("text", ["alpha = 7.0", "alpha = " + "9" * 400, "[mine]", "alpha =", None])
def test_a_tables_options_are_the_checkpoints(text, run, capsys):
    """Once those of config.toml, which somebody may have changed since, or deleted; the model was trained at others."""
    folder, _, good = run
    try:
        (folder / "config.toml").unlink()
        if text is not None:
            (folder / "config.toml").write_text(text)
        assert comparison.read_row(folder)["alpha"] == checkpoint.load(folder).options.alpha
        assert main(["table", str(folder), "--values", "alpha,hidden"]) == 0
        assert capsys.readouterr().out.splitlines()[1].split()[1:] == ["0", "4"]
    finally:
        (folder / "config.toml").write_text(good)
