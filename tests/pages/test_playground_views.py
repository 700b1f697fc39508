"""What the playground's views compute before they draw: ticks, densities, zones, thinned curves, the nearest point."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from javascript import in_node, needs_node, returned
from scipy import stats

import minidecomp
from minidecomp.page import parts

FOLDER = Path(minidecomp.__file__).parent / "playground"
FILES = ("axes", "density", "arrows", "latent_plane", "data_plane", "live_curves", "dials", "shares", "dimensions")
ARRAYS = "(_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)"


def evaluated(*expressions, before=""):
    """The values of JavaScript expressions after the views' files; arrays as lists."""
    scripts = [*shared("ticks", "svg"), *((FOLDER / f"{name}.js").read_text() for name in FILES)]
    return returned("\n".join([*scripts, before, f"return JSON.stringify([{', '.join(expressions)}], {ARRAYS});"]))


def shared(*names):
    """What both pages draw with."""
    return [(parts.HERE / f"{name}.js").read_text() for name in names]


def js(array):
    return f"Float64Array.from({json.dumps(np.ravel(array).tolist())})"


@pytest.mark.parametrize("name", FILES)
def test_a_view_uses_nothing_that_the_policy_forbids(name):
    text = (FOLDER / f"{name}.js").read_text()
    assert text.startswith('"use strict";\n//')
    assert not re.search(r"innerHTML|eval\(|setAttribute\(\"(style|on)|new Function|cssText", text)
    assert max(map(len, text.splitlines())) <= 120


@needs_node
def test_ticks_are_round_few_and_inside():
    ranges = [(0, 1), (-1.63, 1.71), (-2543.2, -3.1), (1e-7, 3e-7), (99.98, 100.02), (-0.5, 0.5), (0, 600)]
    found = evaluated(*(f"roundTicks({low}, {high}, {most})" for low, high in ranges for most in (2, 4, 7)))
    for ticks, (low, high), most in zip(found, [r for r in ranges for _ in range(3)], (2, 4, 7) * 7, strict=True):
        assert 1 <= len(ticks) <= most, (low, high, most)
        assert low <= min(ticks) and max(ticks) <= high
        if len(ticks) > 1:
            step = np.diff(ticks)
            np.testing.assert_allclose(step, step[0], rtol=1e-6)
            assert f"{step[0]:.0e}"[0] in "125"
    assert evaluated("roundTicks(0, 1, 3)", "roundTicks(3, 3, 4)", "roundTicks(NaN, NaN, 4)") == [[0, 0.5, 1], [3], []]


@needs_node
def test_a_tick_has_its_neighbours_digits():
    texts = evaluated(
        "[-0.5, 0, 0.5].map((v, _, all) => tickText(v, all))", "[0, 1000, 2000].map((v, _, all) => tickText(v, all))"
    )
    assert texts == [["−0.5", "0.0", "0.5"], ["0", "1000", "2000"]]


@needs_node
def test_an_axis_s_name_takes_over_what_large_numbers_have_in_common():
    found = evaluated(
        "tickTexts([0, 50000, 100000], 'income')",
        "tickTexts([-0.002, 0, 0.002], 'mm')",
        "tickTexts([2010, 2015, 2020], 'year')",
        "tickTexts([0], 'none')",
    )
    assert [each["name"] for each in found] == ["income (10⁵)", "mm (10⁻³)", "year", "none"]
    texts = [each["texts"] for each in found]
    assert texts == [["0.0", "0.5", "1.0"], ["−2", "0", "2"], ["2010", "2015", "2020"], ["0"]]


@needs_node
@pytest.mark.parametrize("count", [1, 399, 400, 401, 2000])
def test_evenly_spread_indices_are_distinct_and_see_every_class_of_a_repeating_order(count):
    (found,) = evaluated(f"evenlySpread({count}, 60)")
    assert found == sorted(set(found)) and len(found) == min(count, 60) and found[0] >= 0 and found[-1] < count
    if count >= 399:
        assert np.bincount(np.array(found) % 4).min() >= 10  # in turns
        assert np.histogram(found, bins=4, range=(0, count))[0].min() >= 10  # one after another


