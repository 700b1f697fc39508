"""The commands and Python of a page of documentation, run as a reader runs them: in a shell, from top to bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

# These install, measure for minutes, or need a network, a graphics card or a cluster. Other tests reproduce the paper's
# experiments on less data.
LEFT_OUT = ("pip install", "-m venv", "-m benchmarks", "dask ", "--scheduler", "--engine gpu", "data fetch", "pytest")
LEFT_OUT += (
    "tests/gpu/check.py",
    "reproduce sparsity",
    "reproduce independence",
    "python docs/images",
    "sphinx-build",
    "pre-commit",
    "chromium",
)
# What takes minutes gets fewer points, epochs or runs. Everything else is as the page has it.
SMALLER = {
    "--limit 300000": "--limit 2000",
    "--epochs 150": "--epochs 1",
    "--beta 0.1,1,5": "--beta 1,5",
}
SHORTER = {"MINIDECOMP_LIMIT": "400", "MINIDECOMP_EPOCHS": "1"}
LONG = ("student-t --df", "--prior gaussian --prior-variance", "fashion-mnist", "--prior sparse --")


def blocks(page: Path) -> list[tuple[str, str]]:
    """The page's blocks of shell and Python, in order, without the lines that are left out."""
    found = re.findall(r"^```(sh|python)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    kept = [(kind, _kept(text) if kind == "sh" else text) for kind, text in found]
    return [(kind, text) for kind, text in kept if text.strip()]


def _kept(text: str) -> str:
    whole = re.sub(r"^pip install [^&\n]*&& ", "", re.sub(r"\\\n\s*", "", text), flags=re.MULTILINE)
    for long, short in SMALLER.items():
        whole = whole.replace(long, short)
    return "\n".join(line for line in whole.splitlines() if not any(each in line for each in LEFT_OUT))


def run(kind: str, text: str, folder: Path, python: str = sys.executable) -> None:
    """Run a block in a folder with the commands of a Python's environment; AssertionError if it fails."""
    path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
    surroundings = {**os.environ, "PATH": path, "HOME": str(folder)}
    if any(word in text for word in LONG) and "pinwheel" not in text:
        surroundings |= SHORTER
    command = ["bash", "-euo", "pipefail", "-c", text] if kind == "sh" else [python, "-c", text]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
