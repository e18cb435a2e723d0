"""The calendars of rooms over Exchange Web Services.

Implements `RoomMailboxes` of `onetouch.ports.room_mailboxes`: the service account
impersonates the room in every call. FindItem lists one room's calendar at a time, and
GetItem reads what has changed.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import msgspec
from twisted.logger import Logger

from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.ews.client import EwsClient, Poster
from pexschedd.ews.envelope import ItemProblem, Sid
from pexschedd.ews.error_messages import EwsTarget
from pexschedd.ews.item_fetcher import ItemFetcher
from pexschedd.ews.rooms.calendar_items import (
    build_get_items,
    build_get_without_body,
    build_listing,
    parse_items,
    parse_listing,
)
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.factory import is_mail_address, open_transport, target_of
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import one_page
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import Throttles
from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.ports.room_mailboxes import (
    CalendarListing,
    ListedMeeting,
    RoomItem,
    named_in_refusals,
)
from pexschedd.scheduling.ports.mailbox import Unreadable
from pexschedd.util.worker_processes import HeavyWork, work_at_once

LISTED_AT_ONCE = 500
MOST_PAGES = 4
"""Requests for one list: the longest ones are not read to their end."""
FETCHED_AT_ONCE = 25


class EwsRooms:
    """See `onetouch.ports.room_mailboxes.RoomMailboxes`."""

    _log = Logger()

    def __init__(
        self,
        transport: Poster,
        target: EwsTarget,
        *,
        throttles: Throttles | None = None,
        observer: Observer | None = None,
        heavy_work: HeavyWork = work_at_once,
        listed_at_once: int = LISTED_AT_ONCE,
    ) -> None:
        """`target` names the server and the account; its mailbox does not matter."""
        self._transport = transport
        self._target = target
        self._throttles = throttles
        self._observer = observer
        self._heavy_work = heavy_work
        self._listed = BatchSize(listed_at_once)
        self._fetched = BatchSize(FETCHED_AT_ONCE)

    async def listing(
        self, room: str, since: datetime, until: datetime
    ) -> CalendarListing:
        """A view has no pages: what it leaves out is asked for from the start of the
        last meeting that it has."""
        found: dict[str, ListedMeeting] = {}
        with self._room(room) as client:
            for _ in range(MOST_PAGES):
                read = partial(_list, client, room, since, until)
                meetings, is_last = await one_page(self._listed, read)
                new = [m for m in meetings if m.ref.item_id not in found]
                found |= {m.ref.item_id: m for m in meetings}
                if is_last or not new:
                    return CalendarListing(_in_order(found.values()), is_last)
                since = max(m.start for m in meetings)
        return CalendarListing(_in_order(found.values()), is_complete=False)

    async def fetch(self, room: str, refs: Sequence[MessageRef]) -> list[RoomItem]:
        """An item whose body cannot be read comes without it, and without its change
        key: it is to be read again."""
        found: list[RoomItem] = []
        with self._room(room) as client:
            target = msgspec.structs.replace(self._target, mailbox=room)
            fetcher = ItemFetcher(
                client,
                target,
                build_get_items,
                parse_items,
                portion=self._fetched,
                sid=Sid.ANY,
            )
            waiting = list(refs)
            while waiting:
                size = self._fetched.size
                batch, waiting = waiting[:size], waiting[size:]
                for each in await fetcher.fetch(batch):
                    if isinstance(each, RoomItem):
                        found.append(each)
                    else:
                        found += await self._without_body(client, room, each)
        return found

    async def _without_body(
        self, client: EwsClient, room: str, unreadable: Unreadable
    ) -> list[RoomItem]:
        self._log.warn(
            "room has a meeting in its calendar that cannot be read as a whole "
            "room={room} integration={integration}: {reason}",
            room=room,
            integration=self._target.integration,
            reason=unreadable.reason,
        )
        try:
            (item,) = await client.read(
                build_get_without_body(room, [unreadable.ref]),
                partial(parse_items, expected=1),
            )
        except MailboxError:
            return []
        if isinstance(item, ItemProblem):
            return []
        return [msgspec.structs.replace(item, ref=MessageRef(item.ref.item_id))]

    @contextmanager
    def _room(self, room: str) -> Iterator[EwsClient]:
        """A client that acts as the room, which is named in every refusal."""
        if not is_mail_address(room):
            raise MailboxRefused(f'The room\'s address "{room}" is no email address.')
        target = msgspec.structs.replace(self._target, mailbox=room)
        throttle = self._throttles.of(target.url, room) if self._throttles else None
        with named_in_refusals(room):
            yield EwsClient(
                self._transport, target, throttle, self._observer, self._heavy_work
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


def ews_rooms(
    account: EwsAccount,
    *,
    throttles: Throttles | None = None,
    observer: Observer | None = None,
) -> EwsRooms:
    """The rooms that an account may act for. Opens nothing yet; raises
    `MailboxRefused` when one of the settings cannot be used."""
    return EwsRooms(
        open_transport(account),
        target_of(account, ""),
        throttles=throttles,
        observer=observer,
        heavy_work=account.heavy_work,
    )


async def _list(
    client: EwsClient, room: str, since: datetime, until: datetime, most: int
) -> tuple[list[ListedMeeting], bool]:
    return await client.read(build_listing(room, since, until, most), parse_listing)


def _in_order(meetings: Iterable[ListedMeeting]) -> tuple[ListedMeeting, ...]:
    return tuple(sorted(meetings, key=lambda m: (m.start, m.end, m.ref.item_id)))
