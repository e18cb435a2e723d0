"""Booking a room: the add-in gets an alias and the joining instructions."""

from collections.abc import Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from pexschedd.bodies import tags
from pexschedd.errors import NotFound
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.decisions.alias_release import user_key
from pexschedd.scheduling.recent_bookings import RecentBookings
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store


class BookedRoom(msgspec.Struct, frozen=True):
    """The data that the add-in puts into the meeting."""

    mailbox_name: str
    """The equipment mailbox's display name."""
    mailbox_address: str
    """The equipment mailbox's address: it has to be invited."""
    tag: str
    """`PXPS:-<uuid>#`, by which the invitation will name the alias."""
    instructions: str
    """HTML for the top of the body; holds the tag."""
    location: str = ""
    """Text to add to the meeting's location; empty if the integration wants none."""
    alias_id: int = 0
    """The id of the `scheduled_alias`."""


def require_single_use(connector: Connector) -> None:
    """Raise `NotFound` if an integration has no single-use rooms.

    That is a setting and no passing trouble: asking again would not help.
    """
    if not connector.enable_dynamic_vmrs:
        raise NotFound("Single-use rooms are not enabled in this integration.")


class Booking:
    """Books rooms for users of the add-in. `seconds` is a steady clock."""

    def __init__(
        self,
        store: Store,
        texts: MessageTexts,
        allocator: AliasAllocator,
        seconds: Callable[[], float],
    ) -> None:
        self._store = store
        self._texts = texts
        self._allocator = allocator
        self._recent = RecentBookings(seconds, self._is_free)

    async def book(self, connector_id: int, user: str, key: str = "") -> BookedRoom:
        """Reserve an alias durably, and fill in the joining instructions.

        `user` identifies the user who asked; it is stored as a hash. The same `key` of
        the same user gives the same room for some minutes; an empty one, a new one each
        time. Raises `NotFound` for an integration that is unknown or has no single-use
        rooms, and `Unavailable` when it has practically no numbers left.
        """
        if not key:
            return await self._book(connector_id, user)
        return await self._recent.book(
            (connector_id, user, key), partial(self._book, connector_id, user)
        )

    def _is_free(self, room: BookedRoom) -> bool:
        alias = self._store.get(tables.SCHEDULED_ALIAS, room.alias_id)
        return (
            alias is not None
            and not alias.ews_item_uid
            and alias.conference_deletion_time is None
        )

    async def _book(self, connector_id: int, user: str) -> BookedRoom:
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        require_single_use(connector)
        alias = replace(
            self._allocator.allocate(connector),
            booked_by=user_key(connector.uuid, user),
        )
        instructions = self._texts.instructions(connector, alias)
        location = self._texts.location(connector, alias)
        transaction = self._store.transaction()
        transaction.put(tables.SCHEDULED_ALIAS, alias)
        await transaction.commit()
        return BookedRoom(
            mailbox_name=connector.room_mailbox_name,
            mailbox_address=connector.mailbox_address,
            tag=tags.make_pxps(alias.uuid),
            instructions=instructions,
            location=location,
            alias_id=alias.id,
        )
