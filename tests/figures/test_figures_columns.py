"""A table's columns on pictures: their names, whatever is in them, and a range for each where their sizes differ."""

import warnings

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from minidecomp import figures
from minidecomp.cli.main import main
from minidecomp.figures import columns as columns_module
from minidecomp.figures import style
from minidecomp.figures.columns import FeatureAxes, column_label, extent_around

RNG = np.random.default_rng(0)
HOSTILE = ["a_b^c", "$x_1$", "100 $", "<b>&amp;", "größe", "身高", "two\nlines", "a very long name of a column indeed"]
DRAWN = ["a_b^c", r"\$x_1\$", r"100 \$", "<b>&amp;", "größe", "$x_{5}$", r"two\nlines", "a very long name …"]


def table(width, sizes=1.0):
    return RNG.normal(size=(40, width)) * sizes


def all_pictures(data, names):
    """Reconstructions, samples and a traversal of points that are no images."""
    means = np.stack([data[:5], data[5:10]])
    values = np.linspace(-2, 2, 5) * np.ones((2, 1))
    return [
        figures.data_and_reconstructions(data, data[::-1], None, None, names),
        figures.samples(data[::-1], data, None, names),
        figures.latent_traversals(values, means, ["$z_1$", "$z_2$"], 3.0, data, None, names),
    ]


def ticks(axes):
    return [text.get_text() for text in axes.get_xticklabels()]


@pytest.fixture
def no_other_fonts(monkeypatch):
    """As on a machine without a font for Chinese."""
    monkeypatch.setattr(style, "OTHER_FONTS", ())
    for cached in (style.font_families, style._letters):
        cached.cache_clear()
    yield
    for cached in (style.font_families, style._letters):
        cached.cache_clear()


