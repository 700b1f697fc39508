"""The text of an exported C source: constants, one function for a layer, encode and decode."""

from __future__ import annotations

from collections.abc import Sequence

from .c_check import self_check
from .c_header import declaration
from .c_text import array, number, string_literal
from .example import Example
from .networks import LEAKY_SLOPE, MIN_SCALE, Chain, buffers
from .quantised import quantised

ACTIVATIONS = {  # NaN stays NaN, as in _core/formulas.h; fmaxf and a > 0 ? a : 0 would make it 0
    "relu": "a < 0.0f ? 0.0f : a",
    "leaky-relu": f"a > 0.0f ? a : {LEAKY_SLOPE}f * a",
    "tanh": "tanhf(a)",
    "softplus": "softplus(a)",
}


def source(
    chains: tuple[Chain, Chain],
    prefix: str,
    header_name: str,
    weights: str,
    names: Sequence[str] = (),
    test: Example | None = None,
    defined: bool = True,
) -> str:
    """The text of the .c file; if the constants are not to be ``defined``, they are only declared."""
    body = [f'#include "{header_name}"\n\n#include <math.h>\n']
    if weights == "int8":
        body.append("#include <stdint.h>\n")
    body.append(_buffers_defined(chains))
    if names:
        body.append(_columns_defined(prefix, names))
    if any("softplus" in (chain.activation, chain.scale_link) for chain in chains):
        body.append(
            "/* log(1 + e^a) */\n"
            "static float softplus(float a) { return (a < 0.0f ? 0.0f : a) + log1pf(expf(-fabsf(a))); }\n"
        )
    shift, unit = chains[0].shift, chains[0].unit
    if shift is not None and unit is not None:
        body.append("/* The network's x is (x - shift) / unit. */\n" + array("float", "shift", shift, defined))
        body.append(array("float", "unit", unit, defined))
    body += [_arrays(chain, weights, defined) for chain in chains]
    body.append(_layer(weights))
    body += [_function(chain, prefix, weights) for chain in chains]
    if test is not None:
        body.append(self_check(prefix, test, scaled=unit is not None))
    return "\n".join(body)


def _buffers_defined(chains: tuple[Chain, Chain]) -> str:
    lines = [f"static float buffer{i}[{size}];\n" for i, size in enumerate(buffers(chains)) if size]
    return "/* The layers' outputs, in turn. */\n" + "".join(lines)


def _columns_defined(prefix: str, names: Sequence[str]) -> str:
    listed = ",\n    ".join(map(string_literal, names))
    return f"const char *const {prefix}_columns[{len(names)}] = {{\n    {listed}}};\n"


def _arrays(chain: Chain, weights: str, defined: bool) -> str:
    parts = []
    for i, (W, b) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        n_in, n_out = W.shape
        parts.append(f"/* {chain.name}, layer {i}: {n_in} inputs, {n_out} outputs */\n")
        if weights == "int8":
            q, scale = quantised(W)
            parts.append(array("int8_t", f"{chain.name}_W{i}", q, defined))
            parts.append(array("float", f"{chain.name}_s{i}", scale, defined))
        else:
            parts.append(array("float", f"{chain.name}_W{i}", W, defined))
        parts.append(array("float", f"{chain.name}_b{i}", b, defined))
    return "".join(parts)


def _layer(weights: str) -> str:
    kind, scaled = ("int8_t", "s[j] * a[j] + b[j]") if weights == "int8" else ("float", "a[j] + b[j]")
    more = "const float *s, " if weights == "int8" else ""
    columns = ", each column multiplied by s" if weights == "int8" else ""
    return f"""/* a = h W + b. W has n_in rows of n_out numbers{columns}. */
static void layer(const float *h, const {kind} *W, {more}const float *b, int n_in, int n_out, float *a) {{
    int i, j;
    for (j = 0; j < n_out; j++) a[j] = 0.0f;
    for (i = 0; i < n_in; i++)
        for (j = 0; j < n_out; j++) a[j] += h[i] * {"(float)" if weights == "int8" else ""}W[i * n_out + j];
    for (j = 0; j < n_out; j++) a[j] = {scaled};
}}
"""


def _function(chain: Chain, prefix: str, weights: str) -> str:
    variable = "x" if chain.name == "encode" else "z"
    lines = ["    int j;"]
    h = variable
    scaled = chain.shift is not None
    if scaled and chain.name == "encode":
        lines.append(f"    for (j = 0; j < {chain.widths[0]}; j++) buffer1[j] = (x[j] - shift[j]) / unit[j];")
        h = "buffer1"
    for i, (n_in, n_out) in enumerate(zip(chain.widths[:-1], chain.widths[1:], strict=True)):
        to = f"buffer{i % 2}"
        scale = f"{chain.name}_s{i}, " if weights == "int8" else ""
        lines.append(f"    layer({h}, {chain.name}_W{i}, {scale}{chain.name}_b{i}, {n_in}, {n_out}, {to});")
        if i < len(chain.weights) - 1:
            lines.append(f"    for (j = 0; j < {n_out}; j++) {{")
            lines.append(f"        const float a = {to}[j];")
            lines.append(f"        {to}[j] = {ACTIVATIONS[chain.activation]};")
            lines.append("    }")
        h = to
    first, n = next(iter(chain.outputs.items()))
    made = f"1.0f / (1.0f + expf(-{h}[j]))" if chain.mean_link == "sigmoid" else f"{h}[j]"
    made = f"{made} * unit[j] + shift[j]" if scaled and chain.name == "decode" else made
    lines += [f"    for (j = 0; j < {n}; j++) {{", f"        {first}[j] = {made};"]
    if chain.scale_link is not None:
        raw = f"{h}[{n} + j]"
        scale = f"expf(0.5f * {raw})" if chain.scale_link == "exp" else f"softplus({raw})"
        whole = f"{scale} + {number(MIN_SCALE)}"
        whole = f"({whole}) * unit[j]" if scaled and chain.name == "decode" else whole
        lines.append(f"        scale[j] = {whole};")
    lines.append("    }")
    return f"{declaration(chain, prefix)} {{\n" + "\n".join(lines) + "\n}\n"
