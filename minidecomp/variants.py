"""What is chosen by its name: priors, likelihoods, regularisers, data sets, metrics, export formats, loggers.

A variant is one object in one file. It tells everything about itself: its name, its options with their limits, what it
needs. Lists of choices, help, checks and tables derive from that. ``PRIORS.add(Mine)`` adds one of your own, which is
from then on a choice like the others (docs/architecture.md).
"""

from __future__ import annotations

import keyword
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

# Words that a choice has already, and that commands or TrainOptions have beside the options of a run.
RESERVED_NAMES = ("all", "none")
RESERVED_OPTIONS = {
    *("fit", "fit_transform", "inverse_transform", "partial_fit", "posterior", "sample", "score", "transform"),
    *("get_feature_names_out", "get_params", "set_output", "set_params"),
    *("as_json", "config", "help", "json", "out", "plots", "quiet", "replace", "resume", "seeds", "version"),
    *("against", "checked", "explained", "metrics", "plot", "points", "run", "save", "scheduler", "term", "theorem"),
}
# The options of every run, which settings/options.py names, and what it asks of a variant's own options.
TABLE_OPTIONS: set[str] = set()
OPTION_CHECKS: list[Callable[[Option], None]] = []
_TABLE = "minidecomp.settings.resolving"  # imported before anything is added, for these


@dataclass(frozen=True)
class Option:
    """What is known of an option of a training run.

    Attributes
    ----------
    name : str
        As in Python: ``latent_dim``; the command line has ``--latent-dim``.
    kind : type
        str, int, float, bool, or tuple for a list of whole numbers.
    help : str or callable
        What ``minidecomp train --help`` says, or a function that returns it.
    default : object
        None if other options or the data decide.
    flags : str
        Further names on the command line, separated by blanks.
    choices : sequence or callable, optional
        The values allowed, or a function that returns them.
    low, high, above, below : float, optional
        Limits of a number; ``above`` and ``below`` are excluded.
    most : int, optional
        Largest number of entries in a tuple.
    only_with : (str, tuple of str), optional
        Another option and its values; without them this option has no meaning.
    verify : callable, optional
        Called with the value; raises OptionError if it is not allowed.
    group : str
        The heading under which ``--help`` shows it; a variant's option gets its variant's.
    default_help : str or callable
        What ``--help`` says about a default that other options or the data decide, or a function that returns it.
    """

    name: str
    kind: type
    help: str | Callable[[], str]
    default: Any = None
    flags: str = ""
    choices: tuple[Any, ...] | Callable[[], tuple[Any, ...]] | None = None
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    most: int | None = None
    only_with: tuple[str, tuple[str, ...]] | None = None
    verify: Callable[[Any], object] | None = None
    group: str = ""
    default_help: str | Callable[[], str] = ""


