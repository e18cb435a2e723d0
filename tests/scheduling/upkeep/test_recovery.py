"""Recovery gives rooms back, keeps aliases where it may, and can be run twice."""

from collections.abc import AsyncIterator
from datetime import datetime, time
from pathlib import Path

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.bodies import tags
from pexschedd.errors import MailboxUnreachable
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.meeting import CalendarMeeting, MessageRef, Person
from pexschedd.model.outbox import PendingAnswer
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.scheduling.ports.mailbox import Action, RewriteKind
from pexschedd.scheduling.run_requests import RecoveryRequest
from pexschedd.scheduling.upkeep.invitation_aliases import named_pair
from pexschedd.scheduling.upkeep.invitation_update import (
    NewInstructions,
    with_instructions,
)
from pexschedd.scheduling.upkeep.meeting_recovery import (
    CANCELLED,
    KEPT,
    NEW,
    THERE,
    TOLD,
)
from pexschedd.scheduling.upkeep.progress import WorkTally
from pexschedd.util.stop_signal import StopSignal
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    DAY,
    HOUR,
    NOW,
    MemoryOrganizers,
    MemoryUpkeepMailbox,
    Notes,
    Upkeep,
    alias,
    meeting,
    tag,
)

SERIES = Recurrence(
    pattern=Daily(), range=Range(start=NOW.date(), count=5), at=time(13), duration=HOUR
)


@pytest_twisted.async_yield_fixture()
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    yield upkeep
    await upkeep.store.close()


class Run:
    def __init__(self) -> None:
        self.tally = WorkTally()
        self.notes = Notes()

    @property
    def counts(self) -> dict[str, int]:
        return self.tally.counts


async def recover(
    upkeep: Upkeep,
    meetings: list[CalendarMeeting],
    organizers: MemoryOrganizers | None = None,
    *,
    since: datetime = NOW,
    dry_run: bool = False,
) -> Run:
    run = Run()
    await upkeep.recoverer.recover(
        CONNECTOR,
        MemoryUpkeepMailbox(*meetings),
        organizers or MemoryOrganizers(*meetings),
        RecoveryRequest(since, "<b>New numbers</b>"),
        run.notes,
        StopSignal(),
        run.tally,
        dry_run=dry_run,
    )
    return run


async def take(upkeep: Upkeep, address: str) -> None:
    """Somebody else's room has this alias."""
    await upkeep.put(
        tables.CONFERENCE, Conference(id=50, name="Other", creation_time=NOW)
    )
    await upkeep.put(
        tables.CONFERENCE_ALIAS, ConferenceAlias(id=50, alias=address, conference=50)
    )


def aliases_of_rooms(upkeep: Upkeep) -> set[str]:
    return {
        a.alias for a in upkeep.every(tables.CONFERENCE_ALIAS) if a.conference != 50
    }


@pytest_twisted.ensureDeferred
async def test_after_a_new_installation_aliases_stay(upkeep: Upkeep) -> None:
    """With nothing known, each invitation's own tag and alias are taken up again,
    without a word to anybody; the room opens as before."""
    meetings = [meeting(1), meeting(2, is_series=True, recurrence=SERIES)]
    organizers = MemoryOrganizers(*meetings)
    run = await recover(upkeep, meetings, organizers)
    assert run.counts == {KEPT: 2}
    assert run.tally.failures == 0
    found = {a.uuid: a.alias for a in upkeep.every(tables.SCHEDULED_ALIAS)}
    assert found == {
        tag(1): "555000001@example.test",
        tag(2): "555000002@example.test",
    }
    assert upkeep.store.count(tables.RECURRING_CONFERENCE) == 1
    assert not organizers.sent
    assert not upkeep.every(tables.OUTBOX)
    before = upkeep.records()
    again = await recover(upkeep, meetings, organizers)
    assert again.counts == {THERE: 2}
    assert upkeep.records() == before
    assert not any("Secret" in note for note in run.notes.notes)


@pytest_twisted.ensureDeferred
async def test_a_known_alias_stays_even_if_its_room_was_deleted(upkeep: Upkeep) -> None:
    """Our own records name it: the same record serves again."""
    known = alias(
        1, is_used=True, ews_item_uid="04000001", conference_deletion_time=NOW
    )
    await upkeep.put(tables.SCHEDULED_ALIAS, known)
    # The text names another number: the record is what counts.
    run = await recover(upkeep, [meeting(1, html=f"PXPS:-{tag(1)}#")])
    assert run.counts == {KEPT: 1}
    (record,) = upkeep.every(tables.SCHEDULED_ALIAS)
    assert record == replace(known, conference_deletion_time=None)


