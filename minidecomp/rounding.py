"""How measured values are rounded, in every text, table and page: with an error, and without."""

from __future__ import annotations

import math
from decimal import Context, Decimal

DECIMALS, DIGITS = 4, 2  # of a value without an error; an error has as many digits
MOST_DECIMALS = 7  # a number with more has a power of ten,
SMALLEST = -4  # unless its first digit is at this power of ten or above,
LARGEST = 9  # and below this one
PRECISION = 15  # significant digits that every double has
WIDE = Context(prec=40)  # more digits than any number here keeps
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def has_error(error: float | None) -> bool:
    """Whether there is an error to print: it is 0 for an exact value and NaN if it is not known."""
    return error is not None and math.isfinite(error) and error > 0


def rounded(value: float, decimals: int = DECIMALS) -> str:
    """A value without an error: four decimals, or as many as two significant digits need."""
    if not math.isfinite(value):
        return f"{value:g}"
    first = _exponent(value) if value else 0
    place = first + 1 - DECIMALS if first >= LARGEST else min(-decimals, first + 1 - DIGITS)
    return _text(_at(value, place))


def with_error(value: float, error: float | None) -> tuple[str, str]:
    """A value and its error, which has two significant digits; the value ends at the same decimal place.

    Without an error the value is `rounded`, and the text of the error is empty.
    """
    if error is None or not has_error(error):
        return rounded(value), ""
    place = _exponent(error) + 1 - DIGITS
    known = _text(_at(error, place))
    if not math.isfinite(value):
        return f"{value:g}", known
    finest = _exponent(value) + 1 - PRECISION if value else place
    return _text(_at(value, max(place, finest))), known


def typeset(text: str) -> str:
    """A rounded number as a page shows it: with a minus sign, and a power as × 10⁻¹²."""
    digits, power, exponent = text.partition("e")
    if power:
        text = f"{digits}\u00a0×\u00a010{str(int(exponent)).translate(SUPERSCRIPTS)}"
    return text.replace("-", "−")


def _exponent(value: float) -> int:
    """The power of ten of the first digit, after rounding to two significant digits."""
    return int(f"{value:.{DIGITS - 1}e}".partition("e")[2])


def _at(value: float, place: int) -> Decimal:
    """The value rounded to a multiple of 10^place."""
    return Decimal(float(value)).quantize(Decimal((0, (1,), place)), context=WIDE)


def _text(number: Decimal) -> str:
    """The number with all its digits, and with a power of ten if it is very large or very small; zero has no sign."""
    place, first = int(number.as_tuple().exponent), number.adjusted()
    number = abs(number) if number.is_zero() else number
    if first < LARGEST and (place >= -MOST_DECIMALS or first >= SMALLEST):
        return f"{number:f}"
    return "0" if number.is_zero() else f"{number:e}"
