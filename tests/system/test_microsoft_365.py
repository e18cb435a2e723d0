"""Microsoft Graph from end to end: two programs, notifications over TLS, a screen."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from benchmarks.graph_access import CLIENT, SECRET, TENANT, graph_fields
from tests.system.cloud_support import Cloud
from tests.system.organizer_support import Body, Organizer, organizer
from tests.system.room_support import ROOM, configure_endpoint, make
from tests.system.system_support import ALICE, eventually

HOUR = timedelta(hours=1)
NEVER = 3600
"""Seconds between two looks at the mailbox: what is seen before then was told."""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    world = Cloud(tmp_path)
    with world:
        yield world


@pytest.fixture
def alice(cloud: Cloud) -> Iterator[Organizer]:
    with organizer(cloud.exchange, ALICE) as person:
        yield person


def answers(alice: Organizer, times: int) -> list[tuple[str, str]]:
    def found() -> list[tuple[str, str]]:
        given = alice.answers()
        return given if len(given) == times else []

    return eventually(found, f"answer number {times}")


def soon() -> datetime:
    """Twenty minutes from now, in whole seconds, as Exchange keeps times."""
    return datetime.now(UTC).replace(microsecond=0) + HOUR / 3


def test_told_over_tls_and_answered(cloud: Cloud, alice: Organizer) -> None:
    """A request and its update are answered because Graph has told of them, before and
    after a kill; nothing has looked into the mailbox by itself."""
    cloud.create_integration(
        **graph_fields(cloud.exchange),
        oauth_client_secret=SECRET,
        graph_notification_method="WEBHOOK",
        addin_server_domain=cloud.public,
        poll_interval=NEVER,
        safety_poll_interval=NEVER,
    )
    before = eventually(cloud.subscriptions, "the subscriptions")

    details = cloud.meeting_details(
        cloud.token(
            audience=f"https://{cloud.public}/api/client/v2/msexchange_schedulers/1/addin"
        )
    ).json()["result"]
    start = soon()
    body = f"<html><body>{details['instructions']}</body></html>"
    item = alice.invite("Plans", start, start + HOUR, body)
    ((kind, _),) = answers(alice, 1)
    assert kind == "IPM.Schedule.Meeting.Resp.Pos"
    (booked,) = cloud.objects("scheduled_alias")
    assert cloud.policy(booked["alias"])["result"]["name"].startswith("Plans (")

    cloud.daemon.stop(signal.SIGKILL)
    cloud.start_daemon()

    def renewed() -> bool:
        now = cloud.subscriptions()
        return bool(now) and now.isdisjoint(before)

    eventually(renewed, "new subscriptions instead of those of the killed daemon")
    alice.move(item, start + 24 * HOUR, start + 25 * HOUR)
    assert answers(alice, 2)[-1][0] == "IPM.Schedule.Meeting.Resp.Pos"
    assert cloud.policy(booked["alias"])["action"] == "reject"  # not today
    alice.cancel(item)
    eventually(lambda: not cloud.objects("conference"), "the room's end")


def test_a_meeting_of_graph_reaches_a_screen(cloud: Cloud, alice: Organizer) -> None:
    """A room's calendar is read over Graph, and its screen lists what to dial."""
    start = soon()
    text = Body("Dial sip:4021@vc.example.test")
    item = alice.invite("Plan", start, start + HOUR, text, resources=(ROOM,))
    rooms = make(
        cloud,
        "mjx_graph_deployment",
        name="Tenant",
        client_id=CLIENT,
        client_secret=SECRET,
        oauth_token_url=f"{cloud.exchange}/{TENANT}/oauth2/v2.0/token",
        graph_api_domain=cloud.exchange.removeprefix("http://"),
    )
    token = configure_endpoint(cloud, graph_deployment=rooms.headers["Location"])

    def listed() -> list[Any] | None:
        answer = requests.get(
            f"{cloud.screens}/v1/meetings",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        # A screen is told how long to wait once it has asked twenty times.
        Event().wait(int(answer.headers.get("Retry-After", "0")))
        return list(answer.json()["meetings"]) if answer.ok else None

    found = eventually(listed, "the first reading")
    assert found is not None
    (meeting,) = found
    assert meeting["title"] == "Plan"
    assert meeting["join"]["alias"] == "4021@vc.example.test"
    alice.cancel(item)
    eventually(lambda: listed() == [], "the next reading")
