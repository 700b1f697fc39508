"""CONTRIBUTING.md and its neighbours are true: the worked example runs step by step, files and commands exist."""

import datetime
import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from minidecomp import __version__
from minidecomp.cli.group import COMMANDS
from minidecomp.variants import PRIORS

ROOT = Path(__file__).parents[1]
PAGES = ("CONTRIBUTING.md", "SECURITY.md")
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
EXAMPLE = TEXT.split("## Add a prior: a worked example\n")[1].split("\n## ")[0]


def steps():
    """(file, its text) for each Python block, and (None, line) for each command, in order."""
    for match in re.finditer(r"```(\w+)\n(.*?)```", EXAMPLE, re.DOTALL):
        kind, text = match.groups()
        if kind == "python":
            yield re.findall(r"`(\w+\.py)`", EXAMPLE[: match.start()])[-1], text
        else:
            yield from ((None, line) for line in text.strip().splitlines())


@pytest.fixture
def run(own_folder, monkeypatch, capsys):
    """Runs a line ``python FILE ARGUMENTS`` in this process, as a fresh one; gives its exit code and output."""
    monkeypatch.syspath_prepend(own_folder)

    def forget():
        sys.modules.pop("sech", None)
        if "sech" in PRIORS:
            PRIORS.remove("sech")

    def run(line):
        program, *words = shlex.split(line)
        assert program == "python", line
        forget()
        monkeypatch.setattr(sys, "argv", words)
        try:
            runpy.run_path(words[0], run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code
        except AssertionError:
            code = 1
        return code, capsys.readouterr().out

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else a change within a second would not be seen
    yield run
    forget()


def test_the_worked_example(own_folder, run):
    """Each step as a reader would take it, then a wrong sign, which the check finds."""
    said = {}
    for file, text in steps():
        if file is not None:
            (own_folder / file).write_text(text, "utf-8")
            continue
        code, said[text] = run(text)
        assert code == 0, (text, said[text])
    assert (own_folder / "runs/sech/report.html").is_file() and len(said) == 8
    assert "integral: 1.0" in said["python check_sech.py"]
    assert "tanh a" in said["python mine.py gradients runs/sech --explain --term prior"]

    code = (own_folder / "sech.py").read_text("utf-8")
    right = "by_z = -np.pi"
    assert code.count(right) == 1
    (own_folder / "sech.py").write_text(code.replace(right, "by_z = np.pi"), "utf-8")
    assert run("python mine.py gradients runs/sech --check")[0] == 1
    assert run("python check_sech.py")[0] == 1


@pytest.mark.parametrize("page", PAGES)
def test_links_and_files_exist(page):
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        assert (ROOT / file).exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target
    for path, new in re.findall(r"`((?:minidecomp|_core|cli|tests|docs|\.ci)/[\w./-]+)`( \(new\))?", text):
        assert (ROOT / path).exists() is not bool(new), path
    for command in re.findall(r"`minidecomp ([a-z]+)\b", text):
        assert command in COMMANDS, command


def test_the_commands_are_right():
    """The tests and the extra that are named are there."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    for path in re.findall(r"pytest (tests/\S+)", blocks):
        assert (ROOT / path).is_file(), path
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for extra in re.findall(r'"\.\[(\w+)\]"', blocks):
        assert extra in project["project"]["optional-dependencies"]
    (word,) = re.findall(r"pytest -k (\w+)", blocks)
    assert any(re.search(rf"def test_\w*{word}", path.read_text("utf-8")) for path in (ROOT / "tests").rglob("*.py"))


def test_the_readme_of_priors_lists_the_same_files():
    """docs/architecture.md says how many files a prior touches."""
    listed = re.findall(r"^\| `([^`]+)`", EXAMPLE, re.MULTILINE)
    architecture = (ROOT / "docs/architecture.md").read_text("utf-8")
    said = re.search(r"^\| prior \|.*\| (\d+) files \|$", architecture, re.MULTILINE)
    assert int(said[1]) == len(listed)
    for file in listed:
        if "sech" not in file and not file.endswith("__init__.py"):
            assert f"`{file}`" in architecture, file


# The keys that CFF 1.2.0 knows, those that must be there first.
CFF = {
    "": (
        {"cff-version", "message", "title", "authors"},
        {"type", "abstract", "version", "license", "keywords", "references", "date-released", "repository-code", "url"},
    ),
    "reference": (
        {"type", "title", "authors"},
        {"conference", "collection-title", "collection-type", "year", "volume", "start", "end", "url", "identifiers"},
    ),
}


def test_the_citation_is_valid():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    for part, (needed, known) in zip([citation, *citation["references"]], CFF.values(), strict=True):
        assert needed <= set(part) <= needed | known
        for author in part["authors"]:
            assert set(author) in ({"name"}, {"family-names", "given-names"})
    assert citation["cff-version"] == "1.2.0" and citation["version"] == __version__
    assert citation["license"] == "MIT" and citation["type"] == "software"
    paper = citation["references"][0]
    assert paper["type"] == "conference-paper" and paper["year"] <= datetime.date.today().year
    assert all(
        set(each) == {"type", "value"} and each["type"] in ("doi", "url", "other") for each in paper["identifiers"]
    )


def test_the_hooks_are_pinned():
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    for repository in config["repos"]:
        assert re.fullmatch(r"v\d+\.\d+\.\d+", repository["rev"]) and repository["hooks"]
    hooks = {hook["id"] for repository in config["repos"] for hook in repository["hooks"]}
    assert {"ruff-check", "ruff-format", "check-yaml", "check-toml"} <= hooks
