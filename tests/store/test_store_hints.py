"""What hint files say: exactly what was written, or nothing."""

import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from pexschedd.store.hints import hints as hint_format
from pexschedd.store.hints.hint_files import HintFile, HintReading, made_with
from pexschedd.store.hints.hints import DELETED, HintLabel, SegmentHints
from pexschedd.store.hints.line_index import SegmentLines
from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, SETTING, TABLES, VISIT

PATH = Path("/hint")

numbers = st.integers(0, (1 << 64) - 1)
lines = st.lists(
    st.tuples(
        st.integers(1, 1 << 31),  # size
        st.integers(0, 0xFF),  # code
        st.integers(1, (1 << 36) - 1),  # id
        st.lists(numbers, max_size=3),  # entries
        st.integers(1, 9),  # how much higher its number is
    ),
    max_size=20,
)


def _label(count: int, *, compacted: bool = False, **fields: Any) -> HintLabel:
    name = "c00000003.jsonl" if compacted else "00000001.jsonl"
    plain: dict[str, Any] = {
        "made_with": "m",
        "segment": name,
        "first": 1,
        "last": 40,
        "size": 900,
    }
    return HintLabel(**plain | {"compacted": compacted, "lines": count} | fields)


def _lines(of: list[Any], width: int, *, compacted: bool) -> SegmentLines:
    lines = SegmentLines(1, SegmentHints(width), compacted=compacted)
    for line in of:
        _add(lines, *line)
    return lines


def _add(
    lines: SegmentLines, size: int, code: int, id: int, entries: list[int], gap: int
) -> None:
    assert lines.hints is not None
    seq = gap + (lines.seqs[-1] if lines.seqs else 0)
    lines.add(seq, size, code, id, entries[: lines.hints.width])


def _file(lines: SegmentLines, label: HintLabel) -> bytes:
    disk = Disk()
    file = HintFile(disk, PATH, lines, label.block)
    while file.write():
        pass
    file.end(label)
    return disk.read(PATH)


def _read(
    data: bytes, expected: HintLabel, width: int
) -> tuple[SegmentLines, int] | None:
    """The lines, and the checksum of the segment."""
    disk = Disk()
    handle = disk.create(PATH)
    if data:
        disk.write(handle, data)
    lines = SegmentLines(1, SegmentHints(width), compacted=expected.compacted)
    reading = HintReading(disk, PATH, expected, width)
    while (block := reading.next()) is not None:
        lines.extend(block)
    if not reading.complete:
        return None
    lines.read()
    return lines, reading.segment_crc


def _plain(hints: SegmentHints | None) -> tuple[bytes, list[int], list[int]]:
    assert hints is not None
    return bytes(hints.codes), list(hints.ids), list(hints.entries)


blocks = st.integers(1, 25)


@given(lines, st.integers(0, 3), st.booleans(), blocks, st.integers(0, 9))
def test_what_is_written_is_read(
    of: list[Any], width: int, compacted: bool, block: int, crc: int
) -> None:
    """Each column as it was, of plain and compacted segments, whatever the blocks."""
    lines = _lines(of, width, compacted=compacted)
    label = _label(len(of), compacted=compacted, block=block)
    found = _read(_file(lines, structs.replace(label, crc=crc)), label, width)
    assert found is not None
    read, segment_crc = found
    assert segment_crc == crc
    for name in ("sizes", "seqs", "alive", "size", "live"):
        assert getattr(read, name) == getattr(lines, name)
    assert read.hints is not None
    assert read.hints.stored
    assert _plain(read.hints) == _plain(lines.hints)
    padded = [(*line[3][:width], 0, 0, 0)[:width] for line in of]
    assert list(read.hints.entries) == [each for row in padded for each in row]


@given(lines, st.integers(0, 3), st.booleans(), blocks)
def test_what_is_written_need_not_be_kept(
    of: list[Any], width: int, compacted: bool, block: int
) -> None:
    """Lines that come while others are written, and are forgotten, give the same."""
    label = _label(len(of), compacted=compacted, block=block)
    whole = _file(_lines(of, width, compacted=compacted), label)
    lines, disk = SegmentLines(1, SegmentHints(width), compacted=compacted), Disk()
    assert lines.hints is not None
    file = HintFile(disk, PATH, lines, block)
    for line in of:
        _add(lines, *line)
        if file.waiting:
            assert file.write()
            lines.hints.forget(file.written)
            assert lines.hints.count == 0
    file.write()
    file.end(label)
    assert disk.read(PATH) == whole


