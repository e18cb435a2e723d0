"""From an organizer's calendar to the screens that ask: two programs, and clients that
know nothing of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import exchangelib as ex
import pytest
import requests
from exchangelib.version import EXCHANGE_2016, Version

from tests.ports import free_ports
from tests.system.organizer_support import Body, Organizer
from tests.system.system_support import ALICE, World, eventually

ROOM = "room1@example.test"
USER, PASSWORD = "room1-screen", "hush hush"


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[tuple[World, str]]:
    """A daemon that serves screens, and where."""
    world, port = World(tmp_path), free_ports(1)
    config = json.loads(world.config.read_text())
    config["endpoints"]["rooms"] = [f"tcp:{port}:interface=127.0.0.1"]
    world.config.write_text(json.dumps(config))
    with world:
        yield world, f"http://127.0.0.1:{port}"


def configure(world: World) -> str:
    """Make all that a POLY endpoint needs; return a token of its screen."""

    def made(resource: str, **fields: Any) -> Any:
        answer = world.ask("POST", f"configuration/v1/{resource}/", fields)
        assert answer.status_code == 201, answer.text
        return answer

    deployment = made(
        "mjx_exchange_deployment",
        name="Rooms",
        ews_url=f"{world.exchange}/EWS/Exchange.asmx",
        service_account_username="svc@example.test",
        service_account_password="svc",
    )
    profile = made(
        "mjx_integration",
        name="Office",
        exchange_deployment=deployment.headers["Location"],
    )
    location = made("system_location", name="Oslo")
    group = made(
        "mjx_endpoint_group",
        name="Third floor",
        mjx_integration=profile.headers["Location"],
        system_location=location.headers["Location"],
    )
    endpoint = made(
        "mjx_endpoint",
        name="Room 1",
        endpoint_type="POLY",
        room_resource_email=ROOM,
        mjx_endpoint_group=group.headers["Location"],
        poly_username=USER,
        poly_password=PASSWORD,
    )
    token = made(
        "mjx_screen_token",
        name="Door",
        mjx_endpoint=endpoint.headers["Location"],
    )
    return str(token.json()["token"])


def test_a_meeting_reaches_the_screens(rooms: tuple[World, str]) -> None:
    """Alice's meeting is in JSON and in the emulated calendar; the door sign's page is
    served there, and on no other side."""
    world, url = rooms
    token = configure(world)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    alice = Organizer(world.exchange, ALICE)
    alice.invite(
        "Plan",
        start,
        start + timedelta(hours=1),
        Body("Dial sip:4021@vc.example.test"),
        resources=(ROOM,),
    )
    alice.close()

    def listed() -> list[Any]:
        answer = requests.get(
            f"{url}/v1/meetings",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        # It is told how long to wait once it has asked twenty times.
        Event().wait(int(answer.headers.get("Retry-After", "0")))
        return list(answer.json()["meetings"]) if answer.ok else []

    meeting = eventually(listed, "the first reading, due within half a minute,")[0]
    # As at every Exchange, this room's own settings take the text and the subject away.
    assert (meeting["title"], meeting["join"]) == ("Alice Archer", None)
    config = ex.Configuration(
        service_endpoint=f"{url}/EWS/Exchange.asmx",
        credentials=ex.Credentials(USER, PASSWORD),
        auth_type="NTLM",
        version=Version(build=EXCHANGE_2016),
        retry_policy=ex.FailFast(),
    )
    system = ex.Account(ROOM, config=config, autodiscover=False, access_type="delegate")
    now = ex.EWSDateTime.now(tz=ex.UTC)
    (item,) = system.calendar.view(start=now, end=now + timedelta(days=1))
    assert (item.subject, item.start) == ("Alice Archer", start)
    system.protocol.close()
    for path in ("/display/", "/health"):
        assert requests.get(f"{url}{path}", timeout=10).status_code == 200
    for side in (world.addin, world.admin):
        for path in ("/display/", "/v1/meetings", "/EWS/Exchange.asmx"):
            assert requests.get(f"{side}{path}", timeout=10).status_code == 404
    assert requests.get(f"{url}/api/admin/", timeout=10).status_code == 404
