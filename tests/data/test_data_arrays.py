import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from minidecomp import data
from minidecomp.data import arrays, points
from minidecomp.data.cells import Reading
from minidecomp.data.own import how_to_read
from minidecomp.errors import DataError, OptionError
from minidecomp.randomness import philox, streams

SHARED_FOLDER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

points_float64 = arrays_of.arrays(
    np.float64,
    st.tuples(st.integers(4, 12), st.integers(1, 4)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


def in_file_order(loaded, data_seed=0):
    """Undo the split."""
    n = len(loaded.train) + len(loaded.test)
    order = philox.permutation(n, data_seed, *streams.SPLIT.at())
    points = np.empty((n, loaded.data_dim), loaded.train.dtype)
    points[order] = np.concatenate([loaded.test, loaded.train])
    return points


def saved(tmp_path, values):
    np.save(tmp_path / "x.npy", values)
    return tmp_path / "x.npy"


def refuse(path, *parts, **options):
    with pytest.raises(DataError) as caught:
        arrays.load(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message
    return message


@SHARED_FOLDER
@given(values=points_float64)
def test_npy_round_trip(tmp_path, values):
    loaded = arrays.load(saved(tmp_path, values))
    np.testing.assert_array_equal(in_file_order(loaded), values)
    assert loaded.train.flags.c_contiguous
    assert loaded.test.flags.c_contiguous


@SHARED_FOLDER
@given(values=points_float64, compress=st.booleans(), name=st.sampled_from([None, "points"]))
def test_npz_round_trip(tmp_path, values, compress, name):
    (np.savez_compressed if compress else np.savez)(tmp_path / "x.npz", points=values)
    np.testing.assert_array_equal(in_file_order(arrays.load(tmp_path / "x.npz", name)), values)


@SHARED_FOLDER
@given(
    values=points_float64,
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_csv_round_trip(tmp_path, values, header, end, mark):
    lines = [",".join(f"column {j}" for j in range(values.shape[1]))] if header else []
    lines += [",".join(map(repr, row)) for row in values.tolist()]
    with open(tmp_path / "x.csv", "w", encoding=mark, newline="") as file:
        file.write(end.join(lines) + end)
    how = arrays.HowToRead(table=Reading(header=header))  # some first lines look like names
    np.testing.assert_array_equal(in_file_order(arrays.load(tmp_path / "x.csv", how=how)), values)


@pytest.mark.parametrize("dtype", ["?", "i1", "i2", "i4", "i8", "u4", "u8", "f2", "f4", "f8", ">f8", ">i4"])
def test_dtypes_become_float64(tmp_path, dtype):
    values = (np.arange(20).reshape(10, 2) % 7).astype(dtype)
    loaded = arrays.load(saved(tmp_path, values))
    assert loaded.train.dtype == np.float64
    np.testing.assert_array_equal(in_file_order(loaded), values.astype(np.float64))


def test_bytes_stay_bytes(tmp_path):
    values = np.arange(20, dtype=np.uint8).reshape(10, 2)
    loaded = arrays.load(saved(tmp_path, values))
    assert loaded.train.dtype == loaded.test.dtype == np.uint8
    np.testing.assert_array_equal(in_file_order(loaded), values)


def test_bytes_of_zeros_and_ones_become_numbers(tmp_path):
    values = (np.arange(20) % 2).astype(np.uint8).reshape(10, 2)
    loaded = arrays.load(saved(tmp_path, values))
    assert loaded.train.dtype == np.float64
    np.testing.assert_array_equal(in_file_order(loaded), values)


@pytest.mark.parametrize("order", ["C", "F"])
def test_images_are_flattened(tmp_path, order):
    values = np.arange(60.0).reshape(10, 2, 3)
    loaded = arrays.load(saved(tmp_path, np.asarray(values, order=order)))
    assert loaded.image_shape == (2, 3)
    np.testing.assert_array_equal(in_file_order(loaded), values.reshape(10, 6))
    assert loaded.train.flags.c_contiguous


def test_columns_stored_one_after_another(tmp_path):
    values = np.arange(20.0).reshape(10, 2)
    loaded = arrays.load(saved(tmp_path, np.asfortranarray(values)))
    np.testing.assert_array_equal(in_file_order(loaded), values)
    assert loaded.train.flags.c_contiguous
    assert loaded.test.flags.c_contiguous


def test_a_list_of_numbers_is_one_column(tmp_path):
    loaded = arrays.load(saved(tmp_path, np.arange(10.0)))
    assert loaded.train.shape == (9, 1)
    assert loaded.image_shape is None


@pytest.mark.parametrize(
    ("n", "fraction", "test_count"), [(10, 0.1, 1), (40, 0.25, 10), (4, 0.001, 1), (4, 0.99, 3), (7, 0.5, 4)]
)
def test_split(tmp_path, n, fraction, test_count):
    loaded = arrays.load(saved(tmp_path, np.arange(float(n))), test_fraction=fraction, data_seed=3)
    chosen = philox.permutation(n, 3, *streams.SPLIT.at())[:test_count]
    assert loaded.test[:, 0].tolist() == chosen.tolist()
    assert sorted([*loaded.train[:, 0], *loaded.test[:, 0]]) == list(range(n))


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 2, float("nan")])
def test_test_fraction(tmp_path, fraction):
    with pytest.raises(OptionError) as caught:
        arrays.load(saved(tmp_path, np.arange(10.0)), test_fraction=fraction)
    assert caught.value.option == "test_fraction"


def test_npz_with_several_arrays(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(8.0), b=np.arange(5.0))
    assert len(arrays.load(path, "b").train) == 4
    refuse(path, "2 arrays", "a, b", "array")
    refuse(path, "no array named c", "a, b", array="c")
    np.savez(path)
    refuse(path, "0 arrays")


@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_array_needs_npz(tmp_path, ending):
    (tmp_path / f"x{ending}").write_text("1\n2\n3\n4\n")
    refuse(tmp_path / f"x{ending}", ".npz", array="a")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([{}, {}, {}, {}], dtype=object), "Object arrays"),
        (np.array(["a", "b", "c", "d"]), "dtype <U1"),
        (np.ones(5, complex), "complex128"),
        (np.zeros(5, "M8[s]"), "datetime64"),
        (np.zeros(5, [("a", float)]), "dtype"),
        (np.float64(3), "shape ()"),
        (np.ones((4, 1, 1, 1)), "shape (4, 1, 1, 1)"),
        (np.ones((0, 3)), "empty, of shape (0, 3)"),
        (np.ones((5, 0)), "empty, of shape (5, 0)"),
        (np.ones(0), "empty"),
        (np.ones((3, 2)), "3 points, and at least 4"),
    ],
)
def test_useless_array(tmp_path, values, said):
    refuse(saved(tmp_path, values), said)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_first_number_that_is_not_finite(tmp_path, value, dtype):
    values = np.ones((9, 4), dtype)
    values[6, 1] = values[5, 3] = values[7, 0] = value
    refuse(saved(tmp_path, values), f"got {value} in row 5, column 3")


