"""The add-in's question whose tags are, over real connections."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted

from pexschedd.scheduling.tag_status import TagQuestion
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from tests.web_addin.addin_support import Answer, Behind, Server

TAG = "PXPS:-2f6e8c1a-7a55-4f65-9a10-000000000001#"


async def ask(server: Server, body: Any, token: str = "alice") -> Answer:
    sent = json.dumps(body).encode()
    return await server.post("/1/meeting_tags", sent, token=token)


@pytest_twisted.ensureDeferred
async def test_a_question_and_its_answer(server: Server, behind: Behind) -> None:
    """Each tag is answered as it was sent, with the room's addresses; not cached."""
    answer = await ask(
        server,
        {
            "tags": [TAG, TAG],
            "item_id": "AA-b_c==",
            "saved": True,
            "start": "2026-12-01T10:00:00+01:00",
            "end": None,
        },
    )
    assert answer.status == 200
    assert answer.json == {
        "status": "success",
        "result": {
            "tags": {TAG: {"state": "this", "certain": False}},
            "room_addresses": {
                "name": "Pexip Meeting",
                "addresses": ["room@example.test", "/o=First/cn=room"],
            },
        },
    }
    assert answer.headers["cache-control"] == "no-store"
    question = TagQuestion(
        tags=(TAG,), item_id="AA/b+c==", start=datetime(2026, 12, 1, 9, tzinfo=UTC)
    )
    assert behind.asked == [("alice https://mail", question)]


@pytest_twisted.ensureDeferred
async def test_what_is_not_known_is_left_out(server: Server, behind: Behind) -> None:
    """A new draft has no id, and a directory that told nothing no addresses."""
    behind.entry = None
    answer = await ask(server, {"tags": [TAG], "item_id": None, "saved": False})
    assert "room_addresses" not in answer.json["result"]
    assert behind.asked[0][1] == TagQuestion(tags=(TAG,), is_new=True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "tags"),
        ({"tags": []}, "length >= 1"),
        ({"tags": [TAG] * 11}, "length <= 10"),
        ({"tags": ["x" * 101]}, "length <= 100"),
        ({"tags": [TAG], "item_id": "<id>"}, "item_id"),
        ({"tags": [TAG], "item_id": "A" * 2001}, "item_id"),
        ({"tags": [TAG], "saved": "yes"}, "saved"),
        ({"tags": [TAG], "start": "2026-12-01T10:00:00"}, "start has no time zone"),
        ({"tags": [TAG], "end": "0001-01-01T00:00:00+10:00"}, "end is no time"),
        ({"tags": [TAG], "more": 1}, "more"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_bad_questions(
    server: Server, behind: Behind, body: Any, words: str
) -> None:
    """What is wrong is named, and nothing is looked up."""
    answer = await ask(server, body)
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert words in answer.json["message"]
    assert behind.asked == []


@pytest_twisted.ensureDeferred
async def test_only_users_may_ask(server: Server, behind: Behind) -> None:
    """Without a good token there is no answer, and a GET is no question."""
    answer = await ask(server, {"tags": [TAG]}, token="bob")
    assert (answer.status, answer.json["code"]) == (401, "invalid_token")
    answer = await server.get("/1/meeting_tags", token="alice")
    assert answer.status == 405
    assert behind.asked == []


@pytest_twisted.ensureDeferred
async def test_too_many_questions(behind: Behind, files: ConnectorFiles) -> None:
    """They have a rate of their own, and its own words; rooms may still be booked."""
    behind.rates = RequestRates(
        Rate(1, 1), NO_BOUND, lambda: 0.0, what="Looked up too often"
    )
    server = Server(behind, files)
    await server.listen()
    assert (await ask(server, {"tags": [TAG]})).status == 200
    answer = await ask(server, {"tags": [TAG]})
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    assert answer.json["message"].startswith("Looked up too often in a short time.")
    assert (await server.get("/1/meeting_details", token="alice")).status == 200
    await server.close()
