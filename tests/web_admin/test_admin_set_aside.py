"""Administrators see the messages that were set aside, and take note of them."""

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.outbox import TroubledMessage
from tests.web_admin.web_admin_support import Server

PATH = "/api/admin/status/v1/exchange_set_aside_message/"


async def put(server: Server, id: int, *, set_aside: bool) -> None:
    now = server.clock()
    change = server.store.transaction()
    change.put(
        tables.TROUBLED,
        TroubledMessage(
            id=id,
            exchange_connector=1,
            item_id=f"item-{id}",
            correlation_id=f"correlation-{id}",
            reason="ErrorItemCorrupt",
            attempts=3 if set_aside else 1,
            first_time=now,
            last_time=now,
            set_aside_time=now if set_aside else None,
        ),
    )
    await change.commit()


@pytest_twisted.ensureDeferred
async def test_what_is_set_aside_is_listed_and_deleted(server: Server) -> None:
    """With what is needed to find it; what is still tried again is not there."""
    await put(server, 1, set_aside=True)
    await put(server, 2, set_aside=False)
    (shown,) = await server.client.objects(PATH)
    assert shown["exchange_connector_id"] == 1
    assert shown["item_id"] == "item-1"
    assert shown["correlation_id"] == "correlation-1"
    assert shown["attempts"] == 3
    assert "subject" not in shown
    for method, path, status in (
        ("POST", PATH, 405),
        ("PATCH", f"{PATH}1/", 405),
        ("PUT", f"{PATH}1/", 405),
        ("DELETE", f"{PATH}2/", 404),
        ("DELETE", f"{PATH}1/", 204),
    ):
        payload: object = None if method == "DELETE" else {}
        answer = await server.client.ask(method, path, payload)
        assert answer.status == status, (method, path)
    assert await server.client.objects(PATH) == []
    assert server.store.get(tables.TROUBLED, 2) is not None


@pytest_twisted.ensureDeferred
async def test_other_statuses_cannot_be_deleted(server: Server) -> None:
    """Only what says so: an alarm goes when what it is about is mended."""
    path = "/api/admin/status/v1/alarm/"
    assert (await server.client.ask("DELETE", path)).status == 405
