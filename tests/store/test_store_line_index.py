"""Which lines of the journal matter."""

from itertools import chain
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.store.hints.hints import SegmentHints
from pexschedd.store.hints.line_index import LineIndex, SegmentLines

changes = st.tuples(st.sampled_from("ab"), st.integers(1, 600), st.booleans())
meanwhile = st.lists(st.one_of(changes, st.just("bury")), max_size=20)
operations = st.lists(st.one_of(changes, st.just("roll"), meanwhile), max_size=60)
"""A list is a compaction, with what happens between its slices."""


@given(operations, st.integers(1, 400))
def test_the_ledger_knows_what_matters(steps: list[Any], slice_size: int) -> None:
    """Beside a plain list of all lines: what matters, how much is dead, and what a
    compaction copies while lines go on dying; also after it, and when the line_index is
    built by reading."""
    line_index = LineIndex("ab", 2)
    line_index.begin(1)
    written: list[list[tuple[int, str, int, int, bool]]] = [[]]
    seq = 0

    def alive() -> set[int]:
        last: dict[Any, tuple[int, bool]] = {}
        for segment in written:
            for number, table, id, _, put in segment:
                last[table, id] = (number, put)
        return {number for number, put in last.values() if put}

    def write(table: str, id: int, put: bool) -> None:
        nonlocal seq
        seq += 1
        size = 30 + id % 7
        written[-1].append((seq, table, id, size, put))
        line_index.wrote(table, id, seq, size, put, (id,) if put else ())

    for step in steps:
        if step == "roll":
            if written[-1]:
                line_index.begin(seq + 1)
                written.append([])
        elif isinstance(step, list):
            count = len(written) - 1
            if not count:
                continue
            died = line_index.compacting()
            before, events = alive(), iter(step)
            copied = SegmentLines(1, SegmentHints(2), compacted=True)
            for lines in line_index.segments[:count]:
                position, offset, more = 0, 0, True
                while more:
                    position, size, runs = lines.runs(position, slice_size)
                    offset += size
                    for run in runs:
                        lines.copy_run(run, copied, lines.hints)
                    more = bool(position)
                    event = next(events, "bury")
                    if event == "bury":
                        copied.bury(died)
                    else:
                        write(*event)
                assert offset == lines.size
            assert copied.seqs is not None
            numbers = set(copied.seqs)
            old = [each for part in written[:count] for each in part]
            kept = [each for each in old if each[0] in numbers]
            assert list(copied.seqs) == [each[0] for each in kept]
            # What has died while it was copied may be in it or not.
            assert alive() & {each[0] for each in old} <= numbers <= before
            written[:count] = [kept]
            line_index.compacted(count, copied)
        else:
            write(*step)
    read = LineIndex("ab", 2)
    for lines, segment in zip(line_index.segments, written, strict=True):
        again = SegmentLines(
            lines.first, SegmentHints(2), compacted=lines.seqs is not None
        )
        for number, table, id, size, put in segment:
            code = read.code(table, put=put)
            again.add(number, size, code, id, (id,) if put else ())
        read.load(again)
    living = alive()
    for known in (line_index, read):
        dead = 0
        for lines, segment in zip(known.segments, written, strict=True):
            assert list(lines.alive) == [each[0] in living for each in segment]
            assert lines.live == sum(e[3] for e in segment if e[0] in living)
            if lines is not known.segments[-1]:
                dead += lines.size - lines.live
        assert known.dead == dead
        for table in "ab":
            found = list(chain(*known.entries(table)(0)))
            ids = {number: id for s in written for number, t, id, *_ in s if t == table}
            assert sorted(found) == sorted(ids[n] for n in living & ids.keys())
            assert list(chain(*known.entries(table)(1))) == [0] * len(found)
