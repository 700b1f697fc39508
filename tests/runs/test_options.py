"""The options: what they are by default, what they take, and what is refused in which words."""

import copy
import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidecomp import DecompositionVAE, resolve
from minidecomp.errors import OptionError
from minidecomp.settings import options
from minidecomp.settings.resolving import check, limits_of
from minidecomp.terms import priors
from minidecomp.variants import DATA_SETS, PRIORS, Option

NAMES = list(options.by_name())
NUMBERS = [name for name in NAMES if options.by_name()[name].kind in (int, float)]


def test_the_papers_pinwheel():
    o = resolve()
    assert (o.data, o.prior, o.likelihood, o.regulariser) == ("pinwheel", "mixture", "gaussian", "kl-inc")
    assert (o.latent_dim, o.hidden, o.decoder_hidden, o.activation) == (2, (100,), (100,), "relu")
    assert (o.epochs, o.batch_size, o.lr, o.amsgrad) == (500, 400, 1e-3, True)
    assert (o.prior_variance_scale, o.components, o.component_radius) == (0.03, 4, 1)
    assert (o.beta, o.alpha, o.samples, o.kl, o.log_prior_multiplier) == (1, 0, 1, "monte-carlo", 1)
    assert (o.arms, o.points_per_arm, o.radial_std, o.tangential_std, o.rate) == (4, 100, 0.1, 0.3, 0.25)


def test_the_papers_fashion_mnist():
    o = resolve(prior="sparse")
    assert (o.data, o.likelihood, o.likelihood_scale, o.regulariser) == ("fashion-mnist", "laplace", 0.1, "mmd")
    assert (o.latent_dim, o.epochs, o.batch_size, o.lr, o.init) == (50, 80, 500, 5e-4, "he")
    assert (o.gamma, o.spike_scale, o.prior_variance_scale, o.image_size) == (0.8, 0.05, 1, 28)


@pytest.mark.parametrize("prior", ["gaussian", "student-t"])
def test_dsprites(prior):
    o = resolve(prior=prior)
    assert (o.data, o.likelihood, o.latent_dim, o.scale_link) == ("dsprites", "bernoulli", 10, "exp")
    assert (o.hidden, o.decoder_hidden) == ((1200, 1200), (1200, 1200, 1200))
    assert (o.activation, o.decoder_activation) == ("relu", "tanh")
    assert (o.epochs, o.batch_size, o.lr, o.alpha, o.beta, o.df) == (20, 64, 5e-4, 0, 1, 9)
    small = resolve(prior=prior, hidden=(64, 32), activation="softplus")
    assert (small.decoder_hidden, small.decoder_activation) == ((32, 64), "softplus")


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"data": "fashion-mnist"}, {"prior": "sparse"}),
        ({"data": "pinwheel", "prior": "gaussian"}, {"kl": "analytic", "prior_variance_scale": 1.0}),
        ({"data": "x.npy"}, {"prior": "gaussian", "likelihood": None}),
        ({"hidden": "512,256"}, {"hidden": (512, 256), "decoder_hidden": (256, 512)}),
        ({"hidden": "", "decoder_hidden": [7]}, {"hidden": (), "decoder_hidden": (7,)}),
        ({"prior": "Normal", "data": "pinwheel"}, {"prior": "gaussian"}),
        ({"prior": "StudentT", "data": "pinwheel", "df": "4"}, {"prior": "student-t", "df": 4.0}),
        ({"regulariser": "mmd_dim"}, {"regulariser": "mmd"}),
        ({"regulariser": "kld_inc"}, {"regulariser": "kl-inc"}),
        ({"seed": "0", "alpha": None}, {"seed": 0, "alpha": 0.0}),
        ({"amsgrad": "no", "learn_prior_variance": True}, {"amsgrad": False, "learn_prior_variance": True}),
        ({"engine": "auto"}, {"engine": "auto"}),
        ({"epochs": 3.0}, {"epochs": 3}),
        # What another run's config.toml brings along, at its default, does no harm.
        ({"prior": "gaussian", "data": "pinwheel", "components": 4}, {"prior": "gaussian"}),
    ],
)
def test_resolved(given_, expected):
    o = resolve(given_)
    assert {name: getattr(o, name) for name in expected} == expected


