"""Handing out an alias to the add-in, with the joining instructions."""

from collections.abc import Callable

import msgspec

from pexschedd.bodies import tags
from pexschedd.clock import Now
from pexschedd.errors import NotFound, TemplateError, Unavailable
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.scheduling.decisions import aliases
from pexschedd.scheduling.records.lookup import MeetingLookup
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
        self,
        store: Store,
        wording: MessageTexts,
        *,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
    ) -> None:
        self._store = store
        self._wording = wording
        self._now = now
        self._uuid4 = uuid4
        self._digits = digits

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
        pair = aliases.pick(
            connector.scheduled_alias_prefix,
            connector.scheduled_alias_suffix_length,
            connector.scheduled_alias_domain,
            digits=self._digits,
            taken=MeetingLookup(self._store).alias_taken,
        )
        uuid = self._uuid4()
        # Worded first: a template that fails must not use up an alias.
        try:
            instructions = self._wording.instructions(connector, pair, uuid)
        except TemplateError as error:
            raise Unavailable(
                "An administrator has to mend the integration's "
                f"meeting_instructions_template: {error.message}"
            ) from error
        change = self._store.transaction()
        change.put(
            tables.SCHEDULED_ALIAS,
            ScheduledAlias(
                id=change.new_id(tables.SCHEDULED_ALIAS),
                uuid=uuid,
                alias=pair.full,
                numeric_alias=pair.numeric,
                alias_number=pair.number,
                exchange_connector=connector.id,
                creation_time=self._now(),
            ),
        )
        await change.commit()
        return BookedRoom(
            room_name=connector.room_mailbox_name,
            room_email=connector.room_mailbox_email_address,
            alias_id=tags.make_pxps(uuid),
            instructions=instructions,
        )
