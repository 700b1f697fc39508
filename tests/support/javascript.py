"""Runs the page's scripts in node, and in headless Chromium."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]

needs_node = pytest.mark.skipif(NODE is None, reason="no node: Debian's package nodejs has it")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: Debian's package has it")


def plain(value):
    """A value that JSON can hold: arrays as flat lists."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return value.tolist() if isinstance(value, np.generic) else value


# Typed arrays become lists; numbers that JSON lacks become their names.
SHOW = """
const show = (value) => JSON.stringify(value, (name, each) => (ArrayBuffer.isView(each) ? Array.from(each)
  : typeof each === "bigint" ? String(each) : typeof each === "number" && !Number.isFinite(each) ? String(each) : each));
"""


def program(scripts, body, given):
    """A script that computes ``answer(given)``, the function's body being ``body``."""
    return "\n".join([*scripts, SHOW, f"const answer = (given) => {{ {body} }};", f"const given = {json.dumps(plain(given))};"])


def in_node(scripts, body, given=None):
    """What ``body``, a function's, returns of ``given`` after the scripts were read, in node."""
    text = program(scripts, body, given) + "\nconsole.log(show(answer(given)));"
    run = subprocess.run([NODE, "-"], input=text, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


def in_chromium(scripts, body, given, folder: Path):
    """The same in headless Chromium."""
    text = program(scripts, body, given).replace("</script", "<\\/script")
    show = 'document.getElementById("found").textContent = show(answer(given));'
    page = f'<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre><script>{text}\n{show}</script>'
    (folder / "page.html").write_text(page, "utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", (folder / "page.html").as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    assert console == [], console
    found = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found is not None, run.stderr[-2000:]
    return json.loads(html.unescape(found[1]))
