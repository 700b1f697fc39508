"""The one table of a training run's options: one name for the command line, Python, ``config.toml`` and checkpoint.

The options of a prior, a likelihood, a regulariser or a data set are in its own file. This file has the others, and
makes the table from all of them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .._core.codes import ACTIVATIONS, KL_ESTIMATORS, MAX_LAYERS, MAX_THREADS, SCALE_LINKS
from ..errors import OptionError, either
from ..variants import DATA_SETS, LIKELIHOODS, LOGGERS, PRIORS, REGULARISERS, TABLE_OPTIONS, Option, Variants
from .schedules import check_text
from .validation import MONITORED

MAX_HIDDEN = MAX_LAYERS - 2
SEED = 2**64 - 1
# The data set for everything that has no name: your own file, or an array.
OWN = "file"
ENGINES = ("cpu", "gpu", "textbook")
INITS = ("torch", "he")
REGULARISER = "mmd"  # unless the prior or the data set has a default of its own
# Options that do not change the steps of a run (except for last bits, by the engine), only how they are computed.
OF_THE_MACHINE = ("threads", "engine", "checkpoint_every", "data_dir", "log")
# What may change when a run is resumed, as it does not change the steps (except for last bits). Data are compared.
GOES_ON = ("epochs", "data", "validation", "early_stopping", *OF_THE_MACHINE)

# Values that users of the authors' code type, for options without variants.
ALIASES = {"activation": {"leaky_relu": "leaky-relu"}, "decoder_activation": {"leaky_relu": "leaky-relu"}}

DATA, PRIOR, MODEL, OBJECTIVE, TRAINING = "Data", "Prior p(z)", "Model", "Objective", "Training"
GROUPS = {
    DATA: "",
    PRIOR: "",
    MODEL: "",
    OBJECTIVE: "L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z)). Every term is in nats per "
    "data point: a sum over dimensions, and a mean over the batch.",
    TRAINING: "",
}
# The options that choose a variant, and the group that shows the variant's own options.
CHOOSERS: dict[str, tuple[Variants, str]] = {
    "data": (DATA_SETS, DATA),
    "prior": (PRIORS, PRIOR),
    "likelihood": (LIKELIHOODS, MODEL),
    "regulariser": (REGULARISERS, OBJECTIVE),
}


def data_names() -> tuple[str, ...]:
    """The named data sets: all except your own file."""
    return tuple(name for name in DATA_SETS if name != OWN)


def chosen_variant(option: str, value: Any) -> Any:
    """The variant that a choice names; for ``data``, any other word is your own file."""
    variants, _ = CHOOSERS[option]
    return variants[value if value in variants else OWN] if option == "data" else variants[value]


def chosen_loggers(text: str | None) -> tuple[str, ...]:
    """The tools that a value of ``log`` names, each once. Raises OptionError for an unknown tool."""
    names = [] if text in (None, "none") else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in LOGGERS:
            raise OptionError(
                "log", text, expected=f"one or more of {', '.join(LOGGERS)}, separated by commas, or none"
            )
    return tuple(dict.fromkeys(names))


def _listed(variants: Variants) -> str:
    """gaussian, student-t, mixture, sparse (spike and slab)"""
    labels = ((name, getattr(variant, "label", "")) for name, variant in variants.items())
    return ", ".join(name + (f" ({label})" if label else "") for name, label in labels)


def _data_help() -> str:
    usual: dict[str, list[str]] = {}
    for name, prior in PRIORS.items():
        if prior.usual_data is not None:
            usual.setdefault(prior.usual_data, []).append(name)
    by_prior = either((f"{data} for {either(names, 'and')}" for data, names in usual.items()), "and")
    return (
        f"{', '.join(data_names())}; a file (.npy, .csv and others); a folder of images or of .npy files; or - for a "
        f"table on standard input. The priors choose {by_prior}."
    )


def _usual_variances() -> str:
    own = {name: prior.defaults.get("prior_variance_scale") for name, prior in PRIORS.items()}
    return "; ".join(["1", *(f"{value:g} for {name}" for name, value in own.items() if value is not None)])


def _regulariser_help() -> str:
    own = {name: prior.defaults["regulariser"] for name, prior in PRIORS.items() if "regulariser" in prior.defaults}
    return "; ".join([REGULARISER, *(f"{value} for the {name} prior" for name, value in own.items())])


# fmt: off
GENERAL = (
    Option("data", str, _data_help, flags="-d", default_help="chosen by --prior; pinwheel if neither is given", group=DATA, metavar="DATA"),
    Option("limit", int, "Train on at most N points, chosen at random.", low=2, high=10**9, group=DATA),
    Option("validation_fraction", float, "Keep this share of the training points for validation. The model that does best on them is kept as the best.", low=0, below=1, default_help="0.1 with --early-stopping", group=DATA),
    Option("validation", str, "Validate on the points in this FILE, which must be like those of the data.", group=DATA, metavar="FILE"),
    Option("data_seed", int, "Seed of the pinwheel's points, of the splits, and of the choice that --limit makes.", 0, low=0, high=SEED, group=DATA),

    Option("prior", str, lambda: f"{_listed(PRIORS)}.", choices=lambda: tuple(PRIORS), default_help="chosen by --data (gaussian for your own data); mixture if neither is given", group=PRIOR),
    Option("prior_variance", str, "Variances of the prior: all equal (iso), or those of the data's principal components (pca).", "iso", choices=("iso", "pca"), group=PRIOR),
    Option("pca_centre", bool, "Centre the data before computing the principal components. The authors' code does not.", True, only_with=("prior_variance", ("pca",)), group=PRIOR),
    Option("learn_prior_variance", bool, "Learn how the variances are shared out; their mean stays fixed.", False, group=PRIOR),
    Option("prior_variance_scale", float, "Mean of the prior's variances.", above=0, below=1e12, default_help=_usual_variances, group=PRIOR),

    Option("latent_dim", int, "Number D of latent dimensions.", 2, flags="-z", low=1, high=10000, group=MODEL),
    Option("hidden", tuple, "Widths of the encoder's hidden layers, such as 512,256.", (100,), low=1, high=100000, most=MAX_HIDDEN, group=MODEL),
    Option("decoder_hidden", tuple, "Widths of the decoder's hidden layers.", low=1, high=100000, most=MAX_HIDDEN, default_help="those of --hidden, reversed", group=MODEL),
    Option("activation", str, "Activation between the layers.", "relu", choices=ACTIVATIONS, group=MODEL),
    Option("decoder_activation", str, "Activation in the decoder.", choices=ACTIVATIONS, default_help="that of --activation", group=MODEL),
    Option("init", str, "Initial weights: torch draws from U(-1/sqrt(in), 1/sqrt(in)); he draws from U(-sqrt(6/in), sqrt(6/in)) and sets biases to 0.", "torch", choices=INITS, group=MODEL),
    Option("scale_link", str, "How the encoder's raw output a becomes the posterior's scale: softplus(a) or exp(a/2).", "softplus", choices=SCALE_LINKS, group=MODEL),
    Option("likelihood", str, lambda: f"p(x|z): {_listed(LIKELIHOODS)}.", choices=lambda: tuple(LIKELIHOODS), default_help="bernoulli if your own data are all 0 or 1, otherwise gaussian", group=MODEL),

    Option("beta", float, "Weight of the KL term: how much the encodings of different points overlap.", 1.0, low=0, group=OBJECTIVE),
    Option("alpha", float, "Weight of D: how closely the aggregate posterior matches the prior.", 0.0, low=0, group=OBJECTIVE),
    Option("beta_schedule", str, "beta over training, as EPOCH:VALUE pairs such as 0:0,10:4, with straight lines between. --beta 0:0,10:4 does the same.", verify=partial(check_text, "beta_schedule"), group=OBJECTIVE, metavar="SCHEDULE"),
    Option("beta_warmup", int, "Raise beta from 0 over the first N epochs.", low=0, high=10**9, group=OBJECTIVE),
    Option("alpha_schedule", str, "alpha over training, as EPOCH:VALUE pairs.", verify=partial(check_text, "alpha_schedule"), group=OBJECTIVE, metavar="SCHEDULE"),
    Option("alpha_warmup", int, "Raise alpha from 0 over the first N epochs.", low=0, high=10**9, group=OBJECTIVE),
    Option("regulariser", str, lambda: f"D: {_listed(REGULARISERS)}.", flags="--regularizer", default_help=_regulariser_help, choices=lambda: tuple(REGULARISERS), group=OBJECTIVE),
    Option("kl", str, "How to compute the KL term: in closed form (analytic) or from samples.", choices=KL_ESTIMATORS, default_help="analytic if the prior has a closed form, otherwise monte-carlo", group=OBJECTIVE),
    Option("samples", int, "Number K of posterior samples for each data point.", 1, low=1, high=10000, group=OBJECTIVE),
    Option("log_prior_multiplier", float, "M in the sampled KL, log q - M log p. The correct value is 1; the authors' mixture has M = latent-dim.", 1.0, low=0, group=OBJECTIVE),

    Option("epochs", int, "Number of passes over the data.", 100, flags="-e", low=1, high=10**9, group=TRAINING),
    Option("batch_size", int, "Number of points in a batch.", 100, flags="-b", low=1, high=10**9, group=TRAINING),
    Option("lr", float, "Learning rate of Adam.", 1e-3, above=0, group=TRAINING),
    Option("lr_schedule", str, "Learning rate over training: constant; cosine, which falls to 0; step, which falls to a tenth after half of the epochs and to a hundredth after three quarters; or EPOCH:VALUE pairs.", verify=partial(check_text, "lr_schedule"), default_help="constant", group=TRAINING, metavar="SCHEDULE"),
    Option("amsgrad", bool, "Use the AMSGrad variant of Adam.", True, group=TRAINING),
    Option("seed", int, "Seed of the weights, the noise and the order of the points.", 0, flags="-s", low=0, high=SEED, group=TRAINING),
    Option("dtype", str, "Floating-point precision.", "float32", choices=("float32", "float64"), group=TRAINING),
    Option("threads", int, "Number of threads. The result is the same with any number.", low=1, high=MAX_THREADS, default_help="all cores", group=TRAINING),
    Option("engine", str, "cpu (compiled), gpu (NVIDIA, through CuPy) or textbook (NumPy; slow, made for reading). auto takes the GPU if there is one and the run is long enough for it to be faster.", "auto", choices=("auto", *ENGINES), group=TRAINING),
    Option("validate_every", int, "Validate every N epochs.", low=1, high=10**9, default_help="chosen so that validation costs at most 5 % of the time, and at most 5 with --early-stopping", group=TRAINING),
    Option("early_stopping", int, "Stop after N validations in a row without an improvement; 0 never stops.", low=0, high=10**9, default_help="0", group=TRAINING),
    Option("monitor", str, "The validation value that decides which model is better.", choices=MONITORED, default_help="objective", group=TRAINING),
    Option("from_run", str, "Start from the weights of this run. Options that you do not give are taken from it.", flags="--from", group=TRAINING, metavar="RUN"),
    Option("from_which", str, "Which model of that run to start from: the best by validation, or the last.", choices=("best", "last"), default_help="best, if there is one", group=TRAINING),
    Option("keep_optimizer", bool, "Also continue with the state of that run's optimiser: its moments and its step.", False, group=TRAINING),
    Option("log_gradients", bool, "Record the norm of each term's gradient, and the cosines between them, once per epoch.", False, group=TRAINING),
    Option("log", str, lambda: f"Also send the metrics to these tools, separated by commas: {', '.join(LOGGERS)}; or none.", verify=lambda text: chosen_loggers(text), group=TRAINING, metavar="TOOL,.."),
    Option("checkpoint_every", float, "Number of seconds between checkpoints.", 10.0, above=0, group=TRAINING),
)
# fmt: on
TABLE_OPTIONS.update(option.name for option in GENERAL)

# Made when variants that have options last changed: the last change of all variants, those of these kinds, the table,
# and the class of its options.
_made: tuple[int, tuple[int, ...], dict[str, Option], type] | None = None


def by_name() -> dict[str, Option]:
    """The table: every option by name, group by group; the options of variants are at the end of their group."""
    return _latest()[0]


def _latest() -> tuple[dict[str, Option], type]:
    global _made
    made = _made  # read once, as another thread may replace it
    if made is None or made[0] != Variants.last_change:
        for variants, _ in CHOOSERS.values():
            len(variants)  # imports the variants of minidecomp
        last, changes = Variants.last_change, tuple(variants.changed for variants, _ in CHOOSERS.values())
        if made is not None and made[1] == changes:  # another kind of variants has changed
            made = _made = last, *made[1:]
        else:
            table = _table()
            made = _made = last, changes, table, _options_class(table)
    return made[2], made[3]


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
    """The options of a chooser's variants, each with the names of the variants that have it."""
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
    """The options of ``minidecomp train`` as attributes; ``minidecomp.resolve`` makes them and fills in defaults.

    Two are equal if all their values are equal. They cannot be changed; ``replace`` makes a changed copy.
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
            The table has no such name.
        """
        return _of_this_table(vars(self) | changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainOptions) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(frozenset(vars(self).items()))

    def __reduce__(self) -> Any:
        return _of_this_table, (dict(vars(self)),)


