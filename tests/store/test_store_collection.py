"""Records in memory, and how they are found."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.store.collection import Collection
from pexschedd.store.hints.keydir import Keydir
from tests.store.store_support import ROOM, Room

# Few owners, so that one has anything from no room to many.
changes = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=30),
        st.sampled_from([None, 0, 1, 2, 2, 2]),
    ),
    max_size=120,
)


crowd = st.lists(
    st.integers(min_value=1, max_value=30).map(lambda id: (id, 2)), max_size=20
)


@given(
    before=st.tuples(changes, crowd).map(lambda two: [*two[0], *two[1]]), after=changes
)
def test_indexes_find_what_is_there(
    before: Sequence[tuple[int, int | None]], after: Sequence[tuple[int, int | None]]
) -> None:
    """After any loading and any puts and deletes, whether a key has no, few or many
    records: all of them, by ascending id, and the lowest one first."""
    collection = Collection(ROOM)
    known: dict[int, Room] = {}
    for id, owner in before:
        room = None if owner is None else Room(id=id, name="x", owner=owner)
        collection.replay(id, room)
        _apply(known, id, room)
    collection.loaded()
    for id, owner in after:
        room = None if owner is None else Room(id=id, name="y", owner=owner)
        if room is None:
            collection.delete(id)
        else:
            collection.put(room)
        _apply(known, id, room)
    assert list(collection.all()) == [known[id] for id in sorted(known)]
    assert len(collection) == len(known)
    for owner in (1, 2, 3):
        its = [room for _, room in sorted(known.items()) if room.owner == owner]
        assert collection.find_all("owner", owner) == its
        assert collection.find("owner", owner) == (its[0] if its else None)


rooms = st.builds(
    Room, id=st.integers(1, 12), name=st.sampled_from("abc"), owner=st.integers(0, 2)
)


@given(st.lists(st.one_of(rooms, st.integers(1, 12)), max_size=40))
def test_indexes_agree_with_a_search(changes: list[Room | int]) -> None:
    """Whatever is put and deleted, in any order of ids: an index finds exactly what
    looking at every record finds, ids ascend, and a reloaded collection is the same."""
    kept: Collection[Room] = Collection(ROOM)
    loaded: Collection[Room] = Collection(ROOM)
    model: dict[int, Room] = {}
    for change in changes:
        if isinstance(change, int):
            assert kept.delete(change) == model.pop(change, None)
            loaded.replay(change, None)
        else:
            assert kept.put(change)[0] == model.get(change.id)
            loaded.replay(change.id, change)
            model[change.id] = change
    loaded.loaded()
    for collection in (kept, loaded):
        assert collection.ids() == sorted(model)
        assert list(collection.all()) == [model[id] for id in sorted(model)]
        for name in "abcd":
            wanted = [model[id] for id in sorted(model) if model[id].name == name]
            assert collection.find_all("name", name) == wanted
            assert collection.find("name", name) == (wanted[0] if wanted else None)
        for owner in (1, 2):
            wanted = [model[id] for id in sorted(model) if model[id].owner == owner]
            assert collection.find_all("owner", owner) == wanted
        assert collection.find_all("owner", None) == []


class CountingKeydir(Keydir):
    """A keydir that counts the ids it lists."""

    listed = 0

    def ids(self, skip: int = 0) -> Iterator[int]:
        for id_ in super().ids(skip):
            self.listed += 1
            yield id_


def test_a_page_does_not_list_all_ids() -> None:
    """While changes are on their way to the disk, a page of ids only lists those up to
    its end, and is the right one."""
    numbers = CountingKeydir()
    collection = Collection(ROOM, numbers=numbers)
    for id_ in range(1, 1001):
        numbers.swap(id_, id_)
        collection.replay(id_, Room(id=id_, name="x", owner=1))
    collection.loaded()
    collection.put(Room(id=500, name="y", owner=1))
    assert collection.page(900, 10) == list(range(901, 911))
    assert numbers.listed <= 11
    collection.delete(5)
    collection.put(Room(id=2000, name="z", owner=1))
    assert collection.page(3, 4) == [4, 6, 7, 8]
    assert numbers.listed <= 20
    assert collection.page(998, 4) == [1000, 2000]
    assert collection.ids() == [*range(1, 5), *range(6, 1001), 2000]


def _apply(known: dict[int, Room], id: int, room: Room | None) -> None:
    if room is None:
        known.pop(id, None)
    else:
        known[id] = room
