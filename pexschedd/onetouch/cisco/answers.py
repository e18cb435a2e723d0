"""Answers of an endpoint's API, and what they mean. Pure.

A command that fails is answered with HTTP 200 and an error inside, by newer software
with 400. The texts of reasons are printed nowhere, so they are told by their words.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from urllib.parse import urlsplit

import msgspec
from lxml import etree

from pexschedd.onetouch.pushing.software import version_text

MAX_ANSWER = 512 * 1024
"""Bytes of an answer; those to our requests have some thousands."""
MOST_LISTED = 2_000
"""Bookings of an answer that are looked at."""


class AnswerKind(StrEnum):
    """Kinds of answers."""

    DONE = "done"
    UNKNOWN = "unknown"
    """The software does not know the command, or not in its present mode."""
    SIGN_IN = "sign_in"
    """The credentials, or the session, are not accepted."""
    NOT_ALLOWED = "not_allowed"
    """The account may not do this."""
    BUSY = "busy"
    REDIRECTED = "redirected"
    REFUSED = "refused"


class EndpointAnswer(msgspec.Struct, frozen=True):
    """An endpoint's answer; `reason` is its own text, or what else is known."""

    kind: AnswerKind
    reason: str = ""


class EndpointResponse(msgspec.Struct, frozen=True):
    """An answer as it came."""

    status: int
    body: bytes = b""
    location: str = ""


_NOT_ALLOWED = (
    r"not allowed|permission|access denied|(not |un)authori[sz]ed|insufficient|"
    r"\brole\b"
)
_UNKNOWN = (
    r"unknown command|no match|not (be )?found|unrecogni[sz]ed|"
    r"not (available|supported|implemented)|unavailable|unsupported"
)
_REASONS = (
    # The first that fits.
    (AnswerKind.NOT_ALLOWED, _NOT_ALLOWED),
    (AnswerKind.UNKNOWN, _UNKNOWN),
    (AnswerKind.BUSY, r"busy|try again|temporar|too many|no (free )?session"),
)
_BY_STATUS = {
    401: AnswerKind.SIGN_IN,
    403: AnswerKind.NOT_ALLOWED,
    404: AnswerKind.UNKNOWN,
    405: AnswerKind.UNKNOWN,
    429: AnswerKind.BUSY,
    503: AnswerKind.BUSY,
}
_PAGE = re.compile(rb"<html[\s>]", re.IGNORECASE)
_SIGN_IN = re.compile(rb"sign[ -]?in", re.IGNORECASE)
_LONGEST_PAGE = 20_000
"""Bytes of a web page that are searched."""
_LONGEST_REASON = 300
_MOST_ERRORS, _MOST_TEXTS = 10, 30
"""Errors of an answer, and pieces of text in one of them, that are read."""
_LONGEST_URL = 2048


def meaning(answer: EndpointResponse) -> EndpointAnswer:
    """Return what the answer to a command means."""
    status = answer.status
    if 300 <= status < 400:
        if "signin" in answer.location.lower():
            return EndpointAnswer(
                AnswerKind.SIGN_IN, "it redirects to its sign-in page"
            )
        return EndpointAnswer(
            AnswerKind.REDIRECTED, f"it redirects to {_shown(answer.location)}"
        )
    if status in _BY_STATUS:
        reason = " ".join(_errors(_tree(answer.body))) or f"HTTP status {status}"
        return EndpointAnswer(_BY_STATUS[status], _shown(reason))
    if 200 <= status < 300 or status == 400:
        return _inside(answer)
    return EndpointAnswer(AnswerKind.REFUSED, f"HTTP status {status}")


def _inside(answer: EndpointResponse) -> EndpointAnswer:
    if answer.status < 300 and not answer.body.strip():
        return EndpointAnswer(AnswerKind.DONE)
    if _is_sign_in_page(answer.body):
        return EndpointAnswer(AnswerKind.SIGN_IN, "it shows its sign-in page")
    tree = _tree(answer.body)
    if tree is None:
        return EndpointAnswer(AnswerKind.REFUSED, "its answer is not XML")
    if _name(tree).lower() == "html":
        return EndpointAnswer(AnswerKind.REFUSED, "its answer is a web page")
    reasons = list(_errors(tree))
    if reasons:
        text = _shown(" ".join(filter(None, reasons))) or "without a reason"
        return EndpointAnswer(_kind_of(text), text)
    if answer.status == 400:
        return EndpointAnswer(AnswerKind.REFUSED, "HTTP status 400")
    return EndpointAnswer(AnswerKind.DONE)


