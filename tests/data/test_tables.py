"""Tables as people have them: what is found out, what is said, what is refused and with which words."""

import gzip
import io
import sys
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as any_array

from minidecomp.data.cells import Reading
from minidecomp.data.delimited import plain
from minidecomp.data.tables import read_table, table_of_frame
from minidecomp.errors import DataError

X = np.random.default_rng(0).normal(size=(8, 3)).round(3)
HEADER = "a,b,c"
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def text(values=X, header=HEADER, sep=",", decimal=".", index=False):
    """The table as a file has it; a gap is an empty cell."""
    rows = [["" if value != value else f"{value:.3f}".replace(".", decimal) for value in row] for row in values]
    if header:
        rows.insert(0, header.split(","))
    if index:
        first = -1 if header else 0
        rows = [["" if number < 0 else str(number), *row] for number, row in enumerate(rows, first)]
    return "".join(sep.join(row) + "\n" for row in rows)


def write(tmp_path, data, name="x.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def said(table):
    return " | ".join(table.notes)


GERMAN = text(sep=";", decimal=",")
FOUND = {
    "plain": ("x.csv", text().encode(), "abc", ()),
    "no header": ("x.csv", text(header="").encode(), "", ()),
    "windows ends": ("x.csv", text().replace("\n", "\r\n").encode(), "abc", ()),
    "pandas with index": ("x.csv", text(index=True).encode(), "abc", ("no name", "index")),
    "pandas without names": ("x.csv", text(header="0,1,2").encode(), "012", ("0,1,2", "names", "--no-header")),
    "pandas, neither": ("x.csv", text(header="0,1,2", index=True).encode(), "012", ("names", "no name")),
    "years": ("x.csv", text(header="1990,1991,1992").encode(), ("1990", "1991", "1992"), ("1990,1991,1992", "names")),
    "German spreadsheet": ("x.csv", b"\xef\xbb\xbf" + GERMAN.encode(), "abc", ("semicolons", "decimal comma")),
    "Latin-1": ("x.csv", GERMAN.replace("a", "ä", 1).encode("latin-1"), "äbc", ("Latin-1", "semicolons")),
    "UTF-16": ("x.csv", text(sep="\t").encode("utf-16"), "abc", ("tabs",)),
    "tsv": ("x.tsv", text(sep="\t").encode(), "abc", ()),
    "gz": ("x.csv.gz", gzip.compress(text().encode()), "abc", ()),
    "bars": ("x.csv", text(sep="|").encode(), "abc", ("bars",)),
    "quoted": ("x.csv", text().replace("a,b,c", '"a","b","c"').encode(), "abc", ()),
    "savetxt": ("x.csv", ("# " + text()).encode(), "abc", ()),
    "blank lines": ("x.csv", text().replace("\n", "\n\n").encode(), "abc", ()),
    "counted rows": ("x.csv", text(index=True).replace(",a", "n,a", 1).encode(), "abc", ("first column, n,", "from 0")),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_is_found_out_is_right_and_said(tmp_path, case):
    name, data, names, words = FOUND[case]
    table = read_table(write(tmp_path, data, name))
    np.testing.assert_array_equal(table.values, X)
    assert table.names == tuple(names)
    assert len(table.notes) == 0 if not words else all(word in said(table) for word in words), table.notes
    assert table.values.flags.c_contiguous and table.values.dtype == np.float64


GAPS = X.copy()
GAPS[2, 1] = GAPS[5, 0] = np.nan
MARKED = text().replace(f"{X[2, 1]:.3f}", "-9999")
REFUSED = {
    "gaps": (text(GAPS), {}, ("2 cells are missing", "line 4, column b", "drop_missing leaves out 2 rows")),
    "one gap": (text(GAPS[:4]), {}, ("1 cell is missing", "leaves out 1 row")),
    "marked gaps": (MARKED, {"missing": ("-9999",)}, ("1 cell is missing", "line 4, column b")),
    "short rows": (text(header="a,b,c,d"), {}, ("line 2", "expected 4 cells, as in the first line, got 3")),
    "a column of words": ("a,kind\n1,x\n2,y\n", {}, ("line 2", "column kind", "got 'x'", 'drop="kind"')),
    "words without names": ("5.1,3,setosa\n4.9,3,setosa\n", {}, ("column 2 (counted", "drop=2")),
    "underscore": ("a,b\n1_000,2\n", {}, ("line 2", "column a", "got '1_000'")),
    "thousands": ('a,b\n"1,234.5",2\n', {}, ("line 2", "column a", "got '1,234.5'")),
    "digits of another alphabet": ("a,b\n1,２\n", {}, ("column b", "'２'")),
    "ragged": ("a,b\n1,2\n1,2,3\n", {}, ("line 3", "expected 2 cells", "got 3")),
    "names or a point": ("0,1\n1,0\n0,0\n", {}, ("0,1", "header or header=False")),
    "tenths as names": (text(header="1.1,1.2,1.3"), {}, ("1.1,1.2,1.3", "header or header=False")),
    "wavelengths": (text(header="400.0,400.5,401.0"), {}, ("header or header=False",)),
    "falling wavenumbers": (text(header="3000,2000,1000"), {}, ("header or header=False",)),
    "whole numbers over fractions": (text(header="5,3,9"), {}, ("header or header=False",)),
    "codes far away": (text(header="9000.5,17.25,-4000.5"), {}, ("header or header=False",)),
    "three cells at the end": ("a,b\n1,2,\n3,4,\n", {}, ("line 2", "expected 2 cells", "got 3")),
    "one column counting": ("0\n1.5\n2.5\n", {}, ("header or header=False",)),
    "words over words and numbers": ("a,2\nb,3\n3,4\n", {}, ("header or header=False",)),
    "empty": ("", {}, ("is empty",)),
    "blank": ("\n \n", {}, ("is empty",)),
    "no text": (b"\0\0\0a,1", {}, ("zero bytes",)),
    "half UTF-16": (b"\xff\xfea", {}, ("UTF-16",)),
    "half gzip": (gzip.compress(b"a,b\n1,2\n")[:12], {}, ("gzip",)),
    "no such column": (text(), {"columns": ("a", "z")}, ("columns", "no column z", "a, b, c")),
    "no such number": (text(header=""), {"drop": ("3",)}, ("drop", "0 to 2", "not 3")),
    "two of a name": (text(header="a,a,c"), {"drop": ("a",)}, ("drop", "2 have that name")),
    "nothing left": (text(), {"drop": ("a", "b", "c")}, ("no column is left",)),
    "all gaps": ("a,b\n1,\n,2\n", {"drop_missing": True}, ("every row",)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_where_and_what_to_type(tmp_path, case):
    data, reading, words = REFUSED[case]
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path, data), Reading(**reading))
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in ("x.csv", *words)), message


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({"columns": ("c", "a")}, X[:, [2, 0]]),
        ({"drop": ("b",)}, X[:, [0, 2]]),
        ({"columns": ("c", "a"), "drop": ("a",)}, X[:, [2]]),
    ],
)
def test_columns_are_chosen_by_name_in_the_order_given(tmp_path, reading, expected):
    table = read_table(write(tmp_path, text()), Reading(**reading))
    np.testing.assert_array_equal(table.values, expected)
    # A column that is not asked for may hold anything.
    dated = text().replace("\n", ",2020-01-01\n").replace("2020-01-01", "date", 1)
    other = read_table(write(tmp_path, dated), Reading(**(reading | {"drop": (*reading.get("drop", ()), "date")})))
    np.testing.assert_array_equal(other.values, expected)


