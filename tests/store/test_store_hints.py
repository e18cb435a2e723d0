"""What hint files say: exactly what was written, or nothing."""

import zlib
from array import array
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pexschedd.store import hints as hint_format
from pexschedd.store.hint_files import made_with
from pexschedd.store.hints import DELETED, Columns, Content, Head, Hints, encode
from tests.store.store_support import ROOM, SETTING, TABLES, VISIT

numbers = st.integers(0, (1 << 64) - 1)
lines = st.lists(
    st.tuples(
        st.integers(1, 1 << 31),  # size
        st.integers(0, 0xFF),  # code
        st.integers(1, (1 << 36) - 1),  # id
        st.lists(numbers, max_size=3),  # entries
        numbers,  # seq
    ),
    max_size=20,
)


def _head(count: int, *, compacted: bool = False, **fields: Any) -> Head:
    name = "c00000003.jsonl" if compacted else "00000001.jsonl"
    plain: dict[str, Any] = {
        "made_with": "m",
        "segment": name,
        "first": 1,
        "last": 40,
        "size": 900,
    }
    return Head(**plain | {"compacted": compacted, "lines": count} | fields)


def _columns(
    of: list[Any], width: int, *, compacted: bool
) -> tuple["array[int]", "array[int] | None", Hints]:
    hints = Hints(width)
    for _, code, id, entries, _ in of:
        hints.add(code, id, entries[:width])
    seqs = array("Q", [line[4] for line in of]) if compacted else None
    return array("I", [line[0] for line in of]), seqs, hints


def _decode(
    data: bytes, expected: Head, width: int, slice_size: int = 1 << 20
) -> Columns | None:
    content = Content(len(data))
    while part := data[content.size : content.size + slice_size]:
        content.add(part)
    return content.decode(expected, width)


def _plain(hints: Hints) -> tuple[bytes, list[int], list[int]]:
    return bytes(hints.codes), list(hints.ids), list(hints.entries)


@given(lines, st.integers(0, 3), st.booleans(), st.integers(1, 200), st.integers(0, 9))
def test_what_is_written_is_read(
    of: list[Any], width: int, compacted: bool, slice_size: int, crc: int
) -> None:
    """Each column as it was, of plain and compacted segments, whatever the slices;
    none is larger than wanted."""
    sizes, seqs, hints = _columns(of, width, compacted=compacted)
    head = _head(len(of), compacted=compacted, crc=crc)
    parts = list(encode(head, sizes, seqs, hints, slice_size))
    assert all(0 < len(part) <= max(slice_size, 8) for part in parts)
    head = _head(len(of), compacted=compacted)
    read = _decode(b"".join(parts), head, width, slice_size)
    assert read is not None
    assert read.crc == crc
    assert bytes(read.sizes) == sizes.tobytes()
    assert (read.seqs is None) == (seqs is None)
    assert bytes(read.seqs or b"") == bytes(seqs or b"")
    assert _plain(read.hints) == _plain(hints)
    padded = [(*line[3][:width], 0, 0, 0)[:width] for line in of]
    assert list(read.hints.entries) == [each for row in padded for each in row]
    assert read.hints.stored


SAMPLE = [
    (70, 0, 1, [5 << 36 | 1, 7 << 36 | 1], 1),
    (60, 1, 2, [6 << 36 | 2], 3),
    (30, DELETED, 1, [], 4),
    (80, 0, 9, [0, 7 << 36 | 9], 40),
]


def _sample(*, compacted: bool, **fields: Any) -> bytes:
    sizes, seqs, hints = _columns(SAMPLE, 2, compacted=compacted)
    head = _head(len(SAMPLE), compacted=compacted, crc=77, **fields)
    return b"".join(encode(head, sizes, seqs, hints, 1 << 20))


def _read(data: bytes, *, compacted: bool, **fields: Any) -> Columns | None:
    return _decode(data, _head(len(SAMPLE), compacted=compacted, **fields), 2)


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_damaged_is_not_looked_at(compacted: bool) -> None:
    """Any byte changed, left out, added, cut off or doubled: None, and no error."""
    data = _sample(compacted=compacted)
    assert _read(data, compacted=compacted) is not None
    for position in range(len(data)):
        before, after = data[:position], data[position:]
        for changed in (*(1 << bit for bit in range(8)), data[position], 0xFF):
            byte = bytes([after[0] ^ changed])
            if changed:
                assert _read(before + byte + after[1:], compacted=compacted) is None
        assert _read(before, compacted=compacted) is None
        assert _read(after[1:], compacted=compacted) is None
        assert _read(before + after[1:], compacted=compacted) is None
        for byte in (b"\0", b"\n", after[:1]):
            assert _read(before + byte + after, compacted=compacted) is None
    for more in (b"\0", b"\n", data):
        assert _read(data + more, compacted=compacted) is None


