"""Every option of a training run: one name for the command line, Python, ``config.toml`` and the checkpoint.

``resolve`` fills in what was not given (the paper's values for each data set) and refuses what is not allowed.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from .errors import OptionError

PRIORS = ("gaussian", "student-t", "mixture", "sparse")
DATA_OF_PRIOR = {"mixture": "pinwheel", "sparse": "fashion-mnist"}
PRIOR_OF_DATA = {"pinwheel": "mixture", "fashion-mnist": "sparse"}

# What users of the authors' code type.
ALIASES = {
    "prior": {"normal": "gaussian", "studentt": "student-t", "normalmixture": "mixture", "sparse": "sparse"},
    "regulariser": {"mmd_dim": "mmd", "kld_inc": "kl-inc"},
    "activation": {"leaky_relu": "leaky-relu"},
}

GROUPS = {
    "Data": "",
    "Prior p(z)": "",
    "Model": "",
    "Objective": "L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z)); every term is in nats a data "
    "point, summed over dimensions, averaged over the batch.",
    "Training": "",
}


def _option(group: str, help: str, default: Any = None, flags: str = "", **limits: Any) -> Any:
    """A field with what is allowed: ``choices``, or ``low`` and ``high`` (``above``, ``below`` where not included)."""
    return field(default=default, metadata={"group": group, "help": help, "flags": flags, **limits})


@dataclass(frozen=True)
class TrainOptions:
    """The options of ``minidecomp train``; None stands for "not given" until ``resolve`` has seen to it."""

    # fmt: off
    data: str | None = _option("Data", "pinwheel, fashion-mnist, or a file: .npy, .npz, .csv. By the prior: mixture takes pinwheel, sparse takes fashion-mnist.", flags="-d")
    data_dir: str | None = _option("Data", "Folder of the data set's files; also $MINIDECOMP_DATA.")
    array: str | None = _option("Data", "Name of the array in an .npz file that has several.")
    image_size: int | None = _option("Data", "Fashion-MNIST's images as they are, or padded to 32.", choices=(28, 32))
    limit: int | None = _option("Data", "Train on that many points only.", low=2)
    test_fraction: float | None = _option("Data", "Share of one's own data kept for testing.", above=0, below=1)
    data_seed: int | None = _option("Data", "Seed of the pinwheel's points and of the test split.", low=0, high=2**64 - 1)
    arms: int | None = _option("Data", "Pinwheel: arms.", low=1)
    points_per_arm: int | None = _option("Data", "Pinwheel: points an arm, for training and again for testing.", low=1)
    radial_std: float | None = _option("Data", "Pinwheel: standard deviation across an arm.", low=0, high=100)
    tangential_std: float | None = _option("Data", "Pinwheel: standard deviation along an arm.", low=0, high=100)
    rate: float | None = _option("Data", "Pinwheel: how fast an arm winds.", low=-1e6, high=1e6)

    prior: str | None = _option("Prior p(z)", "gaussian, student-t, mixture or sparse (spike and slab). By the data.", choices=PRIORS)
    prior_variance: str | None = _option("Prior p(z)", "Variances equal (iso) or as the data's principal components (pca).", choices=("iso", "pca"))
    pca_centre: bool | None = _option("Prior p(z)", "Centre the data before their principal components; the authors do not.")
    learn_prior_variance: bool | None = _option("Prior p(z)", "Learn the variances' shares; their mean stays.")
    prior_variance_scale: float | None = _option("Prior p(z)", "Mean of the variances: 0.03 for a mixture, else 1.", above=0)
    df: float | None = _option("Prior p(z)", "Student-t: degrees of freedom.", above=0)
    components: int | None = _option("Prior p(z)", "Mixture: components, evenly on a circle in the first two dimensions.", low=1, high=1000)
    component_radius: float | None = _option("Prior p(z)", "Mixture: the circle's radius.", low=0)
    gamma: float | None = _option("Prior p(z)", "Sparse: the spike's weight; 0 is a standard normal.", low=0, high=1)
    spike_scale: float | None = _option("Prior p(z)", "Sparse: the spike's standard deviation; 0.05 as in the authors' code, 0.2236 as in the paper's text.", above=0)

    latent_dim: int | None = _option("Model", "Latent dimensions D.", flags="-z", low=1, high=10000)
    hidden: tuple[int, ...] | None = _option("Model", "Widths of the encoder's hidden layers, as 512,256; the decoder mirrors them.", low=1, high=100000)
    decoder_hidden: tuple[int, ...] | None = _option("Model", "Widths of the decoder's hidden layers, where they differ.", low=1, high=100000)
    activation: str | None = _option("Model", "Between the layers.", choices=("relu", "leaky-relu", "tanh", "softplus"))
    scale_link: str | None = _option("Model", "The posterior's scale from the encoder's raw a: softplus(a), or exp(a/2).", choices=("softplus", "exp"))
    likelihood: str | None = _option("Model", "p(x|z): bernoulli (logits), gaussian (learned scale) or laplace (fixed scale).", choices=("bernoulli", "gaussian", "laplace"))
    likelihood_scale: float | None = _option("Model", "Laplace: its scale.", above=0)

    beta: float | None = _option("Objective", "Weight of the KL term: how much the encodings of different points overlap.", low=0)
    alpha: float | None = _option("Objective", "Weight of D: how well the aggregate posterior matches the prior.", low=0)
    regulariser: str | None = _option("Objective", "D: mmd (a dimension at a time), or kl-inc, KL(p || q).", flags="--regularizer", choices=("mmd", "kl-inc"))
    kl: str | None = _option("Objective", "The KL term in closed form (analytic, gaussian prior only) or from samples.", choices=("analytic", "monte-carlo"))
    samples: int | None = _option("Objective", "K, samples of the posterior for each data point.", low=1, high=10000)
    log_prior_multiplier: float | None = _option("Objective", "M in the sampled KL, log q - M log p. 1 is right; the authors' mixture has M = latent-dim.", low=0)

    epochs: int | None = _option("Training", "Passes over the data.", flags="-e", low=1)
    batch_size: int | None = _option("Training", "Points in a batch.", flags="-b", low=1)
    lr: float | None = _option("Training", "Adam's learning rate.", above=0)
    amsgrad: bool | None = _option("Training", "Adam with AMSGrad.")
    seed: int | None = _option("Training", "Seed of the weights, the noise and the order; 0 is a seed.", flags="-s", low=0, high=2**64 - 1)
    dtype: str | None = _option("Training", "Precision.", choices=("float32", "float64"))
    threads: int | None = _option("Training", "Threads; the result is the same with any number. All cores by default.", low=1, high=256)
    engine: str | None = _option("Training", "cpu (compiled), or textbook (NumPy, slow, for reading along); auto is cpu.", choices=("auto", "cpu", "textbook"))
    checkpoint_every: float | None = _option("Training", "Seconds between checkpoints.", above=0)
    # fmt: on


COMMON_DEFAULTS: dict[str, Any] = {
    "image_size": 28,
    "test_fraction": 0.1,
    "data_seed": 0,
    "arms": 4,
    "points_per_arm": 100,
    "radial_std": 0.1,
    "tangential_std": 0.3,
    "rate": 0.25,
    "prior_variance": "iso",
    "pca_centre": True,
    "learn_prior_variance": False,
    "prior_variance_scale": 1.0,
    "df": 9.0,
    "components": 4,
    "component_radius": 1.0,
    "gamma": 0.8,
    "spike_scale": 0.05,
    "latent_dim": 2,
    "hidden": (100,),
    "activation": "relu",
    "scale_link": "softplus",
    "likelihood_scale": 0.1,
    "beta": 1.0,
    "alpha": 0.0,
    "regulariser": "mmd",
    "samples": 1,
    "log_prior_multiplier": 1.0,
    "epochs": 100,
    "batch_size": 100,
    "lr": 1e-3,
    "amsgrad": True,
    "seed": 0,
    "dtype": "float32",
    "engine": "auto",
    "checkpoint_every": 10.0,
}

# The paper's settings; Fashion-MNIST's convolutions are replaced by an MLP.
DATA_DEFAULTS: dict[str, dict[str, Any]] = {
    "pinwheel": {"likelihood": "gaussian", "epochs": 500, "batch_size": 400, "regulariser": "kl-inc"},
    "fashion-mnist": {
        "likelihood": "laplace",
        "latent_dim": 50,
        "hidden": (512, 512),
        "activation": "leaky-relu",
        "epochs": 80,
        "batch_size": 500,
        "lr": 5e-4,
    },
}

# Options that say nothing unless another has one of these values: they may be given, and are then refused.
ONLY_WITH: dict[str, tuple[str, tuple[str, ...]]] = {
    "df": ("prior", ("student-t",)),
    "components": ("prior", ("mixture",)),
    "component_radius": ("prior", ("mixture",)),
    "gamma": ("prior", ("sparse",)),
    "spike_scale": ("prior", ("sparse",)),
    "likelihood_scale": ("likelihood", ("laplace",)),
    "image_size": ("data", ("fashion-mnist",)),
    "arms": ("data", ("pinwheel",)),
    "points_per_arm": ("data", ("pinwheel",)),
    "radial_std": ("data", ("pinwheel",)),
    "tangential_std": ("data", ("pinwheel",)),
    "rate": ("data", ("pinwheel",)),
}


def fields() -> dict[str, dataclasses.Field[Any]]:
    """The options by name."""
    return {f.name: f for f in dataclasses.fields(TrainOptions)}


def kind(name: str) -> Any:
    """The option's type, without None: str, int, float, bool, or tuple for a list of whole numbers."""
    annotation = typing.get_type_hints(TrainOptions)[name]
    (known,) = (part for part in typing.get_args(annotation) if part is not types.NoneType)
    return typing.get_origin(known) or known


