"""The errors that a user meets. Each is one line: what was expected, what came, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

LONGEST = 200  # letters of a value that a message shows
# Options that have another name on the command line than in Python.
FLAGS = {"from_run": "from"}
NO_FLAG = ("grid",)
# How similar a known word must be for "did you mean", and how similar if both begin and end alike.
LIKENESS, LIKENESS_OF_ENDS = 0.74, 0.66


def shown(value: object) -> str:
    """A value as a message shows it: on one line, and cut if it is long."""
    try:
        text = str(value)
    except ValueError:  # Python refuses to write whole numbers of more than some thousand digits
        return "a number of thousands of digits"
    return printable(text) if len(text) <= LONGEST else f"{printable(text[:60])}.. ({len(text)} letters)"


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 run", "2 runs"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def quoted(value: object) -> str:
    """A value at the end of a message: a text in quotes, unless it reads as a number."""
    text = shown(value)
    if not isinstance(value, str):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}'"
    return text


def either(words: Iterable[object], last: str = "or") -> str:
    """Words as a list in a sentence: "a", "a or b", "a, b or c"."""
    *first, end = map(str, words)
    return f"{', '.join(first)} {last} {end}" if first else end


def one_of(words: Iterable[object]) -> str:
    """What a choice must be: "a or b", and "one of a, b, c, d" where there are many."""
    names = list(map(str, words))
    return either(names) if len(names) < 4 else f"one of {', '.join(names)}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant: the most similar one, or the only one that has it as a part.

    None if nothing is near. "alpah" gives "alpha", and "curves" gives "learning_curves".
    """
    words: Sequence[str] = list(dict.fromkeys(known))
    plain = {each: each.lower().replace("_", "-") for each in words}
    wanted = word.lower().replace("_", "-")
    for close in difflib.get_close_matches(wanted, plain.values(), 3, LIKENESS_OF_ENDS):
        if _is_near(wanted, close):
            return next(each for each in words if plain[each] == close)
    parts = [each for each in words if wanted in plain[each].split("-")]
    return parts[0] if len(parts) == 1 else None


