"""``minidecomp playground``: the file, what it says and opens, and a run as the page goes on with it."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browsers import browse, needs_chromium, with_script
from driven import Driven
from javascript import NODE, in_node, needs_node
from toys import MOMENTS, Logistic, Unit

from minidecomp import load_run, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data.dataset import Dataset
from minidecomp.data.rules import learn
from minidecomp.figures.classes import class_colours
from minidecomp.page import constants, engine_script, page_text, parts
from minidecomp.page.constants import option_constants
from minidecomp.playground.content import content
from minidecomp.playground.page import HERE, page, scripts
from minidecomp.randomness import streams
from minidecomp.runs.checkpoint import State
from minidecomp.settings.resolving import resolve
from minidecomp.variants import LIKELIHOODS, PRIORS, REGULARISERS

ROOT = Path(__file__).parents[2]
QUIET = ["--quiet", "--no-plots", "--threads", "1"]
RUNS = {
    "single": "--prior mixture --alpha 3 --points-per-arm 20 --epochs 3 --hidden 8",
    "double": "--prior student-t --data pinwheel --points-per-arm 20 --epochs 3 --hidden 8 --dtype float64 --samples 2",
    "plain": "--prior sparse --data pinwheel --points-per-arm 10 --epochs 2 --hidden 5,4 --no-amsgrad --batch-size 7",
    "large-seed": "--points-per-arm 5 --epochs 1 --hidden 3 --seed 18446744073709551615 --data-seed 9007199254740993",
    "bytes": "--data images.npy --epochs 2 --hidden 9 --latent-dim 3 --likelihood laplace --dtype float64",
    "bits": "--data dsprites --limit 20 --epochs 1 --hidden 1 --factors shape=heart,orientation=0,scale=1",
    "scaled": "--data sizes.csv --scale standardise --prior gaussian --prior-variance pca --epochs 2 --dtype float64",
    "learnt": "--data sizes.csv --scale unit --prior-variance pca --learn-prior-variance --epochs 2 --dtype float64",
    "scheduled": "--points-per-arm 10 --hidden 4 --epochs 4 --alpha-warmup 8 --beta 0:0,4:2 --lr-schedule cosine",
    "one": "--data pinwheel --prior gaussian --latent-dim 1 --points-per-arm 10 --hidden 4 --epochs 2 --dtype float64",
    "validated": "--points-per-arm 20 --hidden 4 --epochs 3 --early-stopping 2 --validation-fraction 0.2",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("playground")
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 256, (60, 6, 5), dtype=np.uint8))
    sizes = rng.normal(size=(60, 4)) * [1, 1000, 0.01, 3] + [0, 5e3, 1, -40]
    np.savetxt(folder / "sizes.csv", sizes, delimiter=",", header="a,b,</script>,d", comments="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, options in RUNS.items():
            assert main(["train", *options.split(), *QUIET, "--out", name]) == 0
    return folder


@pytest.fixture
def opened(monkeypatch):
    """What a browser was asked to open, on a machine with a display."""
    asked = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda url: asked.append(url) or True)
    return asked


def read(runs, name):
    """The content of a run's page, as the page reads it, and the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(runs)
        run = load_run(name)
        made = content(run, dataset_from(run.options))
    return json.loads(parts.json_text(made)), run


def values(stored):
    return np.frombuffer(base64.b64decode(stored["base64"]), {"float32": "<f4", "float64": "<f8"}[stored["dtype"]])


def data_in(text, name):
    return json.loads(
        re.search(rf'<script type="application/json" id="{name}">\s*(.*?)\s*</script>', text, re.DOTALL)[1]
    )


def data_in_engine(text):
    """The constants that a page's engine begins with."""
    return json.loads(re.search(r"const CONSTANTS = (.*);$", text, re.MULTILINE)[1])


# ---- the command ----


def test_a_page_of_its_own(opened, own_folder, capsys):
    assert main(["playground"]) == 0
    path = own_folder / "playground.html"
    out, err = capsys.readouterr()
    assert re.fullmatch(r"page: playground.html \(\d+ kB\)\n", out) and err == ""
    assert opened == [path.as_uri()]
    text = path.read_text("utf-8")
    assert text == page() and data_in(text, "content") is None
    assert path.stat().st_size < 400_000


