"""Everything public says what it gives, and nothing points to a document that users do not have."""

import importlib
import inspect
import pkgutil
import types
from pathlib import Path

import click

import minidecomp

ROOT = Path(__file__).parents[1]
FOLDERS = ("minidecomp", "_core", "cli", "docs", "tests", "benchmarks")
TEXTS = {".py", ".pyi", ".pyx", ".pxd", ".pxi", ".h", ".cu", ".js", ".css", ".html", ".md", ".toml"}
NOT_SHIPPED = "PAP" + "ER"  # a document of the authors' own, by its name


def modules():
    """Every module of the package that is written in Python."""
    for found in pkgutil.walk_packages(minidecomp.__path__, "minidecomp."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            if str(module.__file__).endswith(".py"):
                yield module


def undocumented(module):
    """What is public in a module, made there, and has no docstring; a method may have its base's."""
    missing = [] if module.__doc__ else [module.__name__]
    for name, member in vars(module).items():
        if isinstance(member, click.Command):
            described = member.help or member.hidden
        elif name.startswith("_") or getattr(member, "__module__", "") != module.__name__:
            continue
        elif inspect.isclass(member):
            described = member.__dict__.get("__doc__") and not member.__doc__.startswith(f"{name}(")
            missing += [f"{module.__name__}.{name}.{each}" for each in undocumented_methods(member)]
        elif inspect.isfunction(member):
            described = member.__doc__
        else:
            continue
        if not described:
            missing.append(f"{module.__name__}.{name}")
    return missing


def undocumented_methods(kind):
    for name, member in vars(kind).items():
        is_method = isinstance(member, (types.FunctionType, property, classmethod, staticmethod))
        is_value = getattr(member, "__name__", "") == "<lambda>"  # a field's default
        if not name.startswith("_") and is_method and not is_value:
            versions = [vars(base)[name] for base in kind.__mro__ if name in vars(base)]
            if not any(inspect.getdoc(version) for version in versions):
                yield name


def files_that_mention(word, folders):
    paths = (path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in TEXTS)
    return [str(path) for path in paths if word in path.read_text("utf-8")]


def test_everything_public_has_a_docstring():
    missing = [name for module in modules() for name in undocumented(module)]
    assert not missing, "\n".join(missing)


def test_no_file_points_to_a_document_that_users_do_not_have():
    top = [path for path in ROOT.iterdir() if path.suffix in TEXTS and NOT_SHIPPED in path.read_text("utf-8")]
    assert not files_that_mention(NOT_SHIPPED, [ROOT / folder for folder in FOLDERS]) + top


def test_these_tests_can_fail(tmp_path):
    source = (
        "import dataclasses\n"
        "def said():\n    'Said.'\n"
        "def unsaid(): ...\n"
        "def _private(): ...\n"
        "class Base:\n    'Said.'\n    def given(self):\n        'Said.'\n    def lost(self): ...\n"
        "    @property\n    def width(self): ...\n"
        "class Heir(Base):\n    'Said.'\n    def given(self): ...\n"
        "@dataclasses.dataclass\nclass Plain:\n    x: int\n"
    )
    module = types.ModuleType("toy", "Said.")
    exec(source, vars(module))
    assert sorted(undocumented(module)) == ["toy.Base.lost", "toy.Base.width", "toy.Plain", "toy.unsaid"]
    assert undocumented(types.ModuleType("toy")) == ["toy"]
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "notes.md").write_text(f"see {NOT_SHIPPED}.md, 3.2")
    (tmp_path / "other.py").write_text("the paper's equation 7")
    assert files_that_mention(NOT_SHIPPED, [tmp_path]) == [str(tmp_path / "inner" / "notes.md")]
