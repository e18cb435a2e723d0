"""The add-in's routes as the daemon puts them together, for a token from a message."""

from datetime import datetime
from pathlib import Path

import pytest_twisted
from twisted.internet import reactor

from pexschedd.composition.addin_routes import AddinRoutes
from pexschedd.composition.clients import Clients
from pexschedd.composition.runtime import Runtime
from pexschedd.config import Config
from pexschedd.identity import exchange_token
from pexschedd.identity.addin import AddinIdentity
from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.identity.verified_user import VerifiedToken, VerifiedUser
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from tests.identity.identity_support import NOW, token
from tests.personal.personal_support import CONNECTOR, USER
from tests.web_addin.addin_support import Routes
from tests.web_admin.web_admin_support import open_store

SENT = token()


class Believed:
    """Believes every Exchange identity token."""

    works_offline = True

    def settings(self, connector: Connector) -> object:
        return None

    async def verify(
        self, connector: Connector, token: str, now: datetime
    ) -> VerifiedToken:
        claims = exchange_token.read_token(token)
        user = VerifiedUser(USER.exchange_user_id)
        return VerifiedToken(user, exchange_token.expiry_of(claims), lambda: True)


@pytest_twisted.ensureDeferred
async def test_personal_rooms(tmp_path: Path) -> None:
    """They are closed to a token that the store knows from a message, also one that
    was accepted a moment ago."""
    store = open_store(tmp_path / "state")
    config = Config(
        state_dir=tmp_path / "state", addin_endpoints=(), admin_endpoints=()
    )
    runtime = Runtime(config, store, reactor=reactor, now=lambda: NOW)
    clients = Clients(runtime, lambda: None)
    clients.identity = AddinIdentity(
        {"EXCHANGE_USER_ID_TOKEN": Believed()}, lambda: NOW
    )
    transaction = store.transaction()
    transaction.put(tables.CONNECTOR, CONNECTOR)
    await transaction.commit()
    transaction = store.transaction()
    transaction.put(tables.END_USER, USER)
    await transaction.commit()
    routes = Routes(AddinRoutes(runtime, clients).resource())
    await routes.listen()
    assert (await routes.get("/1/personal_rooms", token=SENT)).status == 200
    transaction = store.transaction()
    MailedTokens(store, lambda: NOW).remember(transaction, [SENT])
    await transaction.commit()
    answer = await routes.get("/1/personal_rooms", token=SENT)
    assert (answer.status, answer.json["code"]) == (401, "sign_in_needed")
    await routes.close()
    await runtime.stop_threads()
    await store.close()
