"""What holds after every step of every story: records and policy agree."""

from datetime import datetime, timedelta

from pexschedd.model import tables
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.store.store import Store

SECOND = timedelta(seconds=1)


def check(store: Store) -> None:
    """Every meeting's room is open just in its windows, by each of its aliases; an
    alias whose room is gone leads nowhere."""
    for conference in store.all(tables.CONFERENCE):
        meetings = store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference.id)
        series = store.find_all(tables.RECURRING_BY_CONFERENCE, conference.id)
        aliases = store.find_all(tables.ALIAS_BY_CONFERENCE, conference.id)
        if not meetings and not series:
            continue  # an administrator's own
        assert aliases, f"{conference.name}: no alias"
        windows = [(m.start_time, m.end_time) for m in meetings]
        for alias in aliases:
            for opens, closes in windows:
                if opens < closes:
                    assert _is_open(store, alias.alias, opens)
                    assert _is_open(store, alias.alias, closes - SECOND)
                for moment in (opens - SECOND, closes):
                    if not series and not _within(windows, moment):
                        assert not _is_open(store, alias.alias, moment)
    for booked in store.all(tables.SCHEDULED_ALIAS):
        if booked.conference_deletion_time is not None:
            assert not _is_open(store, booked.alias, booked.conference_deletion_time)


def _is_open(store: Store, alias: str, moment: datetime) -> bool:
    return isinstance(Admission(store, lambda: moment).ask(alias), Open)


def _within(windows: list[tuple[datetime, datetime]], moment: datetime) -> bool:
    return any(opens <= moment < closes for opens, closes in windows)