def _is_sign_in_page(body: bytes) -> bool:
    # Two searches, one behind the other: a single pattern with anything in between
    # would begin anew at each "<html", of which there may be thousands.
    page = _PAGE.search(body, 0, _LONGEST_PAGE)
    return page is not None and bool(_SIGN_IN.search(body, page.end(), _LONGEST_PAGE))


def _kind_of(reason: str) -> AnswerKind:
    for kind, pattern in _REASONS:
        if re.search(pattern, reason, re.IGNORECASE):
            return kind
    return AnswerKind.REFUSED


def _errors(tree: etree._Element | None) -> Iterator[str]:
    """Yield the reasons of the first errors in an answer, possibly empty ones.

    Of errors within each other the outermost counts: its text has that of the others.
    Takes time in proportion to the answer, however it is nested.
    """
    if tree is not None:
        yield from islice(_all_errors(tree), _MOST_ERRORS)


def _all_errors(tree: etree._Element) -> Iterator[str]:
    walk = etree.iterwalk(tree, events=("start",))
    for _, element in walk:
        if not isinstance(element.tag, str):
            continue
        status = (element.get("status") or "").lower()
        if status.endswith("error") or _name(element) in ("Error", "error"):
            walk.skip_subtree()
            texts = (str(text).strip() for text in element.itertext())
            yield " ".join(islice(filter(None, texts), _MOST_TEXTS))


class SystemUnit(msgspec.Struct, frozen=True):
    """An endpoint as it describes itself; None and "" for what it does not say."""

    version: str = ""
    product: str = ""
    uptime: int | None = None
    """Seconds since it was started."""


def system_unit(body: bytes) -> SystemUnit | None:
    """Return the description in an answer about `/Status/SystemUnit`; None if it has
    none."""
    tree = _tree(body)
    unit = next((e for e in _elements(tree) if _name(e) == "SystemUnit"), None)
    if unit is None:
        return None
    found = {
        path: version_text(unit.findtext(path) or "")
        for path in ("Software/Version", "ProductId", "ProductPlatform", "Uptime")
    }
    uptime = found["Uptime"]
    return SystemUnit(
        found["Software/Version"],
        found["ProductId"] or found["ProductPlatform"],
        int(uptime) if re.fullmatch(r"[0-9]{1,10}", uptime) else None,
    )


def is_in_cloud(body: bytes) -> bool:
    """Return whether an answer about `/Status/Webex/Status` says "Registered"."""
    texts = ((e.text or "").strip() for e in _elements(_tree(body)))
    return "Registered" in texts


def listed_ids(body: bytes) -> frozenset[str] | None:
    """Return the ids in an answer to `Bookings List`; None if it is no such list."""
    tree = _tree(body)
    found = next((e for e in _elements(tree) if _name(e) == "BookingsListResult"), None)
    if found is None or found.get("status") != "OK":
        return None
    ids: set[str] = set()
    for number, booking in enumerate(found.iterfind("Booking")):
        if number >= MOST_LISTED:
            break
        ids.update((booking.findtext(name) or "").strip() for name in _ID_NAMES)
    return frozenset(ids - {""})


_ID_NAMES = ("Id", "MeetingId")


def feedback_urls(body: bytes) -> dict[int, str]:
    """Return the URLs in an answer about `/Status/HttpFeedback`, by their slots."""
    found: dict[int, str] = {}
    for element in _elements(_tree(body)):
        slot = element.get("item") or ""
        if _name(element) == "HttpFeedback" and re.fullmatch("[1-4]", slot):
            found[int(slot)] = (element.findtext("URL") or "").strip()[:_LONGEST_URL]
    return found


def leads_elsewhere(location: str, scheme: str, host: str) -> bool:
    """Return whether a redirection leaves a scheme and host."""
    try:
        parts = urlsplit(location)
        found = (parts.scheme or scheme, parts.hostname or host)
    except ValueError:
        return True
    return found != (scheme, host.lower())


def _tree(body: bytes) -> etree._Element | None:
    """Parse an answer; None if it is not XML."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _elements(tree: etree._Element | None) -> Iterator[etree._Element]:
    if tree is not None:
        yield from (e for e in tree.iter() if isinstance(e.tag, str))


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _shown(text: str) -> str:
    """Text of an endpoint for people: one printable line."""
    line = " ".join(text.split())
    return "".join(c for c in line if c.isprintable())[:_LONGEST_REASON]
