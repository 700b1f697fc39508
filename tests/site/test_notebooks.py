"""The notebooks run from the first cell to the last, and are kept without outputs."""

import json
import shutil
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.ipynb"))
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


@notebooks
def test_no_outputs_are_kept(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)


@pytest.mark.slow
@notebooks
@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
def test_it_runs(path, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pandas")
    shutil.copy(path, tmp_path)
    notebook = nbformat.read(tmp_path / path.name, 4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert path.stem == "step-by-hand" or len(pictures) > 1


def test_there_are_four():
    assert [path.stem for path in NOTEBOOKS] == ["clusters", "own-data", "sparsity", "step-by-hand"]
