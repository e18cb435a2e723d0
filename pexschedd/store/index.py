"""PURE: finds ids by key in some ten bytes for each.

A dict of strings takes a hundred and fifty, and a large store has ten million keys. So
the keys themselves are not kept, only a part of their hash: what is found are
candidates, one in some hundreds of which is wrong, and whoever asks looks at the
records. What is not found is not there.
"""

from array import array
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Hashable, Iterable
from hashlib import blake2b

_ID_BITS = 36
MOST = (1 << _ID_BITS) - 1
"""The highest id there can be: two hundred a second for ten years."""
_ALL = (1 << 64) - 1
TAG = _ALL - MOST
"""The bits of a hash that are in an entry."""

_LOAD = 32
"""Entries in a bucket, on average. Fewer are found faster and take more memory."""
_PARTS = 256
"""Heaps that many entries are sorted out into before they come into their buckets."""
_CROWD = 256
"""Entries in a bucket that cannot be chance: a key has many ids."""


class Hashing:
    """Hashes of keys that are the same in the next process, which reads them.

    Keyed, for keys such as a meeting's UID are chosen by strangers, who must not be
    able to choose a thousand with one hash.
    """

    def __init__(self, secret: bytes = b"") -> None:
        self._begun = blake2b(digest_size=8, key=secret)

    def __call__(self, key: Hashable | None) -> int:
        """64 bits of an int, a string or a tuple of these; 0 only for None."""
        if type(key) is str:
            text = key
        elif type(key) is int:
            # Ids of ours, one after the other: neighbours they stay, in one bucket
            # after the other.
            return key << _ID_BITS & _ALL or 1
        elif key is None:
            return 0
        elif type(key) is tuple and len(key) == 2:
            text = f"{key[0]}\0{key[1]}"  # in a third of the time that `repr` takes
        else:
            text = repr(key)
        hashed = self._begun.copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(hashed.digest(), "little") or 1


def entry(hashed: int, id: int) -> int:
    """What an index keeps of a key: upper bits of its hash, the tag, and the id.

    0 for a hash of 0, so for no key.
    """
    return hashed & TAG | id if hashed else 0


class HashIndex:
    """Ids by hash, made of entries; an entry of 0 is not in it.

    The tag says which bucket an entry is in. With every so many entries there is one
    bucket more, which takes its own out of one other (linear hashing), so growing never
    takes long.
    """

    __slots__ = ("_buckets", "_count", "_crowds", "_mask")

    def __init__(self) -> None:
        self._buckets = [array("Q")]
        self._mask = 0
        self._count = 0
        # Tags with so many ids that a bucket would be slow with them; sorted.
        self._crowds: dict[int, array[int]] = {}

    def fill(self, parts: Iterable[Iterable[int]], count: int) -> None:
        """Adds entries to an empty index; `count` is about how many."""
        size = 1 << max(0, (count // _LOAD).bit_length())
        self._buckets = buckets = [array("Q") for _ in range(size)]
        self._mask = mask = size - 1
        # There may be ten million, so each step counts: first into a few parts, so that
        # then the buckets of one part are all in the processor's cache.
        sorted_out = [array("Q") for _ in range(_PARTS)]
        append = [part.append for part in sorted_out]
        for part in parts:
            for each in part:
                if each:
                    append[each >> _ID_BITS & (_PARTS - 1)](each)
        append = [bucket.append for bucket in buckets]
        for part in sorted_out:
            for each in part:
                append[each >> _ID_BITS & mask](each)
        self._count = sum(map(len, buckets))
        for bucket in buckets:
            if len(bucket) > _CROWD:
                self._part(bucket)

    def add(self, entry: int) -> None:
        """One that is not in it."""
        if not entry:
            return
        tag = entry >> _ID_BITS
        if self._crowds and tag in self._crowds:
            insort(self._crowds[tag], entry)
            return
        buckets = self._buckets
        place = tag & self._mask
        if place >= len(buckets):  # as `_bucket`, which would be called for each
            place &= self._mask >> 1
        bucket = buckets[place]
        bucket.append(entry)
        self._count += 1
        if len(bucket) > _CROWD:
            self._part(bucket)
        if self._count > len(buckets) * _LOAD:
            self._grow()

    def remove(self, entry: int) -> None:
        """One that is in it."""
        if not entry:
            return
        tag = entry >> _ID_BITS
        crowd = self._crowds.get(tag)
        if crowd is None:
            self._bucket(tag).remove(entry)
            self._count -= 1
            return
        crowd.pop(crowd.index(entry, bisect_left(crowd, entry)))
        if not crowd:
            del self._crowds[tag]

    def find(self, hashed: int) -> list[int]:
        """All ids with this hash, ascending, and seldom one with another."""
        tag = hashed >> _ID_BITS
        if tag in self._crowds:
            return [each & MOST for each in self._crowds[tag]]
        first = tag << _ID_BITS
        last = first | MOST
        found = [each & MOST for each in self._bucket(tag) if first <= each <= last]
        if len(found) > 1:
            found.sort()
        return found

    def _bucket(self, tag: int) -> "array[int]":
        place = tag & self._mask
        if place >= len(self._buckets):
            place &= self._mask >> 1
        return self._buckets[place]

    def _grow(self) -> None:
        place = len(self._buckets)
        if place > self._mask:
            self._mask = 2 * self._mask + 1
        mask = self._mask
        before = place & mask >> 1
        stay, go = array("Q"), array("Q")
        for each in self._buckets[before]:
            (go if each >> _ID_BITS & mask == place else stay).append(each)
        self._buckets[before] = stay
        self._buckets.append(go)

    def _part(self, bucket: "array[int]") -> None:
        """Takes tags with many ids out of a bucket."""
        many = Counter(each >> _ID_BITS for each in bucket)
        for tag, count in many.items():
            if count > _CROWD // 2:
                mine = sorted(e for e in bucket if e >> _ID_BITS == tag)
                self._crowds[tag] = array("Q", mine)
                self._count -= count
        rest = [each for each in bucket if each >> _ID_BITS not in self._crowds]
        bucket[:] = array("Q", rest)
