"""Docstrings are plain text with formulas: what reStructuredText would take for markup is shown as it was written."""

from __future__ import annotations

import re
from typing import Any

CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
FORMULA = re.compile(r"^[^.:]{1,60}? ?(?<![<>!])(=|~|>=|<=|\+=|<-) .*[^.:]$")
PARAMETER = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)( : .*)?$")


def escaped(text: str) -> str:
    """Text in which ``|x|``, ``*`` and ``x_`` mean themselves, but for what stands between backticks."""
    parts = CODE.split(text)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"([|*])|(?<=\w)(_)(?!\w)", lambda found: "\\" + found[0], parts[i])
    return "".join(parts)


def escaped_line(line: str) -> str:
    """A line of text, or a parameter's name and type; napoleon sees to the name."""
    parameter = PARAMETER.match(line)
    return parameter[1] + escaped(parameter[2] or "") if parameter else escaped(line)


def paragraphs(lines: list[str]) -> list[list[str]]:
    """Runs of lines that are not empty, and the empty lines between them."""
    found: list[list[str]] = []
    for line in lines:
        if line.strip() and found and found[-1][-1].strip():
            found[-1].append(line)
        else:
            found.append([line])
    return found


def is_section(paragraph: list[str]) -> bool:
    """Whether a paragraph opens one of NumPy's sections."""
    return len(paragraph) > 1 and set(paragraph[1].strip()) == {"-"}


def is_formula(paragraph: list[str]) -> bool:
    """Whether a paragraph is of formulas, a line each."""
    return FORMULA.match(paragraph[0]) is not None and all(not line.endswith((".", ",")) for line in paragraph)


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring's lines in place, before napoleon reads its sections."""
    done: list[str] = []
    in_sections = False
    for paragraph in paragraphs(lines):
        in_sections |= is_section(paragraph)
        if paragraph[0].startswith((">>>", "..")):
            done += paragraph
        elif not in_sections and is_formula(paragraph):
            done += [".. code-block:: text", "", *("    " + line for line in paragraph)]
        else:
            done += [escaped_line(line) for line in paragraph]
    lines[:] = done


def setup(app: Any) -> dict[str, Any]:
    """Connect to autodoc; napoleon has priority 500."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
