"""The site: its pages link to what there is, its how-tos work, and it builds without a warning."""

import importlib.util
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("howto/*.md"), *DOCS.glob("api/*.md")])
HOWTOS = sorted(DOCS.glob("howto/*.md"))
NEEDED = ("sphinx", "furo", "myst_nb", "latex2mathml", "ziamath", "fontTools", "ipykernel", "matplotlib", "pandas")
has_packages = all(importlib.util.find_spec(name) for name in NEEDED)


@pytest.mark.parametrize("page", PAGES, ids=[f"{page.parent.name}/{page.stem}" for page in PAGES])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8")):
        assert target.startswith("https:") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=[f"{page.parent.name}/{page.stem}" for page in PAGES])
def test_what_a_page_of_the_api_shows_exists(page):
    for name in re.findall(r"^\.\. auto\w+:: (\S+)$", page.read_text("utf-8"), re.MULTILINE):
        assert pkgutil.resolve_name(name)


def test_every_picture_is_in_the_gallery():
    text = (DOCS / "gallery.md").read_text("utf-8")
    shown = set(re.findall(r"\]\(images/([^)]+)\)", text))
    assert shown == {path.name for path in DOCS.glob("images/*.*") if path.suffix != ".py"}
    for section in re.split(r"^(?=!\[)", text, flags=re.MULTILINE)[1:]:
        follows_another = section.count("\n\n") == 0  # of several pictures of one command, the last has it
        assert "```sh" in section or follows_another, section[:80]


def write_plants():
    rng = np.random.default_rng(0)
    kinds = ("fern", "moss", "reed")
    lines = ["height,leaf,kind"]
    for i in range(120):
        height, leaf = np.array([(40, 3.0), (5, 0.4), (150, 1.5)][i % 3]) * rng.lognormal(0, 0.1, 2)
        lines.append(f"{height:.3f},{leaf:.3f},{kinds[i % 3]}")
    Path("plants.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("page", HOWTOS, ids=[page.stem for page in HOWTOS])
def test_howtos_work(page, capsys):
    """Every block of code, in order, in a folder that has a table."""
    write_plants()
    for kind, text in re.findall(r"^ *```(\w+)\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        if kind == "python":
            pytest.importorskip("pandas")
            exec(compile(text, page.name, "exec"), {})
        elif kind == "c":
            Path("main.c").write_text(text)
        else:
            for line in text.replace("\\\n", " ").strip().splitlines():
                follow(line.strip(), capsys)


def follow(line, capsys):
    program, *args = shlex.split(line)
    if program == "cc":
        if shutil.which("cc"):
            done = subprocess.run(line, shell=True, capture_output=True, text=True)
            assert done.returncode == 0 and "reconstruction" in done.stdout, done.stderr
        return
    assert program == "minidecomp" and main(args) == 0, (line, capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.skipif(not has_packages, reason="needs the docs extra")
def test_the_site_builds_without_a_warning(tmp_path):
    """The documented command, into another folder; the notebooks are executed as well."""
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "-W", "-q", str(DOCS), str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40 and (site / "report.html").stat().st_size > 100_000
    for name, wanted in (("gradients", "<math"), ("api/terms", "MMD^2"), ("notebooks/clusters", "<img")):
        assert wanted in (site / f"{name}.html").read_text("utf-8"), name
    for page in pages:
        if page.name not in ("playground.html", "report.html"):
            check_page(page)


def check_page(page):
    """No page loads anything from elsewhere, and its links and pictures are in the site."""
    text = page.read_text("utf-8")
    loaded = re.findall(r'<(?:script|img|iframe|source)\b[^>]*?\bsrc="([^"]+)"', text)
    loaded += re.findall(r'<link\b[^>]*rel="(?:stylesheet|icon|preload)"[^>]*href="([^"]+)"', text)
    followed = re.findall(r'<a\b[^>]*?\bhref="([^"#]+)', text)
    for target in loaded:
        assert not re.match(r"(https?:)?//", target), (page, target)
    for target in loaded + followed:
        if not re.match(r"\w+:", target):
            assert (page.parent / target.split("?")[0].split("#")[0]).exists(), (page, target)
