"""A store with an integration that offers personal rooms, and who signs in there."""

from itertools import count
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.task import Clock

from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.end_user import EndUser, access_token_user
from pexschedd.model.table import R, Table
from pexschedd.personal.owned_rooms import OwnedRooms
from pexschedd.personal.room_texts import PersonalRoomTexts
from pexschedd.personal.rooms import PersonalRooms
from pexschedd.personal.users import PersonalUsers
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from tests.scheduling.upkeep import upkeep_support
from tests.templates.templates_support import still_templates

ENTRA = "https://login.microsoftonline.com"
TENANT = "11111111-2222-4333-8444-555555555555"
CONNECTOR = replace(
    upkeep_support.CONNECTOR,
    enable_personal_vmrs=True,
    auth_provider="AZURE",
    personal_vmr_oauth_auth_endpoint=f"{ENTRA}/{TENANT}/oauth2/v2.0/authorize",
    addin_server_domain="vc.example.com",
)
EXCHANGE = "https://mail.example.com/autodiscover/metadata/json/1"
ALICE = f"alice-at-exchange@{EXCHANGE}"
BOB = f"bob-at-exchange@{EXCHANGE}"
ALICE_OID = f"{TENANT}:aaaaaaaa-0000-4000-8000-000000000001"
ALICE_365 = access_token_user(ALICE_OID, f"{ENTRA}/{TENANT}/v2.0/openid-configuration")
"""As an access token names her."""
BOB_OID = f"{TENANT}:bbbbbbbb-0000-4000-8000-000000000002"
USER = EndUser(
    id=1,
    primary_email_address="alice@example.com",
    display_name="Alice Archer",
    exchange_user_id=ALICE,
)


class Personal:
    """The users and rooms over a state folder."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(
            folder, tables.TABLES, reactor=cast(Any, reactor), failed=_unexpected
        )
        uuids = (f"00000000-0000-4000-8000-{n:012}" for n in count(1))
        self.users = PersonalUsers(self.store, lambda: next(uuids))
        self.clock = Clock()
        self.owned = OwnedRooms(self.store)
        texts = PersonalRoomTexts(MessageTexts(still_templates()))
        self.rooms = PersonalRooms(self.owned, texts, self.clock.seconds)

    async def put(self, table: Table[R], *records: R) -> None:
        """Store records."""
        transaction = self.store.transaction()
        for record in records:
            transaction.put(table, record)
        await transaction.commit()

    async def room(
        self, name: str, *aliases: str, owner: str = "alice@example.com", **fields: Any
    ) -> int:
        """Store a room as an administrator does, and return its id."""
        transaction = self.store.transaction()
        room = Conference(
            id=transaction.new_id(tables.CONFERENCE),
            name=name,
            primary_owner_email_address=owner,
            **fields,
        )
        transaction.put(tables.CONFERENCE, room)
        for alias in aliases:
            record = ConferenceAlias(
                id=transaction.new_id(tables.CONFERENCE_ALIAS),
                alias=alias,
                conference=room.id,
            )
            transaction.put(tables.CONFERENCE_ALIAS, record)
        await transaction.commit()
        return room.id

    def every(self, table: Table[R]) -> list[R]:
        """All records of a table."""
        return list(self.store.all(table))

    def names(self, user: EndUser = USER) -> list[str]:
        """The names of the rooms in a user's list."""
        return [entry.name for entry in self.rooms.list_of(CONNECTOR, user)]


def _unexpected(error: StoreError) -> None:
    raise AssertionError(error)
