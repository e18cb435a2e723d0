"""The part of a damaged segment that can be kept without guessing. Pure."""

import sys

from pexschedd.store.journal import line as lines
from pexschedd.store.journal.manifest import Segment


def salvage(data: bytes, segment: Segment) -> tuple[bytes, list[int], int]:
    """Separate what can be kept of a segment from what cannot. Returns the lines to
    keep, the numbers of the lines that are given up, and the number of the last
    operation."""
    every = data.split(b"\n")
    if not every[-1]:
        every.pop()
    last = segment.last or segment.first - 1
    limit = sys.maxsize if segment.last is None else segment.last
    kept: list[bytes] = []
    lost: list[int] = []
    group: list[tuple[int, bytes]] = []
    previous = segment.first - 1

    def give_up_group() -> None:
        lost.extend(number for number, _ in group)
        group.clear()

    for number, each in enumerate(every, 1):
        try:
            line = lines.decode(each)
            sound = previous < line.seq <= limit
        except ValueError:
            sound = False
        if not sound:
            give_up_group()
            lost.append(number)
            continue
        if segment.compacted or line.tx is None:
            give_up_group()
            kept.append(each)
        else:
            position, size = line.tx
            if position != len(group) + 1 or (line.seq != previous + 1 and group):
                give_up_group()
            if position == len(group) + 1:
                group.append((number, each))
                if position == size:
                    kept += [part for _, part in group]
                    group.clear()
            else:
                lost.append(number)
        previous = line.seq
        last = max(last, line.seq)
    give_up_group()
    return b"".join(part + b"\n" for part in kept), sorted(lost), last
