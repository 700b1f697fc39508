"""The benchmark's table, with peers if there is a Python that has PyTorch."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.rows import ROWS
from minidecomp.settings.options import cores

from .running import ROOT, environment, of_command_line, run_for

OWN = ROOT / ".venv-peers" / "bin" / "python"
INSTALL = "python -m venv .venv-peers && .venv-peers/bin/pip install -r benchmarks/requirements.txt"
MOST_THREADS = 8  # of the CPU engine
# Seconds: a row's first calls, a repetition of a row, and a contender's start, by contender.
FIRST, EACH, START = 3.0, 0.27, 10.0


def peers(given: str | None) -> str | None:
    """The interpreter with PyTorch: the one that was given, the benchmark's own, or this one."""
    for python in [given] if given else [str(OWN), sys.executable]:
        if (Path(python).is_file() or given) and _has_torch(python):
            return python
    return None


def _has_torch(python: str) -> bool:
    look = [python, "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"]
    try:
        return subprocess.run(look, env=environment(), capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


def repetitions(seconds: float, contenders: int, rows: int = len(ROWS)) -> int:
    """As many as there is time for, 1 to 10."""
    left = seconds - START * contenders - FIRST * contenders * rows
    return int(min(10, max(1, left / (EACH * contenders * rows))))


def file_name(device: str) -> str:
    """What the benchmark calls the file of a device's results."""
    return re.sub(r"\W+", "-", device.split(",")[0]).lower() + ".json"


def lines(text: str) -> list[str]:
    """The rows that the benchmark has printed."""
    titles = tuple(row.title for row in ROWS)
    return [line for line in text.splitlines() if line.startswith(titles)]


def _options(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers")
    return parser.parse_args(given)


def main() -> None:
    """Run the benchmark; its table so far is found even if it does not end."""
    findings, given = of_command_line()
    assert findings.path is not None
    wanted = _options(given).peers
    python = peers(wanted)
    if python is None:
        findings.set(
            "left_out", f"PyTorch, which {wanted or 'no Python here'} {'lacks' if wanted else 'has'}: {INSTALL}"
        )
    count = repetitions(findings.left, 2 if python is None else 4)
    out, log = findings.path.with_name("benchmark-results.json"), findings.path.with_suffix(".table.log")
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks", "--device", "gpu", "--repetitions", str(count), "--out", str(out)]
    command += ["--threads", str(min(MOST_THREADS, cores())), "--peers", python or str(findings.path.parent / "none")]
    code, _ = run_for(command, log, findings.left - 1)
    findings.set("lines", lines(log.read_text("utf-8", "replace")))
    if out.exists():
        result: dict[str, Any] = json.loads(out.read_text("utf-8"))
        findings.set("result", result)
        findings.set("file", file_name(result["machine"]["blas"]))
    if code is None:
        findings.out_of_time()
    elif code:
        print(log.read_text("utf-8", "replace"))
        raise SystemExit(code)


if __name__ == "__main__":
    main()
