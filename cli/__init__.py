"""The command line: a file for each command."""

from __future__ import annotations

import os
import sys


def run() -> None:
    """The console script: an interrupt is one line in the first imports, too."""
    try:
        if "_MINIDECOMP_COMPLETE" in os.environ:  # a shell asks what can stand next on the line
            from .completing import answer

            sys.exit(answer())
        from .main import main

        code = main()
    except KeyboardInterrupt:
        print("minidecomp: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