def test_rows_with_gaps_can_be_left_out(tmp_path):
    table = read_table(write(tmp_path, text(GAPS)), Reading(drop_missing=True))
    np.testing.assert_array_equal(table.values, np.delete(X, [2, 5], axis=0))
    assert "2 rows of 8 left out" in said(table)
    table = read_table(write(tmp_path, MARKED), Reading(missing=("-9999",), drop_missing=True))
    np.testing.assert_array_equal(table.values, np.delete(X, 2, axis=0))


def test_an_index_that_is_asked_for_is_taken(tmp_path):
    counted = text(index=True).replace(",a", "n,a", 1)
    table = read_table(write(tmp_path, counted), Reading(columns=("n", "a")))
    np.testing.assert_array_equal(table.values[:, 0], np.arange(8))


def test_true_and_false_are_one_and_zero(tmp_path):
    table = read_table(write(tmp_path, "a,b\n1.5,True\n2,false\n3,TRUE\n"))
    np.testing.assert_array_equal(table.values, [[1.5, 1], [2, 0], [3, 1]])


def test_what_is_said_wins_over_what_would_be_found(tmp_path):
    path = write(tmp_path, "0,1\n1,0\n0,0\n1,1\n")
    assert read_table(path, Reading(header=False)).values.shape == (4, 2)
    table = read_table(path, Reading(header=True))
    assert table.names == ("0", "1") and table.values.shape == (3, 2) and table.notes == ()
    blanks = read_table(write(tmp_path, "1 2.5\n3 4\n"), Reading(delimiter=" "))
    assert blanks.values.tolist() == [[1, 2.5], [3, 4]] and blanks.notes == ()
    path = write(tmp_path, "1,5\n2,5\n")
    np.testing.assert_array_equal(read_table(path).values, [[1, 5], [2, 5]])
    np.testing.assert_array_equal(read_table(path, Reading(delimiter=";", decimal=",")).values, [[1.5], [2.5]])


