"""Tabs that are used again know nothing of the test before."""

from playwright.sync_api import Browser

from tests.browser.tabs import Tabs

LEAVE = """() => {
    localStorage.setItem("a", 1);
    sessionStorage.setItem("a", 1);
    document.cookie = "a=1";
    setInterval(() => { console.log("late"); fetch("/late"); }, 10);
}"""
FIND = "[localStorage.length, sessionStorage.length, document.cookie, window.first]"

LOOKS = """[innerWidth, ...["prefers-color-scheme: dark", "prefers-reduced-motion",
    "forced-colors: active"].map(query => matchMedia(`(${query})`).matches)]"""


def test_a_tab_is_used_again(browser: Browser, origin: str) -> None:
    """The second test has the same page, without storage, cookies, scripts, routes,
    listeners, other pages and another size; what the first has begun does not go on."""
    tabs = Tabs(browser)
    heard: list[str] = []
    address = f"{origin}/test/office.js"
    with tabs.tab(viewport={"width": 300, "height": 300}) as first:
        first.on("console", lambda message: heard.append(message.text))
        first.run_first("window.first = 1;")
        first.page.route("**/late", lambda route: route.fulfill(body=""))
        first.page.goto(address)
        first.page.evaluate(LEAVE)
        first.page.set_viewport_size({"width": 200, "height": 200})
        first.change(color_scheme="dark")
        first.page.context.new_page()
    with tabs.tab(viewport={"width": 300, "height": 300}) as second:
        assert second is first
        asked: list[str] = []
        second.on("request", lambda request: asked.append(request.url))
        second.on("console", lambda message: heard.append(message.text))
        heard.clear()
        second.page.wait_for_timeout(50)
        assert (asked, heard) == ([], [])
        second.page.goto(f"{address}#again")
        assert second.page.evaluate(FIND) == [0, 0, "", None]
        assert second.page.evaluate("innerWidth") == 300
        assert not second.page.evaluate(
            "matchMedia('(prefers-color-scheme:dark)').matches"
        )
        assert len(second.page.context.pages) == 1
        assert asked == [address]
        late = second.page.evaluate("fetch('/late').then(answer => answer.status)")
        assert late == 404
    tabs.close()


def test_a_tab_gets_another_look(browser: Browser) -> None:
    """It is used again for another size, scheme, motion and colours."""
    tabs = Tabs(browser)
    with tabs.tab() as first:
        pass
    dark = {
        "color_scheme": "dark",
        "reduced_motion": "reduce",
        "forced_colors": "active",
    }
    with tabs.tab(viewport={"width": 300, "height": 300}, **dark) as second:
        assert second is first
        assert second.page.evaluate(LOOKS) == [300, True, True, True]
    with tabs.tab() as third:
        assert third is first
        assert third.page.evaluate(LOOKS) == [1280, False, False, False]
    tabs.close()


def test_tabs_that_are_not_used_again(browser: Browser) -> None:
    """One that a test has closed or spent is not, nor one with other options, nor one
    that is in use."""
    tabs = Tabs(browser)
    with tabs.tab() as first, tabs.tab() as beside:
        assert beside is not first
        first.page.close()
        beside.is_spent = True
    with tabs.tab(locale="en-GB") as other, tabs.tab() as last:
        assert len({first, beside, other, last}) == 4
    tabs.close()
