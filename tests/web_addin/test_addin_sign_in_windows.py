"""Windows that the pane did not open, and addresses that somebody else has seen."""

from urllib.parse import parse_qs, urlsplit

import pytest_twisted

from tests.web_addin.sign_in_support import OURS, SignInServer

COOKIE = "__Host-pexschedd-sign-in"


@pytest_twisted.ensureDeferred
async def test_a_window_that_the_pane_did_not_open(signing: SignInServer) -> None:
    """An address that came in a message asks first, and looking uses nothing up; the
    button of another site's page does not help."""
    begun = await signing.begin()
    for headers in ({}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "cross-site"}):
        for method in ("GET", "HEAD"):
            page = await signing.ask(method, f"1/{begun['start']}", **headers)
            assert page.status == 200
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (
        "Continue only if"
        in (await signing.ask("GET", f"1/{begun['start']}")).body.decode()
    )
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}):
        page = await signing.ask("POST", f"1/{begun['start']}", **headers)
        assert page.status == 403
    for headers in ({}, {"sec-fetch-site": "none"}, {"referer": "https://evil.test/"}):
        page = await signing.ask("POST", f"1/{begun['start']}", **headers)
        assert page.status == 403
    page = await signing.ask("POST", f"1/{begun['start']}", **OURS)
    assert page.status == 303
    again = await signing.ask("POST", f"1/{begun['start']}", **OURS)
    assert again.status == 400
    assert "not valid any more" in again.body.decode()


@pytest_twisted.ensureDeferred
async def test_a_provider_s_address_that_was_sent(signing: SignInServer) -> None:
    """Somebody who begins a sign-in and sends the provider's address to another person
    is not signed in as that person by their mere click: their browser is asked first,
    and no page of another site can answer for it."""
    begun = await signing.begin(token="alice")
    state = await signing.open_window(begun)
    back = f"oauth_redirect?code=c&state={state}"
    for cookie in ("", f"{COOKIE}=", f"{COOKIE}={'x' * 43}", f"{COOKIE}=%00"):
        page = await signing.ask("GET", back, cookie=cookie)
        assert (page.status, "set-cookie" in page.headers) == (200, False)
        assert "Continue only if" in page.body.decode()
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.test"},
        {"referer": "https://evil.test/"},
        {},
    ):
        assert (await signing.ask("POST", back, **headers)).status == 403
    assert await signing.progress(begun["attempt"]) == {"state": "waiting"}
    assert signing.bench.records.came == []
    page = await signing.ask("POST", back, cookie="", **OURS)
    assert page.status == 200
    assert (await signing.progress(begun["attempt"]))["state"] == "done"


@pytest_twisted.ensureDeferred
async def test_an_old_browser(signing: SignInServer) -> None:
    """A browser that only sends a referer can agree on our own page."""
    begun = await signing.begin()
    host = await signing.ask("GET", f"1/{begun['start']}", host="vc.test")
    assert host.status == 200
    page = await signing.ask(
        "POST", f"1/{begun['start']}", host="vc.test", referer="https://vc.test/x"
    )
    assert page.status == 303


@pytest_twisted.ensureDeferred
async def test_the_cookie_of_the_window(signing: SignInServer) -> None:
    """Only the step to the provider sets a cookie, which neither scripts nor other
    sites get; two windows of one browser share it, so that both come back."""
    states = []
    for _ in range(2):
        begun = await signing.begin()
        answer = await signing.ask("GET", f"1/{begun['start']}", **OURS)
        cookie = answer.headers["set-cookie"]
        for attribute in (
            "Path=/",
            "Max-Age=600",
            "Secure",
            "HttpOnly",
            "SameSite=Lax",
        ):
            assert f"; {attribute}" in cookie
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        states.append((query["state"][0], query["nonce"][0], begun["attempt"]))
        found = signing.bench.attempts.of_pane(1, begun["attempt"])
        assert found is not None
        signing.bench.idp.provider = found.provider
    for state, nonce, attempt in states:
        signing.bench.idp.nonce = nonce
        page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
        assert "set-cookie" not in page.headers
        assert (await signing.progress(attempt))["state"] == "done"


@pytest_twisted.ensureDeferred
async def test_replayed_addresses(signing: SignInServer) -> None:
    """A start address and a redirect are good once; the second time a page says so."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    again = await signing.ask("GET", f"1/{begun['start']}", **OURS)
    assert again.status == 400
    first = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    second = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert (first.status, second.status) == (200, 400)
    assert signing.bench.idp.issued == 1


@pytest_twisted.ensureDeferred
async def test_a_look_at_the_redirect(signing: SignInServer) -> None:
    """A HEAD request for the redirect's address uses up neither state nor code, and an
    argument that is given twice does not count."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    await signing.ask("HEAD", f"oauth_redirect?code=c&state={state}")
    twice = f"oauth_redirect?code=c&state={state}&state={state}"
    assert (await signing.ask("GET", twice)).status == 400
    page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert page.status == 200


@pytest_twisted.ensureDeferred
async def test_a_stolen_attempt(signing: SignInServer) -> None:
    """Without the pane's secret there is no session, and the answer does not tell an
    invented secret from one that is over."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    code = begun["start"].rpartition("/")[2]
    for secret in ("", "x", code, state, begun["attempt"] + "x"):
        failed = await signing.progress(secret)
        assert (failed["state"], failed["code"]) == ("failed", "sign_in_over")
