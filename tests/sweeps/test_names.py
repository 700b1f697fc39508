"""Names of runs: each its own, short, fit for any file system, and the same every time. Grids of hostile values."""

import random
import re

import pytest

from minidecomp.errors import MinidecompError
from minidecomp.sweeps.folder import open_sweep
from minidecomp.sweeps.grid import expand

SMALL = {"prior": "mixture", "points_per_arm": 10, "hidden": [5], "epochs": 2}
PIECES = (
    "x",
    "X",
    "x-2",
    "x-3",
    "é",
    "e\u0301",
    "a b",
    "..",
    ".",
    "\x1b[31m",
    "\n",
    "CON",
    "-",
    "alpha1",
    "y" * 300,
    "漢",
)


def names(*blocks):
    return [entry.name for entry in expand(list(blocks))]


def check(found):
    assert len({name.casefold() for name in found}) == len(found)
    for name in found:
        assert len(name.encode()) <= 100 and re.fullmatch(r"[\w.+-]+", name), name
        assert name[0] not in ".-" and not name.endswith("."), name


def test_files_of_one_name():
    """Once two of these were datax-2, and the third was never trained."""
    found = names({"data": ["q1/x.npy", "q2/x.npy", "q1/x-2.npy"], "epochs": 2})
    check(found)
    assert found[0] == "datax" and found[2] == "datax-2" and re.fullmatch("datax-[0-9a-f]{8}", found[1])


def test_long_widths():
    """Once "File name too long"."""
    found = names(SMALL | {"hidden": [[100 + i for i in range(30)], [100 + i for i in range(29)] + [7]], "seeds": 2})
    check(found)
    assert len(found) == 4 and found[0].endswith("-seed0") and found[0].startswith("hidden100x101x")


def test_many_options_that_differ():
    both = {"alpha": [1.25, 2.5], "beta": [1e-7, 2e-7], "latent_dim": [2, 3], "batch_size": [50, 60]}
    more = {"activation": ["relu", "leaky-relu"], "decoder_activation": ["relu", "leaky-relu"]}
    found = names(SMALL | both | more | {"lr": [0.001, 0.002], "samples": [1, 2], "init": ["he", "torch"]})
    assert len(found) == 512
    check(found)


def test_values_that_read_the_same():
    found = names(SMALL | {"alpha": [1.0, 1.0000001, 1.0000002]})
    check(found)
    assert found[0] == "alpha1"


def test_names_stay():
    """The same grid gives the same; values put behind its own leave them."""
    files = ["q1/x.npy", "q2/x.npy"]
    assert names({"data": files, "alpha": [0, 1]}) == names({"data": files, "alpha": [0, 1]})
    before = names({"data": files, "alpha": [0, 1.0]})
    after = names({"data": [*files, "q3/x.npy", "q1/x-2.npy"], "alpha": [0, 1.0, 3]})
    assert set(before) < set(after)
    assert names(SMALL | {"alpha": [1, 3]}) == ["alpha1", "alpha3"]


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 40))])
def test_names_of_random_files(seed):
    rng = random.Random(seed)
    files = {"".join(rng.choices([*PIECES, "/", "\\"], k=rng.randint(1, 6))) + ".npy" for _ in range(12)}
    widths = [[rng.choice([5, 64, 99999]) for _ in range(rng.randint(1, 30))] for _ in range(3)]
    block = {"data": sorted(files), "hidden": widths, "alpha": [0, 1e-300, 0.1 + 0.2, 0.3]}
    found = names(block)
    check(found)
    assert found == names(block)
    kept = names(block | {"alpha": [*block["alpha"], 7]})
    assert set(found) <= set(kept)


TOKENS = (
    *("alpha", "beta", "seeds", "seed", "hidden", "data", "prior", "epochs", "grid", "lr", "limit", "version", "dtype"),
    *(
        "=",
        "=",
        "=",
        "[",
        "]",
        "[[grid]]",
        "[grid]",
        "{",
        "}",
        ",",
        "\n",
        "\n",
        "\n",
        "'a'",
        '"mixture"',
        "1",
        "-1",
        "0.5",
    ),
    *("true", "nan", "inf", "1979-05-27", "[1, 2]", "[[5], [6]]", "[]", "''", '"\\u0000"', "1e400", "{a = 1}", "#"),
)
HOSTILE = (
    "alpha = " + "[" * 20_000 + "]" * 20_000,
    "alpha = " + "9" * 4400,
    "alpha = 1979-05-27",
    "seeds = 1979-05-27",
    "hidden = 07:32:00",
    "data = 1979-05-27",
    "grid = 3",
    "grid = [1]",
    "grid = []",
    "[[grid]]\n[[grid.alpha]]\nx = 1",
    "alpha = [[1]]",
    "hidden = [[[5]]]",
    "seeds = true",
    "seeds = [[1]]",
    "seeds = 1001",
    'alpha = ["x"]',
    'prior = ["mixture", 3]',
    '"" = 1',
    '"a.b" = 1',
)


def looked_at(folder, text):
    """What opening a sweep with such a grid comes to; any error but ours ends the test."""
    (folder / "sweep.toml").write_bytes(text.encode())
    try:
        check([entry.name for entry in open_sweep(folder)])
    except MinidecompError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:24])
def test_hostile_grids(text, tmp_path):
    """One line, which names the file."""
    said = looked_at(tmp_path, text)
    assert said.startswith(str(tmp_path / "sweep.toml")) and "\n" not in said


def random_grids(tmp_path, count):
    for seed in range(count):
        rng = random.Random(seed)
        looked_at(tmp_path, " ".join(rng.choices(TOKENS, k=rng.randint(1, 12))))
        line = "\n".join(f"{rng.choice(TOKENS[:13])} = {rng.choice(TOKENS[23:])}" for _ in range(rng.randint(1, 3)))
        looked_at(tmp_path, line)


def test_random_grids(tmp_path):
    random_grids(tmp_path, 300)


@pytest.mark.slow
def test_many_random_grids(tmp_path):
    random_grids(tmp_path, 20_000)
