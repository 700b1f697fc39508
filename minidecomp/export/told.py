"""What a format tells a person about an export."""

from __future__ import annotations

from dataclasses import dataclass, field

from .networks import Chain


@dataclass(frozen=True)
class Told:
    """What the files are, and what the model needs.

    Attributes
    ----------
    files : dict
        The end of a file's name, and what the file is.
    lines : tuple of str
        Inputs, outputs and memory, a line each.
    self_check : str
        How to run the self-check, where the export has one.
    """

    files: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    self_check: str = ""

    def of_file(self, name: str) -> str:
        """What the file of that name is; empty if that is not known."""
        return next((what for end, what in self.files.items() if name.endswith(end)), "")


def signature(function: str, chain: Chain, batch: str = "", outputs: tuple[str, ...] = ()) -> str:
    """A function with its input and outputs (all or those named): ``encode: x[2] -> loc[2], scale[2]``."""
    variable = "x" if chain.name == "encode" else "z"
    made = [f"{name}[{batch}{n}]" for name, n in chain.outputs.items() if name in outputs or not outputs]
    return f"{function}: {variable}[{batch}{chain.widths[0]}] -> {', '.join(made)}"


def activation_bytes(chain: Chain) -> int:
    """Bytes that a layer's input and output take for one point, for the layer that takes the most."""
    return 4 * max(a + b for a, b in zip(chain.widths, chain.widths[1:], strict=False))
