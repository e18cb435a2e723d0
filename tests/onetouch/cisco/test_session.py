"""Sessions with an endpoint's API, over real connections."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.web.server import Site

from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.answers import MAX_ANSWER
from pexschedd.onetouch.cisco.session import EndpointSession, connect_by
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from tests.net.net_support import Authority, Server, dns, ips
from tests.onetouch.cisco.cisco_endpoint import RecordingEndpoint, gone

reactor: Any = _reactor
STATUS = "/getxml?location=/Status/SystemUnit"

Start = Callable[..., EndpointAccess]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Rooms")


@pytest.fixture
def endpoint() -> RecordingEndpoint:
    return RecordingEndpoint()


@pytest_twisted.async_yield_fixture()
async def start(endpoint: RecordingEndpoint) -> Any:
    """Serves the endpoint on loopback, with the TLS that is given."""
    ports = []
    sites = []

    def start(tls: Server | None, **access: Any) -> EndpointAccess:
        site = Site(endpoint)
        sites.append(site)
        endpoint.is_https = tls is not None
        port = (
            reactor.listenTCP(0, site, interface="127.0.0.1")
            if tls is None
            else reactor.listenSSL(0, site, tls, interface="127.0.0.1")
        )
        ports.append(port)
        given: dict[str, Any] = {
            "scheme": "http" if tls is None else "https",
            "host": "127.0.0.1",
            "port": port.getHost().port,
            "verified": True,
            "direct": False,
            "username": "obtp",
            "password": "secret",
        }
        return EndpointAccess(**given | access)

    yield start
    for request in endpoint.hanging:
        if not request._disconnected:
            lost = gone(request)
            transport: Any = request.transport
            transport.abortConnection()
            await lost
    for port in ports:
        await port.stopListening()


class _PlainServer(Protocol):
    """Answers whatever comes as a web server without TLS does."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.transport.loseConnection()


class Visitor:
    """Opens sessions, and closes the connections that they have used."""

    def __init__(self, trust: Trust) -> None:
        self.network = Network(reactor, trust)

    def session(self, access: EndpointAccess, **options: Any) -> EndpointSession:
        return EndpointSession(connect_by(self.network), access, reactor, **options)

    async def status(self, access: EndpointAccess, **options: Any) -> int:
        async with self.session(access, **options) as session:
            await session.begin()
            return (await session.get(STATUS)).status

    async def problem(self, access: EndpointAccess, **options: Any) -> EndpointProblem:
        with pytest.raises(EndpointProblem) as caught:
            await self.status(access, **options)
        return caught.value


@pytest.fixture
def visitor(authority: Authority) -> Visitor:
    return Visitor(Trust([("test", authority.pem)]))


@pytest.fixture
def tls(authority: Authority) -> Server:
    return authority.server(ips("127.0.0.1"))


@pytest_twisted.ensureDeferred
async def test_a_session_is_used_and_ended(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, tls: Server
) -> None:
    """One sign-in serves all requests of a visit, and the session is ended."""
    async with visitor.session(start(tls)) as session:
        await session.begin()
        assert (await session.get(STATUS)).status == 200
        assert b"Room Kit" in (await session.get(STATUS)).body
        assert session.has_cookie
        assert endpoint.sessions == {"s1"}
    assert endpoint.sessions == set()
    assert [path for _, path in endpoint.requests] == [
        "/xmlapi/session/begin",
        "/getxml",
        "/getxml",
        "/xmlapi/session/end",
    ]


@pytest_twisted.ensureDeferred
async def test_it_is_ended_when_the_visit_fails(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, tls: Server
) -> None:
    """An error in a visit leaves no session behind."""

    async def fail() -> None:
        async with visitor.session(start(tls)) as session:
            await session.begin()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        await fail()
    assert endpoint.sessions == set()
    assert endpoint.begun == 1


@pytest_twisted.ensureDeferred
async def test_a_connection_that_was_closed_meanwhile(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, tls: Server
) -> None:
    """A visit has one connection; if the endpoint closes it, another one is opened."""
    async with visitor.session(start(tls)) as session:
        await session.begin()
        await session.get(STATUS)
        connections = endpoint.connections
        assert len(connections) == 1
        for each in connections:
            each.abortConnection()
        assert (await session.get(STATUS)).status == 200
    assert endpoint.sessions == set()
    assert len(endpoint.connections) == 2


@pytest_twisted.ensureDeferred
async def test_without_https(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor
) -> None:
    """The other cookie is used without HTTPS."""
    assert await visitor.status(start(None)) == 200
    assert endpoint.begun == 1
    assert endpoint.sessions == set()


@pytest.mark.parametrize("reason", ["old", "full"])
@pytest_twisted.ensureDeferred
async def test_no_session_to_be_had(
    start: Start,
    endpoint: RecordingEndpoint,
    visitor: Visitor,
    reason: str,
    tls: Server,
) -> None:
    """Software without sessions, or without a free one, gets the account each time."""
    endpoint.knows_sessions = reason != "old"
    endpoint.most_sessions = 0
    assert await visitor.status(start(tls)) == 200
    assert endpoint.requests[-1] == ("GET", "/getxml")


