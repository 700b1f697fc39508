"""``minidecomp table``: means over seeds, the formats, and what a narrow terminal leaves out."""

import csv
import io
import json
import os
import re
import statistics
import sys
from pathlib import Path

import pytest

from minidecomp.cli import table, tables
from minidecomp.cli.main import main
from minidecomp.errors import OptionError
from minidecomp.evaluation.naming import label_of
from minidecomp.runs.comparison import read_row, runs_inside
from minidecomp.runs.grouping import Mean, groups


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("grid.toml").write_text(
            'points_per_arm = 5\nhidden = [4]\nepochs = 1\nprior = "mixture"\n'
            "[[grid]]\nalpha = [10, 2]\nbeta = [1.0, 0.5]\nseeds = 3\n[[grid]]\nalpha = 3\nbeta = 1\n"
        )
        assert main(["sweep", "--config", "grid.toml", "--out", "s", "--metrics", "hoyer", "-q"]) == 0
    return folder


def printed(capsys, *args, error=""):
    assert main(["table", *args]) == 0
    out, err = capsys.readouterr()
    assert without_explanations(err) == error
    return out


def without_explanations(err):
    """What is said beside a table, without what its columns are."""
    explanations = ("test.", "train.", "hoyer: ", "n: ", "errors are a guess")
    return "".join(line for line in err.splitlines(True) if not line.startswith(explanations))


