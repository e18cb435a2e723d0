"""Warnings of what is left to do after a record of One-Touch Join was saved."""

from typing import Any

import msgspec
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.one_touch_join_support import (
    ENDPOINT,
    PROFILE,
    ROOMS,
    TENANT,
    WEBEX,
    WORKSPACE,
    with_an_endpoint,
)
from tests.web_admin.web_admin_support import API, Answer, Server


def notes(answer: Answer) -> list[str]:
    return list(answer.headers.getRawHeaders("x-configuration-warning") or [])


@pytest_twisted.ensureDeferred
async def test_what_is_not_read_yet_is_said(server: Server) -> None:
    """Google deployments are kept, and each save says that nothing comes of it; so it
    is with OAUTH until a person has signed in, and with an application without a
    secret. The others are saved without a word."""
    ask = server.client.ask
    answer = await ask("POST", f"{API}/mjx_exchange_deployment/", ROOMS)
    assert notes(answer) == []
    assert notes(await ask("POST", f"{API}/mjx_integration/", PROFILE)) == []
    await server.client.create(f"{API}/mjx_google_deployment/", WORKSPACE)
    profile = {"name": "google", "google_deployment": 1}
    answer = await ask("POST", f"{API}/mjx_integration/", profile)
    assert answer.status == 201
    (text,) = notes(answer)
    assert "google_deployment: This server does not read" in text
    assert "rooms of this profile are not read" in text
    tenant = {
        **TENANT,
        "client_secret": "value",
        "oauth_token_url": "https://login.microsoftonline.com/contoso.test/oauth2/v2.0"
        "/token",
    }
    assert notes(await ask("POST", f"{API}/mjx_graph_deployment/", tenant)) == []
    elsewhere = {
        **tenant,
        "name": "Elsewhere",
        "oauth_token_url": TENANT["oauth_token_url"],
    }
    (text,) = notes(await ask("POST", f"{API}/mjx_graph_deployment/", elsewhere))
    assert text.startswith("oauth_token_url: ")
    without = {**tenant, "name": "Other", "client_secret": ""}
    (text,) = notes(await ask("POST", f"{API}/mjx_graph_deployment/", without))
    assert "client_secret: Without the application's secret no room" in text
    profile = {"name": "graph", "graph_deployment": 1}
    assert notes(await ask("POST", f"{API}/mjx_integration/", profile)) == []
    oauth = {
        **ROOMS,
        "name": "Other",
        "authentication_method": "OAUTH",
        "oauth_client_id": "app",
        "oauth_auth_endpoint": "https://login.example.test/authorize",
        "oauth_token_endpoint": "https://login.example.test/token",
        "oauth_redirect_uri": "https://vmr.example.test/admin/platform/"
        "mjxexchangedeployment/oauth_redirect/",
    }
    (text,) = notes(await ask("POST", f"{API}/mjx_exchange_deployment/", oauth))
    assert "Nobody has signed in to the service account yet. Sign in at" in text
    assert "no room of this deployment is read" in text
    moved = {"ews_url": "", "service_account_password": "entered again"}
    (text,) = notes(await ask("PATCH", f"{API}/mjx_exchange_deployment/2/", moved))
    assert "With OAUTH the EWS URL is required" in text
    moved["ews_url"] = "https://outlook.office365.com/EWS/Exchange.asmx"
    path = f"{API}/mjx_exchange_deployment/2/"
    assert "Choose APP_PERM" in notes(await ask("PATCH", path, moved))[0]


@pytest_twisted.ensureDeferred
async def test_what_webex_still_needs_is_said(server: Server) -> None:
    """A profile that nobody has signed in for, the vendor's terms, and an endpoint
    whose profile does not use Webex are pointed out."""
    await with_an_endpoint(server)
    ask = server.client.ask
    profile = f"{API}/mjx_integration/1/"
    endpoint = {
        "name": "Elm",
        "room_resource_email": "elm@example.test",
        "mjx_endpoint_group": 1,
        "endpoint_type": "WEBEX",
        "webex_device_id": "device",
    }
    first, second = notes(await ask("POST", f"{API}/mjx_endpoint/", endpoint))
    assert "does not use Webex" in first
    assert "first endpoint of the type WEBEX" in second
    (text,) = notes(await ask("PATCH", profile, WEBEX))
    assert "Sign in at /admin/platform/mjxintegration/1/sign_in/" in text
    assert notes(await ask("PATCH", f"{API}/mjx_endpoint/2/", {"name": "E"})) == []
    found = server.store.get(tables.MJX_INTEGRATION, 1)
    assert found is not None
    signed_in = msgspec.structs.replace(found, webex_refresh_token="sealed")
    with server.store.transaction() as change:
        change.put(tables.MJX_INTEGRATION, signed_in)
        await change.commit()
    assert notes(await ask("PATCH", profile, {"description": "x"})) == []
    for field, value in (
        ("webex_client_id", "other"),
        ("webex_api_domain", "api.example.test"),
    ):
        with server.store.transaction() as change:
            change.put(tables.MJX_INTEGRATION, signed_in)
            await change.commit()
        more = {field: value, "webex_client_secret": "entered again"}
        assert (await ask("PATCH", profile, more)).status == 202
        found = server.store.get(tables.MJX_INTEGRATION, 1)
        assert found is not None
        assert found.webex_refresh_token == ""


