"""Measures of disentanglement and sparsity.

``name(truth, ...)`` draws points from a `GroundTruth` as disentanglement_lib does; ``name_from_codes(...)`` takes
arrays with points as rows. `LabelledCodes` are the codes of a user's own training and test points. Each function
returns a `Score`. A `Metric` describes a metric.
"""

from ...variants import METRICS
from .beta_vae import BETA_VAE, beta_vae
from .dci import DCI, dci, dci_from_codes
from .explicitness import EXPLICITNESS, explicitness, explicitness_from_codes
from .factor_vae import (
    FACTOR_VAE,
    FACTOR_VAE_MATHIEU19,
    factor_vae,
    factor_vae_from_codes,
    factor_vae_mathieu19,
    factor_vae_mathieu19_from_codes,
)
from .gaussian_quantiles import gaussian_quantiles
from .hoyer import HOYER, HOYER_PLAIN, hoyer
from .irs import IRS, irs, irs_from_codes
from .known import KnownFactors
from .labelled import LabelledCodes
from .metric import Metric
from .mig import MIG, mig, mig_from_codes
from .modularity import MODULARITY, modularity, modularity_from_codes
from .sampling import GroundTruth
from .sap import SAP, sap, sap_from_codes
from .score import Score
from .unsupervised import UNSUPERVISED, unsupervised, unsupervised_from_codes

__all__ = [
    "GroundTruth",
    "KnownFactors",
    "LabelledCodes",
    "Metric",
    "Score",
    "beta_vae",
    "dci",
    "dci_from_codes",
    "explicitness",
    "explicitness_from_codes",
    "factor_vae",
    "factor_vae_from_codes",
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

for _metric in (
    FACTOR_VAE,
    FACTOR_VAE_MATHIEU19,
    BETA_VAE,
    MIG,
    SAP,
    MODULARITY,
    EXPLICITNESS,
    IRS,
    DCI,
    UNSUPERVISED,
    HOYER,
    HOYER_PLAIN,
):
    METRICS.add(_metric)
