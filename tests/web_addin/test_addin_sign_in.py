"""The routes of users' sign-in: the pane's requests, from the first to signing out."""

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.history.audit_entries import HeardSignIn
from tests.identity.personal.provider_support import EMAIL, SIGNING_IN
from tests.web_addin.sign_in_support import OURS, SignInServer


@pytest.mark.parametrize("slash", ["", "/"])
@pytest_twisted.ensureDeferred
async def test_the_whole_way(signing: SignInServer, slash: str) -> None:
    """The pane begins, the window comes back, with or without a slash at the end of its
    address, and the pane gets the session and the user."""
    begun = await signing.begin(token="alice")
    assert begun["expires_in"] == 600
    assert (await signing.progress(begun["attempt"])) == {"state": "waiting"}
    state = await signing.open_window(begun)
    page = await signing.ask("GET", f"oauth_redirect{slash}?code=c&state={state}")
    assert page.status == 200
    assert "Alice A" in page.body.decode()
    assert EMAIL in page.body.decode()
    done = await signing.progress(begun["attempt"])
    assert (done["state"], done["user"]) == (
        "done",
        {"name": "Alice A", "email": EMAIL},
    )
    assert signing.bench.sessions.user_of(1, done["session"]) == 7
    assert signing.bench.records.came[0][1] == "alice https://mail"
    assert signing.counted == [("Head office", "done")]
    assert signing.heard == [
        HeardSignIn(
            kind="user",
            outcome="accepted",
            account=EMAIL,
            method="openid",
            resource="ms_exchange_connector",
            object_id=1,
            object_name="Head office",
            address="127.0.0.1",
            correlation_id=page.headers["x-request-id"],
        )
    ]
    assert done["session"] not in page.body.decode()


@pytest.mark.parametrize(
    ("error", "code", "again"),
    [
        ("invalid_client", "provider_refuses", False),
        ("invalid_grant", "code_refused", True),
    ],
)
@pytest_twisted.ensureDeferred
async def test_trying_again(
    signing: SignInServer, error: str, code: str, again: bool
) -> None:
    """Pane and window offer it only where it can help; to a refused code the user need
    not ask an administrator."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    idp = signing.bench.idp
    idp.answers[idp.token_path] = (400, {"error": error})
    page = (await signing.ask("GET", f"oauth_redirect?code=c&state={state}")).body
    failed = await signing.progress(begun["attempt"])
    assert (failed["code"], failed["retry"]) == (code, again)
    assert ("administrator" in failed["message"]) is not again
    assert (b"to try again." in page) is again
    assert (SIGNING_IN.encode() in page) is again


@pytest_twisted.ensureDeferred
async def test_cancelled(signing: SignInServer) -> None:
    """A cancelled attempt is over for the pane and for the window."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    answer = await signing.ask("DELETE", "1/sign_in", attempt=begun["attempt"])
    assert answer.status == 200
    assert (await signing.progress(begun["attempt"]))["code"] == "sign_in_over"
    page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert page.status == 400


@pytest_twisted.ensureDeferred
async def test_signing_out(signing: SignInServer) -> None:
    """The session ends, and the Exchange user of session and token is forgotten."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    session = (await signing.progress(begun["attempt"]))["session"]
    answer = await signing.ask("DELETE", "1/session", session=session, token="alice")
    assert answer.status == 200
    assert signing.bench.sessions.user_of(1, session) is None
    assert signing.bench.records.left == [(7, "alice https://mail")]
    answer = await signing.ask("DELETE", "1/session", session=session, token="bob")
    assert answer.status == 200
    assert len(signing.bench.records.left) == 1


@pytest_twisted.ensureDeferred
async def test_a_token_that_is_refused(signing: SignInServer) -> None:
    """The sign-in works without a valid token; nothing is remembered of that one."""
    begun = await signing.begin(token="forged")
    state = await signing.open_window(begun)
    await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert signing.bench.records.came[0][1] == ""


@pytest_twisted.ensureDeferred
async def test_a_token_that_has_come_by_mail(signing: SignInServer) -> None:
    """The sign-in works with a token that others can have read, and its Exchange user
    becomes nobody's; nor does it sign out anybody but the session's own user."""
    signing.mailed.add("alice")
    begun = await signing.begin(token="alice")
    state = await signing.open_window(begun)
    await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert signing.bench.records.came[0][1] == ""
    session = (await signing.progress(begun["attempt"]))["session"]
    assert signing.bench.sessions.user_of(1, session) == 7
    for headers in ({}, {"session": session}):
        answer = await signing.ask("DELETE", "1/session", token="alice", **headers)
        assert answer.status == 200
    assert signing.bench.sessions.user_of(1, session) is None
    assert signing.bench.records.left == [(7, "")]
    signing.mailed.clear()
    await signing.ask("DELETE", "1/session", token="alice")
    assert signing.bench.records.left[1:] == [(None, "alice https://mail")]


@pytest_twisted.ensureDeferred
async def test_personal_rooms_are_off(signing: SignInServer) -> None:
    """Without personal rooms nobody signs in."""
    signing.bench.connector = replace(signing.bench.known, enable_personal_vmrs=False)
    answer = await signing.ask("POST", "1/sign_in")
    assert (answer.status, answer.json["code"]) == (404, "personal_rooms_off")
    answer = await signing.ask("POST", "2/sign_in")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    page = await signing.ask("GET", "1/sign_in/start/x", **OURS)
    assert page.status == 404
    assert page.headers["content-type"].startswith("text/html")


@pytest_twisted.ensureDeferred
async def test_a_rate(signing: SignInServer) -> None:
    """One client cannot begin sign-ins, or sign out, as fast as it likes, however many
    addresses its IPv6 network has."""
    for number in range(5):
        await signing.begin(x_forwarded_for=f"2001:db8::{number}")
    answer = await signing.ask("POST", "1/sign_in", x_forwarded_for="2001:db8::99:1")
    assert (answer.status, answer.json["code"]) == (429, "too_many_requests")
    await signing.begin(x_forwarded_for="2001:db8:0:1::1")
    for number in range(5):
        await signing.begin(x_forwarded_for=f"::ffff:192.0.2.{number}")
    for _ in range(5):
        await signing.begin()
    answer = await signing.ask("DELETE", "1/session", token="alice")
    assert (answer.status, signing.bench.records.left) == (429, [])
    answer = await signing.ask("POST", "1/sign_in")
    assert (answer.status, answer.json["code"]) == (429, "too_many_requests")
    assert int(answer.headers["retry-after"]) > 0
