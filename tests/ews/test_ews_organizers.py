"""The organizers' calendars over a server that follows a script."""

import base64
import contextlib
from datetime import UTC, datetime

import pytest

from pexschedd.errors import MailboxBusy, MailboxError, MailboxRefused
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.ews.organizers import EwsOrganizers, ews_organizers
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.exchange.global_ids import clean_global_id
from pexschedd.model.meeting import CalendarMeeting, MessageRef, Tags
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.scheduling.ports.mailbox import OrganizersCalendars, RewriteKind
from tests.ews.ews_script import SITE, Line, Script, doing, now
from tests.ews.ews_support import (
    binary,
    failure,
    fault,
    item,
    named,
    response,
    success,
)

ALICE = "alice@example.test"
UID = "somebody@calendar.example"
GLOBAL_ID = clean_global_id(UID)
ORIGINAL = datetime(2026, 11, 30, 8, tzinfo=UTC)
WHEN = "<t:Start>2026-11-30T08:00:00Z</t:Start><t:End>2026-11-30T09:00:00Z</t:End>"
MINE = "<t:MyResponseType>Organizer</t:MyResponseType>"


def organizers(script: Script) -> EwsOrganizers:
    return EwsOrganizers(script, SITE)


def entry(
    name: str,
    kind: str = "Single",
    content: str = MINE + WHEN,
    global_id: bytes = GLOBAL_ID,
) -> str:
    return (
        f'<t:CalendarItem><t:ItemId Id="{name}" ChangeKey="ck"/>'
        + named("Meeting", 35, binary(global_id))
        + f"<t:CalendarItemType>{kind}</t:CalendarItemType>{content}</t:CalendarItem>"
    )


def found(*entries: str) -> bytes:
    return response(
        "FindItem",
        success(
            "FindItem",
            '<m:RootFolder IndexedPagingOffset="1" TotalItemsInView="1" '
            f'IncludesLastItemInRange="true"><t:Items>{"".join(entries)}</t:Items>'
            "</m:RootFolder>",
        ),
    )


def got(name: str, body: str = "<p>TOK:-x#</p>", kind: str = "HTML") -> bytes:
    escaped = body.replace("<", "&lt;")
    return response(
        "GetItem",
        item(
            "CalendarItem",
            name,
            "<t:Subject>Weekly</t:Subject>"
            f'<t:Body BodyType="{kind}">{escaped}</t:Body>'
            + named("Meeting", 35, binary(GLOBAL_ID))
            + MINE
            + WHEN,
        ),
    )


def changed(**originals: str) -> bytes:
    occurrences = "".join(
        f'<t:Occurrence><t:ItemId Id="{name}"/><t:OriginalStart>{original}'
        "</t:OriginalStart></t:Occurrence>"
        for name, original in originals.items()
    )
    content = f"<t:ModifiedOccurrences>{occurrences}</t:ModifiedOccurrences>"
    return response("GetItem", item("CalendarItem", "master", content))


def test_it_is_the_organizers_calendars() -> None:
    """The whole interface is there."""
    calendars: OrganizersCalendars = organizers(Script(b""))
    assert calendars


def test_a_meeting_is_found_by_its_global_id() -> None:
    """Asked for in the organizer's name and given as it stands there."""
    script = Script(found(entry("a")), got("a"))
    meeting = now(organizers(script).find(ALICE, UID))
    assert meeting == CalendarMeeting(
        ref=MessageRef("a", "CK1"),
        uid=UID,
        start=ORIGINAL,
        end=ORIGINAL.replace(hour=9),
        subject="Weekly",
        html="<p>TOK:-x#</p>",
        tags=Tags(),
    )
    assert [(each.operation, each.mailbox) for each in script.asked] == [
        ("FindItem", ALICE),
        ("GetItem", ALICE),
    ]
    wanted = script.asked[0].element.find(".//{*}Constant")
    assert wanted is not None
    assert base64.b64decode(wanted.get("Value", "")) == GLOBAL_ID
    kind = script.asked[1].element.find(".//{*}BodyType")
    assert kind is not None
    assert kind.text == "Best"


@pytest.mark.parametrize(
    "content",
    [
        "<t:MyResponseType>Accept</t:MyResponseType>",
        "<t:AppointmentState>3</t:AppointmentState>",
        MINE + "<t:IsCancelled>true</t:IsCancelled>",
        MINE + "<t:AppointmentState>5</t:AppointmentState>",
    ],
)
def test_only_what_they_organize(content: str) -> None:
    """Neither somebody else's meeting nor a cancelled one is found."""
    script = Script(found(entry("a", content=content)), got("a"))
    assert now(organizers(script).find(ALICE, UID)) is None
    assert len(script.asked) == 1


def test_a_copy_does_not_hide_the_meeting() -> None:
    """Of several the one counts that the organizer organizes."""
    script = Script(
        found(
            entry("copy", content="<t:AppointmentState>3</t:AppointmentState>"),
            entry("a"),
        ),
        got("a"),
    )
    meeting = now(organizers(script).find(ALICE, UID))
    assert meeting is not None
    assert script.asked[1].ids == ["a"]


