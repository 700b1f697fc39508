"""The command line: a file for each command."""

from __future__ import annotations

import sys


def run() -> None:
    """The console script: an interrupt is one line in the first imports, too."""
    try:
        from .main import main

        code = main()
    except KeyboardInterrupt:
        print("minidecomp: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
