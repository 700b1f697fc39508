"""A C99 header and source with no dependency but libm: static buffers, weights as float or as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import __version__
from ..data.rules import DataRules
from ..errors import printable
from ..files import write_file
from ..model.vae import VAE
from .data_facts import in_words
from .format import ExportFormat
from .networks import LEAKY_SLOPE, MIN_SCALE, Chain, decoder_of, encoder_of

WEIGHTS = ("float32", "int8")
ACTIVATIONS = {  # a NaN stays one, as in _core/formulas.h: fmaxf and a > 0 ? a : 0 would make it 0
    "relu": "a < 0.0f ? 0.0f : a",
    "leaky-relu": f"a > 0.0f ? a : {LEAKY_SLOPE}f * a",
    "tanh": "tanhf(a)",
    "softplus": "softplus(a)",
}

# The headers of C99 to C23, of POSIX, and those that they include in common C libraries.
HEADERS = """
assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbit
stdbool stdckdint stddef stdint stdio stdlib stdmchar stdnoreturn string tgmath threads time uchar wchar wctype
aio cpio dirent dlfcn fcntl fmtmsg fnmatch ftw glob grp iconv langinfo libgen libintl monetary mqueue ndbm netdb
nl_types poll pthread pwd regex sched search semaphore spawn strings stropts syslog tar termios trace ulimit unistd
utime utmpx wordexp
alloca byteswap corecrt crtdefs elf endian features features-time64 gnu-versions libio link malloc mathcalls memory
newlib paths reent sal stab stdc-predef syslimits values varargs vcruntime windows xlocale
"""


def why_not(name: str) -> str | None:
    """Why NAME.h and NAME.c could not be compiled everywhere; None if they can be."""
    if not name.isascii():
        return "C's names have letters from a to z; such a name is"
    # Some file systems do not tell small letters from capitals.
    return (
        f"{name}.h would hide the C library's <{name.lower()}.h>; another is"
        if name.lower() in HEADERS.split()
        else None
    )


def quantised(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (n_in, n_out) as int8 q in -127..127 and a scale s for each column (n_out,): W_ij ~ s_j q_ij.

    The scale comes from the column's largest entry.
    """
    scale = np.abs(W).max(0) / 127
    safe = np.where(scale > 0, scale, 1)
    return np.rint(W / safe).astype(np.int8), scale.astype(np.float32)


def dequantised(chain: Chain) -> Chain:
    """The chain with the weights that the bytes stand for."""
    weights = []
    for W in chain.weights:
        q, scale = quantised(W)
        weights.append(q * scale)
    return replace(chain, weights=tuple(weights))


def write_c(vae: VAE, folder: Path, name: str, weights: str, rules: DataRules | None = None) -> list[Path]:
    """Write NAME.h and NAME.c: NAME_encode and NAME_decode, one point at a time."""
    scaling, names = (None, ()) if rules is None else (rules.scaling, rules.names)
    chains = (encoder_of(vae, scaling), decoder_of(vae, scaling))
    prefix = re.sub(r"\W", "_", name)
    prefix = prefix if prefix[:1].isalpha() else f"m_{prefix}"
    paths = [folder / f"{name}.h", folder / f"{name}.c"]
    write_file(paths[0], lambda file: file.write(header(chains, prefix, names, in_words(rules)).encode()))
    write_file(paths[1], lambda file: file.write(source(chains, prefix, f"{name}.h", weights, names).encode()))
    return paths


def in_comment(name: str) -> str:
    """A column's name as it can stand in a comment: nothing in it ends the comment, begins another or is a trigraph."""
    return printable(name).replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def string_literal(text: str) -> str:
    """A text as a string of C, in UTF-8: three octal digits never run into what follows, and ``\\?`` is no trigraph."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    letters = (chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode("utf-8", "replace"))
    return f'"{"".join(letters)}"'


def _columns_declared(prefix: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "\n".join(f" *   {i}: {in_comment(name)}" for i, name in enumerate(names))
    declared = f"extern const char *const {prefix}_columns[{len(names)}];"
    return f"/* The columns of x, in UTF-8, in their order:\n{listed}\n */\n{declared}\n\n"


def _columns_defined(prefix: str, names: Sequence[str]) -> str:
    listed = ",\n    ".join(map(string_literal, names))
    return f"const char *const {prefix}_columns[{len(names)}] = {{\n    {listed}}};\n"


def _declaration(chain: Chain, prefix: str) -> str:
    variable = "x" if chain.name == "encode" else "z"
    outputs = ", ".join(f"float {name}[{n}]" for name, n in chain.outputs.items())
    return f"void {prefix}_{chain.name}(const float {variable}[{chain.widths[0]}], {outputs})"


def header(chains: Iterable[Chain], prefix: str, names: Sequence[str] = (), unit: str = "") -> str:
    """The text of the .h file."""
    guard = f"{prefix.upper()}_H"
    encoder, decoder = chains
    about = unit and f"\n * {unit[0].upper()}{unit[1:]}"
    return f"""/* A model exported by minidecomp {__version__}. C99 and libm. One call at a time.{about} */
