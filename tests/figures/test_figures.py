"""Pictures: what they show is right, and every kind of input is drawn."""

from __future__ import annotations

import builtins
import struct
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from minidecomp import figures, packages
from minidecomp.data import points as points_module
from minidecomp.data.dataset import Dataset
from minidecomp.errors import MinidecompError, OptionError
from minidecomp.figures import curves, of_run, prior_plane, style
from minidecomp.figures import posterior as posterior_figures
from minidecomp.figures.prior_plane import PriorPlane
from minidecomp.model.network import MLP, Parameters, initialise
from minidecomp.model.vae import VAE, parameter_shapes
from minidecomp.randomness.draws import prior_of_step
from minidecomp.terms import likelihoods, priors

RNG = np.random.default_rng(0)
MODES = priors.ring_of_components(4, 2, 1.0)
PINWHEEL_MIXTURE = priors.Mixture(MODES, np.full((4, 2), 0.03**0.5), np.full(4, np.log(0.25)))
PRIORS = {
    "gaussian": priors.Gaussian(np.zeros(2), np.ones(2)),
    "student-t": priors.StudentT(np.zeros(2), np.ones(2), df=1.5),
    "mixture": PINWHEEL_MIXTURE,
    "sparse": priors.Sparse(np.zeros(2), np.ones(2)),
}
WIDTHS = {"image": 20, "two": 2, "one": 1, "seven": 7, "ninety": 90}
SHAPES = {"image": (4, 5)}


def metrics(epochs: int = 40) -> dict[str, np.ndarray]:
    epoch = np.arange(1.0, epochs + 1)
    decay = np.exp(-epoch)
    return {
        "epoch": epoch,
        "log_likelihood": -100 - 1e4 * decay + np.sin(epoch),
        "kl": 5 + decay,
        "regulariser": decay,
        "objective": -105 - 1e4 * decay,
        "seconds": epoch,
    }


