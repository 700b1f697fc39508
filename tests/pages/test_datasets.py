"""The page's data sets: the numbers, the order and the labels that `minidecomp train` has of the same data."""

from pathlib import Path

import numpy as np
import pytest
from browsers import needs_chromium
from driven import Driven
from javascript import in_node, needs_node

import minidecomp
from minidecomp.data import dataset_from, dsprites, load
from minidecomp.data.arrays import _split
from minidecomp.data.rules import size_note
from minidecomp.errors import as_flags
from minidecomp.page.constants import option_constants
from minidecomp.page.parts import json_text
from minidecomp.playground.hearts import HEART, MIDDLE, ORIENTATIONS, PLACES, SCALES, hearts, hearts_constant
from minidecomp.playground.page import write_playground
from minidecomp.settings.resolving import resolve
from minidecomp.training import start_in_memory, train

pytestmark = needs_node
FOLDER = Path(minidecomp.__file__).parent / "playground"
DATASETS = "\n".join((FOLDER / name).read_text("utf-8") for name in ("datasets.js", "scaling.js"))
CONSTANTS = f"Object.assign(CONSTANTS, {json_text({**option_constants(), 'hearts': hearts_constant()})});"


def node(expression, **given):
    """What an expression in the page's scripts is, where ``given`` are variables; of an Error its message."""
    names = ", ".join(given)
    body = f"const {{ {names} }} = given; try {{ return {expression}; }} catch (error) {{ return error.message; }}"
    return in_node(body, given, CONSTANTS, DATASETS)


def points(data):
    return np.array(data["x"]).reshape(data["rows"], data["width"])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data_seed": 7},
        {
            "arms": 3,
            "points_per_arm": 5,
            "radial_std": 0.3,
            "tangential_std": 0.05,
            "rate": -1.5,
            "data_seed": 2**63 - 1,
        },
    ],
)
def test_the_pinwheel(options):
    given = {name: str(value) if name == "data_seed" else value for name, value in options.items()}
    data, dataset = node("DATASETS.pinwheel.make(options)", options=given), load("pinwheel", **options)
    np.testing.assert_allclose(points(data), dataset.train, rtol=0, atol=4e-15)
    assert data["labels"] == dataset.train_labels.tolist()
    assert tuple(data["classNames"]) == dataset.class_names
    assert node("fileOf(DATASETS.pinwheel.make({}))") is None


@pytest.mark.parametrize(
    ("count", "fraction", "seed"), [(4, 0.1, 0), (5, 0.5, 3), (25, 0.1, 1), (35, 0.1, 1), (400, 0.1, 2**40)]
)
def test_the_split(count, fraction, seed):
    found = node("splitRows(count, fraction, String(seed))", count=count, fraction=fraction, seed=seed)
    train, test = _split(count, fraction, seed)
    assert found == {"train": train.tolist(), "test": test.tolist()}


def read_back(tmp_path, data_and_file, data_seed):
    """The data set that `minidecomp train` makes of the file with the options that go with it."""
    file = data_and_file["file"]
    (tmp_path / file["name"]).write_text(file["text"], "utf-8")
    options = resolve({**file["options"], "data": str(tmp_path / file["name"]), "data_seed": data_seed})
    return dataset_from(options)


MADE = "(() => { const data = DATASETS[name].make(options, source); return { data, file: fileOf(data) }; })()"
DRAWN = [[i / 3, -((i * 7) % 11) / 7] for i in range(37)] + [[0, 1e-7], [-0.0, 123456.789]]
KINDS = ["b", '"a ""c"""', '"é, d"']
TABLE = "size,kind,height\n" + "".join(f"{i * 0.1},{KINDS[i % 3]},{-1 / (i + 1)}\n" for i in range(41))
NUMBERED = "7,3,1.5\n" + "".join(f"{i},{i % 3},{i * 0.7}\n" for i in range(30))


