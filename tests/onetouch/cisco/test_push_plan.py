"""The reasons for sending a list again, and the pace of visits."""

from typing import Any

import pytest

from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.pushing.bookings import RoomBooking, bookings_of
from pexschedd.onetouch.pushing.pace import (
    LONGEST_WAIT,
    LOOK_EVERY,
    delay_after,
    look_interval,
)
from pexschedd.onetouch.pushing.problems import ProblemKind
from pexschedd.onetouch.pushing.push_plan import (
    PushReason,
    SeenEndpoint,
    days_to_list,
    reason_by_look,
    reason_by_record,
)
from pexschedd.onetouch.pushing.software import Software
from pexschedd.util.backoff import backoff
from tests.onetouch.cisco.cisco_support import HOUR, MINUTE, NOW, screen_meeting

ADDRESS = "https://10.0.0.5"
DAY = 24 * HOUR


def state(**fields: Any) -> EndpointState:
    given: dict[str, Any] = {
        "id": 1,
        "endpoint": 7,
        "address": ADDRESS,
        "sent": "d",
        "sent_time": NOW - HOUR,
        "software": "v",
        "started": NOW - DAY,
    }
    return EndpointState(**given | fields)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, PushReason.FIRST),
        (state(sent=""), PushReason.FIRST),
        (state(), None),
        (state(sent="other"), PushReason.CHANGED),
        (state(intended="other"), PushReason.INTERRUPTED),
        (state(intended="d"), PushReason.INTERRUPTED),
        (state(sent="", intended="d"), PushReason.INTERRUPTED),
        (state(address="https://10.0.0.6"), PushReason.ADDRESS),
        (state(sent_time=NOW - DAY), PushReason.REFRESH),
        (state(sent_time=None), PushReason.REFRESH),
    ],
)
def test_reasons_by_the_record(
    state: EndpointState | None, reason: PushReason | None
) -> None:
    """A list is sent if it differs, if it may not be there, and once a day."""
    assert reason_by_record(state, "d", ADDRESS, NOW) == reason


def seen(**fields: Any) -> SeenEndpoint:
    given: dict[str, Any] = {"software": Software("v"), "started": NOW - DAY}
    return SeenEndpoint(**given | fields)


def bookings(*hours: float) -> tuple[RoomBooking, ...]:
    return bookings_of([screen_meeting(h, item_id=str(h)) for h in hours], NOW)


SOME = bookings(1, 48)
IDS = [booking.id for booking in SOME]


@pytest.mark.parametrize(
    ("state", "seen", "reason"),
    [
        (state(), seen(), None),
        (state(), seen(started=NOW - DAY + MINUTE), None),
        (state(), seen(started=NOW - 5 * MINUTE), PushReason.RESTARTED),
        (state(started=None), seen(), PushReason.RESTARTED),
        (state(), seen(started=None), None),
        (state(), seen(software=Software("w")), PushReason.SOFTWARE),
        (state(), seen(listed=frozenset()), PushReason.LOST),
        (state(), seen(listed=frozenset({"others"})), PushReason.LOST),
        (state(), seen(listed=frozenset(IDS)), None),
        (state(), seen(listed=frozenset(IDS[:1])), None),
        (state(sent_because=PushReason.LOST), seen(listed=frozenset()), None),
    ],
)
def test_reasons_by_a_look(
    state: EndpointState, seen: SeenEndpoint, reason: PushReason | None
) -> None:
    """An endpoint that was started, that has other software or none of its bookings is
    sent its list; not again and again if it lists other ids."""
    assert reason_by_look(state, seen, SOME, NOW) == reason


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        ((), None),
        ((-0.5,), None),
        ((1,), 2),
        ((-0.5, 30, 500), 3),
        ((24 * 364,), None),
    ],
)
def test_days_that_are_compared(hours: tuple[float, ...], days: int | None) -> None:
    """An endpoint is asked for the days up to its first booking that is to come."""
    assert days_to_list(bookings(*hours), NOW) == days


def test_nothing_to_come_is_nothing_lost() -> None:
    """A list without a meeting to come, or one far ahead, is not missed."""
    empty = seen(listed=frozenset())
    assert reason_by_look(state(), empty, bookings(), NOW) is None
    assert reason_by_look(state(), empty, bookings(-0.5), NOW) is None
    assert reason_by_look(state(), empty, bookings(24 * 364), NOW) is None


@pytest.mark.parametrize(
    ("kind", "failures", "delay"),
    [
        (ProblemKind.UNREACHABLE, 1, 15),
        (ProblemKind.UNREACHABLE, 3, 60),
        (ProblemKind.BUSY, 30, 900),
        (ProblemKind.UNTRUSTED, 1, LOOK_EVERY),
        (ProblemKind.REFUSED, 30, 900),
        (ProblemKind.CREDENTIALS, 1, LONGEST_WAIT),
        (ProblemKind.SETTINGS, 1, None),
    ],
)
def test_the_pace_of_retries(
    kind: ProblemKind, failures: int, delay: float | None
) -> None:
    """What may pass is tried again soon, what does not pass by itself rarely, and a
    refused password once a day."""
    assert delay_after(kind, failures, backoff(15, 900), lambda: 0.5) == delay


@pytest.mark.parametrize(("endpoints", "seconds"), [(1, 300), (2400, 300), (5000, 625)])
def test_the_pace_of_looks(endpoints: int, seconds: float) -> None:
    """Looks are every five minutes, and eight a second at most."""
    assert look_interval(endpoints) == seconds


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_retries_come_apart(chance: float) -> None:
    """Delays vary by a quarter around their middle."""
    delay = delay_after(ProblemKind.CREDENTIALS, 1, backoff(15, 900), lambda: chance)
    assert delay is not None
    assert abs(delay / LONGEST_WAIT - 1) == pytest.approx(0.25, abs=0.01)
