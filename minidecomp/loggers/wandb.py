"""Weights & Biases: offline, into ``RUN/wandb``, unless ``WANDB_MODE`` says otherwise.

A run that goes on gets a new offline run of the same id with all of its epochs, and the old one is deleted then: what
``wandb sync`` sends is always one whole record. Online, the server says how far its record has come.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import packages
from .logger import About, Epoch, Logger

PROJECT = "minidecomp"


def missing() -> str | None:
    """Why it cannot be used; None where it can."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it speaks over the network, offline too
    return packages.missing("wandb", "minidecomp[wandb]", "W&B")


class WandB:
    """One run."""

    def __init__(self, about: About, epochs: Sequence[Epoch]):
        import wandb

        older = list((about.folder / "wandb").glob(f"offline-run-*-{about.id}"))
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=os.environ.get("WANDB_NAME", about.name),
            id=about.id,
            dir=about.folder.absolute(),  # its other process may stand in another folder
            mode=os.environ.get("WANDB_MODE", "offline"),  # type: ignore[arg-type]
            resume="allow",
            reinit="create_new",  # a sweep has several at once
            settings=wandb.Settings(
                console="off",
                silent=True,
                save_code=False,
                disable_git=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
        self._run.config.update(dict(about.options), allow_val_change=True)
        begun = self._run.step  # 0, or the step after the last that a server has
        self.write([epoch for epoch in epochs if epoch.number >= begun])
        for path in older:
            if path.resolve() != Path(self._run.dir).parent.resolve():
                shutil.rmtree(path)

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Add them, each as a step, which W&B keeps open until the next."""
        for epoch in epochs:
            self._run.log(dict(epoch.values), step=epoch.number)

    def end(self, epoch: int, values: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Add the pictures to the last step, and the numbers to the summary."""
        import wandb

        self._run.summary.update(dict(values))
        if pictures:
            self._run.log({path.stem: wandb.Image(str(path)) for path in pictures}, step=epoch)

    def close(self, finished: bool) -> None:
        """End the run."""
        self._run.finish(exit_code=0 if finished else 1)


LOGGER = Logger("wandb", missing, WandB)
