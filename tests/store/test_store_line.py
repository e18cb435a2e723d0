"""The line format: what is written is read, and nothing else is."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.store.journal import line

EXAMPLES = [
    (
        line.put(812, (1, 3), "conference", 17, 1, b'{"id":17,"name":"x"}'),
        (
            b'{"seq":812,"tx":[1,3],"put":"conference","id":17,"v":1,'
            b'"val":{"id":17,"name":"x"},"crc":"22ed0210"}\n'
        ),
    ),
    (
        line.delete(813, None, "conference", 9),
        b'{"seq":813,"del":"conference","id":9,"crc":"871a25db"}\n',
    ),
]


@pytest.mark.parametrize(("written", "expected"), EXAMPLES)
def test_the_format_stays(written: bytes, expected: bytes) -> None:
    """These bytes are what other programs and old state folders rely on."""
    assert written == expected


values = st.dictionaries(
    st.text(), st.one_of(st.text(), st.integers(), st.booleans(), st.none()), max_size=4
)
positions = st.one_of(
    st.none(), st.tuples(st.integers(1, 9), st.integers(9, 20)).map(tuple)
)
names = st.from_regex(line.NAME, fullmatch=True)
numbers = st.integers(1, 2**62)


@given(numbers, positions, names, numbers, st.integers(0, 99), values)
def test_a_put_is_read_back(
    seq: int,
    tx: tuple[int, int] | None,
    table: str,
    id: int,
    v: int,
    value: dict[str, object],
) -> None:
    """Every part of a put survives; the line is one line, and plain JSON."""
    encoded = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    data = line.put(seq, tx, table, id, v, encoded)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    read = line.decode(data[:-1])
    assert (read.seq, read.tx, read.put, read.delete) == (seq, tx, table, "")
    assert (read.id, read.v, bytes(read.val)) == (id, v, encoded)
    assert json.loads(data)["val"] == json.loads(encoded)


@given(numbers, positions, names, numbers)
def test_a_delete_is_read_back(
    seq: int, tx: tuple[int, int] | None, table: str, id: int
) -> None:
    """Every part of a delete survives."""
    read = line.decode(line.delete(seq, tx, table, id)[:-1])
    assert (read.seq, read.tx, read.put, read.delete) == (seq, tx, "", table)
    assert (read.id, read.table) == (id, table)


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    """One byte of a line changed to any other: the checksum does not fit."""
    whole = bytearray(EXAMPLES[0][0][:-1])
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(line.DamagedLine):
        line.decode(bytes(whole))


@given(st.binary(max_size=60))
def test_any_bytes_are_refused(data: bytes) -> None:
    """Bytes that are no line are damage, whatever they are."""
    with pytest.raises(line.DamagedLine):
        line.decode(data)


def _signed(head: bytes) -> bytes:
    return head + b',"crc":"%08x"}' % zlib.crc32(head)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b'{"seq":1,"id":1', "neither a put nor a del"),
        (b'{"seq":1,"put":"a","del":"a","id":1', "neither a put nor a del"),
        (b'{"seq":1,"put":"a","id":1,"v":1,"val":{},"new":0', "unknown field `new`"),
        (b'{"seq":"1","del":"a","id":1', "Expected `int`"),
        (b'{"del":"a","id":1', "missing required field `seq`"),
        (b'{"seq":1,"del":"a","id":1,"tx":[1]', "length 2"),
        (b"nonsense", "malformed"),
    ],
)
def test_sound_lines_that_are_not_understood(head: bytes, message: str) -> None:
    """A right checksum over something unknown is refused, and not called damage."""
    with pytest.raises(ValueError, match=message) as caught:
        line.decode(_signed(head))
    assert not isinstance(caught.value, line.DamagedLine)