def test_a_resolved_run_resolves_to_itself():
    for first in (resolve(), resolve(prior="sparse", alpha=3), resolve(data="x.csv", likelihood="laplace")):
        assert resolve(dataclasses.asdict(first)) == first


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"prior": "mixtur"}, "prior must be gaussian, student-t, mixture or sparse, not 'mixtur'; did you mean 'mixture'?"),
        ({"latent_dim": "0"}, "latent_dim must be a whole number from 1 to 10,000, not 0"),
        ({"latent_dim": "2.5"}, "latent_dim: expected a whole number from 1 to 10,000, got 2.5"),
        ({"latent_dim": True}, "latent_dim: expected a whole number from 1 to 10,000, got True"),
        ({"lr": "nan"}, "lr: expected a number above 0, got nan"),
        ({"beta": "-1"}, "beta must be 0 or more, not -1"),
        ({"test_fraction": 1}, "test_fraction must be above 0 and below 1, not 1"),
        ({"hidden": "3,0"}, "hidden must be at most 30 whole numbers from 1 to 100,000, separated by commas, not '3,0'"),
        ({"hidden": "1," * 31}, f"hidden must be at most 30 whole numbers from 1 to 100,000, separated by commas, not '{'1,' * 31}'"),
        ({"amsgrad": "maybe"}, "amsgrad must be true or false, not 'maybe'"),
        ({"data": 3}, "data: expected text, got 3"),
        ({"alpah": 1}, "unknown option alpah; did you mean alpha?"),
        ({"df": 3}, 'df=3: this is for prior="student-t", not for mixture'),
        ({"arms": 3, "data": "x.npy"}, 'arms=3: this is for data="pinwheel", not for x.npy'),
        ({"kl": "analytic"}, 'kl=analytic: the mixture prior has no closed form; use kl="monte-carlo"'),
        ({"alpha": 1, "regulariser": "mmd", "batch_size": 1}, 'batch_size must be at least 2 for regulariser="mmd", not 1'),
        ({"prior_variance": "pca"}, 'prior_variance=pca: the mixture prior has equal variances; use prior_variance="iso"'),
        ({"prior": "gaussian", "data": "pinwheel", "log_prior_multiplier": 2}, 'log_prior_multiplier=2: this needs kl="monte-carlo"'),
    ],
)  # fmt: skip
def test_refused(given_, message):
    with pytest.raises(OptionError) as caught:
        resolve(given_)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", NUMBERS)
def test_bounds(name):
    """Each bound itself is taken or refused as it says; beyond it, and what is no number, is refused."""
    option = options.by_name()[name]
    meta = limits_of(option)
    if option.choices is not None:
        return
    assert not {"low", "above"} <= meta.keys() and {"low", "above"} & meta.keys(), "a number has one lower bound"
    for key, sign in (("low", -1), ("high", 1)):
        if key in meta:
            assert check(name, meta[key]) == meta[key]
            beyond = meta[key] + sign if option.kind is int else math.nextafter(meta[key], sign * math.inf)
            with pytest.raises(OptionError):
                check(name, beyond)
    for key in ("above", "below"):
        if key in meta:
            with pytest.raises(OptionError):
                check(name, meta[key])
    for wrong in ("", "x", "nan", "inf", "-inf", None, [], "1e400", "0x1"):
        with pytest.raises(OptionError, match=name):
            check(name, wrong)


@given(st.sampled_from(NAMES), st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.integers()))
def test_whatever_is_given_is_taken_or_refused_in_one_line(name, value):
    try:
        taken = check(name, value)
    except OptionError as error:
        assert error.option == name
    else:
        assert check(name, taken) == taken


def test_every_option_is_documented():
    for name, option in options.by_name().items():
        assert options.help_of(option).endswith("."), name
        assert option.group in options.GROUPS, name
        if option.default is not None:
            assert check(name, option.default) == option.default
    for variant in (*DATA_SETS.values(), *PRIORS.values()):
        for name, value in variant.defaults.items():
            assert check(name, value) == value


def test_equal_options_are_equal_whatever_was_added_since():
    """Of another table of options too; they pickle, copy and hash."""
    clone = pytest.importorskip("sklearn.base").clone
    X = np.random.default_rng(0).normal(size=(20, 3))
    before, model = resolve(alpha=3), DecompositionVAE(epochs=1).fit(X)

    class Later(priors.Gaussian):
        name, aliases, options = "later", (), (Option("later_width", float, "Later: its width.", 2.0),)

    PRIORS.add(Later)
    try:
        after = resolve(alpha=3)
        assert after.later_width == 2.0 and before.replace(epochs=9) == after.replace(epochs=9)
        assert pickle.loads(pickle.dumps(before)) == copy.deepcopy(before) == after
        assert dataclasses.replace(before, epochs=9).epochs == 9
        model.set_params(alpha=2.0).partial_fit(X)
        assert model.get_params()["later_width"] == 2.0 and clone(model).later_width == 2.0
    finally:
        PRIORS.remove("later")
    assert before == resolve(alpha=3) != resolve(alpha=4) and hash(before) == hash(resolve(alpha=3))
    with pytest.raises(OptionError, match=r"later_width.*there is no such option"):
        after.replace(epochs=9)


def test_a_folder_of_data_goes_with_every_named_set():
    """As a sweep over several data sets, or MINIDECOMP_DATA_DIR, gives it."""
    for data in options.data_names():
        assert resolve(data=data, data_dir=".").data_dir == "."


def test_a_mixture_has_the_regulariser_that_sees_clusters():
    """The MMD compares one dimension at a time. The larger data sets keep it, with every prior."""
    own = {prior: resolve(data="own.npy", prior=prior).regulariser for prior in PRIORS}
    assert own == {"gaussian": "mmd", "student-t": "mmd", "mixture": "kl-inc", "sparse": "mmd"}
    assert resolve(data="own.npy", prior="mixture", regulariser="mmd").regulariser == "mmd"
    assert {resolve(data=data, prior="mixture").regulariser for data in ("dsprites", "fashion-mnist")} == {"mmd"}
    model = DecompositionVAE(prior="mixture", epochs=1, hidden=(4,)).fit(np.random.default_rng(0).normal(size=(20, 3)))
    assert model.options_.regulariser == "kl-inc"