@needs_node
def test_an_extent_stays_until_something_leaves_it_or_it_is_much_too_wide():
    first, same, left, narrow, again = evaluated(
        "extentToMakeFor(null, [-1, 1, -0.5, 0.5])",
        "extentToMakeFor([-1.1, 1.1, -1.1, 1.1], [-0.9, 0.9, -0.5, 0.5])",
        "extentToMakeFor([-1.1, 1.1, -1.1, 1.1], [-0.9, 1.5, -0.5, 0.5])",
        "extentToMakeFor([-1.1, 1.1, -1.1, 1.1], [-0.2, 0.2, -0.1, 0.1])",
        "extentToMakeFor([-1.1, 1.1, -1.1, 1.1], [NaN, NaN, 0, 1])",
    )
    assert first == pytest.approx([-1.16, 1.16, -1.16, 1.16])
    assert same == again == [-1.1, 1.1, -1.1, 1.1]
    assert left[1] > 1.5 and left[1] - left[0] == pytest.approx(left[3] - left[2])
    assert narrow[1] - narrow[0] < 0.5


@needs_node
def test_easing_arrives():
    before = "let shown = [0, 1, 0, 1]; let frames = 0; const wanted = [-2, 2, -2, 2];"
    before += "while (frames < 100 && shown.some((v, i) => v !== wanted[i])) {"
    before += "shown = easedTowards(shown, wanted, EASING); frames++; }"
    shown, frames, at_once = evaluated("shown", "frames", "easedTowards([0, 1, 0, 1], wanted, 1)", before=before)
    assert shown == at_once == [-2, 2, -2, 2] and 5 < frames < 60


@needs_node
def test_a_unit_is_as_long_across_as_up():
    wide, tall = evaluated("widenedExtent([-1, 1, -1, 1], 300, 200)", "widenedExtent([-1, 1, -1, 1], 200, 300)")
    assert wide == pytest.approx([-1.5, 1.5, -1, 1]) and tall == pytest.approx([-1, 1, -1.5, 1.5])


@needs_node
def test_nearest_point_and_the_next_one_in_a_direction():
    keys = ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Escape")
    places = "[0, 0, 10, 1, 5, 20, -8, 0, NaN, NaN]"  # right, below (y grows downwards), left
    found = evaluated(
        f"nearestPlace({places}, 9, 2).index",
        *(f"chosenByKey('{key}', {places}, 0, [0, 0])" for key in keys),
        f"chosenByKey('ArrowUp', {places}, null, [6, 19])",
        f"chosenByKey('a', {places}, 0, [0, 0]) === undefined",
        "chosenByKey('ArrowUp', [NaN, NaN], null, [0, 0]) === undefined",
    )
    assert found == [1, 1, 3, 0, 2, None, 2, True, True]


@needs_node
def test_the_density_is_that_of_the_mixture_of_posteriors():
    random = np.random.default_rng(3)
    loc, scale = random.normal(size=(30, 3)), np.exp(random.normal(-1, 0.2, (30, 3)))
    n, extent = 40, (-4, 4, -5, 5)
    (grid, line) = evaluated(
        f"aggregateDensity({js(loc)}, {js(scale)}, 3, [2, 0], evenlySpread(30, 400), {list(extent)}, {n})",
        f"aggregateDensityOnLine({js(loc)}, {js(scale)}, 3, 1, evenlySpread(30, 400), -4, 4, {n})",
    )
    x, y = (low + (np.arange(n) + 0.5) * (high - low) / n for low, high in (extent[:2], extent[2:]))
    across = stats.norm.pdf(x, loc[:, 2, None], np.maximum(scale[:, 2, None], 0.6 * 8 / n))
    up = stats.norm.pdf(y, loc[:, 0, None], np.maximum(scale[:, 0, None], 0.6 * 10 / n))
    np.testing.assert_allclose(np.reshape(grid, (n, n)), up.T @ across / 30, atol=1e-4)
    alone = stats.norm.pdf(x, loc[:, 1, None], np.maximum(scale[:, 1, None], 0.12))
    np.testing.assert_allclose(line, alone.mean(0), atol=1e-4)


