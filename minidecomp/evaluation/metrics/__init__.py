"""Measures of disentanglement and sparsity.

``name(truth, ...)`` draws points from a `GroundTruth` as disentanglement_lib does; ``name_from_codes(...)``
takes arrays, rows being points. Each returns a `Score`.
"""

from .beta_vae import beta_vae
from .dci import dci, dci_from_codes
from .explicitness import explicitness, explicitness_from_codes
from .factor_vae import factor_vae, factor_vae_mathieu19, factor_vae_mathieu19_from_codes
from .gaussian_quantiles import gaussian_quantiles
from .hoyer import hoyer
from .irs import irs, irs_from_codes
from .mig import mig, mig_from_codes
from .modularity import modularity, modularity_from_codes
from .sampling import GroundTruth
from .sap import sap, sap_from_codes
from .score import Score
from .unsupervised import active_dimensions, unsupervised, unsupervised_from_codes

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
