"""Values that nobody means, for the fuzzers: seeded, so that what one finds is found again."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.errors import MinidecompError

# A few seconds of each fuzzer by default, minutes as slow.
budgets = pytest.mark.parametrize(("seed", "times"), [(0, 1), pytest.param(1, 6, marks=pytest.mark.slow)])

NUMBERS = (0, 1, -1, 2, 3, 1e-300, 1e300, -1e300, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30)
NOT_FINITE = (float("nan"), float("inf"), float("-inf"))
TEXTS = ("", " ", "x", "1", "nan", "1e400", "9" * 400, "9" * 5000, "a\nb", "\0", "\ud800", "é", "１２", "1_000", " 3 ")
ODD: tuple[Any, ...] = (
    *NUMBERS,
    *NOT_FINITE,
    *TEXTS,
    *(None, True, False, 10**400, -(10**400), 10**5000, 1j, b"12", [], [1], [[1]], {}, {"a": 1}, {1}, (), range(3)),
    *(np.float32(2.5), np.float32(2), np.int8(3), np.bool_(True), np.array(3), np.array([3, 4]), np.array([[1.5]])),
    *(np.str_("3"), np.longdouble(2), np.datetime64("2020-01-01", "ns"), np.array(None), float, object()),
    *(decimal.Decimal("1e9999999"), decimal.Decimal("sNaN"), decimal.Decimal(3), datetime.date(2020, 1, 1)),
)

DTYPES = ("i1", "u1", "i8", "u8", "f2", "f4", "f8", ">f4", ">i8", "b1", "c16", "U3", "S3", "M8[s]", "m8[s]")
SHAPES = ((), (0,), (1,), (2,), (3,), (0, 6), (3, 6), (2, 6), (1, 1, 1), (2, 0, 10))


def one_of(rng: np.random.Generator, values: Any) -> Any:
    """One of the values, whatever their types."""
    return values[int(rng.integers(len(values)))]


def one_line_or_success(call: Callable[[], Any], what: object) -> bool:
    """Whether the call succeeded; it may fail with one line, and with nothing else."""
    try:
        call()
    except MinidecompError as error:
        line = str(error)
        assert line and "\n" not in line and len(line) < 1000, (what, line)
        return False
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    return True


def command(capsys: pytest.CaptureFixture[str], what: object, *args: str) -> int:
    """The exit code of a command, which says one line if it fails."""
    try:
        code = main(list(args))
    except BaseException as error:
        raise AssertionError(f"{what}: {args}: {type(error).__name__}: {error}") from error
    complaint = capsys.readouterr().err
    assert "Traceback" not in complaint, (what, complaint)
    if code:
        assert code in (1, 2) and complaint.count("\n") == 1, (what, args, code, complaint)
    return code


def hostile_array(rng: np.random.Generator, good: np.ndarray) -> Any:
    """An array in place of a good one."""
    kind = int(rng.integers(7))
    if kind == 0:
        dtype, shape = np.dtype(one_of(rng, DTYPES)), one_of(rng, SHAPES)
        return np.frombuffer(rng.bytes(dtype.itemsize * int(np.prod(shape))), dtype).reshape(shape)
    if kind == 1:
        value = one_of(rng, NUMBERS + NOT_FINITE)
        return np.array(value, "u8" if isinstance(value, int) and 2**63 <= value < 2**64 else None)
    if kind == 2 and good.dtype.kind in "iuf" and good.size:
        changed = good.copy().reshape(-1)
        with np.errstate(all="ignore"):
            value = one_of(rng, (0, -1, 1, 1e-300, 1e30, 1e300, *NOT_FINITE))
            changed[int(rng.integers(changed.size))] = (
                value if good.dtype.kind == "f" else int(np.clip(np.nan_to_num(value), -9, 9e18))
            )
        return changed.reshape(good.shape)
    if kind == 3:
        return np.array(one_of(rng, [text for text in TEXTS if text != "\ud800"]))
    if kind == 4:
        return np.zeros(2, [("a", "f4"), ("b", "i8")])
    if kind == 5 and good.ndim:
        return good[:0] if rng.random() < 0.5 else np.concatenate([good, good])
    return np.asfortranarray(good.T) if good.ndim > 1 else np.array([good, good])


def hostile_json(rng: np.random.Generator, value: Any) -> Any:
    """A JSON value with one place changed."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = one_of(rng, list(value))
        if rng.random() < 0.05:
            return {key: inner for key, inner in value.items() if key != name}
        return value | {name: hostile_json(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = int(rng.integers(len(value)))
        return [*value[:at], hostile_json(rng, value[at]), *value[at + 1 :]]
    odd = (
        None,
        True,
        [],
        {},
        [[]],
        {"score": []},
        {"value": "x"},
        "x",
        "",
        "\ud800",
        -1,
        1.5,
        10**400,
        1e308,
        *NOT_FINITE,
    )
    return one_of(rng, odd)


def write_hostile_json(rng: np.random.Generator, path: Path, value: Any) -> str:
    """Write a changed JSON text, and return how it begins."""
    text = json.dumps(hostile_json(rng, value))
    kind = int(rng.integers(12))
    if kind == 0:
        text = text[: int(rng.integers(len(text)))]
    elif kind == 1:
        deep = int(rng.choice([50, 900, 20_000]))
        text = '{"test": ' + "[" * deep + "]" * deep + "}"
    elif kind == 2:
        text = text.replace(
            "}", ', "x": ' + one_of(rng, ("9" * 5000, "1e999", "NaN", '{"a":' * 300 + "1" + "}" * 300)) + "}", 1
        )
    path.write_bytes(text.encode(one_of(rng, ("utf-8", "utf-8", "utf-8-sig", "utf-16"))))
    return text


TOML_VALUES = (
    *("[" * 20_000, "[" * 900 + "]" * 900, "{a=" * 300 + "1" + "}" * 300, "9" * 4400, "9" * 400, "-1", "1e999", "nan"),
    *("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0xffffffffffffffffffff", "inf", "true", "{}", "[]", "[[1]]"),
    *('"x"', '"\\u0000"', '"a\\nb"', '"\\ud800"', "'''x'''", "1_000", "", "=", "\0", "[1, 'a']", '"' + "x" * 500 + '"'),
)


def hostile_toml(rng: np.random.Generator, lines: Sequence[str]) -> bytes:
    """A config.toml with some lines changed, in some encoding."""
    lines = list(lines)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(lines)))
        name = lines[at].partition(" = ")[0]
        lines[at] = one_of(
            rng, (f"{name} = {one_of(rng, TOML_VALUES)}", f"[{name}]", f'"a\\nb.{name}" = 1', lines[at] * 2)
        )
    content = "\n".join(lines).encode(one_of(rng, ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be")))
    return content + one_of(rng, (b"", b"", b"\xe9", b"\0", b"# \x80"))