@needs_node
def test_a_spike_finer_than_the_cells_keeps_its_mass():
    (grid,) = evaluated("aggregateDensity([0.013, -0.4], [1e-4, 1e-4], 2, [0, 1], [0], [-1, 1, -1, 1], 72)")
    assert np.sum(grid) * (2 / 72) ** 2 == pytest.approx(1, abs=0.02)


PRIOR_LINES = """
const scale = Float64Array.of(given.scale, given.scale);
const options = { components: 4, component_radius: 1, df: 3, gamma: 0.8, spike_scale: 0.05 };
const prior = PRIORS[given.prior].fromOptions(options, scale);
const { z } = samplePrior(prior, 5000, 9, streamAt("SAMPLE_Z"), streamAt("SAMPLE_CHOICE"));
const density = PRIORS[given.prior].logDensity(prior, z, 5000).map(Math.exp), reach = given.reach;
const levels = priorLevels(prior, [0.5, 0.9]);
const lines = priorLines(prior, [-reach, reach, -reach, reach], 96);
return {
  shares: levels.map((level) => meanOf(density.map((value) => (value >= level ? 1 : 0)))),
  lines, far: priorLines(prior, [50, 51, 50, 51], 20).map((line) => line.length),
};
"""


@needs_node
@pytest.mark.parametrize(
    ("prior", "scale", "reach"), [("gaussian", 1, 4), ("mixture", 0.17, 2), ("sparse", 1, 3), ("student-t", 1, 6)]
)
def test_the_priors_lines_hold_their_share(prior, scale, reach):
    scripts = [*shared("contours", "prior_lines"), *((FOLDER / f"{name}.js").read_text() for name in FILES)]
    found = in_node(PRIOR_LINES, {"prior": prior, "scale": scale, "reach": reach}, *scripts)
    assert found["shares"] == pytest.approx([0.5, 0.9], abs=0.03)
    assert all(len(line) > 100 for line in found["lines"][1:]) and found["far"] == [0, 0]
    if prior == "gaussian":
        for pieces, share in zip(found["lines"], (0.5, 0.9), strict=True):
            radius = np.linalg.norm(np.reshape(pieces, (-1, 2)), axis=1)
            np.testing.assert_allclose(radius, np.sqrt(stats.chi2.ppf(share, 2)), atol=0.08)


