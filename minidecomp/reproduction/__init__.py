"""The three experiments of Mathieu et al. (ICML 2019) from start to end: grids, figures and statements."""

from __future__ import annotations

from . import clustering, independence, sparsity
from .experiment import Experiment

EXPERIMENTS = {each.EXPERIMENT.name: each.EXPERIMENT for each in (clustering, sparsity, independence)}

__all__ = ["EXPERIMENTS", "Experiment"]