def clusters(points: int = 40, scale: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    loc = np.tile(MODES, (points // 4, 1))
    return loc + 0.1 * RNG.normal(size=loc.shape), scale * (0.5 + RNG.random(loc.shape))


def png_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n") and png.endswith(b"IEND\xaeB`\x82")
    return struct.unpack(">II", png[16:24])


def drawn(figure: object, tmp_path: object) -> tuple[int, int]:
    """The size in pixels of the figure's file, once it is written."""
    path = tmp_path / "picture.png"  # type: ignore[operator]
    figure.savefig(path)  # type: ignore[attr-defined]
    width, height = png_size(path.read_bytes())
    assert 250 <= width <= 1500 and 100 <= height <= 1800
    return width, height


# ---- the density ----


def test_density_equals_a_double_loop_with_z1_across_and_z2_up():
    loc, scale = RNG.normal(size=(5, 2)), 0.2 + RNG.random((5, 2))
    extent, grid = (-3.0, 1.0, -1.0, 2.0), 7
    density = figures.density_on_grid(loc, scale, extent, grid)
    for b, z2 in enumerate(np.linspace(-1, 2, grid)):
        for a, z1 in enumerate(np.linspace(-3, 1, grid)):
            t = (np.array([z1, z2]) - loc) / scale
            expected = np.mean(np.exp(-0.5 * (t**2).sum(1)) / (2 * np.pi * scale.prod(1)))
            assert density[b, a] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("count", [1, 40, 4097])
def test_density_integrates_to_one(count):
    loc, scale = RNG.normal(size=(count, 2)), 0.1 + RNG.random((count, 2))
    density = figures.density_on_grid(loc, scale, (-10, 10, -11, 11), 300)
    assert density.sum() * (20 / 299) * (22 / 299) == pytest.approx(1, abs=1e-6)


def test_a_drawn_spike_narrower_than_the_grid_keeps_its_mass_and_place():
    loc = np.array([[0.4567, -1.2345]])
    density = posterior_figures.drawn_density(loc, np.full((1, 2), 1e-6), (-2, 2, -2, 2), 300)
    step = 4 / 299
    assert density.sum() * step**2 == pytest.approx(1, rel=1e-3)
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert abs(-2 + step * column - 0.4567) <= step and abs(-2 + step * row + 1.2345) <= step


@pytest.mark.parametrize("shape", [(4, 3), (4,), (0, 2)])
def test_density_needs_two_latent_dimensions(shape):
    with pytest.raises(OptionError, match=r"\(N, 2\)"):
        figures.density_on_grid(np.zeros(shape), np.ones(shape), (-1, 1, -1, 1))


# ---- aggregate posterior ----


def test_image_and_contours_agree_on_where_an_asymmetric_mixture_lies():
    loc = np.array([[1.0, 0.5], [-1.5, 1.2]])
    scale = np.full((2, 2), 0.1)
    prior = priors.Mixture(loc, scale, np.log([0.5, 0.5]))
    axes = figures.aggregate_posterior(loc, scale, prior).axes[1]
    image = axes.images[0]
    density = image.get_array()
    left, right, bottom, top = image.get_extent()
    assert image.origin == "lower"
    z1 = left + (np.arange(300) + 0.5) * (right - left) / 300
    z2 = bottom + (np.arange(300) + 0.5) * (top - bottom) / 300
    for mode in loc:
        near = np.hypot(z1[None, :] - mode[0], z2[:, None] - mode[1]) < 0.2
        row, column = np.unravel_index(np.where(near, density, -1).argmax(), density.shape)
        assert np.allclose([z1[column], z2[row]], mode, atol=0.01)
        assert density[row, column] == pytest.approx(density.max(), rel=0.02)
    rings = axes.collections[0].get_paths()
    for ring in rings:
        polygons = [p for p in ring.to_polygons() if len(p) > 3]
        assert len(polygons) == 2
        centres = sorted(((p.min(0) + p.max(0)) / 2).tolist() for p in polygons)
        assert np.allclose(centres, sorted(loc.tolist()), atol=0.02)
    assert axes.get_xlabel() == "$z_1$" and axes.figure.axes[0].get_ylabel() == "$z_2$" and axes.get_aspect() == 1


CONTOURED = PRIORS | {
    "cauchy": priors.StudentT(np.array([1.0, -2.0]), np.array([0.5, 3.0]), df=1),
    "t3": priors.StudentT(np.zeros(2), np.ones(2), df=3),
    "unequal": priors.Mixture(
        np.array([[0.0, 0.0], [3.0, 1.0]]), np.array([[1.0, 0.3], [0.2, 2.0]]), np.log([0.7, 0.3])
    ),
    "wide spike": priors.Sparse(np.array([0.0, 1.0]), np.array([1.0, 2.0]), 0.5, 0.3),
}


@pytest.mark.parametrize("name", CONTOURED)
def test_contours_hold_half_and_nine_tenths_of_a_priors_fresh_samples(name):
    prior = CONTOURED[name]
    z, *_ = prior_of_step(prior, (100_000, 2), seed=11, step=0, dtype=np.float64)
    shares = [(np.exp(prior.log_density(z)) > level).mean() for level in prior_plane.contour_levels(prior)]
    assert shares == pytest.approx([0.9, 0.5], abs=0.01)
    plane = PriorPlane.of_prior(prior, posterior_figures.covering_square([], prior), 300)
    assert np.array_equal(plane.levels, prior_plane.contour_levels(prior)), "the picture's are these"


def test_a_contour_outside_the_picture_is_not_promised():
    panel = figures.aggregate_posterior(*clusters(), priors.StudentT(np.zeros(2), np.ones(2), df=1)).axes[0]
    assert [text.get_text() for text in panel.texts] == ["line: 50 % of the mass"]
    panel = figures.aggregate_posterior(*clusters(), PINWHEEL_MIXTURE).axes[0]
    assert [text.get_text() for text in panel.texts] == ["lines: 50 and 90 % of the mass"]


def test_a_priors_thin_spikes_are_drawn_and_no_contour_hides_them():
    thin = priors.Mixture(MODES, np.full((4, 2), 1e-4), np.log(np.full(4, 0.25)))
    axes = figures.aggregate_posterior(MODES, thin.scale, thin).axes[0]
    density = axes.images[0].get_array()
    assert density.sum() * (4 / 299) ** 2 == pytest.approx(1, rel=0.01)
    assert not any(lines.get_linewidths().any() for lines in axes.collections)
    spike = PriorPlane.of_prior(priors.Sparse(np.zeros(2), np.ones(2), 0.8, 1e-4), (-3, 3, -3, 3), 300)
    assert spike.density.sum() * (6 / 299) ** 2 == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("labels", [np.arange(40) % 13, np.array(["a$b", "ü"] * 20)])
def test_classes_are_drawn_beside_it(labels, tmp_path):
    figure = figures.aggregate_posterior(*clusters(), PINWHEEL_MIXTURE, labels, grid=60)
    names = [text.get_text() for text in (figure.axes[2].get_legend() or figure.legends[0]).get_texts()]
    assert names == [str(name).replace("$", r"\$") for name in np.unique(labels)]
    drawn(figure, tmp_path)


@pytest.mark.parametrize(
    ("posterior", "name", "expected"),
    [
        (clusters(), "mixture", 2.0),
        (clusters(), "gaussian", 3.0),
        (clusters(), "student-t", 3.0),
        ((RNG.standard_cauchy((4000, 2)), np.full((4000, 2), 0.1)), "gaussian", None),
        ((np.full((4, 2), 6.3), np.ones((4, 2))), "gaussian", 7.5),
    ],
)
def test_default_extent_is_a_square_about_the_prior(posterior, name, expected):
    left, right, bottom, top = posterior_figures.covering_square([posterior], PRIORS[name])
    assert (left, bottom) == (-right, -top) and right == top
    assert right == expected if expected else 3 <= right < 30


def test_default_extent_follows_a_prior_that_is_elsewhere_or_tiny():
    far = priors.Gaussian(np.array([10.0, 20.0]), np.array([0.01, 0.02]))
    extent = posterior_figures.covering_square([(far.loc[None], far.scale[None])], far)
    assert np.allclose(extent, (9.94, 10.06, 19.94, 20.06), atol=0.01)


@pytest.mark.parametrize(("scale", "low", "high"), [(0.004, 1.5, 100), (0.1, 1.5, 3), (0.17, 1, 1), (1.0, 0.05, 0.3)])
def test_colours_end_at_one_where_that_suits(scale, low, high):
    density = posterior_figures.drawn_density(*clusters(400, scale), (-4, 4, -4, 4), 300)
    assert low <= posterior_figures.colour_top(density) <= high


def test_spikes_are_seen():
    density = posterior_figures.drawn_density(np.array(MODES), np.full((4, 2), 1e-4), (-2, 2, -2, 2), 300)
    top = posterior_figures.colour_top(density)
    assert density.max() > 100 and density.max() / 3 < top <= density.max()
    assert posterior_figures.colour_top(np.zeros((5, 5))) == 1


def test_panel_grid_shares_colours_and_axes(tmp_path):
    rows = [[clusters(scale=s) for s in (0.01, 0.1, 0.3)], [clusters(scale=0.2)]]
    titles = [["a", "b", "c"], [r"$\alpha = 3$"]]
    figure = figures.panel_grid(rows, titles, PINWHEEL_MIXTURE, grid=60, names=("small", "large"))
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == ["prior $p(z)$", "a", "b", "c", r"$\alpha = 3$"]
    assert [axes.get_ylabel() for axes in panels if axes.get_ylabel()] == ["small", "large"]
    np.testing.assert_allclose(panels[0].images[0].get_clim()[1], 1.2 * panels[0].images[0].get_array().max())
    assert len({axes.images[0].get_clim() for axes in panels}) == 1
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in panels}) == 1
    drawn(figure, tmp_path)


def test_strips_of_all_seeds_stand_below_the_panels(tmp_path):
    """The median is a bar with its number; an estimate below 0 is at the axis's end."""
    rows = [[clusters(scale=s) for s in (0.01, 0.1)], [clusters(scale=0.2)]]
    strips = [
        [figures.Strip([4, 3, 2], [0.5, 2.0, 8.0]), figures.Strip([1], [1907.3])],
        [figures.Strip([4, 4], [-0.001, 0.02])],
    ]
    titles = [["a", "b"], ["c"]]
    figure = figures.panel_grid(rows, titles, PINWHEEL_MIXTURE, grid=60, strips=strips, strip_labels=("kept", "KL"))
    under = [axes for axes in figure.axes if axes.get_xscale() == "log" and axes.get_visible()]
    assert [[text.get_text() for text in axes.texts] for axes in under] == [
        ["4 3 2", "2"],
        ["1", "1907"],
        ["4 4", "0.0095"],
    ]
    low, high = under[0].get_xlim()
    assert (low, high) == (0.01, 2 * 1907.3) and {axes.get_xlim() for axes in under} == {(low, high)}
    assert under[2].lines[0].get_xdata().min() == low
    drawn(figure, tmp_path)


# ---- comparisons ----


def test_curves_beside_others(tmp_path):
    panels = {"beta 1": {"ours": [(0.0, [0.3]), (100.0, [0.5, 0.6])], "none": []}, "beta 5": {"ours": [(0.0, [0.2])]}}
    others = {"beta 1": {"theirs": [(0.0, 0.36), (1000.0, 0.52)]}}
    figure = figures.curves_beside_others(panels, others, "alpha", "sparsity")
    left, right = figure.axes
    assert [text.get_text() for text in left.get_xticklabels()] == ["0", "100", "1000"]
    theirs, ours, runs = left.lines
    assert list(theirs.get_xdata()) == [0, 2] and list(ours.get_ydata()) == pytest.approx([0.3, 0.55])
    assert list(runs.get_ydata()) == [0.5, 0.6]
    assert len(right.lines) == 1 and right.get_title() == "beta 5"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours", "theirs"]
    assert figure.get_supxlabel() == "means of 1 or 2 seeds; small dots: single runs"
    drawn(figure, tmp_path)


def test_differences_with_their_intervals(tmp_path):
    panels = {
        "score": {"beta 1": {"PCA": (0.1, 0.05, 0.15), "t": (-0.1, -0.3, 0.1)}},
        "loss": {"beta 4": {"t": (1, 0, 2)}},
    }
    figure = figures.differences_with_intervals(panels, {"score": (-0.05, 0.05)}, "a note")
    score, loss = figure.axes
    assert [text.get_text() for text in score.get_yticklabels()] == ["PCA", "t"]
    assert [segment[:, 0].tolist() for segment in score.collections[0].get_segments()] == [[0.05, 0.15], [-0.3, 0.1]]
    assert [line.get_xdata().tolist() for line in loss.lines if len(line.get_xdata()) == 1] == [[1]]
    assert score.patches and not loss.patches
    drawn(figure, tmp_path)


def test_equal_labels_that_are_close_stand_once():
    points = {"beta 1": [(80.0, 0.50)], "beta 4": [(100.0, 0.6)]}
    near = {"beta 1": [(80.5, 0.503)], "beta 4": [(90.0, 0.5)]}
    figure = figures.loss_against_score({"one": {"iso": points, "pca": near}, "two": {"iso": points}})
    assert [text.get_text() for text in figure.axes[0].texts] == ["beta 1", "beta 4", "beta 4"]
    assert figure.get_supxlabel().splitlines()[1] == "along each line: beta 1, beta 4"
    assert [axes.get_ylabel() for axes in figure.axes] == ["one", "two"]


# ---- learning curves ----


def test_learning_curves_name_their_axes():
    figure = figures.learning_curves(metrics())
    assert [axes.get_ylabel() for axes in figure.axes] == list(figures.TERM_LABELS.values())
    assert figure.axes[-1].get_xlabel() == "epoch"


def test_a_regulariser_that_is_nan_is_left_out():
    nan = np.full(40, np.nan)
    figure = figures.learning_curves(metrics() | {"regulariser": nan})
    assert len(figure.axes) == 3
    with pytest.raises(MinidecompError, match="at least one epoch"):
        figures.learning_curves({"epoch": np.zeros(0), "kl": np.zeros(0)})


def test_one_epoch_is_a_point(tmp_path):
    figure = figures.learning_curves(metrics(1))
    assert all(axes.lines[0].get_marker() == "o" for axes in figure.axes)
    drawn(figure, tmp_path)


def test_a_transient_is_drawn_and_does_not_squash_the_rest():
    axes = figures.learning_curves(metrics()).axes[0]
    assert axes.get_ylim()[0] == metrics()["log_likelihood"].min(), "nothing is cut"
    places = axes.transAxes.inverted().transform(axes.transData.transform([(1, -101), (1, -99)]))[:, 1]
    assert np.ptp(places) > 0.1, "where all is linear it would be 0.0005"
    assert [text.get_text() for text in axes.texts] == ["scale compressed"]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert "\u22123778" in labels and len(set(labels)) == len(labels) >= 3
    assert curves._usual_limits(np.linspace(0, 1, 50)) == (0, 1)


LATER = np.linspace(-3, -1, 39)


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        ([1e6, *LATER], 1),
        ([1e12, *LATER], 1),
        ([-1e30, *LATER], 1),
        ([1e6, -1e6, *LATER], 2),
        ([1e6, 3e4, 500, 40, *LATER], 1),
        ([1e300, *(1e-9 * LATER)], 1),
        ([1e6, *LATER[:20], 900, *LATER[20:]], 1),
        ([1e6, -3, -1], 1),
    ],
)
def test_most_epochs_have_four_fifths_of_the_height_whatever_the_others_are(value, marks):
    value = np.array(value)
    (axes,) = figures.learning_curves({"epoch": np.arange(1.0, len(value) + 1), "objective": value}).axes
    places = axes.transAxes.inverted().transform(axes.transData.transform([(1, each) for each in value]))[:, 1]
    usual = np.abs(value) <= 3
    assert np.ptp(places[usual]) > 0.79
    assert np.ptp(places) == pytest.approx(1), "nothing is cut"
    assert (np.argsort(places, kind="stable") == np.argsort(value, kind="stable")).all()
    assert [text.get_text() for text in axes.texts] == ["scale compressed"] * marks
    shaded = [patch.get_y() + patch.get_height() * np.arange(2) for patch in axes.patches]
    inside = [any(low - 1e-6 < place < high + 1e-6 for low, high in shaded) for place in places[~usual]]
    assert len(shaded) == marks and all(inside)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(labels)) == len(labels) >= 3 and max(map(len, labels)) <= 6


def test_values_at_the_end_of_the_floats_and_values_all_alike_are_drawn():
    huge = np.array([1.7e308, -1.7e308, 1.0])
    alike = np.array([1e6, 5, 5 + 1e-12])
    panels = figures.learning_curves({"epoch": np.arange(3), "kl": huge, "objective": alike}).axes
    assert [len(axes.lines[0].get_ydata()) for axes in panels] == [3, 3] and not panels[1].texts


def test_the_legend_shows_the_line_of_validation_where_another_panel_has_it():
    columns = metrics() | {"validation_kl": metrics()["kl"] + 1}
    (legend,) = (axes.get_legend() for axes in figures.learning_curves(columns).axes if axes.get_legend())
    styles = {
        text.get_text(): line.get_linestyle() for text, line in zip(legend.texts, legend.get_lines(), strict=True)
    }
    assert styles == {"training": "-", "validation": "--"}


def test_curves_begin_with_the_first_epoch_and_show_all_values():
    value = np.concatenate([[9.0], np.full(19, 1.0), np.linspace(1, 3, 30)])
    (axes,) = figures.learning_curves({"epoch": np.arange(1.0, 51), "kl": value}).axes
    assert axes.get_xlim() == (1, 50) and axes.get_ylim()[1] > 9 and not axes.texts
    ticks = axes.get_xticks()
    assert ticks[0] == 1 and (ticks == np.round(ticks)).all()


def test_prior_and_posterior_share_one_scale_of_colours_and_all_panels_have_contours():
    loc, scale = clusters()
    figure = figures.aggregate_posterior(loc, scale, PINWHEEL_MIXTURE, np.arange(40) % 4, (-2, 2, -2, 2), 100)
    p, q, means, bar = figure.axes
    assert p.images[0].get_clim() == q.images[0].get_clim() and bar.get_ylabel() == "density"
    assert p.images[0].get_array().max() <= p.images[0].get_clim()[1], "the prior is never cut where it is the wider"
    levels = [each.collections[0].levels.tolist() for each in (p, q, means)]
    assert levels[0] == levels[1] == levels[2] and len(levels[0]) == 2


def test_points_outside_a_picture_are_counted():
    loc = np.zeros((200, 2))
    loc[:3] = 50
    figure = figures.aggregate_posterior(loc, np.ones((200, 2)), PRIORS["gaussian"], np.arange(200) % 2, grid=20)
    assert "(3 outside)" in figure.axes[2].get_title()
    data = RNG.random((1000, 2))
    titles = [axes.get_title() for axes in figures.samples(np.vstack([data[1:], [[90, 90]]]), data).axes]
    assert titles == ["data", "generated (1 outside)"]


def test_each_pair_of_gradients_has_a_colour_that_is_no_terms_and_dashes_of_its_own():
    from matplotlib.colors import to_hex

    columns = {"epoch": np.arange(1, 6)}
    columns |= {f"norm_{term}": np.arange(1.0, 6) for term in ("log_likelihood", "kl", "regulariser")}
    for pair in ("log_likelihood_kl", "log_likelihood_regulariser", "kl_regulariser"):
        columns[f"cosine_{pair}"] = np.linspace(-1, 1, 5)
    norms, cosines = figures.gradient_curves(columns).axes
    named = [[line for line in axes.lines if not line.get_label().startswith("_")] for axes in (norms, cosines)]
    assert len({to_hex(line.get_color()) for lines in named for line in lines}) == 6
    assert all(len({line.get_linestyle() for line in lines}) == 3 for lines in named)


# ---- data ----


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize(("count", "labels"), [pytest.param(1, False, marks=pytest.mark.slow), (23, True)])
def test_reconstructions_are_drawn(kind, count, labels, tmp_path):
    x = RNG.random((count, WIDTHS[kind]))
    classes = np.arange(count) % 3 if labels else None
    drawn(figures.data_and_reconstructions(x, 0.9 * x, SHAPES.get(kind), classes), tmp_path)


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("count", [1, pytest.param(70, marks=pytest.mark.slow)])
def test_samples_are_drawn(kind, count, tmp_path):
    data = RNG.normal(size=(count, WIDTHS[kind]))
    drawn(figures.samples(0.8 * data, data, SHAPES.get(kind)), tmp_path)


@pytest.mark.parametrize("shape", [(1, 60), (60, 1)])
def test_flat_and_long_images_fit_on_a_page(shape, tmp_path):
    x = RNG.random((20, 60))
    drawn(figures.data_and_reconstructions(x, x, shape), tmp_path)
    drawn(figures.samples(x, x, shape), tmp_path)


def test_images_are_paired_data_above_reconstruction():
    x = np.arange(4, dtype=float)[:, None] * np.full((1, 6), 0.1)
    figure = figures.data_and_reconstructions(x, x + 0.5, (2, 3))
    canvas = figure.axes[0].images[0].get_array()
    # Images of 2 x 3 pixels, a pixel between them.
    assert canvas.shape == (5, 15)
    assert np.allclose(canvas[:2, ::4].filled(np.nan), [[0, 0.1, 0.2, 0.3]] * 2)
    assert np.allclose(canvas[3:, ::4].filled(np.nan), [[0.5, 0.6, 0.7, 0.8]] * 2)
    assert canvas.mask[2].all() and canvas.mask[:, 3::4].all()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["data", "reconstruction"]
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_points_are_chosen_class_by_class():
    labels = np.array([2, 2, 0, 0, 0, 1])
    assert of_run._class_by_class(labels, 5).tolist() == [2, 5, 0, 3, 1]


def test_a_point_is_chosen_of_each_piece_and_none_in_equal_steps():
    chosen = points_module.evenly_spread(100, 3)
    assert (np.searchsorted([33, 66], chosen, side="right") == [0, 1, 2]).all()
    assert points_module.evenly_spread(3, 5).tolist() == [0, 1, 2]
    for total, count in ((20_000, 10_000), (40_000, 10_000), (60_000, 10_000), (12, 11)):
        chosen = points_module.evenly_spread(total, count)
        assert len(chosen) == count and (np.diff(chosen) > 0).all() and chosen[0] >= 0 and chosen[-1] < total
        for period in (2, 3, 4, 6) if total > 12 else ():
            shares = np.bincount(chosen % period, minlength=period) / count
            assert np.abs(shares - 1 / period).max() < 0.03, "data in turns are met alike"


# ---- a run's pictures ----


def model(data_dim, latent_dim, prior, likelihood, dtype=np.float64):
    encoder = MLP("enc", (data_dim, 8, 2 * latent_dim), "relu")
    decoder = MLP("dec", (latent_dim, 8, likelihood.output_dim(data_dim)), "relu")
    parameters = Parameters(parameter_shapes(encoder, decoder, latent_dim, False), dtype=dtype)
    initialise(parameters, 0)
    return VAE(encoder, decoder, likelihood, prior, "softplus", parameters)


@pytest.mark.parametrize(
    ("kind", "latent_dim", "likelihood", "dtype"),
    [
        ("image", 2, likelihoods.Bernoulli(), np.float32),
        pytest.param("image", 5, likelihoods.Laplace(), np.float64, marks=pytest.mark.slow),
        pytest.param("two", 2, likelihoods.Gaussian(), np.float64, marks=pytest.mark.slow),
        ("seven", 3, likelihoods.Gaussian(), np.float32),
    ],
)
def test_draw_all(kind, latent_dim, likelihood, dtype, tmp_path):
    width, image = WIDTHS[kind], kind == "image"
    points = RNG.random((2300, width))
    points = (255 * points).astype(np.uint8) if image else points
    labels = np.arange(2300) % 3
    dataset = Dataset(
        kind, points[:1200], points[1200:], labels[:1200], labels[1200:], ("a", "b", "c"), SHAPES.get(kind)
    )
    prior = priors.Gaussian(np.zeros(latent_dim, dtype), np.ones(latent_dim, dtype))
    vae = model(width, latent_dim, prior, likelihood, dtype)
    written = figures.draw_all(tmp_path / "new" / "figures", metrics(), vae, dataset, seed=3)
    second = "aggregate_posterior" if latent_dim == 2 else "class_activity"
    expected = ["learning_curves", second, "reconstructions", "samples"]
    assert [path.name for path in written] == [f"{name}.png" for name in expected]
    assert sorted((tmp_path / "new" / "figures").iterdir()) == sorted(written)
    for path in written:
        width, height = png_size(path.read_bytes())
        assert 300 <= width <= 1500 and 100 <= height <= 1500


@pytest.mark.parametrize(
    ("name", "formats"), list(zip(PRIORS, [("pdf",), ("svg",), ("png", "svg"), ("png",)], strict=True))
)
def test_draw_all_with_each_prior_and_format(name, formats, tmp_path):
    points = RNG.normal(size=(30, 7))
    dataset = Dataset("points", points[:20], points[20:])
    vae = model(7, 2, PRIORS[name], likelihoods.Gaussian())
    no_epoch = {key: value[:0] for key, value in metrics().items()}
    written = figures.draw_all(tmp_path, no_epoch, vae, dataset, formats=formats)
    names = ["aggregate_posterior", "reconstructions", "samples"]
    assert [path.name for path in written] == [f"{n}.{kind}" for n in names for kind in formats]
    assert all(path.stat().st_size > 1000 for path in written)


def test_draw_all_knows_three_formats(tmp_path):
    with pytest.raises(OptionError, match="bmp"):
        figures.draw_all(tmp_path, {}, None, None, formats=("bmp",))


def test_the_same_run_gives_the_same_pictures(tmp_path):
    points = RNG.normal(size=(30, 2))
    mixture = priors.Mixture(np.zeros((2, 3)), np.ones((2, 3)), np.log([0.5, 0.5]))
    vae = model(2, 3, mixture, likelihoods.Gaussian())
    dataset = Dataset("points", points[:20], points[20:])
    no_epoch = {key: value[:0] for key, value in metrics().items()}
    first, again, other = (
        [path.read_bytes() for path in figures.draw_all(tmp_path / str(i), no_epoch, vae, dataset, seed)]
        for i, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first[:-1] == other[:-1] and first[-1] != other[-1]


# ---- matplotlib ----


def test_matplotlib_is_imported_late_without_pyplot_and_its_settings_stay(tmp_path):
    code = """
import sys
import numpy as np
from minidecomp import figures
from minidecomp.data import points as points_module
from minidecomp.figures import curves, of_run, style
from minidecomp.figures import posterior as posterior_figures
from minidecomp.figures.classes import class_colours
class_colours(26)  # as the report's page asks for them
assert figures.available() and "matplotlib" not in sys.modules
import matplotlib
matplotlib.rcParams["font.size"] = 13
settings = [key for key in matplotlib.rcParams if key != "backend"]  # to read this one imports pyplot
before = {key: matplotlib.rcParams[key] for key in settings}
x = np.random.default_rng(0).random((5, 2))
figures.samples(x, x)
figures.learning_curves({"epoch": np.arange(3), "kl": np.arange(3)}).savefig(sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
assert {key: matplotlib.rcParams[key] for key in settings} == before
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.png")], check=True)


def test_a_figure_keeps_its_style_when_it_is_saved(tmp_path):
    figure = figures.samples(MODES, MODES)
    figure.savefig(tmp_path / "plain.png")
    style.styled(figure.savefig)(tmp_path / "styled.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "styled.png").read_bytes()


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert not figures.available()
    with pytest.raises(MinidecompError, match=r"pip install .matplotlib"):
        figures.learning_curves(metrics())


def test_arrows_stay_in_view():
    """One that is far longer than the others is cut, and counted; the others keep their length."""
    from minidecomp.figures.gradients import shortened

    arrows = np.array([[0.5, 0.0], [0.0, -2.9], [30.0, 40.0], [0.0, 0.0]])
    drawn, cut = shortened(arrows)
    assert cut == 1 and np.array_equal(drawn[[0, 1, 3]], arrows[[0, 1, 3]])
    assert np.allclose(drawn[2], [1.8, 2.4])
