"""The demo desk while its server is slow: somebody acts before the answer is there."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_browser_desk import Desk
from tests.demo.demo_process import ALICE, RunningDemo, running

POLL_MS = 10
MEETINGS = "**/desk/api/meetings"
TOKEN = "**/desk/api/token"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("slow") / "state") as demo:
        yield demo


@pytest.fixture
def desk(browser: Browser, demo: RunningDemo) -> Iterator[Desk]:
    """A desk whose page has no errors, however late the answers are."""
    desk = Desk(browser, demo)
    yield desk
    desk.close()
    assert desk.trouble == []


class Held:
    """Requests that wait for their answer until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.page = page
        self.pattern = pattern
        self.routes: list[Route] = []
        page.route(pattern, lambda route: self.routes.append(route))

    def wait(self, count: int = 1) -> list[Route]:
        while len(self.routes) < count:
            self.page.wait_for_timeout(POLL_MS)
        return self.routes

    def let_go(self) -> None:
        while self.routes:
            self.routes.pop().continue_()
        self.page.unroute(self.pattern)


def discard(page: Page) -> None:
    page.locator("#discard").click()
    page.locator("#confirm-yes").click()


def answered(page: Page, route: Route) -> None:
    """Lets one request go, and the page do something about its answer."""
    with page.expect_response(route.request.url):
        route.continue_()
    page.evaluate("new Promise(requestAnimationFrame)")


def test_a_meeting_is_sent_once(desk: Desk) -> None:
    """Who presses the keys for sending again, because nothing happens, sends one."""
    page = desk.page
    held = Held(page, MEETINGS)
    desk.compose("Only once")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    held.wait()
    held.let_go()
    expect(page.locator("#compose")).to_be_hidden()
    expect(page.locator("#meeting")).to_contain_text("Only once")
    meetings = desk.demo.get("state", user=ALICE)["meetings"]
    assert [one["subject"] for one in meetings].count("Only once") == 1


def test_a_sent_meeting_closes_only_its_own_form(desk: Desk) -> None:
    """Who has left the form while it was being sent, and writes another meeting, keeps
    that."""
    page = desk.page
    held = Held(page, MEETINGS)
    desk.compose("Sent slowly")
    page.locator("#send").click()
    held.wait()
    discard(page)
    desk.compose("Being written")
    held.let_go()
    expect(page.locator("#meeting")).to_contain_text("Sent slowly")
    expect(page.get_by_text("Sent.", exact=True)).to_be_visible()
    expect(page.get_by_label("Title")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Being written")


def test_a_late_token_is_not_another_users(desk: Desk) -> None:
    """A token that Alice's pane asked for before it was closed does not become that of
    Bob's pane."""
    page = desk.page
    used: list[str] = []

    def note(route: Route) -> None:
        used.append(route.request.headers["token"])
        route.continue_()

    page.route("**/meeting_details", note)
    held = Held(page, TOKEN)
    desk.compose("Alice asks")
    desk.press_ribbon().get_by_role("button", name="Add a Single-use VMR").click()
    held.wait()
    discard(page)
    page.get_by_role("radio", name="Bob").click()
    desk.compose("Bob asks")
    desk.press_ribbon().get_by_role("button", name="Add a Single-use VMR").click()
    held.wait(2)
    tokens = []
    for route in held.routes:
        answer = route.fetch()
        tokens.append(answer.json()["token"])
        with page.expect_response(TOKEN):
            route.fulfill(response=answer)
        page.evaluate("new Promise(requestAnimationFrame)")
    page.locator("#required .chip.room").wait_for()
    assert used == tokens[1:]
