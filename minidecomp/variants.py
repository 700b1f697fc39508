"""Everything that is chosen by its name: priors, likelihoods, regularisers, data sets, metrics, export formats.

A variant is one object in one file. It tells everything about itself: its name, its options with their limits, what it
needs. Lists of choices, help, checks and tables derive from that. ``PRIORS.add(Mine)`` adds one of your own, which is
from then on a choice like the others (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


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
        What ``minidecomp train --help`` says, or a function that gives it.
    default : object
        None where other options or the data decide.
    flags : str
        Further names on the command line, blanks between.
    choices : sequence or callable, optional
        What is allowed, or a function that gives it.
    low, high, above, below : float, optional
        Limits of a number; ``above`` and ``below`` are not included themselves.
    most : int, optional
        How many numbers a tuple may have.
    only_with : (str, tuple of str), optional
        The other option, and its values, without which this one has no meaning.
    verify : callable, optional
        Given the value; raises OptionError if it is not allowed.
    group : str
        Under which heading ``--help`` has it; a variant's option gets its variant's.
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


class Variants(Mapping[str, Any]):
    """The variants of one kind by their names, in the order in which they were added.

    Parameters
    ----------
    kind : str
        What they are, for messages.
    package : str
        Imported when they are first looked at; it adds those that come with minidecomp.
    """

    def __init__(self, kind: str, package: str):
        self.kind, self.package = kind, package
        self._known: dict[str, Any] = {}
        self._imported = False
        self.changes = 0  # grows with each change, for those who keep what they derive

    def _all(self) -> dict[str, Any]:
        if not self._imported:
            self._imported = True
            import_module(self.package)
        return self._known

    def add(self, variant: Any) -> Any:
        """Add a variant, which has a ``name``; returns it, so that it serves as a decorator.

        Raises
        ------
        ValueError
            If there is one of that name already.
        """
        known = self._all()
        if variant.name in known and known[variant.name] is not variant:
            raise ValueError(f"there is a {self.kind} named {variant.name} already")
        known[variant.name] = variant
        self.changes += 1
        return variant

    def remove(self, name: str) -> None:
        """Remove the variant of that name."""
        del self._known[name]
        self.changes += 1

    def named(self, word: Any) -> Any:
        """The name that a word stands for: the word itself, or the name of the variant that has it as an alias."""
        if isinstance(word, str):
            for name, variant in self._all().items():
                if word.lower() in getattr(variant, "aliases", ()):
                    return name
        return word

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


PRIORS = Variants("prior", "minidecomp.terms.priors")
LIKELIHOODS = Variants("likelihood", "minidecomp.terms.likelihoods")
REGULARISERS = Variants("regulariser", "minidecomp.terms.regularisers")
DATA_SETS = Variants("data set", "minidecomp.data")
METRICS = Variants("metric", "minidecomp.evaluation.metrics")
EXPORT_FORMATS = Variants("export format", "minidecomp.export")
