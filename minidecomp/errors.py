"""The errors that a user meets. Each is one line: what was expected, what came, and what to do."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

LONGEST = 200  # letters of a value that a message shows
# Options that have another name on the command line than in Python.
FLAGS = {"from_run": "from"}
NO_FLAG = ("grid",)
# Options whose value alone Python shows, as there it is an argument of another name.
SHOWN_BY_VALUE = ("out",)
YES_OR_NO = "yes or no"  # what a switch must be; Python and TOML say true or false
# An option in the text of an error, marked so that each face can spell it: `--kl monte-carlo`, `--amsgrad`.
MARKED = re.compile(r"`--([a-z][a-z0-9-]*)(?: ([^`]*))?`")
# How similar a known word must be for "did you mean"; a word shorter than SHORT needs a single slip of the fingers.
LIKENESS, SHORT = 0.82, 6


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


def counted_from_to(counts: Iterable[int], noun: str) -> str:
    """Several numbers, one or more, with their noun: "8 to 16 seeds", "8 or 9 seeds", or "8 seeds" if all are equal."""
    known = set(counts)
    low, high = min(known), max(known)
    return counted(low, noun) if low == high else f"{low} {'or' if high == low + 1 else 'to'} {counted(high, noun)}"


def number(value: float) -> str:
    """A number in a sentence: 0.05, 12 and 1,000,000; 1e+30 where nobody counts the digits."""
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:g}"


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


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant: the most similar one, or the only one that has it as its
    beginning or as a part.

    None if nothing is near. "alpah" gives "alpha", and "curves" gives "learning_curves".
    """
    words: Sequence[str] = list(dict.fromkeys(known))
    if (near := most_similar(word, words)) is not None:
        return near
    wanted = _plain(word)
    begun = [each for each in words if len(wanted) > 2 and _plain(each).startswith(wanted)]
    parts = begun or [each for each in words if wanted in _plain(each).split("-")]
    return parts[0] if len(parts) == 1 else None


def most_similar(word: str, known: Iterable[str], likeness: float = LIKENESS) -> str | None:
    """The known word that is most similar to a word; None if none is similar enough."""
    wanted = _plain(word)
    near = [(_likeness(wanted, _plain(each)), each) for each in known if each != word]
    best = max(near, key=lambda pair: pair[0], default=(0.0, ""))
    return best[1] if best[0] >= likeness else None


def _plain(word: str) -> str:
    return word.lower().replace("_", "-")


def _likeness(word: str, known: str) -> float:
    """From 0 to 1. Other digits mean another thing: float16 is not float64."""
    if word == known:
        return 1
    if not word or re.sub(r"\D", "", word) != re.sub(r"\D", "", known):
        return 0
    if min(len(word), len(known)) < SHORT:
        return 0.9 if _is_one_slip(word, known) else 0
    return difflib.SequenceMatcher(None, known, word).ratio()


def _is_one_slip(word: str, known: str) -> bool:
    """Whether the words have the same first letter, and differ by a letter more or less or by two swapped ones."""
    if word[0] != known[0] or len(known) < 3:
        return False
    short, long = sorted((word, known), key=len)
    if len(long) == len(short) + 1:
        return short in (long[:i] + long[i + 1 :] for i in range(1, len(long)))
    return word in (known[:i] + known[i + 1] + known[i] + known[i + 2 :] for i in range(len(known) - 1))


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


def marked(option: str, value: object = "") -> str:
    """An option in an error's text, as `MARKED` has it; ``option`` is the name as in Python."""
    text = shown(value).replace("`", "'")
    return f"`{flag(option)} {text}`" if text else f"`{flag(option)}`"


def as_flags(text: str) -> str:
    """A text with its marked options as the command line has them: ``--kl monte-carlo``."""
    return MARKED.sub(lambda mark: mark[0][1:-1], text)


def as_arguments(text: str) -> str:
    """A text with its marked options as Python has them: ``kl="monte-carlo"``."""
    return "true or false" if text == YES_OR_NO else MARKED.sub(_as_argument, text)


def _as_argument(mark: re.Match[str]) -> str:
    word, value = mark[1], mark[2]
    negated = word.startswith("no-")
    name = option_of("--" + word.removeprefix("no-"))
    if negated:
        return f"{name}=False"
    if value is None or value.isupper():  # FILE stands for any value
        return name
    if name in SHOWN_BY_VALUE:
        return value
    if value[0] in "'\"":
        with suppress(ValueError):  # a long value was cut
            value = " ".join(shlex.split(value))
    is_number = re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", value)
    return f"{name}={value}" if is_number else f'{name}="{value}"'


