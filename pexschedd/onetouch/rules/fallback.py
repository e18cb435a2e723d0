"""The aliases without a rule: `sip:`, `sips:` and `h323:` addresses. Pure.

Not to be configured, as on the platform: an address that is written with its protocol
is meant to be dialled.
"""

from typing import NamedTuple

from pexschedd.onetouch.invitation.passages import Passage
from pexschedd.onetouch.services.patterns import compiled

_SIP = (
    r"(?:^|[^a-z0-9])sips?:(?://)?(?P<user>[a-z0-9._~!$&*+=%#/-]{1,128})@"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])"
    r"[.-]*(?:[^@a-z0-9.-]|$)"  # what has another @ is no address
)
_H323 = (
    r"(?:^|[^a-z0-9])h323:(?://)?"
    r"(?P<address>[a-z0-9+*][a-z0-9._+*#-]{0,250}(?:@[a-z0-9][a-z0-9.-]{0,250})?)"
    r"(?:[^@a-z0-9._+*#-]|$)"
)


class FallbackAlias(NamedTuple):
    """An address of the text, without its parameters."""

    alias: str
    protocol: str
    position: int


def fallback_alias(passage: Passage) -> FallbackAlias | None:
    """Return the first address that is written with its protocol."""
    found: list[FallbackAlias] = []
    if (match := compiled(_SIP).search(passage.data)) is not None:
        alias = f"{match.values['user']}@{match.values['host']}"
        found.append(FallbackAlias(alias, "SIP", match.start))
    if (match := compiled(_H323).search(passage.data)) is not None:
        alias = match.values["address"].rstrip(".-")
        found.append(FallbackAlias(alias, "H323", match.start))
    return min(found, key=lambda each: each.position, default=None)


def split_protocol(written: str) -> tuple[str, str]:
    """Return an alias without a protocol before it, and the protocol."""
    scheme, colon, rest = written.partition(":")
    if colon and scheme.lower() in ("sip", "sips"):
        return rest.partition(";")[0], "SIP"
    if colon and scheme.lower() == "h323":
        return rest, "H323"
    return written, "H323" if "##" in written else "SIP"
