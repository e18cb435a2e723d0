"""Changes of several documents and the journal: after any crash, all or nothing."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from pexschedd.errors import StoreError
from pexschedd.history.actor import Actor, acting_as
from pexschedd.management.transfer.together import (
    PreparedPut,
    finish_changes,
    put_together,
)
from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate
from pexschedd.model.conference import Conference
from pexschedd.model.platform.names import IvrTheme
from tests.store.store_disk import Disk, few_cuts
from tests.store.store_support import Opened

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STATE = Path("/var/state")
PUTS: list[Any] = [
    (tables.IVR_THEME, IvrTheme(id=1, name="Night")),
    (tables.CA_CERTIFICATE, CaCertificate(id=1, certificate="x")),
    (tables.CONFERENCE, Conference(id=1, name="Room", ivr_theme=1)),
    (tables.CONFERENCE, Conference(id=2, name="Other", ivr_theme=1)),
]


class Stopped(OSError):
    """The machine has stopped at this call."""


def opened(disk: Disk) -> Opened:
    return Opened(
        STATE, list(tables.TABLES), fs=disk, failed=lambda error: None, random=bytes
    )


def prepared(store: Opened, puts: list[Any]) -> Iterator[PreparedPut]:
    for table, record in puts:
        yield PreparedPut(table, record, store.store.prepare(table, record))


def content(store: Opened) -> set[tuple[str, Any]]:
    """The records, and what the history has of them."""
    changes = [*tables.UNSETTLED_CHANGES.values(), tables.CONFIGURATION_CHANGE]
    history = {
        ("history", (change.resource, change.object_id, change.administrator))
        for table in changes
        for change in store.store.all(table)
    }
    return history | {
        (table.name, record)
        for table in {*tables.TABLES} - {*changes}
        for record in store.store.all(table)
    }


WHOLE = {(table.name, record) for table, record in PUTS} | {
    ("history", (table.name, record.id, "anna")) for table, record in PUTS
}


def stopped_at(call: int) -> tuple[Disk, bool]:
    """A disk after so many calls of a change, and whether the change was made."""
    disk = Disk()
    opened(disk).close()
    store = opened(disk)
    left = call

    def before(name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stopped(name)

    disk.before = before
    try:
        with acting_as(Actor("anna", "192.0.2.1")):
            store.wait(put_together(store.store, prepared(store, PUTS), NOW))
    except StoreError:
        return disk, False
    finally:
        store.close()
    return disk, True


def test_a_crash_leaves_all_or_nothing() -> None:
    """Whichever call of the disk is the last one, and whatever of what was not synced
    survives: the next start has all records or none, and all once that was said."""
    seen = set()
    for call in itertools.count():
        disk, is_made = stopped_at(call)
        for crashed in disk.crashes(few_cuts):
            again = opened(crashed)
            finish_changes(again.store)
            again.close()
            again = opened(crashed)
            found = content(again)
            again.close()
            assert found in (set(), WHOLE)
            assert found == WHOLE or not is_made
            seen.add(len(found))
        if is_made:
            break
    assert seen == {0, len(WHOLE)}
    assert call > 10


def test_one_place_needs_no_record_of_its_own() -> None:
    """What is in one document, or in the journal, is an ordinary transaction."""
    for puts in (PUTS[:1], PUTS[2:]):
        disk = Disk()
        store = opened(disk)
        before = store.store._seq
        store.wait(put_together(store.store, prepared(store, puts), NOW))
        journalled = [table for table, _ in puts if not table.document]
        assert store.store._seq - before == 2 * len(journalled), "and their history"
        store.close()


def test_what_cannot_be_stored_changes_nothing() -> None:
    """A value of a wrong type is found before the first part is made."""
    store = opened(Disk())
    wrong = Conference(id=3, name=cast(Any, 7))
    puts = prepared(store, [*PUTS, (tables.CONFERENCE, wrong)])
    with pytest.raises(ValueError, match="cannot be stored"):
        put_together(store.store, puts, NOW)
    assert content(store) == set()
    store.close()
