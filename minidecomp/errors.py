"""The errors that a user meets: each is one line that names what is wrong, the value, and what is allowed."""

from __future__ import annotations

LONGEST = 200  # letters of a value that a message shows


def shown(value: object) -> str:
    """A value as a message shows it: on one line, and cut where it is long."""
    try:
        text = str(value)
    except ValueError:  # Python writes no whole number of more than some thousand digits
        return "a number of thousands of digits"
    return printable(text) if len(text) <= LONGEST else f"{printable(text[:60])}.. ({len(text)} letters)"


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 run", "2 runs"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str, encoding: str = "utf-8") -> str:
    """A text for one line of a terminal: what cannot be printed, or not in the encoding, is escaped.

    Names come from others. A control character in one could clear the screen, and a mark of direction reorder the line.
    """
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped.encode(encoding, "backslashreplace").decode(encoding)


def is_text(name: str) -> bool:
    """Whether a name can be recorded: it is UTF-8 (else the system gives it with surrogates) and has no zero byte."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False


class MinidecompError(Exception):
    """Base of the errors below; the command line prints it as one line."""

    exit_code = 2

    def __str__(self) -> str:
        return printable(super().__str__())


class OptionError(MinidecompError, ValueError):
    """An option has a value that is not allowed.

    Parameters
    ----------
    option : str
        The option's name as in Python, for example ``latent_dim``; the command line shows ``--latent-dim``.
    value : object
        The value given, or None for an option that is missing.
    allowed : str
        What is allowed, in words.
    """

    def __init__(self, option: str, value: object, allowed: str):
        super().__init__(option, value, allowed)
        self.option, self.value, self.allowed = option, value, allowed

    def message(self, option: str) -> str:
        """The error's line, with ``option`` as the option's name."""
        return (
            f"{shown(option)}: "
            + ("" if self.value is None else f"{shown(self.value)} is not allowed; ")
            + self.allowed
        )

    def __str__(self) -> str:
        return printable(self.message(self.option))


def on_command_line(error: MinidecompError) -> str:
    """An error's line, with an option as the command line has it: ``--latent-dim``."""
    if isinstance(error, OptionError):
        return error.message("--" + error.option.replace("_", "-"))
    return str(error)


class DataError(MinidecompError, ValueError):
    """A data set is missing, damaged or of the wrong kind."""


class RunError(MinidecompError):
    """A run folder or a checkpoint cannot be used."""


class Fault(MinidecompError):
    """What was asked for is right, but it failed: a term is not finite, the disk is full, the network is not there."""

    exit_code = 1


class Overtaken(Fault):
    """A run went on, or was replaced, while something was made of the model that it had before."""
