"""Measures of disentanglement and sparsity.

``name(truth, ...)`` draws points from a `GroundTruth` as disentanglement_lib does; ``name_from_codes(...)``
takes arrays, rows being points. Each returns a `Score`.
"""

from minidecomp.metrics.beta_vae import beta_vae
from minidecomp.metrics.dci import dci, dci_from_codes
from minidecomp.metrics.explicitness import explicitness, explicitness_from_codes
from minidecomp.metrics.factor_vae import (
    factor_vae,
    factor_vae_mathieu19,
    factor_vae_mathieu19_from_codes,
)
from minidecomp.metrics.gaussian_quantiles import gaussian_quantiles
from minidecomp.metrics.hoyer import hoyer
from minidecomp.metrics.irs import irs, irs_from_codes
from minidecomp.metrics.mig import mig, mig_from_codes
from minidecomp.metrics.modularity import modularity, modularity_from_codes
from minidecomp.metrics.sampling import GroundTruth
from minidecomp.metrics.sap import sap, sap_from_codes
from minidecomp.metrics.score import Score
from minidecomp.metrics.unsupervised import active_dimensions, unsupervised, unsupervised_from_codes

__all__ = [
    "GroundTruth",
    "Score",
    "active_dimensions",
    "beta_vae",
    "dci",
    "dci_from_codes",
    "explicitness",
    "explicitness_from_codes",
    "factor_vae",
    "factor_vae_mathieu19",
    "factor_vae_mathieu19_from_codes",
    "gaussian_quantiles",
    "hoyer",
    "irs",
    "irs_from_codes",
    "mig",
    "mig_from_codes",
    "modularity",
    "modularity_from_codes",
    "sap",
    "sap_from_codes",
    "unsupervised",
    "unsupervised_from_codes",
]
