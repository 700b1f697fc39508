"""The site: its pages link to what there is, its how-tos work, and it builds without a warning."""

import importlib.util
import inspect
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidecomp
from minidecomp import variants
from minidecomp.cli.main import main
from minidecomp.evaluation import metrics
from minidecomp.inspection.explanations import explanations

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


def shown_in_the_api():
    """The modules, classes, functions and registries that the pages of the API show."""
    shown = []
    for page in DOCS.glob("api/*.md"):
        directives = re.findall(r"^\.\. auto(\w+):: (\S+)\n((?: +:.*\n)*)", page.read_text("utf-8"), re.MULTILINE)
        for kind, name, options in directives:
            thing = pkgutil.resolve_name(name)
            shown.append(thing)
            if kind == "module" and (members := re.search(r":members:(.*)", options)):
                shown += members_of(thing, members[1].replace(",", " ").split(), ":imported-members:" in options)
    return shown


def members_of(module, named, imported):
    """As autodoc has them: those named, otherwise the module's own, or those of ``__all__``."""
    public = [name for name in vars(module) if not name.startswith("_")]
    found = [getattr(module, name) for name in named or getattr(module, "__all__", public)]
    own = [each for each in found if imported or named or getattr(each, "__module__", None) == module.__name__]
    return [each for each in own if callable(each)]  # a number or a tuple needs a directive


def names_used(page):
    """Each name that a page imports from minidecomp, and each attribute of an imported module that its code uses."""
    text = page.read_text("utf-8")
    code = "\n".join(re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE))
    for place, names in re.findall(r"^(?:>>> )?from (minidecomp[\w.]*) import (.+)$", code, re.MULTILINE):
        for name in names.split(", "):
            thing = pkgutil.resolve_name(f"{place}:{name}")
            yield f"{place}.{name}", thing
            if inspect.ismodule(thing):
                for used in set(re.findall(rf"(?<![\w./]){name}\.([A-Za-z]\w*)", code)):
                    yield f"{place}.{name}.{used}", getattr(thing, used)


@pytest.mark.parametrize("name", ["architecture", "metrics", "python", "theory", "training", "howto/own-table"])
def test_the_api_has_the_names_that_the_guides_use(name):
    shown = shown_in_the_api()
    used = dict(names_used(DOCS / f"{name}.md"))
    assert used
    assert [each for each, thing in used.items() if not any(thing is other for other in shown)] == []


def test_the_api_has_the_public_names():
    """What ``dir(minidecomp)`` lists, every metric's function and every registry."""
    shown = shown_in_the_api()
    wanted = {name: getattr(minidecomp, name) for name in minidecomp.__all__ if name != "__version__"}
    wanted |= {name: getattr(metrics, name) for name in metrics.__all__}
    wanted |= {name: each for name, each in vars(variants).items() if isinstance(each, variants.Variants)}
    wanted |= {"Option": variants.Option, "Variants": variants.Variants, "explanations": explanations}
    assert [name for name, thing in wanted.items() if not any(thing is other for other in shown)] == []


def test_every_page_of_the_api_is_in_its_index():
    index = (DOCS / "api" / "index.md").read_text("utf-8")
    names = {page.stem for page in DOCS.glob("api/*.md")} - {"index"}
    assert names == set(re.findall(r"^\| \[[^\]]+\]\((\w+)\.md\)", index, re.MULTILINE))
    assert names == set(re.search(r":hidden:\n\n(.*?)```", index, re.DOTALL)[1].split())


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
