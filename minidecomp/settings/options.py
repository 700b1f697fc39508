"""The one table of a training run's options: one name for the command line, Python, ``config.toml`` and checkpoint.

What belongs to a prior, a likelihood, a regulariser or a data set stands in its own file; here are the rest, and the
table that is made of all.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .._core.codes import ACTIVATIONS, KL_ESTIMATORS, MAX_LAYERS, MAX_THREADS, SCALE_LINKS
from ..errors import OptionError
from ..variants import DATA_SETS, LIKELIHOODS, LOGGERS, PRIORS, REGULARISERS, TABLE_OPTIONS, Option, Variants
from .schedules import check_text
from .validation import MONITORED

MAX_HIDDEN = MAX_LAYERS - 2
SEED = 2**64 - 1
# The data set that stands for whatever is not named: a file of your own, or an array.
OWN = "file"
ENGINES = ("cpu", "gpu", "textbook")
INITS = ("torch", "he")
# Options that change no step of a run (the engine changes its last bits), only how and where it is computed.
OF_THE_MACHINE = ("threads", "engine", "checkpoint_every", "data_dir", "log")
# What a run that goes on may change: no step is another by it, but for the last bits by the engine. Data are compared.
GOES_ON = ("epochs", "data", "validation", "early_stopping", *OF_THE_MACHINE)

# What users of the authors' code type, for options that have no variants.
ALIASES = {"activation": {"leaky_relu": "leaky-relu"}, "decoder_activation": {"leaky_relu": "leaky-relu"}}

DATA, PRIOR, MODEL, OBJECTIVE, TRAINING = "Data", "Prior p(z)", "Model", "Objective", "Training"
GROUPS = {
    DATA: "",
    PRIOR: "",
    MODEL: "",
    OBJECTIVE: "L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z)); every term is in nats a data "
    "point, summed over dimensions, averaged over the batch.",
    TRAINING: "",
}
# The options that choose a variant, which brings options of its own into a group.
CHOOSERS: dict[str, tuple[Variants, str]] = {
    "data": (DATA_SETS, DATA),
    "prior": (PRIORS, PRIOR),
    "likelihood": (LIKELIHOODS, MODEL),
    "regulariser": (REGULARISERS, OBJECTIVE),
}


def data_names() -> tuple[str, ...]:
    """The data sets that have a name: all but a file of your own."""
    return tuple(name for name in DATA_SETS if name != OWN)


def chosen_variant(option: str, value: Any) -> Any:
    """The variant that a choice names; for ``data``, a word that is no data set's name is a file of your own."""
    variants, _ = CHOOSERS[option]
    return variants[value if value in variants else OWN] if option == "data" else variants[value]


def chosen_loggers(text: str | None) -> tuple[str, ...]:
    """The tools that a value of ``log`` names, each once; OptionError if there is no such tool."""
    names = [] if text in (None, "none") else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in LOGGERS:
            raise OptionError("log", text, f"one or more of {', '.join(LOGGERS)} with commas between, or none, is")
    return tuple(dict.fromkeys(names))


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _listed(variants: Variants) -> str:
    """gaussian, student-t, mixture, sparse (spike and slab)"""
    labels = ((name, getattr(variant, "label", "")) for name, variant in variants.items())
    return ", ".join(name + (f" ({label})" if label else "") for name, label in labels)


def _data_help() -> str:
    usual: dict[str, list[str]] = {}
    for name, prior in PRIORS.items():
        if prior.usual_data is not None:
            usual.setdefault(prior.usual_data, []).append(name)
    by_prior = ", ".join(f"{data} for {_and(names)}" for data, names in usual.items())
    return f"{', '.join(data_names())}, or a file: .npy, .csv and others, a folder of images or of .npy files, or - for a table on standard input. By the prior: {by_prior}."


def _variance_help() -> str:
    own = {name: prior.defaults.get("prior_variance_scale") for name, prior in PRIORS.items()}
    shown = "".join(f"{value:g} for {name}, " for name, value in own.items() if value is not None)
    return f"Mean of the variances: {shown}else 1."