def test_the_page_in_the_docs_is_what_the_command_writes():
    assert (ROOT / "docs/playground.html").read_text("utf-8") == page(), (
        "minidecomp playground --no-open --out docs/playground.html"
    )


def test_a_page_of_a_run(opened, runs, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(runs)
    capsys.readouterr()
    assert main(["playground", "single"]) == 0
    assert capsys.readouterr().out.startswith("page: single/playground.html (")
    assert opened == [(runs / "single/playground.html").as_uri()]
    assert data_in(Path("single/playground.html").read_text("utf-8"), "content") == read(runs, "single")[0]
    assert main(["playground", "single", "-o", str(tmp_path / "new/a b.html")]) == 0
    assert opened[-1].endswith("/new/a%20b.html") and (tmp_path / "new/a b.html").is_file()


def test_no_open_never_opens(opened, runs, monkeypatch):
    monkeypatch.chdir(runs)
    for args in ([], ["single"], ["single", "--out", "x.html"]):
        assert main(["playground", *args, "--no-open"]) == 0
    assert opened == []


@pytest.mark.parametrize("way", ["no display", "none found", "none starts", IndexError, ValueError])
def test_where_no_browser_can_be_opened(way, opened, monkeypatch, capsys):
    import webbrowser

    # What BROWSER=" " and BROWSER="'%s" make of it are the last two.
    def fail(url):
        raise (way if isinstance(way, type) else webbrowser.Error)("could not locate runnable browser")

    if way == "no display":
        monkeypatch.setattr("sys.platform", "linux")
        monkeypatch.delenv("DISPLAY")
    else:
        monkeypatch.setattr("webbrowser.open", fail if way != "none starts" else lambda url: False)
    assert main(["playground"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("page: playground.html") and opened == []
    assert err == "no browser could be opened; open the page yourself\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ("nowhere", 2, "nowhere: no such run folder"),
        ("single -o page.pdf", 2, "--out page.pdf: the file's name must end in .html"),
        ("-o page.pdf", 2, "--out page.pdf: the file's name must end in .html"),
        ("-o folder.html", 2, "--out folder.html: this is a folder"),
        ("-o single/config.toml/x.html", 1, "cannot make the folder single/config.toml: File exists"),
        ("--which last", 2, "--which needs a RUN"),
        ("--data-dir .", 2, "--data-dir needs a RUN"),
        ("single --which best", 2, "single: it has no best.npz"),
        ("single --which first", 2, "--which must be best or last, not 'first'"),
        ("single single", 2, "unexpected argument: single"),
    ],
)
def test_wrong_use(args, code, message, opened, runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    Path("folder.html").mkdir(exist_ok=True)
    capsys.readouterr()
    assert main(["playground", *args.split()]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith(f"minidecomp: {message}")
    assert opened == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--hidden 3,3,3,3", "the model has 4 hidden layers; the page can train at most 3"),
        ("--hidden 3 --decoder-hidden 2,2,2,2", "the model has 4 hidden layers; the page can train at most 3"),
        ("--hidden 5000", "the model has 70,008 weights; the page can train at most 20,000"),
        pytest.param(
            "--points-per-arm 15001 --batch-size 60000",
            "the training points have 120,008 numbers; the page can hold at most 120,000; "
            "train on fewer points with --limit",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_the_page_cannot_train(options, message, opened, capsys):
    small = ["--points-per-arm", "5", "--data", "pinwheel", "--hidden", "3", "--epochs", "1"]
    assert main(["train", *small, *options.split(), *QUIET, "--out", "r"]) == 0
    capsys.readouterr()
    assert main(["playground", "r"]) == 2
    assert capsys.readouterr() == ("", f"minidecomp: r: {message}\n")
    assert opened == [] and not Path("r/playground.html").exists()


@pytest.mark.parametrize(
    ("variants", "toy", "options", "message"),
    [
        (PRIORS, Logistic, "--prior logistic", "prior logistic"),
        (LIKELIHOODS, Unit, "--likelihood unit --engine textbook", "likelihood unit"),
        (REGULARISERS, MOMENTS, "--regulariser moments --alpha 1", "regulariser moments"),
    ],
    ids=["prior", "likelihood", "regulariser"],
)
def test_an_added_term(variants, toy, options, message, opened, capsys):
    variants.add(toy)
    try:
        small = ["--data", "pinwheel", "--points-per-arm", "5", "--hidden", "3", "--epochs", "1"]
        assert main(["train", *small, *options.split(), *QUIET, "--out", "r"]) == 0
        capsys.readouterr()
        assert main(["playground", "r"]) == 2
        assert capsys.readouterr() == ("", f"minidecomp: r: the playground cannot train with the {message}\n")
    finally:
        variants.remove(toy.name)


# ---- a run's content ----


@pytest.mark.parametrize("name", RUNS)
def test_the_content_of_a_run(name, runs):
    made, run = read(runs, name)
    o, adam, rows, width = run.options, run.state.optimizer, made["data"]["rows"], made["data"]["width"]
    assert made["name"] == name
    state = made["state"]
    assert (state["step"], state["epoch"], state["row"]) == (adam.step, run.state.epoch, run.state.row)
    pairs = [("parameters", run.vae.parameters.vector), ("m", adam.m), ("v", adam.v), ("v_max", adam.v_max)]
    for part, array in pairs:
        if array is None:
            assert state[part] is None and not o.amsgrad
        else:
            stored = values(state[part])
            assert stored.dtype == array.dtype == o.dtype
            np.testing.assert_array_equal(stored, array)
    x = values(made["data"]["x"])
    assert x.dtype == o.dtype and x.size == rows * width and np.ptp(x) > 0
    assert not set(made["options"]) & {"threads", "engine", "log", "data_dir", "checkpoint_every"}
    assert made["options"]["hidden"] == list(o.hidden) and made["options"]["prior"] == o.prior


def test_the_points_are_the_runs_own(runs):
    images = np.load(runs / "images.npy").reshape(60, 30)
    data = read(runs, "bytes")[0]["data"]
    x = values(data["x"]).reshape(data["rows"], 30)
    assert data["imageShape"] == [6, 5] and data["labels"] is None and data["classNames"] == []
    known = {row.tobytes() for row in images * (1 / 255)}
    assert all(row.tobytes() in known for row in x) and len(x) < 60
    assert data["columns"] == [] and read(runs, "single")[0]["data"]["columns"] == ["x_0", "x_1"]
    bits = values(read(runs, "bits")[0]["data"]["x"])
    assert set(bits.tolist()) == {0.0, 1.0}
    scaled, run = read(runs, "scaled")
    assert scaled["data"]["columns"] == ["a", "b", "</script>", "d"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(runs)
        train = dataset_from(run.options).train
    np.testing.assert_array_equal(values(scaled["data"]["x"]), train.ravel())
    assert any("--scale standardise" in note for note in scaled["notes"])


def test_labels_and_their_colours(runs):
    made, run = read(runs, "single")
    dataset = dataset_from(run.options)
    data = made["data"]
    assert data["labels"] == dataset.train_labels.tolist() and data["classNames"] == list(dataset.classes)
    assert data["classColours"] == class_colours(len(dataset.classes))


def test_seeds_keep_every_digit(runs):
    options = read(runs, "large-seed")[0]["options"]
    assert options["seed"] == "18446744073709551615" and options["data_seed"] == "9007199254740993"
    assert read(runs, "single")[0]["options"]["seed"] == 0


def test_a_schedule_gives_its_present_value(runs):
    made, _ = read(runs, "scheduled")
    options = made["options"]
    # at the end of the run these are its last epoch's
    assert options["alpha"] == 0 and options["beta"] == 1.5
    assert options["lr"] == pytest.approx(0.5e-3 * (1 + np.cos(0.75 * np.pi)))
    assert not [name for name in options if name.endswith(("_schedule", "_warmup"))]
    resolve(options)
    assert "The run has a schedule for beta; here it stays at 1.5, its value in epoch 4." in made["notes"]


def test_a_schedule_on_the_way(runs):
    run = load_run(runs / "scheduled")
    run.state.epoch = 2
    options = content(run, dataset_from(run.options))["options"]
    assert options["beta"] == 2 * 2 / 4 and options["lr"] == pytest.approx(0.5e-3), (
        "the next step's, of the third epoch"
    )


def test_the_best_model_and_that_the_page_does_not_validate(runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    capsys.readouterr()
    for which in ("best", "last"):
        assert main(["playground", "validated", "--which", which, "--no-open", "-o", f"{which}.html"]) == 0
        made, run = data_in(Path(f"{which}.html").read_text(), "content"), load_run("validated", which)
        np.testing.assert_array_equal(values(made["state"]["parameters"]), run.vae.parameters.vector)
        assert made["state"]["epoch"] == run.state.epoch
        assert len(values(made["data"]["x"])) == 2 * made["data"]["rows"] < 2 * 80
        assert any(note.startswith("The page does not validate and does not stop early") for note in made["notes"])
        assert any("best validation score" in note for note in made["notes"]) == (which == "best")


def gone_on(made, epochs):
    """The parameters after so many epochs in all, from what stands on the page alone."""
    data, state = made["data"], made["state"]
    options = {name: value for name, value in made["options"].items() if name != "version"}
    options |= {"epochs": epochs, "threads": 1, "engine": "cpu"}
    options = resolve({name: int(value) if name.endswith("seed") else value for name, value in options.items()})
    x = values(data["x"]).reshape(data["rows"], data["width"]).copy()
    dataset = Dataset("page", x, x)
    logits = None if state["prior_logits"] is None else values(state["prior_logits"])
    begun = training.checkpoint.fresh_state(options, data["width"], logits)
    if state["prior_scale"] is not None:
        np.testing.assert_array_equal(begun.vae.prior.scale, values(state["prior_scale"]))
    begun.vae.parameters.vector[...] = values(state["parameters"])
    begun.optimizer.m[...], begun.optimizer.v[...] = values(state["m"]), values(state["v"])
    if state["v_max"] is not None:
        begun.optimizer.v_max[...] = values(state["v_max"])
    begun.optimizer.step = state["step"]
    whole = State(begun.vae, begun.optimizer, logits, state["epoch"], state["row"])
    trainer = training.go_on_in_memory(options, dataset, learn(dataset, options.likelihood, options.dtype), whole)
    assert training.train(trainer)
    return whole.vae.parameters.vector


@pytest.mark.parametrize("name", ["single", "double", "plain", "large-seed", "bytes", "scaled", "learnt"])
def test_all_that_the_next_steps_depend_on_is_there(name, runs, tmp_path, monkeypatch):
    """A run that goes on, and one that is begun from the content alone, end at the same bits."""
    monkeypatch.chdir(runs)
    made, run = read(runs, name)
    shutil.copytree(runs / name, tmp_path / name)
    epochs = run.state.epoch + 2
    assert main(["train", "--resume", str(tmp_path / name), "--epochs", str(epochs), *QUIET]) == 0
    resumed = load_run(tmp_path / name).vae.parameters.vector
    assert (resumed != run.vae.parameters.vector).any()
    np.testing.assert_array_equal(gone_on(made, epochs), resumed)


GO_ON = """
const run = decodedRun(given.content), trainer = Trainer.fromState(run.options, run.data, run.state);
while (trainer.epoch < given.epochs) trainer.stepOnce();
return trainer.model.parameters.vector;
"""


@needs_node
@pytest.mark.parametrize("name", ["single", "double", "plain", "large-seed", "bytes", "scaled", "learnt", "one"])
def test_the_pages_engine_goes_on_with_a_run(name, runs, tmp_path, monkeypatch):
    """It takes the steps that the CPU engine takes, to the digits of the run's dtype."""
    monkeypatch.chdir(runs)
    made, run = read(runs, name)
    shutil.copytree(runs / name, tmp_path / name)
    epochs = run.state.epoch + 4
    assert main(["train", "--resume", str(tmp_path / name), "--epochs", str(epochs), *QUIET]) == 0
    resumed = load_run(tmp_path / name).vae.parameters.vector
    decoding = parts.joined([parts.HERE / "encoded.js", HERE / "run.js"])
    body = f"CONSTANTS.defaults = given.defaults;\n{GO_ON}"
    given = {"content": made, "epochs": epochs, "defaults": option_constants()["defaults"]}
    found = np.array(in_node(body, given, decoding))
    small = 1e-9 if run.vae.dtype == np.float64 else 2e-5
    assert np.abs(resumed - run.vae.parameters.vector).max() > 100 * small
    np.testing.assert_allclose(found, resumed, rtol=0, atol=small)


def test_in_the_midst_of_an_epoch(tmp_path):
    options = resolve(
        prior="mixture", points_per_arm=100, hidden=(4,), batch_size=100, epochs=2, threads=1, engine="cpu"
    )
    dataset = dataset_from(options)
    with training.start(options, dataset, str(tmp_path / "r")) as trainer:
        assert not training.train(trainer, should_stop=lambda: True)
    made = json.loads(parts.json_text(content(load_run(tmp_path / "r"), dataset)))
    assert made["state"]["row"] == 100 and made["state"]["epoch"] == 0 and made["state"]["step"] == 1
    assert main(["train", "--resume", str(tmp_path / "r"), *QUIET]) == 0
    np.testing.assert_array_equal(gone_on(made, 2), load_run(tmp_path / "r").vae.parameters.vector)


# ---- the page ----


def test_nothing_ends_a_script(runs):
    made, _ = read(runs, "scaled")
    usual, text = page(), page({**made, "name": "</script><b>"})
    assert text.count("</script>") == usual.count("</script>") and "<b>" not in text
    for path in [*scripts(), HERE / "worker.js"]:
        assert "</script" not in path.read_text("utf-8").lower() and "<!--" not in path.read_text("utf-8")
    assert "</script" not in engine_script().lower() and "<!--" not in engine_script()


def test_nothing_is_fetched_and_nothing_else_runs():
    text = page()
    assert not re.search(
        r"""\s(src|href)\s*=|url\(|@import|fetch\(|XMLHttp|importScripts|{{|\beval\(|innerHTML""", text
    )
    html = (HERE / "page.html").read_text("utf-8")
    assert not re.search(r"\s(style|on\w+)=", html)
    for path in scripts():
        assert not re.search(r"""setAttribute\("style"|\bstyle:""", path.read_text("utf-8")), path.name


@pytest.mark.parametrize("kind", ["playground", "report", "run"])
def test_the_policy_names_the_pages_own_scripts(kind, runs, monkeypatch):
    from minidecomp.report import content as report_content
    from minidecomp.report.page import page as report_page

    if kind == "report":
        run = load_run(runs / "single")
        text = report_page(report_content.content(run, dataset_from(run.options)))
    else:
        text = page(read(runs, "single")[0] if kind == "run" else None)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', text)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    own = re.findall(r"<script(?: id=\"\w+\")?>(.*?)</script>", text, re.DOTALL)
    assert rules["script-src"].split() == [parts.source(each) for each in own] and own
    assert rules["style-src"].split() == [
        parts.source(each) for each in re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    ]
    del rules["script-src"], rules["style-src"]
    nothing = dict.fromkeys(("default-src", "base-uri", "form-action"), "'none'")
    assert rules == nothing | {"worker-src": "blob:", "img-src": "data: blob:"}
    assert text.index("Content-Security-Policy") < text.index("<style") < text.index("<script")


def test_a_template_is_filled_in_one_pass():
    text = page_text("<p>{{a}}{{b}}</p><script type='x'>{{b}}</script>{{policy}}", {"a": "{{b}}", "b": "{{policy}}"})
    assert text.startswith(
        "<p>{{b}}{{policy}}</p><script type='x'>{{policy}}</script>default-src 'none'; script-src 'none'"
    )


def test_the_scripts_come_in_one_order():
    names = [path.name for path in scripts()]
    shared = list(parts.DRAWING_SCRIPTS)
    assert names[: len(shared)] == shared and names[-1] == "app.js" and "worker.js" not in names
    assert set(shared) == {path.name for path in parts.HERE.glob("*.js")}
    assert set(parts.ENGINE_SCRIPTS) == {
        path.relative_to(parts.HERE / "engine").as_posix() for path in (parts.HERE / "engine").rglob("*.js")
    }
    for text in (engine_script(), re.search(r"<script>(.*?)</script>", page(), re.DOTALL)[1]):
        assert text.lstrip().startswith('"use strict";'), "elsewhere it has no effect"


def test_the_constants_are_pythons_own():
    from minidecomp._core import codes
    from minidecomp.settings.options import by_name

    kept = json.loads(parts.json_text({**constants(), **option_constants()}))
    assert kept["MIN_SCALE"] == codes.MIN_SCALE and kept["LARGEST_GRADIENT"] == codes.LARGEST_GRADIENT["float64"]
    assert kept["PRIORS"] == list(codes.PRIORS) and kept["KERNEL_SCALES"] == list(codes.KERNEL_SCALES)
    assert set(kept["streams"]) == {name for name, each in vars(streams).items() if isinstance(each, streams.Stream)}
    for name, stream in kept["streams"].items():
        assert int(stream["first_step"]) == getattr(streams, name).first_step
        assert tuple(stream["purposes"]) == getattr(streams, name).purposes
    assert set(kept["options"]) == set(by_name())
    assert kept["options"]["seed"]["kind"] == "int" and kept["usualVarianceScale"]["mixture"] == 0.03
    assert data_in_engine(page())["options"] == kept["options"]
    assert kept["options"]["df"]["above"] == by_name()["df"].above
    assert kept["options"]["prior"]["choices"] == list(PRIORS) and kept["options"]["seed"]["high"] == str(2**64 - 1)


@needs_node
def test_node_has_the_engine_and_its_constants(tmp_path):
    (tmp_path / "engine.js").write_text(engine_script() + "\nconsole.log(JSON.stringify(CONSTANTS));\n", "utf-8")
    out = subprocess.run([NODE, tmp_path / "engine.js"], capture_output=True, check=True).stdout
    assert json.loads(out) == json.loads(json.dumps(constants()))


@needs_node
def test_no_name_stands_in_two_scripts(tmp_path):
    """All scripts of a page, or of its worker, share one scope, in which a second ``const`` of a name is an error."""
    own = re.search(r"<script>(.*?)</script>", page(), re.DOTALL)[1]
    for name, last in (("page", own), ("worker", (HERE / "worker.js").read_text("utf-8"))):
        (tmp_path / f"{name}.js").write_text(f"{engine_script()}\n{last}", "utf-8")
        checked = subprocess.run(
            [NODE, "--check", tmp_path / f"{name}.js"], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


WORKER_PROBE = """
const text = document.getElementById("engine").textContent + "\\npostMessage(CONSTANTS.MIN_SCALE);";
const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
worker.onmessage = (event) => {
  const result = document.createElement("pre");
  result.id = "found";
  result.textContent = JSON.stringify({ inWorker: event.data, here: CONSTANTS.MIN_SCALE });
  document.body.appendChild(result);
};
"""


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", [None, "single"])
def test_under_its_policy_the_page_and_a_worker_run(name, runs, tmp_path):
    text = page(None if name is None else read(runs, name)[0])
    found, console = browse(with_script(text, WORKER_PROBE), tmp_path, "--virtual-time-budget=5000")
    assert console == [] and found == {"inWorker": 1e-6, "here": 1e-6}


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", ["single", "bytes", "bits", "learnt", "one"])
def test_the_page_begins_where_the_run_ended(name, runs, tmp_path):
    made, run = read(runs, name)
    (tmp_path / "run.html").write_text(page(made), "utf-8")
    with Driven(tmp_path / "run.html", tmp_path) as driven:
        begun = run.state.optimizer.step
        assert driven.until("playground.snapshot && playground.snapshot.step") >= begun
        assert driven.until(f"playground.snapshot.step > {begun}")
        text = driven.value("document.body.innerText")
        assert all(note in text for note in made["notes"])
        assert driven.console == []


@pytest.mark.slow
@needs_chromium
def test_under_its_policy_nothing_else_runs(tmp_path):
    text = page().replace("</body>", "<script>document.title = 'other'</script></body>")
    _, console = browse(text, tmp_path)
    assert len(console) == 1 and "Content Security Policy" in console[0]