@pytest.mark.parametrize(
    "why",
    ["taken", "no alias", "no tag", "two aliases", "another meeting's", "no text"],
)
@pytest_twisted.ensureDeferred
async def test_otherwise_the_organizer_is_told_a_new_one(
    upkeep: Upkeep, why: str
) -> None:
    """A new alias is only handed out with a new invitation, whose first tag is its."""
    html = meeting(1).html
    each = {
        "taken": meeting(1),
        "no alias": meeting(1, html=f"PXPS:-{tag(1)}#"),
        "no tag": meeting(1, html="555000001@example.test"),
        "two aliases": meeting(1, html=html + " or 555000002@example.test"),
        "another meeting's": meeting(1),
        "no text": meeting(1, html=""),
    }[why]
    if why == "taken":
        await take(upkeep, "555000001@example.test")
    if why == "another meeting's":
        await upkeep.put(tables.SCHEDULED_ALIAS, alias(1, ews_item_uid="other"))
    organizers = MemoryOrganizers(each)
    tried = await recover(upkeep, [each], organizers, dry_run=True)
    assert tried.counts == {NEW: 1}
    assert (organizers.sent, upkeep.every(tables.SCHEDULED_CONFERENCE)) == ([], [])
    run = await recover(upkeep, [each], organizers)
    assert (run.counts, run.tally.reasons) == ({NEW: 1}, [])
    assert set(organizers.asked) == {(each.uid, each.start)}
    (body,) = organizers.sent
    assert "New numbers" in body
    (scheduled,) = upkeep.every(tables.SCHEDULED_CONFERENCE)
    used = upkeep.store.get(tables.SCHEDULED_ALIAS, scheduled.scheduled_alias or 0)
    assert used is not None
    assert tags.find(body).pxps[0] == used.uuid != tag(1)
    assert used.alias in body
    assert aliases_of_rooms(upkeep) == {used.alias, used.numeric_alias}
    again = await recover(upkeep, [each], organizers)
    assert again.counts == {THERE: 1}
    assert len(organizers.sent) == 1


@pytest_twisted.ensureDeferred
async def test_the_organizers_copy_may_still_name_the_alias(upkeep: Upkeep) -> None:
    """Where the equipment mailbox has lost the text, the organizer's copy counts."""
    run = await recover(
        upkeep, [meeting(1, html="")], organizers := MemoryOrganizers(meeting(1))
    )
    assert run.counts == {KEPT: 1}
    assert not organizers.sent


