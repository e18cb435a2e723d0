"""A profile's sign-in at Webex: how it begins, how long it lasts, and how it ends."""

import errno
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreReadOnly
from pexschedd.model import tables
from pexschedd.onetouch.pushing.problems import ProblemKind
from pexschedd.onetouch.webex.sign_in import VALID_FOR
from pexschedd.onetouch.webex.tokens import AHEAD, MIN_AGE_WHEN_REJECTED
from pexschedd.scheduling.alarms import names
from pexschedd.store.fs import RealFileSystem
from tests.onetouch.webex.webex_rooms import WebexRooms
from tests.turns import some_turns, until

ANNA, BOB = 1, 2
HOUR = 3600
HUGE = msgspec.Raw(b"1" + 400 * b"0")
"""A number that no float can hold."""


@pytest_twisted.async_yield_fixture()
async def rooms(tmp_path: Path) -> AsyncIterator[WebexRooms]:
    """A room with a meeting, whose profile has signed in."""
    rooms = WebexRooms(tmp_path)
    rooms.cloud.lifetime = HOUR
    await rooms.configure()
    await rooms.meetings(1, "Plan")
    yield rooms
    await rooms.close()


async def changed(rooms: WebexRooms, *subjects: str) -> None:
    """Change the room's calendar, and let the change be sent."""
    await rooms.meetings(1, *subjects)
    await rooms.settle()


@pytest_twisted.ensureDeferred
async def test_one_token_serves_until_its_end(rooms: WebexRooms) -> None:
    """A token is asked for once, and again before it ends."""
    await rooms.start()
    await changed(rooms, "Plan", "Review")
    assert len(rooms.cloud.asked) == 1
    await rooms.turn(HOUR - AHEAD + 60)
    await changed(rooms, "Plan")
    assert rooms.titles() == ["Plan"]
    assert len(rooms.cloud.asked) == 2
    assert rooms.state().problem == ""


@pytest_twisted.ensureDeferred
async def test_a_token_lasts_a_day_at_most(rooms: WebexRooms) -> None:
    """Webex's tokens of two weeks are renewed each day, which keeps the sign-in."""
    rooms.cloud.lifetime = 1209599
    await rooms.start()
    await rooms.turn(24 * HOUR)
    await rooms.turn(HOUR)
    assert len(rooms.cloud.asked) == 2


@pytest_twisted.ensureDeferred
async def test_a_new_refresh_token_is_durable_before_use(rooms: WebexRooms) -> None:
    """When Webex takes the old refresh token back, the new one is on the disk before
    the first request with the new access token: a daemon that is killed then is still
    signed in."""
    found: list[str] = []
    rooms.cloud.before = lambda path: found.append(f"{path} {rooms.refresh_token()}")
    await rooms.start()
    assert found == [
        "/v1/access_token refresh-1",
        "/v1/xapi/status refresh-2",
        "/v1/xapi/command/Bookings.Put refresh-2",
    ]
    await rooms.kill()
    rooms.open()
    await rooms.start()
    await changed(rooms, "Plan", "Review")
    assert rooms.titles() == ["Plan", "Review"]
    assert rooms.cloud.asked[-1]["refresh_token"] == "refresh-2"


@pytest_twisted.ensureDeferred
async def test_a_stop_waits_for_a_new_refresh_token(rooms: WebexRooms) -> None:
    """A daemon that is stopped while Webex gives a new refresh token stores it."""
    stopped: list[Deferred[Any]] = []

    def stop(path: str) -> None:
        rooms.pusher.stopService()
        stopped.append(rooms.parts.tokens.stopService())

    rooms.cloud.before = stop
    rooms.pusher.startService()
    rooms.clock.advance(30)
    await until(lambda: bool(stopped))
    assert rooms.refresh_token() == "refresh-1"
    await stopped[0]
    assert rooms.refresh_token() == "refresh-2"