class MinidecompError(Exception):
    """Base of the errors below; the command line prints it as one line.

    Options in its text are marked, as in "use `--kl monte-carlo`". Python shows them as arguments.
    """

    exit_code = 2

    def message(self, spelled: Callable[[str], str] = str, mentioned: Callable[[str], str] = as_arguments) -> str:
        """The error's line; ``mentioned`` spells the options that are marked in it."""
        return mentioned(super().__str__())

    def __str__(self) -> str:
        return printable(self.message())


class OptionError(MinidecompError, ValueError):
    """An option has a value that is not allowed. The message takes one of three forms:

    - ``alpha must be 0 or more, not -1``, for a value outside its limits (``must_be``);
    - ``lr: expected a number above 0, got 'x'``, for a value of the wrong kind (``expected``);
    - ``kl=analytic: the mixture prior has no closed form; use `--kl monte-carlo```, for everything else (``reason``).

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
    choices : iterable of str
        The values that are allowed: ``must_be`` then names them, and ``hint`` the one that was probably meant.
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
        choices: Iterable[object] = (),
        where: str = "",
    ):
        super().__init__(option, value, reason)
        if allowed := list(map(str, choices)):
            must_be = must_be or either(dict.fromkeys(allowed))
            hint = hint or (did_you_mean(value, allowed) if isinstance(value, str) else "")
        self.option, self.value = option, value
        self.words = {"reason": reason, "must_be": must_be, "expected": expected, "hint": hint, "where": where}

    def __reduce__(self) -> Any:
        return partial(type(self), self.option, self.value, **self.words), ()

    def changed(self, **words: str) -> OptionError:
        """The same error with some of its words changed."""
        return type(self)(self.option, self.value, **{**self.words, **words})

    def message(self, spelled: Callable[[str], str] = str, mentioned: Callable[[str], str] = as_arguments) -> str:
        """The error's line.

        ``spelled`` gives an option's name as the reader typed it; ``mentioned`` spells the options marked in the text.
        """
        name = shown(spelled(self.option))
        words = {kind: mentioned(text) for kind, text in self.words.items()}
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
        is_flag = name.startswith("--")
        value = shown(_typed(self.value) if is_flag or isinstance(self.value, float) else self.value) or "''"
        return f"{name} {value}" if is_flag else f"{name}={value}"

    def __str__(self) -> str:
        return printable(self.message())


def _typed(value: object) -> object:
    """A value as one types it: ``5,5`` for numbers in a list."""
    if isinstance(value, float):
        return f"{value:.15g}"
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else value


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

    def message(self, spelled: Callable[[str], str] = str, mentioned: Callable[[str], str] = as_arguments) -> str:
        """The error's line; see `OptionError.message`."""
        where = f"{self.words['where']}: " if self.words["where"] else ""
        if not self.option.strip("-_ "):
            return f"{where}an option's name is empty"
        line = f"{where}unknown option {shown(spelled(self.option))}"
        if self.is_synonym:
            return f"{line}; it is called {spelled(self.near)} here"
        if self.near:
            return f"{line}; did you mean {spelled(self.near)}?"
        return f"{line}; {mentioned(self.words['hint'])}" if self.words["hint"] else line


def flag(option: str) -> str:
    """An option as the command line has it: ``--latent-dim``, and ``--from`` for ``from_run``."""
    return option if option in NO_FLAG else "--" + FLAGS.get(option, option).replace("_", "-")


def option_of(given: str) -> str:
    """The option that a flag of the command line stands for, as in Python: ``latent_dim``."""
    word = given[2:].replace("-", "_")
    return next((name for name, other in FLAGS.items() if other == word), word)


def on_command_line(error: MinidecompError) -> str:
    """An error's line, with an option as the command line has it."""
    return printable(error.message(flag, as_flags))


class DataError(MinidecompError, ValueError):
    """A data set is missing, damaged or of the wrong kind."""


class RunError(MinidecompError):
    """A run folder or a checkpoint cannot be used."""


class Fault(MinidecompError):
    """A correct command failed: a term is not finite, the disk is full, the network is down."""

    exit_code = 1


class Overtaken(Fault):
    """A run was trained further, or replaced, while something was being made from its earlier model."""
