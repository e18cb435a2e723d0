"""exchangelib, unmodified, as an independent judge of the sandbox.

It knows Exchange from the other side, and from real servers: what it makes of our
answers does not depend on our reading of the protocol. It blocks, so each test runs
it in a thread while the reactor serves the sandbox on a real socket.
"""

import exchangelib as ex
import pytest
import pytest_twisted
from exchangelib import items as kinds
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorCalendarIsCancelledForAccept,
    ErrorImpersonateUserDenied,
    ErrorInvalidSyncStateData,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    ErrorServerBusy,
    UnauthorizedError,
)
from exchangelib.properties import ReferenceItemId

from tests.sandbox.exchangelib_support import (
    BERLIN,
    HOUR,
    START,
    Client,
    RemoveItem,
    answers,
    clean_goid,
    in_thread,
    invite,
)
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    ROOM,
    CheckedSandbox,
)

pytestmark = pytest.mark.usefixtures(clean_goid.__name__)


@pytest_twisted.ensureDeferred
async def test_it_finds_out_the_version(served: str) -> None:
    """Left alone with an address and a password it gets on."""

    def work(client: Client) -> str:
        config = ex.Configuration(
            service_endpoint=client._endpoint,
            credentials=ex.Credentials(ALICE, "alice"),
            retry_policy=ex.FailFast(),
        )
        account = ex.Account(ALICE, config=config, access_type=ex.DELEGATE)
        assert account.inbox.total_count == 0
        return str(account.version.fullname)

    assert await in_thread(served, work) == "Microsoft Exchange Server 2019"


