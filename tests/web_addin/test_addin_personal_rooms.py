"""The routes for personal rooms: who asks, what is answered, and what is counted."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.task import Clock

from pexschedd.model import tables
from pexschedd.model.end_user import EndUser
from pexschedd.model.integration.connector import Connector
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.personal_rooms import PersonalRoomRoutes
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from tests.personal.personal_support import CONNECTOR, Personal
from tests.web_addin.addin_support import Answer, Behind, Routes

ALICE = EndUser(
    id=1,
    primary_email_address="alice@example.com",
    first_name="Alice",
    last_name="Archer",
    exchange_user_id="alice https://mail",
)
BOB = EndUser(id=2, primary_email_address="bob@example.com", display_name="Bobby")
LIST = "/1/personal_rooms"


class Served:
    """The routes over a store, with Alice known by her token and Bob by a session."""

    def __init__(self, folder: Path) -> None:
        self.personal = Personal(folder)
        self.connectors: dict[int, Connector] = {1: CONNECTOR}
        self.sessions = {(1, "bobs"): 2, (1, "gone"): 99, (2, "twos"): 2}
        self.counted: Counter[tuple[str, str]] = Counter()
        self.clock = Clock()
        self.mailed: set[str] = set()
        self.routes = Routes(
            PersonalRoomRoutes(
                lambda id: self.connectors.get(id),
                Behind().verify,
                self.mailed.__contains__,
                lambda integration, secret: self.sessions.get((integration, secret)),
                self.personal.users,
                self.personal.rooms,
                RequestRates(Rate(20, 60), NO_BOUND, self.clock.seconds),
                lambda integration, outcome: self.counted.update(
                    [(integration, outcome)]
                ),
            ).app.resource()
        )

    async def get(self, path: str, **headers: Any) -> Answer:
        return await self.routes.get(path, **headers)

    def outcomes(self) -> dict[str, int]:
        return {outcome: n for (_, outcome), n in self.counted.items()}


@pytest_twisted.async_yield_fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """The routes on a socket, with both users' records."""
    made = Served(tmp_path)
    await made.personal.put(tables.END_USER, ALICE, BOB)
    await made.routes.listen()
    yield made
    await made.routes.close()
    await made.personal.store.close()


@pytest_twisted.ensureDeferred
async def test_the_list(served: Served) -> None:
    """A known token gets the user and the rooms by name, and nothing is cached."""
    room = served.personal.room
    good = await room("Zoo", "zoo@example.com", description="With animals")
    bad = await room("Attic")
    await room("Bob's", "bob@example.com", owner="bob@example.com")
    answer = await served.get(LIST, token="alice")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    result = answer.json["result"]
    assert answer.json["status"] == "success"
    assert result["user"] == {"name": "Alice Archer", "email": "alice@example.com"}
    attic, zoo = result["rooms"]
    assert zoo == {
        "id": good,
        "name": "Zoo",
        "description": "With animals",
        "usable": True,
        "problem": "",
        "problem_code": "",
        "problem_values": {},
    }
    assert (attic["id"], attic["usable"]) == (bad, False)
    assert "no alias" in attic["problem"]
    assert (attic["problem_code"], attic["problem_values"]) == ("no_alias", {})
    assert served.outcomes() == {"listed": 1}


@pytest_twisted.ensureDeferred
async def test_a_session(served: Served) -> None:
    """A session's user is asked first, and needs no token; nor does a bad one harm."""
    answer = await served.get(LIST, session="bobs", token="mallory")
    assert answer.json["result"]["user"]["name"] == "Bobby"
    assert answer.json["result"]["rooms"] == []
    both = await served.get(LIST, session="bobs", token="alice")
    assert both.json["result"]["user"]["email"] == "bob@example.com"
    ended = await served.get(LIST, session="ended", token="alice")
    assert ended.json["result"]["user"]["email"] == "alice@example.com"
    assert served.outcomes() == {"none": 3}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "sign_in_needed"),
        ({"session": "ended"}, 401, "sign_in_needed"),
        ({"session": "gone"}, 401, "sign_in_needed"),
        ({"session": "twos"}, 401, "sign_in_needed"),
        ({"session": "gone", "token": "mallory"}, 401, "invalid_token"),
        ({"token": "down"}, 503, "unavailable"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_who_is_not_known(
    served: Served, headers: dict[str, str], status: int, code: str
) -> None:
    """Neither list nor room is shown, in the add-in's own shape of errors."""
    id_ = await served.personal.room("Mine", "mine@example.com")
    for path in (LIST, f"{LIST}/{id_}"):
        answer = await served.get(path, **headers)
        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.json["status"] == "error"
        assert "correlation_id" in answer.json


@pytest_twisted.ensureDeferred
async def test_a_deleted_record_asks_for_a_sign_in(served: Served) -> None:
    """The next activation starts over once an administrator has deleted the user."""
    assert (await served.get(LIST, token="alice")).status == 200
    transaction = served.personal.store.transaction()
    transaction.delete(tables.END_USER, ALICE.id)
    await transaction.commit()
    answer = await served.get(LIST, token="alice")
    assert (answer.status, answer.json["code"]) == (401, "sign_in_needed")
    assert served.outcomes() == {"none": 1, "sign_in_needed": 1}


@pytest_twisted.ensureDeferred
async def test_a_chosen_room(served: Served) -> None:
    """The user's own room gives instructions, location and name."""
    id_ = await served.personal.room("Mine", "mine@example.com", "4711")
    answer = await served.get(f"{LIST}/{id_}", token="alice")
    result = answer.json["result"]
    assert set(result) == {"name", "instructions", "location"}
    assert "then 4711 #" in result["instructions"]
    assert result["location"].startswith("https://vc.example.com/")
    assert result["name"] == "Mine"
    assert served.outcomes() == {"chosen": 1}


@pytest_twisted.ensureDeferred
async def test_rooms_that_are_not_given(served: Served) -> None:
    """Another user's room is as unknown as none; one without an alias says so."""
    bobs = await served.personal.room("Bob's", "b@example.com", owner="bob@example.com")
    bare = await served.personal.room("Bare")
    for id_, status, code in (
        (bobs, 404, "not_found"),
        (4711, 404, "not_found"),
        ("x", 404, "http"),
        ("-1", 404, "http"),
        ("9" * 30, 404, "not_found"),
        (bare, 409, "room_not_usable"),
    ):
        answer = await served.get(f"{LIST}/{id_}", token="alice")
        assert (answer.status, answer.json["code"]) == (status, code), id_
    assert served.outcomes() == {"refused": 4}


@pytest_twisted.ensureDeferred
async def test_integrations_without_personal_rooms(served: Served) -> None:
    """They say so, before anybody is asked to sign in; unknown ones are not found."""
    served.connectors[2] = replace(CONNECTOR, id=2, enable_personal_vmrs=False)
    for path in ("/2/personal_rooms", "/2/personal_rooms/1"):
        answer = await served.get(path)
        assert (answer.status, answer.json["code"]) == (404, "personal_rooms_off")
    answer = await served.get("/3/personal_rooms", token="alice")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest_twisted.ensureDeferred
async def test_rates(served: Served) -> None:
    """One user with a script is slowed down, and nobody else is."""
    answers: list[Any] = [await served.get(LIST, token="alice") for _ in range(21)]
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert (await served.get(LIST, session="bobs")).status == 200
    served.clock.advance(1)
    assert (await served.get(LIST, token="alice")).status == 200


@pytest_twisted.ensureDeferred
async def test_methods(served: Served) -> None:
    """Rooms are only read here."""
    answer = await served.routes.get(LIST, method="POST", token="alice")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