def allowed(name: str) -> str:
    """What the option takes, in words."""
    meta, of = fields()[name].metadata, kind(name)
    if "choices" in meta:
        return "it is one of " + ", ".join(str(choice) for choice in meta["choices"])
    words = {
        int: "a whole number",
        float: "a number",
        tuple: "whole numbers separated by commas",
        bool: "true or false",
    }
    text = "it is " + words.get(of, "a text")
    bounds = [
        f"{phrase} {meta[key]:g}" if abs(meta[key]) < 1e6 else f"{phrase} {meta[key]}"
        for key, phrase in (("low", "at least"), ("above", "above"), ("high", "at most"), ("below", "below"))
        if key in meta
    ]
    return " ".join([text, " and ".join(bounds)]).rstrip() + (" each" if of is tuple and bounds else "")


def check(name: str, value: Any) -> Any:
    """The value in the option's type.

    Raises
    ------
    OptionError
        If it is not allowed.
    """
    meta, of = fields()[name].metadata, kind(name)
    if isinstance(value, str) and name in ALIASES:
        value = ALIASES[name].get(value.lower(), value)
    try:
        value = _convert(of, value)
    except (TypeError, ValueError):
        raise OptionError(name, value, allowed(name)) from None
    if "choices" in meta and value not in meta["choices"]:
        near = difflib.get_close_matches(str(value), [str(choice) for choice in meta["choices"]], 1)
        raise OptionError(name, value, allowed(name) + (f" (did you mean {near[0]}?)" if near else ""))
    for number in value if of is tuple else (value,):
        if isinstance(number, (int, float)) and not (
            math.isfinite(number)
            and number >= meta.get("low", -math.inf)
            and number <= meta.get("high", math.inf)
            and number > meta.get("above", -math.inf)
            and number < meta.get("below", math.inf)
        ):
            raise OptionError(name, value, allowed(name))
    return value


