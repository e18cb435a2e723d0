"""Subscribe, GetEvents and Unsubscribe: changes of the calendar that a client pulls.
Pure.

A subscription remembers what its client has been told, now and one watermark before: an
answer that was lost is asked for again with the earlier one. Streams and calls to the
client are refused, upon which clients pull. A restart ends all subscriptions, as it
does at Exchange; clients subscribe again.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from pexschedd.onetouch.emulation.changes import known_meetings
from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.folders import (
    CALENDAR,
    FOLDERS,
    MOST_FOLDERS,
    folder_of,
    write_folder_id,
)
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    add_m,
    add_t,
    children,
    listed,
    local_name,
    needed,
    response_messages,
    schema_error,
    stamp,
    text_of,
    whole_number,
    yes_or_no,
)

MOST_PER_ROOM = 10
"""Subscriptions of one account; the one that was used longest ago ends first."""
MOST_ALTOGETHER = 20_000
MOST_EVENTS = 200
"""Events of one answer."""
_EVENT_TYPES = frozenset(
    {
        *("CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent"),
        *("MovedEvent", "NewMailEvent", "FreeBusyChangedEvent"),
    }
)


class _PullSubscription(msgspec.Struct):
    """A subscription, and what its client has been told."""

    account: int
    room: str
    events: frozenset[str]
    lasts: timedelta
    ends: datetime
    is_calendar: bool
    number: int
    """The number of the last watermark."""
    told: Mapping[str, str]
    """The change keys by ids, at the last watermark."""
    before: Mapping[str, str]
    """The same, at the watermark before that."""


class EventSubscriptions:
    """The subscriptions of all clients. `account` is the id of a client's account."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, _PullSubscription] = OrderedDict()
        self._made = 0

    def __len__(self) -> int:
        return len(self._all)

    def subscribe(self, call: SoapCall, room: EmulatedRoom, account: int) -> Element:
        """Answer Subscribe."""
        wanted = next(children(call.element), None)
        if wanted is None:
            raise schema_error("The element 'Subscribe' has incomplete content.")
        if local_name(wanted) != "PullSubscriptionRequest":
            raise ExchangeRefusal(
                "ErrorInvalidSubscriptionRequest",
                "Only pull subscriptions are supported here.",
            )
        events = frozenset(
            (each.text or "").strip() for each in listed(wanted, "EventTypes", 20)
        )
        if not events <= _EVENT_TYPES:
            raise schema_error("The 'EventType' element is invalid.")
        minutes = whole_number(text_of(wanted, "Timeout"), 1, 1440, "Timeout")
        everywhere = wanted.get("SubscribeToAllFolders") in ("true", "1")

        def answer(good: Element) -> None:
            folders = list(FOLDERS.values())
            if not everywhere:
                references = listed(wanted, "FolderIds", MOST_FOLDERS)
                folders = [folder_of(room, each) for each in references]
            lasts = timedelta(minutes=minutes)
            subscription = _PullSubscription(
                account=account,
                room=room.email,
                events=events,
                lasts=lasts,
                ends=room.now + lasts,
                is_calendar=CALENDAR in folders,
                number=0,
                told=known_meetings(room),
                before={},
            )
            id = self._keep(subscription, room.now)
            add_m(good, "SubscriptionId", id)
            add_m(good, "Watermark", _watermark(id, 0))

        return response_messages("Subscribe", [answer])

    def get_events(self, call: SoapCall, room: EmulatedRoom, account: int) -> Element:
        """Answer GetEvents: the changes since a watermark, or a StatusEvent."""
        id = (needed(call.element, "SubscriptionId").text or "").strip()
        watermark = (needed(call.element, "Watermark").text or "").strip()

        def answer(good: Element) -> None:
            subscription = self._find(id, room, account)
            known = _known_at(subscription, id, watermark)
            subscription.ends = room.now + subscription.lasts
            now = known_meetings(room) if subscription.is_calendar else {}
            changes = list(_changes(known, now))
            told = dict(known)
            shown = changes[:MOST_EVENTS]
            for _, item, key in shown:
                if key:
                    told[item] = key
                else:
                    told.pop(item, None)
            latest = watermark
            if shown:
                subscription.number = _number_of(id, watermark, subscription) + 1
                subscription.before, subscription.told = known, told
                latest = _watermark(id, subscription.number)
            notification = add_m(good, "Notification")
            add_t(notification, "SubscriptionId", id)
            add_t(notification, "PreviousWatermark", watermark)
            more = yes_or_no(len(changes) > len(shown))
            add_t(notification, "MoreEvents", more)
            told_of = [each for each in shown if each[0] in subscription.events]
            for kind, item, key in told_of:
                event = add_t(notification, kind)
                add_t(event, "Watermark", latest)
                add_t(event, "TimeStamp", stamp(room.now))
                add_t(event, "ItemId", Id=item, ChangeKey=key or known[item])
                write_folder_id(event, "ParentFolderId", room, CALENDAR.name)
            if not told_of:
                add_t(add_t(notification, "StatusEvent"), "Watermark", latest)

        return response_messages("GetEvents", [answer])

    def unsubscribe(self, call: SoapCall, room: EmulatedRoom, account: int) -> Element:
        """Answer Unsubscribe."""
        id = (needed(call.element, "SubscriptionId").text or "").strip()

        def answer(_good: Element) -> None:
            self._find(id, room, account)
            del self._all[id]

        return response_messages("Unsubscribe", [answer])

    def _keep(self, subscription: _PullSubscription, now: datetime) -> str:
        own = [
            id for id, each in self._all.items() if each.account == subscription.account
        ]
        for id in [i for i in own if self._all[i].ends <= now] + own[
            : -MOST_PER_ROOM + 1
        ]:
            self._all.pop(id, None)
        if len(self._all) >= MOST_ALTOGETHER:
            self._all.popitem(last=False)
        self._made += 1
        text = f"{subscription.account}\0{subscription.room}\0{now}\0{self._made}"
        id = sha256(text.encode()).hexdigest()[:32]
        self._all[id] = subscription
        return id

    def _find(self, id: str, room: EmulatedRoom, account: int) -> _PullSubscription:
        found = self._all.get(id)
        if found is not None and found.ends <= room.now:
            del self._all[id]
            found = None
        if found is None or (found.account, found.room) != (account, room.email):
            raise ExchangeRefusal("ErrorSubscriptionNotFound")
        self._all.move_to_end(id)
        return found


def _known_at(
    subscription: _PullSubscription, id: str, watermark: str
) -> Mapping[str, str]:
    number = _number_of(id, watermark, subscription)
    return subscription.told if number == subscription.number else subscription.before


def _number_of(id: str, watermark: str, subscription: _PullSubscription) -> int:
    """The number of a watermark: the last one, or the one before."""
    for number in (subscription.number, subscription.number - 1):
        if number >= 0 and watermark == _watermark(id, number):
            return number
    raise ExchangeRefusal("ErrorInvalidWatermark")


def _watermark(id: str, number: int) -> str:
    return sha256(f"{id}\0{number}".encode()).hexdigest()[:24]


def _changes(
    known: Mapping[str, str], now: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Kind of event, id and new change key, which is empty for what is gone."""
    for id in known:
        if id not in now:
            yield "DeletedEvent", id, ""
    for id, key in now.items():
        if id not in known:
            yield "CreatedEvent", id, key
        elif known[id] != key:
            yield "ModifiedEvent", id, key