@pytest_twisted.ensureDeferred
async def test_wrong_passwords_are_refused(served: str) -> None:
    """As wrong credentials, and nothing else."""

    def work(client: Client) -> None:
        with pytest.raises(UnauthorizedError):
            _ = client.account(ALICE, password="wrong").inbox

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_the_folders(served: str) -> None:
    """The whole tree, with the folders it knows by name."""

    def work(client: Client) -> None:
        account = client.account(ALICE)
        found = {folder.name: type(folder).__name__ for folder in account.root.walk()}
        assert found["Inbox"] == "Inbox"
        assert found["Calendar"] == "Calendar"
        assert found["Top of Information Store"] == "MsgFolderRoot"
        assert (account.root / "Top of Information Store" / "Drafts").total_count == 0

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_from_invitation_to_cancellation(served: str) -> None:
    """The life of a meeting, as its organizer and the service account see it."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        meeting = invite(alice, BOB, EQUIPMENT, resources=[ROOM], location="Here")
        assert answers(meeting) == {
            BOB: "Unknown",
            EQUIPMENT: "Unknown",
            ROOM: "Accept",
        }
        (request,) = equipment.inbox.all()
        assert isinstance(request, kinds.MeetingRequest)
        assert request.clean_goid == meeting.clean_goid
        assert meeting.uid == request.clean_goid.hex().upper()
        assert (request.start, request.end) == (START, START + HOUR)
        assert request.organizer.email_address == ALICE
        assert request._start_timezone == BERLIN
        assert request.location == "Here"
        assert "Agenda" in request.body
        assert request.text_body == "Agenda"
        assert request.associated_calendar_item_id is None
        assert not request.has_been_processed
        assert request.meeting_request_type == "NewMeetingRequest"
        request.accept(body=ex.HTMLBody("<p>Room ready</p>"))

        assert equipment.inbox.all().count() == 0
        (entry,) = equipment.calendar.all()
        assert entry.my_response_type == "Accept"
        assert entry.clean_goid == request.clean_goid
        assert answers(meeting)[EQUIPMENT] == "Accept"
        (said,) = alice.inbox.filter(item_class="IPM.Schedule.Meeting.Resp.Pos").filter(
            subject__contains="Weekly", author=EQUIPMENT
        )
        assert said.text_body == "Room ready"
        assert said.author.email_address == EQUIPMENT

        meeting.start, meeting.end = START + HOUR, START + 2 * HOUR
        meeting.save(
            update_fields=["start", "end"],
            send_meeting_invitations=kinds.SEND_TO_ALL_AND_SAVE_COPY,
        )
        assert answers(meeting)[EQUIPMENT] == "Unknown"
        (update,) = equipment.inbox.all()
        assert update.appointment_sequence_number == 1
        assert update.associated_calendar_item_id.id == entry.id
        assert update.start == START + HOUR
        update.accept()
        (entry,) = equipment.calendar.all()
        assert entry.start == START + HOUR

        meeting.cancel(new_body="Sorry")
        (cancellation,) = equipment.inbox.all()
        assert isinstance(cancellation, kinds.MeetingCancellation)
        assert cancellation.associated_calendar_item_id.id == entry.id
        assert equipment.calendar.all().count() == 1
        RemoveItem(
            account=equipment,
            reference_item_id=ReferenceItemId(
                id=cancellation.id, changekey=cancellation.changekey
            ),
        ).send(save_copy=False)
        assert equipment.calendar.all().count() == 0
        assert equipment.inbox.all().count() == 0
        assert alice.calendar.all().count() == 0

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_declining(served: str) -> None:
    """The entry is thrown away, the organizer is told."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        meeting = invite(alice, EQUIPMENT)
        (request,) = equipment.inbox.all()
        request.decline(
            message_disposition=kinds.SEND_ONLY, body=ex.HTMLBody("<p>No</p>")
        )
        assert answers(meeting) == {EQUIPMENT: "Decline"}
        assert equipment.calendar.all().count() == 0
        assert {type(item).__name__ for item in equipment.trash.all()} == {
            "CalendarItem",
            "MeetingRequest",
        }
        assert equipment.sent.all().count() == 0
        with pytest.raises(ErrorItemNotFound):
            request.accept()

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_an_attendee_has_it_pencilled_in(served: str) -> None:
    """Bob answers from his calendar, after which the meeting is off."""

    def work(client: Client) -> None:
        alice, bob = client.account(ALICE), client.account(BOB)
        meeting = invite(alice, BOB)
        (entry,) = bob.calendar.all()
        assert entry.my_response_type == "NoResponseReceived"
        entry.tentatively_accept()
        assert answers(meeting) == {BOB: "Tentative"}
        meeting.delete(send_meeting_cancellations=kinds.SEND_TO_ALL_AND_SAVE_COPY)
        (entry,) = bob.calendar.all()
        assert entry.is_cancelled
        assert entry.subject == "Canceled: Weekly"
        with pytest.raises(ErrorCalendarIsCancelledForAccept):
            entry.accept()

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_rewriting_the_organizers_item(served: str) -> None:
    """The service account finds it by its global object id, and everybody hears."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        invite(alice, EQUIPMENT, BOB)
        invite(alice, BOB, subject="Another")
        (request,) = equipment.inbox.all()
        request.accept()
        organizer = client.service(ALICE)
        (found,) = organizer.calendar.filter(clean_goid=request.clean_goid)
        assert found.subject == "Weekly"
        found.body = ex.HTMLBody("<p>PXPS:-123e4567-e89b-12d3-a456-426614174000#</p>")
        found.save(
            update_fields=["body"],
            conflict_resolution=kinds.NEVER_OVERWRITE,
            send_meeting_invitations=kinds.SEND_TO_ALL_AND_SAVE_COPY,
        )
        (update,) = equipment.inbox.all()
        assert update.text_body == "PXPS:-123e4567-e89b-12d3-a456-426614174000#"
        assert update.meeting_request_type == "FullUpdate"
        assert update.appointment_sequence_number == 0
        assert answers(found) == {EQUIPMENT: "Accept", BOB: "Unknown"}
        bobs = client.account(BOB).inbox.filter(subject="Weekly")
        assert {item.meeting_request_type for item in bobs} == {
            "NewMeetingRequest",
            "InformationalUpdate",
        }

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_only_the_changed_are_told(served: str) -> None:
    """Who is taken out gets a cancellation, who stays gets nothing."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        meeting = invite(alice, BOB, EQUIPMENT)
        meeting.refresh()
        meeting.required_attendees = [
            each
            for each in meeting.required_attendees
            if each.mailbox.email_address != EQUIPMENT
        ]
        meeting.save(
            update_fields=["required_attendees"],
            send_meeting_invitations=kinds.SEND_TO_CHANGED_AND_SAVE_COPY,
        )
        subjects = {item.subject for item in equipment.inbox.all()}
        assert subjects == {"Weekly", "Canceled: Weekly"}
        assert client.account(BOB).inbox.all().count() == 1

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_following_the_changes(served: str) -> None:
    """SyncFolderItems, as it reads it."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        for number in range(3):
            invite(alice, EQUIPMENT, subject=f"m{number}", resources=[])
        inbox = equipment.inbox
        first = list(inbox.sync_items(max_changes_returned=2))
        assert [kind for kind, _ in first] == ["create"] * 3
        request = equipment.inbox.get(subject="m1")
        request.is_read = True
        request.save(update_fields=["is_read"])
        equipment.inbox.get(subject="m2").move(equipment.trash)
        assert {kind for kind, _ in inbox.sync_items()} == {
            "read_flag_change",
            "delete",
        }
        with pytest.raises(ErrorInvalidSyncStateData):
            list(inbox.sync_items(sync_state="nonsense"))

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_searching_and_paging(served: str, sandbox: CheckedSandbox) -> None:
    """Its query language over our restrictions, in small pages."""
    for number in range(25):
        sandbox.exchange.send_message(ALICE, to=[BOB], subject=f"mail {number:02}")
        sandbox.later(minutes=1)

    def work(client: Client) -> None:
        inbox = client.account(BOB).inbox
        query = inbox.all().order_by("-datetime_received").only("subject")
        query.page_size = 10
        assert [item.subject for item in query][:2] == ["mail 24", "mail 23"]
        assert query.count() == 25
        assert inbox.filter(subject__istartswith="MAIL 1").count() == 10
        assert inbox.exclude(subject__contains="0").count() == 13
        middle = inbox.get(subject="mail 12").datetime_received
        assert inbox.filter(datetime_received__lt=middle).count() == 12
        assert inbox.filter(datetime_received__range=(middle, middle)).count() == 1
        both = ex.Q(subject="mail 03") | ex.Q(subject__icontains="L 04")
        assert {item.subject for item in inbox.filter(both)} == {"mail 03", "mail 04"}
        assert inbox.filter(is_read=True).count() == 0
        assert inbox.filter(importance__exists=True).count() == 25

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_the_calendar_view(served: str) -> None:
    """What a span of time holds, all-day events included."""

    def work(client: Client) -> None:
        alice = client.account(ALICE)
        invite(alice, BOB)
        day = START.date()
        ex.CalendarItem(
            account=alice,
            folder=alice.calendar,
            subject="Day off",
            start=day,
            end=day,
            is_all_day=True,
        ).save()
        view = alice.calendar.view(start=START - HOUR, end=START + HOUR)
        found = {item.subject: item for item in view}
        assert set(found) == {"Weekly", "Day off"}
        assert (found["Day off"].start, found["Day off"].end) == (day, day)
        assert not found["Day off"].is_meeting
        later = alice.calendar.view(start=START + 48 * HOUR, end=START + 49 * HOUR)
        assert list(later) == []

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_mail_drafts_and_deleting(served: str) -> None:
    """Ordinary mail: written, kept, sent, read, thrown away."""

    def work(client: Client) -> None:
        alice, bob = client.account(ALICE), client.account(BOB)
        draft = ex.Message(
            account=alice,
            folder=alice.drafts,
            subject="Hi",
            body="plain",
            to_recipients=[BOB],
        )
        draft.save()
        assert alice.drafts.get(subject="Hi").is_draft
        ex.Message(
            account=alice,
            folder=alice.sent,
            subject="Hello",
            body=ex.HTMLBody("<b>bold</b>"),
            to_recipients=[BOB],
            cc_recipients=[EQUIPMENT],
        ).send_and_save()
        mail = bob.inbox.get(subject="Hello")
        assert mail.to_recipients[0].email_address == BOB
        assert mail.cc_recipients[0].email_address == EQUIPMENT
        assert mail.message_id
        assert alice.sent.get(subject="Hello").is_read
        mail.move_to_trash()
        assert bob.trash.get(subject="Hello")
        bob.trash.get(subject="Hello").delete()
        assert bob.trash.all().count() == 0

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_who_may_act_as_whom(served: str) -> None:
    """Denials, as the errors that exchangelib has for them."""

    def work(client: Client) -> None:
        denied = client.account(BOB, ALICE, access=ex.IMPERSONATION)
        with pytest.raises(ErrorImpersonateUserDenied):
            _ = denied.inbox
        nobody = client.service("nobody@example.test")
        with pytest.raises(ErrorNonExistentMailbox):
            _ = nobody.inbox
        delegate = client.account(BOB, ALICE)
        with pytest.raises(ErrorAccessDenied):
            list(
                delegate.root.get_default_folder(type(client.account(BOB).inbox)).all()
            )

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_names_and_zones(served: str) -> None:
    """The address book and the server's time zones."""

    def work(client: Client) -> None:
        account = client.account(ALICE)
        (person,) = account.protocol.resolve_names(["bob"])
        assert (person.name, person.email_address) == ("Bob Baker", BOB)
        zones = account.protocol.get_timezones(
            timezones=[BERLIN], return_full_timezone_data=True
        )
        (zone,) = zones
        standard = zone.get_std_and_dst(for_year=2026)
        assert len(standard) == 3
        assert len(list(account.protocol.get_timezones())) > 130

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_a_busy_server(served: str, sandbox: CheckedSandbox) -> None:
    """It reads the back-off out of our fault."""
    fault = {"kind": "ErrorServerBusy", "back_off_ms": 4000}
    sandbox.behaviour.configure({"faults": [{**fault, "operation": "GetFolder"}]})

    def work(client: Client) -> float:
        account = client.account(ALICE)
        with pytest.raises(ErrorServerBusy) as caught:
            _ = account.inbox
        return float(caught.value.back_off)

    assert await in_thread(served, work) == 4.0
