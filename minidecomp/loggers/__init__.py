"""Where training is logged besides ``metrics.csv``: one file per tool, which uses the tool's own library.

The callback that writes to them is in `minidecomp.loggers.log`.
"""

from ..variants import LOGGERS
from . import mlflow, tensorboard, wandb
from .logger import About, Epoch, Logger, Record

for _module in (tensorboard, mlflow, wandb):
    LOGGERS.add(_module.LOGGER)

__all__ = ["About", "Epoch", "Logger", "Record"]