def _convert(of: Any, value: Any) -> Any:
    if of is bool:
        if isinstance(value, str) and value.lower() in ("true", "yes", "1", "false", "no", "0"):
            return value.lower() in ("true", "yes", "1")
        if isinstance(value, bool):
            return value
        raise TypeError
    if isinstance(value, bool):
        raise TypeError
    if of is tuple:
        parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else list(value)
        parts = [part for part in parts if part != ""]
        return tuple(_convert(int, part) for part in parts)
    if of is int and isinstance(value, float) and not value.is_integer():
        raise ValueError
    if of is str and not isinstance(value, str):
        raise TypeError
    return of(value)


def resolve(given: dict[str, Any]) -> TrainOptions:
    """The options of a run from those that were given.

    Parameters
    ----------
    given : dict
        Values by name; None counts as not given.

    Returns
    -------
    TrainOptions
        With every value set except ``data_dir``, ``array`` and ``limit``, which may stay None, and, for one's own data,
        ``likelihood``, which is inferred once the data are read.

    Raises
    ------
    OptionError
        For an unknown name, a value that is not allowed, or options that contradict each other.
    """
    known = fields()
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(name, value, f"there is no such option{hint}")
        if value is not None:
            values[name] = check(name, value)

    prior, data = values.get("prior"), values.get("data")
    if prior is None:
        prior = PRIOR_OF_DATA.get(data, "gaussian") if data is not None else "mixture"
    if data is None:
        if prior not in DATA_OF_PRIOR:
            raise OptionError(
                "data",
                "nothing",
                f"the {prior} prior has no data set of its own yet: give pinwheel, fashion-mnist or a file",
            )
        data = DATA_OF_PRIOR[prior]

    defaults = COMMON_DEFAULTS | DATA_DEFAULTS.get(data, {})
    defaults |= {"prior": prior, "data": data, "kl": "analytic" if prior == "gaussian" else "monte-carlo"}
    defaults["threads"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if prior == "mixture":
        defaults["prior_variance_scale"] = 0.03
    resolved = defaults | values
    resolved.setdefault("decoder_hidden", tuple(reversed(resolved["hidden"])))
    if resolved["engine"] == "auto":
        resolved["engine"] = "cpu"
    resolved["threads"] = min(resolved["threads"], 256)
    _refuse_contradictions(resolved, values)
    return TrainOptions(**resolved)


def _refuse_contradictions(resolved: dict[str, Any], given: dict[str, Any]) -> None:
    for name, (other, needed) in ONLY_WITH.items():
        if name in given and resolved.get(other) is not None and resolved[other] not in needed:
            unchanged = given[name] == COMMON_DEFAULTS[name]  # a config.toml names every option
            if not unchanged:
                shown = other.replace("_", "-")
                raise OptionError(
                    name,
                    given[name],
                    f"it goes with --{shown} {' or '.join(needed)} only, not {resolved[other]}",
                )
    if resolved["kl"] == "analytic" and resolved["prior"] != "gaussian":
        raise OptionError("kl", "analytic", f"the {resolved['prior']} prior has no closed form; use monte-carlo")
    if resolved["kl"] == "analytic" and resolved["log_prior_multiplier"] != 1:
        raise OptionError(
            "log_prior_multiplier", resolved["log_prior_multiplier"], "it goes with --kl monte-carlo only"
        )
    if resolved["alpha"] > 0 and resolved["regulariser"] == "mmd" and resolved["batch_size"] < 2:
        raise OptionError("batch_size", resolved["batch_size"], "the mmd regulariser needs 2 points or more in a batch")
    if resolved["prior_variance"] == "pca" and resolved["prior"] == "mixture":
        raise OptionError("prior_variance", "pca", "a mixture's components have equal variances; use iso")
