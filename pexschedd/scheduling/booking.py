"""Handing out an alias to the add-in, with the joining instructions."""

import msgspec

from pexschedd.bodies import tags
from pexschedd.errors import NotFound, TemplateError, Unavailable
from pexschedd.model import tables
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store


class BookedRoom(msgspec.Struct, frozen=True):
    """What the add-in puts into the meeting."""

    room_name: str
    room_email: str
    alias_id: str
    """The security tag, `PXPS:-<uuid>#`."""
    instructions: str
    """HTML for the top of the body; holds the tag."""


class Booking:
    def __init__(
        self, store: Store, wording: MessageTexts, allocator: AliasAllocator
    ) -> None:
        self._store = store
        self._wording = wording
        self._allocator = allocator

    async def book(self, connector_id: int, user: str) -> BookedRoom:
        """Reserves a pair of aliases, durably, and words the joining instructions.

        `user` identifies who asked; it is not stored. Raises `NotFound` for an
        unknown integration, `Unavailable` when it hands out no aliases.
        """
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        if not connector.enable_dynamic_vmrs:
            raise Unavailable(
                "Single-use meeting rooms are switched off for this integration."
            )
        alias = self._allocator.allocate(connector)
        # Worded first: a template that fails must not use up an alias.
        try:
            instructions = self._wording.instructions(connector, alias)
        except TemplateError as error:
            raise Unavailable(
                "An administrator has to mend the integration's "
                f"meeting_instructions_template: {error.message}"
            ) from error
        change = self._store.transaction()
        change.put(tables.SCHEDULED_ALIAS, alias)
        await change.commit()
        return BookedRoom(
            room_name=connector.room_mailbox_name,
            room_email=connector.room_mailbox_email_address,
            alias_id=tags.make_pxps(alias.uuid),
            instructions=instructions,
        )