class Variants(Mapping[str, Any]):
    """The variants of one kind by their names, in the order in which they were added; for any number of threads.

    Parameters
    ----------
    kind : str
        What they are, for messages.
    package : str
        Imported when they are first looked at; it adds those that come with minidecomp.
    needed : tuple of str
        The attributes that each has, beside its name.
    allowed : mapping
        The values that some of them may have.
    """

    def __init__(
        self, kind: str, package: str, needed: tuple[str, ...], allowed: Mapping[str, tuple[Any, ...]] | None = None
    ):
        self.kind, self.package, self.needed, self.allowed = kind, package, needed, allowed or {}
        self._known: dict[str, Any] = {}
        self._imported, self._lock = False, threading.Lock()
        self.changes = 0  # grows with each change, for those who keep what they derive

    def _all(self) -> dict[str, Any]:
        if not self._imported:
            # Another thread that is at it is waited for; this thread itself may be in the midst of it.
            package = import_module(self.package)
            self._imported = not getattr(package.__spec__, "_initializing", False)
        return self._known

    def add(self, variant: Any) -> Any:
        """Add a variant, which has a ``name``; returns it, so that it serves as a decorator.

        Raises
        ------
        ValueError
            If a name, an alias or an option is none, or taken, or something is missing; nothing is added then.
        """
        import_module(_TABLE)
        self._all()
        with self._lock:
            known = self._known
            if not any(each is variant for each in known.values()):
                self._check(variant, known)
                # In place of the old dict, which another thread may be going through.
                self._known = {**known, variant.name: variant}
                self.changes += 1
        return variant

    def _check(self, variant: Any, known: Mapping[str, Any]) -> None:
        name = getattr(variant, "name", None)
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in RESERVED_NAMES:
            raise ValueError(f"a {self.kind}'s name is of lower case letters, digits, - and _, not {name!r}")
        if self.kind == "metric" and name.replace("-", "_") in RESERVED_OPTIONS | TABLE_OPTIONS | {"state", "reason"}:
            raise ValueError(f"a metric cannot be named {name}: a column of tables has that name")
        taken = set(known) | {alias for each in known.values() for alias in getattr(each, "aliases", ())}
        for word in (name, *getattr(variant, "aliases", ())):
            if word in taken:
                raise ValueError(f"there is a {self.kind} named {word} already")
        lacks = [needed for needed in self.needed if not hasattr(variant, needed)]
        if lacks:
            raise ValueError(f"the {self.kind} {name} has no {', '.join(lacks)}")
        for attribute, values in self.allowed.items():
            value = getattr(variant, attribute)
            if value not in values:
                raise ValueError(f"the {self.kind} {name} has {attribute} {value!r}; {', '.join(map(str, values))} are")
        unknown = set(getattr(variant, "defaults", ())) - TABLE_OPTIONS
        if unknown:
            raise ValueError(f"the {self.kind} {name} has defaults of no option: {', '.join(sorted(unknown))}")
        options = tuple(getattr(variant, "options", None) or ())
        names = [option.name for option in options]
        others = {option.name: option for each in known.values() for option in getattr(each, "options", ())}
        for option in options:
            word = option.name
            if not re.fullmatch(r"[a-z][a-z0-9_]*", word) or keyword.iskeyword(word) or names.count(word) > 1:
                raise ValueError(f"the {self.kind} {name} cannot have an option {word!r}: no name, or there twice")
            if (
                word in RESERVED_OPTIONS | TABLE_OPTIONS
                or word.startswith("no_")
                or word.endswith("_")
                or others.get(word, option) != option
            ):
                raise ValueError(f"the {self.kind} {name} cannot have an option {word!r}: there is one of that name")
            for check in OPTION_CHECKS:
                check(option)

    def remove(self, name: str) -> None:
        """Take one away again; KeyError if there is none of that name."""
        self._all()
        with self._lock:
            known = dict(self._known)
            del known[name]
            self._known = known
            self.changes += 1

    def named(self, word: Any) -> Any:
        """The name that a word stands for: itself, or the variant's of which it is an alias."""
        known = self._all()
        if isinstance(word, str) and word not in known:
            for name, variant in known.items():
                if word.lower() in getattr(variant, "aliases", ()):
                    return name
        return word

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


_TERM = ("options", "aliases", "label", "explanation")
PRIORS = Variants(
    "prior",
    "minidecomp.terms.priors",
    (*_TERM, "defaults", "usual_data", "closed_form_kl", "takes_data_variances", "from_options"),
    {"noise_kind": ("normal", "student-t"), "choice_kind": (None, "point", "element")},
)
LIKELIHOODS = Variants(
    "likelihood",
    "minidecomp.terms.likelihoods",
    (*_TERM, "data_range", "mean_link", "learns_scale", "from_options"),
    {"noise_kind": ("normal", "uniform"), "mean_link": ("identity", "sigmoid")},
)
REGULARISERS = Variants(
    "regulariser",
    "minidecomp.terms.regularisers",
    ("aliases", "label", "explanation", "title", "symbol", "unit", "least_points", "value", "value_and_grad"),
)
DATA_SETS = Variants("data set", "minidecomp.data", ("load", "options", "defaults", "limits_itself", "available"))
METRICS = Variants("metric", "minidecomp.evaluation.metrics", ("help",))
EXPORT_FORMATS = Variants("export format", "minidecomp.export", ("help", "write", "weights", "package"))
LOGGERS = Variants("logger", "minidecomp.loggers", ("missing", "open"))