# fmt: off
GENERAL = (
    Option("data", str, _data_help, flags="-d", group=DATA),
    Option("limit", int, "Train on that many points only, chosen at random.", low=2, high=10**9, group=DATA),
    Option("validation_fraction", float, "Share of the training points that are not trained on, but show how it goes; the best model by them is kept. With --early-stopping 0.1.", low=0, below=1, group=DATA),
    Option("validation", str, "Validation with the points of this FILE, which are like those of the data.", group=DATA),
    Option("data_seed", int, "Seed of the pinwheel's points, of the splits and of --limit's choice.", 0, low=0, high=SEED, group=DATA),

    Option("prior", str, lambda: f"{_listed(PRIORS)}. By the data (your own: gaussian); mixture at first.", choices=lambda: tuple(PRIORS), group=PRIOR),
    Option("prior_variance", str, "Variances equal (iso) or as the data's principal components (pca).", "iso", choices=("iso", "pca"), group=PRIOR),
    Option("pca_centre", bool, "Centre the data before their principal components; the authors do not.", True, only_with=("prior_variance", ("pca",)), group=PRIOR),
    Option("learn_prior_variance", bool, "Learn the variances' shares; their mean stays.", False, group=PRIOR),
    Option("prior_variance_scale", float, _variance_help, above=0, below=1e12, group=PRIOR),

    Option("latent_dim", int, "Latent dimensions D.", 2, flags="-z", low=1, high=10000, group=MODEL),
    Option("hidden", tuple, "Widths of the encoder's hidden layers, as 512,256; the decoder mirrors them.", (100,), low=1, high=100000, most=MAX_HIDDEN, group=MODEL),
    Option("decoder_hidden", tuple, "Widths of the decoder's hidden layers, where they differ.", low=1, high=100000, most=MAX_HIDDEN, group=MODEL),
    Option("activation", str, "Between the layers.", "relu", choices=ACTIVATIONS, group=MODEL),
    Option("decoder_activation", str, "The decoder's, where it differs.", choices=ACTIVATIONS, group=MODEL),
    Option("init", str, "Initial weights: torch, U(-1/sqrt(in), 1/sqrt(in)), or he, U(-sqrt(6/in), sqrt(6/in)) with no biases.", "torch", choices=INITS, group=MODEL),
    Option("scale_link", str, "The posterior's scale from the encoder's raw a: softplus(a), or exp(a/2).", "softplus", choices=SCALE_LINKS, group=MODEL),
    Option("likelihood", str, lambda: f"p(x|z): {_listed(LIKELIHOODS)}. For your own data: bernoulli if all are 0 or 1, else gaussian.", choices=lambda: tuple(LIKELIHOODS), group=MODEL),

    Option("beta", float, "Weight of the KL term: how much the encodings of different points overlap.", 1.0, low=0, group=OBJECTIVE),
    Option("alpha", float, "Weight of D: how well the aggregate posterior matches the prior.", 0.0, low=0, group=OBJECTIVE),
    Option("beta_schedule", str, "beta over training, as 0:0,10:4: values at epochs, lines between. Also --beta 0:0,10:4.", verify=partial(check_text, "beta_schedule"), group=OBJECTIVE),
    Option("beta_warmup", int, "Epochs in which beta rises from 0.", low=0, high=10**9, group=OBJECTIVE),
    Option("alpha_schedule", str, "alpha likewise.", verify=partial(check_text, "alpha_schedule"), group=OBJECTIVE),
    Option("alpha_warmup", int, "Epochs in which alpha rises from 0.", low=0, high=10**9, group=OBJECTIVE),
    Option("regulariser", str, lambda: f"D: {_listed(REGULARISERS)}.", "mmd", flags="--regularizer", choices=lambda: tuple(REGULARISERS), group=OBJECTIVE),
    Option("kl", str, "The KL term in closed form (analytic: a gaussian prior's, and then by default) or from samples.", choices=KL_ESTIMATORS, group=OBJECTIVE),
    Option("samples", int, "K, samples of the posterior for each data point.", 1, low=1, high=10000, group=OBJECTIVE),
    Option("log_prior_multiplier", float, "M in the sampled KL, log q - M log p. 1 is right; the authors' mixture has M = latent-dim.", 1.0, low=0, group=OBJECTIVE),

    Option("epochs", int, "Passes over the data.", 100, flags="-e", low=1, high=10**9, group=TRAINING),
    Option("batch_size", int, "Points in a batch.", 100, flags="-b", low=1, high=10**9, group=TRAINING),
    Option("lr", float, "Adam's learning rate.", 1e-3, above=0, group=TRAINING),
    Option("lr_schedule", str, "The learning rate over training: constant, cosine (to 0), step (a tenth at half, again at three quarters), or values at epochs.", verify=partial(check_text, "lr_schedule"), group=TRAINING),
    Option("amsgrad", bool, "Adam with AMSGrad.", True, group=TRAINING),
    Option("seed", int, "Seed of the weights, the noise and the order; 0 is a seed.", 0, flags="-s", low=0, high=SEED, group=TRAINING),
    Option("dtype", str, "Precision.", "float32", choices=("float32", "float64"), group=TRAINING),
    Option("threads", int, "Threads; the result is the same with any number. All cores by default.", low=1, high=MAX_THREADS, group=TRAINING),
    Option("engine", str, "cpu (compiled), gpu (NVIDIA, through CuPy), or textbook (NumPy, slow, for reading along); auto is the GPU where there is one, else the CPU.", "auto", choices=("auto", *ENGINES), group=TRAINING),
    Option("validate_every", int, "Epochs from one validation to the next. By default so many that it costs 5 % at most; 5 at most with --early-stopping.", low=1, high=10**9, group=TRAINING),
    Option("early_stopping", int, "Stop after so many validations without a better one, of a tenth of the training points if nothing else is said; 0 never stops.", low=0, high=10**9, group=TRAINING),
    Option("monitor", str, "The value on the validation points that says which model is better. The objective by default.", choices=MONITORED, group=TRAINING),
    Option("from_run", str, "Begin with the weights of this run; options that are not given are its own.", flags="--from", group=TRAINING),
    Option("from_which", str, "That run's model: its best by validation, or its last. The best where there is one.", choices=("best", "last"), group=TRAINING),
    Option("keep_optimizer", bool, "Go on with that run's Adam, too: its moments and its step.", False, group=TRAINING),
    Option("log_gradients", bool, "Keep each term's gradient norm and the cosines between them, an epoch.", False, group=TRAINING),
    Option("log", str, lambda: f"Write the course of training to these tools, too, commas between: {', '.join(LOGGERS)}; none for none.", verify=lambda text: chosen_loggers(text), group=TRAINING),
    Option("checkpoint_every", float, "Seconds between checkpoints.", 10.0, above=0, group=TRAINING),
)
# fmt: on
TABLE_OPTIONS.update(option.name for option in GENERAL)

