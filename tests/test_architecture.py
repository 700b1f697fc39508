"""The house: which part of minidecomp may import which. docs/architecture.md draws it."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the bottom up: a part imports from those on lines above its own, and from within itself.
STOREYS = (
    ("errors", "_core"),
    ("files", "packages", "rounding", "variants", "memory"),
    ("terms",),
    ("settings", "randomness"),
    ("data",),
    ("model",),
    ("objective",),
    ("engines", "runs"),
    ("inspection", "export"),
    ("slices",),
    ("training",),
    ("evaluation", "loggers", "progress"),
    ("estimator",),
    ("figures",),
    ("sweeps", "page"),
    ("report", "playground", "reproduction"),
    ("cli",),
    ("__main__",),
)
STOREY = {part: number for number, parts in enumerate(STOREYS) for part in parts}
# Kept for the names that docs/python.md has; nothing inside imports them.
OLD_NAMES = ("build", "draws", "optimizer")


def modules():
    """Every module of the package, by its dotted name without minidecomp."""
    found = {}
    for folder, prefix in (("minidecomp", ()), ("_core", ("_core",)), ("cli", ("cli",))):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = (*prefix, *path.relative_to(ROOT / folder).with_suffix("").parts)
            if folder == "minidecomp" and parts[0] in ("_core", "cli"):
                continue  # links to the folders beside it
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imported(name, path):
    """The package's modules that a module imports, wherever in it, type-checking alone included."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("minidecomp").lstrip(".") for alias in node.names if "minidecomp" in alias.name
            )
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
                base = ".".join([*above, *([base] if base else [])])
            elif base.split(".")[0] != "minidecomp":
                continue
            else:
                base = base.removeprefix("minidecomp").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in MODULES else base


def part_of(module):
    return module.split(".")[0]


GRAPH = {name: sorted({each for each in imported(name, path) if each in MODULES}) for name, path in MODULES.items()}
EDGES = sorted(
    {
        (part_of(a), part_of(b), a, b)
        for a, inner in GRAPH.items()
        for b in inner
        if part_of(a) != part_of(b) and a and b
    }
)


def test_every_part_has_a_storey():
    assert {part_of(name) for name in MODULES} - {"", *OLD_NAMES} == set(STOREY)


@pytest.mark.parametrize("part", STOREY)
def test_imports_go_down(part):
    up = [f"{a} imports {b}" for above, below, a, b in EDGES if above == part and STOREY.get(below, 99) >= STOREY[part]]
    assert not up, "\n".join(up)


def test_the_old_names_lead_in_only():
    assert not [f"{a} imports {b}" for _, below, a, b in EDGES if below in OLD_NAMES]


def test_no_circles():
    """Of modules, inside a part too. The package's own __init__ gives the version and looks names up when asked."""
    seen, on_the_way = set(), []

    def visit(name):
        if name in on_the_way:
            raise AssertionError(" -> ".join([*on_the_way[on_the_way.index(name) :], name]))
        if name in seen:
            return
        on_the_way.append(name)
        for inner in GRAPH[name]:
            # A package's __init__ imports its modules, and these may name it where they mean each other's neighbours.
            if inner != "" and not name.startswith(f"{inner}."):
                visit(inner)
        on_the_way.pop()
        seen.add(name)

    for name in GRAPH:
        visit(name)


def test_the_rules_that_have_names():
    edges = {(above, below) for above, below, _, _ in EDGES}
    assert ("settings", "data") not in edges
    assert [above for above, below in edges if below == "cli"] == ["__main__"]


def test_a_module_is_found_where_it_is_imported():
    """This file's own eyes: known imports of each kind are seen, those inside of functions too."""
    assert "terms.priors" in GRAPH["model.from_options"] and "settings.options" in GRAPH["cli.options"]
    assert "runs.checkpoint" in GRAPH["cli.loading"]
    by_part = defaultdict(set)
    for above, below, _, _ in EDGES:
        by_part[above].add(below)
    assert by_part["objective"] == {"model", "randomness", "settings", "terms", "variants"}


def test_the_page_draws_the_same_house():
    """docs/architecture.md lists the storeys as they are here."""
    page = (ROOT / "docs/architecture.md").read_text()
    drawn = [line.split("  ")[0].strip() for line in page.split("```\n")[1].strip().splitlines()]
    assert drawn == [", ".join(parts) for parts in STOREYS]


def test_setup_has_every_package():
    """What setup.py leaves out is missing from a wheel alone, where no test of this folder would see it."""
    listed = set(re.findall(r'^        "(minidecomp[\w.]*)",$', (ROOT / "setup.py").read_text(), re.MULTILINE))
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "minidecomp").rglob("__init__.py")}
    found = {".".join(folder.parts) for folder in folders if folder.parts[1:2] not in (("_core",), ("cli",))}
    assert listed == found | {"minidecomp._core", "minidecomp.cli"}
