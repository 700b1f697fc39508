"""What a notebook shows, in a real kernel: progress that moves in place, a figure once, and a run in three lines."""

import re
import warnings

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.slow  # a kernel begins

BEGIN = """
import sys
import numpy as np
from minidecomp import DecompositionVAE, build, figures, load_run, progress, resolve, training
X = np.random.default_rng(0).normal(size=(90, 5))
"""
ASKED = """
print(progress.in_notebook(), "tqdm" in sys.modules, "matplotlib" in sys.modules)
"""
WITHOUT_TQDM = """
sys.modules["tqdm"] = None
model = DecompositionVAE(epochs=30, hidden=(8,), verbose=1).fit(X)
del sys.modules["tqdm"]
"""
WITHOUT_WIDGETS = """
sys.modules["ipywidgets"] = None
model = DecompositionVAE(epochs=30, hidden=(8,), verbose=1).fit(X)
for name in [each for each in sys.modules if each.startswith("tqdm") or each == "ipywidgets"]:
    del sys.modules[name]
"""
WITH_WIDGETS = """
model = DecompositionVAE(epochs=30, hidden=(8,), verbose=1).fit(X)
"""
STOPPED = """
stopped = DecompositionVAE(epochs=30, hidden=(8,), verbose=1, callbacks=[lambda t: t.state.epoch == 4]).fit(X)
"""
BY_HAND = """
options = resolve(prior="mixture", epochs=3, engine="cpu", points_per_arm=10)
trainer = training.start(options, build.dataset(options), "run")
with progress.shown(trainer) as advance:
    finished = training.train(trainer, advance)
"""
RUN = "load_run('run')"
MODEL = "model"
FIGURE = "figures.picture(model, 'samples', X)"
KEPT = "figure = figures.picture(load_run('run'), 'learning_curves')"
PYPLOT = """
import matplotlib.pyplot as plt
plt.figure()
plt.close()
figures.picture(model, "learning_curves")
"""
CELLS = (
    *(BEGIN, ASKED, WITHOUT_TQDM, WITHOUT_WIDGETS, WITH_WIDGETS, STOPPED, BY_HAND),
    *(RUN, MODEL, FIGURE, KEPT, PYPLOT),
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The outputs of each cell."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tools' own
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, str(folder / name))
        client = nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    found = {source: cell.outputs for source, cell in zip(CELLS, notebook.cells, strict=True)}
    state = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    return found | {"widgets": state.get("state", {})}


def images(outputs):
    return [each.data["image/png"] for each in outputs if "image/png" in each.get("data", {})]


def test_nothing_is_imported_before_it_is_used(shown):
    assert shown[ASKED][0].text == "True False False\n"


def test_without_tqdm_one_line_is_replaced(shown):
    (output,) = shown[WITHOUT_TQDM]
    assert output.output_type == "display_data"
    assert output.data["text/plain"].startswith("epoch 30/30  log p -") and "\n" not in output.data["text/plain"]


def test_without_widgets_tqdm_moves_a_line_of_text(shown):
    pytest.importorskip("tqdm")
    text = "".join(output.text for output in shown[WITHOUT_WIDGETS])
    assert "\n" not in text.strip() and "Warning" not in text
    assert re.match(r"epoch 30/30: 100%\|.*\| .*, log p -.* KL ", text.strip().split("\r")[-1]), text


def bar_of(shown, cell):
    """The words and the state of the bar that a cell shows."""
    pytest.importorskip("tqdm")
    pytest.importorskip("ipywidgets")
    (output,) = shown[cell]
    widgets = shown["widgets"]
    box = widgets[output.data["application/vnd.jupyter.widget-view+json"]["model_id"]]["state"]
    left, bar, right = (widgets[child.removeprefix("IPY_MODEL_")]["state"] for child in box["children"])
    left, right = (label["value"].replace("\u2007", " ") for label in (left, right))
    return left, bar, right


def test_with_widgets_tqdm_moves_a_bar(shown):
    left, bar, right = bar_of(shown, WITH_WIDGETS)
    assert left.startswith("epoch 30/30: 100%") and bar["value"] == bar["max"] == 30 * 90 and "log p -" in right
    assert bar["bar_style"] == "success"
    assert bar_of(shown, BY_HAND)[0].startswith("epoch 3/3")


def test_a_callback_that_ends_training_is_no_failure(shown):
    left, bar, _ = bar_of(shown, STOPPED)
    assert left.startswith("ended after epoch 4/30") and bar["value"] == 4 * 90 and bar["bar_style"] != "danger"


def test_a_run_is_three_lines_and_a_model_is_a_diagram(shown):
    (output,) = shown[RUN]
    assert output.data["text/plain"].splitlines()[0] == "Run run"
    assert len(output.data["text/plain"].splitlines()) == 3 and "epoch 3 of 3, objective" in output.data["text/plain"]
    (output,) = shown[MODEL]
    assert "text/html" in output.data and "DecompositionVAE" in output.data["text/plain"]


def test_a_figure_is_shown_once(shown):
    assert len(images(shown[FIGURE])) == 1 == len(shown[FIGURE])
    assert shown[KEPT] == []
    assert len(images(shown[PYPLOT])) == 1
