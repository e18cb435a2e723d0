"""The PROXY protocol: whom a connection is said to come from, and what is no header."""

import struct
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from pexschedd.net.proxies_only import proxy_header
from pexschedd.net.server_tls import server_endpoint

reactor: Any = _reactor


def second(command: int, family: int, *rest: bytes) -> bytes:
    """A header of version 2."""
    content = b"".join(rest)
    fixed = struct.pack("!BBH", command, family, len(content))
    return b"\r\n\r\n\0\r\nQUIT\n" + fixed + content


FOUR = struct.pack("!4s4sHH", bytes((192, 0, 2, 7)), bytes(4), 5000, 443)
SIX = struct.pack("!16s16sHH", b"\x20\x01\r\xb8" + bytes(11) + b"\7", bytes(16), 1, 2)
MAPPED = struct.pack("!16s16sHH", bytes(10) + b"\xff\xff" + FOUR[:4], bytes(16), 1, 2)

HEADERS = {
    b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n": "192.0.2.7",
    b"PROXY TCP6 2001:db8:0:0::7 ::1 5000 443\r\n": "2001:db8::7",
    b"PROXY TCP6 ::ffff:192.0.2.7 ::1 5000 443\r\n": "192.0.2.7",
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff::f ffff::f 65535 65535\r\n": None,
    second(0x21, 0x11, FOUR): "192.0.2.7",
    second(0x21, 0x11, FOUR, b"\4\0\1x"): "192.0.2.7",
    second(0x21, 0x21, SIX): "2001:db8::7",
    second(0x21, 0x21, MAPPED): "192.0.2.7",
    second(0x20, 0x00): None,
    second(0x20, 0x11, FOUR): None,
    second(0x21, 0x00): None,
    second(0x21, 0x31, bytes(216)): None,
}

NONE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"PROXY TCP4 x 192.0.2.1 5000 443\r\n",
    b'PROXY TCP4 192.0.2.7","status":200 192.0.2.1 5000 443\r\n',
    b"PROXY TCP4 \xff 192.0.2.1 5000 443\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 x 443\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 65536\r\n",
    b"PROXY TCP4 192.0.2.7\r\n",
    b"PROXY TCP6 fe80::1%lo ::1 5000 443\r\n",
    b"PROXY UDP4 192.0.2.7 192.0.2.1 5000 443\r\n",
    b"PROXY TCP4 " + b"1" * 200,
    second(0x31, 0x11, FOUR),
    second(0x22, 0x11, FOUR),
    second(0x21, 0x12, FOUR),
    second(0x21, 0x11, FOUR[:-1]),
)


@pytest.mark.parametrize("header", HEADERS)
def test_the_client_that_is_named(header: bytes) -> None:
    """It is found when the header is complete, not before, whatever comes after it."""
    for size in range(len(header)):
        assert proxy_header(header[:size]) is None
    for more in (b"", b"GET / HTTP/1.1\r\n\r\n"):
        found = proxy_header(header + more)
        assert found is not None
        assert found.size == len(header)
        assert getattr(found.peer, "host", None) == HEADERS[header]


@pytest.mark.parametrize("data", NONE)
def test_what_is_no_header(data: bytes) -> None:
    """It is refused, by one kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever text
        proxy_header(data)


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=90).map(lambda text: f"PROXY {text}\r\n".encode()),
        st.builds(
            second, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60)
        ),
    )
)
def test_whatever_is_sent(data: bytes) -> None:
    """Nothing else than that error, and no address that is none."""
    try:
        found = proxy_header(data)
    except ValueError:
        return
    if found is not None:
        host = getattr(found.peer, "host", "")
        assert set(host) <= set("0123456789abcdef.:")


class Telling(Protocol):
    """Tells the address of its peer, and repeats what it hears."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        peer: Any = self.transport.getPeer()
        self.transport.write(f"{peer.host} ".encode() + data)
        self.transport.loseConnection()


class Saying(Protocol):
    """Says some pieces, one after the other, and hears what comes back."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self._data = b""
        self.heard: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        for number, piece in enumerate(self._pieces):
            reactor.callLater(0.02 * number, transport.write, piece)

    def dataReceived(self, data: bytes) -> None:
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.heard.callback(self._data)


async def said(*pieces: bytes) -> bytes:
    """Return all that a port answers."""
    listening: Any = await server_endpoint(
        reactor, "haproxy:tcp:0:interface=127.0.0.1", lambda _: True
    ).listen(Factory.forProtocol(Telling))
    saying = Saying(*pieces)
    port = listening.getHost().port
    await connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), saying)
    heard = await saying.heard
    await listening.stopListening()
    return heard


@pytest.mark.parametrize("header", [h for h, client in HEADERS.items() if client])
@pytest_twisted.ensureDeferred
async def test_in_pieces(header: bytes) -> None:
    """A header may arrive in several segments, and the request with its end."""
    expected = f"{HEADERS[header]} hello".encode()
    assert await said(header[:5], header[5:20], header[20:] + b"hello") == expected


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_names_no_client() -> None:
    """The connection has the proxy's own address."""
    assert await said(b"PROXY UNKNOWN\r\n", b"hello") == b"127.0.0.1 hello"


@pytest_twisted.ensureDeferred
async def test_garbage_is_one_line_of_the_log() -> None:
    """The connection is closed, without an answer and without a traceback."""
    for data in NONE:
        with capturedLogs() as events:
            assert await said(data) == b""
        (event,) = [each for each in events if each["log_level"].name != "info"]
        assert event["log_level"].name == "warn"
        assert event["address"] == "127.0.0.1"
