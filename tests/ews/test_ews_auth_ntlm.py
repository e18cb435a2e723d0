"""NTLM: one handshake for each connection, whatever the server is like."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives import serialization
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.auth.channel_binding import channel_binding
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.errors import ConnectionFailure
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_auth_support import REQUEST, ScriptedConnection, answer
from tests.ews.ews_auth_windows import WindowsSite, create_accounts
from tests.net.net_support import Authority, dns

reactor: Any = _reactor
BODY = b"<Envelope>to act upon</Envelope>"


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    create_accounts(monkeypatch, tmp_path)


class Caller:
    """Posts to a site, by default over one connection."""

    def __init__(
        self,
        windows: WindowsSite,
        *,
        username: str = "EXAMPLE\\svc",
        password: str = "right",
        connections: int = 1,
        trusted: bytes | None = None,
        context: Any = None,
        serve: Any = None,
    ) -> None:
        windows.site = site = serve(windows, context)
        scheme = "http" if context is None else "https"
        self._transport = Transport(
            site.url(scheme, "localhost"),
            NtlmAuthenticator(username, password, "localhost"),
            clock=Clock(),
            network=Network(reactor, Trust([("test", trusted)] if trusted else ())),
            limits=ConnectionLimits(connections=connections),
        )

    def post(
        self, body: bytes = BODY, *, repeatable: bool = False
    ) -> Deferred[HttpResponse]:
        return Deferred.fromCoroutine(
            self._transport.post(body, mailbox="a@b.test", repeatable=repeatable)
        )

    async def close(self) -> None:
        await self._transport.close()


@pytest_twisted.async_yield_fixture()
async def calling(serve: Any) -> Any:
    """Makes callers and closes them."""
    callers: list[Caller] = []

    def make(windows: WindowsSite, **settings: Any) -> Caller:
        callers.append(Caller(windows, serve=serve, **settings))
        return callers[-1]

    yield make
    for caller in callers:
        await caller.close()


Calling = Callable[..., Caller]


@pytest.mark.parametrize("schemes", [("NTLM",), ("Negotiate", "NTLM")])
@pytest_twisted.ensureDeferred
async def test_handshake(calling: Calling, schemes: tuple[str, ...]) -> None:
    """Two requests sign in, of which only the second has the body."""
    windows = WindowsSite(schemes=schemes)
    response = await calling(windows).post()
    assert (response.status, response.body) == (200, b"<done/>")
    assert windows.bodies == [b"", BODY]
    assert len(windows.site.connections) == 1


@pytest_twisted.ensureDeferred
async def test_further_requests(calling: Calling) -> None:
    """On a connection that is signed in, requests go as they are."""
    windows = WindowsSite()
    caller = calling(windows)
    for _ in range(4):
        assert (await caller.post()).status == 200
    assert windows.bodies == [b"", BODY, BODY, BODY, BODY]
    assert windows.proofs == 1


@pytest_twisted.ensureDeferred
async def test_inside_negotiate(calling: Calling) -> None:
    """A server that offers only Negotiate gets NTLM inside it, from then on at once."""
    windows = WindowsSite(schemes=("Negotiate",))
    caller = calling(windows, connections=2)
    assert (await caller.post()).status == 200
    assert windows.bodies == [b"", b"", BODY]
    both = gatherResults([caller.post(), caller.post()])
    assert [response.status for response in await both] == [200, 200]
    assert sorted(windows.bodies[3:]) == [b"", BODY, BODY]
    assert windows.proofs == 2


@pytest.mark.parametrize("schemes", [("Basic realm=x",), ("Bearer",), ()])
@pytest_twisted.ensureDeferred
async def test_not_offered(calling: Calling, schemes: tuple[str, ...]) -> None:
    """Where there is no NTLM, the refusal is the answer and no body was sent."""
    windows = WindowsSite(schemes=schemes)
    response = await calling(windows).post()
    assert response.status == 401
    assert response.headers.get("www-authenticate", "") == ", ".join(schemes)
    assert windows.bodies == [b""]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("EXAMPLE\\svc", "right"),
        ("example\\SVC", "right"),
        ("svc@example.test", "right"),
        ("svc", "right"),
        ("EXAMPLE\\jürgen", "pässwörd"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_names(calling: Calling, username: str, password: str) -> None:
    """DOMAIN\\name, name@domain and bare names sign in, in any language."""
    caller = calling(WindowsSite(), username=username, password=password)
    assert (await caller.post()).status == 200


@pytest.mark.parametrize("schemes", [("NTLM",), ("Negotiate",)])
@pytest_twisted.ensureDeferred
async def test_wrong_password(calling: Calling, schemes: tuple[str, ...]) -> None:
    """A wrong password is tried once for each request, not more."""
    windows = WindowsSite(schemes=schemes)
    caller = calling(windows, password="wrong")
    for attempts in (1, 2):
        assert (await caller.post()).status == 401
        assert windows.proofs == attempts
    assert windows.acted == []


@pytest_twisted.ensureDeferred
async def test_password_changed_meanwhile(calling: Calling) -> None:
    """A session that has ended is begun anew, once."""
    windows = WindowsSite()
    caller = calling(windows)
    assert (await caller.post()).status == 200
    assert (await caller.post()).status == 200
    windows.forget()
    assert (await caller.post()).status == 200
    assert windows.proofs == 2
    assert windows.bodies == [b"", BODY, BODY, BODY, b"", BODY]
    assert windows.acted == [BODY] * 3


@pytest_twisted.ensureDeferred
async def test_connection_lost_between(calling: Calling) -> None:
    """A new connection is signed in again; what was said before is not repeated."""
    windows = WindowsSite()
    caller = calling(windows)
    assert (await caller.post()).status == 200
    windows.site.connections[0].close()
    await windows.site.all_lost()
    assert (await caller.post(repeatable=True)).status == 200
    assert len(windows.site.connections) == 2
    assert windows.acted == [BODY, BODY]


@pytest_twisted.ensureDeferred
async def test_a_server_that_forgets(calling: Calling) -> None:
    """Where each request needs a proof, that is noticed, and then each begins so."""
    windows = WindowsSite(forgets=99)
    caller = calling(windows)
    for _ in range(6):
        assert (await caller.post()).status == 200
    refused_for_nothing = len(windows.bodies) - 2 * 6
    assert refused_for_nothing == 2
    assert windows.bodies[-4:] == [b"", BODY, b"", BODY]
    assert windows.acted == [BODY] * 6


@pytest_twisted.ensureDeferred
async def test_a_server_that_says_it_forgets(calling: Calling) -> None:
    """A server that says so is believed at once."""
    windows = WindowsSite(forgets=99, announces_it=True)
    caller = calling(windows)
    for _ in range(3):
        assert (await caller.post()).status == 200
    assert windows.bodies == [b"", BODY] * 3


@pytest_twisted.ensureDeferred
async def test_forgotten_once(calling: Calling) -> None:
    """One session that ended early is no reason to prove every request."""
    windows = WindowsSite(forgets=1)
    caller = calling(windows)
    for _ in range(4):
        assert (await caller.post()).status == 200
    assert windows.proofs == 2
    assert windows.bodies[-2:] == [BODY, BODY]


@pytest.mark.parametrize("drops", [1, 2])
@pytest_twisted.ensureDeferred
async def test_closed_after_the_challenge(calling: Calling, drops: int) -> None:
    """A connection that is lost in a handshake is followed by another handshake."""
    windows = WindowsSite(drops=drops)
    assert (await calling(windows).post()).status == 200
    assert windows.acted == [BODY]
    assert windows.proofs == 1


@pytest_twisted.ensureDeferred
async def test_always_closed_after_the_challenge(calling: Calling) -> None:
    """After the third time the error says that something in between breaks NTLM."""
    windows = WindowsSite(drops=99)
    with pytest.raises(SignInRefused, match="Something between") as raised:
        await calling(windows).post()
    assert "localhost closes the connection" in raised.value.message
    assert windows.proofs == 0
    assert windows.acted == []


@pytest_twisted.ensureDeferred
async def test_closed_without_a_word(calling: Calling) -> None:
    """A reading request is sent again when the connection dies under its proof."""
    windows = WindowsSite(drops_silently=1)
    assert (await calling(windows).post(repeatable=True)).status == 200
    assert windows.acted == [BODY]


@pytest_twisted.ensureDeferred
async def test_a_hello_without_an_answer(calling: Calling) -> None:
    """A connection that dies before anything was asked for costs nothing."""
    windows = WindowsSite(loses=2)
    assert (await calling(windows).post()).status == 200
    assert windows.acted == [BODY]


@pytest_twisted.ensureDeferred
async def test_no_sign_in_is_needed(calling: Calling) -> None:
    """A server that lets everybody in gets the request, not only an empty one."""
    windows = WindowsSite(open_to_all=True)
    assert (await calling(windows).post()).body == b"<done/>"
    assert windows.bodies == [b"", BODY]


@pytest.mark.parametrize("status", ["404 Not Found", "503 Unavailable", "302 Found"])
@pytest_twisted.ensureDeferred
async def test_other_answers(calling: Calling, status: str) -> None:
    """What is no challenge is the answer, and the body stays here."""

    class Elsewhere(WindowsSite):
        def __call__(self, connection: Any, number: int) -> None:
            connection.answer(b"", status)

    windows = Elsewhere()
    assert (await calling(windows).post()).status == int(status[:3])
    assert windows.bodies == [b""]


NTLM_BEGIN = b"NTLMSSP\0\2\0\0\0"


@given(
    scheme=st.sampled_from(("NTLM", "Negotiate")),
    token=st.binary(max_size=80) | st.binary(max_size=80).map(NTLM_BEGIN.__add__),
)
@example(scheme="NTLM", token=bytes(1000))
@example(scheme="Negotiate", token=b"")
def test_garbled_challenge(scheme: str, token: bytes) -> None:
    """Whatever a server sends for a challenge: one of our errors, or its refusal."""
    offered = f"{scheme} {b64encode(token).decode()}"
    refusal = answer(401, www_authenticate=offered)
    connection = ScriptedConnection([refusal] * 3)
    authenticator = NtlmAuthenticator("svc", "right", "mail.example.test")
    sending = Deferred.fromCoroutine(authenticator.send(REQUEST, connection))
    outcomes: list[Any] = []
    sending.addBoth(outcomes.append)
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        assert isinstance(outcome.value, SignInRefused)
        assert "cannot be followed" in outcome.value.message
    else:
        assert outcome.status == 401


@pytest_twisted.ensureDeferred
async def test_many_connections(calling: Calling) -> None:
    """Each connection has a handshake of its own, all with one authenticator."""
    windows = WindowsSite()
    caller = calling(windows, connections=8)
    answers = await gatherResults([caller.post() for _ in range(24)])
    assert {response.status for response in answers} == {200}
    assert windows.proofs == 8
    assert len(windows.acted) == 24


@pytest.mark.parametrize("level", ["0", "2"])
@pytest_twisted.ensureDeferred
async def test_never_version_1(
    calling: Calling, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """An environment that asks for NTLMv1 does not get it."""
    monkeypatch.setenv("LM_COMPAT_LEVEL", level)
    windows = WindowsSite()
    with pytest.raises(SignInRefused, match="LM_COMPAT_LEVEL"):
        await calling(windows).post()
    assert windows.bodies == [b""]


# Over TLS, with Extended Protection


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("The test authority")


@pytest.mark.parametrize("schemes", [("NTLM",), ("Negotiate",)])
@pytest_twisted.ensureDeferred
async def test_bound_to_the_certificate(
    calling: Calling, authority: Authority, schemes: tuple[str, ...]
) -> None:
    """A server that requires channel bindings gets the right ones."""
    server = authority.server(dns("localhost"))
    der = server.certificate.public_bytes(serialization.Encoding.DER)
    windows = WindowsSite(schemes=schemes, bindings=channel_binding(der))
    caller = calling(windows, context=server, trusted=authority.pem)
    for _ in range(2):
        assert (await caller.post()).status == 200
    assert windows.proofs == 1


@pytest.mark.parametrize("schemes", [("NTLM",), ("Negotiate",)])
@pytest_twisted.ensureDeferred
async def test_another_certificate_in_between(
    calling: Calling, authority: Authority, schemes: tuple[str, ...]
) -> None:
    """Behind a balancer with a certificate of its own, Exchange refuses."""
    exchange = authority.server(dns("localhost")).certificate
    balancer = authority.server(dns("localhost"))
    der = exchange.public_bytes(serialization.Encoding.DER)
    windows = WindowsSite(schemes=schemes, bindings=channel_binding(der))
    caller = calling(windows, context=balancer, trusted=authority.pem)
    assert (await caller.post()).status == 401
    assert windows.proofs == 1


@pytest_twisted.ensureDeferred
async def test_no_bindings_without_tls(calling: Calling) -> None:
    """Without TLS there is nothing to bind to; who requires it refuses."""
    windows = WindowsSite(bindings=b"tls-server-end-point:abc")
    assert (await calling(windows).post()).status == 401


@pytest_twisted.ensureDeferred
async def test_bindings_do_no_harm(calling: Calling, authority: Authority) -> None:
    """A server without Extended Protection takes a proof with channel bindings."""
    server = authority.server(dns("localhost"))
    caller = calling(WindowsSite(), context=server, trusted=authority.pem)
    assert (await caller.post()).status == 200


@pytest_twisted.ensureDeferred
async def test_an_untrusted_server_hears_nothing(calling: Calling) -> None:
    """No handshake begins with a server whose certificate is not believed."""
    windows = WindowsSite()
    stranger = Authority("A stranger").server(dns("localhost"))
    with pytest.raises(ConnectionFailure):
        await calling(windows, context=stranger).post()
    assert windows.site.requests == []