@pytest.mark.parametrize("data_seed", [0, 12])
@pytest.mark.parametrize(
    ("name", "source", "rows", "classes"),
    [
        ("moons", None, 360, 2),
        ("ring", None, 360, 4),
        ("blobs", None, 324, 9),
        ("hearts", None, 216, 3),
        ("drawn", DRAWN, 35, 0),
        ("table", {"name": "t.csv", "text": TABLE}, 37, 3),
        ("table", {"name": "t.csv", "text": NUMBERED}, 28, 0),
    ],
)
def test_the_command_trains_on_the_same_points(name, source, rows, classes, data_seed, tmp_path):
    made = node(MADE, name=name, source=source, options={"data_seed": data_seed})
    data, dataset = made["data"], read_back(tmp_path, made, data_seed)
    np.testing.assert_array_equal(points(data), dataset.train)
    assert len(dataset.train) == rows and np.isfinite(dataset.train).all()
    assert data["labels"] == (None if dataset.train_labels is None else dataset.train_labels.tolist())
    assert tuple(data["classNames"]) == dataset.class_names and len(data["classNames"]) == classes
    assert tuple(data["columns"]) == dataset.feature_names
    assert data["imageShape"] == (None if dataset.image_shape is None else list(dataset.image_shape))


SIZED = {
    "years": "year,income\n" + "".join(f"{1950 + i},{i * i * 250 + 0.25}\n" for i in range(60)),
    "below 0": "a,b,c\n" + "".join(f"{i * 31 % 17 - 500},{7},{i / 900}\n" for i in range(30)),
    "tiny": "a,b\n" + "".join(f"{(i * 7 % 11) * 1e-7},{i * -3.3e-6}\n" for i in range(30)),
    "bytes": "a,b\n" + "".join(f"{i * 4},{i * 7 % 256}\n" for i in range(60)),
    "usual": "a,b\n" + "".join(f"{i / 31},{-i * 7 % 19}\n" for i in range(30)),
    "far": "a\n" + "".join(f"{i % 2 * 1e-9 if i < 599 else 1e9}\n" for i in range(600)),
}


@pytest.mark.parametrize("kind", SIZED)
@pytest.mark.parametrize("scale", ["none", "standardise"])
def test_a_table_is_scaled_and_spoken_of_as_the_command_does(kind, scale, tmp_path):
    if (kind, scale) == ("far", "none"):
        pytest.skip("the page refuses numbers beyond 1e6")
    source = {"name": "t.csv", "text": SIZED[kind]}
    made = node(MADE, name="table", source=source, options={"data_seed": 3, "scale": scale})
    assert made["file"]["options"].get("scale") == (None if scale == "none" else scale)
    dataset = read_back(tmp_path, made, 3)
    np.testing.assert_array_equal(points(made["data"]), dataset.train)
    assert made["data"]["note"] == as_flags(size_note(dataset)).replace("points.csv:", "t.csv:", 1)
    assert (made["data"]["note"] == "") == (kind == "usual" or (scale == "standardise" and kind != "far"))


def test_how_many_points_train():
    sources = {"drawn": DRAWN, "pinwheel": None}
    notes = [node("splitNote(DATASETS[name].make({}, source))", name=n, source=s) for n, s in sources.items()]
    assert notes == ["35 of the 39 points train; 4 are kept for testing, as the command keeps them.", ""]


@pytest.mark.parametrize("name", ["moons", "ring", "blobs"])
def test_points_lie_around_the_origin_and_the_seed_moves_them(name):
    sets = [points(node(MADE, name=name, source=None, options={"data_seed": seed})["data"]) for seed in (0, 1)]
    for each in sets:
        assert 1.2 < np.abs(each).max() < 2.6 and np.abs(each.mean(axis=0)).max() < 0.1
    assert not np.array_equal(*sets)


