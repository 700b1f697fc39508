"""The documentation's examples run, its links lead somewhere, and the commands it names exist."""

import doctest
import re
from pathlib import Path

import pytest

from minidecomp.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), ROOT / "tests/gpu/README.md"])
ids = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("name", ["gradients", "theory"])
def test_examples(name):
    path = str(ROOT / "docs" / f"{name}.md")
    found = doctest.testfile(path, module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    assert found.failed == 0 and found.attempted > 10


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
