"""What is shown of errors of others."""

import pytest

from genrelab.texts import brief


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (EOFError(), "EOFError: no message"),
        (ValueError("\n\n first\nsecond"), "ValueError: first"),
        (KeyError("name"), "KeyError: 'name'"),
    ],
)
def test_an_error_is_told_in_one_line_even_where_it_says_nothing(error: Exception, shown: str) -> None:
    assert brief(error) == shown
