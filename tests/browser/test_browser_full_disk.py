"""The pane of the real daemon while its disk is nearly full, and afterwards."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from pexschedd.bodies import tags
from tests.system.disk_support import KIB, SmallDisk, small_disk
from tests.system.organizer_support import organizer
from tests.system.system_support import ALICE, World, eventually

SIZE = 4096 * KIB
LIBRARY = "https://office.example.test/office.js"
HERE = Path(__file__).parent


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        yield disk


@pytest.fixture
def world(tmp_path: Path, disk: SmallDisk) -> Iterator[World]:
    with World(tmp_path, state_dir=str(disk.path / "state")) as world:
        yield world


def test_the_meeting_waits_for_space(
    browser: Browser, world: World, disk: SmallDisk
) -> None:
    """The pane says that no VMR can be assigned right now, and why, and leaves a
    placeholder; sent like that, the meeting gets its room when there is space."""
    world.create_integration(use_custom_add_in_sources=True, office_js_url=LIBRARY)
    disk.fill(SIZE // 8)
    health = f"{world.addin}/health"
    eventually(lambda: "state" in requests.get(health, timeout=5).json(), "notice")

    page = browser.new_page(viewport={"width": 320, "height": 560})
    page.route(LIBRARY, lambda route: route.fulfill(path=HERE / "fake_office.js"))
    outlook = json.dumps({"token": world.token(), "body": "<p>Agenda</p>"})
    page.add_init_script(f"window.outlook = {outlook};")
    page.goto(f"{world.addin}/api/client/v2/msexchange_schedulers/1/addin?m=1")
    page.locator("#action").click()
    expect(page.locator("#card-heading")).to_have_text("Cannot assign a VMR right now")
    card = page.locator("#card").inner_text()
    assert "server’s disk is nearly full" in card
    assert str(disk.path) not in card
    body = page.evaluate("outlook.body")
    assert tags.find(body).tok
    page.close()

    start = datetime.now(UTC).replace(microsecond=0)
    with organizer(world.exchange, ALICE) as alice:
        alice.invite("Waiting", start, start + timedelta(minutes=30), body)
        disk.free()
        eventually(alice.answers, "the answer")
        ((kind, text),) = alice.answers()
        assert kind == "IPM.Schedule.Meeting.Resp.Pos"
        (booked,) = world.objects("scheduled_alias")
        assert booked["alias"] in text
        assert booked["alias"] in alice.body("Waiting")
