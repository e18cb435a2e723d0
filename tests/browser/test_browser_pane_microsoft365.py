"""The pane with Microsoft 365's tokens, from a pretended sign-in library."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.browser.pane_page import TAG, Open, Pane
from tests.browser.tabs import Tabs

AUTH = {
    "method": "NAA_TOKEN",
    "offline": False,
    "clientId": "client",
    "authority": "https://login.example.test/tenant",
    "scope": "api://api/access_as_user",
    "msal": "msal.js",
}
MSAL = """window.asked = [];
window.msal = { createNestablePublicClientApplication: configuration => {
  asked.push(['made', configuration.auth]);
  return Promise.resolve({
    acquireTokenSilent: request => {
      asked.push(['silent', request.scopes]);
      return window.silent ? Promise.resolve({accessToken: 'good silent'})
        : Promise.reject({errorCode: 'interaction_required'});
    },
    acquireTokenPopup: request => {
      asked.push(['popup', request.scopes]);
      return window.declined ? Promise.reject({errorCode: 'user_cancelled'})
        : Promise.resolve({accessToken: 'good popup'});
    }
  });
} };"""


@pytest.fixture
def open_pane(tabs: Tabs, origin: str) -> Iterator[Open]:
    """Opens a pane whose integration has such tokens; its arguments are of the page's
    window."""
    with tabs.tab(viewport={"width": 320, "height": 560}) as tab:
        pane = Pane(tab, origin)
        yield partial(opened, pane, origin)
        pane.forget_answers()
    assert pane.refused == []


def opened(pane: Pane, origin: str, **state: Any) -> Pane:
    settings = json.dumps(state.pop("auth", AUTH))
    pane.tab.run_first(state.pop("script", ""))
    outlook = state.pop("outlook", {})
    state["outlook"] = {"naa": True, **outlook}
    for name, value in state.items():
        pane.tab.run_first(f"window.{name} = {json.dumps(value)};")

    def page(route: Route) -> None:
        answer = route.fetch()
        auth = f'"auth":{settings}'
        body, replaced = re.subn(r'"auth":\{[^}]*\}', auth, answer.text())
        assert replaced == 1
        route.fulfill(response=answer, body=body)

    pane.page.route("**/addin", page)
    pane.page.route(
        "**/msal.js",
        lambda route: route.fulfill(body=MSAL, content_type="text/javascript"),
    )
    pane.answer("meeting_details", {"instructions": TAG, "alias_id": TAG})
    pane.page.goto(f"{origin}/api/client/v2/msexchange_schedulers/1/addin")
    return pane


@pytest.mark.parametrize("silent", [True, False])
def test_a_token_of_our_own_api(open_pane: Open, silent: bool) -> None:
    """The token is got without a window if it can be, else by asking the user."""
    pane = open_pane(silent=silent)
    pane.shows("#action")
    assert pane.page.evaluate("window.asked === undefined")
    pane.press("add")
    pane.reach("Success")
    token = pane.asked[0]["headers"]["token"]
    assert token == ("good silent" if silent else "good popup")
    asked = pane.page.evaluate("asked")
    made = {"clientId": "client", "authority": "https://login.example.test/tenant"}
    assert asked[0] == ["made", made]
    assert asked[1:] == [
        [how, ["api://api/access_as_user"]]
        for how in (["silent"] if silent else ["silent", "popup"])
    ]
    assert pane.calls("getUserIdentityTokenAsync") == 0


def test_no_window_without_a_press(open_pane: Open) -> None:
    """A tag that is found on opening is asked about without a window, or not at all."""
    pane = open_pane(silent=False, outlook={"body": TAG})
    pane.reach("The room is not invited")
    pane.told("could not be checked")
    assert [how for how, _ in pane.page.evaluate("asked")] == ["made", "silent"]


def test_the_user_declines(open_pane: Open) -> None:
    """That is an error with its reason, and the next press asks again."""
    pane = open_pane(silent=False, declined=True)
    pane.press("add")
    pane.reach("Error")
    pane.told("user_cancelled")
    pane.page.evaluate("window.declined = false")
    pane.press("retry")
    pane.reach("Success")


def test_an_outlook_that_cannot(open_pane: Open) -> None:
    """Without nested sign-in the library is not loaded, and the pane says why."""
    pane = open_pane(outlook={"naa": False})
    pane.press("add")
    pane.reach("Error")
    pane.told("cannot sign you in to Microsoft 365")
    assert "retry" not in pane.actions
    assert pane.page.evaluate("window.msal === undefined")


def test_these_tokens_do_not_wait(open_pane: Open) -> None:
    """Without the server there is an error, and no placeholder with such a token."""
    pane = open_pane(silent=True)
    pane.page.route("**/meeting_details", lambda route: route.fulfill(status=503))
    pane.press("add")
    pane.reach("Error")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
    assert pane.actions.count("retry") == 1


SINGLE = """window.asked = [];
window.OfficeRuntime = { auth: { getAccessToken: options => {
  asked.push(options);
  if (window.code) { return Promise.reject({code: window.code, message: 'no'}); }
  return window.signedIn || options.allowSignInPrompt
    ? Promise.resolve('good single') : Promise.reject({code: 13001});
} } };"""


@pytest.mark.parametrize("code", [0, 13002, 13012])
def test_a_token_of_single_sign_on(open_pane: Open, code: int) -> None:
    """Outlook's own sign-on gives the token; where it has none, a newer one is asked
    for, and what the user has broken off can be tried again."""
    auth = {"method": "SSO_TOKEN", "offline": False}
    pane = open_pane(auth=auth, script=SINGLE, code=code)
    pane.press("add")
    if code:
        pane.reach("Error")
        assert pane.actions.count("retry") == (code == 13002)
        assert pane.asked == []
        return
    pane.reach("Success")
    assert pane.asked[0]["headers"]["token"] == "good single"
    asked = pane.page.evaluate("asked")
    assert asked[-1] == {"allowSignInPrompt": True, "allowConsentPrompt": True}
