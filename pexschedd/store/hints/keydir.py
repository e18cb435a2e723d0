"""The keydir of a table, which has the number of each record's last operation. Pure."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import compress, islice

_CHUNK = 256
"""Ids whose numbers are kept together, and forgotten together when all are gone."""


class Keydir:
    """The number of each record's last operation by id, 8 bytes each; 0 means no
    record."""

    def __init__(self) -> None:
        self._chunks: dict[int, array[int]] = {}
        self._used: dict[int, int] = {}

    def get(self, id: int) -> int:
        """Return the number of a record's last operation, 0 if there is no record."""
        chunk = self._chunks.get(id >> 8)
        return 0 if chunk is None else chunk[id & 255]

    def swap(self, id: int, seq: int) -> int:
        """Set a record's number, 0 for none; return the one before."""
        key, place = id >> 8, id & 255
        chunk = self._chunks.get(key)
        if chunk is None:
            if not seq:
                return 0
            chunk = self._chunks[key] = array("Q", bytes(8 * _CHUNK))
            self._used[key] = 0
        before = chunk[place]
        chunk[place] = seq
        if not before and seq:
            self._used[key] += 1
        elif before and not seq:
            self._used[key] -= 1
            if not self._used[key]:
                del self._chunks[key], self._used[key]
        return before

    def load(self, ids: Iterable[int], seqs: Iterable[int]) -> list[int]:
        """Set many numbers, in order; return those that were replaced. `loaded` has to
        follow."""
        chunks = self._chunks
        replaced = []
        for id, seq in zip(ids, seqs, strict=True):
            chunk = chunks.get(id >> 8)
            if chunk is None:
                chunk = chunks[id >> 8] = array("Q", bytes(8 * _CHUNK))
            before = chunk[id & 255]
            chunk[id & 255] = seq
            if before:
                replaced.append(before)
        return replaced

    def loaded(self) -> None:
        """Count the records, after the last `load`."""
        for key, chunk in [*self._chunks.items()]:
            used = _CHUNK - chunk.count(0)
            if used:
                self._used[key] = used
            else:
                del self._chunks[key]

    def __len__(self) -> int:
        return sum(self._used.values())

    def ids(self, skip: int = 0) -> Iterator[int]:
        """Iterate over the ids, ascending, without the first `skip`. Changes made in
        the meantime may show or not."""
        for key in sorted(self._chunks):
            chunk = self._chunks.get(key)
            if chunk is None:
                continue
            if skip >= self._used[key]:
                skip -= self._used[key]
                continue
            first = key * _CHUNK
            there = compress(range(first, first + _CHUNK), chunk)
            yield from islice(there, skip, None)
            skip = 0

    def items(self) -> Iterator[tuple[int, int]]:
        """Iterate over all ids and numbers, in no order; a number of 0 means no
        record."""
        for key, chunk in self._chunks.items():
            yield from enumerate(chunk, key * _CHUNK)
