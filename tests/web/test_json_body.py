"""JSON bodies are read within bounds, and what is none is named."""

import gzip
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.web.json_body import MOST_VALUES, decode_json, decode_object
from pexschedd.web.routes import BadRequest


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


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        ('{"name": "caf\u00e9"}'.encode("latin-1"), "byte 13 is 0xe9, which is \u00e9"),
        ('{"name": "x"}'.encode("utf-16"), "UTF-16"),
        ('{"name": "x"}'.encode("utf-16-be"), "UTF-16"),
        (b'{"name": "\\ud800x"}', r"has \\ud800 \(byte 10\), half of a surrogate"),
        (b'{"name": "\\udc00\\ud800"}', r"has \\udc00 \(byte 10\), half"),
        (b'{"name": "\xed\xa0\x80"}', r"surrogate pair \(byte 10\)"),
        (gzip.compress(b"{}", mtime=0), "compressed"),
        (b"name=x&tag=y", "looks like a form"),
        (b'{"name": 1, "name": 2}', 'name "name" stands twice'),
        (b'{"a": [{"b": {}, "b": {}}]}', 'name "b" stands twice'),
        (b'{"NaN": "NaN", "n": NaN}', r"has NaN \(byte 20\)"),
        (b'{"n": -Infinity}', "has -Infinity"),
        (b'{"n": 1e999}', "too large"),
        (b"{'n': 1}", r"single quote \(byte 1\)"),
        (b'{"n": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "too deeply"),
        (b'{"n": 1,}', "trailing comma"),
        (b'{"n": 1} x', "trailing characters"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
    ],
)
def test_a_body_is_named_as_what_it_is(body: bytes, words: str) -> None:
    """What is not JSON, or not an object, is refused with what it seems to be, and
    where."""
    with pytest.raises(BadRequest, match=words):
        decode_object(body)


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b'\xef\xbb\xbf{"name": "x"}', {"name": "x"}),
        (b'{"name": "\\ud83d\\ude00 \\\\ud800"}', {"name": "\U0001f600 \\ud800"}),
        (b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}', None),
        (b'{"n": ' + b"9" * 300 + b"}", {"n": int("9" * 300)}),
    ],
)
def test_what_is_json_is_read(body: bytes, payload: object) -> None:
    """A byte order mark, whole pairs of surrogates, equal names in different objects
    and large numbers are no mistakes of the body."""
    read = decode_object(body)
    assert payload is None or read == payload


@given(
    st.binary(max_size=60)
    | st.text("{}[]:,'\"\\\\uds8N=1e", max_size=40).map(str.encode)
)
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """No body leads to another error than the one with a text."""
    with suppress(BadRequest):
        assert isinstance(decode_object(body), dict)
