"""Runs the page's scripts in node, and in headless Chromium."""

from __future__ import annotations

import atexit
import functools
import json
import select
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


SECONDS = 120  # until a program that does not end is given up
# Each program is a function of its own, so that what it declares is gone with it.
SERVER = """
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  let answer;
  try {
    answer = { found: new Function("require", JSON.parse(line))(require) };
  } catch (error) {
    answer = { error: String((error && error.stack) || error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""


@functools.cache
def node() -> subprocess.Popen[str]:
    """A node for all programs of these tests: a start costs more than most programs."""
    process = subprocess.Popen([NODE, "-e", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


def returned(text: str) -> Any:
    """What a program returns in node: JSON's value."""
    process = node()
    process.stdin.write(json.dumps(text) + "\n")
    process.stdin.flush()
    if not select.select([process.stdout], [], [], SECONDS)[0]:
        process.kill()
    line = process.stdout.readline()
    if not line:
        node.cache_clear()
        raise AssertionError(f"node ended, or had no answer within {SECONDS} s")
    answer = json.loads(line)
    assert "error" not in answer, answer["error"][-2000:]
    return json.loads(answer["found"])


def in_node(body: str, given: Any = None, *more: str) -> Any:
    """What ``body`` returns of ``given`` in node, after the engine and more scripts were read."""
    return returned(f"{program(body, given, *more)}\nreturn show(answer(given));")


def in_chromium(body: str, given: Any, folder: Path, *more: str) -> Any:
    """The same in headless Chromium."""
    show = 'document.getElementById("found").textContent = show(answer(given));'
    text = "\n".join([program(body, given, *more).replace("</script", "<\\/script"), show])
    found, console = browse(
        f'<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre><script>{text}</script>', folder
    )
    assert console == [], console
    return found