@pytest_twisted.ensureDeferred
async def test_a_disk_without_room_costs_no_sign_in(
    rooms: WebexRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh token that comes while the disk takes no writes is used from then on,
    and is on the disk as soon as that takes them again."""

    def full(self: RealFileSystem, handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tokens = rooms.parts.tokens.of(1)
    with monkeypatch.context() as patched:
        patched.setattr(RealFileSystem, "write", full)
        with pytest.raises(StoreReadOnly):
            await rooms.put(tables.MJX_INTEGRATION, rooms.profile)
        assert await tokens.token() in rooms.cloud.access_tokens
        rooms.clock.advance(2 * HOUR)
        assert await tokens.token() in rooms.cloud.access_tokens
    assert len(rooms.cloud.asked) == 2
    await rooms.store.look_at_disk()
    await rooms.kill()
    rooms.open()
    await rooms.start()
    assert rooms.titles() == ["Plan"]


@pytest_twisted.ensureDeferred
async def test_the_same_refresh_token_is_not_stored_again(rooms: WebexRooms) -> None:
    """A refresh token that stays changes no record."""
    rooms.cloud.rotates = False
    before = rooms.profile
    await rooms.start()
    assert rooms.titles() == ["Plan"]
    assert rooms.profile == before


@pytest_twisted.ensureDeferred
async def test_a_token_that_is_refused_is_renewed_once(rooms: WebexRooms) -> None:
    """After 401 there is a new token, and the list arrives; a new one that is refused
    as well is not renewed for ever."""
    await rooms.start()
    await rooms.turn(2 * MIN_AGE_WHEN_REJECTED)
    rooms.cloud.access_tokens.clear()
    await changed(rooms, "Review")
    assert rooms.titles() == ["Review"]
    assert len(rooms.cloud.asked) == 2
    rooms.cloud.mode = "401"
    await changed(rooms, "Other")
    assert rooms.state().problem_kind == ProblemKind.CREDENTIALS
    await rooms.turn(HOUR / 2)
    assert len(rooms.cloud.asked) <= 3


@pytest_twisted.ensureDeferred
async def test_a_revoked_sign_in(rooms: WebexRooms) -> None:
    """When the sign-in was revoked, an alarm has the page to sign in again; Webex is
    not pestered; and with a new sign-in all is well at once."""
    await rooms.start()
    await rooms.turn(2 * MIN_AGE_WHEN_REJECTED)
    rooms.cloud.revoke()
    await changed(rooms, "Review")
    await rooms.turn(60)
    alarm = rooms.raised()[names.WEBEX_SIGN_IN]
    assert alarm.instance == "Head office"
    assert "Sign in again at /admin/platform/mjxintegration/1/sign_in/" in alarm.details
    asked = len(rooms.cloud.asked)
    await changed(rooms, "Other")
    await rooms.turn(600)
    assert len(rooms.cloud.asked) == asked
    await sign_in(rooms)
    await rooms.turn(60)
    assert rooms.titles() == ["Other"]
    assert not rooms.raised()


@pytest_twisted.ensureDeferred
async def test_never_signed_in(rooms: WebexRooms) -> None:
    """Without a sign-in nothing is asked, and the alarm says where to sign in."""
    await rooms.put(
        tables.MJX_INTEGRATION, replace(rooms.profile, webex_refresh_token="")
    )
    await rooms.start()
    await rooms.turn(60)
    assert rooms.cloud.requests == []
    assert "nobody has signed in" in rooms.raised()[names.WEBEX_SIGN_IN].details


@pytest_twisted.ensureDeferred
async def test_another_client(rooms: WebexRooms) -> None:
    """A token is not used any more once the profile has another registration."""
    await rooms.start()
    await rooms.put(
        tables.MJX_INTEGRATION,
        replace(rooms.profile, webex_client_id="other", webex_refresh_token=""),
    )
    requests = len(rooms.cloud.requests)
    await changed(rooms, "Review")
    await rooms.turn(60)
    assert len(rooms.cloud.requests) == requests
    assert rooms.state().problem_kind == ProblemKind.CREDENTIALS


@pytest_twisted.ensureDeferred
async def test_a_wrong_secret(rooms: WebexRooms) -> None:
    """A refused client is told by the names of its fields, without the secret."""
    rooms.cloud.client = ("client", "another")
    await rooms.start()
    problem = rooms.state().problem
    assert "Correct webex_client_id and webex_client_secret" in problem
    assert "client-secret" not in problem


HOSTILE = {
    "huge": "is larger than",
    "endless": "is larger than",
    "drip": "did not answer within 20 seconds",
    "elsewhere": "gives no access token (HTTP 307)",
    "[]": "gives no access token",
    '{"access_token": 7}': "gives no access token",
    '{"access_token": "a b\\u0000"}': "gives no access token",
    "500": "it is asked again",
}


@pytest.mark.parametrize("mode", HOSTILE, ids=[each[:20] for each in HOSTILE])
@pytest_twisted.ensureDeferred
async def test_hostile_token_answers(rooms: WebexRooms, mode: str) -> None:
    """Whatever the token endpoint answers is bounded in size and time, and told; the
    sign-in is kept."""
    rooms.cloud.mode, rooms.cloud.misbehaves_at = mode, "/v1/access_token"
    rooms.pusher.startService()
    for _ in range(45):
        rooms.clock.advance(1)
        await some_turns()
    await until(lambda: bool(rooms.state().problem))
    assert HOSTILE[mode] in rooms.state().problem
    assert rooms.refresh_token() == "refresh-1"
    assert set(rooms.cloud.requests) == {"/v1/access_token"}


@pytest.mark.parametrize("lifetime", [-5, 0, 10**18, HUGE, "soon", None, True])
@pytest_twisted.ensureDeferred
async def test_odd_lifetimes(rooms: WebexRooms, lifetime: Any) -> None:
    """A lifetime that is none is taken for a usual one; the list arrives."""
    rooms.cloud.lifetime = lifetime
    await rooms.start()
    assert rooms.titles() == ["Plan"]


async def sign_in(rooms: WebexRooms, **changes: str) -> str:
    """Sign in as Anna does; return what went wrong."""
    link = rooms.parts.sign_ins.begin(1, ANNA)
    answer = rooms.cloud.grant(link.url) | changes
    return (await rooms.parts.sign_ins.finish(answer, ANNA)).problem


@pytest_twisted.ensureDeferred
async def test_signing_in(rooms: WebexRooms) -> None:
    """The code is exchanged with its verifier; the refresh token is stored sealed, and
    the access token serves at once."""
    await rooms.put(
        tables.MJX_INTEGRATION, replace(rooms.profile, webex_refresh_token="")
    )
    await rooms.start()
    assert await sign_in(rooms) == ""
    assert rooms.refresh_token() == "refresh-2"
    assert "refresh-2" not in rooms.profile.webex_refresh_token
    await rooms.turn(30)
    assert rooms.titles() == ["Plan"]
    assert len(rooms.cloud.asked) == 1


@pytest_twisted.ensureDeferred
async def test_a_state_is_good_once_and_for_one(rooms: WebexRooms) -> None:
    """A sign-in is finished once, in time, by the administrator who began it, with its
    own state, and while the profile is as it was."""
    sign_ins = rooms.parts.sign_ins
    before = rooms.profile

    async def finish(answer: dict[str, str], by: int = ANNA) -> str:
        return (await sign_ins.finish(answer, by)).problem

    answer = rooms.cloud.grant(sign_ins.begin(1, ANNA).url)
    stale = "not valid any more"
    assert stale in await finish(answer, BOB)
    assert stale in await finish({**answer, "state": answer["state"][:-1] + "x"})
    assert stale in await finish({"code": answer["code"]})
    assert stale in await finish({**answer, "state": "99" + answer["state"][1:]})
    newer = rooms.cloud.grant(sign_ins.begin(1, ANNA).url)
    assert stale in await finish(answer)
    rooms.clock.advance(VALID_FOR / timedelta(seconds=1))
    assert stale in await finish(newer)
    newer = rooms.cloud.grant(sign_ins.begin(1, ANNA).url)
    await rooms.put(tables.MJX_INTEGRATION, replace(before, webex_client_id="other"))
    assert stale in await finish(newer)
    await rooms.put(tables.MJX_INTEGRATION, before)
    assert rooms.cloud.asked == []
    assert await finish(newer) == ""
    assert stale in await finish(newer)
    assert sign_ins.link(1, ANNA) is None


@pytest_twisted.ensureDeferred
async def test_links_belong_to_their_administrators(rooms: WebexRooms) -> None:
    """Only the administrator who made a link is shown it; one that a client without an
    account made may be finished by any."""
    sign_ins = rooms.parts.sign_ins
    link = sign_ins.begin(1, ANNA)
    assert sign_ins.link(1, ANNA) == link
    assert sign_ins.link(1, BOB) is None
    answer = rooms.cloud.grant(sign_ins.begin(1, 0).url)
    assert (await sign_ins.finish(answer, BOB)).problem == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error": "access_denied"}, "did not give the permission (access_denied)"),
        ({"code": ""}, "without a code"),
        ({"code": "x" * 5000}, "without a code"),
        ({"code": "unknown"}, "does not accept the code"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_may_go_wrong(
    rooms: WebexRooms, changes: dict[str, str], words: str
) -> None:
    """A sign-in that fails is told in words, and the one from before still holds."""
    before = rooms.profile
    assert words in await sign_in(rooms, **changes)
    assert rooms.profile == before


@pytest_twisted.ensureDeferred
async def test_no_refresh_token(rooms: WebexRooms) -> None:
    """A sign-in that would end by itself is no success."""
    rooms.cloud.gives_refresh_token = False
    before = rooms.profile
    assert "no refresh token" in await sign_in(rooms)
    assert rooms.profile == before


@pytest_twisted.ensureDeferred
async def test_a_profile_that_changes_during_the_sign_in(rooms: WebexRooms) -> None:
    """Tokens that were given for other settings are not kept."""
    changes: list[Deferred[None]] = []
    other = replace(rooms.profile, webex_client_id="other", webex_refresh_token="")

    def change(path: str) -> None:
        if not changes:
            put = rooms.put(tables.MJX_INTEGRATION, other)
            changes.append(Deferred.fromCoroutine(put))

    rooms.cloud.before = change
    assert "changed during the sign-in" in await sign_in(rooms)
    await changes[0]
    assert rooms.profile == other


@pytest_twisted.ensureDeferred
async def test_nothing_secret_is_shown(rooms: WebexRooms) -> None:
    """What is kept in memory of a sign-in gets into no log by accident."""
    link = rooms.parts.sign_ins.begin(1, ANNA)
    query = parse_qs(link.url.partition("?")[2])
    assert query["state"][0] not in repr(rooms.parts.sign_ins._begun)
    await rooms.start()
    held = rooms.parts.tokens.of(1)._held
    assert held is not None
    assert held.access not in repr(held)
