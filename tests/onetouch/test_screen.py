"""The list of a room's screen: what is on it, what is hidden, what is remembered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.model.fields.addresses import mail_address
from pexschedd.model.fields.template_variables import SCREEN_TITLE
from pexschedd.model.onetouch.room_calendar import JoinDetails, RoomMeeting
from pexschedd.onetouch.screen.calendar_processing import (
    ProcessingLoss,
    losses_of,
    mending_command,
)
from pexschedd.onetouch.screen.meeting_list import MOST_LISTED, screen_list
from pexschedd.onetouch.screen.remembered import (
    KEPT_AFTER_END,
    MOST_KEPT,
    Memory,
    remembered,
    with_lost_details,
)
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting, ScreenProfile
from tests.doctor.powershell_support import SINGLE, tokens
from tests.onetouch.onetouch_support import templates
from tests.thorough import examples

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DETAILS = JoinDetails("1@a.example", "SIP", "Zoom", "Zoom")
OTHERS = JoinDetails("2@a.example", "SIP", "Zoom", "Zoom")


def meeting(hours: float = 1, length: float = 1, **fields: Any) -> RoomMeeting:
    start = NOW + hours * HOUR
    given_fields: dict[str, Any] = {
        "item_id": "i",
        "uid": "u",
        "start": start,
        "end": start + length * HOUR,
        "subject": "Plan",
        "organizer_name": "Jane",
        "details": DETAILS,
    }
    return RoomMeeting(**given_fields | fields)


def listed(*meetings: RoomMeeting, **profile: Any) -> tuple[ScreenMeeting, ...]:
    return screen_list(meetings, ScreenProfile(**profile), NOW, templates())


@pytest.mark.parametrize(
    ("hours", "length", "days", "is_listed"),
    [
        (1, 1, 7, True),
        (7 * 24, 1, 7, True),
        (7 * 24 + 0.01, 1, 7, False),
        (-25, 1, 7, True),
        (-25.01, 1, 7, False),
        (-100, 300, 7, True),
        (2, 1, 0, False),
        (5 / 60, 1, 0, True),
        (6 / 60, 1, 0, False),
        (-0.5, 1, 0, True),
        (365 * 24, 1, 365, True),
    ],
)
def test_window(hours: float, length: float, days: int, is_listed: bool) -> None:
    """Listed is what is within one day back and so many days ahead, and what can be
    joined."""
    found = listed(meeting(hours, length), display_upcoming_meetings=days)
    assert bool(found) is is_listed


@pytest.mark.parametrize(
    ("fields", "profile", "title"),
    [
        ({}, {}, "Plan"),
        ({"is_private": True}, {}, "Jane"),
        ({"is_private": True}, {"replace_subject_type": "NEVER"}, "Plan"),
        ({}, {"replace_subject_type": "ALL"}, "Jane"),
        ({}, {"replace_subject_type": "SOME"}, "Jane"),
        ({"subject": " "}, {}, "Jane"),
        ({"subject": ""}, {"replace_empty_subject": False}, "Meeting"),
        ({"is_private": True, "organizer_name": ""}, {}, "Private meeting"),
        (
            {"organizer_name": "", "organizer_email": "j@x", "is_private": True},
            {},
            "j@x",
        ),
        (
            {"is_private": True},
            {"replace_subject_template": "Booked by {{ organizer_name|upper }}"},
            "Booked by JANE",
        ),
        ({"is_private": True}, {"replace_subject_template": "{{ 1 // 0 }}"}, "Jane"),
        ({"is_private": True}, {"replace_subject_template": "{{ pin }}"}, "Jane"),
        ({}, {"replace_subject_template": "x"}, "Plan"),
        ({"subject": "a\nb\u202e\x1bc" + "d" * 300}, {}, "a bc" + "d" * 246),
    ],
)
def test_titles(fields: dict[str, Any], profile: dict[str, Any], title: str) -> None:
    """A title is the subject, or what the profile puts in its place; never empty."""
    (found,) = listed(meeting(**fields), **profile)
    assert found.title == title


def test_what_an_organizer_is_called() -> None:
    """An organizer's name is one line without what would turn or hide the text beside
    it, however the sender writes it."""
    (found,) = listed(
        meeting(
            organizer_name="Ja\u202ene\n" + "e" * 5_000, organizer_email="j@x\u2066"
        )
    )
    assert found.organizer_name == ("Jane " + "e" * 5_000)[:250]
    assert found.organizer_email == "j@x"


@pytest.mark.parametrize(
    "subject",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u06f3",
        "\U0001f469\u200d\U0001f4bb \u2764\ufe0f",
        "Ｐｌａｎ",
    ],
    ids=["Persian", "pictures", "wide letters"],
)
def test_titles_are_as_they_are_written(subject: str) -> None:
    """Letters, digits and pictures of any script are shown as their writer meant."""
    (found,) = listed(meeting(subject=subject))
    assert found.title == subject
    (empty,) = listed(meeting(subject="\u200d\u200b"))
    assert empty.title == "Jane"


def test_private_meetings() -> None:
    """Private meetings are shown, shown without Join, or not shown at all."""
    private = meeting(is_private=True)
    (shown,) = listed(private)
    assert shown.details == DETAILS
    (bare,) = listed(private, process_alias_private_meetings=False)
    assert bare.details is None
    assert not listed(private, enable_private_meetings=False)
    assert not listed(
        private, process_alias_private_meetings=False, enable_non_video_meetings=False
    )


def test_meetings_without_video() -> None:
    """Without something to join a meeting is shown without Join, or not shown."""
    (bare,) = listed(meeting(details=None))
    assert bare.details is None
    assert not listed(meeting(details=None), enable_non_video_meetings=False)


def test_cancelled_meetings_are_not_shown() -> None:
    """The flag counts, not what the subject says."""
    assert not listed(meeting(is_cancelled=True))
    assert listed(meeting(subject="Canceled: Plan"))


def test_buffers_widen_the_time_to_join() -> None:
    """Join can be pressed before the start and after the end, as the profile says."""
    (found,) = listed(meeting(), start_buffer=10, end_buffer=20)
    assert found.join_from == NOW + HOUR - timedelta(minutes=10)
    assert found.join_until == NOW + 2 * HOUR + timedelta(minutes=20)


def test_overlapping_meetings_are_all_shown_in_order() -> None:
    """A double booking is seen, the earlier start first, then the earlier end."""
    long = meeting(1, 3, item_id="long", uid="a")
    short = meeting(1, 1, item_id="short", uid="b")
    late = meeting(2, 1, item_id="late", uid="c")
    day = meeting(-12, 24, item_id="day", uid="d", is_all_day=True)
    found = [each.item_id for each in listed(late, long, day, short)]
    assert found == ["day", "short", "long", "late"]


def test_copies_of_one_meeting_are_shown_once() -> None:
    """The copy that was changed last counts, also if it is cancelled or was moved."""
    old = meeting(item_id="old", changed=NOW - HOUR)
    moved = meeting(3, item_id="moved", changed=NOW)
    for order in ((old, moved), (moved, old)):
        assert [each.item_id for each in listed(*order)] == ["moved"]
    gone = meeting(changed=NOW, is_cancelled=True)
    assert not listed(gone, old)


def test_occurrences_are_meetings_of_their_own() -> None:
    """Occurrences of a series have one UID, and each is shown."""
    days = [meeting(24 * n, recurrence_id=NOW + 24 * n * HOUR) for n in range(3)]
    assert len(listed(*days)) == 3


def test_list_is_bounded() -> None:
    """Of very many meetings those that are over go first, then the latest."""
    past = [meeting(-20, item_id=f"p{n}", uid=f"p{n}") for n in range(300)]
    next_ones = [
        meeting(n / 60, item_id=f"n{n}", uid=f"n{n}") for n in range(MOST_LISTED + 100)
    ]
    found = listed(*next_ones, *past)
    assert len(found) == MOST_LISTED
    assert [found[0].item_id, found[-1].item_id] == ["n0", f"n{MOST_LISTED - 1}"]


def seen(*steps: RoomMeeting) -> JoinDetails | None:
    """The details on the screen after the copies of one meeting, one after another."""
    memory: Memory = {}
    details: JoinDetails | None = None
    for step in steps:
        (whole,) = with_lost_details([step], memory, {})
        memory = remembered(memory, [whole], NOW)
        details = whole.details
    return details


BARE: dict[str, Any] = {"details": None, "has_text": False}


@pytest.mark.parametrize(
    ("steps", "details"),
    [
        ([meeting(), meeting(**BARE)], DETAILS),
        ([meeting(), meeting(**BARE), meeting(**BARE)], DETAILS),
        ([meeting(), meeting(5, **BARE)], DETAILS),
        ([meeting(), meeting(details=None)], None),
        ([meeting(), meeting(details=None), meeting(**BARE)], None),
        ([meeting(), meeting(details=OTHERS), meeting(**BARE)], OTHERS),
        ([meeting(), meeting(is_cancelled=True), meeting(**BARE)], None),
        ([meeting(), meeting(uid="other", **BARE)], None),
        ([meeting(), meeting(recurrence_id=NOW, **BARE)], None),
        (
            [meeting(recurrence_id=NOW), meeting(5, recurrence_id=NOW, **BARE)],
            DETAILS,
        ),
        ([meeting(**BARE)], None),
    ],
)
def test_first_details_are_kept(
    steps: list[RoomMeeting], details: JoinDetails | None
) -> None:
    """Details once seen are kept for a copy without any text, and only for that."""
    assert seen(*steps) == details


def test_own_rooms_are_known_without_a_body() -> None:
    """A meeting that our scheduling side gave a room is known by its UID."""
    (found,) = with_lost_details([meeting(**BARE)], {}, {"u": OTHERS})
    assert found.details == OTHERS
    (found,) = with_lost_details([meeting()], {}, {"u": OTHERS})
    assert found.details == DETAILS


def test_memory_is_bounded() -> None:
    """What is over is forgotten, and of very many meetings what ends first."""
    past = meeting(-49 - KEPT_AFTER_END / HOUR, uid="past")
    many = [meeting(n, uid=str(n)) for n in range(MOST_KEPT + 10)]
    kept = remembered({}, [past, *many], NOW)
    assert len(kept) == MOST_KEPT
    assert many[-1].key in kept
    assert many[0].key not in kept
    assert past.key not in remembered({}, [past], NOW)


moments = st.integers(-400, 400).map(lambda n: NOW + n * HOUR / 4)
meetings = st.builds(
    RoomMeeting,
    item_id=st.uuids().map(str),
    uid=st.sampled_from("abc"),
    start=moments,
    end=moments,
    recurrence_id=st.none() | moments,
    changed=st.none() | moments,
    subject=st.text(max_size=8),
    organizer_name=st.sampled_from(["", "Jane"]),
    is_private=st.booleans(),
    is_cancelled=st.booleans(),
    is_all_day=st.booleans(),
    has_text=st.booleans(),
    details=st.sampled_from([None, DETAILS]),
)
profiles = st.builds(
    ScreenProfile,
    display_upcoming_meetings=st.integers(0, 10),
    start_buffer=st.integers(0, 180),
    end_buffer=st.integers(0, 180),
    enable_non_video_meetings=st.booleans(),
    enable_private_meetings=st.booleans(),
    process_alias_private_meetings=st.booleans(),
    replace_empty_subject=st.booleans(),
    replace_subject_type=st.sampled_from(["PRIVATE", "ALL", "NEVER"]),
)


@settings(max_examples=examples(600))
@given(st.lists(meetings, max_size=12), profiles)
def test_list_keeps_what_it_promises(
    calendar: list[RoomMeeting], profile: ScreenProfile
) -> None:
    """In order, each meeting once, none that is cancelled or hidden, and no subject
    that is to be replaced."""
    found = screen_list(calendar, profile, NOW, templates())
    by_id = {each.item_id: each for each in calendar}
    keys = [by_id[each.item_id].key for each in found]
    assert len(set(keys)) == len(keys)
    assert [each.start for each in found] == sorted(each.start for each in found)
    for line in found:
        source = by_id[line.item_id]
        assert line.title
        assert not source.is_cancelled
        assert profile.enable_private_meetings or not source.is_private
        assert profile.enable_non_video_meetings or line.details is not None
        if source.is_private and not profile.process_alias_private_meetings:
            assert line.details is None
        if source.is_private and profile.replace_subject_type != "NEVER":
            assert line.title in ("Jane", "Private meeting")
        assert line.join_from <= line.start
        assert line.join_until >= line.end
    if all(each.changed for each in calendar):
        ordered = sorted(calendar, key=lambda each: each.item_id)
        if len({each.changed for each in calendar}) == len(calendar):
            assert screen_list(ordered, profile, NOW, templates()) == found


def test_variables_of_the_title() -> None:
    """A template of the title is checked against its variables."""
    templates().check("{{ organizer_name }}{{ subject }}", SCREEN_TITLE)


@pytest.mark.parametrize(
    ("changes", "losses"),
    [
        (
            {"has_text": False, "subject": "Jane"},
            "DeleteComments DeleteSubject AddOrganizerToSubject",
        ),
        ({"has_text": False}, "DeleteComments"),
        ({"subject": ""}, "DeleteSubject"),
        ({"subject": "Jane Plan"}, "AddOrganizerToSubject"),
        ({}, ""),
        ({"organizer_name": "", "has_text": False, "subject": ""}, ""),
    ],
)
def test_calendar_processing_is_recognised(
    changes: dict[str, Any], losses: str
) -> None:
    """A room whose meetings have all lost the same is reported, with the switch."""
    items = [meeting(uid=str(n), **changes) for n in range(3)]
    assert losses_of(items) == tuple(ProcessingLoss(each) for each in losses.split())
    assert not losses_of(items[:2])
    assert not losses_of([*items, meeting(uid="other")])


def test_mending_command() -> None:
    """The command names the room, whatever its name, and the switches; and it never
    makes subjects of private meetings public."""
    losses = (ProcessingLoss.COMMENTS, ProcessingLoss.SUBJECT)
    assert mending_command("o'neill@x", losses) == (
        "Set-CalendarProcessing -Identity 'o''neill@x' -DeleteComments $false "
        "-DeleteSubject $false -RemovePrivateProperty $false"
    )


@pytest.mark.parametrize("mark", SINGLE)
def test_no_address_ends_the_commands_string(mark: str) -> None:
    """PowerShell takes typographic marks for single quotes, and addresses may have
    them: the whole address is one string, and nothing of it is run."""
    room = f"o{mark}|&{{calc}}{mark}neill@example.test"
    assert mail_address(room) is None
    command = mending_command(room, (ProcessingLoss.COMMENTS,))
    found = tokens(command)
    assert [each.kind for each in found] == ["code", "string", "code"]
    assert found[1].text == room


def test_lists_can_be_compared_and_stored() -> None:
    """A list that was sent can be kept, and tells whether the next one differs."""
    found = listed(meeting())
    stored = msgspec.json.decode(
        msgspec.json.encode(found), type=tuple[ScreenMeeting, ...]
    )
    assert stored == found
    assert listed(meeting(subject="New")) != found
