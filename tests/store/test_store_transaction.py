"""What a user of the store can rely on while it runs."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store.store import Store
from tests.store.store_disk import Disk
from tests.store.store_support import (
    LABEL,
    OTHER,
    ROOM,
    ROOM_BY_NAME,
    ROOM_BY_OWNER,
    SETTING,
    SETTING_BY_NAME,
    START,
    VISIT,
    Opened,
    Room,
    Setting,
)

STATE = Path("/state")

pytestmark = pytest.mark.usefixtures("kept")


@pytest.fixture
def opened() -> Iterator[Opened]:
    opened = Opened(STATE, fs=Disk())
    yield opened
    opened.close()


def test_reads_see_a_put_before_it_is_durable(opened: Opened) -> None:
    """Memory changes with each put and delete, not with the commit."""
    room = Room(id=3, name="a", owner=7)
    transaction = opened.store.transaction()
    transaction.put(ROOM, room)
    assert opened.store.get(ROOM, 3) is room
    assert opened.store.find(ROOM_BY_NAME, "a") is room
    transaction.delete(ROOM, 3)
    assert opened.store.get(ROOM, 3) is None
    assert opened.store.find(ROOM_BY_NAME, "a") is None
    opened.wait(transaction.commit())


def test_each_change_of_a_table_counts(opened: Opened) -> None:
    """The number of changes is another one after a put, a deletion, and what is undone;
    other tables keep theirs."""
    store = opened.store
    others = store.changes(VISIT)
    seen = [store.changes(ROOM)]
    transaction = store.transaction()
    transaction.put(ROOM, Room(id=3, name="a"))
    seen.append(store.changes(ROOM))
    transaction.put(ROOM, Room(id=3, name="b"))
    seen.append(store.changes(ROOM))
    transaction.delete(ROOM, 3)
    seen.append(store.changes(ROOM))
    transaction.undo()
    seen.append(store.changes(ROOM))
    assert len(set(seen)) == len(seen)
    assert store.changes(VISIT) == others


def test_a_commit_fires_only_when_it_is_durable() -> None:
    """No Deferred fires before the sync that covers its lines."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    journal = STATE / "journal" / "00000001.jsonl"
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    assert b'"a"' in disk._file(journal).durable
    opened.wait(opened.put(SETTING, Setting(id=1, name="b")))
    assert b'"b"' in disk._file(STATE / "settings.json").durable
    opened.close()


def _note(fired: list[int], number: int, result: None) -> None:
    fired.append(number)


def test_commits_are_grouped_and_fire_in_order() -> None:
    """What waits together is written and synced together, and fires in order."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    calls: list[str] = []
    disk.before = calls.append
    fired: list[int] = []
    for number in range(1, 201):
        done = opened.put(ROOM, Room(id=number, name="n"))
        done.addCallback(partial(_note, fired, number))
    opened.wait(done)
    assert fired == list(range(1, 201))
    assert calls.count("datasync") == calls.count("write") < 150
    opened.close()


def test_each_group_is_told(opened: Opened) -> None:
    """An observer hears how many commits the disk has taken, and how long it took."""
    told: list[tuple[int, float]] = []
    opened.store.observe(lambda commits, seconds: told.append((commits, seconds)))
    for number in range(1, 21):
        done = opened.put(ROOM, Room(id=number, name="n"))
    opened.wait(done)
    opened.wait(opened.delete(ROOM, 1))
    assert sum(commits for commits, _ in told) == 21
    assert all(0 < seconds < 10 for _, seconds in told)


def test_an_empty_commit_fires_at_once(opened: Opened) -> None:
    """Nothing to write is nothing to wait for; deleting nothing is nothing."""
    transaction = opened.store.transaction()
    transaction.delete(ROOM, 99)
    assert transaction.commit().called


def test_a_commit_cannot_be_cancelled(opened: Opened) -> None:
    """A disconnected client's cancel changes nothing, directly or through a chain."""
    done = opened.put(ROOM, Room(id=1, name="a"))
    done.cancel()
    assert not done.called

    async def route() -> str:
        await opened.put(ROOM, Room(id=2, name="b"))
        return "stored"

    waiting: Deferred[str] = Deferred.fromCoroutine(route())
    waiting.cancel()
    closing = opened.store.close()
    closing.cancel()
    assert opened.wait(waiting) == "stored"
    assert done.called


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    """Neither after deletes, nor restarts, nor after explicit ids, in the journal and
    in documents."""
    tables: list[Table[Any]] = [ROOM, SETTING]
    for table in tables:
        record: Any = Room if table is ROOM else Setting
        given: list[int] = []
        for _ in range(3):
            opened = Opened(tmp_path / "state")
            transaction = opened.store.transaction()
            ids = [transaction.new_id(table) for _ in range(3)]
            assert min(ids) > max(given, default=0)
            for id in ids:
                transaction.put(table, record(id=id, name="x"))
            transaction.put(table, record(id=ids[-1] + 5, name="explicit"))
            for id in (*ids, ids[-1] + 5):
                transaction.delete(table, id)
            opened.wait(transaction.commit())
            opened.wait(opened.store.roll())
            given += [*ids, ids[-1] + 5]
            opened.close()


