"""What encode, sample, reconstruct and traverse give: files of each ending, their columns, and standard output."""

import csv
import gzip
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data.written import ENDINGS, Given, csv_text, write_given
from minidecomp.packages import pip_install

COMMAND = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]
TRAIN = ["--epochs", "1", "--hidden", "4", "--no-plots", "--quiet", "--threads", "1"]
COMMANDS = {
    "encode": ("encode r own.csv", "loc"),
    "sample": ("sample r --count 5", "x"),
    "reconstruct": ("reconstruct r --count 3", "reconstruction"),
    "traverse": ("traverse r --steps 3", "means"),
}
INDEX = [f"p{i}, the {i}th" for i in range(30)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run r of own.csv: an index of texts, two rows with gaps, a column's name with a comma."""
    folder = tmp_path_factory.mktemp("made")
    points = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with open("own.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["", "größe, in m", "b"])
            rows.writerows([INDEX[i], points[i, 0], "" if i in (4, 11) else points[i, 1]] for i in range(30))
        assert main(["train", "-d", "own.csv", "--drop-missing", *TRAIN, "-o", "r"]) == 0
    return folder


@pytest.fixture
def place(made, own_folder):
    shutil.copytree(made, own_folder, dirs_exist_ok=True)
    return own_folder


def table_of(text):
    """The header, and the columns below as lists of texts, of CSV in UTF-8."""
    header, *rows = csv.reader(io.StringIO(text.decode("utf-8"), newline=""))
    assert len(set(header)) == len(header)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def numbers(table, names, dtype=np.float32):
    return np.stack([np.array(table[name], object).astype(float).astype(dtype) for name in names], axis=1)


def expected(command, npz):
    """The columns of a command's table by its .npz file: each name with its values."""
    columns = npz["columns"].tolist()
    if command == "traverse":
        steps = npz["values"].shape[1]
        found = {name: np.repeat(npz[name], steps) for name in ("index", "dimension", "point", "kl")}
        means = npz["means"].reshape(-1, 2)
        return found | {"value": npz["values"].ravel()} | {f"mean_{c}": means[:, i] for i, c in enumerate(columns)}
    latent = ["z"] if command == "sample" else ["loc", "scale"]
    codes = {f"{name}_{i + 1}": npz[name][:, i] for name in latent for i in range(2)}
    data = {
        "encode": {},
        "sample": {"": "x", "mean_": "mean"},
        "reconstruct": {"": "x", "reconstruction_": "reconstruction"},
    }
    features = {
        f"{before}{c}": npz[name][:, i] for before, name in data[command].items() for i, c in enumerate(columns)
    }
    index = {} if command == "sample" else {"index": npz["index"]}
    return index | (codes | features if command == "sample" else features | codes)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_ending_has_the_same_numbers(command, place, capsysbinary, monkeypatch):
    words, main_array = COMMANDS[command]
    said = {}
    with monkeypatch.context() as patch:
        patch.setattr("minidecomp.figures.missing", lambda: "the test looks at numbers")
        for ending in ENDINGS:
            assert main([*words.split(), "--out", f"o{ending}"]) == 0
            said[ending] = capsysbinary.readouterr().out.decode().splitlines()[-1]
    npz = dict(np.load("o.npz"))
    assert npz["columns"].tolist() == ["größe, in m", "b"] and npz["columns"].dtype.kind == "U"
    assert said[".npz"] == f"arrays: o.npz ({', '.join(npz)})"
    assert said[".npy"] == f"array: o.npy ({main_array})"
    assert np.array_equal(np.load("o.npy"), npz[main_array])
    wanted = expected(command, npz)
    table = table_of(Path("o.csv").read_bytes())
    assert list(table) == list(wanted)
    rows = len(next(iter(wanted.values())))
    assert said[".csv"] == f"table: o.csv ({rows} rows, {len(wanted)} columns)"
    for name, values in wanted.items():
        if values.dtype.kind == "f":
            assert numbers(table, [name], values.dtype)[:, 0].tobytes() == values.tobytes(), name
        else:
            assert table[name] == values.astype(str).tolist(), name
    assert gzip.decompress(Path("o.csv.gz").read_bytes()) == Path("o.csv").read_bytes()
    assert main([*words.split(), "--out", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert out == Path("o.csv").read_bytes()
    assert (b"picture: " in err) == (command != "encode")


@pytest.mark.parametrize("command", COMMANDS)
def test_parquet_has_the_same_columns(command, place, monkeypatch):
    monkeypatch.setattr("minidecomp.figures.missing", lambda: "the test looks at numbers")
    parquet = pytest.importorskip("pyarrow.parquet")
    words, _ = COMMANDS[command]
    for ending in (".npz", ".parquet"):
        assert main([*words.split(), "--out", f"o{ending}"]) == 0
    table, wanted = parquet.read_table("o.parquet"), expected(command, dict(np.load("o.npz")))
    assert table.column_names == list(wanted)
    for name, values in wanted.items():
        read = table[name].to_numpy()
        assert read.tolist() == values.tolist() and (values.dtype.kind == "U" or read.dtype == values.dtype), name


def test_the_index_goes_along(place, capsysbinary):
    """That of rows with gaps is left out with them, and a test point is found again by its own."""
    assert main(["encode", "r", "own.csv", "--out", "e.npz"]) == 0
    assert main(["reconstruct", "r", "--count", "3", "--out", "t.npz"]) == 0
    encoded, rebuilt = np.load("e.npz"), np.load("t.npz")
    assert encoded["index"].tolist() == [name for i, name in enumerate(INDEX) if i not in (4, 11)]
    rows = [encoded["index"].tolist().index(name) for name in rebuilt["index"]]
    np.testing.assert_allclose(encoded["loc"][rows], rebuilt["loc"], rtol=1e-5, atol=1e-6)


def test_a_file_without_names_and_index(capsysbinary):
    """Columns are numbered from 0, as --columns has it, and points from 0."""
    np.save("own.npy", np.random.default_rng(0).normal(size=(20, 2)))
    assert main(["train", "-d", "own.npy", "--dtype", "float64", *TRAIN, "-o", "r"]) == 0
    capsysbinary.readouterr()
    assert main(["encode", "r", "own.npy", "--out", "-"]) == 0
    table = table_of(capsysbinary.readouterr().out)
    assert table["index"] == [str(i) for i in range(20)]
    assert main(["encode", "r", "own.npy", "--out", "e.npz"]) == 0
    with np.load("e.npz") as npz:
        assert set(npz) == {"loc", "scale", "index"}
        assert numbers(table, ["loc_1", "loc_2"], float).tobytes() == npz["loc"].tobytes()
    capsysbinary.readouterr()
    assert main(["sample", "r", "-n", "2", "--out", "-"]) == 0
    assert list(table_of(capsysbinary.readouterr().out)) == ["z_1", "z_2", "x_0", "x_1", "mean_x_0", "mean_x_1"]
    assert main(["reconstruct", "r", "-n", "2", "--out", "t.npz"]) == 0
    with np.load("t.npz") as npz:
        assert np.array_equal(npz["x"], np.load("own.npy")[npz["index"]])


def test_labels_of_test_points(capsysbinary):
    """The pinwheel has classes and no index: a point's number is its own among the test points."""
    assert main(["train", "--points-per-arm", "20", *TRAIN, "-o", "r"]) == 0
    capsysbinary.readouterr()
    assert main(["reconstruct", "r", "-n", "4", "--out", "-"]) == 0
    table = table_of(capsysbinary.readouterr().out)
    assert list(table)[:4] == ["index", "label", "x_0", "x_1"]
    assert main(["reconstruct", "r", "-n", "4", "--out", "t.npz"]) == 0
    with np.load("t.npz") as npz:
        assert table["index"] == npz["index"].astype(str).tolist()
        assert table["label"] == npz["labels"].astype(str).tolist()
    capsysbinary.readouterr()
    assert main(["traverse", "r", "--steps", "2", "--points", "3", "--out", "-"]) == 0
    assert list(table_of(capsysbinary.readouterr().out))[:3] == ["label", "dimension", "point"]


def test_your_own_labels(capsysbinary):
    """A point without a label is left out with its row's number; each label goes along with its point."""
    points = np.random.default_rng(0).normal(size=(30, 2))
    kinds = ["" if i == 7 else "even" if i % 2 == 0 else "odd, too" for i in range(30)]
    with open("own.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "kind"], *([*points[i], kinds[i]] for i in range(30))])
    assert main(["train", "-d", "own.csv", "--labels", "kind", "--drop-missing", *TRAIN, "-o", "r"]) == 0
    capsysbinary.readouterr()
    for words, rows in (("encode r own.csv", 30), ("reconstruct r -n 3", 3), ("traverse r --steps 2", 4)):
        assert main([*words.split(), "--out", "-"]) == 0
        table = table_of(capsysbinary.readouterr().out)
        assert list(table)[:2] == ["index", "label"] and len(table["index"]) == rows
        assert table["label"] == [kinds[int(index)] for index in table["index"]]
    assert main(["reconstruct", "r", "-n", "3", "--out", "t.npz"]) == 0
    with np.load("t.npz") as npz:
        np.testing.assert_allclose(npz["x"], points[npz["index"]], rtol=1e-6)
        assert npz["labels"].tolist() == [kinds[index] for index in npz["index"]] and 7 not in npz["index"]


def test_the_commands_of_the_page(place, capsysbinary):
    """Those of docs/data.md, in a folder as it has them."""
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8").split("## What the commands write\n")[1]
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    os.rename("own.csv", "points.csv")
    os.makedirs("runs")
    os.rename("r", "runs/mine")
    lines = block.strip().splitlines()
    assert [line.split()[1] for line in lines] == [*COMMANDS, "encode"]
    for line in lines:
        if ".parquet" in line:
            pytest.importorskip("pyarrow")
        program, *words = line.removesuffix(" | head").split()
        assert program == "minidecomp" and main(words) == 0, line
    assert {"codes.parquet", "samples.csv.gz", "traversal.csv", "codes.npz"} <= set(os.listdir())
    for ending in ENDINGS:
        assert f"`{ending}`" in page


# ---- columns of one name ----


def given(names, index=True, **more):
    x = np.arange(2.0 * len(names)).reshape(2, -1)
    loc = -np.ones((2, 1))
    return Given(
        arrays={"x": x},
        main="x",
        table={"x": x, "mean": x + 100, "loc": loc},
        latent=("loc",),
        features={"x": "", "mean": "mean_"},
        names=names,
        index=np.array([7, 8]) if index else None,
        **more,
    )


@pytest.mark.parametrize(
    ("names", "shown", "told"),
    [
        (("a", "b"), "index a b mean_a mean_b loc_1", ""),
        (("index", "loc_1"), "index index_2 loc_1_2 mean_index mean_loc_1 loc_1", "index to index_2, loc_1 to loc_1_2"),
        (("a", "mean_a"), "index a mean_a mean_a_2 mean_mean_a loc_1", "mean_a to mean_a_2"),
        (("a", "a", "a_2"), "index a a_3 a_2 mean_a mean_a_3 mean_a_2 loc_1", "a to a_3, mean_a to mean_a_3"),
        (("", "x_0"), "index x_0 x_0_2 mean_x_0 mean_x_0_2 loc_1", "x_0 to x_0_2, mean_x_0 to mean_x_0_2"),
        (("label", "b"), "index label b mean_label mean_b loc_1", ""),
    ],
)
def test_no_two_columns_have_one_name(names, shown, told):
    columns, note = given(names).columns()
    assert [name for name, _ in columns] == shown.split()
    assert note == (f"columns of the data were renamed, as their names are in use: {told}" if told else "")
    assert [values[0] for _, values in columns[1 : len(names) + 1]] == list(range(len(names)))


def test_the_label_keeps_its_name():
    columns, _ = given(("label", "b"), labels=np.array(["u", "v"])).columns()
    assert [name for name, _ in columns][:4] == ["index", "label", "label_2", "b"]


def test_a_taken_name_is_said(capsysbinary):
    points = np.random.default_rng(0).normal(size=(20, 2))
    np.savetxt("own.csv", points, delimiter=",", header="index,b", comments="")
    assert main(["train", "-d", "own.csv", *TRAIN, "-o", "r"]) == 0
    for out in ("o.csv", "-"):
        capsysbinary.readouterr()
        assert main(["reconstruct", "r", "-n", "2", "--out", out]) == 0
        where = "standard output" if out == "-" else out
        said = f"{where}: columns of the data were renamed, as their names are in use: index to index_2\n"
        assert said in capsysbinary.readouterr().err.decode()
    capsysbinary.readouterr()
    assert main(["reconstruct", "r", "-n", "2", "--out", "o.npz"]) == 0
    assert b"renamed" not in capsysbinary.readouterr().err


# ---- numbers and texts ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_csv_numbers_read_back_to_the_same_bits_and_are_short(dtype):
    size = np.dtype(dtype).itemsize
    values = np.frombuffer(np.random.default_rng(0).bytes(size * 20_000), dtype)
    values = np.concatenate(
        [values[np.isfinite(values)], np.array([0, -0.0, 0.1, 1e16, 1 / 3, np.inf, -np.inf], dtype)]
    )
    values = np.concatenate(
        [values, np.finfo(dtype).max * np.array([1, -1], dtype), [np.finfo(dtype).smallest_subnormal]]
    )
    text = b"".join(csv_text([("v", values)])).decode().splitlines()[1:]
    assert np.array([float(each) for each in text]).astype(dtype).tobytes() == values.astype(dtype).tobytes()
    shortest = [np.format_float_scientific(each, unique=True) for each in values[:500]]
    assert [len(digits(each)) for each in text[:500]] == [len(digits(each)) for each in shortest]
    assert text[list(values).index(dtype(0.1))] == "0.1"


def digits(text):
    return text.lower().partition("e")[0].replace(".", "").lstrip("-0").rstrip("0")


def test_a_table_longer_than_what_is_turned_into_text_at_once(monkeypatch):
    values = np.arange(1001)
    whole = b"".join(csv_text([("a", values), ("b", -values)]))
    monkeypatch.setattr("minidecomp.data.written.CELLS_AT_ONCE", 7)
    parts = list(csv_text([("a", values), ("b", -values)]))
    assert b"".join(parts) == whole and len(parts) == 1 + 334
    assert table_of(whole) == {"a": values.astype(str).tolist(), "b": (-values).astype(str).tolist()}


def test_texts_with_marks_of_csv():
    cells = ["plain", "a,b", 'say "so"', "two\nlines", "cr\rhere", "", " blank ", "ü→"]
    column = np.array(cells, object)
    table = table_of(b"".join(csv_text([('n"a,me', column), ("v", np.arange(8))])))
    assert table['n"a,me'] == cells


def test_texts_in_a_file_without_pickle(tmp_path):
    texts = np.array(["a", "longer ü"], object)
    write_given(tmp_path / "o.npz", given(("a", "b"), index=False, labels=texts))
    with np.load(tmp_path / "o.npz", allow_pickle=False) as npz:
        assert npz["labels"].tolist() == ["a", "longer ü"]


def test_what_is_written_is_read_as_data(place, capsys):
    """The index counts no rows here, so it is dropped by its name."""
    assert main(["encode", "r", "own.csv", "--out", "codes.csv"]) == 0
    assert main(["train", "-d", "codes.csv", "--drop", "index", *TRAIN, "-o", "second"]) == 0
    assert main(["encode", "second", "codes.csv", "--out", "-"]) == 0


# ---- what is refused, and standard output ----


@pytest.mark.parametrize("command", COMMANDS)
def test_other_endings_are_refused_before_anything_is_read(command, capsys):
    words, _ = COMMANDS[command]
    for out in ("o.txt", "o", "o.npz.gz"):
        assert main([*words.split(), "--out", out]) == 2
        allowed = ".npz, .npy, .csv, .csv.gz or .parquet, or be - for standard output"
        assert capsys.readouterr().err == f"minidecomp: --out {out}: the file's name must end in {allowed}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_parquet_without_its_package(command, monkeypatch, capsys):
    """It is said before the run is read."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words, _ = COMMANDS[command]
    assert main([*words.split(), "--out", "o.parquet"]) == 2
    line = f"--out o.parquet: it needs pyarrow: {pip_install('minidecomp[tables]')}"
    assert capsys.readouterr().err == f"minidecomp: {line}\n"


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_read_is_not_written_over(ending, place, capsys):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    os.link("own.csv", f"same{ending}")
    before = Path("own.csv").read_bytes()
    assert main(["encode", "r", "own.csv", "--out", f"same{ending}"]) == 2
    assert "this would overwrite own.csv, which the command reads" in capsys.readouterr().err
    assert Path("own.csv").read_bytes() == before


@pytest.mark.parametrize("command", ["encode", pytest.param("sample", marks=pytest.mark.slow)])
def test_a_reader_who_has_had_enough(command, place):
    """As `| head` would: nothing is said of the broken pipe."""
    words, _ = COMMANDS[command]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *words.split(), "--out", "-"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=100
    )
    os.close(writing)
    said = [line for line in done.stderr.splitlines() if "left out" not in line and not line.startswith("picture: ")]
    assert done.returncode == 1 and said == []


def test_standard_output_in_a_locale_without_utf_8(place):
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([*COMMAND, "sample", "r", "-n", "2", "--out", "-"], env=env, capture_output=True, timeout=100)
    assert done.returncode == 0 and "größe, in m" in table_of(done.stdout)


def test_an_index_on_standard_input_comes_out_again(place, monkeypatch, capsysbinary):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path("own.csv").read_bytes()), "utf-8"))
    assert main(["encode", "r", "-", "--out", "-"]) == 0
    assert table_of(capsysbinary.readouterr().out)["index"][0] == INDEX[0]