def _of_this_table(values: Mapping[str, Any]) -> TrainOptions:
    """Options that were made with another table; what is missing gets its default.

    Raises
    ------
    OptionError
        The table lacks an option, for example that of a variant that has not been added here.
    """
    table = by_name()
    for name, value in values.items():
        if name not in table:
            raise OptionError(name, value, "there is no such option; add the variant that it belongs to")
    return TrainOptions(**{name: option.default for name, option in table.items()} | dict(values))


def _options_class(table: Mapping[str, Option]) -> type:
    """A frozen dataclass named TrainOptions with a field for each option."""
    fields = [(name, Any, dataclasses.field()) for name in table]
    return dataclasses.make_dataclass(
        "TrainOptions", fields, bases=(TrainOptions,), frozen=True, kw_only=True, eq=False
    )


def default(name: str) -> Any:
    """The option's default for data sets that do not have their own; None if other options decide."""
    return by_name()[name].default


def help_of(option: Option) -> str:
    """What ``--help`` says about the option, without its defaults."""
    return option.help() if callable(option.help) else option.help


def default_help_of(option: Option) -> str:
    """How the option's default is found, where other options or the data decide."""
    return option.default_help() if callable(option.default_help) else option.default_help


def choices_of(option: Option) -> tuple[Any, ...] | None:
    """The values that the option allows, or None if it has limits instead."""
    return option.choices() if callable(option.choices) else option.choices


def is_relevant(name: str, values: Mapping[str, Any]) -> bool:
    """Whether the option matters, given the values of the others."""
    needed = by_name()[name].only_with
    if needed is None or values.get(needed[0]) is None:
        return True
    other, its_values = needed
    value = values[other]
    if other == "data" and value not in data_names():
        value = OWN  # your own file, as only_with names it
    return value in its_values


def cores() -> int:
    """How many threads this process can use at once."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, MAX_THREADS)