def refused(capsys, *args):
    assert main(["table", *args]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err.removeprefix("minidecomp: ").rstrip()


def recorded(name, value):
    part = json.loads(Path("s", name, "evaluation.json").read_text())
    return part["metrics"][value]["score"] if value == "hoyer" else part["test"][value]


@pytest.fixture
def names(here):
    """The runs' folders by alpha, beta and seed, whatever they are called."""
    rows = map(read_row, runs_inside(Path("s")))
    return {(row["alpha"], row["beta"], row["seed"]): Path(row["run"]) for row in rows}


def test_means_and_their_errors(names, capsys):
    rows = json.loads(printed(capsys, "s", "--by", "alpha,beta", "--json"))
    keys = [(row["alpha"], row["beta"]) for row in rows]
    assert keys == [(2, 0.5), (2, 1), (3, 1), (10, 0.5), (10, 1)]  # by size, not by name
    assert [row["n"] for row in rows] == [3, 3, 1, 3, 3]
    for row in rows:
        folders = [names[row["alpha"], row["beta"], seed] for seed in range(row["n"])]
        found = [json.loads((folder / "evaluation.json").read_text())["test"]["kl"] for folder in folders]
        assert row["test.kl"] == pytest.approx(statistics.fmean(found), rel=1e-12)
        if row["n"] == 1:
            assert row["test.kl.se"] is None
        else:
            assert row["test.kl.se"] == pytest.approx(statistics.stdev(found) / 3**0.5, rel=1e-9)


def test_the_columns_of_a_table_of_means(here, capsys):
    header, *lines = printed(capsys, "s", "--by", "alpha,beta").splitlines()
    assert header.split() == ["alpha", "beta", "n", "test.log_likelihood", "test.kl", "hoyer"]
    assert [line.split()[:3] for line in lines] == [
        ["2", "0.5", "3"],
        ["2", "1", "3"],
        ["3", "1", "1"],
        ["10", "0.5", "3"],
        ["10", "1", "3"],
    ]
    assert [line.count(" ± ") for line in lines] == [3, 3, 0, 3, 3]
    values = printed(capsys, "s", "--by", "beta,alpha", "--values", "train.objective").splitlines()
    assert values[0].split() == ["beta", "alpha", "n", "train.objective"]


def test_a_row_of_one_run_has_no_error(here, capsys):
    note = "no standard errors: every row is a single run\n"
    lines = printed(capsys, "s", "--by", "alpha,beta,seed", error=note).splitlines()
    assert len(lines) == 14 and "±" not in "".join(lines) and "nan" not in "".join(lines)
    rows = json.loads(printed(capsys, "s", "--by", "alpha,beta,seed", "--json", error=note))
    assert {row["test.kl.se"] for row in rows} == {None}
    assert not {row["n"] for row in rows} - {1}


def test_runs_of_a_group_may_differ_in_seeds_only(here, capsys):
    assert refused(capsys, "s", "--by", "alpha") == (
        "--by alpha: the runs with alpha 2 differ in beta; use --by alpha,beta"
    )
    assert refused(capsys, "s", "--by", "prior") == (
        "--by prior: the runs with prior mixture differ in beta, alpha; use --by prior,beta,alpha"
    )
    assert refused(capsys, "s", "--by", "test.kl") == "--by test.kl: this is not an option of train"
    assert refused(capsys, "s", "--by", "alhpa").startswith("--by alhpa: no run has that option; did")
    assert refused(capsys, "s", "--by", "alpha,beta", "--values", "alpha").startswith(
        "--values alpha: this is an option"
    )


def row(**options):
    return {"run": "r", "alpha": 1.0, "beta": 1.0, "seed": 0, "data_seed": 0, "prior": "gaussian"} | options


def test_what_differs_between_groups_only_tells_them_apart():
    rows = [row(alpha=1.0, lr=0.1), row(alpha=1.0, lr=0.1, data_seed=4), row(alpha=2.0, lr=0.2)]
    found = groups(rows, ["alpha"])
    assert [group.options for group in found] == [{"alpha": 1.0, "lr": 0.1}, {"alpha": 2.0, "lr": 0.2}]
    assert [len(group.runs) for group in found] == [2, 1]
    # What follows from an option of --by does not: a prior brings its degrees of freedom along.
    rows = [row(prior="student-t", df=3.0, kl="monte-carlo"), row(kl="closed-form"), row(kl="closed-form", seed=1)]
    assert [group.options for group in groups(rows, ["prior"])] == [{"prior": "student-t"}, {"prior": "gaussian"}]
    with pytest.raises(OptionError, match='the runs with prior gaussian differ in kl; use by="prior,kl"'):
        groups([row(kl="monte-carlo"), row(kl="closed-form", seed=1)], ["prior"])


def test_runs_without_a_value_are_named_and_not_in_its_mean(names, capsys):
    folder = names[2, 0.5, 1]
    kept = json.loads((folder / "evaluation.json").read_text())
    kept["test"]["kl"] = None  # it was not finite
    (folder / "evaluation.json").write_text(json.dumps(kept))
    count = len(names)
    error = f"{count - 1} of {count} runs have test.kl (not {folder}); the means are over those\n"
    rows = json.loads(printed(capsys, "s", "--by", "alpha,beta", "--json", error=error))
    others = [recorded(names[2, 0.5, seed].name, "kl") for seed in (0, 2)]
    assert rows[0]["n"] == 3 and rows[0]["test.kl"] == pytest.approx(statistics.fmean(others), rel=1e-12)


@pytest.mark.parametrize(
    ("having", "note"),
    [
        ("abcdefgh", ""),
        ("a", "1 of 8 runs has hoyer (a); the mean is over that one"),
        ("abcd", "4 of 8 runs have hoyer; the means are over those"),
        ("abcdefg", "7 of 8 runs have hoyer (not h); the means are over those"),
    ],
)
def test_at_most_three_runs_that_have_or_lack_a_value_are_named(having, note):
    assert table._who_has("hoyer", list(having), [{"run": name} for name in "abcdefgh"]) == note


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        (Mean(1.23456, 0.0567, 3), "1.235 ± 0.057"),
        (Mean(-12345.6, 123.4, 3), "-12350 ± 120"),
        (Mean(1.5, None, 1), "1.5000"),
        (Mean(1.5, 0.0, 2), "1.5000 ± 0"),
        (Mean(0.00012346, 0.0000012, 4), "0.0001235 ± 0.0000012"),
        (Mean(1e-12, 1.23e-13, 4), "1.00e-12 ± 1.2e-13"),
        (Mean(2.0, 0.0996, 4), "2.00 ± 0.10"),
    ],
)
def test_a_mean_has_as_many_decimals_as_its_error(mean, text):
    assert tables.cell(mean) == text
    assert tables.cell(mean, "latex") == text.replace("±", r"\pm")


def test_errors_stand_below_each_other_and_columns_are_explained(here, capsys):
    assert main(["table", "s", "--by", "alpha,beta"]) == 0
    out, err = capsys.readouterr()
    _, *lines = out.splitlines()
    places = [[i for i, letter in enumerate(line) if letter == "±"] for line in lines]
    assert len({tuple(each) for each in places if each}) == 1
    assert "test.log_likelihood: test log-likelihood (nats); test.kl: test KL (nats)" in err.splitlines()[1]
    assert err.splitlines()[-1] == "n: number of runs; values: mean ± standard error over these runs"
    assert (
        "errors are a guess: with 3 runs, ± 2 standard errors contain the true mean in 82 % of cases, not 95 %"
        in err.splitlines()
    )


