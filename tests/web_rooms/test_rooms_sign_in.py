"""Who may ask for a room's meetings, and what is noted of it."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted
import spnego
from lxml import etree
from twisted.logger import LogEvent, globalLogPublisher

from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.identity.rooms.accounts import EndpointAccounts
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO
from tests.web_rooms.rooms_support import (
    DAY,
    NOW,
    NS,
    PASSWORD,
    USER,
    RoomWorld,
    basic,
    soap,
    texts,
)


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    seen: list[LogEvent] = []
    observer: Any = seen.append
    globalLogPublisher.addObserver(observer)
    yield seen
    globalLogPublisher.removeObserver(observer)


async def status(world: RoomWorld, headers: dict[str, str]) -> int:
    code, _, _ = await world.post(world.ews, soap(DAY), headers)
    return code


@pytest.mark.parametrize(
    "user",
    [
        USER,
        USER.upper(),
        f"EXAMPLE\\{USER}",
        f"example.test\\{USER}",
        f"{USER}@example.test",
    ],
)
@pytest_twisted.ensureDeferred
async def test_names_as_systems_send_them(world: RoomWorld, user: str) -> None:
    """In upper or lower case, with or without a domain."""
    assert await status(world, basic(user, PASSWORD)) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(USER, "wrong"),
        basic(USER, ""),
        basic("", PASSWORD),
        basic("elm-screen", PASSWORD),
        {"Authorization": "Basic !"},
        {"Authorization": "Bearer x"},
        {"Authorization": "NTLM x"},
        {"Authorization": "NTLM " + b64encode(b"NTLMSSP\0\3\0\0\0").decode()},
    ],
    ids=str,
)
@pytest_twisted.ensureDeferred
async def test_refused(world: RoomWorld, headers: dict[str, str]) -> None:
    """Anything else is asked to sign in, by Basic first."""
    code, answered, body = await world.post(world.ews, soap(DAY), headers)
    offered = answered.getRawHeaders("www-authenticate")
    assert (code, offered) == (401, ['Basic realm="rooms", charset="UTF-8"', "NTLM"])
    assert b"Standup" not in body


@pytest_twisted.ensureDeferred
async def test_an_account_that_is_changed(world: RoomWorld) -> None:
    """A new password, another type, and a deleted endpoint count at once."""
    world.change_endpoint(world.oak, password="new")
    assert await status(world, basic(USER, PASSWORD)) == 401
    assert await status(world, basic(USER, "new")) == 200
    world.change_endpoint(world.oak, endpoint_type=CISCO)
    assert await status(world, basic(USER, "new")) == 401
    with world.store.transaction() as change:
        change.delete(tables.MJX_ENDPOINT, world.elm)
        change.commit()
    assert await status(world, basic("elm-screen", "other")) == 401


@pytest_twisted.ensureDeferred
async def test_guessing_is_slowed_down(world: RoomWorld) -> None:
    """After some failures an attempt has to wait, the right one included, and then the
    right one is heard; an address that has signed in before waits little."""
    for _ in range(5):
        assert await status(world, basic("elm-screen", "wrong")) == 401
    code, _, _ = await world.post(world.ews, soap(DAY), basic("elm-screen", "other"))
    assert code == 503
    world.clock.advance(5)
    assert await status(world, basic("elm-screen", "other")) == 200


@pytest_twisted.ensureDeferred
async def test_guesses_keep_no_system_out_after_a_restart(world: RoomWorld) -> None:
    """A system that has signed in before is heard although somebody else guesses its
    password from the start on; from another address the right one has to wait."""

    def started() -> EndpointAccounts:
        return EndpointAccounts(world.store, world.clock.seconds)

    assert started().by_password(USER, PASSWORD, "192.0.2.1").id == world.oak
    accounts = started()
    for _ in range(6):
        with pytest.raises((NotAuthenticated, TooManyRequests)):
            accounts.by_password(USER, "guess", "198.51.100.1")
    assert accounts.by_password(USER, PASSWORD, "192.0.2.1").id == world.oak
    with pytest.raises(TooManyRequests):
        accounts.by_password(USER, PASSWORD, "192.0.2.2")
    stored = world.store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, world.oak)
    assert "192.0.2" not in str(stored)


@pytest_twisted.ensureDeferred
async def test_asking_too_often(world: RoomWorld) -> None:
    """A system that asks without a pause is told to wait, and others are not."""
    codes = {await status(world, basic(USER, PASSWORD)) for _ in range(241)}
    assert codes == {200, 503}
    _, headers, _ = await world.post(world.ews, soap(DAY), basic(USER, PASSWORD))
    assert headers.getRawHeaders("retry-after") == ["1"]
    assert await status(world, basic("elm-screen", "other")) == 200
    world.clock.advance(60)
    assert await status(world, basic(USER, PASSWORD)) == 200


async def handshake(world: RoomWorld, user: str, password: str) -> tuple[int, bytes]:
    """Sign in by NTLM with pyspnego, and ask for the day."""
    client: Any = spnego.client(
        user, password, hostname="127.0.0.1", service="http", protocol="ntlm"
    )
    token = client.step()
    headers = {"Authorization": "NTLM " + b64encode(token).decode()}
    code, answered, _ = await world.post(world.ews, b"", headers)
    assert code == 401
    (challenge,) = answered.getRawHeaders("www-authenticate")
    token = client.step(b64decode(challenge.removeprefix("NTLM ")))
    headers = {"Authorization": "NTLM " + b64encode(token).decode()}
    code, _, body = await world.post(world.ews, soap(DAY), headers)
    return code, body


@pytest_twisted.ensureDeferred
async def test_ntlm(world: RoomWorld) -> None:
    """A connection that has signed in goes on without a header; a wrong password, a
    changed one and another connection do not."""
    code, body = await handshake(world, f"EXAMPLE\\{USER}", PASSWORD)
    assert code == 200
    subjects = texts(etree.fromstring(body), ".//t:Subject")
    assert subjects == ["Standup", "Review"]
    assert await status(world, {}) == 200
    world.change_endpoint(world.oak, password="new")
    assert await status(world, {}) == 401
    assert (await handshake(world, USER, "wrong"))[0] == 401
    assert await status(world, {}) == 401
    for user in (USER, f"{USER}@example.test"):
        assert (await handshake(world, user, "new"))[0] == 200
    await world.pool.closeCachedConnections()
    assert await status(world, {}) == 401


@pytest_twisted.ensureDeferred
async def test_ntlm_is_not_for_proxies(world: RoomWorld) -> None:
    """A proxy shares its connections: what one client has proven is not another's."""
    assert (await handshake(world, USER, PASSWORD))[0] == 200
    forwarded = {"X-Forwarded-For": "192.0.2.1"}
    code, headers, _ = await world.post(world.ews, soap(DAY), forwarded)
    assert code == 401
    assert len(headers.getRawHeaders("www-authenticate")) == 1


