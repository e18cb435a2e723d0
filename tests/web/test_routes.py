"""What all routes share: JSON bodies are read within bounds."""

from typing import Any

import pytest

from pexschedd.web.routes import MOST_VALUES, BadRequest, decode_json


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"0," * MOST_VALUES + b"0]",
        b"[" + b"{}," * MOST_VALUES + b"0]",
        b"[" * MOST_VALUES * 2,
    ],
    ids=["numbers", "objects", "nested"],
)
def test_a_body_holds_so_many_values_at_most(body: bytes) -> None:
    """A body of a hundred thousand small things is refused before it is decoded."""
    with pytest.raises(BadRequest, match=f"more than {MOST_VALUES} values"):
        decode_json(body, list[Any])


def test_a_long_text_is_one_value() -> None:
    """The length of a body does not count, only what it is made of."""
    assert decode_json(b'["' + b"a" * 1_000_000 + b'", 1]', list[Any])[1] == 1
