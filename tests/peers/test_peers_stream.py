"""Streaming notifications through a server that wants a handshake first."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxError
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Sandbox
from pexschedd.sandbox.mailboxes.accounts import default_accounts
from tests.ews.ews_exchange import ALICE, EQUIPMENT
from tests.peers.apache import Apache

reactor: Any = _reactor
SOON = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest_twisted.ensureDeferred
async def test_told_at_once(web_server: Apache) -> None:
    """The stream's own connection is signed in, and then tells of what arrives."""
    sandbox = Sandbox(now=lambda: SOON, clock=reactor, accounts=default_accounts())
    port = reactor.listenTCP(web_server.backend, sandbox.site(), interface="127.0.0.1")
    notifications = ews_notifications(
        EwsAccount(
            url=web_server.url("ntlm"),
            username="EXAMPLE\\svc",
            authenticator=NtlmAuthenticator("EXAMPLE\\svc", "right", "localhost"),
            method="NTLM",
            network=Network(reactor, Trust()),
        ),
        EQUIPMENT,
    )
    alive: Deferred[None] = Deferred()
    told: Deferred[None] = Deferred()
    listening = Deferred.fromCoroutine(
        notifications.listen(lambda: _once(told), lambda: _once(alive))
    )
    await alive
    sandbox.exchange.schedule(
        sandbox.exchange.mailbox(ALICE),
        subject="Plans",
        start=SOON,
        end=SOON + timedelta(hours=1),
        resources=[EQUIPMENT],
        body="<p>now</p>",
    )
    await told
    await notifications.close()
    with suppress(MailboxError):
        await listening
    await port.stopListening()


def _once(deferred: Deferred[None]) -> None:
    if not deferred.called:
        deferred.callback(None)
