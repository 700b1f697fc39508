"""The workflows are valid YAML, name commands that exist, pin what they use, and may write no more than they need."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
FLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])
PROGRAMS = {"pip", "python", "pytest", "minidecomp", "sphinx-build", ".ci/run"}
SITE = "sphinx-build -W -q docs build/site"

flows = pytest.mark.parametrize("path", FLOWS, ids=[path.stem for path in FLOWS])


def steps(path):
    return [step for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values() for step in job["steps"]]


def runs(path):
    return [step["run"] for step in steps(path) if "run" in step]


def test_there_are_workflows():
    assert {path.stem for path in FLOWS} == {"site", "tests", "wheels"}


@flows
def test_actions_are_pinned_to_a_version(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", each) for each in used), used


@flows
def test_permissions_are_the_least(path):
    flow = yaml.safe_load(path.read_text("utf-8"))
    assert flow["permissions"] == {"contents": "read"}
    own = {name: job["permissions"] for name, job in flow["jobs"].items() if "permissions" in job}
    assert own == ({"publish": {"pages": "write", "id-token": "write"}} if path.stem == "site" else {})


@flows
def test_commands_exist(path):
    for line in runs(path):
        for command in line.split(" && "):
            program, *args = shlex.split(command)
            assert program in PROGRAMS, command
            assert program != ".ci/run" or (ROOT / program).exists()
            for extra in re.findall(r"\.\[(\w+)\]", " ".join(args)):
                assert extra in EXTRAS


def test_the_readme_s_two_commands_are_run():
    text = (ROOT / "README.md").read_text("utf-8")
    wanted = re.findall(r"^pip install .* && .*$", text, re.MULTILINE)
    assert len(wanted) == 2 and set(wanted) <= set(runs(ROOT / ".github/workflows/tests.yml"))


def test_the_site_is_built_by_the_documented_command():
    assert SITE in runs(ROOT / ".github/workflows/site.yml")
    assert SITE in (ROOT / "docs/conf.py").read_text("utf-8")


@pytest.mark.parametrize("path", [ROOT / ".github/workflows/wheels.yml"])
def test_wheels_are_built_with_the_project_s_settings(path):
    assert any(step.get("uses", "").startswith("pypa/cibuildwheel@") for step in steps(path))
    assert "cibuildwheel" in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