@pytest_twisted.ensureDeferred
async def test_a_new_server_of_autodiscover_is_pointed_out(server: Server) -> None:
    """The service account signs in there with a password that was entered before."""
    await with_an_endpoint(server)
    urls = f"{API}/mjx_exchange_autodiscover_url/"
    new = {"name": "x", "url": "https://other.test/a.xml", "exchange_deployment": 1}
    (text,) = notes(await server.client.ask("POST", urls, new))
    assert "signs in at this server, too" in text
    same = {"url": "https://other.test/b.xml"}
    assert notes(await server.client.ask("PATCH", f"{urls}2/", same)) == []
    moved = {"url": "https://third.test/b.xml"}
    assert len(notes(await server.client.ask("PATCH", f"{urls}2/", moved))) == 1


@pytest_twisted.ensureDeferred
async def test_the_first_cisco_endpoint_is_told_the_vendors_terms(
    server: Server,
) -> None:
    """Commercial use needs the vendor's permission: the first endpoint of that type
    says so, when it is made or becomes one, and no other does."""
    ask, endpoints = server.client.ask, f"{API}/mjx_endpoint/"
    first = ENDPOINT | {"mjx_endpoint_group": None}
    (text,) = notes(await ask("POST", endpoints, first))
    assert "needs its permission for commercial use" in text
    assert notes(await ask("PATCH", f"{endpoints}1/", {"description": "x"})) == []
    second = {
        "name": "Elm",
        "room_resource_email": "elm@example.test",
        "api_address": "elm.example.test",
    }
    assert notes(await ask("POST", endpoints, second)) == []
    await ask("DELETE", f"{endpoints}1/")
    poly = {"endpoint_type": "POLY", "poly_username": "elm", "poly_password": "x"}
    assert notes(await ask("PATCH", f"{endpoints}2/", poly)) == []
    (text,) = notes(await ask("PATCH", f"{endpoints}2/", {"endpoint_type": "CISCO"}))
    assert "commercial use" in text


@pytest_twisted.ensureDeferred
async def test_a_moved_address_of_autodiscover_is_pointed_out(server: Server) -> None:
    """An address that is given to another deployment is new to its account, whichever
    of the two records the request is for."""
    await with_an_endpoint(server)
    ask = server.client.ask
    for number, name in enumerate(("Second", "Third"), 2):
        other = {**ROOMS, "name": name}
        await server.client.create(f"{API}/mjx_exchange_deployment/", other)
        uri = f"{API}/mjx_exchange_autodiscover_url/1/"
        move: dict[str, Any] = {"exchange_deployment": number}
        if number == 3:
            move = {"autodiscover_urls": [uri]}
            uri = f"{API}/mjx_exchange_deployment/3/"
        answer = await ask("PATCH", uri, move)
        assert answer.status == 202
        (note,) = notes(answer)
        assert "be sure that the server may have it" in note


@pytest_twisted.ensureDeferred
async def test_a_new_mail_domain_is_pointed_out(server: Server) -> None:
    """Without an EWS URL the service account signs in at whatever servers the rooms'
    mail domains name: the first room of another domain is pointed out, by itself or
    moved there, and no other change."""
    await with_an_endpoint(server)
    endpoints, ask = f"{API}/mjx_endpoint/", server.client.ask

    async def noted(method: str, path: str, **changes: Any) -> str:
        answer = await ask(method, path, changes)
        assert answer.status in (201, 202)
        return " ".join(notes(answer))

    def new(room: str) -> dict[str, Any]:
        return {**ENDPOINT, "name": room, "room_resource_email": room}

    assert await noted("POST", endpoints, **new("elm@known.test")) == ""
    searched = {"ews_url": "", "service_account_password": "entered again"}
    await noted("PATCH", f"{API}/mjx_exchange_deployment/1/", **searched)
    text = await noted("POST", endpoints, **new("oak@other.test"))
    assert "the first room of other.test" in text
    assert "be sure that they may have it" in text
    assert await noted("POST", endpoints, **new("ash@OTHER.test")) == ""
    assert await noted("POST", endpoints, **new("fir@example.test")) == ""
    assert await noted("PATCH", f"{endpoints}1/", name="Oak again") == ""
    moved = {"room_resource_email": "oak@third.test"}
    assert "third.test" in await noted("PATCH", f"{endpoints}1/", **moved)
    account = {"service_account_username": "rooms@fourth.test"}
    await noted("PATCH", f"{API}/mjx_exchange_deployment/1/", **account)
    assert await noted("POST", endpoints, **new("oak@fourth.test")) == ""