def test_hearts():
    images = hearts()
    assert images.shape == (240, 16, 16) and set(np.unique(images)) == {0, 1}
    filled = images.reshape(3, -1).mean(axis=1)
    assert (np.diff(filled) > 0.03).all() and filled[0] > 0.05
    assert len(np.unique(images.reshape(240, -1), axis=0)) == 240
    data = node(MADE, name="hearts", source=None, options={})["data"]
    train, _ = _split(240, 0.1, 0)
    np.testing.assert_array_equal(points(data), images.reshape(240, -1)[train])
    assert data["classNames"] == ["scale 0.5", "scale 0.7", "scale 1"]
    assert data["labels"] == (train // 80).tolist()


def test_no_heart_is_cut():
    classes = tuple(np.array(each) for each in ((HEART,), SCALES, ORIENTATIONS, PLACES, PLACES))
    whole = np.unpackbits(dsprites.render(classes), axis=1).reshape(-1, 64, 64)
    assert whole[:, MIDDLE, MIDDLE].sum() == whole.sum()


def table(text, name="t.csv"):
    return node("parsedTable(name, text)", name=name, text=text)


FOUR = ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "columns", "x", "labels"),
    [
        ("1.5\n2\n-3e-1\n.4\n", ["x_0"], [1.5, 2, -0.3, 0.4], None),
        ("\ufeffa;b\r\n1.5;2\r\n3;4\r\n5;6\r\n7;8\r\n\r\n", ["a", "b"], [1.5, 2, 3, 4, 5, 6, 7, 8], None),
        ("a\tlabel\n5\t1\n6\t1\n7\t0\n8\t0", ["a"], [5, 6, 7, 8], ["1", "1", "0", "0"]),
        ("a,Class\n5,1\n6,1\n7,0\n8,0", ["a"], [5, 6, 7, 8], ["1", "1", "0", "0"]),
        (
            '"the ""a"", here",b\n5, "x, y" \n6,"x\ny"\n7,z\n8,z',
            ['the "a", here'],
            [5, 6, 7, 8],
            ["x, y", "x\ny", "z", "z"],
        ),
        ("5,x\n6,x\n7,y\n8,y", ["x_0"], [5, 6, 7, 8], ["x", "x", "y", "y"]),
        (",a,b\n0,5,1\n1,6,1\n2,7,1\n3,8,1", ["a", "b"], [5, 1, 6, 1, 7, 1, 8, 1], None),
        ("1,5\n2,6\n3,7\n4,8", ["x_1"], [5, 6, 7, 8], None),
        ("1\n2\n3\n4", ["x_0"], [1, 2, 3, 4], None),
        ("a,a,\n5,1,2\n6,1,2\n7,1,2\n8,1,2", ["a", "a_2", "x_2"], [5, 1, 2, 6, 1, 2, 7, 1, 2, 8, 1, 2], None),
    ],
)
def test_tables(text, columns, x, labels):
    assert table(text) == {"x": x, "columns": columns, "labelTexts": labels}


def test_a_target_of_numbers_that_all_differ_is_no_label():
    found = table("a,target\n" + "".join(f"{i * i},{i / 7}\n" for i in range(30)))
    assert found["columns"] == ["a", "target"] and found["labelTexts"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv: expected a table of numbers, got an empty file"),
        (" \n\n", "t.csv: expected a table of numbers, got an empty file"),
        ("1,2\n3,4\n5,6", "t.csv: expected at least 4 points, got 3"),
        ("1\n" * 2001, "t.csv: the page can hold at most 2,000 points, not 2,001"),
        ("1,2\n3\n4,5\n6,7", "t.csv, line 2: expected 2 cells, as in the first line, got 1"),
        ("a,b\n1,2\n3,\n5,6\n7,8", "t.csv, line 3, column b: expected a number, got no value"),
        ("a,b\n1,2\n3,x\n5,6\n7,8", "t.csv, line 3, column b: expected a number, got 'x'"),
        ("1,2\n3,4\n5,6\n7,inf", "t.csv, line 4, column 2: expected a number, got 'inf'"),
        (
            "1,2\n3,4\n5,6\n7,1e7",
            "t.csv, line 4, column 2: expected a number from -1e6 to 1e6, got 1e7; "
            "standardise the columns to use larger numbers",
        ),
        ("\n\na,b\r\n1,2\n\n3,x\r\n5,6\r7,8\r\n9,1\n", "t.csv, line 6, column b: expected a number, got 'x'"),
        ('a,b,"c\nd"\n1,2\n', "t.csv, line 3: expected 3 cells, as in the first line, got 2"),
        (
            "a,label\n1,x\n\n\n2,\n3,y\n4,y\n",
            "t.csv, line 5, column label: expected a label, got no value",
        ),
        (
            "a;b\n1,5;2\n2,5;3\n3,5;4\n4,5;5\n",
            "t.csv, line 2: expected a decimal point, got '1,5'; minidecomp train can read decimal commas",
        ),
        (
            "1 2\n3  4\n5 6\n7 8\n",
            "t.csv: expected a comma, a semicolon or a tab between cells; minidecomp train can read spaces",
        ),
        (
            "a,b,c\n1,x,u\n2,x,u\n3,y,v\n4,y,v",
            "t.csv: expected numbers and at most one column of labels; these columns have words: b, c",
        ),
        ("x\ny\nx\ny", "t.csv: expected at least one column of numbers, got none"),
        (
            "a,label\n1,x\n2,\n3,y\n4,y",
            "t.csv, line 3, column label: expected a label, got no value",
        ),
        (
            "a,b\n" + "".join(f"{i},w{i}\n" for i in range(30)),
            "t.csv, column b: expected labels that several points share, got 30 different labels for 30 points",
        ),
        ((",".join("2" * 65) + "\n") * 4, "t.csv: the page can hold at most 64 columns of numbers, not 65"),
        ('1,"2\n3,4\n5,6\n7,8', "t.csv: expected a quotation mark at the end of the last cell, got none"),
    ],
)
def test_a_table_that_cannot_be_used(text, message):
    assert table(text) == message


