"""What a format says about an export."""

from __future__ import annotations

from dataclasses import dataclass, field

from .networks import Chain


@dataclass(frozen=True)
class Told:
    """The content of the files, and what the model needs.

    Attributes
    ----------
    files : dict
        The end of a file's name, and the file's content.
    lines : tuple of str
        Inputs, outputs and memory, one line each.
    self_check : str
        How to run the self-check, if the export has one.
    compile : str
        The command that compiles the ``.c`` file, up to its path.
    """

    files: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    self_check: str = ""
    compile: str = ""

    def of_file(self, name: str) -> str:
        """The content of the file with this name; empty if unknown."""
        return next((what for end, what in self.files.items() if name.endswith(end)), "")


def signature(function: str, chain: Chain, batch: str = "", outputs: tuple[str, ...] = ()) -> str:
    """A function with its input and its outputs (all, or those named): ``encode: x[2] -> loc[2], scale[2]``."""
    variable = "x" if chain.name == "encode" else "z"
    made = [f"{name}[{batch}{n}]" for name, n in chain.outputs.items() if name in outputs or not outputs]
    return f"{function}: {variable}[{batch}{chain.widths[0]}] -> {', '.join(made)}"


def activation_bytes(chain: Chain) -> int:
    """The bytes of a layer's input and output for one point, for the layer where they are most."""
    return 4 * max(a + b for a, b in zip(chain.widths, chain.widths[1:], strict=False))