@pytest.mark.parametrize("first", ["0.5,1.5,-0.25", "1,0.5,0.25", "-0.9,-0.8,-0.7,"[:-1], "0.001,0.001,0.001"])
def test_an_ordinary_first_line_stays_a_point(tmp_path, first):
    values = np.random.default_rng(1).uniform(-1, 1, (30, 3)).round(2)
    lines = ["0.1,0.2,0.3", *(",".join(map(str, row)) for row in values)]
    table = read_table(write(tmp_path, "\n".join([first, *lines])))
    assert table.values.shape == (32, 3) and table.notes == ()


def test_a_row_of_empty_cells_in_the_midst_is_a_gap(tmp_path):
    for hole, width in ((",,", 3), ('"","",""', 3)):
        lines = text().splitlines()
        lines.insert(4, hole)
        with pytest.raises(DataError, match=rf"{width} cells are missing, the first in line 5, column a"):
            read_table(write(tmp_path, "\n".join(lines)))
    with pytest.raises(DataError, match="1 cell is missing, the first in line 3"):
        read_table(write(tmp_path, "a\n1\n\n3\n"))
    assert read_table(write(tmp_path, "a\n1\n2\n3\n\n\n")).values.shape == (3, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "\nsep=;"])
def test_excels_own_first_line(tmp_path, first, end):
    table = read_table(write(tmp_path, end.join([first, *GERMAN.splitlines()])))
    np.testing.assert_array_equal(table.values, X)


def test_lines_that_end_in_a_delimiter(tmp_path):
    for header in (HEADER, ""):
        table = read_table(write(tmp_path, text(header=header).replace("\n", ",\n")))
        np.testing.assert_array_equal(table.values, X)
        assert "last column" in said(table)


def test_marks_of_gaps_are_written_as_numbers_are(tmp_path):
    data = GERMAN.replace(f"{X[2, 1]:.3f}".replace(".", ","), "-9999,5")
    with pytest.raises(DataError, match="1 cell is missing, the first in line 4, column b"):
        read_table(write(tmp_path, data), Reading(missing=("-9999,5",)))
    assert "no cell is -1, which `--missing` names" in said(
        read_table(write(tmp_path, text()), Reading(missing=("-1",)))
    )


