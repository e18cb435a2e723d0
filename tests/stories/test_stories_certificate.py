"""An application whose certificate is made after its integration."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted
from msgspec.structs import replace

from tests.stories.story_support import AT_TEN, NEW_SINGLE, World

story = pytest_twisted.ensureDeferred

MAKE = "command/v1/ms_exchange_connector/1/make_certificate/"


@pytest_twisted.async_yield_fixture()
async def office(tmp_path: Path) -> AsyncIterator[World]:
    """A daemon that has no integration yet."""
    world = World(tmp_path, graph=True)
    await world.start()
    yield world
    await world.stop()


@story
async def test_later(office: World) -> None:
    """An integration is created without a secret and without a certificate. Alarm and
    doctor say what is missing; once the certificate is made and Entra ID has it, what
    has arrived meanwhile is answered."""
    alice = office.organizer()
    await office.create_integration(oauth_client_secret="")
    room = await office.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await office.settle()
    (alarm,) = await office.alarms()
    assert "no secret" in alarm
    assert "make_certificate" in alarm
    report = await office.daemon.doctor.examine(1)
    failed = [each.check for each in report.lines if each.status == "failed"]
    assert failed[:2] == ["credential", "sign_in"]

    status, made = await office.ask("POST", MAKE)
    assert status == 200, made
    await office.settle()
    (alarm,) = await office.alarms()
    assert "public_key" in alarm, alarm
    (application,) = office.sandbox.graph.applications.all()
    office.sandbox.graph.applications.add(
        replace(application, secret=None, certificate=made["certificate"])
    )
    # The doctor says how it is now, not how it was when the daemon asked last.
    report = await office.daemon.doctor.examine(1)
    assert "sign_in" not in [e.check for e in report.lines if e.status == "failed"]
    office.skip(3600)
    await office.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await office.door(room, at=AT_TEN) == "open"
    assert await office.alarms() == []
