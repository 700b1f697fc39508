"""Files of your own through the commands: the same points in any form, the same model; columns go by their names."""

import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.testing import assert_array_equal

from minidecomp import DecompositionVAE, load_run
from minidecomp.cli.main import main
from minidecomp.data import dataset_from

X = np.random.default_rng(0).normal(size=(40, 3)).round(3)
SMALL = ["-e", "2", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]
NAMES = ("a", "b", "c")


def lines(values=X, names=NAMES, sep=",", decimal="."):
    rows = [sep.join(names)] if names else []
    rows += [sep.join(repr(float(value)).replace(".", decimal) for value in row) for row in values]
    return "\n".join(rows) + "\n"


def train(data, *options, out="r", code=0):
    assert main(["train", "--data", str(data), *SMALL, "--out", out, *options]) == code
    return load_run(out) if code == 0 else None


def frame(ending):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl" if ending == "xlsx" else "pyarrow")
    made = pandas.DataFrame(X, columns=NAMES)
    getattr(made, "to_excel" if ending == "xlsx" else f"to_{ending}")(f"x.{ending}")
    return f"x.{ending}"


def write(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


FORMS = {
    "csv": lambda: write("x.csv", lines()),
    "without names": lambda: write("x.csv", lines(names=())),
    "German": lambda: write("x.csv", b"\xef\xbb\xbf" + lines(sep=";", decimal=",").encode()),
    "UTF-16": lambda: write("x.csv", lines(sep="\t").encode("utf-16")),
    "gz": lambda: write("x.csv.gz", gzip.compress(lines().encode())),
    "mat": lambda: scipy.io.savemat("x.mat", {"x": X}) or "x.mat",
    "parquet": lambda: frame("parquet"),
    "feather": lambda: frame("feather"),
    "xlsx": lambda: frame("xlsx"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_points_in_any_form_give_the_same_model(form):
    np.save("plain.npy", X)
    expected = train("plain.npy", out="plain").vae.parameters.vector
    run = train(FORMS[form]())
    assert_array_equal(run.vae.parameters.vector, expected)
    assert run.rules.names == (() if form in ("without names", "mat") else NAMES)
    assert main(["evaluate", "r", "-q"]) == 0


def test_and_so_do_a_frame_and_an_array_in_memory():
    pandas = pytest.importorskip("pandas")
    options = {"hidden": (4,), "epochs": 2, "threads": 1}
    array = DecompositionVAE(**options).fit(X)
    table = DecompositionVAE(**options).fit(pandas.DataFrame(X, columns=NAMES))
    assert_array_equal(array.vae_.parameters.vector, table.vae_.parameters.vector)


def test_a_table_on_standard_input(monkeypatch):
    np.save("plain.npy", X)
    expected = train("plain.npy", out="plain").vae.parameters.vector
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines().encode())))
    assert_array_equal(train("-").vae.parameters.vector, expected)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines().encode())))
    assert main(["train", "--data", "-", *SMALL]) == 0
    assert Path("runs/stdin-gaussian-alpha0-beta1-seed0/checkpoint.npz").exists(), "no folder begins with a dash"


def test_encode_takes_columns_by_their_names(capsys):
    run = train(write("x.csv", lines()))
    expected = run.encode(X)[0]
    mixed = [",".join(["word", "c", "a", "b"])] + [f"w,{c!r},{a!r},{b!r}" for a, b, c in X.tolist()]
    write("mixed.csv", "\n".join(mixed))
    for name in ("mixed.csv", write("plain.csv", lines(names=()))):
        assert main(["encode", "r", name, "--out", "z.npz"]) == 0
        with np.load("z.npz") as found:
            np.testing.assert_allclose(found["loc"], expected, rtol=1e-5, atol=1e-6)
    capsys.readouterr()
    assert main(["encode", "r", write("other.csv", lines(names=("a", "b", "z")))]) == 2
    assert "other.csv has no column c, which the model needs; it has a, b, z" in capsys.readouterr().err


def test_columns_gaps_and_marks_are_options_of_the_run(capsys):
    table = lines(names=(*NAMES,)).replace("\n", ",x\n").replace("c,x", "c,kind", 1)
    gaps = table.replace(f"{float(X[3, 1])!r}", "-9999", 1)
    train(write("x.csv", gaps), "--drop", "kind", "--missing", "-9999", code=2)
    assert "1 cell is missing, the first in line 5, column b; --drop-missing" in capsys.readouterr().err
    run = train("x.csv", "--drop", "kind", "--missing", "-9999", "--drop-missing", "--columns", "c,b")
    assert "1 row of 40 left out" in capsys.readouterr().err
    dataset = dataset_from(run.options)
    assert dataset.feature_names == ("c", "b") and len(dataset.train) + len(dataset.test) == 39
    assert main(["train", "--resume", "r", "-e", "3", "--no-plots", "-q"]) == 0


