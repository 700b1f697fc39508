"""Your own data: what ``--data`` means if it names a file, and the options that say how to read it."""

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
    """How to read a run's file and, with the rules of its model, another file for that model.

    ``instead`` has options for the other file that replace the run's. The run's labels and factors are read from it
    if it has them.
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
        raise OptionError("delimiter", value, must_be="one character, or tab")


def _check_decimal(value: str) -> None:
    if value not in (".", ","):
        raise OptionError("decimal", value, must_be="'.' or ','")


def _load(o: Any) -> Dataset:
    fraction = getattr(o, "validation_fraction", None)
    return load(o.data, o.array, o.test_fraction, o.data_seed, o.limit, how_to_read(o), o.scale, fraction)


SOURCE = DataSource(
    name=OWN,
    load=_load,
    options=(
        Option("array", str, "Name of the array to read, if a file has several.", metavar="NAME"),
        Option("test_fraction", float, "Share of your own data that is kept for testing.", 0.1, above=0, below=1),
        Option(
            "scale",
            str,
            "How to scale the numbers: not at all (none), to 0..1 (unit), to mean 0 and standard deviation 1 "
            "(standardise), or by v / 255 (bytes).",
            choices=SCALES,
            default_help="bytes for uint8, unit for uint16, otherwise none",
        ),
        Option(
            "columns",
            str,
            "Columns of the table to train on, by name (a,b,c), or by number from 0 if they have no names.",
            verify=partial(check_list, "columns"),
            metavar="NAME,..",
        ),
        Option(
            "drop",
            str,
            "Columns to leave out, by name or number.",
            verify=partial(check_list, "drop"),
            metavar="NAME,..",
        ),
        Option(
            "labels",
            str,
            "Each point's class, for colours and metrics only: a column or array of your own data, or a FILE with a "
            "row for each point.",
            metavar="NAME",
        ),
        FACTORS,
        Option(
            "missing",
            str,
            "What marks a missing value in a table, such as -9999, besides empty cells, NA and nan.",
            verify=partial(check_list, "missing"),
            metavar="VALUE,..",
        ),
        Option("drop_missing", bool, "Leave out rows with a missing value; otherwise the file is refused.", False),
        Option("header", bool, "Whether the table's first line has the names of the columns.", default_help="detected"),
        Option(
            "delimiter",
            str,
            "What separates the cells of a table: , ; | or tab.",
            verify=_check_delimiter,
            default_help="detected",
            metavar="CHAR",
        ),
        Option(
            "decimal",
            str,
            "Decimal mark of the numbers: a point or a comma.",
            verify=_check_decimal,
            default_help="detected",
            metavar="CHAR",
        ),
        Option(
            "channels",
            str,
            "Which axis of the images has the channels.",
            choices=("first", "last"),
            default_help="detected",
        ),
        Option(
            "image_shape",
            tuple,
            "Size of the images, if each row of the data is one: ROWS,COLUMNS such as 28,28, or ROWS,COLUMNS,CHANNELS.",
            low=1,
            high=10000,
            most=3,
        ),
        Option("resize", tuple, "Resize the images of a folder to ROWS,COLUMNS.", low=1, high=10000, most=2),
    ),
    defaults={"prior": "gaussian"},
    limits_itself=True,
)
