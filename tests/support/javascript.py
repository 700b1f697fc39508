"""Runs the page's scripts in node, and in headless Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import browse

from minidecomp.page.parts import engine_script

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node: Debian's package nodejs has it")

# Typed arrays become lists, and numbers that JSON lacks their names; data as the engine takes them.
SHOW = """
const shown = (value) => {
  if (ArrayBuffer.isView(value)) return Array.from(value);
  return typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)) ? String(value) : value;
};
const show = (value) => JSON.stringify(value, (name, each) => shown(each));
const pointsOf = ({ x, rows, width }) => ({ x: Float64Array.from(x), rows, width, imageShape: null, labels: null });
"""


def plain(value: Any) -> Any:
    """A value that JSON can hold: arrays as flat lists."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.tolist() if isinstance(value, np.generic) else value


def program(body: str, given: Any, *more: str) -> str:
    """A script with the page's engine, more scripts, and ``answer(given)``, a function whose body is ``body``."""
    function = f"const answer = (given) => {{ {body} }};\nconst given = {json.dumps(plain(given))};"
    return "\n".join([engine_script(), *more, SHOW, function])


def in_node(body: str, given: Any = None, *more: str) -> Any:
    """What ``body`` returns of ``given`` in node, after the engine and more scripts were read."""
    text = program(body, given, *more) + "\nconsole.log(show(answer(given)));"
    run = subprocess.run([NODE, "-"], input=text, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


def in_chromium(body: str, given: Any, folder: Path, *more: str) -> Any:
    """The same in headless Chromium."""
    show = 'document.getElementById("found").textContent = show(answer(given));'
    text = "\n".join([program(body, given, *more).replace("</script", "<\\/script"), show])
    found, console = browse(
        f'<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre><script>{text}</script>', folder
    )
    assert console == [], console
    return found
