"""Labels and factors of a person's own data: columns, arrays and files; what is cut, refused and left out."""

import os

import numpy as np
import pytest

from minidecomp.data import load
from minidecomp.data.labels import BINS, MOST_VALUES, classes_of, factor_classes, label_classes
from minidecomp.errors import DataError, MinidecompError, OptionError

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 3)).round(3)
KINDS = np.array(["cat", "dog", "emu"])[np.arange(N) % 3]
SIZES = np.arange(N) % 11


def table(path, extra="", kinds=KINDS, names="a,b,c,kind,size", delimiter=",", decimal="."):
    """X, a word and a whole number in each row."""
    rows = [[*map(str, x), kind, str(size)] for x, kind, size in zip(X.tolist(), kinds, SIZES, strict=True)]
    lines = [delimiter.join(cell.replace(".", decimal) for cell in row) for row in rows]
    path.write_text("\n".join([*([names.replace(",", delimiter)] if names else []), *lines]) + "\n" + extra)
    return path


def of_points(dataset, codes_of_train, codes_of_test):
    """Values by the bytes of the point that they belong to."""
    train = {x.tobytes(): code for x, code in zip(dataset.train, codes_of_train, strict=True)}
    return train | {x.tobytes(): code for x, code in zip(dataset.test, codes_of_test, strict=True)}


def assert_right(dataset, kinds=KINDS, rows=range(N)):
    known = of_points(dataset, dataset.train_labels, dataset.test_labels)
    assert len(known) == len(rows)
    for row in rows:
        assert dataset.class_names[known[X[row].tobytes()]] == kinds[row]


@pytest.mark.parametrize("delimiter, decimal", [(",", "."), (";", ",")])
def test_a_column_of_words(tmp_path, delimiter, decimal):
    path = table(tmp_path / "t.csv", delimiter=delimiter, decimal=decimal)
    dataset = load(path, labels="kind", factors="size")
    assert dataset.data_dim == 3 and dataset.feature_names == ("a", "b", "c")
    assert dataset.class_names == ("cat", "dog", "emu")
    assert_right(dataset)
    factors = dataset.factors
    assert factors.names == ("size",) and factors.sizes == (11,)
    known = of_points(dataset, factors.train[:, 0], factors.test[:, 0])
    assert [known[x.tobytes()] for x in X] == SIZES.tolist()


def test_a_column_by_its_number_and_numbers_in_their_order(tmp_path):
    path = table(tmp_path / "t.csv", names="", kinds=["1.5"] * N)
    dataset = load(path, labels="4", drop="3")
    assert dataset.data_dim == 3 and dataset.class_names == tuple(map(str, range(11)))
    assert_right(dataset, list(map(str, SIZES)))


def test_the_same_points_are_trained_on_with_labels_and_without(tmp_path):
    path = table(tmp_path / "t.csv")
    with_labels = load(path, labels="kind", factors="size", limit=20)
    without = load(path, drop="kind,size", limit=20)
    np.testing.assert_array_equal(with_labels.train, without.train)
    assert len(with_labels.train_labels) == len(with_labels.factors.train) == 20
    assert with_labels.digests() == without.digests()


