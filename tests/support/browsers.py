"""Pages in a headless browser: what a script of a test finds on one, and what the browser's console says."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from minidecomp.page.parts import source

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--enable-logging=stderr", "--window-size=1200,1600"]

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: Debian's package has it")


def with_script(text: str, script: str) -> str:
    """The page with one more script at its end, which its policy then names, too."""
    allowed = text.replace("script-src ", f"script-src {source(script)} ", 1)
    return allowed.replace("</body>", f"<script>{script}</script></body>")


def browse(text: str, folder: Path, *flags: str) -> tuple[Any, list[str]]:
    """What the probe found on a page, and the browser's console."""
    (folder / "page.html").write_text(text)
    command = [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    run = subprocess.run(
        [*command, (folder / "page.html").as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    found = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)
    return (json.loads(html.unescape(found[1])) if found else None), console
