"""Reading what items have in common: meeting messages, and meetings in a calendar."""

import base64
import binascii
from datetime import datetime
from functools import cached_property
from itertools import islice

from pexschedd.ews.envelope import Element, child, children, local_name, text
from pexschedd.ews.operations.parts import (
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    SENDER_ADDRESS_TAG,
    Named,
)
from pexschedd.exchange.global_ids import canonical_uid, readable_uid
from pexschedd.exchange.meeting_texts import (
    MOST_RECIPIENTS,
    name_of,
    read_number,
    smtp_address,
    subject_of,
)
from pexschedd.exchange.moments import read_time
from pexschedd.model.blank_text import shown
from pexschedd.model.meeting import Person

_TAG = "tag"
_PROPERTY_SETS = {
    "6ed8da90-450b-101b-98da-00aa003f1305": "Meeting",
    "00062002-0000-0000-c000-000000000046": "Appointment",
}
_STATE_RECEIVED = 2
_STATE_CANCELLED = 4


class ItemReader:
    """One item of an answer. What is missing or makes no sense reads as empty."""

    def __init__(self, element: Element) -> None:
        self.element = element

    @property
    def name(self) -> str:
        """The element's: which type of item this is."""
        return local_name(self.element)

    def word(self, name: str) -> str:
        """Return a property's text without surrounding space."""
        return text(self.element, name).strip()

    def true(self, name: str) -> bool:
        """Return whether a boolean property is set and true."""
        return self.word(name) in ("true", "1")

    def time(self, name: str) -> datetime | None:
        """Return a property as aware UTC; None if it is missing or no time."""
        return read_time(text(self.element, name))

    def number(self, name: str) -> int:
        """Return a property as a number; 0 if it is missing or none."""
        return read_number(self.word(name))

    def named(self, named: Named) -> str:
        """The value of an extended property."""
        return self._properties.get(named[:2], "")

    def binary(self, named: Named) -> bytes:
        """Return an extended property's bytes; empty if it is missing or no base64."""
        try:
            return base64.b64decode(self.named(named), validate=True)
        except (binascii.Error, ValueError):
            return b""

    @cached_property
    def _properties(self) -> dict[tuple[str, int], str]:
        """The extended properties: ("Meeting", 35) or ("tag", 0x5D02) -> text."""
        found: dict[tuple[str, int], str] = {}
        for each in children(self.element, "ExtendedProperty"):
            uri = child(each, "ExtendedFieldURI")
            if uri is None:
                continue
            group = uri.get("DistinguishedPropertySetId") or _PROPERTY_SETS.get(
                uri.get("PropertySetId", "").lower(), ""
            )
            try:
                # Asked for as 0x5D02 and 35, answered as 0x5d02 and 35 or 0x23.
                if tag := uri.get("PropertyTag"):
                    key = (_TAG, int(tag, 0))
                else:
                    key = (group, int(uri.get("PropertyId", ""), 0))
            except ValueError:
                continue
            found[key] = text(each, "Value").strip()
        return found

    @property
    def uid(self) -> str:
        """The meeting's canonical id, the same in every mailbox; empty if there is
        none."""
        return (
            canonical_uid(self.binary(CLEAN_GLOBAL_ID))
            or canonical_uid(self.binary(GLOBAL_ID))
            or readable_uid(text(self.element, "UID"))
        )

    @property
    def subject(self) -> str:
        """The subject, bounded; empty if a person sees nothing in it."""
        return subject_of(text(self.element, "Subject"))

    @property
    def cancelled(self) -> bool:
        """True for a meeting that its organizer has cancelled."""
        return self.true("IsCancelled") or bool(
            self.number("AppointmentState") & _STATE_CANCELLED
        )

    @property
    def is_series(self) -> bool:
        """True for the master of a series."""
        return self.word("CalendarItemType") == "RecurringMaster"

    @property
    def organizes(self) -> bool:
        """Return whether this mailbox organizes the meeting; attendees receive
        theirs."""
        response = self.word("MyResponseType")
        if response and response != "Unknown":
            return response == "Organizer"
        return not self.number("AppointmentState") & _STATE_RECEIVED

    @property
    def organizer(self) -> Person:
        """The organizer as the meeting names them.

        Cancellations carry no organizer: theirs is whom they were sent for. Addresses
        that are not SMTP (the directory's own) are replaced by the sender's SMTP
        address.
        """
        organizer = child(self.element, "Organizer", "Mailbox")
        sender = child(self.element, "From", "Mailbox")
        name = shown(text(organizer, "Name")) or shown(text(sender, "Name"))
        addresses = (
            text(organizer, "EmailAddress"),
            self._properties.get((_TAG, SENDER_ADDRESS_TAG), ""),
            text(sender, "EmailAddress"),
        )
        email = next(filter(None, map(smtp_address, addresses)), "")
        return Person(name_of(name), email)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The SMTP addresses of To and Cc, bounded in number."""
        found = (
            smtp_address(text(mailbox, "EmailAddress"))
            for field in ("ToRecipients", "CcRecipients")
            for mailbox in children(child(self.element, field), "Mailbox")
        )
        return tuple(islice(filter(None, found), MOST_RECIPIENTS))

    @property
    def bodies(self) -> tuple[str, str]:
        """The body as HTML and as text; one that came as text has no HTML."""
        body = child(self.element, "Body")
        content = text(self.element, "Body")
        plain = text(self.element, "TextBody")
        if body is not None and body.get("BodyType") == "Text":
            return "", plain or content
        return content, plain