def write_labels(path, values, name=None):
    """A file of labels, by its ending."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".parquet":
        pd = pytest.importorskip("pandas")
        pd.DataFrame({name or "kind": pd.Categorical(values)}).to_parquet(path)
    else:
        path.write_text("".join(f"{each}\n" for each in ([name] if name else []) + list(values)))
    return path


@pytest.mark.parametrize("name", [None, "kind"], ids=["no header", "header"])
@pytest.mark.parametrize("ending", ["npy", "csv", "txt", "parquet"])
def test_a_file_of_labels(tmp_path, ending, name):
    np.save(tmp_path / "x.npy", X)
    dataset = load(tmp_path / "x.npy", labels=str(write_labels(tmp_path / f"y.{ending}", KINDS, name)))
    assert dataset.class_names == ("cat", "dog", "emu")
    assert_right(dataset)


def test_a_file_has_a_row_for_each_row_of_the_data_those_left_out_included(tmp_path):
    path = table(tmp_path / "t.csv")
    path.write_text(path.read_text().replace(str(X[7, 0]), "", 1))
    labels = str(write_labels(tmp_path / "y.txt", KINDS))
    dataset = load(path, labels=labels, drop="kind,size", drop_missing=True)
    assert_right(dataset, rows=[row for row in range(N) if row != 7])


def test_arrays_beside_the_points(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=X, y=KINDS, where=np.stack([SIZES, SIZES % 4], 1))
    dataset = load(path, labels="y", factors="where")
    assert_right(dataset)
    assert dataset.factors.names == ("where_0", "where_1") and dataset.factors.sizes == (11, 4)
    with pytest.raises(DataError, match="has 3 arrays"):
        load(path)
    np.savez(path, x=X, y=KINDS[:-1])
    with pytest.raises(DataError, match=r"array y: has shape \(59,\); expected a row for each of the 60 points"):
        load(path, labels="y")


def test_arrays_of_matlab_and_hdf5(tmp_path):
    io = pytest.importorskip("scipy.io")
    io.savemat(tmp_path / "x.mat", {"x": X, "y": SIZES})  # (1, N), as MATLAB keeps a list
    assert_right(load(tmp_path / "x.mat", labels="y"), list(map(str, SIZES)))
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"], file["y"] = X, KINDS.astype("S")
    assert_right(load(tmp_path / "x.h5", labels="y"))


def test_a_file_of_factors(tmp_path):
    np.save(tmp_path / "x.npy", X)
    rows = [f"{i},{kind},{size}" for i, (kind, size) in enumerate(zip(KINDS, SIZES, strict=True))]
    (tmp_path / "f.csv").write_text("\n".join([",kind,size", *rows]) + "\n")
    factors = load(tmp_path / "x.npy", factors=str(tmp_path / "f.csv")).factors
    assert factors.names == ("kind", "size") and factors.sizes == (3, 11)
    np.save(tmp_path / "f.npy", np.stack([SIZES, SIZES % 2], 1))
    factors = load(tmp_path / "x.npy", factors=str(tmp_path / "f.npy")).factors
    assert factors.names == ("factor_0", "factor_1") and factors.sizes == (11, 2)


def test_missing_labels_are_refused_or_left_out(tmp_path):
    kinds = KINDS.copy()
    kinds[[4, 9]] = "", "NA"
    path = table(tmp_path / "t.csv", kinds=kinds)
    with pytest.raises(DataError, match=r"2 points without a label, the first in row 4.*drop_missing leaves"):
        load(path, labels="kind", drop="size")
    dataset = load(path, labels="kind", drop="size", drop_missing=True)
    assert_right(dataset, rows=[row for row in range(N) if row not in (4, 9)])
    assert "2 points left out, without a label or a factor" in " ".join(dataset.notes)


@pytest.mark.parametrize(
    ("given", "error", "line"),
    [
        (
            {"labels": "none", "drop": ""},
            DataError,
            "labels: there is no column none; the columns are a, b",
        ),
        ({"factors": "kind,none", "drop": ""}, DataError, "factors: there is no column none"),
        (
            {"labels": "a"},
            OptionError,
            "it has 60 different values in 60 points; many points must share a label",
        ),
        ({"labels": "gone.csv"}, DataError, "gone.csv: no such file"),
        (
            {"labels": "short.txt"},
            DataError,
            "short.txt: has 3 rows; expected a row for each of the 60 rows of the data",
        ),
        (
            {"labels": "two.npy"},
            DataError,
            r"two.npy: has 2 columns, factor_0, factor_1; expected one column of labels",
        ),
        ({"labels": "pickle.npy"}, DataError, "pickle.npy: expected a file with a row for each point"),
    ],
)
def test_what_is_no_label_is_refused_in_one_line(tmp_path, monkeypatch, given, error, line):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "t.csv")
    write_labels(tmp_path / "short.txt", KINDS[:3])
    np.save("two.npy", np.zeros((N, 2)))
    np.save("pickle.npy", np.array([None] * N), allow_pickle=True)
    with pytest.raises(error, match=line) as raised:
        load("t.csv", **{"drop": "kind"} | given)
    assert "\n" not in str(raised.value)


def test_a_name_that_an_array_file_does_not_have(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(MinidecompError, match=r"labels=kind: .*x.npy has nothing of that name; give a name"):
        load(tmp_path / "x.npy", labels="kind")


def test_classes_are_in_the_order_of_numbers_or_of_the_alphabet():
    assert classes_of(np.array(["10", "9.0", "1.5"])).names == ("1.5", "9", "10")
    # No two texts become one class, and no code becomes another number.
    assert classes_of(np.array(["1.10", "1.1", "2"])).names == ("1.1", "1.10", "2")
    assert classes_of(np.array(["007", "12", "1"])).names == ("1", "007", "12")
    long = ["10000000000000001", "10000000000000000"]
    assert classes_of(np.array(long)).names == tuple(sorted(long))
    assert classes_of(np.array(["10", "9", "x"])).names == ("10", "9", "x")
    assert classes_of(np.array(["True", "False"])).names == ("False", "True")


def test_many_numbers_are_cut_into_bins_of_equally_many_points():
    values = RNG.exponential(size=1000)
    found, note = factor_classes(np.array([repr(float(each)) for each in values]), "age")
    assert np.bincount(found.codes).tolist() == [1000 // BINS] * BINS
    assert "factor age has 1000 different numbers, cut into 20 bins of 50 points" in note
    order = np.argsort(values)
    assert (np.diff(found.codes[order]) >= 0).all() and len(found.names) == BINS
    few, note = factor_classes(np.array([str(i % MOST_VALUES) for i in range(1000)]), "age")
    assert len(few.names) == MOST_VALUES and note == ""
    # A value that most points share is one bin, however many points are in it.
    heavy, note = factor_classes(np.array(["0"] * 900 + [repr(float(each)) for each in values[:100]]), "age")
    sizes = np.bincount(heavy.codes)
    assert sizes.min() > 0 and f"bins of {sizes.min()} to {sizes.max()} points" in note


def test_too_many_words_are_no_factor_and_no_labels():
    words = np.array([f"w{i}" for i in range(1500)])
    with pytest.raises(OptionError, match="1500 different words"):
        factor_classes(words, "name")
    with pytest.raises(OptionError, match="1500 different values in 1500 points"):
        label_classes(words, "name")
    assert len(label_classes(words[:10], "name").names) == 10  # too few points to tell


# ---- labels of images ----


@pytest.fixture
def photos(tmp_path):
    """Twelve images 0.png to 11.png, whose shade is their number."""
    pillow = pytest.importorskip("PIL.Image")
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(12):
        pillow.fromarray(np.full((2, 3), 20 * i, np.uint8)).save(folder / f"{i}.png")
    return folder


def shades_and_labels(dataset):
    points = np.concatenate([dataset.train, dataset.test])
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    return {int(x[0]) // 20: dataset.class_names[label] for x, label in zip(points, labels, strict=True)}


@pytest.mark.parametrize("row", ["{i}.png,c{c}", "{i},c{c}", "photos/{i}.png,c{c}"])
@pytest.mark.parametrize("header", ["", "file,label\n"])
def test_images_and_labels_go_together_by_their_names(photos, row, header):
    path = photos.parent / "y.csv"
    path.write_text(header + "".join(row.format(i=i, c=i % 4) + "\n" for i in range(12)))
    dataset = load(photos, labels=str(path))
    assert shades_and_labels(dataset) == {i: f"c{i % 4}" for i in range(12)}
    assert "its rows go with the images that" in " ".join(dataset.notes)


def test_without_names_the_order_is_said(photos):
    path = write_labels(photos.parent / "y.txt", [f"c{i % 4}" for i in range(12)])
    dataset = load(photos, labels=str(path))
    assert "in the order of the images' names: 0.png, 1.png, 10.png" in " ".join(dataset.notes)
    assert shades_and_labels(dataset)[10] == "c2"  # the third by name


def test_folders_in_a_folder_are_labels(photos):
    for kind in ("cat", "dog"):
        (photos / kind).mkdir()
    for i in range(12):
        (photos / f"{i}.png").rename(photos / ("cat" if i % 2 else "dog") / f"{i}.png")
    dataset = load(photos)
    assert shades_and_labels(dataset) == {i: "cat" if i % 2 else "dog" for i in range(12)}
    assert "the names of its 2 folders are the images' labels" in " ".join(dataset.notes)
    assert set(dataset.test_index.tolist()) < {f"{'cat' if i % 2 else 'dog'}/{i}.png" for i in range(12)}
    path = write_labels(photos.parent / "y.txt", list("xy") * 6)
    assert set(load(photos, labels=str(path)).class_names) == {"x", "y"}


def test_cells_of_matlab(tmp_path):
    io = pytest.importorskip("scipy.io")
    io.savemat(tmp_path / "x.mat", {"x": X, "y": np.array(KINDS, object).reshape(-1, 1)})
    assert_right(load(tmp_path / "x.mat", labels="y"))


@pytest.mark.parametrize("ending", ["txt", "npy"])
def test_a_pipe_is_not_waited_for(tmp_path, ending):
    np.save(tmp_path / "x.npy", X)
    os.mkfifo(tmp_path / f"y.{ending}")
    for option in ("labels", "factors"):
        with pytest.raises(DataError, match=r"is a pipe"):
            load(tmp_path / "x.npy", **{option: str(tmp_path / f"y.{ending}")})


@pytest.mark.parametrize(("text", "what"), [("x" * 1001, "1001 letters"), ("\ud800", "no UTF-8")])
def test_texts_that_are_no_labels(tmp_path, text, what):
    np.savez(tmp_path / "x.npz", x=X, y=np.array([text, *KINDS[1:]]))
    with pytest.raises(DataError, match=what) as raised:
        load(tmp_path / "x.npz", labels="y")
    assert len(str(raised.value)) < 400