def test_values_keep_their_last_zeros(capsys):
    tables.print_table(
        [{"run": "a", "test.kl": 2.24, "alpha": 1.0}, {"run": "b", "test.kl": 1.5}], ["run", "test.kl", "alpha"]
    )
    assert capsys.readouterr().out.splitlines()[1:] == ["a     2.2400      1", "b     1.5000"]


def test_an_output_without_the_sign_for_errors(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert tables.cell(Mean(1.23456, 0.0567, 3)) == "1.235 +- 0.057"


def test_markdown(here, capsys):
    head, rule, *lines = printed(capsys, "s", "--by", "alpha,beta", "--format", "markdown").splitlines()
    assert head == f"| alpha | beta | n | test log-likelihood (nats) | test KL (nats) | {label_of('hoyer')} |"
    assert rule == "| --- | ---: | ---: | ---: | ---: | ---: |"
    assert len(lines) == 5 and all(line.startswith("| ") and line.count(" | ") == 5 for line in lines)
    assert lines[0].count(" ± ") == 3 and lines[2].count(" ± ") == 0


def test_latex(here, capsys):
    text = printed(capsys, "s", "--by", "alpha,beta", "--format", "latex")
    first, rule, head, _, *lines, last, end = text.splitlines()
    assert first == r"\begin{tabular}{lrrrrr}" and end == r"\end{tabular}" and rule == last == r"\hline"
    assert head == rf"alpha & beta & n & test log-likelihood (nats) & test KL (nats) & {label_of('hoyer')} \\"
    assert len(lines) == 5 and all(line.endswith(r" \\") and line.count(" & ") == 5 for line in lines)
    assert lines[0].count(r" \pm ") == 3 and lines[0].count("$") == 6 and lines[2].count("$") == 2  # log p < 0


HOSTILE = "a_b|c\\d*e$f%g#h{i}j&k~l^m<n> -1 \\pm 2"


def test_names_are_escaped(own_folder, capsys):
    tables.print_table([{"run": HOSTILE, "n": -0.5}, {"run": "_x_", "n": 2.0}], ["run", "n"], "latex")
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == (
        r"a\_b\textbar{}c\textbackslash{}d*e\$f\%g\#h\{i\}j\&k\textasciitilde{}l\textasciicircum{}m"
        r"\textless{}n\textgreater{} -1 \textbackslash{}pm 2 & $-0.5000$ \\"
    )
    tables.print_table([{"run": HOSTILE, "n": -0.5}, {"run": "_x_", "n": 2.0}], ["run", "n"], "markdown")
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[2] == r"| a_b\|c\\d\*e$f%g#h{i}j&k\~l^m\<n\> -1 \\pm 2 | -0.5000 |" and lines[3] == r"| \_x\_ | 2.0000 |"
    )


def test_csv_and_all(here, capsys):
    def read(*args):
        return list(csv.DictReader(io.StringIO(printed(capsys, "s", *args))))

    shown = read("--format", "csv")
    assert list(shown[0]) == ["run", "beta", "alpha", "seed", "test.log_likelihood", "test.kl", "hoyer"]
    assert float(shown[0]["test.kl"]) == recorded(Path(shown[0]["run"]).name, "kl")  # all digits
    everything = read("--csv")
    assert everything == read("--format", "csv", "--all") and {"batch_size", "train.seconds"} <= everything[0].keys()
    chosen = read("--csv", "--values", "hoyer")
    assert "batch_size" in chosen[0] and "hoyer" in chosen[0] and "test.kl" not in chosen[0]
    means = read("--by", "alpha,beta", "--format", "csv", "--values", "test.kl")
    assert list(means[0]) == ["alpha", "beta", "n", "test.kl", "test.kl.se"] and means[2]["test.kl.se"] == ""
    assert "train.seconds.se" in read("--by", "alpha,beta", "--csv")[0]
    text = printed(capsys, "s", "--all").splitlines()
    assert len(text) == 14 and {"batch_size", "train.seconds"} <= set(text[0].split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--format word", "--format must be text, markdown, latex or csv, not 'word'"),
        ("--format csv --json", "--json and --format cannot be used together"),
        ("--format text --csv", "--csv and --format cannot be used together"),
        ("--csv --json", "--csv and --json cannot be used together"),
    ],
)
def test_one_form_at_a_time(here, capsys, args, message):
    assert refused(capsys, "s", *args.split()) == message


def narrow(monkeypatch, width):
    monkeypatch.setattr(tables, "terminal_width", lambda: width)