SAMPLE = [
    (70, 0, 1, [5 << 36 | 1, 7 << 36 | 1], 1),
    (60, 1, 2, [6 << 36 | 2], 3),
    (30, DELETED, 1, [], 4),
    (80, 0, 9, [0, 7 << 36 | 9], 40),
]


def _sample(*, compacted: bool, **fields: Any) -> bytes:
    lines = _lines(SAMPLE, 2, compacted=compacted)
    return _file(
        lines, _label(len(SAMPLE), compacted=compacted, crc=77, **{"block": 2} | fields)
    )


def _found(data: bytes, *, compacted: bool, **fields: Any) -> Any:
    return _read(
        data, _label(len(SAMPLE), compacted=compacted, **{"block": 2} | fields), 2
    )


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_damaged_is_not_looked_at(compacted: bool) -> None:
    """Any byte changed, left out, added, cut off or doubled: None, and no error."""
    data = _sample(compacted=compacted)
    assert _found(data, compacted=compacted) is not None
    for position in range(len(data)):
        before, after = data[:position], data[position:]
        for changed in (*(1 << bit for bit in range(8)), data[position], 0xFF):
            byte = bytes([after[0] ^ changed])
            if changed:
                assert _found(before + byte + after[1:], compacted=compacted) is None
        assert _found(before, compacted=compacted) is None
        assert _found(after[1:], compacted=compacted) is None
        assert _found(before + after[1:], compacted=compacted) is None
        for byte in (b"\0", b"\n", after[:1]):
            assert _found(before + byte + after, compacted=compacted) is None
    for more in (b"\0", b"\n", data):
        assert _found(data + more, compacted=compacted) is None


@given(st.binary(max_size=300), st.booleans())
@example(b'{"made_with":"\xff"}', True)
@example(b'{"other":' + b"[" * 50_000, True)
def test_other_content_is_not_looked_at(content: bytes, compacted: bool) -> None:
    """Nor is it an error when the checksum fits: it may be of another program."""
    fitting = content + b"%08x" % zlib.crc32(content)
    assert _found(content, compacted=compacted) is None
    assert _found(fitting, compacted=compacted) is None
    whole = _sample(compacted=compacted)
    blocks, end = whole[: whole.index(b"{")], whole[whole.index(b"{") : -8]
    for body in (blocks + content, content + end, blocks + content + end):
        changed = body + b"%08x" % zlib.crc32(body)
        spaced = body[len(blocks) :].lstrip() == end  # JSON as well
        assert spaced or _found(changed, compacted=compacted) is None


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", hint_format.FORMAT + 1),
        ("made_with", "another program"),
        ("byteorder", "sideways"),
        ("segment", "00000002.jsonl"),
        ("first", 2),
        ("last", 41),
        ("lines", 3),
        ("size", 901),
        ("block", 3),
    ],
)
def test_what_is_about_another_segment_is_not_looked_at(
    field: str, value: Any, compacted: bool
) -> None:
    """Any difference in what it was made for, and with, makes it useless."""
    data = _sample(compacted=compacted)
    assert _found(data, compacted=compacted, **{field: value}) is None
    assert _found(data, compacted=not compacted) is None
    blocks, end = data[: data.index(b"{")], data[data.index(b"{") : -8]
    body = blocks + msgspec.json.encode(msgspec.json.decode(end) | {field: value})
    body += b"%08x" % zlib.crc32(body)
    assert _found(body, compacted=compacted) is None


def test_every_width_is_its_own() -> None:
    """Hints of three indexes are not read as those of two."""
    data = _sample(compacted=False)
    for width in (0, 1, 3, 4):
        assert _read(data, _label(len(SAMPLE), block=2), width) is None


def test_what_hints_depend_on() -> None:
    """The program, each table with its version, each index, their order, the key."""
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
    lines = _lines(of, width, compacted=False)
    found = _read(_file(lines, _label(len(of))), _label(len(of)), width)
    assert found is not None
    alive = bytearray(data.draw(st.lists(st.sampled_from([0, 1]), min_size=len(of))))
    del alive[len(of) :]
    first = data.draw(st.integers(0, len(of)))
    last = data.draw(st.integers(first, len(of)))
    known, read = lines.hints, found[0].hints
    assert known is not None
    assert read is not None
    for each in (known, read):
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
        copied = SegmentHints(width)
        copied.add(3, 3, [3] * width)
        each.copy(first, last, copied)
        assert bytes(copied.codes[1:]) == bytes(known.codes[first:last])
        assert list(copied.ids[1:]) == list(known.ids[first:last])
        assert list(copied.entries[width:]) == list(
            known.entries[first * width : last * width]
        )
