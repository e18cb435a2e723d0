"""Series and their occurrences: occurrences as items, and the changes to them.

A calendar item with a recurrence is a series, or master. Its occurrences lie in no
folder: an item is made for one on request, with an id that names the series and the
occurrence. The changed ones (exceptions) are kept in the series.
"""

from datetime import date, datetime, timedelta

from msgspec.structs import replace

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids, occurrence_dates
from pexschedd.sandbox.items.occurrence_dates import OccurrenceSpan
from pexschedd.sandbox.items.records import (
    CalendarType,
    ChangedOccurrence,
    Item,
    ItemKind,
    Meeting,
)

_DAY = timedelta(days=1)
_NEIGHBOURHOOD = timedelta(days=400)
"""The distance within which the neighbours of an occurrence are looked for."""


def meeting_of(item: Item) -> Meeting:
    """Return the meeting of an item. Raises `EwsError` if it has none."""
    if item.meeting is None:
        raise EwsError("ErrorInvalidOperation")
    return item.meeting


def is_series(item: Item | None) -> bool:
    """Return whether an item is a series."""
    return (
        item is not None
        and item.kind is ItemKind.CALENDAR
        and item.meeting is not None
        and item.meeting.recurrence is not None
    )


# Reading


def occurrence(master: Item, original: datetime) -> Item | None:
    """Return the item of one occurrence; None if the series has none then, or if it is
    deleted."""
    if master.meeting is None or original in master.meeting.deleted:
        return None
    for exception in master.exceptions:
        if _original(exception) == original:
            return _embed(master, exception, original)
    span = occurrence_dates.at(master.meeting, original)
    return None if span is None else _plain(master, span)


def has(master: Item, original: datetime) -> bool:
    """Return whether the pattern has such an occurrence, deleted or not."""
    return occurrence_dates.at(meeting_of(master), original) is not None


def occurrences(master: Item, low: datetime, high: datetime) -> list[Item]:
    """Return the items of the occurrences that overlap a span of time, by start."""
    meeting = meeting_of(master)
    gone = {*meeting.deleted, *(_original(each) for each in master.exceptions)}
    found = [
        _plain(master, span)
        for span in occurrence_dates.between(meeting, low, high)
        if span.start not in gone
    ]
    for exception in master.exceptions:
        changed = meeting_of(exception)
        if occurrence_dates.overlap(changed.start, changed.end, low, high):
            found.append(_embed(master, exception, _original(exception)))
    return sorted(found, key=lambda each: meeting_of(each).start)


def nth(master: Item, index: int) -> Item:
    """Return the item of an occurrence by its number in the pattern, from 1; deleted
    ones count.

    Raises `EwsError`.
    """
    if index >= 1:
        for number, span in enumerate(
            occurrence_dates.spans(meeting_of(master)), start=1
        ):
            if number == index:
                found = occurrence(master, span.start)
                if found is None:
                    raise EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence")
                return found
    raise EwsError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")


def first(meeting: Meeting) -> ChangedOccurrence | None:
    """Return the first occurrence that takes place."""
    changed = {each.original_start: each for each in meeting.exceptions}
    for span in occurrence_dates.spans(meeting):
        if span.start not in meeting.deleted:
            return changed.get(span.start) or _unchanged(span)
    return None


def last(meeting: Meeting) -> ChangedOccurrence | None:
    """Return the last occurrence that takes place; None if the series has no end."""
    span = occurrence_dates.last(meeting)
    if span is None or meeting.recurrence is None:
        return None
    changed = {each.original_start: each for each in meeting.exceptions}
    if span.start in meeting.deleted:
        left = [
            s for s in occurrence_dates.spans(meeting) if s.start not in meeting.deleted
        ]
        if not left:
            return None
        span = left[-1]
    return changed.get(span.start) or _unchanged(span)


# Changing


def put(master: Item, item: Item) -> None:
    """Keep an occurrence's item as an exception of the series."""
    original = _original(item)
    _embed(master, item, original)
    item.meeting = replace(meeting_of(item), type=CalendarType.EXCEPTION)
    others = (each for each in master.exceptions if _original(each) != original)
    master.exceptions = tuple(sorted((*others, item), key=_original))
    own = meeting_of(master)
    deleted = tuple(each for each in own.deleted if each != original)
    master.meeting = replace(own, deleted=deleted, exceptions=_summary(master))


def drop(master: Item, original: datetime) -> None:
    """Delete an occurrence from the series."""
    own = meeting_of(master)
    master.exceptions = tuple(
        each for each in master.exceptions if _original(each) != original
    )
    master.meeting = replace(
        own,
        deleted=tuple(sorted({*own.deleted, original})),
        exceptions=_summary(master),
    )


def check_place(master: Item, item: Item) -> None:
    """Raise `EwsError` unless an occurrence stays between its neighbours, on a day of
    its own."""
    series, meeting = meeting_of(master), meeting_of(item)
    original = _original(item)
    others = _days(
        master, original - _NEIGHBOURHOOD, original + _NEIGHBOURHOOD, original
    )
    day = occurrence_dates.local_date(series, meeting.start)
    for neighbour, before in others:
        if (neighbour >= day) if before else (neighbour <= day):
            raise EwsError("ErrorOccurrenceCrossingBoundary")