@needs_node
def test_thinned_curves_keep_means_and_the_beginning():
    steps = 10_001
    before = f"""const history = new ThinnedHistory(600);
      const rows = new Float64Array(5 * {steps});
      for (let t = 0; t < {steps}; t++) rows.set([t + 1, t, -t, t < 5000 ? NaN : 7, 1], 5 * t);
      history.append(rows.subarray(0, 5 * 3333)); history.append(rows.subarray(5 * 3333));"""
    bins, up, down, late, last = evaluated(
        "history.bins.length", "history.curve(0)", "history.curve(1)", "history.curve(2)", "history.last", before=before
    )
    assert 300 <= bins <= 600 and last == [steps, steps - 1, 1 - steps, 7, 1]
    np.testing.assert_allclose(np.array(up["means"]) + 1, up["steps"], rtol=1e-12)
    np.testing.assert_allclose(down["means"], -np.array(up["means"]))
    assert up["steps"][0] < 40 and up["steps"][-1] > steps - 40
    means = np.array(late["means"], float)
    assert np.isnan(means[: bins // 3]).all() and set(means[~np.isnan(means)]) == {7.0}


@needs_node
def test_a_range_is_robust_and_shows_the_beginning():
    values = np.concatenate([[-1e6], -1 - 4 * np.exp(-np.arange(599) / 40)])
    found, flat, empty = evaluated(*(f"robustRange({each}, 6)" for each in (js(values), "[2, 2, NaN]", "[NaN]")))
    assert -6 < found[0] < -4.5 and found[1] == pytest.approx(-1, abs=1e-3)
    assert flat == [1.5, 2.5] and empty is None


@needs_node
@pytest.mark.parametrize(
    ("information", "kl", "sentence"),
    [
        (5.46, 997, "Too little overlap, and no match."),
        (5.32, 0.2, "Too little overlap, but a match."),
        (2.3, 0.08, "Appropriate overlap, and a match: the decomposition we want."),
        (3.3, 1.2, "Appropriate overlap, but the match is in between."),
        (1.24, 5.7, "Too much overlap, and no match."),
        (-0.01, 0.29, "Too much overlap, but a match."),
        (6.1, 2, "Too little overlap, and no match."),
        (None, 2, ""),
        (2, None, ""),
    ],
)
def test_the_dials_words(information, kl, sentence):
    written = [json.dumps(value) if value is not None else "NaN" for value in (information, kl)]
    (found,) = evaluated(f"dialsSentence(overlapZone({written[0]}, Math.log(400)), matchZone({written[1]}))")
    assert found == sentence


@needs_node
def test_where_the_needles_stand():
    shares = evaluated(
        *(f"overlapShare({information}, 6)" for information in (0, 3, 7)),
        *(f"matchShare({kl})" for kl in ("0.03", "-0.1", "Math.sqrt(0.03 * 100)", "Infinity")),
        "toldApart(Math.log(25.2), Math.log(400))",
        "toldApart(9, Math.log(1000))",
        "toldApart(0.36, Math.log(54))",
    )
    assert shares[:7] == pytest.approx([0, 0.5, 1, 0, 0, 0.5, 1])
    assert shares[7:] == [
        f"{words} points can be told apart" for words in ("about 25 of 400", "about 1,000 of 1,000", "hardly any of 54")
    ]


@needs_node
def test_shares_and_cosines():
    found = evaluated(
        "gradientShares({ log_likelihood: 1.25, kl: -0.25 })",
        "gradientShares({ log_likelihood: NaN, kl: NaN, regulariser: NaN })",
        "[-1, 0, 2, 3].map(placeOfShare)",
        "pairCosines({ 'kl log_likelihood': -0.5, 'log_likelihood regulariser': NaN }).map(({ value }) => value)",
    )
    assert found[:2] == [[1.25, -0.25, None], [None, None, None]] and found[3] == [-0.5, None, None]
    assert found[2] == pytest.approx([0, 1 / 3, 1, 1])


@needs_node
def test_arrows_of_the_same_points_and_of_the_chosen_one():
    before = """const rows = Int32Array.from({ length: 400 }, (_, i) => (i * 37) % 400);
      const other = Int32Array.from({ length: 400 }, (_, i) => (i * 61) % 400);
      const pulls = Array.from({ length: 200 }, (_, i) => (i % 2 ? 0 : i));"""
    first, second, small, usual, both = evaluated(
        "arrowPositions(rows, 5, 60).map((at) => rows[at])",
        "arrowPositions(other, 5, 60).map((at) => other[at])",
        "arrowPositions(Int32Array.of(7, 3), 9, 60)",
        "usualPull({ kl: pulls }, Array.from({ length: 100 }, (_, i) => i), 2, [0, 1])",
        "pullsToShow({ log_likelihood: { loc: [1, 2] }, kl: { loc: [3, -5] } }, { kl: true, sum: true })",
        before=before,
    )
    assert first == second and 5 in first and len(first) <= 61
    assert small == [1, 0] and usual == 178
    assert both == {"kl": [3, -5], "sum": [4, -3]}


@needs_node
def test_images_in_view_have_the_chosen_one_and_are_as_large_as_can_be():
    shown, chosen, wide, square = evaluated(
        *(f"imagesToShow(500, {chosen}, 12)" for chosen in ("null", 77)),
        *(f"imageGrid({size}, 12, 3, [16, 16])" for size in ("900, 200", "350, 350")),
    )
    assert len(shown) == len(set(shown)) == len(chosen) == 12 and 77 in chosen and len(set(shown) - set(chosen)) <= 1
    assert wide["perLine"] == 12 and square["perLine"] == 6 and 3 * square["tall"] <= 350


@needs_node
def test_a_pressed_dimension_takes_the_place_of_the_one_shown_longer():
    assert evaluated("dimsAfterPress([0, 1], 4)", "dimsAfterPress([1, 4], 1)") == [[1, 4], [1, 4]]
