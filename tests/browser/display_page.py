"""A room's display in a browser, with a clock and answers of the test's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Route, ViewportSize

from tests.browser.tabs import Tab, Tabs

HERE = Path(__file__).parent
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TOKEN = "pexschedd_secretsecretsecretsecretsecret01"
LANDSCAPE: ViewportSize = {"width": 1280, "height": 800}
PORTRAIT: ViewportSize = {"width": 800, "height": 1280}
EXPECTED = ("Failed to load resource", "net::ERR_", "Service Worker registration b")


def at(hours: float) -> str:
    moment = NOW.replace(hour=0) + timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def line(
    title: str, start: float, end: float, alias: str = "", **more: Any
) -> dict[str, Any]:
    """A meeting from one hour of the day to another; with an alias it can be joined."""
    join = {
        "alias": alias,
        "protocol": "SIP",
        "uri": f"sip:{alias}",
        "platform": "Zoom",
        "service": "Zoom",
        "pin": more.pop("pin", ""),
        "from": at(start - 1 / 12),
        "until": at(end),
    }
    given = {
        "id": title,
        "title": title,
        "organizer": {"name": "Alice Ångström", "email": "alice@example.test"},
        "start": at(start),
        "end": at(end),
        "all_day": False,
        "private": False,
        "join": join if alias else None,
    }
    return given | more


DAY = [
    line("Design review", 8.5, 10, "4021.77@zoomcrc.com", pin="123456"),
    line("Budget 2027, second reading", 10, 11),
    line("Interview", 13, 14, "5550123@vc.example.test"),
    line("Weekly with the team in Lyon", 15.5, 16, "88@vc.example.test"),
    line("Board", 33, 34),
]


class DisplayPage:
    """One screen. `meetings`, `status` and `read_at` are what it is answered;
    `seconds` is how far the time is; `asked` has the headers of its requests."""

    def __init__(self, tab: Tab, origin: str) -> None:
        self.tab = tab
        self.page = page = tab.page
        self.origin = origin
        self.meetings: list[dict[str, Any]] = DAY
        self.status = 200
        self.read_at: datetime | None = NOW
        self.is_offline = False
        self.seconds = 0
        self.asked: list[dict[str, str]] = []
        self.complaints: list[str] = []
        tab.on("console", lambda message: self._heard(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.clock.install(time=NOW - timedelta(hours=1))
        page.clock.pause_at(NOW)
        page.route("**/v1/meetings", self._answer)

    def _heard(self, text: str) -> None:
        if not text.startswith(EXPECTED):
            self.complaints.append(text)

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.headers)
        if self.is_offline:
            route.abort("connectionrefused")
            return
        now = NOW + timedelta(seconds=self.seconds)
        headers = {"Date": format_datetime(now, usegmt=True), "ETag": self._tag()}
        if self.read_at is not None:
            headers["Calendar-Read-At"] = self.read_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.status == 200 and route.request.headers.get("if-none-match") == (
            self._tag()
        ):
            route.fulfill(status=304, headers=headers)
            return
        body = {
            "room": {"name": "Oak", "email": "oak@example.test"},
            "now": now.isoformat(),
            "read_at": None if self.read_at is None else self.read_at.isoformat(),
            "meetings": self.meetings,
        }
        route.fulfill(status=self.status, headers=headers, body=json.dumps(body))

    def _tag(self) -> str:
        return f'"{hash(json.dumps(self.meetings))}"'

    def open(self, where: str = f"#token={TOKEN}&lang=en") -> None:
        self.page.goto(f"{self.origin}/display/{where}")

    def later(self, seconds: int) -> None:
        """Let time pass, on the server's clock and on the screen's."""
        self.seconds += seconds
        self.page.clock.fast_forward(seconds * 1000)

    def text(self, id: str) -> str:
        """The text of a part, empty if it is not shown."""
        part = self.page.locator(f"#{id}")
        return part.inner_text() if part.is_visible() else ""


@contextmanager
def display_origin(*arguments: str) -> Iterator[str]:
    """Serve the page, and give where. For the arguments see `display_server`."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "display_server.py"), *arguments],
        cwd=HERE.parents[1],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


@contextmanager
def display_page(tabs: Tabs, origin: str, **context: Any) -> Iterator[DisplayPage]:
    """Open a tab; nothing may break the policy, and no error may be unexpected."""
    # A service worker would stand between the page and the test's answers.
    given = {
        "viewport": LANDSCAPE,
        "timezone_id": "UTC",
        "locale": "en-GB",
        "service_workers": "block",
    } | context
    with tabs.tab(**given) as tab:
        page = DisplayPage(tab, origin)
        yield page
    assert page.complaints == []
