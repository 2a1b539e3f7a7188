"""A wrong name: the error lists the right ones, and says which was meant if one is close."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters import letters
from rnnlab.names import closest, wrong_name

NAMES = ["rnn", "irnn", "indrnn", "lstm", "gru"]


@pytest.mark.parametrize(
    ("got", "says"),
    [
        ("lstn", "layer must be one of rnn, irnn, indrnn, lstm, gru; got 'lstn': did you mean lstm?"),
        ("LSTM", "layer must be one of rnn, irnn, indrnn, lstm, gru; got 'LSTM': did you mean lstm?"),
        ("dense", "layer must be one of rnn, irnn, indrnn, lstm, gru; got 'dense'"),
        (3, "layer must be one of rnn, irnn, indrnn, lstm, gru; got 3"),
    ],
)
def test_the_error_of_a_wrong_name(got, says):
    assert str(wrong_name("layer", got, NAMES)) == says


@given(st.lists(st.text(letters, min_size=1), min_size=1), st.data())
def test_a_name_is_closest_to_itself(names, data):
    word = data.draw(st.sampled_from(names))
    assert closest(word, names).lower() == word.lower()
