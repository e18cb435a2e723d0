"""Types of values: how they are written, and how constants are read to compare with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from lxml import etree

from pexschedd.sandbox import markup
from pexschedd.sandbox.items import timezones
from pexschedd.sandbox.items.records import Attendee, Body, MailboxUser
from pexschedd.sandbox.markup import Element

_RECIPIENTS = (
    "/o=Sandbox/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
)
Comparable = str | int | bool | bytes | datetime


@dataclass(frozen=True)
class ValueType:
    """A type of values.

    `write(parent, name, value)` adds the element. `parse` reads a constant and raises
    ValueError; without it the property cannot be compared.
    """

    write: Callable[[Element, str, Any], object]
    parse: Callable[[str, tzinfo], Comparable] | None = None


def comparables(value: object) -> tuple[Comparable, ...]:
    """Return the parts of a value that may equal a constant, text without regard to
    case."""
    if isinstance(value, str):
        return (value.casefold(),)
    if isinstance(value, MailboxUser):
        return (value.address.casefold(), value.name.casefold())
    if isinstance(value, Body):
        return (value.text.casefold(),)
    if isinstance(value, tuple):
        return tuple(each for part in value for each in comparables(part))
    if isinstance(value, list):
        return comparables(tuple(value))
    if isinstance(value, datetime):
        return (value.replace(microsecond=0),)
    if isinstance(value, bool | int | bytes):
        return (value,)
    return ()


def write_body(parent: Element, name: str, body: Body, body_type: str) -> None:
    """Add a body. `body_type` is HTML, Text, or Best for the form that the writer
    chose."""
    plain = body_type == "Text" or (body_type == "Best" and body.plain)
    text = body.text if plain else body.html
    markup.t(parent, name, text, BodyType="Text" if plain else "HTML")


def write_mailbox(
    parent: Element,
    person: MailboxUser,
    *,
    name_only: bool = False,
    by_dn: bool = False,
    kind: str = "Mailbox",
) -> None:
    """Add a Mailbox element; `kind` is its MailboxType. With `by_dn` it has the
    directory's own address."""
    mailbox = markup.t(parent, "Mailbox")
    markup.t(mailbox, "Name", person.name)
    if name_only:
        return
    address, routing = person.address, "SMTP"
    if by_dn:
        address, routing = f"{_RECIPIENTS}{address.partition('@')[0]}", "EX"
    markup.t(mailbox, "EmailAddress", address)
    markup.t(mailbox, "RoutingType", routing)
    markup.t(mailbox, "MailboxType", kind)


def _plain(parent: Element, name: str, value: object) -> None:
    markup.t(parent, name, markup.as_text(value))


def _strings(parent: Element, name: str, value: Sequence[str]) -> None:
    element = markup.t(parent, name)
    for each in value:
        markup.t(element, "String", each)


def _person(parent: Element, name: str, value: MailboxUser) -> None:
    write_mailbox(markup.t(parent, name), value)


def _people(parent: Element, name: str, value: Sequence[MailboxUser]) -> None:
    element = markup.t(parent, name)
    for person in value:
        write_mailbox(element, person)


def _attendees(parent: Element, name: str, value: Sequence[Attendee]) -> None:
    element = markup.t(parent, name)
    for attendee in value:
        each = markup.t(element, "Attendee")
        write_mailbox(each, attendee.person)
        markup.t(each, "ResponseType", attendee.response.value)
        if attendee.responded is not None:
            markup.t(each, "LastResponseTime", markup.stamp(attendee.responded))


def _attachments(parent: Element, name: str, value: Sequence[str]) -> None:
    element = markup.t(parent, name)
    for number, each in enumerate(value):
        file = markup.t(element, "FileAttachment")
        markup.t(file, "AttachmentId", Id=f"attachment-{number}")
        markup.t(file, "Name", each)
        markup.t(file, "ContentType", "application/octet-stream")
        markup.t(file, "Size", "1000")
        markup.t(file, "IsInline", "false")


def _identifier(parent: Element, name: str, value: tuple[str, str]) -> None:
    markup.t(parent, name, Id=value[0], ChangeKey=value[1])


def _zone(parent: Element, name: str, value: tuple[str, int, str]) -> None:
    zone, year, own_rules = value
    element = markup.t(parent, name)
    if own_rules:
        given = etree.fromstring(own_rules)
        element.attrib.update(given.attrib)
        element.extend(list(given))
    else:
        timezones.write_zone(element, zone, year)


def _objects(parent: Element, name: str, value: Sequence[str]) -> None:
    element = markup.t(parent, name)
    for each in value:
        markup.t(element, each)


def _rights(parent: Element, name: str, value: bool) -> None:
    element = markup.t(parent, name)
    for right in (
        *("CreateAssociated", "CreateContents", "CreateHierarchy"),
        *("Delete", "Modify", "Read", "ViewPrivateItems"),
    ):
        markup.t(element, right, markup.as_text(value))


def _flag(parent: Element, name: str, value: str) -> None:
    markup.t(markup.t(parent, name), "FlagStatus", value)


def _parse_text(text: str, zone: tzinfo) -> Comparable:
    del zone
    return text.casefold()


def _parse_bool(text: str, zone: tzinfo) -> Comparable:
    del zone
    if text.strip() not in ("true", "false", "1", "0"):
        raise ValueError(f"{text!r} is not a Boolean")
    return text.strip() in ("true", "1")


def _parse_int(text: str, zone: tzinfo) -> Comparable:
    del zone
    return int(text)


TEXT = ValueType(_plain, _parse_text)
BOOL = ValueType(_plain, _parse_bool)
INT = ValueType(_plain, _parse_int)
TIME = ValueType(_plain, markup.read_time)
STRINGS = ValueType(_strings, _parse_text)
PERSON = ValueType(_person, _parse_text)
PEOPLE = ValueType(_people, _parse_text)
ATTENDEES = ValueType(_attendees)
BODY = ValueType(
    lambda parent, name, value: write_body(parent, name, value, "Best"), _parse_text
)
IDENTIFIER = ValueType(_identifier)
ATTACHMENTS = ValueType(_attachments)
ZONE = ValueType(_zone)
OBJECTS = ValueType(_objects)
RIGHTS = ValueType(_rights)
FLAG = ValueType(_flag)
