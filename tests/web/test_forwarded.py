"""What reverse proxies say of clients, and whom of them is believed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.web.forwarded import FORWARDED, Client, TrustedProxies

PROXIES = TrustedProxies(["127.0.0.1", "10.1.0.0/16", "2001:db8:1::/64"])
RFC_7239 = TrustedProxies(["10.1.0.0/16"], FORWARDED)
STRANGER = "192.0.2.7"


def client(proxies: TrustedProxies, peer: str, /, **headers: str | list[str]) -> Client:
    values = {
        name.replace("_", "-").encode(): [
            each.encode("latin-1")
            for each in ([value] if isinstance(value, str) else value)
        ]
        for name, value in headers.items()
    }

    def get(name: bytes) -> Sequence[bytes] | None:
        return values.get(name)

    return proxies.client(peer, get)


ADDRESSES = [
    # peer, X-Forwarded-For, the client's address
    (STRANGER, "198.51.100.1", STRANGER),
    ("10.1.0.5", "198.51.100.1", "198.51.100.1"),
    ("::ffff:10.1.0.5", "198.51.100.1", "198.51.100.1"),
    ("2001:db8:1::5", "2001:db8:2::1", "2001:db8:2::1"),
    ("10.1.0.5", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
    ("10.1.0.5", "198.51.100.1, 10.1.0.6", "198.51.100.1"),
    ("10.1.0.5", "1.1.1.1, 198.51.100.1, 10.1.0.7,10.1.0.6", "198.51.100.1"),
    ("10.1.0.5", "10.1.0.7, 10.1.0.6", "10.1.0.7"),
    ("10.1.0.5", "198.51.100.1, unknown", "10.1.0.5"),
    ("10.1.0.5", "198.51.100.1, unknown, 10.1.0.6", "10.1.0.6"),
    ("10.1.0.5", "198.51.100.1:4711", "198.51.100.1"),
    ("10.1.0.5", "[2001:db8:2::1]:4711", "2001:db8:2::1"),
    ("10.1.0.5", "::ffff:198.51.100.1", "198.51.100.1"),
    ("10.1.0.5", "198.51.100.1, [::ffff:10.1.0.6]:4711", "198.51.100.1"),
    ("10.1.0.5", "fe80::1%eth0", "10.1.0.5"),
    ("10.1.0.5", "", "10.1.0.5"),
    ("10.1.0.5", ",", "10.1.0.5"),
    ("", "198.51.100.1", "198.51.100.1"),
    ("", "", ""),
]


@pytest.mark.parametrize(("peer", "header", "address"), ADDRESSES)
def test_the_first_that_is_no_proxy(peer, header, address) -> None:  # type: ignore[no-untyped-def]
    """From the right, as far as each is trusted."""
    assert client(PROXIES, peer, x_forwarded_for=header).address == address


def test_lines_are_one_list() -> None:
    """A header may stand several times."""
    found = client(PROXIES, "10.1.0.5", x_forwarded_for=["8.8.8.8", "10.1.0.6"])
    assert found.address == "8.8.8.8"


def test_scheme_and_host() -> None:
    """Of the nearest proxy; what is neither is left out."""
    found = client(
        PROXIES,
        "10.1.0.5",
        x_forwarded_for=STRANGER,
        x_forwarded_proto="http, HTTPS",
        x_forwarded_host="rooms.example.com:8443",
    )
    assert found == Client(STRANGER, True, "https", "rooms.example.com:8443")
    found = client(
        PROXIES,
        "10.1.0.5",
        x_forwarded_proto="gopher",
        x_forwarded_host='evil"><script>',
    )
    assert found == Client("10.1.0.5", True, "", "")


def test_a_stranger_says_nothing() -> None:
    """None of the headers of other peers is read."""
    found = client(
        PROXIES,
        STRANGER,
        x_forwarded_for="127.0.0.1",
        x_forwarded_proto="https",
        x_forwarded_host="x",
        forwarded="for=127.0.0.1;proto=https;host=x",
    )
    assert found == Client(STRANGER)


FORWARDED_HEADERS = [
    ("for=192.0.2.7", Client(STRANGER, True)),
    (
        "For=192.0.2.7;Proto=https;Host=a.test",
        Client(STRANGER, True, "https", "a.test"),
    ),
    ('for="192.0.2.7:80"; proto=http', Client(STRANGER, True, "http")),
    ('for="[2001:db8:2::1]:4711"', Client("2001:db8:2::1", True)),
    ("for=1.1.1.1, for=192.0.2.7, for=10.1.0.6", Client(STRANGER, True)),
    (
        "for=192.0.2.7;host=left.test, for=10.1.0.6;host=right.test",
        Client(STRANGER, True, "", "right.test"),
    ),
    ("for=192.0.2.7;for=8.8.8.8", Client(STRANGER, True)),
    ('for="192.0.2\\.7"', Client(STRANGER, True)),
    ("for=unknown", Client("10.1.0.5", True)),
    ("for=_hidden, for=10.1.0.6", Client("10.1.0.6", True)),
    ("", Client("10.1.0.5")),
    ("for", Client("10.1.0.5")),
    ('for="192.0.2.7', Client("10.1.0.5")),
    ("for=192.0.2.7 for=1.1.1.1", Client("10.1.0.5")),
]


@pytest.mark.parametrize(("header", "found"), FORWARDED_HEADERS)
def test_the_standard_header(header: str, found: Client) -> None:
    """RFC 7239, with what it quotes; of a malformed one nothing."""
    assert client(RFC_7239, "10.1.0.5", forwarded=header) == found


def test_only_the_header_of_the_proxies_is_read() -> None:
    """The other one they pass on as the client has sent it."""
    headers = {"forwarded": "for=8.8.8.8", "x_forwarded_for": STRANGER}
    assert client(PROXIES, "10.1.0.5", **headers).address == STRANGER
    assert client(RFC_7239, "10.1.0.5", **headers).address == "8.8.8.8"


def test_none_is_trusted() -> None:
    """Not even this machine's, if the list is empty."""
    found = client(TrustedProxies([]), "127.0.0.1", x_forwarded_for=STRANGER)
    assert found.address == "127.0.0.1"


@given(st.text(max_size=300), st.sampled_from([PROXIES, RFC_7239]))
def test_whatever_is_sent(text: str, proxies: TrustedProxies) -> None:
    """Nothing raises, and no address is anything else than an address."""
    sent = text.encode("utf-8", "ignore").decode("latin-1")
    found = client(
        proxies,
        "10.1.0.5",
        x_forwarded_for=sent,
        x_forwarded_proto=sent,
        x_forwarded_host=sent,
        forwarded=sent,
    )
    assert set(found.address) <= set("0123456789abcdef:.")
    assert found.scheme in ("", "http", "https")
    assert found.host.isascii()
    assert not set(found.host) & set("\r\n \"'<>/")
