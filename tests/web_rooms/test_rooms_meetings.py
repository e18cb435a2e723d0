"""`/v1/meetings`: the meetings of one room for any other screen."""

import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted
import treq
from twisted.logger import formatEvent, globalLogPublisher

from pexschedd.model import tables
from tests.web_rooms.rooms_support import NOW, RoomWorld, meeting


async def get(
    world: RoomWorld, token: str = "", **headers: str
) -> tuple[int, Any, Any]:
    sent: dict[bytes | str, bytes | str] = {}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    for name, value in headers.items():
        sent[name.replace("_", "-")] = value
    answer = await world.agent.get(f"{world.url}/v1/meetings", headers=sent)
    body = await treq.content(answer)
    return answer.code, answer.headers, json.loads(body) if body else None


@pytest_twisted.ensureDeferred
async def test_the_list(world: RoomWorld) -> None:
    """Meetings in the order of their starts, with what to dial and when."""
    lunch = meeting("Lunch", NOW + timedelta(hours=3), details=None, is_private=True)
    world.lists.meetings[world.oak] = (meeting("Standup"), lunch)
    code, headers, found = await get(world, world.token(world.oak))
    assert code == 200
    assert headers.getRawHeaders("cache-control") == ["private, no-cache"]
    assert headers.getRawHeaders("calendar-read-at") == ["2026-12-01T08:00:00Z"]
    assert found["room"] == {"name": "Oak", "email": "oak@example.test"}
    assert (found["now"], found["read_at"]) == ("2026-12-01T08:00:00Z",) * 2
    first, second = found["meetings"]
    assert "real" not in first.pop("id")
    assert first == {
        "title": "Standup",
        "organizer": {"name": "Alice Ångström", "email": "alice@example.test"},
        "start": "2026-12-01T09:00:00Z",
        "end": "2026-12-01T10:00:00Z",
        "all_day": False,
        "private": False,
        "join": {
            "alias": "123.456@zoomcrc.com",
            "protocol": "SIP",
            "uri": "sip:123.456@zoomcrc.com",
            "platform": "Zoom",
            "service": "Zoom",
            "pin": "",
            "from": "2026-12-01T08:55:00Z",
            "until": "2026-12-01T10:00:00Z",
        },
    }
    assert (second["join"], second["private"]) == (None, True)


@pytest_twisted.ensureDeferred
async def test_nothing_has_changed(world: RoomWorld) -> None:
    """The tag is the same while the meetings are, whenever the calendar was read."""
    token = world.token(world.oak)
    _, headers, _ = await get(world, token)
    (tag,) = headers.getRawHeaders("etag")
    world.lists.read[world.oak] = world.moment = NOW + timedelta(minutes=5)
    for given in (tag, f'"other", W/{tag}', "*"):
        code, headers, body = await get(world, token, If_None_Match=given)
        assert (code, body) == (304, None)
        assert headers.getRawHeaders("calendar-read-at") == ["2026-12-01T08:05:00Z"]
    world.lists.meetings[world.oak] = (meeting("Standup", end=NOW),)
    code, headers, _ = await get(world, token, If_None_Match=tag)
    assert code == 200
    assert headers.getRawHeaders("etag") != [tag]


@pytest_twisted.ensureDeferred
async def test_a_room_that_was_never_read(world: RoomWorld) -> None:
    """The list is empty, and says that it is not known."""
    world.lists.meetings.clear()
    world.lists.read.clear()
    code, headers, found = await get(world, world.token(world.oak))
    assert (code, found["read_at"], found["meetings"]) == (200, None, [])
    assert not headers.hasHeader("calendar-read-at")


@pytest_twisted.ensureDeferred
async def test_only_with_a_token(world: RoomWorld) -> None:
    """Without a token, with a wrong one, with one of a deleted endpoint, nothing is
    told; guessing has to wait, and a right token never has to."""
    token = world.token(world.oak)
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    for each in ("", "x", wrong):
        code, headers, found = await get(world, each)
        assert (code, "meetings" in found) == (401, False)
        assert headers.getRawHeaders("www-authenticate") == ['Bearer realm="meetings"']
    lost = world.token(world.elm)
    with world.store.transaction() as change:
        change.delete(tables.MJX_ENDPOINT, world.elm)
        change.commit()
    assert (await get(world, lost))[0] == 401
    seen: list[Any] = []
    observer: Any = seen.append
    globalLogPublisher.addObserver(observer)
    codes = [(await get(world, wrong))[0] for _ in range(6)]
    globalLogPublisher.removeObserver(observer)
    assert codes[-1] == 429
    refused = [formatEvent(each) for each in seen if "account" in each]
    assert "room sign-in refused address=127.0.0.1 account=-" in refused
    assert "room sign-in put off" in refused[-1]
    assert (await get(world, token))[0] == 200


@pytest_twisted.ensureDeferred
async def test_once_a_minute_is_enough(world: RoomWorld) -> None:
    """A token that is used without a pause is told how long to wait; others are not."""
    token, other = world.token(world.oak), world.token(world.elm)
    codes = [(await get(world, token))[0] for _ in range(21)]
    assert (set(codes[:20]), codes[20]) == ({200}, 429)
    _, headers, found = await get(world, token)
    assert headers.getRawHeaders("retry-after") == ["6"]
    assert found["code"] == "too_many_requests"
    assert (await get(world, other))[0] == 200
    world.clock.advance(6)
    assert (await get(world, token))[0] == 200


@pytest_twisted.ensureDeferred
async def test_the_last_use(world: RoomWorld) -> None:
    """A token's last use is kept; it says nothing of the room's own system."""
    await get(world, world.token(world.oak))
    (record,) = world.store.all(tables.SCREEN_TOKEN)
    assert record.last_used_time == NOW
    assert record.token_hash
    assert record.starts_with.startswith("pexschedd_")
    assert world.contact(world.oak) == (None, 0)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest_twisted.ensureDeferred
async def test_reading_is_all(world: RoomWorld, method: str) -> None:
    """There is nothing to change here."""
    answer = await world.agent.request(method, f"{world.url}/v1/meetings")
    await treq.content(answer)
    assert answer.code == 405
