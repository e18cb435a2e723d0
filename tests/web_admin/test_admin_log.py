"""What the administrator log says about the management API."""

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from tests.web_admin.web_admin_support import CONNECTOR, DOMAIN, HEAD_OFFICE


@implementer(ILogObserver)
class Heard:
    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def __call__(self, event: LogEvent) -> None:
        if str(event.get("log_namespace")).startswith("administrator."):
            self.found.append((event["user"], formatEvent(event)))


@pytest.fixture
def lines() -> Iterator[list[tuple[str, str]]]:
    """The administrator log: who, and what."""
    observer = Heard()
    globalLogPublisher.addObserver(observer)
    yield observer.found
    globalLogPublisher.removeObserver(observer)


@pytest_twisted.ensureDeferred
async def test_who_did_what(server: Any, lines: list[tuple[str, str]]) -> None:
    """Creating, changing and deleting is said with the administrator's name, with
    record and fields but no value."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    assert lines == [
        ("admin", "created ms_exchange_connector 1"),
        ("admin", "created exchange_domain 1"),
    ]
    lines.clear()
    await server.client.ask(
        "PATCH", f"{CONNECTOR}1/", {"password": "s3cret", "description": "x"}
    )
    assert lines == [
        ("admin", "changed ms_exchange_connector 1: description, password")
    ]
    lines.clear()
    await server.client.ask("DELETE", f"{DOMAIN}1/")
    await server.client.ask("DELETE", f"{CONNECTOR}1/")
    assert lines == [
        ("admin", "deleted exchange_domain 1"),
        ("admin", "deleted ms_exchange_connector 1"),
    ]


@pytest_twisted.ensureDeferred
async def test_what_was_refused_was_not_done(
    server: Any, lines: list[tuple[str, str]]
) -> None:
    """A request that changes nothing leaves no line."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    lines.clear()
    await server.client.ask("POST", CONNECTOR, {"name": ""})
    await server.client.ask("PATCH", f"{CONNECTOR}1/", {"description": ""})
    await server.client.ask("DELETE", f"{CONNECTOR}9/")
    assert lines == []
