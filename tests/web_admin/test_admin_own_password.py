"""Administrators change their own passwords, whatever their role."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.test_admin_api_tokens import bearing, made
from tests.web_admin.test_admin_history import changed, entries
from tests.web_admin.test_admin_roles import ANNA, READ, RUDI, WORD, both, status
from tests.web_admin.web_admin_support import CONFERENCE, NAME, PASSWORD, Answer, Server

COMMAND = "/api/admin/command/v1/administrator/change_password/"
NEW = "another long password"


async def change(
    server: Server, auth: tuple[str, str], old: str = WORD, new: object = NEW
) -> Answer:
    payload = {"old_password": old, "new_password": new}
    return await server.client.ask("POST", COMMAND, payload, auth=auth)


@pytest.mark.parametrize("auth", [ANNA, RUDI, (NAME, PASSWORD)])
@pytest_twisted.ensureDeferred
async def test_every_role(server: Server, auth: tuple[str, str]) -> None:
    """The new one counts at once and the old one no longer; nobody else's changes, and
    the history says so without either."""
    await both(server)
    assert (await change(server, auth, auth[1])).status == 204
    assert await status(server, auth, "GET", CONFERENCE) == 401
    assert await status(server, (auth[0], NEW), "GET", CONFERENCE) == 200
    for other in {ANNA, RUDI, (NAME, PASSWORD)} - {auth}:
        assert await status(server, other, "GET", CONFERENCE) == 200
    full = (NAME, NEW if auth[0] == NAME else PASSWORD)
    entry = (await entries(server, auth=full))[-1]
    assert (entry["administrator"], entry["object_name"]) == (auth[0], auth[0])
    assert changed(entry) == {"password": (None, "changed")}


@pytest_twisted.ensureDeferred
async def test_the_old_one_is_needed(server: Server) -> None:
    """A wrong one is refused by its name, and others have to wait after several."""
    await both(server)
    before = server.store.get(tables.ADMINISTRATOR, 2)
    answer = await change(server, ANNA, old="a wrong password")
    assert answer.status == 400
    assert set(answer.json["change_password"]) == {"old_password"}
    found = [
        (await change(server, ANNA, old=f"guess number {number}")).status
        for number in range(12)
    ]
    assert found[-1] == 429
    now = server.store.get(tables.ADMINISTRATOR, 2)
    assert now is not None
    assert before is not None
    assert now.password == before.password
    # The account that was guessed at is not locked: the right password still works.
    assert (await change(server, ANNA)).status == 204


@pytest.mark.parametrize(
    "new",
    ["short", " " * 20, "x" * 1025, "long enough\0", WORD, "", 5, None],
    ids=lambda new: str(new)[:9],
)
@pytest_twisted.ensureDeferred
async def test_unfit_passwords(server: Server, new: Any) -> None:
    """One that will not do is named, and the old one stays."""
    await both(server)
    answer = await change(server, ANNA, new=new)
    assert answer.status == 400
    assert "new_password" in answer.body.decode()
    assert await status(server, ANNA, "GET", CONFERENCE) == 200


@pytest_twisted.ensureDeferred
async def test_a_token_will_not_do(server: Server) -> None:
    """Whoever has copied a token cannot set a password by it."""
    token = (await made(server, READ))["token"]
    payload = {"old_password": PASSWORD, "new_password": NEW}
    answer = await bearing(server, token, "POST", COMMAND, payload)
    assert answer.status == 403
