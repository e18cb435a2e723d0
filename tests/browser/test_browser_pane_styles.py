"""Administrators' styles in a real browser, under the pane's policy."""

import pytest
from playwright.sync_api import Browser, Page, Route

from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.headers import content_security_policy
from pexschedd.web.addin.sanitiser import sanitise
from pexschedd.web.addin.static import load_static

ADDRESS = "https://addin.example.test"
CONNECTOR = Connector(id=1, uuid="1", name="Head office", addin_server_domain="vc.test")


def shown(browser: Browser, html: str) -> tuple[Page, list[str]]:
    """A page with the text `html`, and what the browser complains of."""
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def answer(route: Route) -> None:
        if route.request.url.endswith("/s.js"):
            script = load_static()["pane-styles.js"]
            route.fulfill(body=script.content, content_type="text/javascript")
            return
        route.fulfill(
            body=f"<!DOCTYPE html><main>{html}</main><script src='s.js'></script>",
            content_type="text/html; charset=utf-8",
            headers={"content-security-policy": content_security_policy(CONNECTOR)},
        )

    page.route("**/*", answer)
    page.goto(f"{ADDRESS}/page")
    return page, complaints


def style_of(page: Page, selector: str, name: str) -> str:
    script = "(element, name) => getComputedStyle(element).getPropertyValue(name)"
    return str(page.locator(selector).evaluate(script, name))


@pytest.fixture
def styled(browser: Browser) -> Page:
    text = (
        '<p style="color: rgb(1, 2, 3); font-size: 12pt; margin: 4px 8px; '
        "font-family: 'Courier New', monospace; position: fixed\">a</p>"
        '<font color="#ff0000">b</font>'
    )
    page, complaints = shown(browser, sanitise(text))
    assert complaints == []
    return page


def test_styles_take_effect(styled: Page) -> None:
    """The safe ones do, although the policy forbids style attributes; others do not."""
    assert style_of(styled, "p", "color") == "rgb(1, 2, 3)"
    assert style_of(styled, "p", "font-size") == "16px"
    assert style_of(styled, "p", "margin-left") == "8px"
    assert "Courier New" in style_of(styled, "p", "font-family")
    assert style_of(styled, "p", "position") == "static"
    assert style_of(styled, "font", "color") == "rgb(255, 0, 0)"


def test_texts_that_come_later(styled: Page) -> None:
    """What a script puts into the page gets its styles by `apply`."""
    styled.evaluate(
        "html => { var main = document.querySelector('main'); main.innerHTML = html;"
        " window.pexschedd.styles.apply(main); }",
        sanitise('<b style="color: rgb(4, 5, 6)">b</b>'),
    )
    assert style_of(styled, "b", "color") == "rgb(4, 5, 6)"


def test_the_policy_alone_would_drop_them(browser: Browser) -> None:
    """A style attribute has no effect here: this is why there is a script."""
    page, complaints = shown(browser, '<p style="color: rgb(1, 2, 3)">a</p>')
    assert style_of(page, "p", "color") == "rgb(0, 0, 0)"
    assert any("style" in text for text in complaints)