def test_a_table_for_a_model(tmp_path):
    named = Reading(model_names=("c", "a"), model_width=2)
    np.testing.assert_array_equal(read_table(write(tmp_path, text()), named).values, X[:, [2, 0]])
    table = read_table(write(tmp_path, text(X[:, :2], header="")), named)
    np.testing.assert_array_equal(table.values, X[:, :2])
    assert "used in the model's order, c, a" in said(table)
    # A run that chose columns by number chooses them again.
    numbered = Reading(columns=("2", "0", "1"), model_width=3)
    np.testing.assert_array_equal(read_table(write(tmp_path, text(header="")), numbered).values, X[:, [2, 0, 1]])
    again = Reading(model_names=("a", "a", ""), model_width=3)
    np.testing.assert_array_equal(read_table(write(tmp_path, text(header="a,a,")), again).values, X)


def test_thousands_in_quotes_are_no_decimals(tmp_path):
    with pytest.raises(DataError, match="got '1,234'"):
        read_table(write(tmp_path, 'pop\n"1,234"\n"2,345"\n'))


def test_characters_that_end_no_line(tmp_path):
    table = read_table(write(tmp_path, text(header="a\x85;b,b,c").replace("a\x85;b", '"a\x85;b"')))
    assert table.names == ("a\x85;b", "b", "c")


def test_spreadsheets_leave_rows_of_delimiters_at_the_end(tmp_path):
    table = read_table(write(tmp_path, GERMAN + ";;\n;;\n"))
    np.testing.assert_array_equal(table.values, X)


def test_columns_that_are_set_aside_follow_their_rows(tmp_path):
    kinds = ["x", "y", "z", "x", "", "y", "x", "z"]
    lines = text(GAPS, header=HEADER).splitlines()
    labelled = "\n".join([lines[0] + ",kind", *(f"{line},{kind}" for line, kind in zip(lines[1:], kinds, strict=True))])
    table = read_table(write(tmp_path, labelled), Reading(labels=("kind",), drop_missing=True))
    np.testing.assert_array_equal(table.values, np.delete(X, [2, 5], axis=0))
    assert table.rows.tolist() == [0, 1, 3, 4, 6, 7] and table.total == 8
    assert table.aside["kind"].tolist() == ["x", "y", "x", "", "x", "z"]
    assert table.names == ("a", "b", "c")
    # As fast as without, where all that is left is numbers.
    table = read_table(write(tmp_path, text()), Reading(factors=("b",)))
    assert table.aside["b"].tolist() == [plain(round(value, 3)) for value in X[:, 1].tolist()]
    np.testing.assert_array_equal(table.values, X[:, [0, 2]])
    with pytest.raises(DataError, match="labels: there is no column kind"):
        read_table(write(tmp_path, text()), Reading(labels=("kind",)))


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text().encode())))
    np.testing.assert_array_equal(read_table("-").values, X)