def settle(item: Item, before: Meeting | None) -> tuple[Item, ...]:
    """Complete a calendar item after its properties have been set; `before` is the
    meeting as it was.

    A series begins with its first occurrence. Another pattern, time or zone undoes all
    changes of single occurrences; another end undoes those after it. Returns the
    exceptions that are dropped. Raises `EwsError`.
    """
    meeting = meeting_of(item)
    recurrence = meeting.recurrence
    if recurrence is None:
        if meeting.type is not CalendarType.MASTER:
            return ()
        dropped, item.exceptions = item.exceptions, ()
        item.meeting = replace(
            meeting, type=CalendarType.SINGLE, exceptions=(), deleted=()
        )
        return dropped
    if meeting.recurrence_id is not None:
        raise EwsError("ErrorInvalidPropertySet", "An occurrence does not repeat.")
    if before is not None and recurrence == before.recurrence:
        # Nothing but the time was set: the range begins where the meeting does.
        day = occurrence_dates.local_date(meeting, meeting.start)
        if day != occurrence_dates.local_date(before, before.start):
            recurrence = replace(recurrence, start=day)
    begun = occurrence_dates.begun(replace(meeting, recurrence=recurrence))
    if begun is None:
        raise EwsError("ErrorRecurrenceHasNoOccurrence")
    meeting = replace(begun, type=CalendarType.MASTER)
    kept: tuple[Item, ...] = ()
    deleted: tuple[datetime, ...] = ()
    dropped = item.exceptions
    if before is not None and _grid(before) == _grid(meeting):
        kept = tuple(
            e for e in item.exceptions if occurrence_dates.at(meeting, _original(e))
        )
        dropped = tuple(each for each in item.exceptions if each not in kept)
        deleted = tuple(e for e in meeting.deleted if occurrence_dates.at(meeting, e))
    item.exceptions = kept
    item.meeting = replace(meeting, deleted=deleted, exceptions=_summary(item))
    return dropped


def significant(old: Meeting, new: Meeting) -> bool:
    """Return whether a change makes earlier answers void."""
    if (old.start, old.end, old.recurrence) != (new.start, new.end, new.recurrence):
        return True
    return new.recurrence is not None and _grid(old) != _grid(new)


def outdated(entry: Item | None, meeting: Meeting) -> bool:
    """Return whether a calendar item is newer than the meeting of a message."""
    known = entry.meeting if entry is not None else None
    if known is None:
        return False
    if known.type is CalendarType.OCCURRENCE:
        # Nothing has been said about it but what was said about the series.
        return known.sequence > meeting.sequence
    return known.newer_than(meeting)


def take_over(entry: Item, known: Meeting | None) -> None:
    """Bring the exceptions of an attendee's series up to date with the meeting of a
    request.

    Known changes of occurrences stay unless the pattern is another.
    """
    meeting = meeting_of(entry)
    listed = {each.original_start: each for each in meeting.exceptions}
    stays = known is not None and not significant(known, meeting)
    kept = {
        _original(each): each
        for each in entry.exceptions
        if stays or _original(each) in listed
    }
    deleted = {*meeting.deleted, *(known.deleted if stays and known else ())}
    entry.exceptions = ()
    entry.meeting = replace(meeting, deleted=tuple(sorted(deleted)), exceptions=())
    for original, changed in listed.items():
        if original not in kept and (item := occurrence(entry, original)) is not None:
            item.meeting = replace(
                meeting_of(item), start=changed.start, end=changed.end
            )
            kept[original] = item
    for original in sorted(set(kept) - deleted):
        put(entry, kept[original])


# Helpers


def _original(item: Item) -> datetime:
    original = meeting_of(item).recurrence_id
    if original is None:
        raise EwsError("ErrorInvalidOperation")
    return original


def _grid(meeting: Meeting) -> tuple[object, ...]:
    """Return everything that the occurrences' times depend on."""
    recurrence = meeting.recurrence
    return (
        meeting.start,
        meeting.end,
        meeting.zone,
        meeting.zone_rules,
        None if recurrence is None else recurrence.without_end(),
    )


def _embed(master: Item, item: Item, original: datetime) -> Item:
    item.id = ids.occurrence_id(master.id, original)
    item.mailbox, item.folder = master.mailbox, master.folder
    item.change, item.read_change = master.change, master.read_change
    item.entered, item.birth = master.entered, master.birth
    # What is sent about it from now on is newer than what was sent about the series.
    item.last_sequence = meeting_of(master).sequence
    return item


def _plain(master: Item, span: OccurrenceSpan) -> Item:
    return _embed(
        master,
        replace(
            master,
            exceptions=(),
            extended=dict(master.extended),
            meeting=_of_series(meeting_of(master), span),
            told=None if master.told is None else _of_series(master.told, span),
        ),
        span.start,
    )


def _of_series(meeting: Meeting, span: OccurrenceSpan) -> Meeting:
    return replace(
        meeting,
        start=span.start,
        end=span.end,
        type=CalendarType.OCCURRENCE,
        recurrence_id=span.start,
        recurrence=None,
        exceptions=(),
        deleted=(),
    )


def _unchanged(span: OccurrenceSpan) -> ChangedOccurrence:
    return ChangedOccurrence(span.start, span.start, span.end)


def _summary(master: Item) -> tuple[ChangedOccurrence, ...]:
    return tuple(
        ChangedOccurrence(_original(each), meeting_of(each).start, meeting_of(each).end)
        for each in master.exceptions
    )


def _days(
    master: Item, low: datetime, high: datetime, original: datetime
) -> list[tuple[date, bool]]:
    """The local dates of the other occurrences; True: it comes before in the
    pattern."""
    series = meeting_of(master)
    return [
        (
            occurrence_dates.local_date(series, meeting_of(each).start),
            _original(each) < original,
        )
        for each in occurrences(master, low, high)
        if _original(each) != original
    ]
