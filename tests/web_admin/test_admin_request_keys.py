"""Idempotency-Key: a request that is sent again makes nothing again."""

import shutil
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from pexschedd.management.guards.keyed_requests import MOST_IN_DOCUMENT
from pexschedd.management.resources import CA_CERTIFICATE
from pexschedd.model.tables import KEYED_REQUESTS, TABLES
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    DOMAIN,
    HEAD_OFFICE,
    Answer,
    Server,
    serving,
)

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
ROOM = {"name": "One", "aliases": [{"alias": "one"}]}


async def post(
    server: Server, path: str, payload: object, key: str = KEY, **more: str
) -> Answer:
    headers = {"idempotency-key": key} | more
    return await server.client.ask("POST", path, payload, headers=headers)


def told(answer: Answer) -> tuple[object, ...]:
    get = answer.headers.getRawHeaders
    names = ("location", "etag", "x-configuration-warning")
    return (answer.status, answer.body, *(get(name) for name in names))


async def count(server: Server, path: str) -> int:
    return len(await server.client.objects(path))


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        (CONFERENCE, ROOM),
        (CONNECTOR, {**HEAD_OFFICE, "addin_pane_title": "<script>A</script>"}),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_same_request_has_the_same_answer(
    tmp_path: Path, path: str, payload: dict[str, object]
) -> None:
    """Sent again, also after a restart, a request gets the first answer's status,
    Location, tag and warnings, and there is one record."""
    async with serving(tmp_path / "state") as server:
        first = await post(server, path, payload)
        again = await post(server, path, dict(reversed(payload.items())))
        assert first.status == 201
        assert told(again) == told(first)
    async with serving(tmp_path / "state") as server:
        assert told(await post(server, path, payload)) == told(first)
        assert await count(server, path) == 1


@pytest_twisted.ensureDeferred
async def test_killed_anywhere_nothing_is_made_twice(tmp_path: Path) -> None:
    """However much of the journal a crash leaves, the request sent again leads to one
    room with one alias."""
    state = tmp_path / "state"
    async with serving(state):
        before = {path: path.stat().st_size for path in state.rglob("*.jsonl")}
    async with serving(state) as server:
        assert (await post(server, CONFERENCE, ROOM)).status == 201
    (journal,) = [
        path
        for path in state.rglob("*.jsonl")
        if b'"put":"conference"' in path.read_bytes()
    ]
    content = journal.read_bytes()
    lines = [at + 1 for at, byte in enumerate(content) if byte == 10]
    for cut in sorted({before.get(journal, 0), *lines, *(each - 9 for each in lines)}):
        crashed = tmp_path / f"crashed-{cut}"
        shutil.copytree(state, crashed)
        (crashed / journal.relative_to(state)).write_bytes(content[:cut])
        async with serving(crashed) as server:
            assert (await post(server, CONFERENCE, ROOM)).status == 201
            rooms = await server.client.objects(CONFERENCE)
            assert [len(room["aliases"]) for room in rooms] == [1], cut
        shutil.rmtree(crashed)


@pytest_twisted.ensureDeferred
async def test_requests_at_the_same_time_share_an_answer(server: Server) -> None:
    """A request that is repeated before its answer has come waits for it."""
    asked = [Deferred.fromCoroutine(post(server, CONFERENCE, ROOM)) for _ in range(5)]
    answers = await gatherResults(asked)
    assert len({repr(told(answer)) for answer in answers}) == 1
    assert answers[0].status == 201
    assert await count(server, CONFERENCE) == 1


@pytest_twisted.ensureDeferred
async def test_a_key_is_for_one_request(server: Server) -> None:
    """Another body under the same key is refused with what to do; another resource's
    request, or one after 24 hours, is another one."""
    first = await post(server, CONFERENCE, ROOM)
    other = await post(server, CONFERENCE, {"name": "Two"})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert "a new key" in other.json["error"]
    assert await count(server, CONFERENCE) == 1
    assert (
        await post(server, f"{API}/end_user/", {"primary_email_address": "a@b.test"})
    ).status == 201
    server.clock.advance(hours=24, seconds=1)
    later = await post(server, CONFERENCE, {"name": "Two"})
    assert later.status == 201
    assert later.location != first.location


