"""Pictures of a value against whatever differs: settings, legend, axes, and their orders."""

import itertools
import re

import numpy as np
import pytest

from minidecomp.evaluation.naming import label_of
from minidecomp.evaluation.terms import unit_of
from minidecomp.figures import value_against_option
from minidecomp.figures.cutting import cut_apart
from minidecomp.runs.comparison import curves
from minidecomp.runs.following import independent
from minidecomp.settings.options import by_name
from minidecomp.sweeps.grid import expand
from minidecomp.variants import REGULARISERS

pytest.importorskip("matplotlib")


def rows_of(*blocks):
    """The rows of a sweep whose runs have recorded their number."""
    entries = expand([{"epochs": 1, **block} for block in blocks])
    return [
        {"run": f"sweeps/s/{entry.name}", **vars(entry.options), "test.kl": float(i + 1), "test.mmd": i / 7}
        for i, entry in enumerate(entries)
    ]


def settings(rows, against):
    return list(curves(rows, "test.kl", against))


def ticks(figure):
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


PRIORS = {"data": "pinwheel", "prior": ["gaussian", "mixture", "student-t", "sparse"], "alpha": [0, 5], "seeds": 2}


# ---- settings ----


def test_what_follows_from_another_option_is_no_setting():
    """df, components, kl and the variances' scale come with the prior: once each prior was a curve of one point."""
    found = curves(rows_of(PRIORS), "test.kl", "prior")
    assert list(found) == ["alpha 0", "alpha 5"] and all(len(points) == 8 for points in found.values())
    assert settings(rows_of(PRIORS), "alpha") == [f"prior {name}" for name in PRIORS["prior"]]
    assert settings(rows_of(PRIORS | {"dtype": ["float32", "float64"], "alpha": 1}), "dtype") == [
        f"prior {name}" for name in PRIORS["prior"]
    ]
    assert settings(rows_of({"hidden": [[8], [16, 8]], "activation": ["relu", "tanh"]}), "hidden") == [
        "activation relu",
        "activation tanh",
    ]


def test_what_does_not_follow_is_a_setting():
    """An option that was given several values stays; and so do two that somebody changed together."""
    scales = rows_of(
        {"prior": "mixture", "prior_variance_scale": [0.03, 1], "alpha": [0, 1]},
        {"data": "pinwheel", "prior": "sparse"},
    )
    assert len(settings(scales, "alpha")) == 3
    pairs = rows_of({"alpha": 1, "lr": 0.01}, {"alpha": 2, "lr": 0.02})
    assert settings(pairs, "alpha") == ["lr 0.01", "lr 0.02"]
    assert settings(rows_of({"prior": "student-t", "df": [3, 9], "alpha": [0, 1]}), "alpha") == ["df 3", "df 9"]


def test_a_prior_and_its_usual_data_are_one_setting():
    rows = [{"data": "pinwheel", "prior": "mixture"}, {"data": "fashion-mnist", "prior": "sparse"}]
    assert independent(rows, ["data", "prior"], "alpha") == ["prior"]
    assert independent(rows, ["data", "prior"], "prior") == []


def test_against_the_runs_themselves_nothing_is_a_setting():
    found = curves(rows_of(PRIORS), "test.kl", "run")
    assert list(found) == [""] and found[""][0][0] == "priorgaussian-alpha0-seed0"


# ---- orders and names ----


def test_widths_stand_in_the_order_of_their_sizes():
    rows = rows_of({"hidden": [[16, 8], [200, 100, 50], [8]], "alpha": [10, 2]})
    assert list(dict.fromkeys(at for at, _ in curves(rows, "test.kl", "hidden")["alpha 2"])) == [
        "8",
        "16,8",
        "200,100,50",
    ]
    assert settings(rows, "alpha") == ["hidden 8", "hidden 16,8", "hidden 200,100,50"]
    assert settings(rows, "hidden") == ["alpha 2", "alpha 10"]


def test_data_files_are_told_apart():
    """Once both ticks read the same beginning of a long path."""
    files = [f"/home/somebody/projects/quite/a/long/path/{name}.npy" for name in ("first/points", "second/points")]
    rows = [{"run": name, "data": name, "test.kl": 1.0} for name in files]
    (points,) = curves(rows, "test.kl", "data").values()
    assert [at for at, _ in points] == ["first/points.npy", "second/points.npy"]
    rows = [{"run": name, "data": f"/deep/down/{name}.npy", "test.kl": 1.0} for name in "ab"]
    assert [at for at, _ in curves(rows, "test.kl", "data")[""]] == ["a.npy", "b.npy"]