# What was made of the table at the last change of the variants: their counts, the table, the class of its options.
_made: tuple[Any, dict[str, Option], type] | None = None


def by_name() -> dict[str, Option]:
    """The table: every option by its name, group by group, the variants' own at the end of their group."""
    return _latest()[0]


def _latest() -> tuple[dict[str, Option], type]:
    global _made
    made = _made  # read once: another thread may be at work on it
    if made is None or made[0] != _changes():
        for variants, _ in CHOOSERS.values():
            len(variants)  # imports those that come with minidecomp
        changes, table = _changes(), _table()
        made = _made = changes, table, _options_class(table)
    return made[1], made[2]


def _changes() -> tuple[int, ...]:
    return tuple(variants.changes for variants, _ in CHOOSERS.values())


def _table() -> dict[str, Option]:
    own = {chooser: _own_options(chooser) for chooser in CHOOSERS}
    table: dict[str, Option] = {}
    for group in GROUPS:
        table |= {option.name: option for option in GENERAL if option.group == group}
        for chooser, (_, place) in CHOOSERS.items():
            if place == group:
                table |= own[chooser]
    return table


def _own_options(chooser: str) -> dict[str, Option]:
    """The options of a chooser's variants, each with the names of those that have it."""
    variants, group = CHOOSERS[chooser]
    holders: dict[str, list[str]] = {}
    found: dict[str, Option] = {}
    for name, variant in variants.items():
        for option in getattr(variant, "options", ()):
            holders.setdefault(option.name, []).append(name)
            found.setdefault(option.name, option)
    return {
        name: dataclasses.replace(option, group=group, only_with=option.only_with or (chooser, tuple(holders[name])))
        for name, option in found.items()
    }


class TrainOptions:
    """The options of ``minidecomp train`` as attributes, made by ``minidecomp.resolve``, which fills in the rest.

    Two are equal if all their values are; none can be changed, ``replace`` makes another.
    """

    if TYPE_CHECKING:

        def __init__(self, **values: Any): ...

        def __getattr__(self, name: str) -> Any: ...

    else:

        def __new__(cls, **values: Any) -> TrainOptions:
            return object.__new__(_latest()[1] if cls is TrainOptions else cls)

    def replace(self, **changes: Any) -> TrainOptions:
        """The same options with some changed.

        Raises
        ------
        OptionError
            For a name that is in no table.
        """
        return _of_this_table(vars(self) | changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainOptions) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(frozenset(vars(self).items()))

    def __reduce__(self) -> Any:
        return _of_this_table, (dict(vars(self)),)


def _of_this_table(values: Mapping[str, Any]) -> TrainOptions:
    """Options made when the table was another: what is missing has its default.

    Raises
    ------
    OptionError
        If the table has an option no more, as that of a variant that has not been added here.
    """
    table = by_name()
    for name, value in values.items():
        if name not in table:
            raise OptionError(name, value, "there is no such option here; add the variant that has it")
    return TrainOptions(**{name: option.default for name, option in table.items()} | dict(values))


def _options_class(table: Mapping[str, Option]) -> type:
    """A frozen dataclass with a field an option, under the name TrainOptions."""
    fields = [(name, Any, dataclasses.field()) for name in table]
    return dataclasses.make_dataclass(
        "TrainOptions", fields, bases=(TrainOptions,), frozen=True, kw_only=True, eq=False
    )


def default(name: str) -> Any:
    """The option's default where the data set has none of its own; None if other options decide."""
    return by_name()[name].default


def help_of(option: Option) -> str:
    """What ``--help`` says of the option, without its defaults."""
    return option.help() if callable(option.help) else option.help


def choices_of(option: Option) -> tuple[Any, ...] | None:
    """The values that the option allows, or None where its limits say."""
    return option.choices() if callable(option.choices) else option.choices


def is_relevant(name: str, values: Mapping[str, Any]) -> bool:
    """Whether the option matters, given the values of the others."""
    needed = by_name()[name].only_with
    if needed is None or values.get(needed[0]) is None:
        return True
    other, its_values = needed
    value = values[other]
    if other == "data" and value not in data_names():
        value = OWN  # a file of your own, as only_with names it
    return value in its_values


def cores() -> int:
    """How many threads this process can use at once."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, MAX_THREADS)
