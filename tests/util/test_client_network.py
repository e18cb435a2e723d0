"""What clients are counted by."""

import pytest

from pexschedd.util.client_network import network_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:0:0:1"),
        ("fe80::1", "fe80::2%eth0"),
    ],
)
def test_one_client(one: str, other: str) -> None:
    """All addresses of a network that one customer has are one client."""
    assert network_of(one) == network_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1"), ("", "a")],
)
def test_two_clients(one: str, other: str) -> None:
    """Others are not."""
    assert network_of(one) != network_of(other)


def test_stored_texts_stay() -> None:
    """The text is hashed into what is stored of known addresses; no address is long."""
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("2001:db8::1") == str(0x20010DB800000000)
    assert network_of("x" * 200) == "x" * 100
