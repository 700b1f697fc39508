"""The tests marked ``gpu``: how many passed, failed and were skipped, and why."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import Any

from .running import of_command_line, run_for

MOST_WORKERS = 8  # each has CUDA's context on the device, and compiles the kernels once
WHERE = ("tests/engines", "tests/data/test_on_disk.py")  # all tests marked gpu; the others take long to collect
# A line for each test that has ended, from a worker of pytest-xdist.
ENDED = re.compile(r"^\[gw\d+\] \[ *\d+%\] (\w+) (\S+?::.*?) *$")
REASON = re.compile(r"^SKIPPED \[(\d+)\] \S+?: (.*)$")
FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+?::.*)$")


def command(workers: int) -> list[str]:
    """The tests in so many processes, a line for each."""
    processes = ["-n", str(workers), f"--maxprocesses={workers}"]
    return [sys.executable, "-m", "pytest", "-m", "gpu", "-v", "-rsfE", "--color=no", *processes, *WHERE]


def parse(text: str) -> dict[str, Any]:
    """What pytest has printed so far: counts by result, the reasons of skips, and the tests that failed."""
    counts: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    failed, failures = [], []
    for line in text.splitlines():
        if ended := ENDED.match(line):
            counts[ended[1].lower()] += 1
            if ended[1] in ("FAILED", "ERROR"):
                failed.append(ended[2])
        elif reason := REASON.match(line):
            skipped[reason[2]] += int(reason[1])
        elif failure := FAILURE.match(line):
            failures.append(failure[1])
    # The summary at the end has the messages as well; if it was not reached, there are the names.
    return {"counts": dict(counts), "skipped": dict(skipped), "failed": failures or failed}


if __name__ == "__main__":
    from minidecomp.settings.options import cores

    findings, _ = of_command_line()
    assert findings.path is not None
    log = findings.path.with_suffix(".pytest.log")
    ended = run_for(command(max(2, min(MOST_WORKERS, cores()))), log, findings.left - 1)[0]
    findings.found = parse(log.read_text("utf-8", "replace"))
    findings.write()
    if ended is None:
        findings.out_of_time()
    elif ended not in (0, 1):
        raise SystemExit(f"pytest ended with exit code {ended}; see {log.name}")
