"""Where the course of a training is written beside ``metrics.csv``, a file a tool, each by the tool's own library.

`minidecomp.loggers.log` has the callback that writes it.
"""

from ..variants import LOGGERS
from . import mlflow, tensorboard, wandb
from .logger import About, Epoch, Logger, Record

for _module in (tensorboard, mlflow, wandb):
    LOGGERS.add(_module.LOGGER)

__all__ = ["About", "Epoch", "Logger", "Record"]
