"""Data files damaged, hostile and odd: each gives points, or one line and exit code 2, and nothing in silence."""

import gzip
import io
import re
import zipfile

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data import arrays
from minidecomp.data.cells import TEXT_ENDINGS
from minidecomp.errors import MinidecompError

ENOUGH, PLENTY = 300, 5_000  # files a test: seconds by default, minutes with -m slow
COUNTS = [ENOUGH, pytest.param(PLENTY, marks=pytest.mark.slow)]

CELLS = (
    *("0", "1", "2", "-3", "+4", "2.5", ".5", "7.", "1e3", "-2E-2", " 6 ", "1e400", "9" * 400, "1_000", "1,5"),
    *("nan", "NaN", "inf", "-infinity", "NA", "None", "true", "", " ", "a", "label", "pixel0", "Unnamed: 0", "x;y"),
    *("１２", "²", "٣", "\u00a05", "\x005", "0x1f", "1j", "1 2", "--1", "e", ".", "+", "=1+1", "{{x}}", "\x1b[31m"),
)
DTYPES = ("?", "i1", "u1", ">i2", "u4", "i8", "u8", "f2", "<f4", ">f8", "g", "c8", "U3", "S2", "M8[s]", "m8[D]", "V4")
SHAPES = ((), (0,), (1,), (7,), (5, 2), (0, 3), (5, 0), (4, 2, 3), (4, 0, 3), (3, 2, 2, 2))


# Not .mat and .h5: scipy's and HDF5's own readers may crash the process at a damaged file.
ENDINGS = (".npy", ".npz", ".csv", ".tsv", ".csv.gz")


def a_table(rng):
    """Lines of cells, mostly numbers, with some that are not, under any header."""
    width, mark = rng.integers(1, 5), rng.choice([",", ",", ",", ";", "\t", " "])
    odd = rng.choice([0, 0, 0.02, 0.3])
    lines = []
    for i in range(rng.integers(0, 12)):
        row = [str(rng.choice(CELLS)) if rng.random() < odd else f"{rng.normal():.3g}" for _ in range(width)]
        if rng.random() < 0.02:
            row = row[: rng.integers(0, width + 1)]
        if rng.random() < 0.3 and i == 0:
            row = [str(rng.choice(["", "a", "b", str(j), str(2000 + j)])) for j in range(width)]
        lines.append(mark.join(f'"{cell}"' if rng.random() < 0.05 else cell for cell in row))
    if rng.random() < 0.2:
        lines = [f"{i}{mark}{line}" for i, line in enumerate(lines, rng.integers(-1, 2))]
    text = str(rng.choice(["\n", "\r\n", "\r", "\n\n"])).join(lines)
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
    return text.encode(encoding, "surrogatepass")


def an_array(rng):
    """Any array that NumPy writes without a pickle."""
    shape, dtype = SHAPES[rng.integers(len(SHAPES))], np.dtype(DTYPES[rng.integers(len(DTYPES))])
    raw = rng.integers(0, 256, (*shape, dtype.itemsize), dtype=np.uint8)
    if dtype.kind in "biuf" and rng.random() < 0.7:
        made = (rng.normal(size=shape) * rng.choice([1, 100, 1e6, 1e300])).clip(0 if dtype.kind == "u" else None)
        with np.errstate(all="ignore"):
            return np.asarray(made).astype(dtype)
    return np.frombuffer(raw.tobytes(), dtype).reshape(shape) if dtype.kind not in "bU" else np.zeros(shape, dtype)


