"""The documentation's examples run, its links lead somewhere, and the commands it names exist."""

import doctest
import json
import re
import shlex
from pathlib import Path

import pytest

from minidecomp.cli.group import COMMANDS
from minidecomp.cli.main import main
from minidecomp.variants import PRIORS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), ROOT / "tests/engines/gpu/README.md"]
)
ids = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("name", ["architecture", "gradients", "python", "theory"])
def test_examples(name):
    path = str(ROOT / "docs" / f"{name}.md")
    own = set(PRIORS)
    try:
        found = doctest.testfile(path, module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    finally:
        for added in set(PRIORS) - own:
            PRIORS.remove(added)
    assert found.failed == 0 and found.attempted > 10


@pytest.mark.parametrize(("results", "page"), [("cpu", "README.md"), ("nvidia-h200", "docs/gpu.md")])
def test_the_tables_of_speed_are_the_benchmarks(results, page, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import report

    measured = json.loads((ROOT / "benchmarks" / "results" / f"{results}.json").read_text("utf-8"))
    assert report.markdown(measured) in (ROOT / page).read_text("utf-8")


READERS = ("For researchers", "For embedders", "For teachers and students")


@pytest.mark.parametrize("title", READERS)
def test_the_readmes_snippets(title, capsys):
    """Every block of code in the sections for each kind of reader, in order, in an empty folder."""
    section = (ROOT / "README.md").read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    assert blocks
    for kind, text in blocks:
        if kind == "python":
            exec(compile(text, "README.md", "exec"), {})
            continue
        for line in text.strip().splitlines():
            program, *args = shlex.split(line, comments=True)
            assert program == "minidecomp" and main(args) == 0, (line, capsys.readouterr().err)


def test_the_commands_of_training(capsys):
    """Every command of docs/training.md, in order, in an empty folder, then its Python."""
    text = (ROOT / "docs/training.md").read_text("utf-8")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.strip().splitlines():
            program, *args = shlex.split(line, comments=True)
            more = ["--no-plots", "-q"] if args[0] == "train" else ["-q"]
            assert program == "minidecomp" and main([*args, *more]) == 0, (line, capsys.readouterr().err)
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "docs/training.md", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|\$`.*?`\$", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:")):
            continue
        file, _, anchor = target.partition("#")
        if file:
            assert (page.parent / file).exists(), target
        elif anchor:
            titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_files_and_commands_that_are_named_exist(page):
    text = page.read_text("utf-8")
    for path in re.findall(r"`((?:minidecomp|_core|cli|tests|benchmarks|docs)/[\w./-]+)`", text):
        assert (ROOT / path).exists() or "*" in path, path
    for command in re.findall(r"(?:^|[`&$] ?)minidecomp ([a-z]+)\b", text, re.MULTILINE):
        assert command in COMMANDS or command == "checkpoint", command  # the name of a format, too
