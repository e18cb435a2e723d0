"""Over HTTP, a token that has come by mail opens no personal rooms; the user's next
token, and the session of a sign-in, do."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_twisted
from msgspec.structs import replace

from pexschedd.identity import exchange_token
from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.personal_rooms import PersonalRoomRoutes
from tests.identity.identity_support import (
    AUDIENCE,
    HOST,
    NOW,
    metadata,
    payload,
    signer,
    token,
)
from tests.personal.personal_support import CONNECTOR, USER, Personal
from tests.web_addin.addin_support import Answer, Routes

LIST = "/1/personal_rooms"
SENT = token()
NEXT = token(payload(nbf=int((NOW - timedelta(hours=1)).timestamp()) + 1))
KEYS = exchange_token.read_keys(metadata(signer()))


async def verify(connector: Connector, text: str) -> VerifiedUser:
    """Verify as for Exchange on-premises, with its keys at hand."""
    return exchange_token.verify(
        text, audience=AUDIENCE, domains=[HOST], keys=KEYS, now=NOW
    )


class Served:
    """The routes over a store where Alice has signed in before, and has a room."""

    def __init__(self, folder: Path) -> None:
        self.personal = Personal(folder)
        self.mailed = MailedTokens(self.personal.store, lambda: NOW)
        self.routes = Routes(
            PersonalRoomRoutes(
                lambda id: CONNECTOR if id == 1 else None,
                verify,
                self.mailed.has,
                lambda integration, secret: USER.id if secret == "hers" else None,
                self.personal.users,
                self.personal.rooms,
            ).app.resource()
        )

    async def fill(self) -> int:
        """Store Alice and her room; returns the room's id."""
        alice = await verify(CONNECTOR, SENT)
        user = replace(USER, exchange_user_id=alice.user_id)
        await self.personal.put(tables.END_USER, user)
        return await self.personal.room("Hers", "alice@vc.example.com")

    async def arrive(self, text: str) -> None:
        """A message with this token has been read."""
        transaction = self.personal.store.transaction()
        self.mailed.remember(transaction, [text])
        await transaction.commit()

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.routes.get(path, **headers)


@pytest_twisted.async_yield_fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    made = Served(tmp_path)
    await made.routes.listen()
    yield made
    await made.routes.close()
    await made.personal.store.close()


@pytest_twisted.ensureDeferred
async def test_rooms(served: Served) -> None:
    """From when its message has been read, the token is answered as that of somebody
    who has not signed in, however it is written; the user's next token is not."""
    room = await served.fill()
    respelled = SENT[:-1] + chr(ord(SENT[-1]) + 1)
    for text in (SENT, respelled):
        assert (await served.get(LIST, token=text)).status == 200
    await served.arrive(SENT)
    for path in (LIST, f"{LIST}/{room}"):
        for text in (SENT, respelled):
            answer = await served.get(path, token=text)
            assert (answer.status, answer.json["code"]) == (401, "sign_in_needed")
        assert (await served.get(path, token=NEXT)).status == 200
        answer = await served.get(path, token=SENT, session="hers")
        assert answer.status == 200
