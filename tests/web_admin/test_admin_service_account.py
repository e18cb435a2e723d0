"""The pages and commands that sign the service account in."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from pexschedd.history.audit_entries import HeardSignIn
from pexschedd.identity.oauth.application import Applications
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.service_account import ServiceAccountRoutes
from pexschedd.web.admin.status.service_accounts import service_account_statuses
from tests.identity.oauth_support import Bench, bench_in, query_of
from tests.web_admin.web_admin_support import (
    NAME,
    Answer,
    Client,
    Server,
    admin_site,
    serving,
)

reactor: Any = _reactor
PAGES = "/admin/platform/msexchangeconnector"
PAGE = f"{PAGES}/1/sign_in/"
BACK = f"{PAGES}/oauth_redirect/"
COMMAND = "/api/admin/command/v1/ms_exchange_connector/1"
STATUS = "/api/admin/status/v1/exchange_service_account/"


class Desk:
    """The pages on a port, with a provider behind them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.provider = bench.provider

        def at_once(work: Any) -> "Deferred[Any]":
            done: Deferred[Any] = Deferred()
            done.callback(work())
            return done

        self.heard: list[HeardSignIn] = []
        routes = ServiceAccountRoutes(
            bench.store,
            bench.sign_ins,
            bench.caches,
            Applications(bench.store, bench.now, at_once),
            now=bench.now,
            heard=self.heard.append,
        )
        live = {
            "exchange_service_account": lambda: service_account_statuses(
                bench.store, bench.caches, bench.now
            )
        }
        queries = ComputedQueries(bench.store, reactor, bench.now, live)
        site = admin_site(routes, ComputedRoutes(queries))
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.client = Client(self.port.getHost().port)

    async def page(self) -> str:
        answer = await self.client.ask("GET", PAGE)
        assert answer.status == 200
        return answer.body.decode()

    async def link(self) -> str:
        """A new one, by the page's button."""
        answer = await self.client.ask("POST", PAGE)
        assert (answer.status, answer.location) == (303, PAGE)
        return link_in(await self.page())

    async def come_back(self, **query: str) -> Answer:
        """A browser without an administrator's password."""
        return await self.client.ask("GET", f"{BACK}?{urlencode(query)}", auth=None)


def link_in(page: str) -> str:
    found = re.search(r"<textarea[^>]* readonly[^>]*>([^<]*)</textarea>", page)
    assert found is not None
    return unescape(found[1])


def text_of(page: str | bytes) -> str:
    """What people read."""
    text = page.decode() if isinstance(page, bytes) else page
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest_twisted.async_yield_fixture()
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with bench_in(tmp_path / "state") as bench:
        await bench.integrate()
        desk = Desk(bench)
        yield desk
        await desk.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_from_page_to_page(desk: Desk) -> None:
    """An administrator makes a link; the person who used it is told of success, and
    then the administrator sees who has signed in."""
    before = text_of(await desk.page())
    assert "Sign-in needed. Nobody has signed in" in before
    assert "svc@example.test" in before
    state = query_of(await desk.link())["state"]
    answer = await desk.come_back(state=state, code="the-code")
    assert answer.status == 200
    assert "Successfully signed in." in text_of(answer.body)
    after = text_of(await desk.page())
    assert "Signed in as svc@example.test since 21 November 2026, 12:00 UTC" in after
    (heard,) = desk.heard
    assert (heard.kind, heard.outcome) == ("service_account", "accepted")
    assert (heard.account, heard.method) == ("svc@example.test", "oauth")
    assert (heard.resource, heard.object_id) == ("ms_exchange_connector", 1)
    assert heard.address == "127.0.0.1"


@pytest_twisted.ensureDeferred
async def test_what_is_refused_is_heard(desk: Desk) -> None:
    """With the account that was to sign in, the reason, and no secret; an answer that
    belongs to no sign-in is none."""
    state = query_of(await desk.link())["state"]
    await desk.come_back(state=state, error="access_denied")
    await desk.come_back(state=state, code="the-code")
    await desk.come_back(state="9.stranger", code="the-code")
    (heard,) = desk.heard
    assert (heard.outcome, heard.account) == ("refused", "svc@example.test")
    assert heard.reason
    assert state not in repr(heard)


