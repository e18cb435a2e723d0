"""The routes of users' sign-in: the pane's requests, and the pages of the window."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_twisted
import treq
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from pexschedd.errors import InvalidToken
from pexschedd.history.audit_entries import HeardSignIn
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.store.secrets import SecretVault
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from pexschedd.web.addin.route_groups import PREFIX, AddinRouteGroups
from pexschedd.web.addin.sign_in import UserSignInRoutes
from pexschedd.web.addin.sign_in_pages import UserSignInPages
from pexschedd.web.site import HttpSite
from tests.identity.personal.provider_support import (
    EMAIL,
    GETTING,
    SIGNING_IN,
    SignInBench,
    bench_with,
)
from tests.web_addin.addin_support import Answer

OURS = {"sec-fetch-site": "same-origin"}
COOKIE = "__Host-pexschedd-sign-in"


class SignInServer:
    """The routes on a port of loopback, with a provider of Azure's kind."""

    def __init__(self, bench: SignInBench, rates: RequestRates) -> None:
        self.bench = bench
        self.counted: list[tuple[str, str]] = []
        self.heard: list[HeardSignIn] = []
        self.cookie = ""
        self.mailed: set[str] = set()
        routes = UserSignInRoutes(
            lambda id: bench.connector if id == 1 else None,
            self.verify,
            self.mailed.__contains__,
            bench.sign_ins,
            UserSignInPages(),
            rates,
            lambda integration, outcome: self.counted.append((integration, outcome)),
            self.heard.append,
        )
        self._site = HttpSite(
            AddinRouteGroups(routes.app.resource(), {}), reactor, None
        )
        self._port: IListeningPort | None = None

    async def verify(self, connector: Connector, token: str) -> VerifiedUser:
        if token != "alice":
            raise InvalidToken("The token's signature is wrong.")
        return VerifiedUser("alice https://mail")

    async def listen(self) -> None:
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._port = await endpoint.listen(self._site)

    async def close(self) -> None:
        assert self._port is not None
        await maybeDeferred(self._port.stopListening)

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        """`path` is relative to the add-in's prefix. The one cookie is kept."""
        headers = {"cookie": self.cookie, **headers}
        assert self._port is not None
        address = self._port.getHost()
        assert isinstance(address, IPv4Address)
        response = await Agent(reactor).request(
            method.encode(),
            f"http://127.0.0.1:{address.port}{PREFIX}/{path}".encode(),
            Headers({name.replace("_", "-"): [text] for name, text in headers.items()}),
        )
        body = await treq.content(response)
        got = {
            name.decode().lower(): values[0].decode()
            for name, values in response.headers.getAllRawHeaders()
        }
        self.cookie = got.get("set-cookie", self.cookie).partition(";")[0]
        return Answer(response.code, got, body)

    async def begin(self, **headers: str) -> dict[str, Any]:
        answer = await self.ask("POST", "1/sign_in", **headers)
        assert answer.status == 200, answer.body
        return dict(answer.json["result"])

    async def progress(self, attempt: str) -> dict[str, Any]:
        answer = await self.ask("GET", "1/sign_in", attempt=attempt)
        assert answer.status == 200
        return dict(answer.json["result"])

    async def open_window(self, begun: dict[str, Any]) -> str:
        """Open the window as the pane does; return the state at the provider."""
        answer = await self.ask("GET", f"1/{begun['start']}", **OURS)
        assert answer.status == 303
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        found = self.bench.attempts.of_pane(1, begun["attempt"])
        assert found is not None
        self.bench.idp.provider = found.provider
        self.bench.idp.nonce = query["nonce"][0]
        return query["state"][0]


@pytest_twisted.async_yield_fixture()
async def signing() -> AsyncIterator[SignInServer]:
    bench = bench_with(SecretVault(b"k" * 32))
    bench.play("AZURE")
    rates = RequestRates(NO_BOUND, Rate(5, 1), bench.clock.seconds)
    server = SignInServer(bench, rates)
    await server.listen()
    yield server
    await server.close()
    await bench.close()


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


@pytest_twisted.ensureDeferred
async def test_the_closing_page(signing: SignInServer) -> None:
    """The page that ends a sign-in may be held by no frame, keeps its opener, runs only
    our script and Office.js, and helps who was signed in as another person."""
    signing.bench.idp.changes = {"name": "<script>alert(1)</script>"}
    state = await signing.open_window(await signing.begin())
    page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    text = page.body.decode()
    assert "<script>alert" not in text
    assert "Not you?" in text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' https://appsforoffice.microsoft.com" in policy
    assert "unsafe" not in policy
    assert "cross-origin-opener-policy" not in page.headers
    assert "set-cookie" not in page.headers
    assert page.headers["cache-control"] == "no-store"
    assert "signed-in.js" in text