def a_stored_array(rng, ending):
    file = io.BytesIO()
    if ending == ".npy":
        np.save(file, an_array(rng), allow_pickle=False)
    else:
        names = rng.choice(["x", "y", "a/b", "../up", "file", ""], rng.integers(0, 3), replace=False)
        with zipfile.ZipFile(file, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            for name in names:
                member = io.BytesIO()
                np.save(member, an_array(rng), allow_pickle=False)
                archive.writestr(f"{name}.npy" if not name or rng.random() < 0.9 else str(name), member.getvalue())
    return file.getvalue()


def damaged(content, rng):
    """Cut, with bits flipped, with a piece repeated or taken out, or with other numbers in its header."""
    content = bytearray(content)
    for _ in range(rng.integers(0, 4)):
        if not content:
            break
        at, kind = rng.integers(len(content)), rng.integers(5)
        if kind == 0:
            del content[at:]
        elif kind == 1:
            content[at] ^= 1 << rng.integers(8)
        elif kind == 2:
            content[at:at] = content[at : at + 20]
        elif kind == 3:
            del content[at : at + rng.integers(1, 30)]
        else:
            digits = [i for i, byte in enumerate(content[:128]) if 48 <= byte <= 57]
            if digits:
                content[digits[rng.integers(len(digits))]] = 48 + rng.integers(10)
    return bytes(content)


def a_file(rng, ending):
    made = a_table(rng) if ending in TEXT_ENDINGS else a_stored_array(rng, ending)
    made = gzip.compress(made) if ending.endswith(".gz") and rng.random() < 0.9 else made
    return damaged(made, rng) if rng.random() < 0.6 else made


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.filterwarnings("ignore")  # of zipfile, for names that are there twice
def test_any_file_gives_points_or_one_line(ending, count):
    rng, taken = np.random.default_rng(len(ending) + ord(ending[-1])), 0
    for number in range(count):
        content = a_file(rng, ending)
        with open(f"x{ending}", "wb") as file:
            file.write(content)
        try:
            loaded = arrays.load(f"x{ending}")
        except MinidecompError as error:
            message = str(error)
            assert error.exit_code == 2 and "\n" not in message and f"x{ending}" in message, (number, content)
            assert len(message) < 600, (number, message)
            continue
        taken += 1
        points = np.concatenate([loaded.train, loaded.test])
        assert points.ndim == 2 and len(points) >= 4 and points.dtype in (np.float64, np.uint8), (number, content)
        assert np.isfinite(points).all(), (number, content)
        assert all("\n" not in note for note in loaded.notes)
    assert taken > count / 100, "the fuzzer makes good files as well"


def strictly(content):
    """The numbers of a plain table by a second, slower reader: lines alike, every cell a decimal number; or None."""
    lines = [line for line in content.decode("utf-8-sig").replace("\r", "\n").split("\n") if line]
    rows = [line.split(",") for line in lines]
    number = re.compile(r"[ \t]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t]*", re.ASCII)
    if any(len(row) != len(rows[0]) or not all(map(number.fullmatch, row)) for row in rows):
        return None
    return [[float(cell) for cell in row] for row in rows]


@pytest.mark.parametrize("count", COUNTS)
def test_a_plain_table_is_read_to_the_bit_or_refused_by_name(count):
    """What a second reader takes for numbers alone has the same numbers, unless names or an index are spoken of."""
    rng, same = np.random.default_rng(1), 0
    for number in range(count):
        content = a_table(rng)
        try:
            expected = strictly(content)
        except UnicodeDecodeError:
            continue
        if not expected:
            continue
        with open("x.csv", "wb") as file:
            file.write(content)
        try:
            found = arrays.read("x.csv")
        except MinidecompError as error:
            told = str(error)
            # In a single column a blank line is a gap; 1e400 is no number of 64 bits.
            finite = np.isfinite(expected).all()
            said = ("names", "index", "missing", *([] if finite else ["expected a finite number"]))
            assert any(word in told for word in said), (number, content)
            continue
        same += 1
        assert found.notes or found.values.tolist() == expected, (number, content)
    assert same > count / 20


@pytest.mark.parametrize("count", [12, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore")
def test_the_command_ends_in_one_line(count, capsys):
    """Of whatever file: trained, with nothing but notes on stderr, or refused with exit code 2."""
    rng = np.random.default_rng(2)
    for number in range(count):
        ending = ENDINGS[number % len(ENDINGS)]
        with open(f"x{ending}", "wb") as file:
            file.write(a_file(rng, ending))
        code = main(
            ["train", "--data", f"x{ending}", "-e", "1", "--hidden", "2", "-o", f"r{number}", "--no-plots", "-q"]
        )
        err = capsys.readouterr().err
        assert code in (0, 1, 2) and "Traceback" not in err, (number, err)
        if code == 2:
            assert err.startswith("minidecomp: ") and err.count("\n") == 1, (number, err)