def test_journal_and_documents_do_not_mix(opened: Opened) -> None:
    """One transaction is one unit of persistence; tables of one document are one."""
    transaction = opened.store.transaction()
    transaction.put(SETTING, Setting(id=1, name="a"))
    transaction.put(LABEL, Setting(id=1, name="b"))
    for put in (
        lambda: transaction.put(ROOM, Room(id=1, name="c")),
        lambda: transaction.put(OTHER, Setting(id=1, name="c")),
        lambda: transaction.delete(VISIT, 1),
    ):
        with pytest.raises(ValueError, match="cannot change together"):
            put()
    opened.wait(transaction.commit())
    assert opened.store.count(ROOM) == 0
    assert opened.store.count(LABEL) == 1


def test_uncommitted_changes_are_undone(opened: Opened) -> None:
    """A block that is left without commit leaves memory as it was."""
    first = Room(id=1, name="first")
    opened.wait(opened.put(ROOM, first))
    before = opened.content()
    with opened.store.transaction() as transaction:
        transaction.put(ROOM, Room(id=1, name="second"))
        transaction.put(ROOM, Room(id=2, name="new"))
        transaction.delete(ROOM, 1)
    assert opened.content() == before
    assert opened.store.find(ROOM_BY_NAME, "first") is first
    assert opened.store.find(ROOM_BY_NAME, "second") is None
    with pytest.raises(ValueError, match="has ended"):
        transaction.put(ROOM, first)


def test_interleaved_transactions_on_one_record_are_refused(opened: Opened) -> None:
    """Memory and journal would disagree: the order of puts is not that of commits."""
    one, two = opened.store.transaction(), opened.store.transaction()
    one.put(ROOM, Room(id=1, name="one"))
    two.put(ROOM, Room(id=1, name="two"))
    opened.wait(two.commit())
    with pytest.raises(ValueError, match="another transaction"):
        one.commit()
    one.undo()
    assert opened.store.get(ROOM, 1) == Room(id=1, name="two")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Room(id=1, name=5), "Expected `str`"),  # type: ignore[arg-type]  # the point
        (Room(id=1, name="\ud800"), "surrogates not allowed"),
        (Room(id=1, name="a", tags=["x"]), "a different record"),  # type: ignore[arg-type]  # the point
        (Room(id=0, name="a"), "ids are from 1 to"),
        (Setting(id=1, name="a"), "a Setting is not of this table"),
    ],
)
def test_what_could_not_be_read_back_is_not_stored(
    opened: Opened, record: Any, message: str
) -> None:
    """A record with a wrong value is refused by put, and memory stays as it was."""
    transaction = opened.store.transaction()
    with pytest.raises(ValueError, match=message):
        transaction.put(ROOM, record)
    assert opened.store.count(ROOM) == 0
    assert transaction.commit().called


