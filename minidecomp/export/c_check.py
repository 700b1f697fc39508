"""The self-check of an exported C source: the test vector, and a function that compares the outputs."""

from __future__ import annotations

import numpy as np

from .c_text import array, number
from .example import Example


def self_check(prefix: str, test: Example, scaled: bool) -> str:
    """The text of NAME_self_check, between ``#ifdef NAME_SELF_CHECK`` and ``#endif``.

    ``scaled`` says whether the source has an array ``unit``, the scale of the data.
    """
    first, second = _sizes(test)
    body = [
        f"#ifdef {prefix.upper()}_SELF_CHECK\n"
        f"/* x is {test.source}. The outputs were computed from the constants above, in 64 bits. */\n"
        + "".join(array("float", f"test_{name}", values) for name, values in _arrays(test).items()),
        _agree(test.tolerance, scaled),
        f"int {prefix}_self_check(void) {{\n"
        f"    static float made0[{first}];\n" + (f"    static float made1[{second}];\n" if second else ""),
    ]
    lines, code = [], 1
    for function, given, outputs in (
        ("encode", "test_x", {f"test_{name}": values for name, values in test.encoded.items()}),
        ("decode", "test_loc", {f"test_x_{name}": values for name, values in test.decoded.items()}),
    ):
        made = [f"made{i}" for i in range(len(outputs))]
        lines.append(f"    {prefix}_{function}({given}, {', '.join(made)});")
        step = (", unit" if function == "decode" else ", 0") if scaled else ""
        for got, (wanted, values) in zip(made, outputs.items(), strict=True):
            lines.append(f"    if (!agree({got}, {wanted}{step}, {values.size})) return {code};")
            code += 1
    body[-1] += "\n".join([*lines, "    return 0;", "}", "#endif", ""])
    return "\n".join(body)


def counts(test: Example) -> str:
    """What the return values of the self-check mean, in words."""
    outputs = ["loc", "scale", "the mean of x", "the scale of x"][: len(test.encoded) + len(test.decoded)]
    return ", ".join(f"{i} for {name}" for i, name in enumerate(outputs, 1))


def bytes_needed(test: Example) -> tuple[int, int]:
    """Bytes of flash (for numbers) and of RAM that the self-check needs."""
    return 4 * sum(values.size for values in _arrays(test).values()), 4 * sum(_sizes(test))


def _arrays(test: Example) -> dict[str, np.ndarray]:
    return {"x": test.x, **test.encoded, **{f"x_{name}": values for name, values in test.decoded.items()}}


def _sizes(test: Example) -> tuple[int, int]:
    encoded, decoded = ([values.size for values in part.values()] for part in (test.encoded, test.decoded))
    return max(encoded[0], decoded[0]), max([*encoded[1:], *decoded[1:]])


def _agree(tolerance: float, scaled: bool) -> str:
    step = "(step ? step[j] : 1.0f)" if scaled else "1.0f"
    return f"""/* Whether all numbers agree up to rounding; a NaN never agrees. */
static int agree(const float *got, const float *wanted, {"const float *step, " if scaled else ""}int n) {{
    int j;
    for (j = 0; j < n; j++)
        if (!(fabsf(got[j] - wanted[j]) <= {number(tolerance)} * (fabsf(wanted[j]) + {step}))) return 0;
    return 1;
}}
"""