def test_a_text_stays_a_text() -> None:
    """A body that was written as text has no HTML, and is written as text again."""
    script = Script(found(entry("a")), got("a", "TOK:-x#", "Text"))
    meeting = now(organizers(script).find(ALICE, UID))
    assert meeting is not None
    assert (meeting.html, meeting.text) == ("", "TOK:-x#")

    script = Script(got("a", "TOK:-x#", "Text"), doing())
    rewritten = now(organizers(script).rewrite(ALICE, meeting.ref, "PXPS:-1#"))
    assert rewritten == (RewriteKind.DONE, "")
    body = script.asked[1].element.find(".//{*}Body")
    assert body is not None
    assert (body.get("BodyType"), body.text) == ("Text", "PXPS:-1#")


def test_a_changed_occurrence() -> None:
    """Found by its original start, wherever it was moved to."""
    script = Script(
        found(entry("master", "RecurringMaster")),
        changed(other="2026-11-23T08:00:00Z", moved="2026-11-30T08:00:00Z"),
        got("moved"),
    )
    meeting = now(organizers(script).find(ALICE, UID, ORIGINAL))
    assert meeting is not None
    assert [repr(each) for each in script.asked] == [
        "FindItem",
        "GetItem master",
        "GetItem moved",
    ]


def test_an_unchanged_occurrence() -> None:
    """Found on its day, among other meetings and others of its own."""
    later = WHEN.replace("T08:", "T18:")
    script = Script(
        found(entry("master", "RecurringMaster")),
        changed(),
        found(
            entry("other", "Occurrence", WHEN, clean_global_id("other")),
            entry("later", "Occurrence", later),
            entry("moved here", "Exception", WHEN),
            entry("this", "Occurrence", WHEN),
        ),
        got("this"),
    )
    meeting = now(organizers(script).find(ALICE, UID, ORIGINAL))
    assert meeting is not None
    assert meeting.ref.item_id == "this"
    assert repr(script.asked[-1]) == "GetItem this"
    view = script.asked[2].element.find("{*}CalendarView")
    assert view is not None
    assert view.get("StartDate") == "2026-11-29T20:00:00Z"
    assert view.get("EndDate") == "2026-11-30T20:00:00Z"


def test_a_whole_day_by_its_date() -> None:
    """The only one of the day is meant, though its time differs."""
    midnight = WHEN.replace("2026-11-30T08:", "2026-11-29T23:")
    script = Script(
        found(entry("master", "RecurringMaster")),
        changed(),
        found(entry("this", "Occurrence", midnight)),
        got("this"),
    )
    assert now(organizers(script).find(ALICE, UID, ORIGINAL))
    script = Script(
        found(entry("master", "RecurringMaster")),
        changed(),
        found(entry("a", "Occurrence", midnight), entry("b", "Occurrence", midnight)),
    )
    assert now(organizers(script).find(ALICE, UID, ORIGINAL)) is None


@pytest.mark.parametrize(
    "lines",
    [
        [found()],
        [found(entry("a"))],
        [found(entry("m", "RecurringMaster")), changed(), found()],
        [
            found(entry("m", "RecurringMaster")),
            response("GetItem", failure("GetItem", "ErrorItemNotFound")),
        ],
        [
            found(entry("m", "RecurringMaster")),
            changed(x="2026-11-30T08:00:00Z"),
            response("GetItem", failure("GetItem", "ErrorItemNotFound")),
        ],
    ],
)
def test_an_occurrence_that_is_not_there(lines: list[bytes]) -> None:
    """No meeting, no series, no such day, or gone just now: nothing is found."""
    assert now(organizers(Script(*lines)).find(ALICE, UID, ORIGINAL)) is None


def test_moments_no_calendar_has() -> None:
    """An occurrence at the end of time is not there, and nothing breaks."""
    script = Script(found(entry("m", "RecurringMaster")))
    for moment in (datetime.min, datetime.max):  # noqa: DTZ901 (the zone follows)
        original = moment.replace(tzinfo=UTC)
        assert now(organizers(script).find(ALICE, UID, original)) is None


REF = MessageRef("a", "ck")


