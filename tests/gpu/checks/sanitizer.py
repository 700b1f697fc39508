"""memcheck and racecheck of compute-sanitizer, if it is installed."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from .running import of_command_line, run_for

TOOLS = ("memcheck", "racecheck")
INSTALL = (
    "pip install nvidia-cuda-sanitizer-api-cu12 (for CUDA 13: nvidia-cuda-sanitizer-api), or put the CUDA toolkit's "
    "on the PATH, or set CUDA_PATH to the toolkit's folder"
)
SUMMARY = re.compile(r"(?:ERROR|RACECHECK) SUMMARY: (\d+) (?:errors?|hazards?)")
FINDINGS_SHOWN = 10


def find() -> str | None:
    """Where the tool is: on the PATH, in the toolkit's folder, or in NVIDIA's packages for Python."""
    if found := shutil.which("compute-sanitizer"):
        return found
    places = [Path(os.environ[name]) for name in ("CUDA_PATH", "CUDA_HOME") if os.environ.get(name)]
    places += [Path(path) / "nvidia" for path in sys.path]
    for place in places:
        for pattern in ("bin/compute-sanitizer*", "compute-sanitizer/compute-sanitizer*", "*/bin/compute-sanitizer*"):
            for path in sorted(place.glob(pattern)):
                if path.is_file() and os.access(path, os.X_OK):
                    return str(path)
    return None


def parse(text: str) -> dict[str, Any]:
    """How many errors or hazards the tool counted, None if it did not come so far, and the first of its findings."""
    counts = [int(found) for found in SUMMARY.findall(text)]
    lines = [line.lstrip("= ").rstrip() for line in text.splitlines() if line.startswith("=========")]
    said = [line for line in lines if line and not line.startswith(("COMPUTE-SANITIZER", "ERROR SUMMARY", "RACECHECK"))]
    return {"findings": sum(counts) if counts else None, "said": said[:FINDINGS_SHOWN]}


if __name__ == "__main__":
    findings, _ = of_command_line()
    assert findings.path is not None
    tool = find()
    if tool is None:
        findings.set("left_out", f"compute-sanitizer is not installed: {INSTALL}")
        raise SystemExit
    for i, check in enumerate(TOOLS):
        log = findings.path.with_suffix(f".{check}.log")
        command = [tool, "--tool", check, sys.executable, "-m", "checks.exercise"]
        code, seconds = run_for(command, log, (findings.left - 1) / (len(TOOLS) - i))
        text = log.read_text("utf-8", "replace")
        findings.set(check, parse(text) | {"exit_code": code, "seconds": round(seconds, 1)})
        if code is None:
            findings.out_of_time()