@pytest_twisted.ensureDeferred
async def test_a_forgotten_session_is_begun_again(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, tls: Server
) -> None:
    """An endpoint that restarts in between is signed in to once more."""
    async with visitor.session(start(tls)) as session:
        await session.begin()
        await session.get(STATUS)
        endpoint.reboot()
        assert (await session.get(STATUS)).status == 200
    assert endpoint.begun == 2
    assert endpoint.sessions == set()


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_sent_once(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, tls: Server
) -> None:
    """A refused password is not tried a second time, nor told."""
    problem = await visitor.problem(start(tls, password="wrong"))
    assert problem.kind is ProblemKind.CREDENTIALS
    assert '"obtp"' in problem.message
    assert "wrong" not in problem.message
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("names", "verified", "kind"),
    [
        (ips("127.0.0.1"), True, None),
        (ips("127.0.0.2"), True, ProblemKind.UNTRUSTED),
        (dns("localhost"), True, ProblemKind.UNTRUSTED),
        ([], True, ProblemKind.UNTRUSTED),
        (ips("127.0.0.2"), False, None),
        ([], False, None),
    ],
)
@pytest_twisted.ensureDeferred
async def test_certificates(
    start: Start,
    endpoint: RecordingEndpoint,
    visitor: Visitor,
    authority: Authority,
    names: Any,
    verified: bool,
    kind: ProblemKind | None,
) -> None:
    """A certificate for another host is refused before anything is sent, unless the
    endpoint is exempted."""
    access = start(authority.server(names), verified=verified)
    if kind is None:
        assert await visitor.status(access) == 200
        return
    problem = await visitor.problem(access)
    assert problem.kind is kind
    assert "127.0.0.1" in problem.message
    assert "set verify_cert to NO" in problem.message
    assert not endpoint.requests


@pytest_twisted.ensureDeferred
async def test_a_self_signed_certificate(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor
) -> None:
    """The certificate that endpoints come with is refused, or accepted if checks are
    off; trusting it later closes nothing that is exempted."""
    tls = Authority("Room Kit").server(ips("127.0.0.1"))
    access = start(tls)
    problem = await visitor.problem(access)
    assert problem.kind is ProblemKind.UNTRUSTED
    assert "authority" in problem.message
    exempted = msgspec.structs.replace(access, verified=False)
    async with visitor.session(exempted) as session:
        await session.begin()
        visitor.network.trust.replace([])
        assert (await session.get(STATUS)).status == 200


@pytest_twisted.ensureDeferred
async def test_http_spoken_to_by_https(start: Start, visitor: Visitor) -> None:
    """An endpoint without HTTPS is told by name, with the setting."""
    factory = Factory.forProtocol(_PlainServer)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    access = start(None, scheme="https")
    access = msgspec.structs.replace(access, port=port.getHost().port)
    problem = await visitor.problem(access)
    await port.stopListening()
    assert problem.kind is ProblemKind.UNTRUSTED
    assert "use_https to NO" in problem.message


@pytest_twisted.ensureDeferred
async def test_nobody_there(start: Start, visitor: Visitor) -> None:
    """A port that nobody listens on is unreachable."""
    problem = await visitor.problem(start(None, port=1))
    assert problem.kind is ProblemKind.UNREACHABLE
    assert problem.message == "it refuses connections."


@pytest.mark.parametrize("mode", ["huge", "endless"])
@pytest_twisted.ensureDeferred
async def test_answers_without_end(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, mode: str, tls: Server
) -> None:
    """An answer of 100 MB, or without an end, is dropped at its bound."""
    endpoint.mode, endpoint.misbehaves_at = mode, "/getxml"
    problem = await visitor.problem(start(tls))
    assert problem.kind is ProblemKind.UNREACHABLE
    assert str(MAX_ANSWER) in problem.message
    assert endpoint.sessions == set()


@pytest.mark.parametrize("mode", ["hang", "drip"])
@pytest_twisted.ensureDeferred
async def test_answers_that_do_not_come(
    start: Start,
    endpoint: RecordingEndpoint,
    visitor: Visitor,
    mode: str,
    tls: Server,
) -> None:
    """An answer that does not come in time is given up, and its session is ended."""
    endpoint.mode, endpoint.misbehaves_at = mode, "/getxml"
    problem = await visitor.problem(start(tls), timeout=0.3)
    assert problem.message == "it did not answer within 0.3 seconds."
    assert endpoint.sessions == set()


@pytest.mark.parametrize("at", ["/xmlapi/session/begin", "/getxml"])
@pytest_twisted.ensureDeferred
async def test_redirections_are_not_followed(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, at: str, tls: Server
) -> None:
    """A redirection to another host is told, and nothing is sent there."""
    endpoint.mode, endpoint.misbehaves_at = "elsewhere", at
    problem = await visitor.problem(start(tls))
    assert problem.kind is ProblemKind.REFUSED
    assert "redirects to https://evil.example/putxml" in problem.message


@pytest_twisted.ensureDeferred
async def test_busy(
    start: Start, endpoint: RecordingEndpoint, visitor: Visitor, tls: Server
) -> None:
    """The status of a busy endpoint is handed on."""
    endpoint.mode, endpoint.misbehaves_at = "503", "/getxml"
    assert await visitor.status(start(tls)) == 503


@pytest.mark.parametrize(
    ("access", "address"),
    [
        ({"host": "room.example"}, "https://room.example"),
        ({"host": "10.0.0.5", "port": 8443}, "https://10.0.0.5:8443"),
        ({"host": "2001:db8::5"}, "https://[2001:db8::5]"),
        ({"host": "10.0.0.5", "scheme": "http", "port": 80}, "http://10.0.0.5"),
    ],
)
def test_addresses(access: dict[str, Any], address: str) -> None:
    """An address has its port only if it is not the usual one, and no password."""
    given: dict[str, Any] = {
        "scheme": "https",
        "port": 443,
        "verified": True,
        "direct": False,
        "username": "obtp",
        "password": "secret",
    }
    found = EndpointAccess(**given | access)
    assert found.address == address
    assert "secret" not in repr(found)