@pytest.mark.parametrize("ending", [".npy", ".npz"])
@pytest.mark.parametrize("kept", [0, 3, 40, 120, -1])
def test_truncated_file(tmp_path, ending, kept):
    path = tmp_path / f"x{ending}"
    (np.save if ending == ".npy" else np.savez)(path, np.arange(100.0))
    path.write_bytes(path.read_bytes()[:kept])
    refuse(path, "" if kept else "is empty")


def test_damaged_member_of_npz(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(100.0))
    content = bytearray(path.read_bytes())
    content[400] ^= 0xFF
    path.write_bytes(content)
    refuse(path, "cannot be read")


def test_npz_member_that_is_no_array(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("notes.txt", "hello")
    refuse(path, "dtype")


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_foreign_file(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    path.write_bytes(b"GIF89a and more")
    message = refuse(path, "GIF89a", "numpy.save")
    assert "pickle" not in message


def test_claimed_size_beyond_memory(tmp_path):
    path = saved(tmp_path, np.arange(4.0))
    path.write_bytes(path.read_bytes().replace(b"(4,), }" + b" " * 16, b"(4" + b"0" * 16 + b",), }"))
    assert b"40000" in path.read_bytes()
    refuse(path, "cannot be read")


def test_missing_file_folder_and_ending(tmp_path):
    refuse(tmp_path / "x.npy", "no such file")
    refuse(tmp_path, "the folder has no images", ".png, .jpg, .jpeg")
    (tmp_path / "x.npy").mkdir()
    refuse(tmp_path / "x.npy", "the folder has no images")
    (tmp_path / "x.rst").write_text("1\n2\n")
    refuse(tmp_path / "x.rst", "ends in .rst", ".npy, .npz, .csv, .tsv")
    (tmp_path / "x").write_text("1\n2\n")
    refuse(tmp_path / "x", "ends in nothing")


def test_unreadable_file(tmp_path, monkeypatch):
    # Not by chmod: root may read all.
    def refused(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    path = saved(tmp_path, np.arange(4.0))
    monkeypatch.setattr("builtins.open", refused)
    refuse(path, "Permission denied")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3,4\n5,x\n7,8\n", "line 3, column 1 (counted from 0): expected a number, got 'x'"),
        ("1,2\n\n3,4\n5,\n7,8\n", "1 cell is missing, the first in line 4, column 1"),
        ("1,2\n3,4\n5\n7,8\n", "line 3: expected 2 cells, as in the first line, got 1"),
        ("a,b\n1,2,3\n", "line 2: expected 2 cells, as in the first line, got 3"),
        ("a,b\nc,d\n1,2\n", "line 2, column a: expected a number, got 'c'"),
        ("1.5,oops\n1,2\n3,4\n5,6\n7,8\n", "may be names or a point; say header or header=False"),
        ("1\n\xff\n3\n4\n", "line 2"),
        ("1\n2\x00\n3\n4\n", "zero bytes"),
        ("1,2\n3,nan\n5,6\n7,8\n", "1 cell is missing, the first in line 2, column 1"),
        ("", "empty"),
        ("a,b\n", "empty"),
        ("a,b\n1,2\n3,4\n5,6\n", "3 points"),
        ("1\n" + "9x" * 1000 + "\n", "line 2, column 0 (counted from 0): expected a number, got '9x9x"),
    ],
)
def test_bad_csv(tmp_path, text, said):
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode("latin-1"))
    assert len(refuse(path, said)) < 500


