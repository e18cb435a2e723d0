"""An installation at work, for the tests of the administrator's page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.net.net_support import DAY, NOW, Authority
from tests.system.organizer_support import organizer
from tests.system.system_support import ALICE, World, eventually

HOSTILE = "<img src=x onerror=alert(1)><b>"
ROOMS = 40
HALF_AN_HOUR = timedelta(minutes=30)


@contextmanager
def installation_at_work(folder: Path) -> Iterator[World]:
    """Integrations that work, that cannot sign in, and that wait for a person; meetings
    of Alice's: one that is on, with a hostile subject, one that was cancelled and one
    that was declined; 40 rooms of the day; and a certificate that expires soon."""
    with World(folder) as world:
        world.create_integration()
        world.create_integration(
            name="Lyon",
            authentication_method="NTLM",
            username="nobody@example.test",
            room_mailbox_email_address="lyon@example.test",
        )
        world.create_integration(
            name="Cloud",
            authentication_method="OAUTH",
            oauth_client_id="pexschedd",
            oauth_redirect_uri=f"{world.admin}/admin/platform/msexchangeconnector/"
            "oauth_redirect/",
            oauth_auth_endpoint="http://127.0.0.1:9/authorize",
            oauth_token_endpoint="http://127.0.0.1:9/token",
            room_mailbox_email_address="cloud@example.test",
        )
        fill(world)
        meet(world)
        eventually(lambda: len(world.alarms()) == 3, "the alarms")
        yield world


def meet(world: World) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with organizer(world.exchange, ALICE) as alice:
        items = []
        for subject in (HOSTILE, "Cancelled one"):
            details = world.meeting_details(world.token()).json()["result"]
            body = f"<html><body>{details['instructions']}</body></html>"
            items.append(alice.invite(subject, now, now + 2 * HALF_AN_HOUR, body))
        alice.invite("No tag", now, now + HALF_AN_HOUR, "<html><body></body></html>")
        eventually(lambda: len(history(world)) == 3, "three decisions")
        alice.cancel(items[1])
    eventually(lambda: len(history(world)) == 4, "the cancellation")


def fill(world: World) -> None:
    conferences = "configuration/v1/conference/"
    rooms = [
        {
            "name": f"Room {number} of the day, with a name that is rather long",
            "primary_owner_email_address": "olga@example.test",
            "aliases": [{"alias": f"room{number}@example.test"}],
        }
        for number in range(ROOMS)
    ]
    world.ask("PATCH", conferences, {"objects": rooms}).raise_for_status()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    meetings = [
        {
            "conference": f"/api/admin/{conferences}{number + 1}/",
            "start_time": stamp(midnight + number * HALF_AN_HOUR),
            "end_time": stamp(midnight + (number + 3) * HALF_AN_HOUR),
            "subject": "A meeting",
        }
        for number in range(ROOMS)
    ]
    scheduled = "configuration/v1/scheduled_conference/"
    world.ask("PATCH", scheduled, {"objects": meetings}).raise_for_status()
    expiring = Authority("Old authority", expires=NOW + 9 * DAY).pem.decode()
    certificates = "configuration/v1/ca_certificate/"
    world.ask("POST", certificates, {"certificate": expiring}).raise_for_status()


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


def history(world: World) -> list[Any]:
    return world.objects("scheduling_message", "history")


def decided(world: World, action: str) -> Any:
    return next(each for each in history(world) if each["action"] == action)
