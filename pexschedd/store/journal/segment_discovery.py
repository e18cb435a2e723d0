"""The segments of a journal, found from the content of its files. Pure.

This is for a journal that has no sound manifest left. If the files leave a doubt, no
segments are found.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pexschedd.store.journal import line as lines
from pexschedd.store.journal.manifest import Segment


class SegmentSpan(NamedTuple):
    """The range of a file: its first and last operation (0 if it has none), lines and
    bytes."""

    name: str
    first: int
    last: int
    lines: int
    size: int

    @classmethod
    def of(cls, name: str, data: bytes) -> "SegmentSpan":
        """Read the span of a file from its content. Raises NewerFormat if a newer
        release wrote it."""
        every = data.split(b"\n")[:-1]
        seqs = [lines.decode(each).seq for each in every if lines.is_intact(each)]
        first, last = (seqs[0], seqs[-1]) if seqs else (0, 0)
        return cls(name, first, last, len(every), len(data))

    def segment(self, first: int, last: int, *, compacted: bool = False) -> Segment:
        """Return the manifest's entry for the file, sealed, with these first and last
        operations."""
        return Segment(
            name=self.name,
            compacted=compacted,
            first=first,
            last=last,
            lines=self.lines,
            size=self.size,
        )


_NO_COPY = SegmentSpan("", 0, 0, 0, 0)


def chained(
    plain: Sequence[SegmentSpan], compacted: Sequence[SegmentSpan]
) -> tuple[Segment, ...]:
    """Return the segments that follow each other without a gap and hold everything that
    is in any file; empty if no choice of them does.

    A compacted segment may stand for all before it or, after a repair, for a single
    one; its content does not tell which.
    """
    for head in (_NO_COPY, *compacted):
        chain = _continued(head, plain)
        used = {segment.name for segment in chain}
        others = [s for s in (*compacted, *plain) if s.lines and s.name not in used]
        if chain and all(_has_all_of(chain, head, other) for other in others):
            active = chain.pop()
            return (*chain, Segment(name=active.name, first=active.first))
    return ()


def _continued(head: SegmentSpan, plain: Sequence[SegmentSpan]) -> list[Segment]:
    """A compacted segment, if any, and those that come after it; empty if there is a
    gap between them."""
    covered = [i for i, span in enumerate(plain, 1) if 0 < span.first <= head.last]
    rest = plain[max(covered, default=0) :]
    if not rest:
        return []
    chain = []
    expected = 1
    if head.name:
        begins = next((span.first for span in rest if span.first), 0)
        expected = begins or head.last + 1
        chain.append(head.segment(1, expected - 1, compacted=True))
    for span in rest:
        if span.first not in (0, expected):
            return []
        chain.append(span.segment(expected, span.last or expected - 1))
        expected = (span.last or expected - 1) + 1
    return chain


def _has_all_of(
    chain: Sequence[Segment], head: SegmentSpan, other: SegmentSpan
) -> bool:
    """Return whether everything that matters of a file is in a chain without it."""
    plain = chain[1:] if head.name else chain
    first, last = plain[0].first, plain[-1].last or 0
    # It was before what has been copied, as a line shows that both have; or it is a
    # copy of what is here.
    replaced = 0 < head.first <= other.last
    return all(
        (replaced and number <= head.last) or first <= number <= last
        for number in (other.first, other.last)
    )
