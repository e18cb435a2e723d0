"""Presses and looks by a script in the page ask for what a person would need."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from tests.browser import in_page
from tests.browser.tabs import Tabs

PAGE = """<!doctype html>
<style>
  #covered, #cover { position: absolute; inset: 500px auto auto 0; height: 50px; }
  #covered, #cover { width: 99px; }
  #far { margin-top: 3000px; display: block; }
</style>
<p>A  <b>text</b><span hidden>more</span></p>
<button id="hidden" hidden>Hidden</button>
<button id="disabled" disabled>Disabled</button>
<div inert><button id="inert">Inert</button></div>
<button id="aria" aria-disabled="true">Busy</button>
<button id="covered">Covered</button><div id="cover"></div>
<button class="twin">One</button><button class="twin">Other</button>
<label>Field <input id="field" oninput="document.title = this.value"></label>
<iframe id="frame" srcdoc="<p>Inside</p>"></iframe>
<input id="far" onfocus="this.value = 'focused'" onclick="this.value += ', pressed'">
<script>
  window.pressed = [];
  addEventListener("click", event => pressed.push(event.target.textContent));
</script>"""


@pytest.fixture
def page(tabs: Tabs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page with parts of all kinds, on which nothing is waited for."""
    monkeypatch.setattr(in_page, "WAIT_MS", 0)
    with tabs.tab() as tab:
        tab.page.goto(f"data:text/html,{quote(PAGE)}")
        yield tab.page


def test_what_cannot_be_pressed(page: Page) -> None:
    """A part that cannot be pressed is refused, with the reason."""
    for selector, reason in (
        ("#nowhere", "is not there"),
        ("#hidden", "is not visible"),
        ("#disabled", "is disabled"),
        ("#inert", "is disabled"),
        ("#aria", "is disabled"),
        ("#covered", "lies beneath something else"),
    ):
        with pytest.raises(AssertionError, match=f"^{selector} {reason}"):
            in_page.press(page, selector)
    page.evaluate("window.pexschedd = { view: { settled: () => false } }")
    with pytest.raises(AssertionError, match="takes no press yet"):
        in_page.press(page, ".twin")
    assert page.evaluate("pressed") == []


def test_presses_and_entries(page: Page) -> None:
    """The part is scrolled to, gets the focus and the press; a field its text."""
    in_page.press(page, "#far")
    assert page.evaluate("document.getElementById('far').value") == "focused, pressed"
    in_page.press(page, ".twin", "Other")
    assert page.evaluate("pressed.at(-1)") == "Other"
    in_page.write(page, "#field", "Entered")
    assert page.title() == "Entered"


def test_looks(page: Page) -> None:
    """A text is what is seen, white space aside; what is missing is said."""
    in_page.reads(page, "p", "A text")
    in_page.reads(page, "#frame >> p", "Inside")
    in_page.tells(page, "p", "A", "text")
    in_page.shows(page, "p")
    in_page.hides(page, "#hidden")
    in_page.hides(page, "#nowhere")
    in_page.shows(page, "button", "Other")
    in_page.hides(page, "button", "Third")
    with pytest.raises(AssertionError, match=r'^p is "A text", not A'):
        in_page.reads(page, "p", "A")
    with pytest.raises(AssertionError, match=r'^p is "A text", without more'):
        in_page.tells(page, "p", "text", "more")
    with pytest.raises(AssertionError, match=r"^#hidden is not visible"):
        in_page.shows(page, "#hidden")
    with pytest.raises(AssertionError, match=r"^p is visible"):
        in_page.hides(page, "p")


def test_what_comes_later(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for."""
    monkeypatch.setattr(in_page, "WAIT_MS", 15_000)
    page.evaluate("setTimeout(() => { document.querySelector('p').textContent = 'B' })")
    in_page.reads(page, "p", "B")
