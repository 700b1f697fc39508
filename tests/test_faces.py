"""The faces' promise: the same data, options and seed give the same numbers through each of them."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import DecompositionVAE, load_run
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.report.content import content

RNG = np.random.default_rng(0)
DATA = {
    "bytes": RNG.integers(0, 256, (60, 6)).astype(np.uint8),
    "bits": RNG.integers(0, 2, (60, 6)),
    "numbers": RNG.normal(size=(60, 6)),
}
GIVEN = {"prior": "sparse", "alpha": 2.0, "latent_dim": 2, "epochs": 3, "batch_size": 16, "seed": 2**40, "hidden": (9,)}
FLAGS = "--prior sparse --alpha 2 --latent-dim 2 --epochs 3 --batch-size 16 --hidden 9 --seed 1099511627776 -q"


def run(line):
    assert main(line.split()) == 0, line


@pytest.fixture(params=DATA)
def kind(request):
    np.save("points.npy", DATA[request.param])
    run(f"train --data points.npy {FLAGS} --out r --no-plots")
    return request.param


def test_the_model(kind):
    """Command, sweep and estimator train the same parameters, to the bit."""
    trained = load_run("r")
    run(f"sweep --data points.npy {FLAGS} --out s --metrics hoyer")
    (folder,) = (path.parent for path in Path("s").glob("*/checkpoint.npz"))
    assert_array_equal(load_run(folder).vae.parameters.vector, trained.vae.parameters.vector)
    model = DecompositionVAE(**GIVEN).fit(dataset_from(trained.options).train)
    assert_array_equal(model.vae_.parameters.vector, trained.vae.parameters.vector)


def test_the_evaluation(kind):
    """train's end, evaluate, a sweep's table and the report have the same numbers."""
    by_train = json.loads(Path("r/evaluation.json").read_text())
    run("evaluate r -q --metrics hoyer --seed 1099511627776")
    by_evaluate = json.loads(Path("r/evaluation.json").read_text())
    assert by_evaluate["test"] == by_train["test"] and by_evaluate["dimensions"] == by_train["dimensions"]
    run(f"sweep --data points.npy {FLAGS} --out s --metrics hoyer")
    with open("s/sweep.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    for name in ("log_likelihood", "kl", "mmd", "kl-inc"):
        assert float(row[f"test.{name}"]) == by_train["test"][name]
    assert float(row["hoyer"]) == by_evaluate["metrics"]["hoyer"]["score"]
    trained = load_run("r")
    batches = content(trained, dataset_from(trained.options))["evaluation"][0]
    shown = {name: values[batches["head"].index("test")] for name, *values in batches["rows"]}
    assert shown["log-likelihood"].replace("−", "-") == f"{by_train['test']['log_likelihood']:.4f}"


def test_the_codes(kind):
    """encode, the estimator, load_run and an export give the same codes for the same points."""
    trained = load_run("r")
    run("encode r points.npy --out codes.npz")
    with np.load("codes.npz") as codes:
        loc, scale = codes["loc"], codes["scale"]
    model = DecompositionVAE(**GIVEN).fit(dataset_from(trained.options).train)
    assert_allclose(model.transform(DATA[kind]), loc, rtol=1e-6, atol=1e-6)
    assert_allclose(trained.encode(DATA[kind])[1], scale, rtol=1e-6, atol=1e-6)
    run("export r --format numpy --out e")
    spec = importlib.util.spec_from_file_location("model", "e/model.py")
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    divided = DATA[kind] / (255 if kind == "bytes" else 1)
    assert_allclose(exported.encode(divided)[0], loc, rtol=1e-5, atol=1e-5)
