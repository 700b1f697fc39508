"""What an export says about the model's data: the names of the columns, and the scaling."""

from __future__ import annotations

import json

from ..data.images import in_words as size
from ..data.rules import BYTES, UNKNOWN, DataRules


def in_words(rules: DataRules | None) -> str:
    """A sentence about the units of x at input and output; empty if the run is too old to know."""
    if rules is None or rules.unit == UNKNOWN:
        return ""
    if rules.unit == BYTES:
        text = "x and its mean are intensities from 0 to 1: a byte v is v / 255."
    elif rules.scaling is None:
        text = "x and its mean are the data's numbers, without scaling."
    else:
        kind = rules.scaling.kind
        text = f"x and its mean are in the units of the data; they are scaled inside, by --scale {kind}."
    if rules.image_shape is None:
        return text
    last = ", channels last" if len(rules.image_shape) > 2 else ""
    return f"{text} A row is an image of {size(rules.image_shape)}{last}."


def metadata(rules: DataRules | None) -> dict[str, str]:
    """``columns`` and ``image_shape``, JSON lists, and ``scale``, the value of ``--scale``; only what is known.

    The pixels of an image are ordered by row, column and channel.
    """
    if rules is None or rules.unit == UNKNOWN:
        return {}
    columns = {"columns": json.dumps(rules.names)} if rules.names else {}
    shape = {"image_shape": json.dumps(rules.image_shape)} if rules.image_shape else {}
    return columns | shape | {"scale": rules.scale}


def scaling_metadata(rules: DataRules) -> dict[str, str]:
    """``data_shift`` and ``data_scale``, JSON lists: the network's x is (x - data_shift) / data_scale."""
    if rules.scaling is None:
        return {}
    return {
        "data_shift": json.dumps(rules.scaling.shift.tolist()),
        "data_scale": json.dumps(rules.scaling.scale.tolist()),
    }
