"""Alterations of messages in transport, for `Exchange.on_the_way` and the behaviour
`altered`.

Each takes a message and changes it; the meeting that it is about stays.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from pexschedd.sandbox.items import bodies
from pexschedd.sandbox.items.records import EMPTY_BODY, Item

Alteration = Callable[[Item], object]

_WRAPPER = (
    "<p>This message is protected with Information Rights Management. "
    "Open it in a program that supports it.</p>"
)


def signed(message: Item) -> None:
    """Sign with S/MIME in the clear: another class, the same text."""
    message.item_class += ".SMIME.MultipartSigned"


def encrypted(message: Item) -> None:
    """Encrypt with S/MIME: the text lies in an attachment that the server cannot
    read."""
    message.item_class += ".SMIME"
    message.body = EMPTY_BODY


def rights_managed(message: Item) -> None:
    """Protect by rights management: only a notice of that can be read."""
    message.body = bodies.from_html(_WRAPPER)


def plain_text(message: Item) -> None:
    """Remove the formatting."""
    message.body = bodies.from_text(message.body.text)


def without_body(message: Item) -> None:
    """Remove the body."""
    message.body = EMPTY_BODY


def junk(message: Item) -> None:
    """Deliver into Junk Email instead of the inbox."""
    message.folder = "junkemail"


def with_attachment(message: Item) -> None:
    """Attach two files."""
    message.attachments = ("Agenda.docx", "Map.pdf")


def by_dn(message: Item) -> None:
    """Name the people by the directory's own addresses."""
    message.by_dn = True


def without_organizer(message: Item) -> None:
    """Leave out everybody whom it may come from."""
    _leave_out("calendar:Organizer", *_SENDER)(message)


def by_dn_alone(message: Item) -> None:
    """Name the people by the directory's own addresses, and nothing else."""
    message.by_dn = True
    _leave_out("tag:0x5d01", "tag:0x5d02")(message)


def contradicting_zones(message: Item) -> None:
    """Give the end another zone than the start, with the same moments."""
    if message.meeting is not None:
        message.meeting = replace(message.meeting, end_zone="Tokyo Standard Time")


def lying_zone(message: Item) -> None:
    """Give the zone's name together with rules that are another zone's."""
    if message.meeting is not None:
        message.meeting = replace(
            message.meeting,
            zone="W. Europe Standard Time",
            zone_rules=_TOKYO,
        )


def _leave_out(*properties: str) -> Alteration:
    def change(message: Item) -> None:
        message.left_out |= frozenset(properties)

    return change


_MEETING = "6ed8da90-450b-101b-98da-00aa003f1305:"
_APPOINTMENT = "00062002-0000-0000-c000-000000000046:"
_COMMON = "00062008-0000-0000-c000-000000000046:"
_SENDER = ("message:From", "message:Sender", "tag:0x5d01", "tag:0x5d02")
_TOKYO = (
    '<t:StartTimeZone xmlns:t="http://schemas.microsoft.com/exchange/services/2006/'
    'types" Id="W. Europe Standard Time" Name="(UTC+01:00) Berlin">'
    '<t:Periods><t:Period Bias="-PT9H" Name="Standard" Id="Std"/></t:Periods>'
    '<t:TransitionsGroups><t:TransitionsGroup Id="0"><t:Transition>'
    '<t:To Kind="Period">Std</t:To></t:Transition></t:TransitionsGroup>'
    "</t:TransitionsGroups><t:Transitions><t:Transition>"
    '<t:To Kind="Group">0</t:To></t:Transition></t:Transitions></t:StartTimeZone>'
)

without_recurrence_id = _leave_out("calendar:RecurrenceId", _APPOINTMENT + "0x8228")
without_start = _leave_out(
    "calendar:Start", _APPOINTMENT + "0x820d", _COMMON + "0x8516"
)
without_end = _leave_out("calendar:End", _APPOINTMENT + "0x820e", _COMMON + "0x8517")
without_sequence = _leave_out(
    "calendar:AppointmentSequenceNumber", _APPOINTMENT + "0x8201"
)
without_uid = _leave_out("calendar:UID", _MEETING + "0x0003", _MEETING + "0x0023")

ALTERATIONS: Mapping[str, Alteration] = {
    each.replace("_", "-"): change
    for each, change in {
        "signed": signed,
        "encrypted": encrypted,
        "rights_managed": rights_managed,
        "plain_text": plain_text,
        "without_body": without_body,
        "junk": junk,
        "with_attachment": with_attachment,
        "by_dn": by_dn,
        "by_dn_alone": by_dn_alone,
        "without_organizer": without_organizer,
        "without_recurrence_id": without_recurrence_id,
        "without_start": without_start,
        "without_end": without_end,
        "without_sequence": without_sequence,
        "without_uid": without_uid,
        "contradicting_zones": contradicting_zones,
        "lying_zone": lying_zone,
    }.items()
}
"""By the names that `altered` has for them."""