def test_subscribers_see_each_change_once(opened: Opened) -> None:
    """(old, new) per record, at the commit, whatever happened in between."""
    seen: list[tuple[Any, Any]] = []
    opened.store.subscribe(ROOM, lambda old, new: seen.append((old, new)))
    a, b = Room(id=1, name="a"), Room(id=1, name="b")
    transaction = opened.store.transaction()
    transaction.put(ROOM, a)
    transaction.put(ROOM, b)
    transaction.put(ROOM, Room(id=2, name="gone"))
    transaction.delete(ROOM, 2)
    transaction.put(VISIT, a)
    assert seen == []
    done = transaction.commit()
    assert seen == [(None, b)]
    opened.wait(done)
    opened.wait(opened.delete(ROOM, 1))
    assert seen == [(None, b), (b, None)]


def test_a_failing_subscriber_harms_nobody(
    opened: Opened, logged_failures: list[str]
) -> None:
    """Its error is logged; the commit and the other subscribers go on."""
    seen: list[Any] = []

    def broken(old: Room | None, new: Room | None) -> None:
        raise RuntimeError("broken")

    opened.store.subscribe(ROOM, broken)
    opened.store.subscribe(ROOM, lambda old, new: seen.append(new))
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    assert len(seen) == 1
    assert len(logged_failures) == 1
    logged_failures.clear()


def test_what_is_read_may_change_meanwhile(opened: Opened) -> None:
    """`all` gives what is there all the time, and no record that is gone."""
    opened.wait(opened.put(ROOM, *(Room(id=id, name="x") for id in (1, 2, 3))))
    rooms = opened.store.all(ROOM)
    assert next(rooms).id == 1
    opened.wait(opened.delete(ROOM, 2))
    assert [room.id for room in rooms] == [3]


def test_a_closed_store_takes_no_commits() -> None:
    """What was committed before is written, what comes after fails."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    before = opened.put(ROOM, Room(id=1, name="a"))
    closing = opened.store.close()
    after = opened.put(ROOM, Room(id=2, name="b"))
    with pytest.raises(StoreError, match="closed"):
        opened.wait(after)
    opened.wait(closing)
    assert before.called
    opened.wait(opened.store.close())
    again = Opened(STATE, fs=disk)
    assert again.store.ids(ROOM) == [1]
    again.close()


@pytest.mark.parametrize("names", [("a", "a"), ("A",), ("a b",), ("format",)])
def test_unusable_table_names_are_refused(names: tuple[str, ...]) -> None:
    """A table's name is written into lines and file names as it is."""
    tables = [Table(name, Room) for name in names]
    with pytest.raises(ValueError, match=r"same name|cannot be called"):
        Opened(STATE, tables, fs=Disk())


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """Records, times, indexes and both kinds of persistence, on a real disk."""
    opened = Opened(tmp_path / "state", segment_size=300)
    for id in range(1, 30):
        opened.put(ROOM, Room(id=id, name=f"r{id}", owner=id % 3, start=START))
    opened.put(SETTING, Setting(id=4, name='ü\n"\\'))
    opened.wait(opened.put(LABEL, Setting(id=1, name="l")))
    before = opened.content()
    opened.close()
    assert len(list((tmp_path / "state" / "journal").glob("*.jsonl"))) > 3
    opened = Opened(tmp_path / "state")
    store: Store = opened.store
    assert opened.content() == before
    assert [r.id for r in store.find_all(ROOM_BY_OWNER, 1)] == list(range(1, 30, 3))
    assert store.find(SETTING_BY_NAME, 'ü\n"\\') == Setting(id=4, name='ü\n"\\')
    opened.close()


def test_a_prepared_put_is_the_same(opened: Opened) -> None:
    """Preparing before the transaction changes when the work is done, and nothing
    else; a record that cannot be stored is refused there already."""
    journals = []
    for is_prepared in (False, True):
        disk = Disk()
        other = Opened(STATE, fs=disk)
        store = other.store
        room = Room(id=1, name="a", owner=7)
        prepared = store.prepare(ROOM, room) if is_prepared else None
        assert store.find(ROOM_BY_NAME, "a") is None
        transaction = store.transaction()
        transaction.put(ROOM, room, prepared)
        assert store.find(ROOM_BY_NAME, "a") is room
        other.wait(transaction.commit())
        journals.append(disk._file(STATE / "journal" / "00000001.jsonl").durable)
        other.close()
    assert b'"a"' in journals[0]
    assert journals[0] == journals[1]
    wrong: Any = Room(id=1, name=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot be stored"):
        opened.store.prepare(ROOM, wrong)
