"""The run folder: what is written where (docs/files.md).

``config.toml`` the options, ``metrics.csv`` a row an epoch, ``gradients.csv`` likewise with --log-gradients,
``checkpoint.npz`` everything a resume needs, ``figures/``, ``evaluation.json``. Every file is written whole or not at
all.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset, Digests
from ..errors import RunError
from ..files import write_file
from ..settings import toml_text
from ..settings.options import TrainOptions, is_relevant

FIRST_SAVE = ("config.toml", "metrics.csv", "gradients.csv", "checkpoint.npz")


def config_text(options: TrainOptions) -> str:
    """The options as TOML, those that say nothing in this run left out; itself a valid ``--config``."""
    from .. import __version__

    return toml_text.dumps({"version": __version__} | config_values(options))


def config_values(options: TrainOptions) -> dict[str, Any]:
    """The options that ``config.toml`` has: those that say something in this run."""
    values = dict(vars(options))
    return {name: value for name, value in values.items() if value is not None and is_relevant(name, values)}


def write_config(folder: Path, options: TrainOptions) -> None:
    """Write ``config.toml``."""
    write_file(folder / "config.toml", lambda file: file.write(config_text(options).encode()))


def create_folder(out: str | None, options: TrainOptions) -> Path:
    """A new run folder: ``out``, or one under ``runs/`` named after the run. Never one that holds something already."""
    if out is not None:
        folder = Path(out)
        if folder.exists() and not folder.is_dir():
            raise RunError(f"--out {out}: it is a file; give a folder")
        if folder.exists() and any(folder.iterdir()):
            go_on = f"--resume {out} to go on with its run"
            raise RunError(f"--out {out}: it exists already; give another folder, or {go_on}")
    else:
        data = Path(str(options.data)).stem
        variance = "-pca" if options.prior_variance == "pca" else ""
        variance += "-learned" if options.learn_prior_variance else ""
        name = f"{data}-{options.prior}{variance}-alpha{options.alpha:g}-beta{options.beta:g}-seed{options.seed}"
        folder, count = Path("runs") / name, 1
        while folder.exists():
            count += 1
            folder = Path("runs") / f"{name}-{count}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(f"--out {folder}: cannot write there: {error.strerror or error}") from error
    return folder


def holds_only_a_beginning(folder: Path) -> bool:
    """Whether a run's folder has nothing but what a first save that was killed leaves; an empty one has nothing else.

    That is config.toml, tables without a row, and the temporary files of all these.
    """
    if not folder.is_dir() or (folder / "checkpoint.npz").exists():
        return False
    return all(path.is_file() and not path.is_symlink() and _is_of_a_beginning(path) for path in folder.iterdir())


def _is_of_a_beginning(path: Path) -> bool:
    if path.name in ("metrics.csv", "gradients.csv"):
        return path.read_bytes().count(b"\n") <= 1
    return path.name == "config.toml" or path.name.startswith(tuple(f".{name}." for name in FIRST_SAVE))


def clear_beginning(folder: Path) -> None:
    """Delete what `holds_only_a_beginning` means, and nothing else; the folder stays."""
    for path in folder.iterdir():
        if _is_of_a_beginning(path):
            path.unlink(missing_ok=True)


def check_data(folder: Path, digests: Digests, dataset: Dataset) -> Digests:
    """The digests of the data set; RunError unless they equal ``digests``, those that the run's checkpoint has."""
    found = dataset.digests()
    if found.train != digests.train:
        raise RunError(f"{folder}: {dataset.name} is not the data this run was trained on")
    # An older checkpoint has no digest of the test points.
    if digests.test and found.test != digests.test:
        raise RunError(f"{folder}: the test points of {dataset.name} are not those that this run began with")
    return found