@given(
    values=any_array(
        np.float64,
        st.tuples(st.integers(1, 6), st.integers(2, 5)),
        elements=FINITE,
    ),
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_is_written_is_read_to_the_bit(tmp_path_factory, values, delimiter, decimal, end, encoding):
    if delimiter == decimal:
        delimiter = ";"
    lines = [delimiter.join(f"c{i}" for i in range(values.shape[1]))]
    lines += [delimiter.join(repr(float(value)).replace(".", decimal) for value in row) for row in values]
    path = write(tmp_path_factory.mktemp("t"), end.join(lines).encode(encoding))
    table = read_table(path, Reading(delimiter, decimal, columns=tuple(f"c{i}" for i in range(values.shape[1]))))
    np.testing.assert_array_equal(table.values, values)


# ---- frames ----


def frames():
    pandas = pytest.importorskip("pandas")
    return pandas, pandas.DataFrame(X, columns=list("abc"))


def test_frames_of_pandas():
    pandas, frame = frames()
    table = table_of_frame(frame)
    np.testing.assert_array_equal(table.values, X)
    assert table.names == ("a", "b", "c") and table.notes == ()
    assert table_of_frame(pandas.DataFrame(X)).names == ()
    with pytest.raises(DataError, match=r"X, row 0 .*, column kind: expected a number, got 'x'; give only columns"):
        table_of_frame(frame.assign(kind="x"))
    with pytest.raises(DataError, match=r"X: 1 cell is missing, the first in row 3 \(counted from 0\), column b"):
        table_of_frame(frame.assign(b=np.where(np.arange(8) == 3, np.nan, X[:, 1])))
    nullable = frame.assign(d=pandas.array([1, None] * 4, dtype="Int64"))
    with pytest.raises(DataError, match="4 cells are missing"):
        table_of_frame(nullable)
    assert table_of_frame(frame.assign(d=[True, False] * 4)).values[0, 3] == 1


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    table = table_of_frame(polars.DataFrame({name: X[:, i] for i, name in enumerate("abc")}))
    np.testing.assert_array_equal(table.values, X)
    assert table.names == ("a", "b", "c")


@pytest.mark.parametrize(("ending", "needs"), [("parquet", "pyarrow"), ("feather", "pyarrow"), ("xlsx", "openpyxl")])
def test_files_that_pandas_reads(tmp_path, ending, needs):
    _, frame = frames()
    pytest.importorskip(needs)
    path = tmp_path / f"x.{ending}"
    getattr(frame, "to_excel" if ending == "xlsx" else f"to_{ending}")(path)
    table = read_table(path)
    np.testing.assert_array_equal(table.values, X)
    assert table.names == ("a", "b", "c")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=f"pandas cannot read the .{ending} file"):
        read_table(path)


# ---- the index ----


HOLED = np.where(np.isin(np.arange(24).reshape(8, 3), [4, 17]), np.nan, X)  # in rows 1 and 5
REST = [0, 2, 3, 4, 6, 7]


def with_first_column(cells, name="", values=HOLED):
    lines = text(values).splitlines()
    return "".join(f"{cell},{line}\n" for cell, line in zip([name, *cells], lines, strict=True))


@pytest.mark.parametrize(
    ("data", "reading", "index"),
    [
        (text(X), Reading(), None),
        (text(HOLED), Reading(drop_missing=True), REST),
        (with_first_column("stuvwxyz"), Reading(drop_missing=True), [*"suvwyz"]),
        (with_first_column("01234567"), Reading(drop_missing=True), REST),
        (with_first_column(range(3, 11)), Reading(drop_missing=True), [3, 5, 6, 7, 9, 10]),
        (with_first_column("12345678", "id"), Reading(drop_missing=True), [1, 3, 4, 5, 7, 8]),
        (with_first_column([f"00{i}" for i in range(8)], values=X), Reading(), [f"00{i}" for i in range(8)]),
        (with_first_column([10**20 + i for i in range(8)], values=X), Reading(), [str(10**20 + i) for i in range(8)]),
        (with_first_column([-i for i in range(8)], values=X), Reading(), [-i for i in range(8)]),
        (with_first_column("stuvwxyz", values=X), Reading(model_names=("c", "a"), model_width=2), [*"stuvwxyz"]),
        (with_first_column("01234567", "n", X), Reading(model_names=("c", "a"), model_width=2), [*range(8)]),
        (with_first_column("01234567", "n", X), Reading(columns=("b",)), [*range(8)]),
        (with_first_column("01234567", "n", X), Reading(drop=("n",)), [*range(8)]),
        (with_first_column("01234567", "n", X), Reading(columns=("n", "b")), None),
        (with_first_column("01234567", "n", X), Reading(labels=("n",)), None),
        (with_first_column("01234568", "n", X), Reading(drop=("n",)), None),
        (with_first_column(["", *"1234567"], "n", X), Reading(drop=("n",)), None),
    ],
)  # fmt: skip
def test_the_index_is_kept_apart(tmp_path, data, reading, index):
    table = read_table(write(tmp_path, data), reading)
    assert (table.index if index is None else table.index.tolist()) == index
    assert index is None or table.index.dtype == (np.int64 if isinstance(index[0], int) else object)