def test_too_few_points_drawn():
    assert node("DATASETS.drawn.make({}, [[0, 1]])") == "drawn points: expected at least 4 points, got 1"


def test_a_name_that_is_taken_stays(tmp_path):
    """A column of numbers that is named label, beside one of classes: the file has both."""
    text = "class,label\n" + "".join(f"{'ab'[i % 2]},{i / 7}\n" for i in range(30))
    made = node(MADE, name="table", source={"name": "t.csv", "text": text}, options={})
    dataset = read_back(tmp_path, made, 0)
    assert dataset.feature_names == ("label",) and dataset.class_names == ("a", "b")
    np.testing.assert_array_equal(points(made["data"]), dataset.train)


@pytest.mark.parametrize("name", ["blobs", "hearts"])
def test_the_page_trains_the_model_that_the_command_trains_on_the_file(name, tmp_path):
    made = node(MADE, name=name, source=None, options={})
    path = tmp_path / made["file"]["name"]
    path.write_text(made["file"]["text"], "utf-8")
    more = {"prior": "mixture", "alpha": 2, "epochs": 3, "dtype": "float64", "engine": "cpu", "hidden": (16,)}
    options = resolve({**made["file"]["options"], **more, "data": str(path)})
    trainer = start_in_memory(options, dataset_from(options))
    assert train(trainer)
    trainer.engine.pull()
    page_options = {**vars(options), "likelihood": trainer.options.likelihood}
    steps = """
    const trainer = new Trainer(given.options, DATASETS[given.name].make(given.options));
    while (trainer.epoch < given.options.epochs) trainer.stepOnce();
    return trainer.model.parameters.vector;
    """
    found = in_node(steps, {"options": page_options, "name": name}, CONSTANTS, DATASETS)
    np.testing.assert_allclose(found, trainer.state.vae.parameters.vector, rtol=0, atol=1e-9)


@pytest.mark.slow
@needs_chromium
def test_the_page_draws_and_trains_on_each_data_set(tmp_path):
    write_playground(tmp_path / "page.html")
    with Driven(tmp_path / "page.html", tmp_path) as page:
        for name in ("hearts", "moons", "ring", "blobs", "pinwheel"):
            page.value(f"""(() => {{
                const choice = document.getElementById("data-choice");
                choice.value = "{name}";
                choice.dispatchEvent(new Event("change", {{ bubbles: true }}));
            }})()""")
            page.until(f"playground.data.name === '{name}' && playground.snapshot && playground.snapshot.step > 1")
            assert page.value("document.getElementById('fault-data').textContent") == ""
        assert page.console == []
