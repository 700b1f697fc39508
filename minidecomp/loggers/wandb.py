"""Weights & Biases: offline, in ``RUN/wandb``, unless ``WANDB_MODE`` says otherwise.

A continued run writes a new offline run with the same id and all of its epochs, and then deletes the old one, so that
``wandb sync`` always sends one complete record. Online, the server says which epochs it has.
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
    """Why W&B cannot be used; None if it can."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it uses the network even offline
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
            dir=about.folder.absolute(),  # its other process may have another working folder
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
        begun = self._run.step  # 0, or the step after the last one on the server
        self.write([epoch for epoch in epochs if epoch.number >= begun])
        for path in older:
            if path.resolve() != Path(self._run.dir).parent.resolve():
                shutil.rmtree(path)

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Add one step per epoch; W&B keeps a step open until the next one."""
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
