"""The answers that conferencing nodes get: one invalid field would void them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pexschedd.model.conference import Conference
from pexschedd.model.schedule import ScheduledConference
from pexschedd.scheduling.admission import Closed, Open, verdict
from pexschedd.web.policy import answer, service

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ROOM = Conference(id=3, name="Plans (Alice)")


def meeting(opens: int, closes: int) -> ScheduledConference:
    """A meeting whose window opens and closes so many minutes from now."""
    return ScheduledConference(
        id=1,
        conference=3,
        start_time=NOW + timedelta(minutes=opens),
        end_time=NOW + timedelta(minutes=closes),
    )


@pytest.mark.parametrize(
    ("windows", "open_"),
    [
        ([(0, 1)], True),
        ([(-60, 1)], True),
        ([(-60, 0)], False),
        ([(1, 60)], False),
        ([(-60, -30), (-5, 5), (60, 90)], True),
        ([(-60, -30), (60, 90)], False),
    ],
)
def test_open_exactly_inside_a_window(
    windows: list[tuple[int, int]], open_: bool
) -> None:
    """From the first instant of a window until its last, and never outside."""
    found = verdict(ROOM, [meeting(*w) for w in windows], [], NOW)
    assert isinstance(found, Open) is open_


def test_closed_room_says_when_it_opens() -> None:
    """The next opening is named, not the last one."""
    meetings = [meeting(90, 120), meeting(30, 60), meeting(-60, -30)]
    found = verdict(ROOM, meetings, [], NOW)
    assert isinstance(found, Closed)
    assert found.opens == NOW + timedelta(minutes=30)
    assert "opens at 2026-11-23 09:30 UTC" in found.reason


def test_past_room_says_so() -> None:
    """After the last window nothing opens any more."""
    found = verdict(ROOM, [meeting(-60, -30)], [], NOW)
    assert found == Closed("This meeting is over.")


def test_the_three_answers() -> None:
    """The room; reject with a reason; continue for what is not ours."""
    assert answer(Open(ROOM))["result"]["name"] == "Plans (Alice)"
    closed = answer(Closed("This meeting is over."))
    assert (closed["action"], closed["result"]) == ("reject", {})
    assert answer(None) == {"status": "success", "action": "continue", "result": {}}


def test_a_plain_room_has_only_what_a_node_needs() -> None:
    """Defaults are left to the node."""
    assert service(Open(ROOM)) == {
        "service_type": "conference",
        "name": "Plans (Alice)",
        "service_tag": "conference-3",
    }


VIEW = "one_main_zero_pips"
SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"pin": "1234"}, {"pin": "1234"}),
    ({"allow_guests": True}, {}),
    ({"allow_guests": True, "pin": "1234"}, {"allow_guests": True, "pin": "1234"}),
    (
        {"allow_guests": True, "pin": "1234", "guest_pin": "1234"},
        {"allow_guests": True, "pin": "1234"},
    ),
    (
        {"allow_guests": True, "pin": "1234", "guest_pin": "5678"},
        {"allow_guests": True, "pin": "1234", "guest_pin": "5678"},
    ),
    ({"guest_pin": "5678"}, {}),
    ({"max_callrate_in": 512}, {"max_callrate_in": 512000}),
    ({"participant_limit": 5}, {"participant_limit": 5}),
    ({"tag": "sales"}, {"service_tag": "sales"}),
    (
        {"denoise_enabled": True, "softmute_enabled": True, "pinning_config": "row"},
        {"denoise_enabled": True, "softmute_enabled": True, "pinning_config": "row"},
    ),
    (
        {"direct_media": "always", "direct_media_notification_duration": 5},
        {"direct_media": "always", "direct_media_notification_duration": 5},
    ),
    ({"direct_media": "always", "breakout_rooms": True}, {"breakout_rooms": True}),
    ({"direct_media_notification_duration": 5}, {}),
    ({"host_view": VIEW, "guest_view": VIEW}, {"view": VIEW}),
    (
        {"service_type": "lecture", "host_view": VIEW, "guest_view": VIEW},
        {"service_type": "lecture", "host_view": VIEW, "guest_view": VIEW},
    ),
    (
        {"force_presenter_into_main": True, "guests_can_see_guests": "always"},
        {},
    ),
    (
        {
            "service_type": "lecture",
            "force_presenter_into_main": True,
            "guests_can_see_guests": "always",
        },
        {
            "service_type": "lecture",
            "force_presenter_into_main": True,
            "guests_can_see_guests": "always",
        },
    ),
    ({"service_type": "media_playback"}, {}),
    ({"crypto_mode": "", "max_pixels_per_second": "", "host_view": ""}, {}),
]


def test_the_platforms_names_are_told() -> None:
    """A theme and the groups to sign in with are named as the interface has them."""
    told = service(Open(ROOM, "Night", "Staff", "Partners"))
    assert told == service(Open(ROOM)) | {
        "ivr_theme_name": "Night",
        "host_identity_provider_group": "Staff",
        "guest_identity_provider_group": "Partners",
    }


@pytest.mark.parametrize(("settings", "said"), SETTINGS)
def test_settings_never_void_the_answer(
    settings: dict[str, Any], said: dict[str, Any]
) -> None:
    """Combinations that a node would refuse are left out; rates are in bps."""
    plain = service(Open(ROOM))
    room = Conference(id=3, name="Plans (Alice)", **settings)
    assert service(Open(room)) == plain | said
