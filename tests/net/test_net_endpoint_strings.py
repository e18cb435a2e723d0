"""What is read out of the strings of endpoints."""

from pathlib import Path

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.testing import MemoryReactor

from pexschedd.net.endpoint_strings import parse_endpoint

STRINGS = [
    # string, below TLS, TLS, key, certificate
    ("tcp:8080:interface=127.0.0.1", "tcp:8080:interface=127.0.0.1", "", None, None),
    ("unix:/run/ssl:mode=660", "unix:/run/ssl:mode=660", "", None, None),
    ("ssl:443", "tcp:port=443", "ssl:0", "server.pem", "server.pem"),
    (
        "ssl:443:privateKey=/key.pem",
        "tcp:port=443",
        "ssl:0:privateKey=/key.pem",
        "/key.pem",
        "/key.pem",
    ),
    (
        "SSL:443:privateKey=/k.pem:certKey=/c.pem:interface=\\:\\:1:backlog=9",
        "tcp:port=443:interface=\\:\\:1:backlog=9",
        "ssl:0:privateKey=/k.pem:certKey=/c.pem",
        "/k.pem",
        "/c.pem",
    ),
    (
        "ssl:port=443:certKey=/a\\:b/c.pem",
        "tcp:port=443",
        "ssl:0:certKey=/a\\:b/c.pem",
        "server.pem",
        "/a:b/c.pem",
    ),
    (
        "ssl:443:/k.pem:/c.pem:TLS_METHOD:127.0.0.1",
        "tcp:port=443:interface=127.0.0.1",
        "ssl:0:privateKey=/k.pem:certKey=/c.pem:sslmethod=TLS_METHOD",
        "/k.pem",
        "/c.pem",
    ),
    (
        "systemd:domain=INET6:name=addin:privateKey=/k.pem:certKey=/c.pem",
        "systemd:domain=INET6:name=addin",
        "ssl:0:privateKey=/k.pem:certKey=/c.pem",
        "/k.pem",
        "/c.pem",
    ),
    ("systemd:domain=INET:index=0", "systemd:domain=INET:index=0", "", None, None),
    ("haproxy:tcp:80", "tcp:80", "", None, None),
    (
        "haproxy:ssl:443:privateKey=k",
        "tcp:port=443",
        "ssl:0:privateKey=k",
        "k",
        "k",
    ),
]


@pytest.mark.parametrize(
    ("string", "transport", "tls", "key", "certificate"),
    STRINGS,
    ids=[each[0] for each in STRINGS],
)
def test_a_string_is_taken_apart(
    string: str, transport: str, tls: str, key: str | None, certificate: str | None
) -> None:
    """TLS and the PROXY protocol are separated from the rest; the files are named."""
    found = parse_endpoint(string)
    assert (found.transport, found.tls) == (transport, tls)
    assert found.key == (None if key is None else Path(key))
    assert found.certificate == (None if certificate is None else Path(certificate))
    assert set(found.files) == {f for f in (found.key, found.certificate) if f}
    assert found.is_proxied == string.startswith("haproxy:")
    if not transport.startswith("systemd"):  # those are given to a process
        serverFromString(MemoryReactor(), transport)


def test_every_file_of_the_tls_is_watched() -> None:
    """Those of the chain and of Diffie-Hellman, too."""
    found = parse_endpoint("ssl:1:k:c:extraCertChain=e:dhParameters=d")
    assert [str(file) for file in found.files] == ["k", "c", "e", "d"]


@pytest.mark.parametrize(
    ("string", "socket"),
    [
        ("unix:/run/a:mode=660", "/run/a"),
        ("unix:mode=660:address=/run/a", "/run/a"),
        ("haproxy:unix:/run/a\\:b", "/run/a:b"),
        ("tcp:80", None),
        ("ssl:443", None),
    ],
)
def test_the_path_of_a_socket(string: str, socket: str | None) -> None:
    """By position or by name; others have none."""
    assert parse_endpoint(string).socket == (None if socket is None else Path(socket))


def test_endpoints_whose_ciphers_nobody_restricts() -> None:
    """Twisted's `tls:` would offer what `ssl:` does not."""
    with pytest.raises(ValueError, match="use ssl:PORT"):
        parse_endpoint("tls:/etc/certificates:443")


@pytest.mark.parametrize("path", ["", "/run/" + "a" * 103, "/run/" + "é" * 52])
def test_a_socket_that_cannot_be_made(path: str) -> None:
    """A Unix socket has a path, and the system bounds its length in bytes."""
    for start in ("unix:", "unix:address=", "haproxy:unix:"):
        with pytest.raises(ValueError, match="up to 107 bytes"):
            parse_endpoint(start + path)
    assert parse_endpoint("unix:/run/" + "a" * 102).socket is not None
