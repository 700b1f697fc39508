"""The text of an exported C header: what the model is, what it needs, and the functions' declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .. import __version__
from ..data.rules import DataRules
from ..errors import counted
from .c_check import bytes_needed, counts
from .c_text import in_comment
from .data_facts import in_words
from .example import Example
from .networks import Chain, buffers
from .quantised import constant_bytes


def header(
    chains: tuple[Chain, Chain],
    prefix: str,
    weights: str,
    rules: DataRules | None,
    origin: Mapping[str, str],
    test: Example | None,
) -> str:
    """The text of the .h file."""
    encoder, decoder = chains
    names = () if rules is None else rules.names
    upper = prefix.upper()
    return f"""{_comment(_about(chains, prefix, weights, rules, origin))}
#ifndef {upper}_H
#define {upper}_H

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_DATA_DIM {encoder.widths[0]}
#define {upper}_LATENT_DIM {decoder.widths[0]}

{_columns_declared(prefix, names)}/* x -> loc and scale of q(z|x). Use loc as the code of x. */
{declaration(encoder, prefix)};

/* z -> the mean of p(x|z){" and its scale" if "scale" in decoder.outputs else ""} */
{declaration(decoder, prefix)};
{_check_declared(prefix, test)}
#ifdef __cplusplus
}}
#endif

#endif
"""


def declaration(chain: Chain, prefix: str) -> str:
    """A function's declaration, without the semicolon."""
    variable = "x" if chain.name == "encode" else "z"
    outputs = ", ".join(f"float {name}[{n}]" for name, n in chain.outputs.items())
    return f"void {prefix}_{chain.name}(const float {variable}[{chain.widths[0]}], {outputs})"


def _comment(lines: Iterable[str]) -> str:
    first, *others = lines
    return "\n".join([f"/* {first}", *(f" * {line}".rstrip() for line in others), " */"])


def _about(
    chains: tuple[Chain, Chain], prefix: str, weights: str, rules: DataRules | None, origin: Mapping[str, str]
) -> list[str]:
    constants = sum(constant_bytes(chain, weights) for chain in chains)
    if chains[0].unit is not None:
        constants += 8 * chains[0].widths[0]
    unit = in_words(rules)
    return [
        f"{prefix}: encoder and decoder of a variational autoencoder, exported by minidecomp {__version__}.",
        *([unit] if unit else []),
        "",
        "C99 and libm; no malloc, no recursion, no input or output.",
        f"Flash: {constants} bytes of constants ({weights} weights), all const, and the code.",
        f"RAM: {4 * sum(buffers(chains))} bytes of static buffers, and the stack. Your arrays for x, z and the outputs",
        "come on top. An output must not overlap the input or another output.",
        "Threads: all functions use the same buffers. Make only one call at a time, also from interrupts.",
        "Alignment: as for float.",
        *_origin_lines(origin),
    ]


def _origin_lines(origin: Mapping[str, str]) -> list[str]:
    if not origin:
        return []
    which = ", the best by validation" if origin["which"] == "best" else ""
    return [
        "",
        f"Run: {in_comment(origin['run'])}",
        f"Model: after {counted(int(origin['epoch']), 'epoch')}{which}; SHA-256 of its parameters:",
        f"  {origin['parameters_sha256']}",
        "Options:",
        *(f"  {in_comment(line)}" for line in origin["options"].splitlines()),
    ]


def _columns_declared(prefix: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "\n".join(f" *   {i}: {in_comment(name)}" for i, name in enumerate(names))
    declared = f"extern const char *const {prefix}_columns[{len(names)}];"
    return f"/* The columns of x, in UTF-8, in their order:\n{listed}\n */\n{declared}\n\n"


def _check_declared(prefix: str, test: Example | None) -> str:
    if test is None:
        return ""
    flash, ram = bytes_needed(test)
    return f"""
#ifdef {prefix.upper()}_SELF_CHECK
/* Encodes {test.source}, decodes loc, and compares the outputs with those that were
 * computed at export. Returns 0 if all agree; otherwise the first one that does not:
 * {counts(test)}.
 * An output v agrees within {test.tolerance:g} * (|v| + step). The step is 1; for x of scaled data it is the unit.
 * Define {prefix.upper()}_SELF_CHECK for both files to have it. It takes {flash} bytes of flash for its numbers
 * and {ram} bytes of RAM. */
int {prefix}_self_check(void);
#endif
"""