@pytest.mark.parametrize(
    "texts",
    [
        ["x" * 100, "y" * 100],
        ["beginning" * 4 + "1" + "end" * 20, "beginning" * 4 + "2" + "end" * 20],
        ["a" * 50 + str(i) + "b" * 50 for i in range(30)],
        ["a" * i for i in range(60, 90)],
    ],
)
def test_names_that_are_cut_still_differ(texts):
    made = cut_apart(texts, 20)
    assert len(set(made)) == len(texts) and max(map(len, made)) <= 20
    assert cut_apart(["short", "names"], 20) == ["short", "names"]


# ---- pictures ----


def width_of_legend(figure):
    (legend,) = figure.legends
    box = legend.get_window_extent()
    return box.x0, box.x1


@pytest.mark.parametrize("length", [120, *(pytest.param(each, marks=pytest.mark.slow) for each in (5, 24, 26, 40))])
def test_a_legend_stays_in_the_picture(length):
    found = {f"setting {'m' * length} {i}": [(0, i), (1, i)] for i in range(5)}
    figure = value_against_option(found, "alpha", "test.kl")
    left, right = width_of_legend(figure)
    assert left >= 0 and right <= figure.bbox.width
    axes = figure.axes[0].get_window_extent()
    assert axes.height > 0.25 * figure.bbox.height


def test_measured_values_stand_where_they_belong():
    """Once they were equally far apart, with labels on top of each other."""
    figure = value_against_option({"": [(0.1234567, 1.0), (0.2, 2.0), (0.9, 3.0)]}, "test.mmd", "test.kl", joined=False)
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_xdata(), [0.1234567, 0.2, 0.9])
    assert line.get_linestyle() == "None" and not any("0.12" in label for label in ticks(figure))


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0, 1, 3, 5, 8], "linear"),
        ([1e-4, 1e-3, 1e-1], "log"),
        ([0, 1, 5, 20], "linear"),
        ([1, 5, 40], "log"),
        ([0, 10, 100, 1000], "symlog"),
        ([-1000, 1, 1000], "linear"),
        ([0], "linear"),
    ],
)
def test_numbers_spread_over_decades(values, scale):
    figure = value_against_option({"": [(at, 1.0) for at in values]}, "alpha", "test.kl")
    assert figure.axes[0].get_xscale() == scale
    assert figure.axes[0].lines[0].get_xdata().tolist() == values


@pytest.mark.parametrize("values", [[0, 1e-300, 1e300], [1e-40, 1.0], [1.0, 1.7e308], [5e-324, 1e308]])
def test_numbers_beyond_all_axes_stand_side_by_side(values):
    figure = value_against_option({"": [(at, 1.0) for at in values]}, "alpha", "test.kl")
    assert ticks(figure) == [f"{at:g}" for at in values]


def boxes(figure):
    labels = [label for label in figure.axes[0].get_xticklabels() if label.get_text()]
    return [label.get_window_extent() for label in labels]


@pytest.mark.parametrize(
    "values",
    [
        [0, 0.01, 0.5, 1.0, 1.2],
        [0, 1000, 1001, 1002],
        ["gaussian", "mixture", "student-t", "sparse"],
        [f"a run with a long name {i}" for i in range(8)],
        [f"priorgaussian-alpha{i}-seed0" for i in range(30)],
        [f"alpha{i}" for i in range(200)],
    ],
    ids=lambda values: str(values[-1]),
)
def test_ticks_can_be_read(values):
    """None lies on another or runs out of the picture."""
    figure = value_against_option({"": [(at, 1.0) for at in values]}, "alpha", "test.kl")
    found = boxes(figure)
    assert len(found) >= 2
    assert min(box.y0 for box in found) >= 0
    turned = figure.axes[0].get_xticklabels()[0].get_rotation()
    if turned in (0, 90):
        assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(found))
        assert found[0].x0 >= 0 and found[-1].x1 <= figure.bbox.width


def test_no_two_curves_look_alike():
    found = {f"alpha {i}": [(0, i), (1, i)] for i in range(40)}
    lines = value_against_option(found, "beta", "test.kl").axes[0].lines
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}) == 40


def test_a_legend_of_hundreds_says_how_many_more():
    found = {f"alpha {i}": [(0, i), (1, i)] for i in range(300)}
    (legend,) = value_against_option(found, "beta", "test.kl").legends
    assert re.fullmatch(r"alpha \d+, and 260 more", legend.get_texts()[-1].get_text())


