"""Ids by hash, beside a dict of sets; and hashes that stay what they are."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Hashable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pexschedd.store.index import MOST, HashIndex, KeyHashing, entry
from tests.thorough import examples

TAG = 1 << 36
"""Hashes with the same multiple of this have the same tag."""

# Few tags with many ids each, many tags with one, and neighbours, as ids of ours have.
hashes = st.one_of(
    st.integers(0, 3).map(lambda tag: tag * TAG + 1),
    st.integers(0, 200).map(lambda tag: tag * TAG),
    st.integers(0, (1 << 64) - 1),
    st.just((1 << 64) - 1),
)
ids = st.one_of(st.integers(1, 40), st.integers(1, MOST), st.just(MOST))
pairs = st.tuples(hashes, ids)


class Model:
    """What an index has to find. Of hashes with one tag it may find all ids."""

    def __init__(self) -> None:
        self.pairs: set[tuple[int, int]] = set()
        self._tags: dict[int, dict[int, int]] = defaultdict(dict)

    def add(self, hashed: int, id: int) -> bool:
        """Whether there is something to add: an entry is there once."""
        its = self._tags[hashed // TAG]
        if hashed and id not in its:
            its[id] = hashed
            self.pairs.add((hashed, id))
            return True
        return False

    def remove(self, hashed: int, id: int) -> None:
        del self._tags[hashed // TAG][id]
        self.pairs.remove((hashed, id))

    def find(self, hashed: int) -> list[int]:
        return sorted(self._tags[hashed // TAG])


def _check(index: HashIndex, model: Model) -> None:
    for hashed in {hashed for hashed, _ in model.pairs} | {5 * TAG, 77, TAG - 1}:
        assert index.find(hashed) == model.find(hashed)


@given(filled=st.lists(pairs, max_size=300), added=st.lists(pairs, max_size=300))
def test_an_index_finds_what_was_put_in(
    filled: list[tuple[int, int]], added: list[tuple[int, int]]
) -> None:
    """All ids of a hash, ascending, whether they came at the start or later, whatever
    the number that was expected; and nothing when all were removed again."""
    model = Model()
    start = [entry(hashed, id) for hashed, id in filled if model.add(hashed, id)]
    for count in (0, len(start), 10 * len(start)):
        index, its = HashIndex(), Model()
        index.fill([start[:7], [0, 0], start[7:]], count)
        for hashed, id in filled:
            its.add(hashed, id)
        _check(index, its)
        for hashed, id in added:
            if its.add(hashed, id):
                index.add(entry(hashed, id))
        _check(index, its)
        for hashed, id in sorted(its.pairs, key=lambda pair: (pair[1], pair[0])):
            index.remove(entry(hashed, id))
            its.remove(hashed, id)
            assert index.find(hashed) == its.find(hashed)
        _check(index, its)


class IndexMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = HashIndex()
        self.model = Model()

    def _add(self, hashed: int, id: int) -> None:
        if self.model.add(hashed, id):
            self.index.add(entry(hashed, id))

    @rule(hashed=hashes, id=ids)
    def add(self, hashed: int, id: int) -> None:
        self._add(hashed, id)

    @rule(hashed=hashes, first=st.integers(1, 500), count=st.integers(1, 400))
    def many_with_one_key(self, hashed: int, first: int, count: int) -> None:
        for id in range(first, first + count):
            self._add(hashed, id)

    @rule(first=st.integers(1, 500), count=st.integers(1, 400))
    def many_with_a_key_each(self, first: int, count: int) -> None:
        hashing = KeyHashing(b"x")
        for id in range(first, first + count):
            self._add(hashing(f"{id}"), id)
            self._add(hashing(id), id)

    @precondition(lambda self: self.model.pairs)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        hashed, id = data.draw(st.sampled_from(sorted(self.model.pairs)))
        self.index.remove(entry(hashed, id))
        self.model.remove(hashed, id)

    @precondition(lambda self: self.model.pairs)
    @rule(data=st.data())
    def remove_most_of_a_key(self, data: st.DataObject) -> None:
        chosen, _ = data.draw(st.sampled_from(sorted(self.model.pairs)))
        its = sorted(pair for pair in self.model.pairs if pair[0] == chosen)
        for hashed, id in its[data.draw(st.integers(0, 3)) :]:
            self.index.remove(entry(hashed, id))
            self.model.remove(hashed, id)

    @invariant()
    def agrees(self) -> None:
        _check(self.index, self.model)


def test_an_index_is_a_dict_of_sets() -> None:
    """In whatever order keys with one id and keys with hundreds come and go."""
    steps = settings(max_examples=examples(80), stateful_step_count=20, deadline=None)
    run_state_machine_as_test(IndexMachine, settings=steps)


@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_it_grows_and_still_finds_everything(kind: str) -> None:
    """While it becomes a thousand times as large, through several powers of two, and
    when all but a few have gone."""
    hashing = KeyHashing(b"secret")
    index = HashIndex()
    count = 20_000

    def hashed(id: int) -> int:
        return hashing(id if kind == "numbers" else f"alias-{id}")

    for id in range(1, count + 1):
        index.add(entry(hashed(id), id))
        if id & (id - 1) in (0, 1):  # around the powers of two
            for each in range(1, id + 1, max(1, id // 50)):
                assert each in index.find(hashed(each))
            assert id + 1 not in index.find(hashed(id + 1))
    assert len(index._buckets) > count // 64
    assert max(map(len, index._buckets)) < 256
    for id in range(1, count - 9):
        index.remove(entry(hashed(id), id))
        assert index.find(hashed(id)) == []
    assert all(index.find(hashed(id)) == [id] for id in range(count - 9, count + 1))


def test_a_key_may_have_thousands_of_ids() -> None:
    """They are found, and can all go again and come back, and others with them."""
    index, other = HashIndex(), 9 * TAG
    index.add(entry(other, 1))
    for _ in range(2):
        for id in range(5000, 0, -1):
            index.add(entry(7 * TAG, id))
        assert index.find(7 * TAG) == list(range(1, 5001))
        assert index.find(other) == [1]
        for id in range(1, 5001):
            index.remove(entry(7 * TAG, id))
            if not id % 100:
                assert index.find(7 * TAG) == list(range(id + 1, 5001))
        assert index.find(7 * TAG) == []
        assert sum(map(len, index._buckets)) == 1
    assert index.find(other) == [1]
    filled = HashIndex()
    filled.fill([(entry(7 * TAG, id) for id in range(1, 5001))], 5000)
    assert filled.find(7 * TAG) == list(range(1, 5001))


def test_no_key_is_not_found() -> None:
    """A hash of 0 is never in it, however it came; the highest id and hash are."""
    index = HashIndex()
    index.fill([[entry(0, 5), entry(1, 6)]], 2)
    index.add(entry(0, 7))
    index.remove(entry(0, 7))
    index.remove(entry(0, 123))
    assert index.find(1) == [6]
    index.add(entry((1 << 64) - 1, MOST))
    assert index.find((1 << 64) - 1) == [MOST]
    assert index.find(TAG) == []


keys: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.text(), st.text(st.characters(categories=["Cs"])), st.integers()),
    lambda inner: st.tuples(inner, st.none() | inner),
    max_leaves=4,
)


@given(keys, st.binary(max_size=64))
def test_hashes_are_stable(key: Hashable, secret: bytes) -> None:
    """The same for the same secret, also of lone surrogates and tuples: 64 bits, and
    never 0, which is for no key."""
    found = KeyHashing(secret)(key)
    assert found == KeyHashing(secret)(key)
    assert 0 < found < 1 << 64
    assert KeyHashing(secret)(None) == 0


SAMPLES: list[Hashable] = ["a", "é", "\ud800", "", 0, 5, -1, 1 << 27, ("a", 5), ("a",)]


def test_hashes_are_the_same_in_another_process() -> None:
    """Hint files keep them. Unlike those of Python they do not differ each time."""
    code = (
        "from pexschedd.store.index import KeyHashing\n"
        f"print([KeyHashing(b's')(key) for key in {SAMPLES!r}])"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    here = [KeyHashing(b"s")(key) for key in SAMPLES]
    assert child.stdout.strip() == str(here)
    assert len(set(here)) == len(SAMPLES)


def test_another_secret_makes_other_hashes() -> None:
    """So nobody who does not know it can choose keys that collide. Ids of ours are not
    chosen by anybody, and stay neighbours."""
    one, two = KeyHashing(b"1"), KeyHashing(b"2")
    for key in ["a", "\ud800", ("a", 5), ("a", None)]:
        assert one(key) != two(key)
    assert [one(n) // TAG for n in range(1, 9)] == list(range(1, 9))


def test_texts_are_spread() -> None:
    """A hundred thousand similar texts hardly share a tag."""
    hashing = KeyHashing(b"s")
    tags = {hashing(f"room-{n}@example.com") // TAG for n in range(100_000)}
    assert len(tags) > 99_900
