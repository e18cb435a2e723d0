"""The pane with Microsoft 365's tokens, from a pretended sign-in library."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.pane_page import TAG, Pane

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


def opened(browser: Browser, origin: str, **state: Any) -> Pane:
    """A pane whose integration has such tokens; `state` is of the page's window."""
    context = browser.new_context(viewport={"width": 320, "height": 560})
    pane = Pane(context.new_page())
    settings = json.dumps(state.pop("auth", AUTH))
    pane.page.add_init_script(state.pop("script", ""))
    outlook = state.pop("outlook", {})
    state["outlook"] = {"naa": True, **outlook}
    for name, value in state.items():
        pane.page.add_init_script(f"window.{name} = {json.dumps(value)};")

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
def test_a_token_of_our_own_api(browser: Browser, origin: str, silent: bool) -> None:
    """The token is got without a window if it can be, else by asking the user."""
    pane = opened(browser, origin, silent=silent)
    expect(pane.button).to_be_visible()
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
    pane.page.context.close()
    assert pane.refused == []


def test_no_window_without_a_press(browser: Browser, origin: str) -> None:
    """A tag that is found on opening is asked about without a window, or not at all."""
    pane = opened(browser, origin, silent=False, outlook={"body": TAG})
    pane.reach("The room is not invited")
    expect(pane.card).to_contain_text("could not be checked")
    assert [how for how, _ in pane.page.evaluate("asked")] == ["made", "silent"]
    pane.page.context.close()


def test_the_user_declines(browser: Browser, origin: str) -> None:
    """That is an error with its reason, and the next press asks again."""
    pane = opened(browser, origin, silent=False, declined=True)
    pane.press("add")
    pane.reach("Error")
    expect(pane.card).to_contain_text("user_cancelled")
    pane.page.evaluate("window.declined = false")
    pane.press("retry")
    pane.reach("Success")
    pane.page.context.close()


def test_an_outlook_that_cannot(browser: Browser, origin: str) -> None:
    """Without nested sign-in the library is not loaded, and the pane says why."""
    pane = opened(browser, origin, outlook={"naa": False})
    pane.press("add")
    pane.reach("Error")
    expect(pane.card).to_contain_text("cannot sign you in to Microsoft 365")
    expect(pane.page.locator('[data-action="retry"]')).to_have_count(0)
    assert pane.page.evaluate("window.msal === undefined")
    pane.page.context.close()


def test_these_tokens_do_not_wait(browser: Browser, origin: str) -> None:
    """Without the server there is an error, and no placeholder with such a token."""
    pane = opened(browser, origin, silent=True)
    pane.page.route("**/meeting_details", lambda route: route.fulfill(status=503))
    pane.press("add")
    pane.reach("Error")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
    expect(pane.page.locator('[data-action="retry"]')).to_have_count(1)
    pane.page.context.close()


SINGLE = """window.asked = [];
window.OfficeRuntime = { auth: { getAccessToken: options => {
  asked.push(options);
  if (window.code) { return Promise.reject({code: window.code, message: 'no'}); }
  return window.signedIn || options.allowSignInPrompt
    ? Promise.resolve('good single') : Promise.reject({code: 13001});
} } };"""


@pytest.mark.parametrize("code", [0, 13002, 13012])
def test_a_token_of_single_sign_on(browser: Browser, origin: str, code: int) -> None:
    """Outlook's own sign-on gives the token; where it has none, a newer one is asked
    for, and what the user has broken off can be tried again."""
    auth = {"method": "SSO_TOKEN", "offline": False}
    pane = opened(browser, origin, auth=auth, script=SINGLE, code=code)
    pane.press("add")
    if code:
        pane.reach("Error")
        again = pane.page.get_by_role("button", name="Try again")
        expect(again).to_have_count(1 if code == 13002 else 0)
        assert pane.asked == []
        return
    pane.reach("Success")
    assert pane.asked[0]["headers"]["token"] == "good single"
    asked = pane.page.evaluate("asked")
    assert asked[-1] == {"allowSignInPrompt": True, "allowConsentPrompt": True}