def test_a_series_is_told_apart_without_its_colour():
    lines = value_against_option({f"alpha {i}": [(0, i), (1, i)] for i in range(7)}, "beta", "test.kl").axes[0].lines
    assert len({line.get_marker() for line in lines}) == 7


def texts_below(figure):
    return figure._supxlabel.get_text().splitlines()


def test_means_have_their_standard_errors():
    """And a line below the axis says of how many seeds; once the errors had to be guessed from dots."""
    figure = value_against_option({"": [(0, 1.0), (0, 3.0), (1, 4.0), (1, 4.0), (1, 7.0)]}, "alpha", "KL", note="x")
    (bars,) = figure.axes[0].collections
    ends = [segment[:, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [[1, 3], [4, 6]])
    guess = "errors are a guess: with 2 seeds, ± 1 standard error contains the true mean in 50 % of cases, not 68 %"
    assert texts_below(figure) == ["mean ± standard error of 2 or 3 seeds; small dots: single runs", guess, "x"]
    single = value_against_option({"": [(0, 1.0), (1, 4.0)]}, "alpha", "KL")
    assert not single.axes[0].collections and texts_below(single) == ["each point is one run"]


def test_categories_are_not_joined_and_stand_beside_each_other():
    """Once a line led from one prior to the next, and points of several series hid each other."""
    found = {"alpha 0": [("relu", 1.0), ("tanh", 2.0)], "alpha 5": [("relu", 1.0), ("tanh", 2.0)]}
    first, second = value_against_option(found, "activation", "KL").axes[0].lines
    assert first.get_linestyle() == second.get_linestyle() == "None"
    np.testing.assert_allclose([first.get_xdata(), second.get_xdata()], [[-0.125, 0.875], [0.125, 1.125]])


def test_zero_before_a_logarithmic_axis_is_marked():
    marks = [text.get_text() for text in value_against_option({"": [(0, 1), (1, 1), (99, 2)]}, "a", "v").axes[0].texts]
    assert marks == ["//"]
    assert not value_against_option({"": [(1, 1), (99, 2)]}, "a", "v").axes[0].texts


def test_values_over_decades_stand_on_a_logarithmic_axis():
    assert value_against_option({"": [(0, 0.06), (1, 1907)]}, "a", "v").axes[0].get_yscale() == "log"
    assert value_against_option({"": [(0, -0.06), (1, 1907)]}, "a", "v").axes[0].get_yscale() == "linear"


def test_a_long_legend_stands_beside_the_axes():
    found = {f"beta {i}, batch size 100": [(0, i), (1, i)] for i in range(12)}
    figure = value_against_option(found, "alpha", "KL")
    axes = figure.axes[0].get_window_extent()
    left, right = width_of_legend(figure)
    assert left > axes.x1 and right <= figure.bbox.width and axes.width > axes.height


def test_schedules_are_categories():
    """Once a schedule stood on the axis at its last value."""
    rows = [
        {"run": "a", "alpha": 5.0, "test.kl": 1.0},
        {"run": "b", "alpha": 4.0, "alpha_schedule": "0:0,10:4", "test.kl": 2.0},
    ]
    assert curves(rows, "test.kl", "alpha") == {"": [(5.0, 1.0), ("0:0,10:4", 2.0)]}
    two = [row | {"lr": lr} for row in rows for lr in (0.1, 0.2)]
    assert list(curves(two, "test.kl", "lr")) == ["alpha 5", "alpha 0:0,10:4"]


# ---- names and units ----


def test_names_in_words():
    assert label_of("test.kl") == "test KL (nats)" and label_of("train.seconds") == "training time (s)"
    assert label_of("match.kl-inc") == "match: KL(p || q) (nats)"
    assert label_of("overlap.mutual_information") == "mutual information (nats)"
    assert label_of("lr") == "learning rate" and label_of("batch_size") == "batch size"
    assert label_of("factor_vae.gaussian_quantiles").endswith(" of Gaussian quantiles")


def test_units():
    for name, regulariser in REGULARISERS.items():
        assert unit_of(f"test.{name}") == unit_of(f"match.{name}") == regulariser.unit
    in_nats = (
        "test.kl",
        "test.log_likelihood",
        "train.kl_term",
        "overlap.mutual_information",
        "marginal_log_likelihood",
    )
    assert {unit_of(name) for name in in_nats} == {"nats"} and unit_of("train.seconds") == "s"
    others = ("hoyer", "active_dimensions", "train.epoch", "train.regulariser", "run", *by_name())
    assert {unit_of(name) for name in others} == {""}
