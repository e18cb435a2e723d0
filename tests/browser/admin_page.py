"""The administrator's page in a browser, signed in, over a real daemon."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator

from tests.browser import in_page
from tests.browser.tabs import Tab, Tabs
from tests.system.system_support import World

EXPECTED = (
    "Failed to load resource",  # the browser's own words for an answer of 4xx
    "net::ERR_",
)
"""Lines of the console that some tests provoke; anything else is a fault."""


class AdminPage:
    """One tab; `complaints` are unexpected lines of its console."""

    def __init__(self, tab: Tab, world: World) -> None:
        self.tab = tab
        self.page = tab.page
        self.world = world
        self.complaints: list[str] = []
        tab.on("console", lambda message: self._heard(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def _heard(self, text: str) -> None:
        if not text.startswith(EXPECTED):
            self.complaints.append(text)

    def open(self, where: str = "/") -> None:
        self.page.goto(f"{self.world.admin}/admin/#{where}")

    def sign_in(
        self, where: str = "/", name: str = "admin", password: str | None = None
    ) -> None:
        self.open(where)
        fields = "main form input"
        in_page.write(self.page, f"{fields}[autocomplete=username]", name)
        in_page.write(
            self.page, f"{fields}[type=password]", password or self.world.password
        )
        in_page.press(self.page, "button", "Sign in")
        in_page.tells(self.page, "#me", name)

    def go(self, where: str, title: str) -> None:
        """Leads to a view and waits for its heading."""
        self.page.evaluate(
            "where => { if (location.hash !== '#' + where) location.hash = where;"
            " else dispatchEvent(new HashChangeEvent('hashchange')); }",
            where,
        )
        self.expect_heading(title)

    def expect_heading(self, title: str) -> None:
        """The view's heading, which has the focus."""
        in_page.reads(self.page, "h1:focus", title)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def fill(self, fields: dict[str, str]) -> None:
        """Fields of the first steps by their API names."""
        for name, value in fields.items():
            in_page.write(self.page, f"#field-{name}", value)

    def press(self, name: str) -> None:
        """Press a button, by a script in the page."""
        in_page.press(self.page, "button", name)


@contextmanager
def admin_page(tabs: Tabs, world: World, **context: Any) -> Iterator[AdminPage]:
    """A tab that nobody has signed in; its console has to stay silent."""
    size = {"width": 1280, "height": 800}
    options = {"viewport": size, "reduced_motion": "reduce"} | context
    with tabs.tab(**options) as tab:
        page = AdminPage(tab, world)
        yield page
    assert page.complaints == []


def first_steps(world: World, **fields: str) -> dict[str, str]:
    """Return the entries for an integration that works with the sandbox."""
    return {
        "name": "Paris",
        "url": f"{world.exchange}/EWS/Exchange.asmx",
        "username": "svc@example.test",
        "password": "svc",
        "room_mailbox_name": "Video room",
        "room_mailbox_email_address": "pexipmeeting@example.test",
        "scheduled_alias_prefix": "555",
        "addin_server_domain": world.addin.removeprefix("http://"),
        "domains": f"{world.exchange}/autodiscover/metadata/json/1",
    } | fields
