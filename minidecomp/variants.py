"""Everything that is chosen by name: priors, likelihoods, regularisers, data sets, metrics, export formats, loggers.

A variant is one object in one file. It describes itself: its name, its options with their limits, and its needs. Lists
of choices, help, checks and tables derive from that. ``PRIORS.add(Mine)`` adds your own variant, which is then a choice
like the others (docs/architecture.md).
"""

from __future__ import annotations

import keyword
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from typing import Any

# Reserved words: choices with a special meaning, and names that commands or TrainOptions use for other things.
RESERVED_NAMES = ("all", "none")
RESERVED_OPTIONS = {
    *("fit", "fit_transform", "inverse_transform", "partial_fit", "posterior", "sample", "score", "transform"),
    *("get_feature_names_out", "get_params", "set_output", "set_params"),
    *("as_json", "config", "help", "json", "out", "plots", "quiet", "replace", "resume", "seeds", "version"),
    *("against", "checked", "explained", "metrics", "plot", "points", "run", "save", "scheduler", "term", "theorem"),
}
# The options of every run, named in settings/options.py, and its requirements on a variant's options.
TABLE_OPTIONS: set[str] = set()
OPTION_CHECKS: list[Callable[[Option], None]] = []
_CHANGES = count(1)
_TABLE = "minidecomp.settings.resolving"  # imported before anything is added, to set these


@dataclass(frozen=True)
class Option:
    """An option of a training run.

    Attributes
    ----------
    name : str
        Its name in Python: ``latent_dim``; on the command line, it is ``--latent-dim``.
    kind : type
        str, int, float, bool, or tuple for a list of whole numbers.
    help : str or callable
        The text in ``minidecomp train --help``, or a function that returns it.
    default : object
        None if other options or the data determine it.
    flags : str
        Other names on the command line, separated by spaces.
    choices : sequence or callable, optional
        The allowed values, or a function that returns them.
    low, high, above, below : float, optional
        Limits of a number; ``above`` and ``below`` are exclusive.
    most : int, optional
        The largest number of entries in a tuple.
    only_with : (str, tuple of str), optional
        Another option, and those of its values with which this option has a meaning.
    verify : callable, optional
        Called with the value; raises OptionError if it is not allowed.
    group : str
        The heading under which ``--help`` lists it; for a variant's option, the variant's heading.
    default_help : str or callable
        What ``--help`` says about a default that other options or the data determine, or a function that returns it.
    metavar : str
        How ``--help`` names the value of a text option, such as ``FILE``. Completion goes by it.
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
    metavar: str = ""


class Variants(Mapping[str, Any]):
    """The variants of one kind by name, in the order in which they were added. It is safe to use in several threads.

    Parameters
    ----------
    kind : str
        The kind's name in messages.
    package : str
        Imported on first use; it adds the variants that come with minidecomp.
    needed : tuple of str
        The attributes that each variant must have besides its name.
    allowed : mapping
        The allowed values of some of these attributes.
    """

    last_change = 0  # of any kind of variants; each change gives another number, so that derived values can be cached

    def __init__(
        self, kind: str, package: str, needed: tuple[str, ...], allowed: Mapping[str, tuple[Any, ...]] | None = None
    ):
        self.kind, self.package, self.needed, self.allowed = kind, package, needed, allowed or {}
        self._known: dict[str, Any] = {}
        self._imported, self._lock = False, threading.Lock()
        self.changed = 0  # this kind's last change

    def _all(self) -> dict[str, Any]:
        if not self._imported:
            # Wait for another thread that is importing; this thread itself may be in the middle of the import.
            package = import_module(self.package)
            self._imported = not getattr(package.__spec__, "_initializing", False)
        return self._known

    def add(self, variant: Any) -> Any:
        """Add a variant and return it, so that the method can be used as a decorator.

        Raises
        ------
        ValueError
            If a name, an alias or an option is invalid or taken, or something is missing. Nothing is added then.
        """
        import_module(_TABLE)
        self._all()
        with self._lock:
            known = self._known
            if not any(each is variant for each in known.values()):
                self._check(variant, known)
                # A new dict, because another thread may be iterating over the old one.
                self._known = {**known, variant.name: variant}
                self.changed = Variants.last_change = next(_CHANGES)
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
        """Remove a variant. Raises KeyError if there is none of that name."""
        self._all()
        with self._lock:
            known = dict(self._known)
            del known[name]
            self._known = known
            self.changed = Variants.last_change = next(_CHANGES)

    def named(self, word: Any) -> Any:
        """The name that a word stands for: itself, or the name of the variant whose alias it is."""
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
