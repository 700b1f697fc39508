"""The flash and RAM that an exported C source needs: constants and buffers are counted, the code is measured."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from ..errors import counted
from ..runs.checkpoint import Run
from .c_header import header
from .c_names import prefix_of
from .c_source import source
from .networks import Chain, buffers, decoder_of, encoder_of
from .quantised import constant_bytes
from .told import Told, signature

SECONDS = 60.0  # after which a slow compiler is stopped
ARM = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
COMPILERS = (  # program, size, flags, target
    ("arm-none-eabi-gcc", "arm-none-eabi-size", ARM, "a Cortex-M4"),
    ("gcc", "size", (), "this computer"),
    ("cc", "size", (), "this computer"),
)


@dataclass(frozen=True)
class Code:
    """What a compiler makes of the functions: bytes of code, bytes of stack if it reports them, and its description."""

    size: int
    stack: int | None
    compiler: str


def tell(run: Run, name: str, weights: str) -> Told:
    """The files, the functions, flash and RAM of an export to C."""
    chains = (encoder_of(run.vae, run.rules.scaling), decoder_of(run.vae, run.rules.scaling))
    prefix = prefix_of(name)
    code = measured(chains, prefix, weights)
    ram = f"RAM: {4 * sum(buffers(chains))} bytes of static buffers"
    lines = [
        *(signature(f"{prefix}_{chain.name}", chain) for chain in chains),
        f"flash: {constants_in_words(chains, weights)}",
    ]
    if code is None:
        lines += [f"{ram}, and the stack", "code: not measured, because no working C compiler with `size` was found"]
    else:
        stack = "the stack" if code.stack is None else f"{counted(code.stack, 'byte')} of stack"
        lines[-1] += f"; {code.size} bytes of code ({code.compiler}, libm not counted)"
        lines.append(f"{ram}, and {stack} (arrays of the caller and libm not counted)")
    upper = prefix.upper()
    return Told(
        {".h": "declarations, and what the model is", ".c": "constants and functions"},
        tuple(lines),
        f"self-check: {prefix}_self_check() returns 0 if all is right; compile with -D{upper}_SELF_CHECK",
        "cc -std=c99 -O2 -c",
    )


def constants_in_words(chains: tuple[Chain, Chain], weights: str) -> str:
    """The bytes of the constants, in total and by part."""
    parts = {chain.name: constant_bytes(chain, weights) for chain in chains}
    if chains[0].unit is not None:
        parts["scaling of x"] = 8 * chains[0].widths[0]
    listed = ", ".join(f"{name} {size}" for name, size in parts.items())
    return f"{sum(parts.values())} bytes of constants ({listed})"


def measured(chains: tuple[Chain, Chain], prefix: str, weights: str) -> Code | None:
    """The functions compiled with -Os by the first compiler that can; None if none can."""
    for compiler, size, flags, target in COMPILERS:
        if which(compiler) and which(size):
            with TemporaryDirectory() as folder:
                code = _measured(chains, prefix, weights, Path(folder), (compiler, size, flags, target))
            if code is not None:
                return code
    return None


def _measured(
    chains: tuple[Chain, Chain], prefix: str, weights: str, folder: Path, tools: tuple[str, str, tuple[str, ...], str]
) -> Code | None:
    compiler, size, flags, target = tools
    (folder / "m.h").write_text(header(chains, prefix, weights, None, {}, None))
    # The constants are already counted, and large ones take a compiler long, so they are only declared here.
    (folder / "m.c").write_text(source(chains, prefix, "m.h", weights, defined=False))
    options = ["-std=c99", "-Os", "-fno-asynchronous-unwind-tables", "-fstack-usage", *flags]
    try:
        for command in ([compiler, *options, "-c", "m.c", "-o", "m.o"], [size, "-A", "m.o"]):
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, errors="replace", check=True, timeout=SECONDS
            )
    except (OSError, subprocess.SubprocessError):
        return None
    sections = re.findall(r"^\.(?:text|rodata)\S*\s+(\d+)", done.stdout, re.MULTILINE)
    code = sum(map(int, sections))
    return Code(code, _stack(folder), f"{compiler} -Os for {target}") if code else None


def _stack(folder: Path) -> int | None:
    """The stack bytes of the deepest call, from the compiler's list: encode or decode, a layer, and the rest."""
    try:
        text = (folder / "m.su").read_text("utf-8", "replace")
    except OSError:
        return None
    sizes = {name.split(":")[-1]: int(size) for name, size in re.findall(r"^(\S.*?)\t(\d+)\t", text, re.MULTILINE)}
    ends = [size for name, size in sizes.items() if name.endswith(("_encode", "_decode"))]
    others = [size for name, size in sizes.items() if not name.endswith(("_encode", "_decode"))]
    return max(ends) + max(others, default=0) if ends else None