def header_on(capsys, monkeypatch, width, *args):
    """The columns that a terminal of that width shows, and those that it does not."""
    narrow(monkeypatch, width)
    assert main(["table", "s", *args]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 14 and max(map(len, out.splitlines())) <= width
    err = without_explanations(err)
    gone = re.split("columns?: ", err)[1].split(";")[0].split(", ") if err else []
    assert err.count("\n") == (1 if gone else 0) and (not err or err.endswith("; --csv has all\n"))
    return out.splitlines()[0].split(), gone


def test_a_narrow_terminal_leaves_out_what_is_of_least_interest(here, capsys, monkeypatch):
    every = ["run", "beta", "alpha", "seed", "test.log_likelihood", "test.kl", "hoyer"]
    assert header_on(capsys, monkeypatch, 200) == (every, [])
    assert header_on(capsys, monkeypatch, 74) == (every[:-1], ["hoyer"])
    assert header_on(capsys, monkeypatch, 66) == (["run", "beta", "alpha", *every[4:6]], ["hoyer", "seed"])
    shown, gone = header_on(capsys, monkeypatch, 42)
    assert shown == ["run", "test.log_likelihood"] and gone == ["hoyer", "seed", "alpha", "beta", "test.kl"]
    # Values that were asked for stay longer than options.
    shown, gone = header_on(capsys, monkeypatch, 54, "--values", "hoyer,test.kl")
    assert shown[-2:] == ["hoyer", "test.kl"] and gone == ["seed"]
    # Names lose their middle, and no line is longer than the terminal.
    narrow(monkeypatch, 36)
    assert main(["table", "s"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0].partition("…")[::2] == ("s/be", "ha10-seed0")
    for width in (1, 2, 3, 11, 20):
        narrow(monkeypatch, width)
        assert main(["table", "s"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= width


def test_off_a_terminal_and_in_other_formats_nothing_is_left_out(here, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    assert tables.terminal_width() is None and "hoyer" in printed(capsys, "s")
    narrow(monkeypatch, 30)
    for form in ("markdown", "latex", "csv"):
        assert "hoyer" in printed(capsys, "s", "--format", form).lower()


def test_options_that_follow_from_others_go_first(own_folder, capsys, monkeypatch):
    for prior in ("gaussian", "student-t"):
        args = [
            "--data",
            "pinwheel",
            "--prior",
            prior,
            "--points-per-arm",
            "5",
            "--hidden",
            "4",
            "--epochs",
            "1",
            "-q",
            "--no-plots",
        ]
        assert main(["train", *args, "--out", f"r/{prior}"]) == 0
    capsys.readouterr()
    narrow(monkeypatch, 32)
    assert main(["table", "r", "--values", "test.kl"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["run", "prior", "test.kl"] and "df" in err


def test_runs_of_several_data_sets(own_folder, capsys, monkeypatch):
    """The data are shown by their files' names, though a prior has usual data; of many columns some are named."""
    for name in ("one", "two"):
        Path(f"{name}.csv").write_text("".join(f"{i * 0.3},{i % 7 * 0.7}\n" for i in range(30)))
    small = ["--hidden", "4", "--epochs", "1", "--no-plots", "-q"]
    assert main(["train", *small, "--points-per-arm", "5", "--out", "s/a"]) == 0
    for name in ("one", "two"):
        assert main(["train", *small, "--data", f"{name}.csv", "--out", f"s/{name}"]) == 0
    capsys.readouterr()
    narrow(monkeypatch, 50)
    assert main(["table", "s"]) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["run", "data", "test.log_likelihood", "test.kl"]
    assert [line[1] for line in lines[1:]] == ["pinwheel", "one.csv", "two.csv"]
    assert re.search(r"50 columns: (\w+, ){7}\w+ and \d+ others; --csv", err)
    assert json.loads(printed(capsys, "s", "--json"))[1]["data"] == str(own_folder / "one.csv")


def test_a_terminals_width_is_its_own(here, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "57")
    assert tables.terminal_width() == 57


def test_a_sweep_fits_the_terminal_too(here, capsys, monkeypatch):
    narrow(monkeypatch, 60)
    assert main(["sweep", "--resume", "s", "-q"]) == 0
    out, err = capsys.readouterr()
    rows = [line for line in out.splitlines() if "finished" in line]
    assert len(rows) == 13 and max(map(len, rows)) <= 60
    assert "left out to fit 60 columns: " in err and "--csv" not in err and os.path.exists("s/sweep.csv")
