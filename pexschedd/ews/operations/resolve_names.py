"""ResolveNames: whose an address is, by the directory."""

import re

from pexschedd.ews.envelope import Element, child, children, m, parse, request, text
from pexschedd.model.mail_address import folded, passes_for_ascii
from pexschedd.scheduling.ports.mailbox import DirectoryEntry

AMBIGUOUS = "ErrorNameResolutionMultipleResults"
NOBODY = "ErrorNameResolutionNoResults"


def build_resolve(mailbox: str, address: str, *, full: bool = False) -> bytes:
    """Build a ResolveNames for one SMTP address; `full` asks for all addresses."""
    operation = m(
        "ResolveNames",
        m("UnresolvedEntry", f"smtp:{address}"),
        ReturnFullContactData="true" if full else "false",
        SearchScope="ActiveDirectory",
    )
    return request(operation, mailbox)


def parse_primary(data: bytes, address: str) -> str:
    """Read the primary address; empty if nobody has the address, or several might.

    A look-up goes by how addresses begin, and ignores more than upper and lower case:
    one that finds a longer address, or a look-alike, has found somebody else.
    """
    found = _resolutions(data)
    primary = _primary(found[0]) if len(found) == 1 else ""
    if any(map(passes_for_ascii, address)):
        return ""
    asked, has = folded(address), folded(primary)
    return "" if has != asked and has.startswith(asked) else primary


def parse_entry(data: bytes, address: str) -> DirectoryEntry | None:
    """Read the entry that has this address.

    A look-up goes by how addresses begin: of several entries, it is the one that tells
    just this address.
    """
    found = [_entry(each) for each in _resolutions(data)]
    exact = [e for e in found if address.casefold() in map(str.casefold, e.addresses)]
    if len(exact) == 1:
        return exact[0]
    return found[0] if len(found) == 1 and found[0].primary else None


def _resolutions(data: bytes) -> list[Element]:
    message = next(children(child(parse(data), "ResponseMessages")), None)
    return list(children(child(message, "ResolutionSet"), "Resolution"))


def _primary(resolution: Element) -> str:
    return text(resolution, "Mailbox", "EmailAddress").strip()


def _entry(resolution: Element) -> DirectoryEntry:
    primary = _primary(resolution)
    contact = child(resolution, "Contact")
    others = (
        _PROXY.sub("", (each.text or "").strip())
        for each in children(child(contact, "EmailAddresses"), "Entry")
    )
    addresses: dict[str, str] = {}
    for each in (primary, *others):
        if each and len(each) <= _LONGEST and ("@" in each or each.startswith("/")):
            addresses.setdefault(each.casefold(), each)
    return DirectoryEntry(
        name=text(resolution, "Mailbox", "Name").strip()[:_LONGEST],
        primary=primary,
        addresses=tuple(addresses.values())[:_MOST_ADDRESSES],
    )


_PROXY = re.compile(r"\A(?:smtp|x500|ex):", re.IGNORECASE)
"""The type that a proxy address begins with, in upper case for the primary one."""
_LONGEST = 320
_MOST_ADDRESSES = 20
