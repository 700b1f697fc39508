"""The program's name as it was typed, in hints and in usage: ``minidecomp``, or ``python mine.py``."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from shlex import quote

USUAL = "minidecomp"


def program() -> str:
    """``python mine.py`` for a person's own script that calls ``main``; otherwise ``minidecomp``.

    Such a script may add variants, which ``minidecomp`` itself does not know.
    """
    script = Path(sys.argv[0] if sys.argv else "")
    # The kernel of a notebook is started by a script, too, but that is not the main module.
    main = Path(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    if script.suffix != ".py" or script.name == "__main__.py" or main.name != script.name:
        return USUAL
    return f"python {quote(sys.argv[0])}"


def as_typed(line: str) -> str:
    """The line with the program's name as typed in each command: ``next: python mine.py evaluate runs/a``."""
    name = program()
    return line if name == USUAL else _commands().sub(lambda found: f"{name} ", line)


@cache
def _commands() -> re.Pattern[str]:
    from .group import COMMANDS

    return re.compile(rf"(?<![\w./\\-]){USUAL} (?=({'|'.join(COMMANDS)})(?![\w-]))")