def _is_near(word: str, known: str) -> bool:
    ends_alike = (word[0], word[-1]) == (known[0], known[-1]) and abs(len(word) - len(known)) <= 1
    return ends_alike or difflib.SequenceMatcher(None, known, word).ratio() >= LIKENESS


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint: "did you mean 'train'?", or empty if nothing is near."""
    near = nearest(word, known)
    return f"did you mean '{near}'?" if near else ""


def printable(text: str, encoding: str = "utf-8") -> str:
    """A text for one line of a terminal: characters that cannot be printed, or encoded, are escaped.

    Names come from others: a control character could clear the screen, and a direction mark could reorder the line.
    """
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped.encode(encoding, "backslashreplace").decode(encoding)


def is_text(name: str) -> bool:
    """Whether a name can be recorded: it is valid UTF-8 (if not, it holds surrogates) and has no zero byte."""
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
    """An option has a value that is not allowed. The message takes one of three forms:

    - ``alpha must be 0 or more, not -1``, for a value outside its limits (``must_be``);
    - ``lr: expected a number above 0, got 'x'``, for a value of the wrong kind (``expected``);
    - ``kl=analytic: the mixture prior has no closed form; use --kl monte-carlo``, for everything else (``reason``).

    Parameters
    ----------
    option : str
        The option's name as in Python, for example ``latent_dim``; the command line shows ``--latent-dim``.
    value : object
        The value given, or None if the value does not matter: the message then names the option alone.
    reason : str
        What is wrong and what to do, as a clause of its own.
    must_be : str
        What the value must be: "0 or more".
    expected : str
        What was expected, with its noun: "a number above 0".
    hint : str
        A further clause: "did you mean 'gaussian'?"
    where : str
        What the message is about, where there are several of its kind: "run a2".
    """

    def __init__(
        self,
        option: str,
        value: object = None,
        reason: str = "",
        *,
        must_be: str = "",
        expected: str = "",
        hint: str = "",
        where: str = "",
    ):
        super().__init__(option, value, reason)
        self.option, self.value = option, value
        self.words = {"reason": reason, "must_be": must_be, "expected": expected, "hint": hint, "where": where}

    def __reduce__(self) -> Any:
        return partial(type(self), self.option, self.value, **self.words), ()

    def changed(self, **words: str) -> OptionError:
        """The same error with some of its words changed."""
        return type(self)(self.option, self.value, **{**self.words, **words})

    def message(self, spelled: Callable[[str], str] = str) -> str:
        """The error's line; ``spelled`` gives an option's name as the reader typed it."""
        name, words = shown(spelled(self.option)), self.words
        if words["must_be"]:
            line = f"{name} must be {words['must_be']}" + ("" if self.value is None else f", not {quoted(self.value)}")
        elif words["expected"]:
            line = f"{name}: expected {words['expected']}" + (
                "" if self.value is None else f", got {quoted(self.value)}"
            )
        else:
            line = f"{self._with_value(name)}: {words['reason']}"
        return (
            (f"{words['where']}: " if words["where"] else "") + line + (f"; {words['hint']}" if words["hint"] else "")
        )

    def _with_value(self, name: str) -> str:
        """``--kl analytic`` or ``kl=analytic``; a flag stands alone on the command line."""
        if self.value is None or (self.value is True and name.startswith("--")):
            return name
        if self.value is False and name.startswith("--"):
            return f"--no-{name[2:]}"
        value = shown(f"{self.value:.15g}" if isinstance(self.value, float) else self.value) or "''"
        return f"{name} {value}" if name.startswith("--") else f"{name}={value}"

    def __str__(self) -> str:
        return printable(self.message())


class UnknownOption(OptionError):
    """There is no option of this name.

    Parameters
    ----------
    option : str
        The name that was given, as in Python.
    near : str
        The option that was probably meant; empty if none is near.
    is_synonym : bool
        Whether the name is a common one for just that option, as ``learning_rate`` is for ``lr``.
    hint : str
        What to do instead, where no option is near.
    """

    def __init__(self, option: str, near: str = "", is_synonym: bool = False, hint: str = "", where: str = ""):
        super().__init__(option, None, "there is no such option", hint=hint, where=where)
        self.near, self.is_synonym = near, is_synonym

    def __reduce__(self) -> Any:
        return type(self), (self.option, self.near, self.is_synonym, self.words["hint"], self.words["where"])

    def changed(self, **words: str) -> UnknownOption:
        """The same error with another hint or about another place."""
        words = {name: words.get(name, self.words[name]) for name in ("hint", "where")}
        return UnknownOption(self.option, self.near, self.is_synonym, **words)

    def message(self, spelled: Callable[[str], str] = str) -> str:
        """The error's line; ``spelled`` gives an option's name as the reader typed it."""
        where = f"{self.words['where']}: " if self.words["where"] else ""
        line = f"{where}unknown option {shown(spelled(self.option))}"
        if self.is_synonym:
            return f"{line}; it is called {spelled(self.near)} here"
        if self.near:
            return f"{line}; did you mean {spelled(self.near)}?"
        return f"{line}; {self.words['hint']}" if self.words["hint"] else line


def flag(option: str) -> str:
    """An option as the command line has it: ``--latent-dim``, and ``--from`` for ``from_run``."""
    return option if option in NO_FLAG else "--" + FLAGS.get(option, option).replace("_", "-")


def option_of(given: str) -> str:
    """The option that a flag of the command line stands for, as in Python: ``latent_dim``."""
    word = given[2:].replace("-", "_")
    return next((name for name, other in FLAGS.items() if other == word), word)


def on_command_line(error: MinidecompError) -> str:
    """An error's line, with an option as the command line has it."""
    return error.message(flag) if isinstance(error, OptionError) else str(error)


class DataError(MinidecompError, ValueError):
    """A data set is missing, damaged or of the wrong kind."""


class RunError(MinidecompError):
    """A run folder or a checkpoint cannot be used."""


class Fault(MinidecompError):
    """A correct command failed: a term is not finite, the disk is full, the network is down."""

    exit_code = 1


class Overtaken(Fault):
    """A run was trained further, or replaced, while something was being made from its earlier model."""
