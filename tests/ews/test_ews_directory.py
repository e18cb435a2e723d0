"""What ResolveNames says about a mailbox, from answers as servers give them."""

import pytest

from pexschedd.ews.operations.resolve_names import parse_entry, parse_primary
from pexschedd.scheduling.ports.mailbox import DirectoryEntry
from tests.ews.ews_support import failure, response, success

ROOM = "pexip@example.test"


def resolution(name: str, primary: str, *proxies: str) -> str:
    entries = "".join(
        f'<t:Entry Key="EmailAddress{n}">{each}</t:Entry>'
        for n, each in enumerate(proxies, 1)
    )
    return (
        f"<t:Resolution><t:Mailbox><t:Name>{name}</t:Name>"
        f"<t:EmailAddress>{primary}</t:EmailAddress></t:Mailbox><t:Contact>"
        f"<t:EmailAddresses>{entries}</t:EmailAddresses></t:Contact></t:Resolution>"
    )


def answer(*resolutions: str) -> bytes:
    found = f"<m:ResolutionSet>{''.join(resolutions)}</m:ResolutionSet>"
    return response("ResolveNames", success("ResolveNames", found))


def test_all_addresses() -> None:
    """Types go, each address is told once, the primary first; nonsense is left out."""
    proxies = (
        f"SMTP:{ROOM.title()}",
        "smtp:room@example.test",
        "X500:/o=First/cn=room",
        "sip:",
        "x" * 400 + "@example.test",
    )
    assert parse_entry(answer(resolution("Room", ROOM, *proxies)), ROOM) == (
        DirectoryEntry("Room", ROOM, (ROOM, "room@example.test", "/o=First/cn=room"))
    )


def test_names_that_begin_alike() -> None:
    """Of several entries it is the one that has just this address, or none."""
    longer = resolution("Pexip Test", f"{ROOM}.au")
    ours = resolution("Room", "room@example.test", f"smtp:{ROOM}")
    found = parse_entry(answer(longer, ours), ROOM)
    assert found is not None
    assert (found.name, found.primary) == ("Room", "room@example.test")
    assert parse_entry(answer(longer, longer), ROOM) is None


@pytest.mark.parametrize(
    ("address", "primary"),
    [
        (ROOM, ROOM),
        (ROOM.upper(), ROOM),
        ("former@example.test", ROOM),
        (ROOM.removesuffix("t"), ""),
        ("pexip@example", ""),
        ("pe\ufb01ip@example.test", ""),
    ],
)
def test_whose_mailbox(address: str, primary: str) -> None:
    """An entry is that of another of its addresses, too, but not of one that its
    address only begins with, or of one that is written with look-alikes."""
    assert parse_primary(answer(resolution("Room", ROOM)), address) == primary


def test_several_that_it_might_be() -> None:
    """An address that leads to several mailboxes is nobody's."""
    both = answer(resolution("Room", ROOM), resolution("Other", f"{ROOM}.au"))
    assert parse_primary(both, ROOM) == ""


@pytest.mark.parametrize(
    "data",
    [
        answer(),
        answer(resolution("Room", "")),
        response(
            "ResolveNames", failure("ResolveNames", "ErrorNameResolutionNoResults")
        ),
    ],
)
def test_nobody(data: bytes) -> None:
    """Without an entry, or an address in it, nothing is known."""
    assert parse_primary(data, ROOM) == ""
    assert parse_entry(data, ROOM) is None
