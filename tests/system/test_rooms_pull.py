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
from tests.system.room_support import PASSWORD, ROOM, USER, configure_room
from tests.system.system_support import ALICE, World, eventually


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[tuple[World, str]]:
    """A daemon that serves screens, and where."""
    world, port = World(tmp_path), free_ports(1)
    config = json.loads(world.config.read_text())
    config["endpoints"]["rooms"] = [f"tcp:{port}:interface=127.0.0.1"]
    world.config.write_text(json.dumps(config))
    with world:
        yield world, f"http://127.0.0.1:{port}"


def test_a_meeting_reaches_the_screens(rooms: tuple[World, str]) -> None:
    """Alice's meeting is in JSON and in the emulated calendar; the door sign's page is
    served there, and on no other side."""
    world, url = rooms
    token = configure_room(world)
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
