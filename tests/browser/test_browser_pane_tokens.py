"""The pane in a real browser: tokens of Microsoft 365.

Nested app authentication is played with Microsoft's own library; behind it is the
bridge with which Outlook answers it.
"""

from typing import Any

import pytest

from pexschedd.web.addin.msal.library import NAME, MsalLibrary
from tests.browser.pane_page import API, APP, DOWN, INVITED, TAG, Open, Pane

NAA, SSO = 12, 13
DETAILS = {
    "room_name": INVITED["displayName"],
    "room_email": INVITED["emailAddress"],
    "alias_id": TAG,
    "instructions": f"<div>Join:<br>{TAG}<br></div>",
}

BRIDGE = """(() => {
  const part = (value) => btoa(JSON.stringify(value)).replace(/=+$/, '');
  const tenant = '11111111-2222-3333-4444-555555555555';
  const id = part({ alg: 'none' }) + '.' + part({
    oid: 'o', tid: tenant, sub: 's', aud: 'a', preferred_username: 'alice@example.test',
    iss: 'https://login.microsoftonline.com/' + tenant + '/v2.0' }) + '.c2ln';
  const listeners = [];
  window.asked = [];
  function answered(request) {
    if (request.method === 'GetInitContext') {
      return { success: true, initContext: { sdkName: 'test', sdkVersion: '1' } };
    }
    if (request.method === 'GetToken' && outlook.nested.asks) {
      return { success: false, error: { status: 'USER_INTERACTION_REQUIRED' } };
    }
    if (outlook.nested.refuses) {
      return { success: false, error: { status: 'USER_CANCEL', description: 'no' } };
    }
    return { success: true,
      account: { environment: 'login.microsoftonline.com', localAccountId: 'o',
                 tenantId: tenant, username: 'alice@example.test' },
      token: { access_token: outlook.nested.token || 'good', id_token: id,
               expires_in: 3600, scope: request.tokenParams.scope } };
  }
  window.nestedAppAuthBridge = {
    addEventListener: (type, act) => listeners.push(act),
    postMessage: (text) => {
      const request = JSON.parse(text);
      window.asked.push(request);
      const answer = Object.assign({ messageType: 'NestedAppAuthResponse',
        requestId: request.requestId }, answered(request));
      setTimeout(() => listeners.forEach((act) => act(JSON.stringify(answer))), 0);
    }
  };
})();"""

installed = pytest.mark.skipif(
    not MsalLibrary().is_installed(),
    reason="Microsoft's library is not installed: run `make msal`",
)


def nested_pane(open_pane: Open, **nested: Any) -> Pane:
    """The pane, opened again with the bridge, which has to be there first."""
    pane = open_pane(NAA, answers={"meeting_details": DETAILS}, naa=True, nested=nested)
    pane.tab.run_first(BRIDGE)
    pane.page.reload()
    return pane


def requests(pane: Pane) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pane.page.evaluate("window.asked")
    return found


@installed
def test_nested_app_authentication(open_pane: Open) -> None:
    """Outlook gives the token for our API without asking; it is kept nowhere."""
    pane = nested_pane(open_pane, token="nested-token")
    pane.press("add")
    pane.reach("Success")
    (booking,) = [each for each in pane.asked if each["path"] == "meeting_details"]
    assert booking["headers"]["token"] == "nested-token"
    asked = [each for each in requests(pane) if each["method"] != "GetInitContext"]
    assert {each["method"] for each in asked} == {"GetToken"}
    assert {each["tokenParams"]["clientId"] for each in asked} == {APP}
    scopes = asked[0]["tokenParams"]["scope"].split()
    assert f"api://{API}/.default" in scopes
    kept = "JSON.stringify([localStorage, sessionStorage]) + document.cookie"
    assert "nested-token" not in pane.page.evaluate(kept)


@installed
def test_a_user_who_has_to_agree(open_pane: Open) -> None:
    """Where Outlook cannot do it silently, the press of the button asks the user."""
    pane = nested_pane(open_pane, asks=True)
    pane.press("add")
    pane.reach("Success")
    methods = [each["method"] for each in requests(pane)]
    assert methods.count("GetTokenPopup") == 1


@installed
def test_a_user_who_refuses(open_pane: Open) -> None:
    """The pane says so, writes nothing, and can be pressed again."""
    pane = nested_pane(open_pane, asks=True, refuses=True)
    pane.press("add")
    pane.reach("Error")
    pane.told("Outlook could not sign you in")
    assert pane.outlook("body") == ""
    assert pane.outlook("required") == []


@installed
def test_no_token_waits_in_an_invitation(open_pane: Open) -> None:
    """While the server is down nothing is written: an access token would be read by
    everybody who is invited, and be good no more when the server is back."""
    pane = open_pane(NAA, naa=True, nested={"token": DOWN})
    pane.tab.run_first(BRIDGE)
    pane.page.reload()
    pane.press("add")
    pane.reach("Error")
    assert pane.outlook("body") == ""
    assert pane.outlook("required") == []


def test_an_outlook_without_it(open_pane: Open) -> None:
    """An older Outlook is told what to use instead, and loads no library."""
    pane = open_pane(NAA, answers={"meeting_details": DETAILS})
    pane.press("add")
    pane.told("Use a newer Outlook")
    loaded = pane.page.evaluate(
        "performance.getEntriesByType('resource').map(one => one.name)"
    )
    assert not [each for each in loaded if each.endswith(NAME)]


def test_through_office(open_pane: Open) -> None:
    """Office gives the token, and no library of Microsoft's is needed."""
    pane = open_pane(
        SSO, answers={"meeting_details": DETAILS}, sso={"token": "office-token"}
    )
    pane.press("add")
    pane.reach("Success")
    (booking,) = [each for each in pane.asked if each["path"] == "meeting_details"]
    assert booking["headers"]["token"] == "office-token"
    assert pane.calls("getAccessToken") >= 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"code": 13012, "message": "Not here"}, "Use a newer Outlook"),
        ({"code": 13003, "message": "Not this account"}, "Use a newer Outlook"),
        ({"code": 13002, "message": "Cancelled"}, "Cancelled"),
        (None, "Use a newer Outlook"),
    ],
    ids=["platform", "account", "cancelled", "no set"],
)
def test_office_refuses(open_pane: Open, answer: Any, words: str) -> None:
    """Office's reason is shown, and nothing is written."""
    pane = open_pane(SSO, answers={"meeting_details": DETAILS}, sso=answer)
    pane.press("add")
    pane.told(words)
    assert pane.outlook("body") == ""
