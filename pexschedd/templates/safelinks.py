"""Undo what mail filters do to links: Microsoft Safe Links, Proofpoint URL Defense.

Both take a text and give it back with every rewritten link in it replaced by the link
that the sender wrote. What cannot be decoded stays as it is.
"""

import base64
import html
import re
from collections.abc import Callable
from itertools import islice
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import parse_qs, unquote, urlsplit

_MAX_NESTING = 3
"""Forwarded mails have their links rewritten again."""

_SAFE_LINK = re.compile(
    r"https?://(?:[a-z0-9-]{1,63}\.safelinks\.protection\.(?:outlook\.com|office365\.us)"
    r"|statics\.teams\.cdn\.office\.net)/[^\s<>\"']+",
    re.IGNORECASE,
)
_URL_DEFENSE = re.compile(
    r"https?://urldefense(?:\.proofpoint)?\.(?:com|us)/"
    r"(?:v[12]/url\?|v3/__)[^\s<>\"']+",
    re.IGNORECASE,
)
_V3 = re.compile(
    r"/v3/__(?P<url>.+?)__;(?P<characters>[A-Za-z0-9_-]*)!![^$]*\$?(?P<tail>.*)",
    re.DOTALL,
)
_V3_PLACE = re.compile(r"\*(?:\*(?P<run>.))?", re.DOTALL)
_V3_RUNS = {
    character: length
    for length, character in enumerate(
        ascii_uppercase + ascii_lowercase + digits + "-_", start=2
    )
}
_ONE_SLASH = re.compile(r"^([a-z][a-z0-9+.-]*:/)(?=[^/])", re.IGNORECASE)


def decode_safelinks(text: str) -> str:
    """Each Safe Links address replaced by its `url` parameter."""
    return _decode_all(_SAFE_LINK, _safe_link, text)


def decode_urldefense(text: str) -> str:
    """Each URL Defense address (versions 1, 2 and 3) replaced by the original."""
    return _decode_all(_URL_DEFENSE, _url_defense, text)


def _decode_all(
    pattern: re.Pattern[str], decode: Callable[[str], str | None], text: str
) -> str:
    def replacement(match: re.Match[str]) -> str:
        try:
            return decode(match[0]) or match[0]
        except ValueError:
            return match[0]

    for _ in range(_MAX_NESTING):
        decoded = pattern.sub(replacement, text)
        if decoded == text:
            break
        text = decoded
    return text


def _parameter(link: str, name: str) -> str | None:
    # In the source of a page the separators are written as entities.
    query = urlsplit(link.replace("&amp;", "&")).query
    values = parse_qs(query, max_num_fields=20).get(name)
    return values[0] if values else None


def _safe_link(link: str) -> str | None:
    return _parameter(link, "url")


def _url_defense(link: str) -> str | None:
    if "/v1/" in link:
        url = _parameter(link, "u")
        return None if url is None else html.unescape(url)
    if "/v2/" in link:
        url = _parameter(link, "u")
        if url is None:
            return None
        return html.unescape(unquote(url.replace("-", "%").replace("_", "/")))
    return _url_defense_v3(link)


def _url_defense_v3(link: str) -> str | None:
    """Version 3 has `*` for each character, `**x` for a run, taken from a list."""
    match = _V3.match(link, link.find("/v3/__"))
    if match is None:
        return None
    encoded = match["characters"]
    characters = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    rest = iter(characters.decode("utf-8"))

    def fill(place: re.Match[str]) -> str:
        length = 1 if place["run"] is None else _V3_RUNS.get(place["run"], 0)
        return "".join(islice(rest, length))

    url = _ONE_SLASH.sub(r"\1/", unquote(match["url"]))
    return _V3_PLACE.sub(fill, url) + match["tail"]
