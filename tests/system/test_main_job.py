"""A meeting sent by an independent Exchange client becomes a room people can join."""

import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import (
    ALICE,
    PATIENCE,
    TWISTD,
    World,
    eventually,
    parsed,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def alice(world: World) -> Iterator[Organizer]:
    with organizer(world.exchange, ALICE) as person:
        yield person


def soon() -> datetime:
    """Now, in whole seconds, as Exchange keeps times."""
    return datetime.now(UTC).replace(microsecond=0)


def answered(alice: Organizer, times: int) -> list[tuple[str, str]]:
    def answers() -> list[tuple[str, str]]:
        found = alice.answers()
        return found if len(found) == times else []

    return eventually(answers, f"answer number {times}")


def test_book_accept_move_cancel(world: World, alice: Organizer) -> None:
    """Each step of a meeting's life is answered, and the policy follows it."""
    world.create_integration()
    details = world.meeting_details(world.token()).json()["result"]
    (booked,) = world.objects("scheduled_alias")
    assert details["alias_id"] == f"PXPS:-{booked['uuid']}#"
    numeric, full = booked["numeric_alias"], booked["alias"]
    assert (len(numeric), full) == (9, f"{numeric}@example.test")
    assert world.policy(numeric)["action"] == "reject"
    assert world.policy("nobody@example.test") == {
        "status": "success",
        "action": "continue",
        "result": {},
    }

    start = soon() + 10 * MINUTE
    body = f"<html><body>{details['instructions']}<p>Agenda</p></body></html>"
    item = alice.invite("Plans", start, start + 60 * MINUTE, body)
    ((kind, text),) = answered(alice, 1)
    assert kind == "IPM.Schedule.Meeting.Resp.Pos"
    assert f"successfully scheduled using the aliases: {full} and {numeric}" in text
    for dialled in (numeric, full, full.upper(), f"sip:{full}", f"SIPS:{numeric}"):
        answer = world.policy(dialled)
        assert answer["result"]["service_type"] == "conference", dialled
        assert answer["result"]["name"].startswith("Plans (")
    (meeting,) = world.objects("scheduled_conference")
    assert parsed(meeting["start_time"]) == start - 30 * MINUTE
    assert parsed(meeting["end_time"]) == start + 120 * MINUTE

    tomorrow = start + 24 * 60 * MINUTE
    alice.move(item, tomorrow, tomorrow + 60 * MINUTE)
    (kind, text) = answered(alice, 2)[-1]
    assert kind == "IPM.Schedule.Meeting.Resp.Pos"
    assert "successfully rescheduled" in text
    closed = world.policy(full)
    assert (closed["action"], closed["result"]) == ("reject", {})
    assert f"{tomorrow - 30 * MINUTE:%Y-%m-%d %H:%M}" in closed["reason"]

    alice.cancel(item)
    eventually(lambda: not world.objects("conference"), "the room's end")
    assert world.objects("scheduled_conference") == []
    assert world.objects("conference_alias") == []
    (spent,) = world.objects("scheduled_alias")
    assert spent["conference_deletion_time"]
    assert world.policy(numeric)["action"] == "reject"


def test_killed_and_started_again(world: World, alice: Organizer) -> None:
    """After kill -9 everything is still there, and what came meanwhile is done."""
    world.create_integration()
    start = soon()
    details = [world.meeting_details(world.token()).json()["result"] for _ in range(2)]
    first = alice.invite(
        "First", start, start + 30 * MINUTE, details[0]["instructions"]
    )
    answered(alice, 1)
    world.daemon.stop(signal.SIGKILL)

    alice.invite("Second", start, start + 30 * MINUTE, details[1]["instructions"])
    alice.move(first, start + 600 * MINUTE, start + 630 * MINUTE)
    world.start_daemon()
    texts = [text for _, text in answered(alice, 3)]
    assert "successfully rescheduled" in " ".join(texts[1:])
    first_alias, second_alias = world.objects("scheduled_alias")
    assert world.policy(second_alias["alias"])["result"]["name"].startswith("Second")
    assert world.policy(first_alias["alias"])["action"] == "reject"


def test_mail_without_a_tag_is_declined(world: World, alice: Organizer) -> None:
    """The equipment mailbox as a mere attendee gets the organizer a clear answer."""
    world.create_integration()
    alice.invite("No tag", soon(), soon() + 30 * MINUTE, "<p>hello</p>")
    ((kind, text),) = answered(alice, 1)
    assert kind == "IPM.Schedule.Meeting.Resp.Neg"
    assert "does not contain currently valid scheduling data" in text
    assert world.objects("conference") == []


def test_started_by_its_own_command(world: World) -> None:
    """`twistd pexschedd` itself, which has to import everything first: it answers, and
    ends in order."""
    world.daemon.stop()
    with world.daemon.log.open("ab") as log:
        command = [TWISTD, "-n", "--pidfile=", "pexschedd", "-c", str(world.config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=world.folder)
    try:
        world.wait_for_sign_in()
    finally:
        process.terminate()
    assert process.wait(PATIENCE) == 0