@pytest_twisted.ensureDeferred
async def test_a_refused_request_leaves_the_key_free(server: Server) -> None:
    """After an error the corrected request may have the same key."""
    wrong = await post(server, CONFERENCE, {"name": ""})
    assert wrong.status == 400
    assert (await post(server, CONFERENCE, ROOM)).status == 201


@pytest_twisted.ensureDeferred
async def test_keys_are_bounded(server: Server) -> None:
    """An administrator's oldest keys are forgotten when there are too many, and old
    ones as new ones come."""
    office = await server.client.create(CONNECTOR, HEAD_OFFICE)
    table = KEYED_REQUESTS["integrations"].table
    for number in range(MOST_IN_DOCUMENT + 3):
        domain = {"domain": f"d{number}.test", "exchange_connector": office}
        assert (await post(server, DOMAIN, domain, f"key-{number}")).status == 201
    assert server.store.count(table) == MOST_IN_DOCUMENT
    last = await post(server, DOMAIN, domain, f"key-{number}")
    assert last.status == 201
    assert await count(server, f"{DOMAIN}?domain=d{number}.test") == 1
    server.clock.advance(hours=25)
    domain = {"domain": "x.test", "exchange_connector": office}
    assert (await post(server, DOMAIN, domain, "key-x")).status == 201
    assert server.store.count(table) == MOST_IN_DOCUMENT - 1


@pytest.mark.parametrize("key", ["", "a" * 256, "a\tb", "caf\u00e9"])
@pytest_twisted.ensureDeferred
async def test_a_key_is_short_and_printable(server: Server, key: str) -> None:
    """A key that cannot be kept as it is is refused, and says what one looks like."""
    answer = await post(server, CONFERENCE, ROOM, key)
    assert answer.status == 400
    assert "1 to 255 printable ASCII" in answer.json["error"]
    assert await count(server, CONFERENCE) == 0


@pytest_twisted.ensureDeferred
async def test_a_key_is_never_passed_over(server: Server) -> None:
    """Many changes at once are not remembered by a key, and say so."""
    answer = await server.client.ask(
        "PATCH", CONFERENCE, {"objects": [ROOM]}, headers={"idempotency-key": KEY}
    )
    assert answer.status == 400
    assert "POST on a list of records only" in answer.json["error"]


def test_every_resource_has_a_place_for_keys() -> None:
    """A key can be kept beside the records of each document, but alarms', which nobody
    makes."""
    documents = {table.document for table in TABLES} - {"alarms"}
    assert documents == set(KEYED_REQUESTS)
    assert CA_CERTIFICATE.table.document in KEYED_REQUESTS


@pytest_twisted.ensureDeferred
async def test_nothing_sent_is_kept(tmp_path: Path) -> None:
    """Neither the key nor the body can be read from the state folder."""
    async with serving(tmp_path / "state") as server:
        await post(server, CONNECTOR, HEAD_OFFICE)
    for path in (tmp_path / "state").rglob("*.json*"):
        assert KEY not in path.read_text()


@pytest_twisted.ensureDeferred
async def test_a_secret_that_is_shown_once(server: Server) -> None:
    """A token's answer cannot be given again: a key is refused, and no token made."""
    tokens = f"{API}/api_token/"
    (role, *_) = await server.client.objects(f"{API}/role/")
    payload = {"name": "script", "role": role["resource_uri"]}
    answer = await post(server, tokens, payload)
    assert answer.status == 400
    assert "shown once" in answer.json["api_token"]["Idempotency-Key"][0]
    assert await count(server, tokens) == 0
