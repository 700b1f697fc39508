"""The commands and Python of a page of documentation, run as a reader runs them: in a shell, from top to bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

# What a machine without network, graphics card or cluster cannot run, or what installs or measures for minutes.
LEFT_OUT = ("pip install", "-m venv", "-m benchmarks", "dask ", "--scheduler", "--engine gpu", "data fetch", "pytest")
# Fewer points and epochs for trainings that take minutes and do not name theirs; the options are those of the page.
SHORTER = {"MINIDECOMP_LIMIT": "400", "MINIDECOMP_EPOCHS": "1"}
LONG = ("dsprites", "student-t", "--prior gaussian --prior-variance", "fashion-mnist", "--prior sparse --")


def blocks(page: Path) -> list[tuple[str, str]]:
    """The page's blocks of shell and Python, in order, without the lines that are left out."""
    found = re.findall(r"^```(sh|python)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [(kind, _kept(text) if kind == "sh" else text) for kind, text in found]


def _kept(text: str) -> str:
    whole = re.sub(r"\\\n\s*", "", text)
    return "\n".join(line for line in whole.splitlines() if not any(each in line for each in LEFT_OUT))


def run(kind: str, text: str, folder: Path, python: str = sys.executable) -> None:
    """Run a block in a folder with the commands of a Python's environment; AssertionError if it fails."""
    surroundings = {**os.environ, "PATH": os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])}
    if any(word in text for word in LONG) and "pinwheel" not in text:
        surroundings |= SHORTER
    command = ["bash", "-euo", "pipefail", "-c", text] if kind == "sh" else [python, "-c", text]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