@pytest.mark.parametrize("width", [1, pytest.param(2, marks=pytest.mark.slow), 8])
def test_names_stand_on_every_picture_as_they_are(width, no_other_fonts, tmp_path):
    """No name is read as a formula, and no letter without a glyph is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i, figure in enumerate(all_pictures(table(width), HOSTILE[:width])):
            figures.write_figure(figure, tmp_path, str(i), ("pdf",))
            shown = [axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]
            if width == 1:
                assert "a_b^c" in shown[0].get_xlabel() or figure.get_supylabel() == "a_b^c"
            elif width == 2:
                assert {axes.get_xlabel() for axes in shown} == {"a_b^c"}
                assert shown[0].get_ylabel() == r"\$x_1\$"
            else:
                assert ticks(shown[-1]) == DRAWN[:width]


def test_a_formula_is_where_there_is_no_name(no_other_fonts):
    assert [column_label([], 4), column_label(["", " "], 1), column_label(["身高"], 0)] == [
        "$x_{4}$",
        "$x_{1}$",
        "$x_{0}$",
    ]


def test_of_many_columns_those_are_named_that_can_be_read():
    names = [f"gene {i}" for i in range(60)]
    for figure in all_pictures(table(60), names):
        axes = [each for each in figure.axes if each.get_label() != "<colorbar>"][-1]
        assert ticks(axes) == names[::3] and list(axes.get_xticks()) == list(range(0, 60, 3))
        assert axes.get_xlabel() == "one in 3 of 60 columns is named"


def test_without_names_the_columns_have_numbers_from_0():
    """As --columns and written tables count them."""
    for figure in all_pictures(table(5), ()):
        axes = next(axes for axes in figure.axes if axes.get_xlabel() == "column")
        assert axes.get_xlim() == (-0.5, 4.5)
    for figure in all_pictures(table(2), ()):
        assert figure.axes[0].get_ylabel() == "$x_{1}$"
    reconstructions, drawn, moved = all_pictures(table(1), ())
    assert reconstructions.axes[0].get_xlabel() == "data: $x_{0}$"
    assert drawn.axes[0].get_xlabel() == moved.get_supylabel() == "$x_{0}$"


def test_one_column_is_drawn_over_the_dimension_that_moves():
    data = table(1)
    moved = all_pictures(data, ["a"])[2]
    assert [axes.get_ylabel() for axes in moved.axes] == ["$z_1$", "$z_2$"], "no bar of colours"
    np.testing.assert_array_equal(moved.axes[1].lines[0].get_xdata(), np.linspace(-2, 2, 5))
    np.testing.assert_array_equal(moved.axes[1].lines[0].get_ydata(), data[5:10, 0])


def test_columns_of_different_sizes_have_a_range_each():
    data = table(3, [1, 1e5, 0.01])
    reconstructions, drawn, moved = all_pictures(data, ["a", "b", "c"])
    low, high = data.min(0), data.max(0)
    line = reconstructions.axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(line, (data[0] - low) / (high - low))
    np.testing.assert_allclose(moved.axes[0].lines[0].get_ydata(), line)
    medians = [container.lines[0].get_ydata() for container in drawn.axes[0].containers]
    np.testing.assert_allclose(medians[0], (np.median(data, axis=0) - low) / (high - low))
    for figure in (reconstructions, drawn, moved):
        axes = [each for each in figure.axes if each.get_label() != "<colorbar>"][-1]
        names, ranges = zip(*(text.split("\n") for text in ticks(axes)), strict=True)
        assert names == ("a", "b", "c")
        found = np.array([[float(end) for end in each.split(" to ")] for each in ranges])
        np.testing.assert_allclose(found, np.stack([low, high], axis=1), rtol=0.01)


def test_columns_of_one_size_share_an_axis():
    assert not FeatureAxes.around(table(3, [1, 2, 8]), ()).own
    assert not FeatureAxes.around(table(3, [1, 2, 0]), ()).own, "a constant is a flat line on any axis"
    wide = np.ones(60)
    wide[:20] = 1e-3
    assert not FeatureAxes.around(table(60, wide), ()).own, "the quiet part of a series"
    wide[:40] = 1e-3
    assert FeatureAxes.around(table(60, wide), ()).own


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.0, 26400.0, "0 to 26400"),
        (0.9876, 1.0123, "0.9876 to 1.012"),
        (1.7e9, 1.7e9 + 42, "1700000000 to 1700000042"),
        (-1.49e9, 2.47e9, "-1.49e+09 to 2.47e+09"),
        (1e-12, 3e-12, "1e-12 to 3e-12"),
        (-1e300, 1e300, "-1e+300 to 1e+300"),
    ],
)
def test_a_range_has_the_digits_that_tell_its_ends_apart(low, high, text):
    assert columns_module._range(low, high) == text


def test_the_plane_has_a_unit_for_each_axis_where_spreads_differ():
    alike, unlike = table(2, [1, 2]), table(2, [1, 1e4])
    left, right, low, high = extent_around(alike)
    assert right - left == pytest.approx(high - low)
    left, right, low, high = extent_around(unlike)
    assert right - left == pytest.approx(1.1 * np.ptp(unlike[:, 0])) and high - low == pytest.approx(
        1.1 * np.ptp(unlike[:, 1])
    )
    for figure in all_pictures(unlike, ["a", "b"]):
        axes = figure.axes[0]
        assert axes.get_aspect() == "auto" and axes.get_box_aspect() == 1
    assert all(figure.axes[0].get_aspect() == 1 for figure in all_pictures(alike, ["a", "b"]))
    assert extent_around(np.zeros((3, 2))) == (-1, 1, -1, 1)


def test_commands_name_the_columns_and_have_their_own_digits(tmp_path, monkeypatch):
    """Every command that draws points of a table hands on the names, and scaled points as the file has them."""
    monkeypatch.chdir(tmp_path)
    whole = np.stack([RNG.integers(0, 4, 40), RNG.integers(-3, 3, 40) / 10, RNG.integers(10**9, 10**9 + 50, 40)], 1)
    rows = "\n".join(",".join(map(str, row)) for row in whole.tolist())
    (tmp_path / "t.csv").write_text(f"alpha,beta,gamma\n{rows}\n")
    seen, points = [], []
    for place, name in ((0, "data_and_reconstructions"), (1, "samples"), (4, "latent_traversals")):
        drawn = getattr(figures, name)

        def watched(*args, drawn=drawn, place=place, **named):
            seen.append(args[-1])
            points.append(args[place])
            return drawn(*args, **named)

        monkeypatch.setattr(figures, name, watched)
        if hasattr(figures.of_run, name):
            monkeypatch.setattr(figures.of_run, name, watched)
    options = ["--data", "t.csv", "-e", "1", "--hidden", "4", "-q", "--threads", "1", "--out", "r"]
    options += ["--scale", "standardise"]
    assert main(["train", *options]) == 0
    for command in ("reconstruct", "sample", "traverse"):
        assert main([command, "r"]) == 0
    assert seen == [("alpha", "beta", "gamma")] * 5
    for each in points:
        assert {tuple(row) for row in each.tolist()} <= {tuple(row) for row in whole.tolist()}