def test_a_folder_of_coloured_images():
    pillow = pytest.importorskip("PIL.Image")
    images = np.random.default_rng(1).integers(0, 256, (12, 5, 6, 3), np.uint8)
    Path("photos").mkdir()
    for i, image in enumerate(images):
        pillow.fromarray(image).save(f"photos/{i:02}.png")
    run = train("photos", "--plots")
    assert run.rules.image_shape == (5, 6, 3) and run.rules.unit == "bytes"
    np.save("x.npy", images)
    assert_array_equal(train("x.npy", out="array").vae.parameters.vector, run.vae.parameters.vector)
    np.save("first.npy", np.moveaxis(images, 3, 1))
    assert_array_equal(train("first.npy", out="first").vae.parameters.vector, run.vae.parameters.vector)
    np.testing.assert_array_equal(run.encode(images)[0], run.encode(np.moveaxis(images, 3, 1))[0])
    with pillow.open("r/figures/reconstructions.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    assert (np.ptp(pixels, axis=1) > 40).mean() > 0.05, "a picture in colour"
    assert main(["report", "r"]) == 0 and main(["sample", "r"]) == 0 and main(["traverse", "r"]) == 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: scipy.sparse.save_npz("s.npz", scipy.sparse.csr_matrix(X)) or "s.npz", "load_npz('s.npz').toarray()"),
        (lambda: write("m.pt", b"PK"), "numpy.save('m.npy', torch.load('m.pt', weights_only=True).numpy())"),
        (lambda: write("x.csv", "0,1\n1,0\n0,0\n1,1\n"), "say --header or --no-header"),
        (lambda: Path("empty").mkdir() or "empty", "the folder has no images"),
        (lambda: np.save("x.npy", np.zeros((9, 3, 4, 3))) or "x.npy", "--channels first or --channels last"),
    ],
)
def test_what_is_refused_leaves_no_folder(make, said, capsys):
    train(make(), code=2)
    assert said in capsys.readouterr().err and not Path("r").exists()


def test_whole_numbers_like_bytes_and_labels_get_one_line_each(capsys):
    pixels = np.random.default_rng(2).integers(0, 256, (30, 4))
    table = ["label,p0,p1,p2,p3", *(f"{i % 3}," + ",".join(map(str, row)) for i, row in enumerate(pixels))]
    train(write("x.csv", "\n".join(table)))
    err = capsys.readouterr().err
    assert "the column label is trained on as all others are; --drop label leaves it out" in err
    assert "look like bytes" in err and "--scale bytes" in err and err.count("\n") == 2
    run = train("x.csv", "--drop", "label", "--scale", "bytes", out="bytes")
    assert capsys.readouterr().err == "" and run.rules.unit == "bytes"


def test_a_part_of_the_files_arrays_is_encoded_without_the_labels_of_another(capsys):
    np.savez("mnist.npz", x_train=X, y_train=np.arange(40) % 3, x_test=X[:7], y_test=np.arange(7) % 3)
    train("mnist.npz", "--array", "x_train", "--labels", "y_train")
    assert main(["encode", "r", "mnist.npz", "--array", "x_test", "--out", "a.npz"]) == 0
    assert "y_train has not a value for each of these points" in capsys.readouterr().err
    assert main(["encode", "r", "mnist.npz", "--array", "x_test", "--labels", "y_test", "--out", "b.npz"]) == 0
    with np.load("a.npz") as without, np.load("b.npz") as found:
        assert "labels" not in without and found["labels"].tolist() == ["0", "1", "2", "0", "1", "2", "0"]


def test_another_file_is_read_in_its_own_way():
    run = train(write("x.csv", lines()))
    values = X.copy()
    values[3, 1] = -9999
    write("german.csv", lines(values, sep=";", decimal=","))
    assert main(["encode", "r", "german.csv", "--missing", "-9999", "--out", "z.npz"]) == 2
    options = ["--missing", "-9999", "--drop-missing", "--delimiter", ";", "--decimal", ","]
    assert main(["encode", "r", "german.csv", *options, "--out", "z.npz"]) == 0
    with np.load("z.npz") as found:
        assert found["index"].tolist() == [i for i in range(40) if i != 3]
        np.testing.assert_allclose(found["loc"], run.encode(np.delete(X, 3, 0))[0], rtol=1e-5, atol=1e-6)


