"""A link taken apart, as far as it can be trusted to lead where it seems to. Pure."""

import re
from typing import NamedTuple
from urllib.parse import unquote

LONGEST = 16_384
"""Characters of a link; a longer one is not read."""
_MOST_PARAMETERS = 60

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30})://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_HOST = re.compile(
    r"(?P<host>[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20})\.?(?::[0-9]{0,5})?"
)


class WebLink(NamedTuple):
    """The parts of a link, as written: nothing is decoded but the parameters."""

    url: str
    scheme: str
    host: str
    """In lower case, without port and final dot. Empty if the link has none that a
    browser is sure to understand as it reads: one with a user name before it
    (`https://zoom.us@other.example`), with letters outside ASCII, with an escape."""
    path: str
    query: str
    fragment: str

    def parameter(self, name: str) -> str | None:
        """Return the first value of a parameter, decoded once; None without it."""
        for key, value in self._parameters():
            if key == name:
                # A `+` stays: dial strings have that, and never a blank.
                return unquote(value)
        return None

    def _parameters(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        # A page that is one program has its parameters behind `#/?`.
        for part in (self.query, self.fragment.partition("?")[2]):
            pieces = part.replace("&amp;", "&").split("&", _MOST_PARAMETERS)
            for piece in pieces[:_MOST_PARAMETERS]:
                key, _, value = piece.partition("=")
                found.append((key.lower(), value))
        return found


def parse_link(url: str) -> WebLink | None:
    """Return the parts of an absolute link; None if it is none."""
    match = _URL.fullmatch(url) if len(url) <= LONGEST else None
    if match is None:
        return None
    scheme = match["scheme"].lower()
    authority = match["authority"]
    host = ""
    if authority.isascii():
        found = _HOST.fullmatch(authority.lower())
        host = found["host"] if found else ""
    return WebLink(
        url, scheme, host, match["path"], match["query"] or "", match["fragment"] or ""
    )


def is_within(host: str, domain: str) -> bool:
    """Return whether a host is a domain, or below it."""
    return host == domain or host.endswith("." + domain)
