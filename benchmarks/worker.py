"""One contender in a separate process: ``python -m benchmarks.worker CONTENDER``. JSON lines in, JSON lines out."""

from __future__ import annotations

import importlib
import json
import sys
import time


def main(contender: str) -> None:
    """Answer ``load`` (a problem's path, threads), ``check`` (write the gradient), ``time`` (units of work).

    minidecomp also answers ``limits``, those of its device, and ``scaling``, because this process has the environment
    of the timings.
    """
    module = importlib.import_module(f"benchmarks.with_{contender}")
    work = None
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, object] = {}
        if order["do"] == "load":
            work = None  # free the last one's memory first
            work = module.load(order["problem"], order["threads"])
            answer["version"] = module.version()
        elif order["do"] == "check":
            answer["values"] = work.check(order["out"])
        elif order["do"] == "limits":
            limits = "benchmarks.limits_gpu" if contender.endswith("gpu") else "benchmarks.limits"
            answer = importlib.import_module(limits).measure(order["threads"])
        elif order["do"] == "scaling":
            answer = importlib.import_module("benchmarks.scaling").measure(order["repetitions"])
        else:
            begun = time.perf_counter()
            work.run(order["units"])
            answer["seconds"] = time.perf_counter() - begun
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