def test_a_column_that_counts_the_rows_is_left_out_with_those_that_have_gaps(tmp_path):
    """They were left out first, and then it did not count any more, so it was trained on."""
    table = read_table(write(tmp_path, with_first_column("01234567", "id")), Reading(drop_missing=True))
    assert table.names == ("a", "b", "c") and "first column, id, counts the rows from 0" in said(table)


def test_the_index_of_a_frame():
    pandas, frame = frames()
    assert table_of_frame(frame).index is None
    assert table_of_frame(frame[3:6]).index.tolist() == [3, 4, 5]
    assert table_of_frame(frame[frame.index % 2 == 1]).index.tolist() == [1, 3, 5, 7]
    days = frame.set_index(pandas.date_range("2026-01-01", periods=8))
    assert table_of_frame(days).index[7] == "2026-01-08 00:00:00"


@pytest.mark.parametrize(("ending", "needs"), [("parquet", "pyarrow"), ("xlsx", "openpyxl")])
def test_the_index_in_files_that_pandas_writes(tmp_path, ending, needs):
    _, frame = frames()
    pytest.importorskip(needs)
    path = tmp_path / f"x.{ending}"
    for index in (["p", "q", *"stuvwx"], [*range(5, 13)]):
        getattr(frame.set_axis(index), "to_excel" if ending == "xlsx" else f"to_{ending}")(path)
        assert read_table(path).index.tolist() == index
    frame.to_excel(path, index=False) if ending == "xlsx" else frame.to_parquet(path, index=False)
    assert read_table(path).index is None


def test_sheets_with_and_without_names(tmp_path):
    pandas, frame = frames()
    pytest.importorskip("openpyxl")
    path = tmp_path / "x.xlsx"
    frame.to_excel(path, index=False, header=False)
    table = read_table(path)
    np.testing.assert_array_equal(table.values, X)
    assert table.names == () and table.notes == ()
    np.testing.assert_array_equal(read_table(path, Reading(columns=("2", "0"))).values, X[:, [2, 0]])
    assert len(read_table(path, Reading(header=True)).values) == 7
    with pandas.ExcelWriter(path) as writer:
        frame.to_excel(writer, sheet_name="one", index=False, startrow=3)
        frame[:2].to_excel(writer, sheet_name="two")
    table = read_table(path)
    np.testing.assert_array_equal(table.values, X)
    assert table.names == ("a", "b", "c") and "the first of 2 sheets, one, was read" in said(table)


def test_without_pandas_one_line_says_what_helps(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    path = write(tmp_path, b"PAR1", "x.parquet")
    with pytest.raises(DataError, match=r"reading \.parquet needs pandas.*pip install .pandas"):
        read_table(path)


# ---- what people really have, as a review found it ----

NUMBERS = "1.5,2.5,3.5\n4.5,5.5,6.5\n7.5,8.5,9.25\n0.5,1.25,2.75\n"
BLANKS, TABS = NUMBERS.replace(",", "   "), NUMBERS.replace(",", "\t")
ABC = ("a", "b", "c")


def numbered(before, lines, name="r"):
    """The lines, each with a name of its own in front."""
    return "".join(f"{name}{i}{before}{line}\n" for i, line in enumerate(lines.splitlines()))


PEOPLE = {
    "words by names that count": ("0,1,2,kind\n" + NUMBERS.replace("\n", ",x\n"), {"drop": ("kind",)}, ("0", "1", "2")),
    "years by a country": (
        "name,1990,1991,1992\n" + numbered(",", NUMBERS),
        {"drop": ("name",)},
        ("1990", "1991", "1992"),
    ),
    "words, no names": (NUMBERS.replace("\n", ",x\n"), {"drop": ("3",)}, ()),
    "blanks": (BLANKS, {}, ()),
    "blanks at both ends": ("".join(f"  {line}  \n" for line in BLANKS.splitlines()), {}, ()),
    "savetxt with names": ("# a b c\n" + BLANKS, {}, ABC),
    "comments above": ("# exported by LabView\n# on Monday\na,b,c\n" + NUMBERS, {}, ABC),
    "R's write.table": ('"a" "b" "c"\n' + numbered('" ', BLANKS, '"r'), {}, ABC),
    "R's with tabs": ("a\tb\tc\n" + numbered("\t", TABS), {}, ABC),
    "delimiters at the end": ("a,b,c\n" + NUMBERS.replace("\n", ",\n"), {}, ABC),
    "two indices": (",,a,b,c\n" + numbered(",", NUMBERS, "x,"), {}, ABC),
    "blanks that do not break": (NUMBERS.replace("4.5", "\u00a04.5 ") + "NA,1,2\n", {"drop_missing": True}, ()),
}


@pytest.mark.parametrize("case", PEOPLE)
def test_tables_that_are_read_as_they_are_meant(case, tmp_path):
    content, reading, names = PEOPLE[case]
    table = read_table(write(tmp_path, content), Reading(**reading))
    np.testing.assert_array_equal(table.values, [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5], [7.5, 8.5, 9.25], [0.5, 1.25, 2.75]])
    assert table.names == names


