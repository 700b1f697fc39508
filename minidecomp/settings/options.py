"""Every option of a training run: one name for the command line, Python, ``config.toml`` and the checkpoint."""

from __future__ import annotations

import types
import typing
from dataclasses import Field, dataclass, field, fields
from typing import Any

PRIORS = ("gaussian", "student-t", "mixture", "sparse")
LIKELIHOODS = ("bernoulli", "gaussian", "laplace")
DATA_OF_PRIOR = {"mixture": "pinwheel", "gaussian": "dsprites", "student-t": "dsprites", "sparse": "fashion-mnist"}
NAMES = ("pinwheel", "dsprites", "fashion-mnist")
PRIOR_OF_DATA = {"pinwheel": "mixture", "dsprites": "gaussian", "fashion-mnist": "sparse"}

# What users of the authors' code type.
ALIASES = {
    "prior": {"normal": "gaussian", "studentt": "student-t", "normalmixture": "mixture", "sparse": "sparse"},
    "regulariser": {"mmd_dim": "mmd", "kld_inc": "kl-inc"},
    "activation": {"leaky_relu": "leaky-relu"},
    "decoder_activation": {"leaky_relu": "leaky-relu"},
}

DATA, PRIOR, MODEL, OBJECTIVE, TRAINING = "Data", "Prior p(z)", "Model", "Objective", "Training"
GROUPS = {
    DATA: "",
    PRIOR: "",
    MODEL: "",
    OBJECTIVE: "L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z)); every term is in nats a data "
    "point, summed over dimensions, averaged over the batch.",
    TRAINING: "",
}

FASHION, DSPRITES, PINWHEEL = (("data", (name,)) for name in ("fashion-mnist", "dsprites", "pinwheel"))
STUDENT_T, MIXTURE, SPARSE = (("prior", (name,)) for name in ("student-t", "mixture", "sparse"))
LAPLACE, PCA = ("likelihood", ("laplace",)), ("prior_variance", ("pca",))
SEED = 2**64 - 1