@pytest_twisted.ensureDeferred
async def test_a_failed_sign_in(signing: SignInServer) -> None:
    """Window and pane show the administrator's text, the reason and one reference; the
    page does not close itself, and shows nothing of its address."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    page = await signing.ask(
        "GET",
        f"oauth_redirect?error=access_denied&error_description=%3Cb%3Eevil&state={state}",
    )
    assert page.status == 400
    text = page.body.decode()
    assert SIGNING_IN in text
    assert "evil" not in text
    assert "<script" not in text
    failed = await signing.progress(begun["attempt"])
    assert failed["state"] == "failed"
    assert (failed["code"], failed["text"]) == ("sign_in_declined", SIGNING_IN)
    assert failed["correlation_id"] == page.headers["x-request-id"]
    assert failed["correlation_id"] in text
    assert "session" not in failed
    assert signing.counted == [("Head office", "sign_in_declined")]
    (heard,) = signing.heard
    assert (heard.outcome, heard.reason) == ("refused", "sign_in_declined")
    assert (heard.account, heard.object_name) == ("", "Head office")
    await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert len(signing.heard) == 1  # an answer to nothing that was begun is no sign-in


@pytest_twisted.ensureDeferred
async def test_an_unknown_user(signing: SignInServer) -> None:
    """A user who may not come in sees the text for rooms that could not be had."""
    signing.bench.records.allowed = False
    begun = await signing.begin()
    state = await signing.open_window(begun)
    page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    failed = await signing.progress(begun["attempt"])
    assert (failed["code"], failed["text"]) == ("unknown_user", GETTING)
    assert failed["text_field"] == "addin_pane_personal_vmr_error_getting_message"
    assert GETTING in page.body.decode()


SAID = {
    "de": ("Für Outlook anmelden?", "Nicht angemeldet", "noch einmal zu versuchen"),
    "fr": ("Se connecter pour Outlook", "Connexion échouée", "pour réessayer"),
    "es": ("¿Iniciar sesión para Outlook?", "No se ha iniciado sesión", "intentarlo"),
    "nl": ("Aanmelden voor Outlook?", "Niet aangemeld", "opnieuw te proberen"),
    "nb": ("Logge på for Outlook?", "Ikke pålogget", "for å prøve på nytt"),
    "ar": ("هل تريد تسجيل الدخول من أجل Outlook؟", "لم يتم", "للمحاولة مرة أخرى"),
    "en": ("Sign in for Outlook?", "Not signed in", "to try again"),
}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("xx, en;q=0.1, fr-CA;q=0.7", "fr"),
        ("es", "es"),
        ("nl-BE", "nl"),
        ("nn-NO", "nb"),
        ("ar-EG", "ar"),
        ("ja, zz;q=x, de;q=0, *", "en"),
        ("", "en"),
        ('"><script>' + "a-" * 400, "en"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_language_of_the_windows(
    signing: SignInServer, accepted: str, language: str
) -> None:
    """The question and a page of a sign-in that is not known are in the browser's
    language, and say which it is."""
    direction = "rtl" if language == "ar" else "ltr"
    question, heading, again = SAID[language]
    begun = await signing.begin()
    headers = {"accept_language": accepted}
    page = await signing.ask("GET", f"1/{begun['start']}", **headers)
    text = page.body.decode()
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert question in text
    page = await signing.ask("GET", "oauth_redirect?state=x", **headers)
    text = page.body.decode()
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert heading in text
    assert text.count(again) == 1
    assert text.count("Outlook") == 1
    assert 'class="text"' not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("pane", "browser", "heading"),
    [
        ("de-DE", "fr", "Nicht angemeldet"),
        ("", "fr", "Connexion échouée"),
        ("<b>", "fr", "Connexion échouée"),
        ("ja-JP", "fr", "Connexion échouée"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_language_of_the_pane(
    signing: SignInServer, pane: str, browser: str, heading: str
) -> None:
    """The page at the end is in Outlook's language. The question, whose address may
    have been sent by somebody who has begun it, is in that of its reader."""
    headers = {"accept_language": browser}
    begun = await signing.begin(language=pane)
    page = await signing.ask("GET", f"1/{begun['start']}", **headers)
    assert "Se connecter pour Outlook" in page.body.decode()
    state = await signing.open_window(begun)
    back = f"oauth_redirect?error=access_denied&state={state}"
    text = (await signing.ask("GET", back, **headers)).body.decode()
    assert heading in text
    assert f'lang="">{SIGNING_IN}' in text
    field = "addin_pane_personal_vmr_error_signing_in_message"
    default = fields_of(Connector)[field].default
    signing.bench.connector = replace(signing.bench.known, **{field: default})
    state = await signing.open_window(await signing.begin(language=pane))
    page = await signing.ask("GET", f"oauth_redirect?error=access_denied&state={state}")
    assert f'lang="en">{default}' in page.body.decode()


@pytest_twisted.ensureDeferred
async def test_words_of_an_administrator(signing: SignInServer) -> None:
    """The words of the windows and the texts in them can be changed for each language;
    what is missing in a language of the administrator's own is in English, marked."""
    field = "addin_pane_personal_vmr_error_signing_in_message"
    signing.bench.connector = replace(
        signing.bench.known,
        addin_pane_translations="ja windowFailedHeading = 失敗 <1>\n"
        f"ja {field} = <u>だめ</u><script>x</script>\n"
        "en windowFailedAgain = Go back.",
    )
    begun = await signing.begin(language="ja-JP")
    state = await signing.open_window(begun)
    back = f"oauth_redirect?error=access_denied&state={state}"
    text = (await signing.ask("GET", back)).body.decode()
    assert '<html lang="ja" dir="ltr">' in text
    assert "失敗 &lt;1&gt;" in text
    assert 'lang="ja"><u>だめ</u>' in text
    assert "<script" not in text
    assert '<span lang="en" dir="ltr">Go back.</span>' in text
    assert '<span lang="en" dir="ltr">The sign-in was declined' in text


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
