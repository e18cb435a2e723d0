"""The display of a room that is loaded anew while there is no network."""

import json

from playwright.sync_api import Browser, Page, expect

from tests.browser.display_page import NOW, TOKEN, display_origin
from tests.ports import free_ports

MINUTES = 60_000
INTERVAL = 31_000
HAS_WORKER = "async () => Boolean((await navigator.serviceWorker.ready).active)"
CACHED = """async () => {
    const found = [];
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            const answer = await cache.match(request);
            found.push([new URL(request.url).pathname, await answer.text()]);
        }
    }
    return found;
}"""


def title(page: Page, text: str) -> None:
    expect(page.locator("#title")).to_have_text(text)


def test_loaded_anew_without_a_network(browser: Browser) -> None:
    """The sign is there with its last list, and says since when it was not updated; a
    closed tab knows no meetings any more; with the network it is current within the
    interval. The browser's cache has neither token nor subject."""
    port = free_ports()
    context = browser.new_context(timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    page.clock.install(time=NOW)
    with display_origin(str(port), "Secret review") as origin:
        page.goto(f"{origin}/display/#token={TOKEN}&lang=en")
        title(page, "Secret review")
        assert page.evaluate(HAS_WORKER)
        page.reload()
        title(page, "Secret review")
    page.clock.fast_forward(10 * MINUTES)
    page.reload()
    title(page, "Secret review")
    expect(page.locator("#notice")).to_have_text("Not updated since 9:00")
    expect(page.locator("#word")).to_have_text("In use")
    cached = page.evaluate(CACHED)
    assert "/display/" in dict(cached)
    assert all(path.startswith("/display/") for path, _ in cached)
    for secret in (TOKEN, "Secret review", "Alice"):
        assert secret not in json.dumps(cached)
    other = context.new_page()
    other.clock.install(time=NOW)
    other.goto(f"{origin}/display/")
    expect(other.locator("#word")).to_have_text("One moment")
    assert "Secret review" not in other.content()
    other.close()
    with display_origin(str(port), "Board"):
        page.clock.fast_forward(INTERVAL)
        title(page, "Board")
        expect(page.locator("#notice")).to_be_hidden()
    context.close()


def test_a_tokens_list_is_its_own(browser: Browser) -> None:
    """The list of one token is not shown with another one."""
    port = free_ports()
    context = browser.new_context(timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    with display_origin(str(port), "Secret review") as origin:
        page.goto(f"{origin}/display/#token={TOKEN}&lang=en")
        title(page, "Secret review")
        assert page.evaluate(HAS_WORKER)
    other = TOKEN.replace("secret", "public")
    page.goto(f"{origin}/display/?#token={other}&lang=en")
    expect(page.locator("#word")).to_have_text("One moment")
    assert "Secret review" not in page.evaluate("JSON.stringify(sessionStorage)")
    context.close()
