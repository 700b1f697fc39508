"""A copy of the source tree to build in: what a build leaves behind must not be taken for another's."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILT = ("build", "*.so", "engine_float*.c", "codes.c", "sprites.c", "*.egg-info", "__pycache__", ".*")


def copy_of_the_source(folder):
    """The path of a copy in the folder, without what builds and tools have left."""
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(*BUILT), symlinks=True)
    return folder / "source"
