"""Proofpoint's URL Defense, versions 1 to 3. Pure.

Version 3 takes characters out of the link, puts `*` in the place of one and `**` and a
letter in the place of a run, and appends them in base64. Nothing is percent-decoded:
the escapes that remain are the link's own.
"""

import base64
import html
import re
from itertools import islice
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import unquote

from pexschedd.onetouch.links.web_link import WebLink

_RUNS = {
    letter: length
    for length, letter in enumerate(
        ascii_uppercase + ascii_lowercase + digits + "-_", start=2
    )
}
_PLACE = re.compile(r"\*(?:\*(?P<run>[A-Za-z0-9_-]))?")
_ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}:/)(?=[^/])")


def undo_url_defense(link: WebLink) -> str | None:
    """Return the link that was rewritten; None if that cannot be told."""
    if link.path.startswith("/v3/"):
        return _version_3(link.url)
    value = _raw_parameter(link.query)
    if value is None:
        return None
    if link.path.startswith("/v2/"):
        value = value.replace("-", "%").replace("_", "/")
    return html.unescape(unquote(value))


def _raw_parameter(query: str) -> str | None:
    for piece in query.replace("&amp;", "&").split("&"):
        if piece[:2] == "u=":
            return piece[2:]
    return None


def _version_3(url: str) -> str | None:
    start = url.find("/v3/__")
    if start < 0:
        return None
    start += len("/v3/__")
    end = url.find("__;", start)
    encoded = ""
    if end < 0:
        end = url.rfind("__")
    else:
        encoded = url[end + 3 :].partition("!")[0]
    if end <= start:
        return None
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        characters = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        return None
    rest = iter(characters)

    def fill(place: re.Match[str]) -> str:
        length = 1 if place["run"] is None else _RUNS[place["run"]]
        # Without a character left, the asterisk is the link's own.
        return "".join(islice(rest, length)) or place[0]

    # Some mailers make one slash of the two.
    original = _ONE_SLASH.sub(r"\1/", url[start:end], count=1)
    return _PLACE.sub(fill, original)
