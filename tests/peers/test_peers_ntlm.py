"""NTLM with Apache and gss-ntlmssp: somebody else's idea of the handshake."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth.lockout_guard import LockoutGuard
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_auth_support import Counting
from tests.ews.ews_exchange import Exchange
from tests.net.net_support import Authority
from tests.peers.apache import Apache
from tests.peers.peers_work import work

reactor: Any = _reactor
Start = Callable[[Apache], Exchange]


def settings(
    server: Apache,
    kind: str,
    *,
    username: str = "EXAMPLE\\svc",
    password: str = "right",
    connections: int = 2,
    authority: Authority | None = None,
) -> dict[str, Any]:
    trusted = [] if authority is None else [("test", authority.pem)]
    return {
        "url": server.url(kind),
        "username": username,
        "authenticator": LockoutGuard(
            NtlmAuthenticator(username, password, "localhost")
        ),
        "method": "NTLM",
        "network": Network(reactor, Trust(trusted)),
        "limits": ConnectionLimits(connections=connections),
    }


@pytest.mark.parametrize("username", ["EXAMPLE\\svc", "svc@example.test"])
@pytest.mark.parametrize("kind", ["ntlm", "ntlm-tls", "ntlm-closing", "negotiate"])
@pytest_twisted.ensureDeferred
async def test_work(
    web_server: Apache, behind: Start, authority: Authority, kind: str, username: str
) -> None:
    """All a mailbox needs, however the server treats its connections."""
    account = settings(web_server, kind, username=username, authority=authority)
    await work(behind(web_server), **account)


@pytest.mark.parametrize("kind", ["ntlm", "negotiate"])
@pytest.mark.parametrize(
    ("username", "password"), [("EXAMPLE\\svc", "wrong"), ("EXAMPLE\\nobody", "right")]
)
@pytest_twisted.ensureDeferred
async def test_refused(
    web_server: Apache, behind: Start, kind: str, username: str, password: str
) -> None:
    """A wrong name or password is a refusal that says so."""
    account = settings(web_server, kind, username=username, password=password)
    mailbox = behind(web_server).mailbox(**account)
    with pytest.raises(SignInRefused) as raised:
        await mailbox.check()
    assert username in raised.value.message
    assert "password" in raised.value.message


@pytest_twisted.ensureDeferred
async def test_broken(web_server: Apache, behind: Start) -> None:
    """A server that closes every connection is told from a wrong password."""
    mailbox = behind(web_server).mailbox(**settings(web_server, "ntlm-broken"))
    with pytest.raises(SignInRefused, match="in the middle of the NTLM handshake"):
        await mailbox.check()


@pytest.mark.parametrize("kind", ["ntlm", "negotiate"])
@pytest_twisted.ensureDeferred
async def test_many_connections(web_server: Apache, behind: Start, kind: str) -> None:
    """Eight connections are signed in side by side, each once."""
    exchange = behind(web_server)
    mailbox = exchange.mailbox(**settings(web_server, kind, connections=8))
    await mailbox.check()
    answers = await gatherResults(
        [Deferred.fromCoroutine(mailbox.check()) for _ in range(32)]
    )
    assert len(answers) == 32


@pytest.mark.parametrize(("kind", "first"), [("ntlm", 2), ("negotiate", 3)])
@pytest_twisted.ensureDeferred
async def test_requests_for_a_handshake(
    web_server: Apache, behind: Start, kind: str, first: int
) -> None:
    """One connection, one handshake: two requests for the first call, or three to find
    out that only Negotiate is offered; one for each further call."""
    authenticator = Counting(NtlmAuthenticator("EXAMPLE\\svc", "right", "localhost"))
    account = settings(web_server, kind, connections=1)
    mailbox = behind(web_server).mailbox(**{**account, "authenticator": authenticator})
    for _ in range(5):
        await mailbox.check()
    assert authenticator.sent == [first, 1, 1, 1, 1]