@pytest_twisted.ensureDeferred
async def test_looking_makes_nothing(desk: Desk) -> None:
    """Opening the page begins no sign-in, and does not end one that was begun."""
    before = desk.bench.connector
    await desk.page()
    assert desk.bench.connector == before
    link = await desk.link()
    assert link_in(await desk.page()) == link


@pytest_twisted.ensureDeferred
async def test_foreign_pages_make_no_link(desk: Desk) -> None:
    """A page of another site cannot press the button of an administrator's browser."""
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example.test"},
    ):
        for path in (PAGE, f"{COMMAND}/sign_in/", f"{COMMAND}/make_certificate/"):
            answer = await desk.client.ask("POST", path, headers=headers)
            assert answer.status == 403
    assert desk.bench.connector.oauth_state == ""
    assert desk.bench.connector.public_key == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PAGE),
        ("POST", PAGE),
        ("POST", f"{COMMAND}/sign_in/"),
        ("POST", f"{COMMAND}/make_certificate/"),
        ("GET", STATUS),
        ("GET", f"{STATUS}1/"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_for_administrators(desk: Desk, method: str, path: str) -> None:
    """Everything but coming back asks for an administrator's password."""
    for auth in (None, (NAME, "wrong")):
        answer = await desk.client.ask(method, path, auth=auth)
        assert answer.status == 401
        assert answer.headers.hasHeader("www-authenticate")
    assert desk.bench.connector.oauth_state == ""


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "not valid any more"),
        ({"state": "1.x"}, "not valid any more"),
        ({"error": "<script>alert(1)</script>"}, "not valid any more"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_coming_back_with_nothing(
    desk: Desk, query: dict[str, str], words: str
) -> None:
    """Whoever invents an answer learns nothing, and is shown nothing of theirs."""
    await desk.link()
    before = desk.bench.connector
    answer = await desk.come_back(**query)
    assert answer.status == 400
    assert words in text_of(answer.body)
    assert b"<script" not in answer.body
    assert b"Head office" not in answer.body
    assert desk.bench.connector == before


@pytest_twisted.ensureDeferred
async def test_errors_are_escaped_and_have_remedies(desk: Desk) -> None:
    """What the provider or the record says cannot become markup."""
    bench = desk.bench
    await bench.put(replace(bench.connector, name="<b>Head</b>"))
    state = query_of(await desk.link())["state"]
    answer = await desk.come_back(
        state=state,
        error="access_denied",
        error_description="AADSTS65004: <img src=x onerror=alert(1)>",
    )
    assert answer.status == 400
    assert "Sign in again and accept" in text_of(answer.body)
    assert b"<img" not in answer.body
    assert b"<b>" not in answer.body
    desk.provider.account = "<i>eve</i>@example.test"
    state = query_of(await desk.link())["state"]
    answer = await desk.come_back(state=state, code="c")
    assert answer.status == 400
    assert b"<i>" not in answer.body
    assert b"&lt;i&gt;eve&lt;/i&gt;@example.test signed in, but" in answer.body


@pytest_twisted.ensureDeferred
async def test_an_argument_twice(desk: Desk) -> None:
    """Of two states or codes nobody can say which one counts."""
    state = query_of(await desk.link())["state"]
    path = f"{BACK}?state={state}&state={state}&code=c"
    answer = await desk.client.ask("GET", path, auth=None)
    assert answer.status == 400
    assert desk.provider.asked == []


@pytest_twisted.ensureDeferred
async def test_policy_of_the_pages(desk: Desk) -> None:
    """No script, nothing from elsewhere, no frame around it, nothing cached; and the
    style is where the page says."""
    pages = [
        await desk.client.ask("GET", PAGE),
        await desk.come_back(state="1"),
        await desk.client.ask("GET", f"{PAGES}/99/sign_in/"),
    ]
    for answer, referrer in zip(
        pages, ("same-origin", "no-referrer", "no-referrer"), strict=True
    ):
        get = answer.headers.getRawHeaders
        (policy,) = get("content-security-policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert get("cache-control") == ["no-store"]
        assert get("referrer-policy") == [referrer]
        assert b"<script" not in answer.body
        assert b"style=" not in answer.body
    found = re.search(rb'rel="stylesheet" href="([^"]+)"', pages[0].body)
    assert found is not None
    style = await desk.client.ask("GET", found[1].decode(), auth=None)
    assert style.status == 200
    assert style.headers.getRawHeaders("content-type") == ["text/css; charset=utf-8"]
    assert b"prefers-color-scheme: dark" in style.body


@pytest_twisted.ensureDeferred
async def test_commands(desk: Desk) -> None:
    """The same as JSON, for scripts."""
    answer = await desk.client.ask("POST", f"{COMMAND}/sign_in/")
    assert answer.status == 200
    assert answer.json["expires"] == "2026-11-21T12:10:00.000000"
    assert link_in(await desk.page()) == answer.json["sign_in_link"]
    (state,) = await desk.client.objects(STATUS)
    assert state == await desk.client.get(f"{STATUS}1/")
    assert state == {
        "id": 1,
        "exchange_connector_id": 1,
        "username": "svc@example.test",
        "signed_in": False,
        "account": "",
        "since": None,
        "refreshed": None,
        "expires": None,
        "needed_because": "Nobody has signed in to the service account yet.",
        "sign_in_page": PAGE,
        "resource_uri": f"{STATUS}1/",
    }
    link = query_of(answer.json["sign_in_link"])
    await desk.come_back(state=link["state"], code="c")
    state = await desk.client.get(f"{STATUS}1/")
    assert state["signed_in"] is True
    assert state["account"] == "svc@example.test"
    assert state["since"] == state["refreshed"] == "2026-11-21T12:00:00.000000"
    assert state["expires"] == "2026-11-21T13:00:00.000000"
    bench = desk.bench
    await bench.put(replace(bench.connector, oauth_client_id="another"))
    state = await desk.client.get(f"{STATUS}1/")
    assert state["signed_in"] is False
    assert state["needed_because"] == "The OAuth client ID changed after the sign-in."


@pytest_twisted.ensureDeferred
async def test_only_for_oauth(desk: Desk) -> None:
    """Where nobody signs in with a browser, that is said."""
    bench = desk.bench
    await bench.put(replace(bench.connector, authentication_method="KERBEROS"))
    for method, path in (("GET", PAGE), ("POST", PAGE)):
        answer = await desk.client.ask(method, path)
        assert answer.status == 400
        assert "KERBEROS, not OAUTH" in text_of(answer.body)
    answer = await desk.client.ask("POST", f"{COMMAND}/sign_in/")
    assert answer.status == 400
    assert answer.json["code"] == "sign_in_failed"
    answer = await desk.client.ask("GET", f"{STATUS}1/")
    assert answer.status == 404
    assert "only those with OAUTH" in answer.json["error"]
    assert await desk.client.objects(STATUS) == []
    for method, path in (
        ("GET", f"{STATUS}2/"),
        ("GET", f"{PAGES}/2/sign_in/"),
        ("POST", COMMAND.replace("/1", "/2") + "/sign_in/"),
    ):
        assert (await desk.client.ask(method, path)).status == 404


@pytest_twisted.ensureDeferred
async def test_make_certificate(desk: Desk) -> None:
    """The certificate is given out, the key never."""
    answer = await desk.client.ask("POST", f"{COMMAND}/make_certificate/")
    assert answer.status == 200
    assert set(answer.json) == {"certificate"}
    assert answer.json["certificate"] == desk.bench.connector.public_key
    assert "PRIVATE" not in answer.json["certificate"]


@pytest_twisted.ensureDeferred
async def test_in_the_history(desk: Desk) -> None:
    """A sign-in and another certificate are recorded without what is secret in them; a
    link that was only made is not."""
    await desk.client.ask("POST", f"{COMMAND}/make_certificate/")
    state = query_of(await desk.link())["state"]
    await desk.come_back(state=state, code="the-code")
    made, signed_in = desk.bench.store.all(tables.CONFIGURATION_CHANGE)
    assert (made.administrator, made.address) == (NAME, "127.0.0.1")
    found = {each.field: each.new for each in made.changes}
    assert found.keys() == {"public_key", "private_key"}
    assert found["private_key"] == "set"
    assert signed_in.administrator == "schedulingservice"
    assert signed_in.address == "127.0.0.1"
    assert signed_in.object_name == desk.bench.connector.name


OAUTH = {
    "name": "Head office",
    "url": "https://mail.example.test/EWS/Exchange.asmx",
    "room_mailbox_email_address": "pexipmeeting@example.test",
    "addin_server_domain": "vc.example.test",
    "scheduled_alias_prefix": "555",
    "scheduled_alias_domain": "example.test",
    "authentication_method": "OAUTH",
    "username": "svc@example.test",
    "oauth_client_id": "client",
    "oauth_redirect_uri": f"https://vc.example.test{BACK}",
    "oauth_auth_endpoint": "https://idp.example.test/oauth2/authorize",
    "oauth_token_endpoint": "https://idp.example.test/oauth2/token",
}


@pytest_twisted.async_yield_fixture()
async def admin(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "admin") as server:
        yield server


def stored(server: Server) -> Connector:
    found = server.store.get(tables.CONNECTOR, 1)
    assert found is not None
    return found


@pytest_twisted.ensureDeferred
async def test_redirect_uri_leads_here(admin: Server) -> None:
    """The address that the browser comes back to ends with the one that is served."""
    path = "/api/admin/configuration/v1/ms_exchange_connector/"
    for wrong in (
        "https://vc.example.test/",
        f"https://vc.example.test{BACK[:-1]}",
        f"https://vc.example.test{BACK}?a=b",
    ):
        payload = OAUTH | {"oauth_redirect_uri": wrong}
        problems = await admin.client.refused("POST", path, payload)
        assert problems == {"oauth_redirect_uri": [f"This must end with {BACK}."]}
    await admin.client.create(path, OAUTH)
    assert stored(admin).oauth_redirect_uri == OAUTH["oauth_redirect_uri"]


@pytest_twisted.ensureDeferred
async def test_applications_need_a_secret_or_a_certificate(admin: Server) -> None:
    """APP_PERM without both is refused, with either accepted; and no client reads or
    writes what a sign-in left."""
    path = "/api/admin/configuration/v1/ms_exchange_connector/"
    payload = OAUTH | {"authentication_method": "APP_PERM", "username": ""}
    problems = await admin.client.refused("POST", path, payload)
    assert list(problems) == ["oauth_client_secret"]
    assert "make_certificate" in problems["oauth_client_secret"][0]
    one = await admin.client.create(path, payload | {"oauth_client_secret": "s"})
    change = admin.store.transaction()
    change.put(
        tables.CONNECTOR,
        replace(stored(admin), private_key="sealed", public_key="pem"),
    )
    await change.commit()
    answer = await admin.client.ask("PATCH", one, {"oauth_client_secret": ""})
    assert answer.status == 202
    shown = await admin.client.get(one)
    assert shown["public_key"] == "pem"
    hidden = {"private_key", "oauth_refresh_token", "oauth_state"}
    assert not (hidden | {"oauth_signed_in_for"}) & set(shown)
    before = stored(admin)
    await admin.client.ask("PATCH", one, {"oauth_refresh_token": "mine"})
    await admin.client.ask("PATCH", one, {"oauth_signed_in_for": "mine"})
    assert stored(admin) == before
