"""docs/data.md's recipes: each block runs on the file that it is about, and says what the page says it does."""

import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main

ROOT = Path(__file__).parents[2]
SMALL = ["-e", "2", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).round(3)
KINDS = np.array(["cat", "dog", "emu"])[np.arange(60) % 3]
PIXELS = RNG.integers(0, 256, (60, 8, 8), np.uint8)


def text(names, columns, sep=",", decimal="."):
    """A table, by its columns."""
    rows = [sep.join(str(cell).replace(".", decimal) for cell in row) for row in zip(*columns, strict=True)]
    return "\n".join([*([sep.join(names)] if names else []), *rows]) + "\n"


def german(path):
    path.write_bytes(b"\xef\xbb\xbf" + text(("Länge", "Breite", "Höhe"), X.T, ";", ",").replace("\n", "\r\n").encode())


def sensor(path):
    values = X.copy()
    values[[4, 9], 1] = -9999
    path.write_text(text(("time", "flow", "heat"), values.T))


def animals(path):
    path.write_text(text(("a", "b", "c", "kind", "size"), [*X.T, KINDS, np.arange(60) % 5]))


def parquet(path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(kind=pandas.Categorical(KINDS))
    frame.to_parquet(path)


def photos(path, sizes=((8, 8),), broken=False):
    pillow = pytest.importorskip("PIL.Image")
    path.mkdir()
    for i, pixels in enumerate(PIXELS[:12]):
        rows, columns = sizes[i % len(sizes)]
        pillow.fromarray(pixels).resize((columns, rows)).save(path / f"{i:02}.png")
    if broken:
        (path / "05.png").write_bytes((path / "05.png").read_bytes()[:60])


def sparse(path):
    import scipy.sparse

    scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(X))


MAKERS = {
    "german.csv": german,
    "frame.csv": lambda path: path.write_text(text(("", "a", "b", "c"), [np.arange(60), *X.T])),
    "counted.csv": lambda path: path.write_text(text(("0", "1", "2"), X.T)),
    "digits.csv": lambda path: path.write_text(
        text(("label", *(f"pixel{i}" for i in range(64))), [np.arange(60) % 10, *PIXELS.reshape(60, -1).T])
    ),
    "years.csv": lambda path: path.write_text(text(("2019", "2020", "2021"), X.T)),
    "sensor.csv": sensor,
    "export.tsv": lambda path: path.write_bytes(text(("a", "b", "c"), X.T, "\t").encode("utf-16")),
    "table.csv.gz": lambda path: path.write_bytes(gzip.compress(text(("a", "b", "c"), X.T).encode())),
    "animals.csv": animals,
    "animals.parquet": parquet,
    "pixels.npy": lambda path: np.save(path, PIXELS.astype(np.int64)),
    "torch.npy": lambda path: np.save(path, np.stack([PIXELS] * 3, axis=1)),
    "arrays.npz": lambda path: np.savez(path, x=X, y=np.arange(60) % 3),
    "photos": photos,
    "two-sizes": lambda path: photos(path, ((8, 8), (6, 9))),
    "damaged": lambda path: photos(path, broken=True),
    "counts.npz": sparse,
    "far.csv": lambda path: path.write_text(text(("a", "b", "c"), (X * [1, 500, 1] + [0, 9000, 0]).T)),
}
PAGE = (ROOT / "docs/data.md").read_text("utf-8")
RECIPES = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


def steps(recipe):
    """The commands of a block, each with the lines that it prints."""
    for step in recipe.strip().split("$ ")[1:]:
        command, *said = step.strip().splitlines()
        yield shlex.split(command), said


@pytest.mark.parametrize("recipe", RECIPES, ids=[" ".join(next(steps(each))[0][1:4]) for each in RECIPES])
def test_recipe(recipe, capsys):
    for name, make in MAKERS.items():
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", recipe):
            make(Path(name))
    for i, (command, said) in enumerate(steps(recipe)):
        program, *args = command
        assert program == "minidecomp"
        if args[0] == "train":
            args += [*SMALL, *([] if "--out" in args else ["--out", f"r{i}"])]
        if args[0] == "evaluate":
            args += ["-q"]
        code = main(args)
        printed = capsys.readouterr().err.replace(f"{Path.cwd()}/", "").splitlines()
        assert printed == said
        assert code == (2 if said and said[0].startswith("minidecomp: ") else 0), printed


def test_every_file_has_a_recipe():
    for name in MAKERS:
        assert any(name in recipe for recipe in RECIPES), name