def test_a_file_that_is_not_as_long_as_it_was_is_not_looked_at() -> None:
    """It grows or shrinks between two slices: too much is an error, too little is not
    what was written."""
    data, head = _sample(compacted=True), _head(len(SAMPLE), compacted=True)
    for part in (data[1:], data[:-1], b"x" + data, data + b"x", b""):
        content = Content(len(data))
        if len(part) > len(data):
            with pytest.raises(ValueError, match="structures"):
                content.add(part)
        else:
            content.add(part)
            assert content.decode(head, 2) is None


@given(st.binary(max_size=300), st.booleans())
@example(b'{"made_with":"\xff"}', True)
def test_other_content_is_not_looked_at(content: bytes, compacted: bool) -> None:
    """Nor is it an error when the checksum fits: it may be of another program."""
    fitting = content + b"%08x" % zlib.crc32(content)
    assert _read(content, compacted=compacted) is None
    assert _read(fitting, compacted=compacted) is None
    head, rest = _sample(compacted=compacted)[:-8].split(b"\n", 1)
    for body in (head + b"\n" + content, content + b"\n" + rest, head + content + rest):
        changed = body + b"%08x" % zlib.crc32(body)
        read = _read(changed, compacted=compacted)
        assert read is None or changed == _sample(compacted=compacted)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", hint_format.FORMAT + 1),
        ("made_with", "another release"),
        ("byteorder", "sideways"),
        ("segment", "00000002.jsonl"),
        ("first", 2),
        ("last", 41),
        ("lines", 3),
        ("size", 901),
    ],
)
def test_what_is_about_another_segment_is_not_looked_at(
    field: str, value: Any, compacted: bool
) -> None:
    """Any difference in what it was made for, and with, makes it useless."""
    data = _sample(compacted=compacted)
    assert _read(data, compacted=compacted, **{field: value}) is None
    assert _read(data, compacted=not compacted) is None
    head, rest = data[:-8].split(b"\n", 1)
    changed = msgspec.json.decode(head) | {field: value}
    body = msgspec.json.encode(changed) + b"\n" + rest
    body += b"%08x" % zlib.crc32(body)
    assert _read(body, compacted=compacted) is None


def test_every_width_is_its_own() -> None:
    """Hints of three indexes are not read as those of two."""
    data = _sample(compacted=False)
    for width in (0, 1, 3, 4):
        assert _decode(data, _head(len(SAMPLE)), width) is None


def test_what_hints_depend_on() -> None:
    """The release, each table with its version, each index, their order, the key."""
    later = type(VISIT)("visit", VISIT.record, version=2, upgrades={1: dict})
    indexed = type(VISIT)("visit", VISIT.record)
    indexed.index("name", lambda visit: visit.name)
    key = bytes(32)
    made = [
        made_with("1", TABLES, key),
        made_with("2", TABLES, key),
        made_with("1", TABLES, bytes(31) + b"\1"),
        made_with("1", [ROOM, SETTING], key),
        made_with("1", [ROOM], key),
        made_with("1", [SETTING, ROOM], key),
        made_with("1", [ROOM, later], key),
        made_with("1", [ROOM, VISIT], key),
        made_with("1", [ROOM, indexed], key),
    ]
    assert len(set(made)) == len(made)
    assert made[0] == made_with("1", list(TABLES), key)
    assert not any(key.hex() in each for each in made)


@given(lines, st.integers(0, 2), st.data())
def test_hints_of_a_file_are_like_those_in_memory(
    of: list[Any], width: int, data: st.DataObject
) -> None:
    """What a start asks of them is the same for both, and what was asked for."""
    of = [(size, code & 0x81, id, entries, seq) for size, code, id, entries, seq in of]
    sizes, _, hints = _columns(of, width, compacted=False)
    read = _decode(
        b"".join(encode(_head(len(of)), sizes, None, hints, 50)), _head(len(of)), width
    )
    assert read is not None
    alive = bytearray(data.draw(st.lists(st.sampled_from([0, 1]), min_size=len(of))))
    del alive[len(of) :]
    first = data.draw(st.integers(0, len(of)))
    last = data.draw(st.integers(first, len(of)))
    for each in (hints, read.hints):
        assert list(each.puts()) == [code < DELETED for _, code, *_ in of]
        for code in (0, 1, 2):
            its = [(n, line) for n, line in enumerate(of) if line[1] & 0x7F == code]
            ids, seqs = each.changes(code, range(10, 10 + len(of)))
            assert list(ids) == [line[2] for _, line in its]
            assert list(seqs) == [0 if line[1] & 0x80 else n + 10 for n, line in its]
            for place in range(width):
                assert list(each.living(alive, code, place)) == [
                    (*line[3], 0, 0)[place] for n, line in its if alive[n]
                ]
        copied = Hints(width)
        copied.add(3, 3, [3] * width)
        each.copy(first, last, copied)
        assert bytes(copied.codes[1:]) == bytes(hints.codes[first:last])
        assert list(copied.ids[1:]) == list(hints.ids[first:last])
        assert list(copied.entries[width:]) == list(
            hints.entries[first * width : last * width]
        )
