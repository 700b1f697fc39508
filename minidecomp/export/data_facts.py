"""What an export tells about the data of its model: the names of their columns, and how they are scaled."""

from __future__ import annotations

import json

from ..data.rules import BYTES, UNKNOWN, DataRules


def in_words(rules: DataRules | None) -> str:
    """In a sentence, in which unit x goes in and comes out; empty where a run is too old to say."""
    if rules is None or rules.unit == UNKNOWN:
        return ""
    if rules.unit == BYTES:
        return "x and its mean are intensities from 0 to 1: a byte v is v / 255."
    if rules.scaling is None:
        return "x and its mean are the data's numbers, which are not scaled."
    kind = rules.scaling.kind
    return f"x and its mean are in the units of the data; they are scaled inside, as --scale {kind} learnt it."


def metadata(rules: DataRules | None) -> dict[str, str]:
    """``columns``, a JSON list of their names, and ``scale``, a word of ``--scale``; what is not known is left out."""
    if rules is None or rules.unit == UNKNOWN:
        return {}
    columns = {"columns": json.dumps(rules.names)} if rules.names else {}
    return columns | {"scale": rules.scale}


def scaling_metadata(rules: DataRules) -> dict[str, str]:
    """``data_shift`` and ``data_scale``, JSON lists: the model's x is (x - data_shift) / data_scale."""
    if rules.scaling is None:
        return {}
    return {
        "data_shift": json.dumps(rules.scaling.shift.tolist()),
        "data_scale": json.dumps(rules.scaling.scale.tolist()),
    }