@pytest_twisted.ensureDeferred
async def test_a_challenge_counts_once(world: RoomWorld) -> None:
    """The same last message does not sign in again, on this connection or another."""
    client: Any = spnego.client(
        USER, PASSWORD, hostname="127.0.0.1", service="http", protocol="ntlm"
    )
    first = {"Authorization": "NTLM " + b64encode(client.step()).decode()}
    _, answered, _ = await world.post(world.ews, b"", first)
    (challenge,) = answered.getRawHeaders("www-authenticate")
    last = b64encode(client.step(b64decode(challenge.removeprefix("NTLM ")))).decode()
    again = {"Authorization": f"NTLM {last}"}
    assert await status(world, again) == 200
    assert await status(world, again) == 401
    await world.pool.closeCachedConnections()
    assert await status(world, again) == 401


@pytest_twisted.ensureDeferred
async def test_contact_and_alarm(world: RoomWorld) -> None:
    """The last contact is noted; a system that cannot be given anything raises the
    alarm unless its endpoint wants none, and something to give lowers it."""
    assert world.contact(world.oak) == (None, 0)
    del world.lists.read[world.oak]
    assert await world.codes(DAY) == ["ErrorMailboxStoreUnavailable"]
    assert world.contact(world.oak) == (NOW, 0)
    assert "oak@example.test was never read" in world.alarm()
    world.change_endpoint(world.oak, poly_raise_alarms_for_this_endpoint=False)
    assert await world.codes(DAY) == ["ErrorMailboxStoreUnavailable"]
    assert world.alarm() == ""
    world.change_endpoint(world.oak, poly_raise_alarms_for_this_endpoint=True)
    assert await world.codes(DAY) == ["ErrorMailboxStoreUnavailable"]
    world.lists.read[world.oak] = world.moment = NOW + timedelta(minutes=1)
    assert await world.codes(DAY) == ["NoError"]
    assert world.alarm() == ""
    assert world.contact(world.oak) == (world.moment, 2)
    world.moment += timedelta(minutes=14)
    await world.codes(DAY)
    assert world.contact(world.oak)[0] == NOW + timedelta(minutes=1)
    world.moment += timedelta(minutes=1)
    await world.codes(DAY)
    assert world.contact(world.oak)[0] == NOW + timedelta(minutes=16)