def test_a_rewrite() -> None:
    """Only the body, only if nothing changed, told to everybody; never repeated."""
    script = Script(got("a"), doing())
    assert now(organizers(script).rewrite(ALICE, REF, "<p>new</p>")) == (
        RewriteKind.DONE,
        "",
    )
    update = script.asked[1]
    assert update.operation == "UpdateItem"
    assert not update.repeatable
    assert dict(update.element.items()) == {
        "ConflictResolution": "NeverOverwrite",
        "MessageDisposition": "SaveOnly",
        "SendMeetingInvitationsOrCancellations": "SendToAllAndSaveCopy",
    }
    reference = update.element.find(".//{*}ItemId")
    assert reference is not None
    assert dict(reference.items()) == {"Id": "a", "ChangeKey": "ck"}
    fields = [each.get("FieldURI") for each in update.element.iter("{*}FieldURI")]
    assert fields == ["item:Body"]
    body = update.element.find(".//{*}Body")
    assert body is not None
    assert (body.get("BodyType"), body.text) == ("HTML", "<p>new</p>")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ErrorIrresolvableConflict", RewriteKind.CHANGED),
        ("ErrorStaleObject", RewriteKind.CHANGED),
        ("ErrorChangeKeyRequiredForWriteOperations", RewriteKind.CHANGED),
        ("ErrorItemNotFound", RewriteKind.GONE),
        ("ErrorCalendarOccurrenceIsDeletedFromRecurrence", RewriteKind.GONE),
        ("ErrorServerBusy", RewriteKind.RETRY),
        ("ErrorMailboxStoreUnavailable", RewriteKind.RETRY),
        ("ErrorQuotaExceeded", RewriteKind.RETRY),
        ("ErrorCalendarIsNotOrganizer", RewriteKind.FAILED),
        ("ErrorNobodyKnowsThis", RewriteKind.FAILED),
    ],
)
def test_rewrites_that_do_not_succeed(code: str, kind: RewriteKind) -> None:
    """What a refused update means, when it is asked for and when it is prepared."""
    assert now(organizers(Script(got("a"), doing(code))).rewrite(ALICE, REF, "x")) == (
        kind,
        f"TEXT ({code})",
    )
    unread = response("GetItem", failure("GetItem", code))
    assert now(organizers(Script(unread)).rewrite(ALICE, REF, "x"))[0] is kind


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (fault("ErrorImpersonateUserDenied"), "ApplicationImpersonation"),
        (fault("ErrorImpersonationDenied"), "ApplicationImpersonation"),
        (fault("ErrorNonExistentMailbox"), "no mailbox"),
        (fault("ErrorAccountDisabled"), "disabled"),
        (fault("ErrorMailboxLogonFailed"), "opened"),
        (
            response("FindItem", failure("FindItem", "ErrorAccessDenied")),
            "ApplicationImpersonation",
        ),
    ],
)
def test_refusals(line: bytes, words: str) -> None:
    """An organizer we may not act for, or who is not here, is named with the reason."""
    with pytest.raises(MailboxRefused) as caught:
        now(organizers(Script(line)).find(ALICE, UID))
    assert ALICE in caught.value.message
    assert words in caught.value.message
    with pytest.raises(MailboxRefused):
        now(organizers(Script(line)).rewrite(ALICE, REF, "x"))


def test_refused_in_the_result() -> None:
    """A refusal that comes with the update itself is one, too."""
    for code in ("ErrorAccessDenied", "ErrorMailboxLogonFailed"):
        with pytest.raises(MailboxRefused, match=ALICE):
            now(organizers(Script(got("a"), doing(code))).rewrite(ALICE, REF, "x"))


def test_no_address() -> None:
    """An organizer without an SMTP address is refused before anything is asked."""
    script = Script(b"")
    for address in ("", "/O=ORG/OU=X/CN=ALICE", "@"):
        with pytest.raises(MailboxRefused):
            now(organizers(script).find(address, UID))
    assert script.asked == []


def test_whole_calls_that_fail_may_be_tried_again() -> None:
    """A busy server says until when; a lost answer leaves its fate open."""
    busy = Script(got("a"), fault("ErrorServerBusy"))
    with pytest.raises(MailboxBusy):
        now(organizers(busy).rewrite(ALICE, REF, "x"))


HOSTILE: list[bytes | Line | Exception] = [
    b"",
    b"<html/>",
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y 'z'>]><x>&y;</x>",
    response("FindItem"),
    response("GetItem", success("GetItem"), success("GetItem")),
    response("FindItem", success("FindItem")),
    response("FindItem", success("FindItem", "<m:RootFolder/>")),
    found("<t:CalendarItem/>", "<t:Message><t:ItemId/></t:Message>"),
    response("GetItem", success("GetItem", "<m:Items><t:CalendarItem/></m:Items>")),
    response("UpdateItem", success("UpdateItem"), success("UpdateItem")),
    ConnectionFailure(FailureKind.LOST),
    fault("Nonsense"),
]


@pytest.mark.parametrize("line", HOSTILE)
@pytest.mark.parametrize(
    "good", [[], [found(entry("m", "RecurringMaster"))], [got("a")]]
)
def test_hostile_answers(line: bytes | Exception, good: list[bytes]) -> None:
    """Whatever comes, at whatever step: a result, or one of our errors."""
    for original in (None, ORIGINAL):
        script = Script(*good, line)
        with contextlib.suppress(MailboxError):
            now(organizers(script).find(ALICE, UID, original))
        with contextlib.suppress(MailboxError):
            now(organizers(Script(*good, line)).rewrite(ALICE, REF, "x"))
    mailbox: EwsMailbox = Script(line).mailbox()
    for call in (
        mailbox.calendar(),
        mailbox.inbox(ORIGINAL),
        mailbox.processes_automatically(),
        mailbox.delete([REF]),
    ):
        with contextlib.suppress(MailboxError):
            now(call)


def test_settings_are_checked(network: Network) -> None:
    """A factory from plain values, which refuses what cannot be used."""

    with pytest.raises(MailboxRefused):
        ews_organizers(EwsAccount(url="ftp://x", username="svc", network=network))
