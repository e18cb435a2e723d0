"""Parts of both messages and events: people, bodies, times and zones."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

import msgspec

from pexschedd.exchange.meeting_texts import name_of, smtp_address
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_END,
    APPOINTMENT_START,
    SENDER_ADDRESS,
    ZONE_OF_SERIES,
    ZONE_OF_START,
    ExtendedProperties,
)
from pexschedd.graph.entities.times import (
    DateTimeTimeZone,
    read_day,
    read_zoned,
    zone_called,
)
from pexschedd.graph.entities.zone_definitions import read_zone_definition
from pexschedd.model.blank_text import shown
from pexschedd.model.meeting import Person
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a time that is missing where one is needed."""


class EmailAddress(msgspec.Struct, frozen=True):
    """A name and an address, SMTP or the directory's own."""

    name: str | None = None
    address: str | None = None


class Recipient(msgspec.Struct, frozen=True, rename="camel"):
    """A person as Graph writes one."""

    email_address: EmailAddress | None = None

    @property
    def name(self) -> str:
        """The display name; empty if there is none."""
        return (self.email_address and self.email_address.name) or ""

    @property
    def address(self) -> str:
        """The SMTP address; empty if there is none."""
        return smtp_address((self.email_address and self.email_address.address) or "")


class ItemBody(msgspec.Struct, frozen=True, rename="camel"):
    """A body as Graph writes it."""

    content_type: str | None = None
    content: str | None = None

    @property
    def html_and_text(self) -> tuple[str, str]:
        """The body as HTML and as text: one of them is empty."""
        content = self.content or ""
        if (self.content_type or "").lower() == "text":
            return "", content
        return content, ""


def person_of(
    recipients: Iterable[Recipient | None], properties: ExtendedProperties
) -> Person:
    """Return the first name and the first SMTP address of these, all of whom are the
    organizer; an address that is the directory's own is replaced by the property."""
    found = [each for each in recipients if each is not None]
    name = next(filter(None, (shown(each.name) for each in found)), "")
    addresses = [
        *(each.address for each in found[:1]),
        smtp_address(properties.text(SENDER_ADDRESS)),
        *(each.address for each in found[1:]),
    ]
    return Person(name_of(name), next(filter(None, addresses), ""))


def planned_zone(
    properties: ExtendedProperties, names: Sequence[str | None], when: datetime
) -> str:
    """Return the IANA zone that a meeting was planned in: by its definition, or else by
    the names that the entity gives; UTC if none of them says."""
    for identifier in (ZONE_OF_START, ZONE_OF_SERIES):
        definition = read_zone_definition(properties.binary(identifier))
        if definition is not None:
            return definition.zone_at(when)
    return next(filter(None, map(zone_called, names)), "UTC")


def meeting_times(
    start: DateTimeTimeZone | None,
    end: DateTimeTimeZone | None,
    properties: ExtendedProperties,
    zone: str,
    *,
    all_day: bool,
) -> tuple[datetime | None, datetime | None]:
    """Return start and end as aware UTC, each None if it is missing.

    Whole days are told as dates: they begin at midnight in the zone that they were
    planned in, unless their instants are told as well.
    """
    if not all_day:
        return read_zoned(start), read_zoned(end)
    return (
        properties.moment(APPOINTMENT_START) or _midnight(start, zone),
        properties.moment(APPOINTMENT_END) or _midnight(end, zone),
    )


def _midnight(value: DateTimeTimeZone | None, zone: str) -> datetime | None:
    day = read_day(value)
    if day is None:
        return None
    try:
        return datetime.combine(day, time(), tzinfo_of(zone)).astimezone(UTC)
    except OverflowError:
        return None
