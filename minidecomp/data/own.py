"""What ``--data`` means where it names no data set: the options of a file, and how they say to read it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from ..errors import OptionError
from ..settings.options import OWN
from ..variants import Option
from .arrays import HowToRead, load
from .cells import Reading
from .dataset import Dataset
from .labels import is_file
from .rules import DataRules
from .scaling import SCALES
from .source import FACTORS, DataSource, check_list, listed

TAB = {"tab": "\t", "\\t": "\t"}


def how_to_read(
    options: Any, rules: DataRules | None = None, instead: Mapping[str, Any] = MappingProxyType({})
) -> HowToRead:
    """What a run's options say of its file and, with the rules of its model, of another one for that model.

    ``instead`` has options of the other file, in place of the run's. The run's labels and factors are taken from it
    where they are there.
    """

    def given(name: str, usual: Any = "") -> Any:
        value = instead.get(name, getattr(options, name, None))
        return usual if value is None else value

    labels, factors = given("labels"), given("factors") if "labels" not in instead else ""
    table = Reading(
        delimiter=TAB.get(given("delimiter"), given("delimiter")),
        decimal=given("decimal"),
        header=given("header", None),
        columns=listed(given("columns")),
        drop=listed(given("drop")),
        missing=listed(given("missing")),
        drop_missing=given("drop_missing", False),
        labels=() if is_file(labels) or not labels else (labels,),
        factors=() if is_file(factors) else listed(factors),
        if_there=rules is not None and "labels" not in instead,
        model_names=() if rules is None else rules.names,
        model_width=0 if rules is None else rules.width,
    )
    resize = given("resize", ())
    size = (resize[0], resize[-1]) if resize else None
    named = (factors,) if is_file(factors) else table.factors
    return HowToRead(given("array", None), table, given("channels"), size, labels, named, given("image_shape", ()))


def _check_delimiter(value: str) -> None:
    if len(TAB.get(value, value)) != 1 or value in '"\r\n':
        raise OptionError("delimiter", value, "one character, or tab, is")


def _check_decimal(value: str) -> None:
    if value not in (".", ","):
        raise OptionError("decimal", value, ". or , is")


def _load(o: Any) -> Dataset:
    fraction = getattr(o, "validation_fraction", None)
    return load(o.data, o.array, o.test_fraction, o.data_seed, o.limit, how_to_read(o), o.scale, fraction)


SOURCE = DataSource(
    name=OWN,
    load=_load,
    options=(
        Option("array", str, "Name of the array in a file that has several."),
        Option("test_fraction", float, "Share of your own data kept for testing.", 0.1, above=0, below=1),
        Option(
            "scale",
            str,
            "Take numbers as they are (none), to 0..1 (unit), to mean 0 and deviation 1 (standardise), or as v / 255 "
            "(bytes). By their type: bytes for uint8, unit for uint16, else none.",
            choices=SCALES,
        ),
        Option(
            "columns",
            str,
            "The table's columns to train on, as a,b,c; without names, by number from 0.",
            verify=partial(check_list, "columns"),
        ),
        Option("drop", str, "Columns to leave out, likewise.", verify=partial(check_list, "drop")),
        Option(
            "labels",
            str,
            "Each point's class, in words or numbers, not trained on: a column or array of your own data, or a FILE "
            "with a row for each point.",
        ),
        FACTORS,
        Option(
            "missing",
            str,
            "What stands for no value in a table, as -9999, beside empty cells, NA and nan.",
            verify=partial(check_list, "missing"),
        ),
        Option("drop_missing", bool, "Leave out rows with a missing value; else they are refused.", False),
        Option("header", bool, "Whether the table's first line has names. Found out, if not given."),
        Option(
            "delimiter",
            str,
            r"What separates a table's cells: , ; | or tab. Found out, if not given.",
            verify=_check_delimiter,
        ),
        Option("decimal", str, "What stands before a number's fraction: . or , . Found out.", verify=_check_decimal),
        Option("channels", str, "Which axis of images has their channels. Found out.", choices=("first", "last")),
        Option(
            "image_shape",
            tuple,
            "Rows and columns, as 28,28, of images that are a table's rows; in colour and the channels, which go last.",
            low=1,
            high=10000,
            most=3,
        ),
        Option("resize", tuple, "Rows and columns to which a folder's images are brought.", low=1, high=10000, most=2),
    ),
    defaults={"prior": "gaussian"},
    limits_itself=True,
)