#ifndef {guard}
#define {guard}

#ifdef __cplusplus
extern "C" {{
#endif

#define {prefix.upper()}_DATA_DIM {encoder.widths[0]}
#define {prefix.upper()}_LATENT_DIM {decoder.widths[0]}

{_columns_declared(prefix, names)}/* loc and scale of q(z|x) */
{_declaration(encoder, prefix)};

/* the mean of p(x|z){" and its scale" if "scale" in decoder.outputs else ""} */
{_declaration(decoder, prefix)};

#ifdef __cplusplus
}}
#endif

#endif
"""


def source(chains: tuple[Chain, Chain], prefix: str, header_name: str, weights: str, names: Sequence[str] = ()) -> str:
    """The text of the .c file."""
    widest = max(width for chain in chains for width in chain.widths)
    body = [f'#include "{header_name}"\n\n#include <math.h>\n']
    if weights == "int8":
        body.append("#include <stdint.h>\n")
    body.append(f"static float buffer[2][{widest}];\n")
    if names:
        body.append(_columns_defined(prefix, names))
    if any("softplus" in (chain.activation, chain.scale_link) for chain in chains):
        body.append(
            "/* log(1 + e^a) */\n"
            "static float softplus(float a) { return (a < 0.0f ? 0.0f : a) + log1pf(expf(-fabsf(a))); }\n"
        )
    shift, unit = chains[0].shift, chains[0].unit
    if shift is not None and unit is not None:
        body.append("/* The model's x is (x - shift) / unit. */\n" + _array("float", "shift", shift))
        body.append(_array("float", "unit", unit))
    body += [_arrays(chain, weights) for chain in chains]
    body.append(_layer(weights))
    body += [_function(chain, prefix, weights) for chain in chains]
    return "\n".join(body)


def _arrays(chain: Chain, weights: str) -> str:
    parts = []
    for i, (W, b) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        if weights == "int8":
            q, scale = quantised(W)
            parts.append(_array("int8_t", f"{chain.name}_W{i}", q.ravel()))
            parts.append(_array("float", f"{chain.name}_s{i}", scale))
        else:
            parts.append(_array("float", f"{chain.name}_W{i}", W.ravel()))
        parts.append(_array("float", f"{chain.name}_b{i}", b))
    return "\n".join(parts)


def _array(kind: str, name: str, values: np.ndarray) -> str:
    """Nine digits give a float32 back exactly."""
    texts = [str(v) for v in values] if kind == "int8_t" else [_float(v) for v in values]
    lines = [", ".join(texts[i : i + 12]) for i in range(0, len(texts), 12)]
    return f"static const {kind} {name}[{len(texts)}] = {{\n    " + ",\n    ".join(lines) + "};\n"


def _float(value: float) -> str:
    text = f"{float(value):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _layer(weights: str) -> str:
    kind, scaled = ("int8_t", "s[j] * a[j] + b[j]") if weights == "int8" else ("float", "a[j] + b[j]")
    more = "const float *s, " if weights == "int8" else ""
    return f"""/* a = h W + b, where W is n_in rows of n_out{", each column times s" if weights == "int8" else ""} */
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
        lines.append(f"    for (j = 0; j < {chain.widths[0]}; j++) buffer[1][j] = (x[j] - shift[j]) / unit[j];")
        h = "buffer[1]"
    for i, (n_in, n_out) in enumerate(zip(chain.widths[:-1], chain.widths[1:], strict=True)):
        to = f"buffer[{i % 2}]"
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
        whole = f"{scale} + {_float(MIN_SCALE)}"
        whole = f"({whole}) * unit[j]" if scaled and chain.name == "decode" else whole
        lines.append(f"        scale[j] = {whole};")
    lines.append("    }")
    return f"{_declaration(chain, prefix)} {{\n" + "\n".join(lines) + "\n}\n"


FORMAT = ExportFormat(
    "c",
    "a C99 header and source with no dependency but libm, for small devices",
    lambda run, folder, name, weights: write_c(run.vae, folder, name, weights, run.rules),
    weights=WEIGHTS,
    why_not=why_not,
)
