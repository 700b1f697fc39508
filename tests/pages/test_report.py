"""The page of a run: what is in it, and, in a headless browser, that it works."""

import base64
import csv
import dataclasses
import html
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from browsers import browse, needs_chromium, with_script
from small_runs import MODELS, make_runs

from minidecomp import load_run
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.figures.classes import SHAPES, class_colours
from minidecomp.model.vae import in_dtype
from minidecomp.report import content as report_content
from minidecomp.report.evaluation import number
from minidecomp.report.page import page, write_report


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("report"))


def loaded(runs, name):
    run = load_run(runs / name)
    return run, dataset_from(run.options)


@pytest.mark.parametrize("name", MODELS)
def test_the_page_is_one_file(name, runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    capsys.readouterr()
    assert main(["report", name]) == 0
    assert re.fullmatch(rf"page: {name}/report.html \([\d.]+ (kB|MB)\)\n", capsys.readouterr().out)
    text = Path(f"{name}/report.html").read_text()
    assert not re.search(r"""(src|href)\s*=|url\(|@import|fetch\(|XMLHttp|{{""", text)
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    values = json.loads(re.search(r'<script type="application/json" id="values">(.*?)</script>', text, re.DOTALL)[1])
    run, _ = loaded(runs, name)
    assert values["explorer"]["latent_dim"] == run.vae.latent_dim and values["epochs"] == run.state.epoch
    stored = np.frombuffer(base64.b64decode(values["explorer"]["decoder"]["vector"]), "<f4")
    W, b = run.vae.parameters["dec.0.W"], run.vae.parameters["dec.0.b"]
    np.testing.assert_array_equal(stored[: W.size + b.size], np.concatenate([W.ravel(), b]))
    prior = next(group for group in values["settings"] if group["title"] == "Prior p(z)")
    assert ["--prior", run.options.prior] in [row[:2] for row in prior["rows"]]


@pytest.mark.parametrize(
    "name", ["{{script}}.npy", "{{values}}", "{{title}}", "{{nothing}}", "\\1 \\g<0>", "</script>"]
)
def test_a_name_is_text_whatever_it_looks_like(name, runs):
    values = report_content.content(*loaded(runs, "plane"))
    usual, text = page(values), page({**values, "name": name})
    shown = html.escape(name)
    assert f"<title>{shown} - minidecomp</title>" in text and f"<h1>{shown}</h1>" in text
    kept = re.search(r'<script type="application/json" id="values">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(kept) == json.loads(json.dumps({**values, "name": name}))
    assert text.count("</script>") == usual.count("</script>")


def test_a_name_that_is_not_utf_8(runs, tmp_path, monkeypatch):
    run, dataset = loaded(runs, "plane")
    values = report_content.content(run, dataset)
    monkeypatch.setattr("minidecomp.report.page.content", lambda *_: {**values, "name": "a\udcff"})
    write_report(run, dataset, tmp_path / "page.html")
    assert "<h1>a\\udcff</h1>" in (tmp_path / "page.html").read_text("utf-8")


def test_a_large_decoder_is_left_out_and_said(runs, monkeypatch):
    monkeypatch.setattr(report_content, "MOST_WEIGHTS", 10)
    run, dataset = loaded(runs, "plane")
    explorer = report_content.content(run, dataset)["explorer"]
    assert explorer == {"left_out": "the decoder has 60 weights; a page holds at most 10"}


@pytest.mark.parametrize("name", [pytest.param("plane", marks=pytest.mark.slow), "bytes"])
def test_a_dimensions_kl_is_one_number(name, runs, tmp_path, monkeypatch):
    """The sliders, the page's table and the traversal have evaluation.json's, whatever seed that was made with."""
    shutil.copytree(runs / name, tmp_path / name)
    monkeypatch.chdir(runs)  # where its data are
    folder = tmp_path / name
    by_seed = []
    for seed in ("5", "6"):
        assert main(["evaluate", str(folder), "--seed", seed, "--metrics", "none", "-q"]) == 0
        kl = np.array(json.loads((folder / "evaluation.json").read_text())["dimensions"]["kl"])
        run = load_run(folder)
        values = report_content.content(run, dataset_from(run.options))
        np.testing.assert_allclose(values["explorer"]["kl"], kl, rtol=5.01e-3)
        shown = next(table for table in values["evaluation"] if table["title"] == "Latent dimensions")["rows"]
        assert [row[:2] for row in shown] == [[f"z{d}", number(each)] for d, each in enumerate(kl[:20], 1)]
        out = str(tmp_path / "t.npz")
        assert main(["traverse", str(folder), "--out", out, "--no-gif", "--steps", "2", "--dimensions", "99"]) == 0
        with np.load(out) as arrays:
            np.testing.assert_array_equal(arrays["kl"], np.sort(kl)[::-1])
            np.testing.assert_array_equal(arrays["kl"], kl[arrays["dimension"] - 1])
        by_seed.append(kl)
    assert (by_seed[0] != by_seed[1]).any()


def test_without_an_evaluation_a_dimensions_kl_is_what_training_would_have_written(runs, tmp_path):
    run, dataset = loaded(runs, "plane")
    written = json.loads((runs / "plane/evaluation.json").read_text())["dimensions"]["kl"]
    run.folder = tmp_path
    np.testing.assert_allclose(report_content.content(run, dataset)["explorer"]["kl"], written, rtol=6e-3)


def test_names_cannot_break_the_page(runs):
    run, dataset = loaded(runs, "plane")
    values = report_content.content(run, dataset) | {"name": "</script><b>&"}
    text = page(values)
    assert "</script><b>" not in text and html.escape("</script><b>&") in text


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ("report nowhere", 2, "nowhere: no such run folder"),
        ("report plane --out page.pdf", 2, "--out page.pdf: the file's name must end in .html"),
        ("report plane --out plane/config.toml/x.html", 1, "cannot make the folder plane/config.toml: File exists"),
    ],
)
def test_wrong_use(args, code, message, runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    capsys.readouterr()
    assert main(args.split()) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith(f"minidecomp: {message}")


# ---- in a browser ----

# What a person would do, and what the page's own functions say, written into the page.
PROBE = """
const found = {};
const picture = () => document.getElementById("output").toDataURL();
const model = values.explorer;
const { trained } = explorer, kind = LIKELIHOODS[trained.likelihood.name];
found.outputs = PLACES.map((z) => Array.from(decode(trained, z, 1)));
found.means = PLACES.map((z) => Array.from(kind.mean(decode(trained, z, 1), 1, trained.dataDim)));
found.prior = PLACES.map((z) => {
  const { value, z: slope } = PRIORS[trained.prior.name].logDensityAndGrad(trained.prior, z, 1);
  return [value[0], ...slope];
});
found.likelihood = PLACES.map((z) => {
  explorer.moveTo(z);
  const { likelihood } = explorer.terms();
  return [likelihood[0], ...likelihood[1]];
});
explorer.choose(0);
const before = picture(), slider = explorer.sliders.all[0].input;
slider.focus();
slider.value = Number(slider.value) > 0 ? slider.min : slider.max;
slider.dispatchEvent(new Event("input", { bubbles: true }));
found.sliderMoves = explorer.z[explorer.sliders.all[0].d] === Number(slider.value);
found.sliderChangesPicture = picture() !== before;
document.getElementById("to-loc").click();
found.buttonRestoresPicture = picture() === before;
const select = document.getElementById("point");
select.value = "1";
select.dispatchEvent(new Event("change"));
found.chosen = explorer.chosen;
found.otherPointOtherPicture = picture() !== before;
document.getElementById("to-sample").click();
found.sample = Array.from(explorer.z);
document.getElementById("to-zero").click();
found.centre = Array.from(explorer.z);
if (explorer.plane) {
  const canvas = document.getElementById("plane"), plane = canvas.toDataURL(), z = Array.from(explorer.z);
  canvas.focus();
  found.planeHasFocus = document.activeElement === canvas;
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", shiftKey: true }));
  found.keys = [explorer.z[0] - z[0], explorer.z[1] - z[1]];
  found.planeChanges = canvas.toDataURL() !== plane;
  const box = canvas.getBoundingClientRect();
  canvas.setPointerCapture = () => {};
  const [clientX, clientY] = [box.left + box.width / 4, box.top + box.height / 4];
  canvas.dispatchEvent(new PointerEvent("pointerdown", { clientX, clientY }));
  found.pointed = Array.from(explorer.z);
}
const legend = Array.from(document.getElementById("classes").children);
found.legend = legend.map((item) => [item.textContent, getComputedStyle(item.querySelector("path")).fill]);
found.column = model.image_shape ? "" : explorer.columnName(0);
found.curves = document.querySelectorAll("#curves svg path").length;
found.background = getComputedStyle(document.body).backgroundColor;
const result = document.createElement("pre");
result.id = "found";
result.textContent = JSON.stringify(found);
document.body.appendChild(result);
"""


def probed(runs, name, places):
    run, dataset = loaded(runs, name)
    probe = PROBE.replace("PLACES", json.dumps(places.tolist()))
    return run, dataset, with_script(page(report_content.content(run, dataset)), probe)


def test_the_points_classes(runs):
    run, dataset = loaded(runs, "plane")
    many = dataclasses.replace(dataset, test_labels=np.arange(len(dataset.test)) % 30, class_names=())
    for each in (dataset, many):
        points = report_content.content(run, each)["explorer"]["points"]
        classes = points["classes"]
        assert [classes["names"][code] for code in classes["codes"]] == points["labels"]
        colours = dict(zip(each.classes, class_colours(len(each.classes)), strict=True))
        assert classes["colours"] == [colours[name] for name in classes["names"]]
        shapes = {name: SHAPES[i % len(SHAPES)] for i, name in enumerate(each.classes)}
        assert classes["shapes"] == [shapes[name] for name in classes["names"]]
    some = dataclasses.replace(dataset, test_labels=np.full(len(dataset.test), 2), class_names=tuple("abcd"))
    classes = report_content.content(run, some)["explorer"]["points"]["classes"]
    assert classes["names"] == ["c"] and classes["colours"] == class_colours(4)[2:3], "as on the pictures"
    assert classes["shapes"] == [SHAPES[2]]
    without = report_content.content(run, dataclasses.replace(dataset, test_labels=None))["explorer"]["points"]
    assert without["classes"] is None and without["labels"] == []


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", MODELS)
def test_in_the_browser(name, runs, tmp_path):
    latent_dim = load_run(runs / name).vae.latent_dim
    places = np.random.default_rng(1).normal(size=(5, latent_dim))
    run, dataset, text = probed(runs, name, places)
    found, console = browse(text, tmp_path)
    assert console == [] and found is not None

    first = report_content.content(run, dataset)["explorer"]["points"]["index"][0]
    vae, x = in_dtype(run.vae, np.float64), dataset.test[[first]]
    output = vae.decode(places)
    engine = run.vae.decode(places.astype(np.float32))
    np.testing.assert_allclose(found["outputs"], output, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["outputs"], engine, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["means"], vae.likelihood.mean(output), rtol=1e-4, atol=1e-4)
    log_p, grads = vae.current_prior().log_density_and_grad(places)
    np.testing.assert_allclose(np.array(found["prior"])[:, 0], log_p, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.array(found["prior"])[:, 1:], grads["z"], rtol=1e-4, atol=1e-4)
    from minidecomp.data.points import as_numbers

    x = as_numbers(x, np.float64)
    likelihood, slopes = vae.likelihood.value_and_grad(np.tile(x, (5, 1)), output)
    _, inputs = vae.decoder.forward(vae.parameters, places)
    by_z = vae.decoder.backward(vae.parameters, inputs, slopes["output"])[1]
    np.testing.assert_allclose(np.array(found["likelihood"])[:, 0], likelihood, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(np.array(found["likelihood"])[:, 1:], by_z, rtol=1e-3, atol=1e-3 * np.abs(by_z).max())

    assert found["sliderMoves"] and found["sliderChangesPicture"] and found["buttonRestoresPicture"]
    assert found["chosen"] == 1 and found["otherPointOtherPicture"]
    assert np.isfinite(found["sample"]).all() and found["sample"] != found["centre"]
    classes = report_content.content(run, dataset)["explorer"]["points"]["classes"]
    assert [text for text, _ in found["legend"]] == (classes["names"] if classes else [])
    as_pictures = [f"rgb{tuple(bytes.fromhex(each[1:]))}" for each in classes["colours"]] if found["legend"] else []
    assert [colour for _, colour in found["legend"]] == as_pictures
    assert found["column"] == ("" if dataset.image_shape else (*dataset.feature_names, "x_0")[0])
    assert found["curves"] >= (4 if run.objective.alpha else 3)
    if name == "plane":
        assert found["planeHasFocus"] and found["planeChanges"]
        assert found["keys"][0] > 0 and found["keys"][1] == pytest.approx(found["keys"][0] / 10)
        low, high = np.array(found["pointed"])
        assert low < 0 < high


COLUMNS = ["</script><b>bold</b>", '"it\'s" a&amp;b', "größe 身高"]

# What the page writes of the first test point's columns and where the picture has the same: at a place z.
COLUMNS_PROBE = """
explorer.moveTo(PLACE);
const { trained } = explorer, all = decode(trained, PLACE, 1), kind = LIKELIHOODS[trained.likelihood.name];
const rows = Array.from(document.getElementById("columns").rows);
const found = {
  cells: rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)),
  exact: [explorer.shownPoint(), given(explorer.model, kind.mean(all, 1, trained.dataDim))].map((v) => Array.from(v)),
  scale: Array.from(givenScale(explorer.model, kind.scale(all, 1, trained.dataDim))),
  unit: document.getElementById("unit").textContent,
  shown: !document.getElementById("columns-part").hidden,
  bold: document.querySelectorAll("b").length,
};
const result = document.createElement("pre");
result.id = "found";
result.textContent = JSON.stringify(found);
document.body.appendChild(result);
"""


@pytest.fixture(scope="module")
def named_runs(runs):
    """Runs of tables with names that could break a page, of three columns and of the first two."""
    rows = np.random.default_rng(0).normal(size=(60, 3)) * [1, 20, 0.01] + [0, 1.7e9, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(runs)
        for width in (2, 3):
            with open(f"named{width}.csv", "w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([COLUMNS[:width], *rows[:, :width].tolist()])
            options = ["--epochs", "2", "--hidden", "4", "--latent-dim", "2", "--no-plots", "--quiet"]
            options += ["--scale", "standardise", "--out", f"named{width}"]
            assert main(["train", "--data", f"named{width}.csv", *options]) == 0
    return runs


def test_columns_cannot_break_the_page_and_the_scale_is_said(named_runs):
    run, dataset = loaded(named_runs, "named3")
    values = report_content.content(run, dataset)
    text = page(values)
    assert "<b>" not in text and text.count("</script>") == page({**values, "explorer": None}).count("</script>")
    kept = json.loads(re.search(r'id="values">(.*?)</script>', text, re.DOTALL)[1])
    assert kept["explorer"]["columns"] == COLUMNS
    nats = np.log(run.rules.scaling.scale).sum()
    assert kept["unit"] == (
        "The model was trained on data scaled by --scale standardise; the page shows points in the units of the data. "
        f"Log-likelihoods are those of the scaled data; for the unscaled data they are {abs(nats):.4f} nats "
        f"{'lower' if nats >= 0 else 'higher'}."
    )
    assert kept["explorer"]["own_ranges"], "a column at 1.7e9 leaves the others flat"
    for part, name in (("shift", "shift"), ("scale", "scale")):
        stored = np.frombuffer(base64.b64decode(kept["explorer"]["given"][part]), "<f8")
        np.testing.assert_array_equal(stored, getattr(run.rules.scaling, name))


def test_what_is_not_scaled_is_not_said_to_be(runs):
    numbers, images = (report_content.content(*loaded(runs, name)) for name in ("numbers", "bytes"))
    assert numbers["unit"] == "" and numbers["explorer"]["given"] is None and numbers["explorer"]["columns"] == []
    assert images["unit"] == "A byte v of the data is the intensity v / 255." and images["explorer"]["given"] is None


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [2, 3])
def test_columns_are_shown_in_their_own_units(width, named_runs, tmp_path):
    run, dataset = loaded(named_runs, f"named{width}")
    z, content = np.array([[0.5, -1.0]]), report_content.content(run, dataset)
    text = with_script(page(content), COLUMNS_PROBE.replace("PLACE", json.dumps(z[0].tolist())))
    found, console = browse(text, tmp_path)
    assert console == [] and found is not None and found["shown"] and found["bold"] == 0
    assert "--scale standardise" in found["unit"]
    vae = in_dtype(run.vae, np.float64)
    x = dataset.give(dataset.test[content["explorer"]["points"]["index"][0]])
    made = dataset.give(vae.likelihood.mean(vae.decode(z)))[0]
    small = 1e-5 * run.rules.scaling.scale  # far from 0 the digits are kept
    first = dataset.test[content["explorer"]["points"]["index"][:1]]
    assert found["exact"][0] == dataset.given(first, np.float64)[0].tolist()
    assert (np.abs(found["exact"][1] - made) < 10 * small).all()
    raw = vae.likelihood.loc_and_raw(vae.decode(z))[1][0]
    np.testing.assert_allclose(found["scale"], (np.log1p(np.exp(raw)) + 1e-6) * run.rules.scaling.scale, rtol=1e-4)
    assert found["cells"][0] == ["", "test point", "E[x|z]", "scale"]
    for i, (name, *written) in enumerate(found["cells"][1:]):
        assert name == COLUMNS[i]
        exact = [x[i], made[i], found["scale"][i]]
        np.testing.assert_allclose(
            np.array([each.replace("−", "-") for each in written], float),
            exact,
            rtol=0,
            atol=2e-3 * run.rules.scaling.scale[i],
        )


@pytest.mark.slow
@needs_chromium
def test_dark_mode_is_another_page(runs, tmp_path):
    _, _, text = probed(runs, "plane", np.zeros((1, 2)))
    backgrounds = []
    for flags in ([], ["--force-dark-mode"]):
        (tmp_path / str(len(flags))).mkdir()
        found, console = browse(text, tmp_path / str(len(flags)), *flags)
        assert console == []
        backgrounds.append(sum(map(int, re.findall(r"\d+", found["background"])[:3])))
    assert backgrounds[0] > 700 > 150 > backgrounds[1]


@pytest.mark.slow
@needs_chromium
def test_an_error_on_the_page_would_be_seen(runs, tmp_path):
    run, dataset = loaded(runs, "plane")
    text = with_script(page(report_content.content(run, dataset)), "nonsense();")
    _, console = browse(text, tmp_path)
    assert len(console) == 1 and "nonsense is not defined" in console[0]
