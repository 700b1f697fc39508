"""How measured values are rounded: digits, decimals, and how far a text is from its number."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minidecomp.rounding import rounded, typeset, with_error

SIZES = st.floats(1e-12, 1e12)


def last_place(text):
    """The power of ten of a text's last digit."""
    return Decimal(text).as_tuple().exponent


@given(st.floats(-1e12, 1e12), SIZES)
def test_an_error_has_two_digits_and_the_value_ends_where_it_does(value, error):
    assume(value == 0 or error > abs(value) * 1e-13)
    shown, known = map(Decimal, with_error(value, error))
    unit = Decimal(10) ** (known.adjusted() - 1)  # of the error's second digit
    assert known % unit == 0 and known > 0 and abs(known - Decimal(error)) <= unit / 2
    assert shown % unit == 0 and abs(shown - Decimal(value)) <= unit / 2
    assert not shown.is_signed() or shown < 0


@given(st.floats(-1e8, 1e8), st.floats(1e-5, 1e8))
def test_value_and_error_have_the_same_number_of_decimals(value, error):
    shown, known = with_error(value, error)
    assert last_place(shown) == last_place(known) == min(Decimal(known).adjusted() - 1, 0)


@given(st.floats(-1e15, 1e15))
def test_without_an_error_a_value_has_four_decimals_or_two_digits(value):
    text = rounded(value)
    unit = Decimal(10) ** last_place(text)
    assert abs(Decimal(text) - Decimal(value)) <= unit / 2
    assert value == 0 or Decimal(text) != 0
    if 0.001 <= abs(value) < 9e8:
        assert last_place(text) == -4
    assert text == with_error(value, None)[0] == with_error(value, 0.0)[0] == with_error(value, math.nan)[0]


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (3.14159, None, ("3.1416", "")),
        (3.14159, 0.0123, ("3.142", "0.012")),
        (-1234.56, 12.3, ("-1235", "12")),
        (-12345.6, 123.4, ("-12350", "120")),
        (-0.000001, 0.0002, ("0.00000", "0.00020")),
        (-1e-5, 0.02, ("0.000", "0.020")),
        (2.0, 0.0996, ("2.00", "0.10")),
        (2.0, 9.96, ("2", "10")),
        (2.0, 0.00995, ("2.000", "0.010")),
        (1.0, 1e-10, ("1.00000000000", "1.0e-10")),  # never an error of zero
        (1e-12, 1.23e-13, ("1.00e-12", "1.2e-13")),
        (1e-20, 1e-12, ("0", "1.0e-12")),
        (1e12, 3e9, ("1.0000e+12", "3.0e+9")),
        (1.797e308, 1e308, ("1.8e+308", "1.0e+308")),
        (math.nan, 0.01, ("nan", "0.010")),
        (-1e12, None, ("-1.000e+12", "")),
        (math.inf, None, ("inf", "")),
        (-3312.9054, None, ("-3312.9054", "")),
        (0.00049, None, ("0.00049", "")),
        (0.0001, None, ("0.00010", "")),
        (-0.0, None, ("0.0000", "")),
        (1.2e-9, None, ("1.2e-9", "")),
    ],
)
def test_numbers(value, error, shown):
    assert with_error(value, error) == shown


def test_numbers_of_numpy():
    assert with_error(np.float32(0.5), np.float32(0.125)) == ("0.50", "0.12") and rounded(np.float32(-0.5)) == "-0.5000"


def test_a_page_has_minus_signs_and_powers_of_ten():
    assert typeset("-1.50") == "−1.50"
    assert typeset("-1.2e-13") == "−1.2\u00a0×\u00a010⁻¹³" and typeset("1.0000e+12") == "1.0000\u00a0×\u00a010¹²"
