"""Tables as people have them: nothing that may be names, an index or another notation is trained on in silence."""

import os

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data import arrays
from minidecomp.errors import DataError

POINTS = np.random.default_rng(0).normal(size=(6, 2)).round(3)
FLOATS = [f"{a!r},{b!r}" for a, b in POINTS.tolist()]


def written(lines, encoding="utf-8"):
    with open("x.csv", "w", encoding=encoding, newline="") as file:
        file.write("\n".join(lines) + "\n")
    return "x.csv"


def with_index(first=0):
    return [f"{i},{line}" for i, line in enumerate(FLOATS, first)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0,1", *FLOATS], "line 1, 0,1, is taken for names of columns, not for a point"),
        ([",a,b", *with_index()], "the first column has no name and is taken for an index: it is left out"),
        ([",0,1", *with_index()], "the first column has no name and is taken for an index"),
        (
            ['"","V1","V2"', *(f'"{line.replace(",", chr(34) + ",", 1)}' for line in with_index(1))],
            "taken for an index",
        ),
        (["Unnamed: 0,a,b", *with_index()], "taken for an index"),
        ([",a,b", *(f"row {line}" for line in with_index())], "taken for an index"),
    ],
)
def test_what_is_certain_is_recognised_and_said(lines, said, capsys):
    values, notes = arrays.read(written(lines))
    np.testing.assert_array_equal(values, POINTS)
    assert len(notes) == 1 and notes[0].startswith("x.csv: ") and said in notes[0]
    assert main(["train", "--data", "x.csv", "-e", "1", "--hidden", "3", "-o", "run", "--no-plots", "-q"]) == 0
    assert capsys.readouterr().err == f"{os.getcwd()}/{notes[0]}\n"
    assert main(["encode", "run", "x.csv"]) == 0
    assert capsys.readouterr().err == notes[0] + "\n"
    assert main(["sweep", "--data", "x.csv", "-e", "1", "--hidden", "3", "--seeds", "2", "-o", "grid", "-q"]) == 0
    assert capsys.readouterr().err.count(said) == 1, "once for both runs"


@pytest.mark.parametrize("of_pandas", [{}, {"index": False}])
def test_pandas_own_files(of_pandas):
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(POINTS).to_csv("x.csv", **of_pandas)
    np.testing.assert_array_equal(arrays.read("x.csv").values, POINTS)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0,1", "3,4", "5,6", "7,9"], "line 1: 0,1 may be names of columns or a point"),
        (["0", "3", "5", "9"], "line 1: 0 may be names of columns or a point"),
        (["2001,2002", *FLOATS], "line 1: 2001,2002 may be names of columns or a point"),
        (["2001,2002,2003,2004", "3,4,5,6", "5,9,8,1", "1,2,2,2"], "line 1: 2001,2002,2003,2004 may be names"),
        (["2000,2010,2020", *(f"{line},0.5" for line in FLOATS)], "line 1: 2000,2010,2020 may be names"),
        (with_index(), "the first column counts the lines, as an index does"),
        (with_index(1), "the first column counts the lines, as an index does"),
        ([",a,b", *with_index()[::-1]], "the first column has no name, as an index has, but does not count the lines"),
        ([",a,b", *(f"0.{line}" for line in with_index())], "does not count the lines"),
        (["a,,b", *with_index()], "line 1: 'a' is not a number"),
        (["label,0,1", *with_index()], "line 1: 'label' is not a number"),
        (["a,b", "1,2", "3,1_000", "5,6", "7,8"], "line 3: '1_000' is not a number; underscores"),
        (["a,b", "1,2", "3,infinity", "5,6"], "line 3: 'infinity' in cell 2; a finite number is needed"),
        (["1,2", "3,-Inf", "5,6"], "line 2: '-Inf' in cell 2; a finite number is needed"),
        (["nan,nan", "3,4", "5,6"], "line 1: 'nan' in cell 1; a finite number is needed"),
        (["a,b", "1,2", "3,NA", "5,6"], "line 3: 'NA' in cell 2; a finite number is needed"),
        (["1.5,2", "３,4", "5,6"], "line 2: '３' is not a number"),
        (["1.5,2", "3\u00a0,4", "5,6"], "line 2: '3\\xa0' is not a number"),
        (["1.5,2", "3,1e400", "5,6"], "finite numbers are needed"),
        (["a;b", "1,5;2,5", "3,5;4,5"], "the file is separated by semicolons and has decimal commas"),
        (["1,5;2,5", "3,5;4,5"], "the file is separated by semicolons and has decimal commas"),
        (["a;b", "1;2", "3;4"], "the file is separated by semicolons; save it with commas"),
        (["a\tb", "1\t2", "3\t4"], "the file is separated by tabs; save it with commas"),
        (["1 2", "3 4", "5 6"], "the file is separated by blanks; save it with commas"),
        (['"1,5","2,5"', '"3,5","4,5"', '"3,5","4,5"'], "commas within a number are not read"),
        (["1,2,", "3,4,", "5,6,"], "line 1: cell 3 is empty"),
        (["a,b", "1,2", "True,4"], "line 3: 'True' is not a number"),
    ],
)
def test_what_is_doubtful_is_refused(lines, said, capsys):
    with pytest.raises(DataError) as caught:
        arrays.load(written(lines))
    assert said in str(caught.value) and "x.csv" in str(caught.value)
    assert main(["train", "--data", "x.csv", "-q"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_another_encoding_is_refused(encoding):
    with pytest.raises(
        DataError, match="is UTF-16; a .csv file of text in UTF-8" if encoding == "utf-16" else "line 2"
    ):
        arrays.read(written(["a,b", *FLOATS], encoding))


def test_blanks_around_numbers_are_read():
    values, notes = arrays.read(written(["1, 2.5", "\t-3 , +4e-1"]))
    assert values.tolist() == [[1, 2.5], [-3, 0.4]] and notes == ()


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (["a,b", "0,1", "5,6"], [[0, 1], [5, 6]]),  # names on top make 0,1 a point
        (["1,2", "3,4", "5,6"], [[1, 2], [3, 4], [5, 6]]),
        (["3,1", *FLOATS], [[3, 1], *POINTS.tolist()]),
        (["0,1.5", "1,2.5"], [[0, 1.5], [1, 2.5]]),
        (["1", "2", "3", "4"], [[1], [2], [3], [4]]),
    ],
)
def test_points_stay_points(lines, values):
    found = arrays.read(written(lines))
    assert found.values.tolist() == values and found.notes == ()


@pytest.mark.parametrize(("name", "what"), [("label", "is named as no feature is"), ("t", "counts the lines")])
def test_a_column_that_is_hardly_meant_is_named(name, what):
    lines = [f"{name},a,b", *with_index()]
    if name == "label":
        lines[1:] = lines[:0:-1]
    values, notes = arrays.read(written(lines))
    assert values.shape == (6, 3)
    assert notes == (
        f"x.csv: the column {name!r} {what}, but is trained on as all others are; "
        "remove it if the model is not to learn it",
    )
