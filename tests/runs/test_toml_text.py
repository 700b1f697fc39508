"""What is written as TOML is what the standard library reads."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from minidecomp.settings import toml_text

scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.from_regex("[a-z_]+", fullmatch=True), scalars | st.lists(scalars)))
def test_round_trip(values):
    assert tomllib.loads(toml_text.dumps(values)) == values


def test_tuples_become_lists():
    assert toml_text.dumps({"hidden": (512, 256), "data": 'a"\\b'}) == 'hidden = [512, 256]\ndata = "a\\"\\\\b"\n'