def _option(group: str, help: str, default: Any = None, flags: str = "", **limits: Any) -> Any:
    """What is known of an option.

    ``default`` is None where other options or the data decide. ``choices``, or ``low`` and ``high`` (``above`` and
    ``below`` where the bound is not included) say what is allowed. ``only_with`` names the other option, and its
    values, without which this one says nothing.
    """
    return field(metadata={"group": group, "help": help, "default": default, "flags": flags, **limits})


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The options of ``minidecomp train``, made by ``minidecomp.resolve``, which fills in what is not given."""

    # fmt: off
    data: str = _option(DATA, "pinwheel, dsprites, fashion-mnist, or a file: .npy, .npz, .csv. By the prior: mixture takes pinwheel, gaussian and student-t dsprites, sparse fashion-mnist.", flags="-d")
    data_dir: str | None = _option(DATA, "Folder of the data set's files; also $MINIDECOMP_DATA.")
    array: str | None = _option(DATA, "Name of the array in an .npz file that has several.")
    image_size: int = _option(DATA, "Fashion-MNIST's images as they are, or padded to 32.", 28, choices=(28, 32), only_with=FASHION)
    factors: str | None = _option(DATA, "dSprites: a part of it, as shape=heart,scale=0.5..1 (also orientation, posX, posY).", only_with=DSPRITES)
    limit: int | None = _option(DATA, "Train on that many points only, chosen at random.", low=2)
    test_fraction: float = _option(DATA, "Share of one's own data kept for testing.", 0.1, above=0, below=1)
    data_seed: int = _option(DATA, "Seed of the pinwheel's points, of the test split and of --limit's choice.", 0, low=0, high=SEED)
    arms: int = _option(DATA, "Pinwheel: arms.", 4, low=1, high=1000, only_with=PINWHEEL)
    points_per_arm: int = _option(DATA, "Pinwheel: points an arm, for training and again for testing.", 100, low=1, high=10**7, only_with=PINWHEEL)
    radial_std: float = _option(DATA, "Pinwheel: standard deviation across an arm.", 0.1, low=0, high=100, only_with=PINWHEEL)
    tangential_std: float = _option(DATA, "Pinwheel: standard deviation along an arm.", 0.3, low=0, high=100, only_with=PINWHEEL)
    rate: float = _option(DATA, "Pinwheel: how fast an arm winds.", 0.25, low=-1e6, high=1e6, only_with=PINWHEEL)

    prior: str = _option(PRIOR, "gaussian, student-t, mixture or sparse (spike and slab). By the data; mixture at first.", choices=PRIORS)
    prior_variance: str = _option(PRIOR, "Variances equal (iso) or as the data's principal components (pca).", "iso", choices=("iso", "pca"))
    pca_centre: bool = _option(PRIOR, "Centre the data before their principal components; the authors do not.", True, only_with=PCA)
    learn_prior_variance: bool = _option(PRIOR, "Learn the variances' shares; their mean stays.", False)
    prior_variance_scale: float = _option(PRIOR, "Mean of the variances: 0.03 for a mixture, else 1.", above=0, below=1e12)
    df: float = _option(PRIOR, "Student-t: degrees of freedom.", 9.0, above=0, below=1e9, only_with=STUDENT_T)
    components: int = _option(PRIOR, "Mixture: components, evenly on a circle in the first two dimensions.", 4, low=1, high=1000, only_with=MIXTURE)
    component_radius: float = _option(PRIOR, "Mixture: the circle's radius.", 1.0, low=0, high=1e6, only_with=MIXTURE)
    gamma: float = _option(PRIOR, "Sparse: the spike's weight; 0 is a standard normal.", 0.8, low=0, high=1, only_with=SPARSE)
    spike_scale: float = _option(PRIOR, "Sparse: the spike's standard deviation; 0.05 as in the authors' code, 0.2236 as in the paper's text.", 0.05, above=0, below=1e6, only_with=SPARSE)

    latent_dim: int = _option(MODEL, "Latent dimensions D.", 2, flags="-z", low=1, high=10000)
    hidden: tuple[int, ...] = _option(MODEL, "Widths of the encoder's hidden layers, as 512,256; the decoder mirrors them.", (100,), low=1, high=100000, most=30)
    decoder_hidden: tuple[int, ...] = _option(MODEL, "Widths of the decoder's hidden layers, where they differ.", low=1, high=100000, most=30)
    activation: str = _option(MODEL, "Between the layers.", "relu", choices=("relu", "leaky-relu", "tanh", "softplus"))
    decoder_activation: str = _option(MODEL, "The decoder's, where it differs.", choices=("relu", "leaky-relu", "tanh", "softplus"))
    init: str = _option(MODEL, "Initial weights: torch, U(-1/sqrt(in), 1/sqrt(in)), or he, U(-sqrt(6/in), sqrt(6/in)) with no biases.", "torch", choices=("torch", "he"))
    scale_link: str = _option(MODEL, "The posterior's scale from the encoder's raw a: softplus(a), or exp(a/2).", "softplus", choices=("softplus", "exp"))
    likelihood: str | None = _option(MODEL, "p(x|z): bernoulli (logits), gaussian (learned scale) or laplace (fixed scale). For one's own data: bernoulli if all are 0 or 1, else gaussian.", choices=LIKELIHOODS)
    likelihood_scale: float = _option(MODEL, "Laplace: its scale.", 0.1, above=0, below=1e6, only_with=LAPLACE)

    beta: float = _option(OBJECTIVE, "Weight of the KL term: how much the encodings of different points overlap.", 1.0, low=0)
    alpha: float = _option(OBJECTIVE, "Weight of D: how well the aggregate posterior matches the prior.", 0.0, low=0)
    regulariser: str = _option(OBJECTIVE, "D: mmd (a dimension at a time), or kl-inc, KL(p || q).", "mmd", flags="--regularizer", choices=("mmd", "kl-inc"))
    kl: str = _option(OBJECTIVE, "The KL term in closed form (analytic: a gaussian prior's, and then by default) or from samples.", choices=("analytic", "monte-carlo"))
    samples: int = _option(OBJECTIVE, "K, samples of the posterior for each data point.", 1, low=1, high=10000)
    log_prior_multiplier: float = _option(OBJECTIVE, "M in the sampled KL, log q - M log p. 1 is right; the authors' mixture has M = latent-dim.", 1.0, low=0)

    epochs: int = _option(TRAINING, "Passes over the data.", 100, flags="-e", low=1, high=10**9)
    batch_size: int = _option(TRAINING, "Points in a batch.", 100, flags="-b", low=1, high=10**9)
    lr: float = _option(TRAINING, "Adam's learning rate.", 1e-3, above=0)
    amsgrad: bool = _option(TRAINING, "Adam with AMSGrad.", True)
    seed: int = _option(TRAINING, "Seed of the weights, the noise and the order; 0 is a seed.", 0, flags="-s", low=0, high=SEED)
    dtype: str = _option(TRAINING, "Precision.", "float32", choices=("float32", "float64"))
    threads: int = _option(TRAINING, "Threads; the result is the same with any number. All cores by default.", low=1, high=256)
    engine: str = _option(TRAINING, "cpu (compiled), gpu (NVIDIA, through CuPy), or textbook (NumPy, slow, for reading along); auto is the GPU where there is one, else the CPU.", "auto", choices=("auto", "cpu", "gpu", "textbook"))
    log_gradients: bool = _option(TRAINING, "Keep each term's gradient norm and the cosines between them, an epoch.", False)
    checkpoint_every: float = _option(TRAINING, "Seconds between checkpoints.", 10.0, above=0)
    # fmt: on


# The paper's settings, but for its convolutions: dSprites has the fully connected model of the beta-VAE paper
# (Higgins et al., 2017), Fashion-MNIST an MLP.
DATA_DEFAULTS: dict[str, dict[str, Any]] = {
    "pinwheel": {"likelihood": "gaussian", "epochs": 500, "batch_size": 400, "regulariser": "kl-inc"},
    "dsprites": {
        "likelihood": "bernoulli",
        "latent_dim": 10,
        "hidden": (1200, 1200),
        "decoder_hidden": (1200, 1200, 1200),
        "decoder_activation": "tanh",
        "scale_link": "exp",
        "epochs": 20,
        "batch_size": 64,
        "lr": 5e-4,
    },
    "fashion-mnist": {
        "likelihood": "laplace",
        "latent_dim": 50,
        "hidden": (512, 512),
        "activation": "leaky-relu",
        "init": "he",
        "epochs": 80,
        "batch_size": 500,
        "lr": 5e-4,
    },
}


def by_name() -> dict[str, Field[Any]]:
    """The options by name."""
    return {f.name: f for f in fields(TrainOptions)}


def default(name: str) -> Any:
    """The option's default where the data set has none of its own; None if other options decide."""
    return by_name()[name].metadata["default"]


def kind(name: str) -> Any:
    """The option's type, without None: str, int, float, bool, or tuple for a list of whole numbers."""
    annotation = typing.get_type_hints(TrainOptions)[name]
    known = [part for part in typing.get_args(annotation) if part is not types.NoneType]
    if isinstance(annotation, types.UnionType):
        (annotation,) = known
    return typing.get_origin(annotation) or annotation


def says_something(name: str, values: typing.Mapping[str, Any]) -> bool:
    """Whether the option matters, given the values of the others."""
    other, needed = by_name()[name].metadata.get("only_with", (None, ()))
    return other is None or values.get(other) is None or values[other] in needed
