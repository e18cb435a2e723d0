"""A stream is cut into envelopes, whatever pieces it comes in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.ews.streaming.envelope_splitter import EnvelopeSplitter, EnvelopeTooLarge

ENVELOPES = [
    b"<Envelope></Envelope>",
    b'<s:Envelope xmlns:s="urn:x"><s:Body>caf\xc3\xa9</s:Body></s:Envelope>',
    b"<soap11:Envelope\n a='b'><Envelopes/></x:Envelopes></soap11:Envelope  \n>",
    b"<a.b-c:Envelope ><![CDATA[ < > ]]>\x01&#0;</a.b-c:Envelope\t>",
    b"<Envelope><!-- </Envelop > --></Envelope>",
]
BETWEEN = [
    b"",
    b"\r\n\r\n",
    b'<?xml version="1.0" encoding="utf-8"?>',
    b"\xef\xbb\xbf",
    b"text that belongs nowhere </Envelope> <Envel",
    b" " * 500,
]


def split(pieces: list[bytes], limit: int) -> tuple[list[bytes], bool]:
    """The envelopes, and whether it ended because one was too large."""
    splitter = EnvelopeSplitter(limit)
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += splitter.feed(piece)
    except EnvelopeTooLarge:
        return found, True
    return found, False


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


parts = st.lists(st.tuples(st.sampled_from(BETWEEN), st.sampled_from(ENVELOPES)))


@given(parts, st.lists(st.integers(0, 10_000), max_size=40))
def test_any_pieces_give_the_same_envelopes(
    stream: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    """What was sent comes out, in order, and nothing of what stands between."""
    data = b"".join(between + envelope for between, envelope in stream)
    sent = [envelope for _, envelope in stream]
    found, over = split(cut(data, places), 10_000)
    assert (found, over) == (sent, False)


@given(
    st.lists(
        st.sampled_from([*ENVELOPES, *BETWEEN, b"<", b"</", b"Envelope", b">", b"s:"]),
        max_size=30,
    ),
    st.lists(st.integers(0, 10_000), max_size=40),
    st.integers(20, 300),
)
def test_rubbish_is_the_same_in_any_pieces(
    stream: list[bytes], places: list[int], limit: int
) -> None:
    """Whatever comes, how it is cut changes neither the envelopes nor the verdict."""
    data = b"".join(stream)
    assert split(cut(data, places), limit) == split([data], limit)


def test_byte_by_byte() -> None:
    """The smallest pieces there are."""
    data = b"".join(b + e for b, e in zip(BETWEEN, ENVELOPES, strict=False))
    found, _ = split([bytes([byte]) for byte in data], 10_000)
    assert found == ENVELOPES


@pytest.mark.parametrize("size", [1, 1000])
def test_a_stream_has_no_end_but_an_envelope_has(size: int) -> None:
    """Any number of envelopes may come; one that goes on and on is refused."""
    splitter = EnvelopeSplitter(100)
    for _ in range(1000):
        assert list(splitter.feed(ENVELOPES[0])) == [ENVELOPES[0]]
        assert not list(splitter.feed(b" \n" * 200))
    assert not list(splitter.feed(b"<Envelope>"))
    for _ in range((100 - len(b"<Envelope>")) // size):
        assert not list(splitter.feed(b"x" * size))
    with pytest.raises(EnvelopeTooLarge):
        list(splitter.feed(b"x" * size))
