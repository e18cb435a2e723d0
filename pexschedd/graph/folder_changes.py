"""Changes in a folder, as Graph's delta query lists them. Pure.

Source: Graph's delta query for messages. A page has new and changed messages in no
certain order, some of them more than once, and a link to the next page or, in the last
one, to the changes from then on.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import msgspec

from pexschedd.errors import CursorLost
from pexschedd.exchange.global_ids import canonical_uid
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.model.meeting import MessageRef

MAX_LINK = 16 * 1024
"""Characters of a link to another page."""
MAX_ID = 1024
"""Characters of an item's id."""

_USER = re.compile(r"/v1\.0/users(?:/|\(')([^/']+)", re.ASCII | re.IGNORECASE)
_RESPONSES = ("meetingaccepted", "meetingtenativelyaccepted", "meetingdeclined")


class ChangedMessage(msgspec.Struct, frozen=True):
    """A message as a page of changes has it."""

    id: str
    received: datetime | None
    """None if only another property has changed."""
    uid: str
    about_meeting: bool
    """False if it is certain that it neither requests nor cancels a meeting."""

    @property
    def ref(self) -> MessageRef:
        """The reference to the message."""
        return MessageRef(self.id, uid=self.uid)


class ChangesPage(msgspec.Struct, frozen=True):
    """A page of changes. One of the links is empty."""

    messages: tuple[ChangedMessage, ...]
    is_empty: bool
    """True if the page lists nothing, not even messages that are gone."""
    next_link: str
    delta_link: str


class MailboxPosition(msgspec.Struct, frozen=True):
    """The position in both folders, which is the cursor of `Mailbox.arrivals`.

    A folder without a link has not been read yet.
    """

    inbox: str = ""
    deleted: str = ""
    seen: datetime | None = None
    """The time at which the newest message that was ever listed has arrived."""

    @classmethod
    def read(cls, cursor: str, target: GraphTarget) -> Self:
        """Read what `str` made of a position. Raises `CursorLost` for anything else,
        also for the position in another mailbox."""
        if not cursor:
            return cls()
        try:
            found = msgspec.json.decode(cursor, type=cls)
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise CursorLost("The cursor is not one of Microsoft Graph.") from None
        links = [link for link in (found.inbox, found.deleted) if link]
        if not all(leads_to(target, link) for link in links):
            raise CursorLost("The cursor is that of another mailbox.")
        if found.seen is not None and found.seen.tzinfo is None:
            raise CursorLost("The cursor is not one of Microsoft Graph.")
        return found

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


def leads_to(target: GraphTarget, link: str) -> bool:
    """Return whether a link leads to a mailbox: to its host and, if it names the
    mailbox by an address, to this one; and nowhere else from there (`..`)."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    match = _USER.match(parts.path)
    if match is None or parts.netloc.casefold() != target.host.casefold():
        return False
    if {".", ".."}.intersection(unquote(parts.path).split("/")):
        return False
    user = unquote(match[1]).casefold()
    return user == target.mailbox.casefold() or "@" not in user


def parse_changes(data: bytes) -> ChangesPage:
    """Read a page. Raises `ValueError` for a document that is none."""
    document = decoded_object(data)
    entries = [each for each in listed(document) if isinstance(each, dict)]
    next_link, delta_link = links_of(document)
    if not next_link and not delta_link:
        raise ValueError("a page of changes says nothing of the next one")
    messages = [_read(each) for each in entries if "@removed" not in each]
    return ChangesPage(
        tuple(each for each in messages if each is not None),
        is_empty=not entries,
        next_link="" if delta_link else next_link,
        delta_link=delta_link,
    )


def decoded_object(data: bytes) -> dict[str, Any]:
    """Decode a JSON object. Raises `ValueError` for anything else."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    return document


def listed(document: dict[str, Any]) -> list[Any]:
    """Return the entries of a collection. Raises `ValueError` if it is none."""
    entries = document.get("value")
    if not isinstance(entries, list):
        raise ValueError("it is no collection: there is no list `value`")
    return entries


def links_of(document: dict[str, Any]) -> tuple[str, str]:
    """Return the links of a page to the next one, and to later changes; "" for none.

    Raises `ValueError` for one that is no link, or too long to be one.
    """
    found = []
    for name in ("@odata.nextLink", "@odata.deltaLink"):
        link = document.get(name) or ""
        if not isinstance(link, str):
            raise ValueError(f"{name} is no text")
        if len(link) > MAX_LINK:
            raise ValueError(f"{name} has {len(link)} characters")
        found.append(link)
    return found[0], found[1]


def newest_first(messages: Iterable[ChangedMessage]) -> list[ChangedMessage]:
    """Return messages in the order of the time at which they arrived, the newest first,
    each once; those without a time are the oldest."""
    once: dict[str, ChangedMessage] = {}
    for each in messages:
        known = once.get(each.id)
        if known is None or known.received is None:
            once[each.id] = each
    return sorted(once.values(), key=_age)[::-1]


def _age(message: ChangedMessage) -> datetime:
    return message.received or datetime.min.replace(tzinfo=UTC)


def read_id(entry: dict[str, Any]) -> str:
    """Return the id of an entity; "" if it has none that can be used."""
    found = entry.get("id")
    return found if isinstance(found, str) and len(found) <= MAX_ID else ""


def read_moment(value: object) -> datetime | None:
    """Return an Edm.DateTimeOffset as aware UTC; None for anything else."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _read(entry: dict[str, Any]) -> ChangedMessage | None:
    identifier = read_id(entry)
    if not identifier:
        return None
    return ChangedMessage(
        identifier,
        read_moment(entry.get("receivedDateTime")),
        _uid(entry.get("singleValueExtendedProperties")),
        _may_be_about_meeting(entry),
    )


def _may_be_about_meeting(entry: dict[str, Any]) -> bool:
    kind, about = entry.get("@odata.type"), entry.get("meetingMessageType")
    if isinstance(about, str) and about.casefold() in _RESPONSES:
        return False
    return not isinstance(kind, str) or kind.casefold() in (
        "#microsoft.graph.eventmessage",
        "#microsoft.graph.eventmessagerequest",
    )


def _uid(properties: object) -> str:
    """Return the meeting's UID, from the one property that was asked for."""
    if not isinstance(properties, list):
        return ""
    for each in properties:
        value = each.get("value") if isinstance(each, dict) else None
        if isinstance(value, str):
            try:
                return canonical_uid(b64decode(value, validate=True))
            except (Base64Error, ValueError):
                return ""
    return ""