@pytest.mark.parametrize(
    "outcomes",
    [
        [RewriteKind.CHANGED],
        [RewriteKind.RETRY],
        [RewriteKind.CHANGED, RewriteKind.RETRY],
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_meeting_that_changes_is_read_again(
    upkeep: Upkeep, outcomes: list[RewriteKind]
) -> None:
    """A few times, in the same run."""
    each = meeting(1, html="")
    organizers = MemoryOrganizers(each)
    organizers.outcomes = list(outcomes)
    run = await recover(upkeep, [each], organizers)
    assert run.counts == {NEW: 1}
    assert len(organizers.sent) == 1


@pytest_twisted.ensureDeferred
async def test_an_invitation_is_sent_once(upkeep: Upkeep) -> None:
    """Even if the answer of the server that has sent it is lost."""

    class Lossy(MemoryOrganizers):
        lost = 0

        async def rewrite(
            self, address: str, ref: MessageRef, html: str
        ) -> tuple[RewriteKind, str]:
            done = await super().rewrite(address, ref, html)
            if not self.lost:
                self.lost += 1
                raise MailboxUnreachable("The connection broke.")
            return done

    each = meeting(1, html="")
    organizers = Lossy(each)
    run = await recover(upkeep, [each], organizers)
    assert (run.counts, organizers.lost) == ({NEW: 1}, 1)
    assert len(organizers.sent) == 1


@pytest_twisted.ensureDeferred
async def test_an_unsent_invitation_is_sent_by_the_next_run(upkeep: Upkeep) -> None:
    """With the alias of the first run: it is never handed out twice."""
    each = meeting(1, html="")
    organizers = MemoryOrganizers(each)
    organizers.outcomes = [RewriteKind.FAILED]
    run = await recover(upkeep, [each], organizers)
    assert (run.counts, run.tally.failures) == ({}, 1)
    assert "for a reason" in run.tally.reasons[0]
    (first,) = upkeep.every(tables.SCHEDULED_ALIAS)
    dry = await recover(upkeep, [each], organizers, dry_run=True)
    assert (dry.counts, organizers.sent) == ({TOLD: 1}, [])
    run = await recover(upkeep, [each], organizers)
    assert run.counts == {TOLD: 1}
    assert tags.find(organizers.sent[0]).pxps == (first.uuid,)
    assert upkeep.every(tables.SCHEDULED_ALIAS)[0].uuid == first.uuid
    assert (await recover(upkeep, [each], organizers)).counts == {THERE: 1}
    # The update that this leads to is accepted, and the organizer has been told.
    await upkeep.schedule(organizers.meetings[each.uid])
    (scheduled,) = upkeep.every(tables.SCHEDULED_CONFERENCE)
    assert scheduled.answer
    assert scheduled.scheduled_alias == first.id


@pytest_twisted.ensureDeferred
async def test_no_room_without_somebody_to_tell(upkeep: Upkeep) -> None:
    """If the invitation cannot be rewritten there is no point in a room: the meeting
    is counted as failed, by uid and time, and the others are recovered."""
    nobody = meeting(1, html="", organizer=Person("Eve", ""))
    gone = meeting(2, html="")
    run = await recover(upkeep, [nobody, gone, meeting(3)], MemoryOrganizers())
    assert run.counts == {KEPT: 1}
    assert run.tally.failures == 2
    assert "meeting 04000001 (2026-11-23T13:00:00Z)" in run.tally.reasons[0]
    refused = MemoryOrganizers(gone)
    refused.refused = True
    run = await recover(upkeep, [gone], refused)
    assert "may not act for alice@example.test" in run.tally.reasons[0]
    assert upkeep.store.count(tables.SCHEDULED_ALIAS) == 1


@pytest_twisted.ensureDeferred
async def test_only_accepted_meetings_that_start_later(upkeep: Upkeep) -> None:
    """Neither what starts before the limit, nor what is over, cancelled, unanswered,
    or just being cancelled."""
    over = meeting(5, start=NOW - 2 * HOUR, end=NOW - HOUR)
    running = meeting(6, start=NOW - HOUR, end=NOW + HOUR)
    meetings = [
        meeting(1, accepted=False),
        meeting(2, cancelled=True),
        meeting(3, start=NOW, end=NOW + HOUR),
        over,
    ]
    assert (await recover(upkeep, [*meetings, running])).counts == {}
    run = await recover(upkeep, [over, running], since=NOW - DAY)
    assert (run.counts, run.tally.failures) == ({KEPT: 1}, 0)
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(7, conference_deletion_time=NOW))
    await upkeep.put(
        tables.OUTBOX,
        PendingAnswer(
            id=1, exchange_connector=1, item_id="x", action=Action.REMOVE, created=NOW
        ),
    )
    run = await recover(upkeep, [meeting(7)])
    assert (run.counts, run.tally.failures) == ({CANCELLED: 1}, 0)


@pytest.mark.parametrize(
    ("html", "number"),
    [
        ("555123456@example.test", "123456"),
        ("Dial <b>555123456@EXAMPLE.test</b>, or 555123456 #", "123456"),
        ("<a href='x'>https://p/#/?conference=555123456@example.test</a>", "123456"),
        ("pexip://555123456@example.test<br>555123456@example.test", "123456"),
        ("555123456@example.test.org", None),
        ("x555123456@example.test", None),
        ("+49 555123456", None),
        ("555123@example.test", None),
        ("555000000@example.test", None),
        ("555123456@example.test 555123457@example.test", None),
        ("<p title='555123456@example.test'>", None),
        ("", None),
    ],
)
def test_the_alias_that_an_invitation_names(html: str, number: str | None) -> None:
    """Exactly one alias of the integration's own form, as a person sees it."""
    pair = named_pair(html, "", prefix="555", domain="example.test")
    assert (pair.numeric if pair else None) == (number and f"555{number}")


@pytest_twisted.ensureDeferred
async def test_new_instructions_replace_the_old_ones(upkeep: Upkeep) -> None:
    """One set of instructions and one tag are left, and everything else is."""
    old = upkeep.texts.instructions(CONNECTOR, alias(1))
    html = f"<html><body>{old}<p>Agenda: budget</p></body></html>"
    each = meeting(1, html=html)
    await take(upkeep, "555000001@example.test")
    organizers = MemoryOrganizers(each)
    assert (await recover(upkeep, [each], organizers)).counts == {NEW: 1}
    (body,) = organizers.sent
    (used,) = tags.find(body).pxps
    assert used != tag(1)
    assert "555000001" not in body
    assert "<hr>" not in body
    assert body.startswith("<html><body><div>")
    assert body.endswith("<p>Agenda: budget</p></body></html>")
    assert body.count("Please join") == 1


def test_an_invitation_keeps_its_form() -> None:
    """HTML gets the new instructions inside its body, plain text as plain text."""
    html = meeting(1, html="<html><body lang=de><p>Agenda</p></body></html>")
    new = with_instructions(
        html.html, "", NewInstructions("<b>New</b>", "<p>Dial 1</p>", "<p>Dial 7</p>")
    )
    assert new.startswith("<html><body lang=de><div><b>New</b></div>")
    assert new.index("Dial 1") < new.index("Agenda")
    text = meeting(1, html="", text="Agenda\r\n")
    texts = NewInstructions("<b>New</b>", "<div>Dial 1<br>\r\nor 2 &amp; 3</div>", "")
    new = with_instructions("", text.text, texts)
    assert new == "New\r\n\r\nDial 1\r\nor 2 & 3\r\n\r\nAgenda\r\n"
