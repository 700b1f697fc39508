"""The documentation's examples run, its links lead somewhere, and the commands it names exist."""

import doctest
import json
import re
from pathlib import Path

import documented
import pytest

from minidecomp.cli.group import COMMANDS
from minidecomp.cli.main import main
from minidecomp.variants import PRIORS

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), ROOT / "tests/gpu/README.md"])
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


@pytest.mark.parametrize(
    ("results", "page"),
    [("cpu", "README.md"), ("nvidia-h200", "docs/gpu.md"), ("nvidia-h100-80gb-hbm3", "docs/gpu.md")],
)
def test_the_tables_of_speed_are_the_benchmarks(results, page, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import report

    measured = json.loads((ROOT / "benchmarks" / "results" / f"{results}.json").read_text("utf-8"))
    assert report.markdown(measured) in (ROOT / page).read_text("utf-8")


# What a page takes for granted: runs and a table of the reader's own.
TABLE = "minidecomp train --prior mixture --epochs 2 --out first && minidecomp sample first --out points.csv"
MINE = "minidecomp train --data points.csv --epochs 2 --out runs/mine -q --no-plots"
READERS_OWN = {
    "docs/data.md": f"{TABLE} && {MINE}",
    "docs/metrics.md": """
        for seed in 0 1; do minidecomp train --prior mixture --epochs 2 --seed $seed --out runs/$seed --no-plots; done
        mv runs/0 runs/a; mv runs/1 runs/b
        minidecomp sweep --prior mixture --alpha 1,5 --epochs 2 --out sweeps/alphas""",
}


# Snippets of other pages are doctests, and docs/embedding.md has a test of its own.
PYTHON_PAGES = ("README.md", "docs/training.md")
WITH_COMMANDS = [
    (page, name)
    for page, name in zip(PAGES, ids, strict=True)
    if name != "docs/embedding.md" and any(kind == "sh" or name in PYTHON_PAGES for kind, _ in documented.blocks(page))
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "name"), WITH_COMMANDS, ids=[name for _, name in WITH_COMMANDS])
def test_commands_and_snippets_run(page, name, own_folder):
    if name in READERS_OWN:
        documented.run("sh", READERS_OWN[name], own_folder)
    for kind, text in documented.blocks(page):
        if kind == "sh" or name in PYTHON_PAGES:
            documented.run(kind, text, own_folder)


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
    code = "\n".join(re.findall(r"^```.*?^```|`[^`]+`", text, re.DOTALL | re.MULTILINE))  # not "minidecomp reads"
    for command in re.findall(r"(?:^|[`&$] ?)minidecomp ([a-z]+)\b", code, re.MULTILINE):
        assert command in COMMANDS or command == "checkpoint", command  # the name of a format, too


def test_the_page_of_metrics_shows_what_evaluate_prints(capsys):
    """The lines that name things, not their numbers, which are those of another run."""
    page = (ROOT / "docs/metrics.md").read_text("utf-8").split("```text\n")[1].split("```")[0]
    small = ["--prior", "mixture", "--alpha", "5", "--batch-size", "100", "--epochs", "2"]
    assert main(["train", *small, "--out", "runs/small-batches", "--no-plots", "-q"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "runs/small-batches", "-q"]) == 0
    printed = capsys.readouterr().out

    def words(text):
        text = re.sub(r"  Errors that are a guess.*? %\)\.\n", "", text, flags=re.DOTALL)  # each run has its own
        return [" ".join(re.sub(r"[−-]?\d[\d.,]*|±|z\d\S*", "", line).split()) for line in text.splitlines()]

    assert words(page) == words(printed)
