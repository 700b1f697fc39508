"""A peer's first encoding in a fresh process: CONTENDER PROBLEM.npz THREADS."""

from __future__ import annotations

import importlib
import sys

if __name__ == "__main__":
    _, contender, problem, threads = sys.argv
    importlib.import_module(f"benchmarks.with_{contender}").load(problem, int(threads)).run(1)