@pytest_twisted.ensureDeferred
async def test_what_is_not_answered_is_logged(
    world: RoomWorld, events: list[LogEvent]
) -> None:
    """The request is in the log, whole but for credentials, and once in an hour."""
    secret = "<m:Guess><t:Password Kind='a'>hush</t:Password><t:Id>me</t:Id></m:Guess>"
    for _ in range(2):
        assert await world.codes(secret) == ["ErrorInvalidOperation"]
    world.moment += timedelta(hours=1)
    await world.codes(secret)
    logged = [e for e in events if e.get("operation") == "Guess"]
    assert len(logged) == 2
    assert "<t:Id>me</t:Id>" in logged[0]["request"]
    assert (logged[0]["endpoint"], NS["m"] in logged[0]["request"]) == ("Oak", True)
    everything = str(events)
    assert "hush" not in everything
    assert PASSWORD not in everything


@pytest_twisted.ensureDeferred
async def test_sign_ins_are_heard(world: RoomWorld) -> None:
    """Of each method, accepted, refused and put off, with the endpoint where it is
    known; what a connection asks after that, and a screen's password, are not told."""
    await status(world, basic(USER, PASSWORD))
    await status(world, basic(USER, "a secret"))
    await handshake(world, USER, PASSWORD)
    await status(world, {})
    bearer: dict[Any, Any] = {"Authorization": f"Bearer {world.token(world.elm)}"}
    await world.agent.get(f"{world.url}/v1/meetings", headers=bearer)
    world.clock.advance(1)
    for _ in range(20):
        await status(world, basic("stranger", "a secret"))
    first, refused, ntlm, token, *others = world.heard
    assert (first.kind, first.outcome, first.method) == (
        "room_system",
        "accepted",
        "basic",
    )
    assert (first.account, first.object_name, first.object_id) == (
        USER,
        "Oak",
        world.oak,
    )
    assert (refused.outcome, refused.account, refused.object_id) == (
        "refused",
        USER,
        0,
    )
    assert (ntlm.outcome, ntlm.method, ntlm.object_name) == ("accepted", "ntlm", "Oak")
    assert (token.method, token.object_name, token.resource) == (
        "token",
        "Elm",
        "mjx_endpoint",
    )
    assert {each.outcome for each in others} == {"refused", "locked_out"}
    assert {each.address for each in world.heard} == {"127.0.0.1"}
    assert "a secret" not in repr(world.heard)
    assert PASSWORD not in repr(world.heard)
