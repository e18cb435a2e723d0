"""The edge of the HTTP server: what is refused before any route sees it."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor as _reactor
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.web.resource import Resource

from pexschedd.net.server_tls import server_endpoint
from pexschedd.web.health import HealthApi
from pexschedd.web.site import BODY_LIMIT, HttpSite, _is_normal_path
from tests.net.test_net_server_tls import client, key_and_certificate
from tests.web.site_support import ask, site

reactor: Any = _reactor

CLIENT_KEYS = {"status", "code", "message", "correlation_id"}
"""Of errors of the add-in's and the nodes' side."""


@pytest.mark.parametrize(
    "address",
    [
        b"/%ff HTTP/1.1\r\nHost: x",
        b"/health/%c3%28?x HTTP/1.1\r\nHost: x",
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_address_that_is_no_text(port: int, address: bytes) -> None:
    """It is refused in JSON, and leaves no traceback in the log: anybody can ask."""
    said = b"GET " + address + b"\r\nConnection: close\r\n\r\n"
    with capturedLogs() as logged:
        status, answer = await ask(port, said)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert answer["code"] == "bad_request"
    assert answer["correlation_id"]
    assert "UTF-8" in answer["message"]
    assert answer.keys() == CLIENT_KEYS
    assert not [event for event in logged if event.get("log_failure")]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /health?" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET /health?" + b"x" * 17_000, b"414"),
        (
            b"GET /health HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 17_000 + b"\r\n\r\n",
            b"431",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_line_that_is_too_long(port: int, said: bytes, status: bytes) -> None:
    """It is answered before the connection is closed."""
    line, answer = await ask(port, said)
    assert line.split()[1] == status
    assert answer["code"] == "too_long"
    assert "16 KiB" in answer["message"]
    assert answer.keys() == CLIENT_KEYS


@pytest.mark.parametrize("address", [b"/health", b"/health?x=%ff&y=%41"])
@pytest_twisted.ensureDeferred
async def test_an_address_that_is_one(port: int, address: bytes) -> None:
    """The query may hold what it likes."""
    said = b"GET " + address + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    status, answer = await ask(port, said)
    assert status == b"HTTP/1.1 200 OK"
    assert answer["status"] == "ok"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1),
        b"Transfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%s\r\n" % (BODY_LIMIT + 1, bytes(BODY_LIMIT + 1)),
        b"Transfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%s\r\n" % (BODY_LIMIT, bytes(BODY_LIMIT))
        + b"1\r\nx\r\n0\r\n\r\n",
    ],
    ids=["announced", "sent", "ended"],
)
@pytest_twisted.ensureDeferred
async def test_a_body_that_is_too_large(port: int, body: bytes) -> None:
    """It is refused as soon as that is known, in the shape of all errors, and the
    connection ends."""
    with capturedLogs() as logged:
        said = b"POST /health HTTP/1.1\r\nHost: x\r\n" + body
        status, answer = await ask(port, said)
    assert not [event for event in logged if event.get("log_failure")]
    assert status == b"HTTP/1.1 413 Content Too Large"
    assert answer["code"] == "too_large"
    assert str(BODY_LIMIT) in answer["message"]
    assert answer.keys() == CLIENT_KEYS
    assert re.fullmatch("[0-9a-f]{8}-[0-9]+", answer["correlation_id"])


class Weary(Resource):
    """Sends everybody away."""

    isLeaf = True

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def render(self, request: Any) -> bytes:
        request.setResponseCode(self._status)
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"connection", b"close")
        return b"{}"


@pytest.mark.parametrize(
    ("code", "said"),
    [(429, b"HTTP/1.1 429 Too Many Requests"), (499, b"HTTP/1.1 499 Unknown")],
)
@pytest_twisted.ensureDeferred
async def test_the_words_of_newer_statuses(code: int, said: bytes) -> None:
    """Twisted has none for 429; ours are the standard's, where that has any."""
    weary = HttpSite(Weary(code), reactor, None)
    listening = reactor.listenTCP(0, weary, interface="127.0.0.1")
    status, _ = await ask(
        listening.getHost().port,
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    await listening.stopListening()
    assert status == said


@pytest.mark.parametrize("said", [b"HTTP/1.0", b"HTTP/1.0\r\nHost: x"])
@pytest_twisted.ensureDeferred
async def test_a_unix_socket(tmp_path: Path, said: bytes) -> None:
    """A reverse proxy's check of our health need not name a host."""
    path = tmp_path / "socket"
    listening = reactor.listenUNIX(str(path), site())
    status, answer = await ask(path, b"GET /health " + said + b"\r\n\r\n")
    await listening.stopListening()
    assert status == b"HTTP/1.0 200 OK"
    assert answer["status"] == "ok"


@pytest.mark.parametrize(
    "path",
    [
        b"/%68ealth",
        b"/h%65alth",
        b"//health",
        b"/./health",
        b"/x/../health",
        b"/health/.",
        b"/x%2Fhealth",
        b"/x/%2e%2e/health",
        b"health",
        b"http://x/health",
    ],
)
@pytest_twisted.ensureDeferred
async def test_another_spelling_of_a_path(port: int, path: bytes) -> None:
    """A proxy that keeps a path from outsiders knows one spelling of it."""
    said = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    status, answer = await ask(port, said)
    assert status == b"HTTP/1.1 404 Not Found"
    assert answer["code"] == "http"


@pytest.mark.parametrize("path", [b"/%C3%A9", b"/a%20b", b"/v1.2/x", b"/%25"])
def test_normal_spellings(path: bytes) -> None:
    """Escapes that are needed, and dots in names, are no other spelling."""
    assert _is_normal_path(path)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a b\r\n",
        b"Host: \r\n",
        b"Host: a/b\r\n",
        b"Host: a@b\r\n",
        b"Host: [::1\r\n",
        b"Host: a:b\r\n",
        b"Host: \xff\r\n",
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_request_without_one_host(port: int, head: bytes) -> None:
    """HTTP/1.1 wants exactly one Host, and a host in it (RFC 9112 section 3.2)."""
    said = b"GET /health HTTP/1.1\r\nConnection: close\r\n" + head + b"\r\n"
    status, answer = await ask(port, said)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert "Host" in answer["message"]


@pytest.mark.parametrize(
    "host", [b"a", b"a.example:8080", b"[::1]:80", b"127.0.0.1", b"a_b.test", b"a:"]
)
@pytest_twisted.ensureDeferred
async def test_hosts(port: int, host: bytes) -> None:
    """Names, addresses and ports are taken as they are."""
    said = b"GET /health HTTP/1.1\r\nHost: " + host
    status, _ = await ask(port, said + b"\r\nConnection: close\r\n\r\n")
    assert status == b"HTTP/1.1 200 OK"


@pytest_twisted.ensureDeferred
async def test_a_compressed_body(port: int) -> None:
    """It is refused as what it is, not as bad JSON."""
    head = b"Host: x\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n"
    said = b"POST /health HTTP/1.1\r\nConnection: close\r\n" + head + b"\r\n"
    status, answer = await ask(port, said)
    assert status == b"HTTP/1.1 415 Unsupported Media Type"
    assert "Content-Encoding" in answer["message"]


# Twisted's own way to read an endpoint's files, and what the client may choose from.
@pytest.mark.filterwarnings("ignore:Passing method:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("is_tls", [True, False])
@pytest_twisted.ensureDeferred
async def test_browsers_are_told_to_stay_with_tls(tmp_path: Path, is_tls: bool) -> None:
    """Every answer of a TLS endpoint says so, refusals included; one without TLS must
    not (RFC 6797 section 7.2)."""
    if is_tls:
        file = key_and_certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
        endpoint = f"ssl:0:interface=127.0.0.1:privateKey={file}"
        listening: Any = await server_endpoint(reactor, endpoint).listen(site())
    else:
        listening = reactor.listenTCP(0, site(), interface="127.0.0.1")
    port = listening.getHost().port

    def head_of(path: bytes) -> bytes:
        said = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            client().wrap_socket(plain) if is_tls else plain as talking,
            talking.makefile("rb") as heard,
        ):
            talking.sendall(said)
            return heard.read().partition(b"\r\n\r\n")[0].lower()

    for path, status in ((b"/health", b"200"), (b"//health", b"404")):
        head = await deferToThread(head_of, path)
        assert head.split()[1] == status
        lines = head.splitlines()
        assert (b"strict-transport-security: max-age=31536000" in lines) is is_tls
        assert (b"strict-transport-security" in head) is is_tls
    await listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_before_the_server_is_ready() -> None:
    """Everything is answered 503, health included."""
    ready: list[bool] = []
    resource = HealthApi(list, "1.2").app.resource()
    starting = HttpSite(
        resource, reactor, None, closed=lambda: "" if ready else "It is starting."
    )
    listening = reactor.listenTCP(0, starting, interface="127.0.0.1")
    said = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    status, answer = await ask(listening.getHost().port, said)
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert answer["code"] == "unavailable"
    ready.append(True)
    status, _ = await ask(listening.getHost().port, said)
    assert status == b"HTTP/1.1 200 OK"
    await listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_two_hosts_stay_two(port: int) -> None:
    """A proxy's word about the host does not hide that a request has two."""
    head = b"Host: a\r\nHost: b\r\nX-Forwarded-Host: c.test\r\nConnection: close\r\n"
    status, _ = await ask(port, b"GET /health HTTP/1.1\r\n" + head + b"\r\n")
    assert status.split()[1] == b"400"
