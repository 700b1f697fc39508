"""Names, numbers and arrays as C text."""

from __future__ import annotations

import re

import numpy as np

from ..errors import printable

LONGEST = 400  # characters in a line of a comment: compilers may refuse lines of more than 4095


def in_comment(text: str) -> str:
    """A text for a comment: nothing in it ends the comment, begins another one or is a trigraph."""
    line = printable(text)
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]}.."
    line = line.replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", line)


def string_literal(text: str) -> str:
    """A text as a C string in UTF-8: three octal digits never run into what follows, and ``\\?`` avoids trigraphs."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    letters = (chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode("utf-8", "replace"))
    return f'"{"".join(letters)}"'


def array(kind: str, name: str, values: np.ndarray, defined: bool = True) -> str:
    """A constant array or, if not ``defined``, its declaration. Nine digits give a float32 back exactly."""
    values = values.ravel()
    if not defined:
        return f"extern const {kind} {name}[{values.size}];\n"
    texts = [str(v) for v in values] if kind == "int8_t" else [number(v) for v in values]
    lines = [", ".join(texts[i : i + 12]) for i in range(0, len(texts), 12)]
    return f"static const {kind} {name}[{len(texts)}] = {{\n    " + ",\n    ".join(lines) + "};\n"


def number(value: float) -> str:
    """A float32 as a C constant."""
    text = f"{float(value):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
