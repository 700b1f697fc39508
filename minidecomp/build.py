"""From options to data, model and objective, under the names in docs/python.md."""

from .data import dataset_from as dataset
from .model.from_options import fit_likelihood, prior_logits, vae
from .objective import objective_from as objective

__all__ = ["dataset", "fit_likelihood", "objective", "prior_logits", "vae"]