WORDS = "a b,c,kind of\n" + "".join(f"n{i},{i}.5,{'xy'[i % 2]}\n" for i in range(6))
PERCENT = "a,b\n" + "".join(f"{i},{i}{i}%\n" for i in range(1, 9))
TO_TYPE = {
    "a title": (
        "Report\n\na,b,c\n" + NUMBERS,
        {},
        "seems to begin with a, b, c, .., the first of its lines with 3 cells",
    ),
    "a title with delimiters": (
        "Report,,\n" + NUMBERS,
        {},
        "names for 1 of 3 columns; if the line is a title, delete it",
    ),
    "units": ("a,b,c\nkg,m,s\n" + NUMBERS, {}, "got 'kg'; the line has only words, as if it belonged to the names"),
    "marks": (
        "a,b,c\n" + NUMBERS.replace("4.5", "?").replace("8.5", "."),
        {},
        """got '?'; missing="?,." marks them as missing""",
    ),
    "words": (WORDS, {}, 'drop="a b,kind of" leaves the columns out, labels="kind of" uses one as classes'),
    "units beside numbers": (PERCENT, {}, 'drop="b" leaves the column out'),
    "infinity": ("a,b\n1,2\n3,inf\n5,6\n7,8\n", {}, "line 3, column b: expected a finite number, got inf"),
    "another case": (
        "Age,b,c\n" + NUMBERS,
        {"columns": ("age",)},
        "there is no column age; the columns are Age, b, c; did you mean Age?",
    ),
    "a column twice": ("a,b,c\n" + NUMBERS, {"columns": ("a", "a")}, "columns names a column twice"),
    "trained on and labels": ("a,b,c\n" + NUMBERS, {"columns": ("a", "b"), "labels": ("b",)}, "name it once"),
    "a short line": ("height,width\n" + "1,2\n" * 250 + "7\n", {}, "line 252: expected 2 cells, as in the first"),
}


@pytest.mark.parametrize("case", TO_TYPE)
def test_what_is_to_be_typed(case, tmp_path):
    content, reading, line = TO_TYPE[case]
    with pytest.raises(DataError) as raised:
        read_table(write(tmp_path, content), Reading(**reading))
    assert line in str(raised.value) and "\n" not in str(raised.value)


def test_a_table_without_names_is_in_the_models_order_whatever_the_run_chose(tmp_path):
    reading = Reading(columns=("c", "a"), model_names=("c", "a"), model_width=2)
    table = read_table(write(tmp_path, "1.5,2.5\n3.5,4.5\n5.5,6.25\n7.5,8.5\n"), reading)
    assert table.values[0].tolist() == [1.5, 2.5] and "the model's order, c, a" in " ".join(table.notes)


def test_decimals_of_python_are_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [Decimal("1.5"), Decimal("2.25")], "b": [1, 2]})
    assert table_of_frame(frame).values.tolist() == [[1.5, 1], [2.25, 2]]
