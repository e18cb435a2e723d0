"""What the administrator log says about the management API."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_twisted
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    globalLogPublisher,
)
from zope.interface import implementer

from pexschedd.logs import LevelObserver
from tests.web_admin.web_admin_support import (
    CONFERENCE,
    CONNECTOR,
    DOMAIN,
    HEAD_OFFICE,
)

REPOSITORY = Path(__file__).resolve().parents[2]
CHANGED = "record changed resource=ms_exchange_connector id=1"


@implementer(ILogObserver)
class Heard:
    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if str(event.get("log_namespace")).startswith("administrator."):
            self.found.append((event.get("user", ""), formatEvent(event)))
            self.events.append(event)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What the administrator log is told."""
    heard = Heard()
    globalLogPublisher.addObserver(heard)
    yield heard
    globalLogPublisher.removeObserver(heard)


@pytest.fixture
def lines(heard: Heard) -> list[tuple[str, str]]:
    """The administrator log: who, and what."""
    return heard.found


@pytest_twisted.ensureDeferred
async def test_who_did_what(server: Any, lines: list[tuple[str, str]]) -> None:
    """Creating, changing and deleting is said with the administrator's name, with
    record and fields but no value."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    assert lines == [
        ("admin", "record created resource=ms_exchange_connector id=1"),
        ("admin", "record created resource=exchange_domain id=1"),
    ]
    lines.clear()
    await server.client.ask(
        "PATCH", f"{CONNECTOR}1/", {"password": "s3cret", "description": "x"}
    )
    assert lines == [
        ("admin", f"{CHANGED} fields=description,password"),
    ]
    lines.clear()
    await server.client.ask("DELETE", f"{DOMAIN}1/")
    await server.client.ask("DELETE", f"{CONNECTOR}1/")
    assert lines == [
        ("admin", "record deleted resource=exchange_domain id=1"),
        ("admin", "record deleted resource=ms_exchange_connector id=1"),
    ]


@pytest_twisted.ensureDeferred
async def test_what_an_integration_lacks(
    server: Any, heard: Heard, lines: list[tuple[str, str]]
) -> None:
    """An integration that is saved without a domain, which its method needs, is a
    warning of its own; once more with each save."""
    await server.client.create(CONNECTOR, HEAD_OFFICE | {"domains": []})
    (warning,) = [text for _, text in lines if "warning" in text]
    assert warning.startswith(
        "record saved with a warning resource=ms_exchange_connector id=1 "
        "warning=No Exchange metadata domain is configured"
    )
    assert heard.events[-1]["log_level"] is LogLevel.warn
    lines.clear()
    await server.client.ask("PATCH", f"{CONNECTOR}1/", {"description": "x"})
    assert lines == [("admin", f"{CHANGED} fields=description"), ("admin", warning)]


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


@pytest_twisted.ensureDeferred
async def test_keys(server: Any, heard: Heard) -> None:
    """Each line has the id of its request, and the integration that it is about."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    answer = await server.client.ask("POST", CONFERENCE, {"name": "Room"})
    *belonging, room = heard.events
    assert [event["integration"] for event in belonging] == [1, 1]
    assert belonging[0]["correlation_id"] == belonging[1]["correlation_id"]
    assert "integration" not in room
    ids = answer.headers.getRawHeaders("x-request-id")
    assert [room["correlation_id"]] == ids


@pytest_twisted.ensureDeferred
async def test_another_icon(server: Any, lines: list[tuple[str, str]]) -> None:
    """An upload is a change like others, and raises the manifest's revision; that it
    has to be deployed is warned of."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    lines.clear()
    icon = await server.client.ask("GET", f"{uri}icon/")
    await server.client.ask("PUT", f"{uri}icon/", body=icon.body)
    (warning, changed) = sorted(lines, reverse=True)
    assert changed == ("admin", f"{CHANGED} fields=icon,manifest_revision")
    assert "deploy it again" in warning[1]


@pytest_twisted.ensureDeferred
async def test_refused_sign_ins(server: Any, heard: Heard) -> None:
    """A wrong password is said with the name and the address, not with itself."""
    answer = await server.client.ask("GET", CONNECTOR, auth=("admin", "guessed"))
    await server.client.ask("GET", CONNECTOR, auth=None)
    (event,) = heard.events
    text = "sign-in refused address=127.0.0.1 administrator=admin"
    assert formatEvent(event) == text
    ids = answer.headers.getRawHeaders("x-request-id")
    assert [event["correlation_id"]] == ids


@pytest_twisted.ensureDeferred
async def test_filter_of_fail2ban(server: Any) -> None:
    """The documented filter finds the address in the line of a refused sign-in, and in
    no line that a client words."""
    page = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    (expression,) = re.findall(r"^failregex = (.*)$", page, re.MULTILINE)
    found = re.compile(expression.replace("<HOST>", r"(?P<host>[0-9a-f.:]+)"))
    line = "sign-in refused address=203.0.113.9 administrator=x"
    forged = (
        "x address=203.0.113.9",
        'x" address=203.0.113.9 "',
        f"x\r\n{line}",
        f'","system":"administrator.sign_in","message":"{line}',
        f"[administrator.sign_in#warn] {line}",
        "x" * 5000,
    )
    out = io.StringIO()
    write = LevelObserver(out, "debug", "json")
    globalLogPublisher.addObserver(write)
    try:
        for name in forged:
            await server.client.ask("GET", CONNECTOR, auth=(name, "guessed"))
            await server.client.ask("GET", f"/api/admin/{quote(name)[:500]}/v1/")
    finally:
        globalLogPublisher.removeObserver(write)
    lines = out.getvalue().splitlines()
    hosts = [match["host"] for line in lines if (match := found.search(line))]
    assert hosts == ["127.0.0.1"] * len(forged)
    assert sum("203.0.113.9" in line for line in lines) > 5
    assert max(map(len, lines)) < 1000


@pytest_twisted.ensureDeferred
async def test_delayed_sign_ins(server: Any, heard: Heard) -> None:
    """Guesses are delayed by the address of the client behind a proxy on this machine,
    with the time to wait, and the log says so."""
    answers = [
        await server.client.ask(
            "GET",
            CONNECTOR,
            auth=("admin", f"guess {number}"),
            headers={"x-forwarded-for": "198.51.100.7, 203.0.113.9"},
        )
        for number in range(6)
    ]
    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert answers[-1].headers.getRawHeaders("retry-after") == ["1"]
    assert answers[-1].json["code"] == "too_many_requests"
    texts = [formatEvent(event) for event in heard.events]
    assert texts[0] == "sign-in refused address=203.0.113.9 administrator=admin"
    text = "sign-in put off address=203.0.113.9 administrator=admin seconds=1"
    assert texts[-1] == text