def test_nan_in_an_array_is_left_out(capsys):
    values = X.copy()
    values[[3, 8], 1] = np.nan
    np.save("x.npy", values)
    train("x.npy", code=2)
    assert "got nan in row 3, column 1 (counted from 0); --drop-missing leaves out 2 rows" in capsys.readouterr().err
    assert len(dataset_from(train("x.npy", "--drop-missing").options).train) == 34


@pytest.mark.parametrize(
    ("data", "option"),
    [
        ("x.npy", ["--columns", "0,1"]),
        ("x.npy", ["--no-header"]),
        ("x.csv", ["--channels", "first"]),
        ("x.csv", ["--resize", "4,4"]),
    ],
)
def test_an_option_that_does_not_go_with_the_file_is_refused(data, option, capsys):
    np.save("x.npy", X)
    write("x.csv", lines())
    train(data, *option, code=2)
    assert "leave it out" in capsys.readouterr().err


def test_rows_of_a_table_that_are_images(capsys):
    pixels = np.random.default_rng(2).integers(0, 256, (30, 12))
    table = [",".join(f"pixel{i}" for i in range(12)), *(",".join(map(str, row)) for row in pixels)]
    run = train(write("x.csv", "\n".join(table)), "--image-shape", "3,4", "--scale", "bytes")
    assert run.rules.image_shape == (3, 4) and run.rules.names[11] == "pixel11"
    np.save("x.npy", pixels.reshape(30, 3, 4).astype(np.uint8))
    assert_array_equal(train("x.npy", out="array").vae.parameters.vector, run.vae.parameters.vector)
    for wrong in ("3", "3,5", "12,1,1"):
        train("x.csv", "--image-shape", wrong, "--scale", "bytes", out="no", code=0 if wrong == "12,1,1" else 2)
    assert "give rows,columns or rows,columns,channels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.jsonl", "pandas.read_json('x.jsonl', lines=True).to_csv('x.csv', index=False)"),
        ("x.dta", "pandas.read_stata('x.dta')"),
        ("x.zip", "unpack it first"),
        ("x.png", "give the folder that they are in"),
    ],
)
def test_what_to_do_with_a_file_of_another_kind(name, said, capsys):
    train(write(name, "x"), code=2)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shape", "option"),
    [((8, 3, 4, 5), []), ((8, 3, 4, 3), ["--channels", "first"]), ((8, 3, 1, 9), ["--channels", "first"])],
)
def test_channels_are_settled_once(shape, option):
    values = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.save("x.npy", values)
    run = train("x.npy", *option)
    expected = (shape[2], shape[3], 3) if option else shape[2:] + shape[1:2]
    assert run.rules.image_shape == expected
    assert main(["encode", "r", "x.npy", "--out", "z.npz"]) == 0


def test_a_run_whose_file_of_labels_is_gone_goes_on(capsys):
    np.save("x.npy", X)
    write("y.txt", "a\nb\n" * 20)
    train("x.npy", "--labels", "y.txt")
    Path("y.txt").unlink()
    capsys.readouterr()
    for command in (
        ["evaluate", "r", "-q"],
        ["sample", "r"],
        ["train", "--resume", "r", "-e", "3", "--no-plots", "-q"],
    ):
        assert main(command) == 0
        assert "the file with the run's labels is gone, so the run has none now" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["y.txt.csv", "f.npy", "parts/c.npy"])
def test_no_command_writes_over_labels_factors_or_parts(out, capsys):
    Path("parts").mkdir()
    np.save("parts/a.npy", X[:20])
    np.save("parts/b.npy", X[20:])
    write("y.txt.csv", "a\nb\n" * 20)
    np.save("f.npy", np.arange(40) % 4)
    train("parts", "--labels", "y.txt.csv", "--factors", "f.npy")
    before = Path(out).read_bytes() if Path(out).exists() else None
    for command in (["sample", "r"], ["reconstruct", "r"], ["encode", "r", "parts/a.npy"]):
        assert main([*command, "--out", out]) == 2
        assert "which the command reads" in capsys.readouterr().err
    assert (Path(out).read_bytes() if Path(out).exists() else None) == before
