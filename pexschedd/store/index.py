"""An index that finds ids by key, in about ten bytes for each. Pure.

A dict of strings takes 150 bytes for each, and a large store has ten million keys. So
the keys themselves are not kept, only a part of their hash. A search returns
candidates, of which one in several hundred is wrong, so the caller has to compare the
records' keys. An id that has the key is never missing from the result.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable
from hashlib import blake2b

_ID_BITS = 36
MOST = (1 << _ID_BITS) - 1
"""The highest possible id: enough for two hundred new ones a second for ten years."""
_ALL = (1 << 64) - 1
TAG = _ALL - MOST
"""The bits of a hash that an entry keeps."""

_LOAD = 64
"""Average number of entries in a bucket."""
_PARTS = 256
"""Number of parts that many entries are divided into on the way to their buckets."""


class KeyHashing:
    """Hashes of keys that stay the same from one process to the next.

    They are keyed with a secret, because some keys, such as a meeting's UID, are chosen
    by outsiders, who must not be able to choose a thousand keys with the same hash.
    """

    def __init__(self, secret: bytes = b"") -> None:
        self._begun = blake2b(digest_size=8, key=secret)

    def __call__(self, key: Hashable | None) -> int:
        """Hash an int, a string or a tuple of these to 64 bits; only None gives 0."""
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
    """Return the index entry of a key: upper bits of its hash (the tag), and the id.

    A hash of 0, which means no key, gives 0.
    """
    return hashed & TAG | id if hashed else 0


class HashIndex:
    """Ids by hash, stored as entries; an entry of 0 is never stored.

    The tag determines the bucket of an entry, and each bucket is sorted. As entries are
    added, buckets are added one by one, each taking its entries from one other bucket
    (linear hashing), so that growing never takes long.
    """

    __slots__ = ("_buckets", "_count", "_mask")

    def __init__(self) -> None:
        self._buckets = [array("Q")]
        self._mask = 0
        self._count = 0

    def fill(self, parts: Iterable[Iterable[int]], count: int) -> None:
        """Add entries to an empty index; `count` is approximately their number."""
        size = 1 << max(0, (count // _LOAD).bit_length())
        buckets = [array("Q") for _ in range(size)]
        self._mask = mask = size - 1
        # There may be ten million, so each step counts: first into a few parts, so that
        # then the buckets of one part are all in the processor's cache.
        most = min(size, _PARTS)
        sorted_out = [array("Q") for _ in range(most)]
        append = [part.append for part in sorted_out]
        for part in parts:
            for each in part:
                if each:
                    append[each >> _ID_BITS & (most - 1)](each)
        append = [bucket.append for bucket in buckets]
        for part in sorted_out:
            for each in part:
                append[each >> _ID_BITS & mask](each)
        self._buckets = [array("Q", sorted(bucket)) for bucket in buckets]
        self._count = sum(map(len, buckets))

    def add(self, entry: int) -> None:
        """Add an entry that is not in the index yet."""
        if entry:
            insort(self._bucket(entry >> _ID_BITS), entry)
            self._count += 1
            if self._count > len(self._buckets) * _LOAD:
                self._grow()

    def remove(self, entry: int) -> None:
        """Remove an entry; it must be in the index."""
        if entry:
            bucket = self._bucket(entry >> _ID_BITS)
            bucket.pop(bucket.index(entry, bisect_left(bucket, entry)))
            self._count -= 1

    def find(self, hashed: int) -> list[int]:
        """Return all ids with this hash, ascending, and rarely one with another."""
        bucket = self._bucket(hashed >> _ID_BITS)
        tag = hashed & TAG
        first = bisect_left(bucket, tag)
        if first == len(bucket) or bucket[first] & TAG != tag:
            return []
        after = bisect_right(bucket, hashed | MOST, first)
        return [each & MOST for each in bucket[first:after]]

    def _bucket(self, tag: int) -> "array[int]":
        buckets = self._buckets
        place = tag & self._mask
        return buckets[place if place < len(buckets) else place & self._mask >> 1]

    def _grow(self) -> None:
        place = len(self._buckets)
        if place > self._mask:
            self._mask = 2 * self._mask + 1
        mask = self._mask
        before = place & mask >> 1
        source = self._buckets[before]
        stay, go = array("Q"), array("Q")
        if len(source) < 4 * _LOAD:
            for each in source:
                (go if each >> _ID_BITS & mask == place else stay).append(each)
        else:
            # All of a tag at once: a key may have a million ids.
            start = 0
            while start < len(source):
                tag = source[start] >> _ID_BITS
                after = bisect_right(source, tag << _ID_BITS | MOST, start)
                (go if tag & mask == place else stay).extend(source[start:after])
                start = after
        self._buckets[before] = stay
        self._buckets.append(go)