def test_ending_in_capitals(tmp_path):
    (tmp_path / "X.CSV").write_text("1\n2\n3\n4\n")
    assert len(data.load(tmp_path / "X.CSV").train) == 3


def test_load_by_path(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(40.0), b=np.arange(8.0))
    loaded = data.load(str(tmp_path / "x.npz"), array="a", test_fraction=0.5, data_seed=4, limit=7)
    whole = arrays.load(tmp_path / "x.npz", "a", 0.5, 4)
    kept = np.flatnonzero(np.isin(whole.train, loaded.train))
    assert len(kept) == 7
    np.testing.assert_array_equal(loaded.train, whole.train[kept])
    np.testing.assert_array_equal(loaded.test, whole.test)
    assert loaded.train_labels is None
    assert loaded.name == "x.npz"
    assert str(tmp_path / "x.npz") in loaded.source


def test_load_says_what_is_wrong_with_a_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        data.load(str(tmp_path / "missing.csv"))
    with pytest.raises(DataError, match="folder"):
        data.load(str(tmp_path))


@pytest.mark.parametrize(
    ("train", "likelihood"),
    [
        (np.array([[0.0, 1.0]]), "bernoulli"),
        (np.array([[0.0, 0.5]]), "gaussian"),
        (np.array([[0.0, -1.0]]), "gaussian"),
        (np.array([[0.0, 255.0]]), "gaussian"),
        (np.array([[0, 255]], np.uint8), "bernoulli"),
        (np.array([[0, 1]], np.uint8), "gaussian"),
        (np.array([[0, 200]], np.uint8), "gaussian"),
    ],
)
def test_all_zero_or_one(train, likelihood):
    assert points.all_zero_or_one(train) == (likelihood == "bernoulli")


@pytest.mark.parametrize("code", [-9999, 999])
def test_a_number_that_may_stand_for_no_value_gets_a_line(tmp_path, code):
    values = np.random.default_rng(0).normal(size=(30, 3)).round(2)
    values[[3, 7], 1] = code
    path = tmp_path / "t.csv"

    def notes(table, **given):
        np.savetxt(path, table, delimiter=",", header="a,b,c", comments="", fmt="%g")
        return " ".join(arrays.load(path, how=how_to_read(SimpleNamespace(**given))).notes)

    assert f"2 cells are {code}, far from all others, and counts as a number; `--missing {code}`" in notes(values)
    assert f"{code}" not in notes(values, missing=f"{code}", drop_missing=True)
    # One among many such numbers is a number.
    values[:, 1] = np.linspace(-2000, 2000, 30).round() * (5 if code < 0 else 0.5)
    values[3, 1] = code
    assert "as a missing value" not in notes(values)
