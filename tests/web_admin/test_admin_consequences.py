"""What is left to do after an integration was saved is in the answer and in the log."""

from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from pexschedd.identity.oauth.signed_in import new_sign_in
from pexschedd.model import tables
from tests.web_admin.test_admin_addin import red_square
from tests.web_admin.web_admin_support import (
    CONNECTOR,
    HEAD_OFFICE,
    Answer,
    Server,
)

OAUTH = {
    "authentication_method": "OAUTH",
    "url": "https://127.0.0.1:8082/EWS/Exchange.asmx",
    "password": "",
    "oauth_client_id": "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0",
    "oauth_auth_endpoint": "https://login.example.test/authorize",
    "oauth_token_endpoint": "https://login.example.test/token",
    "oauth_redirect_uri": (
        "https://m.example.test/admin/platform/msexchangeconnector/oauth_redirect/"
    ),
}


async def save(server: Server, payload: object) -> tuple[list[str], list[str]]:
    """Change the integration; the warnings in the answer and in the log."""
    with capturedLogs() as logged:
        answer = await server.client.ask("PATCH", f"{CONNECTOR}1/", payload)
    assert answer.status == 202, answer.body
    lines = [formatEvent(event) or "" for event in logged]
    return warnings(answer), [line for line in lines if "with a warning" in line]


def warnings(answer: Answer) -> list[str]:
    return list(answer.headers.getRawHeaders("x-configuration-warning") or [])


@pytest.mark.parametrize(
    ("payload", "field", "others"),
    [
        ({"addin_button_label": "Meet"}, "addin_button_label", ""),
        (
            {"addin_server_domain": "new.test", "addin_description": "New"},
            "addin_server_domain",
            "addin_description",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_new_manifest(
    server: Server, payload: dict[str, str], field: str, others: str
) -> None:
    """A change of what is in the manifest says once that it has to be deployed again,
    and where it is; saving the same again, or another field, says nothing."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    told, logged = await save(server, payload)
    (text,) = told
    changed = {text.split(":")[0]} | set(others.split())
    assert changed == set(payload)
    assert all(name in text for name in payload)
    assert f"{CONNECTOR}1/manifest/" in text
    assert text.split(": ", 1)[1] in logged[0]
    assert await save(server, payload) == ([], [])
    assert await save(server, {"description": "x"}) == ([], [])


APPLICATION = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
METADATA = (
    f"https://login.microsoftonline.com/{APPLICATION}/v2.0/.well-known/"
    "openid-configuration"
)
SSO = {
    "addin_authentication_method": "SSO_TOKEN",
    "addin_application_id": APPLICATION,
    "addin_oidc_metadata_url": METADATA,
}
EXCHANGE = {"addin_authentication_method": "EXCHANGE_USER_ID_TOKEN"}
DOMAIN = {"addin_server_domain": "new.test"}


@pytest.mark.parametrize(
    ("before", "payload", "words"),
    [
        ({}, {"addin_button_label": "Meet"}, "shows the add-in as it was"),
        ({}, DOMAIN, "nobody gets a room: the tokens"),
        (SSO, DOMAIN, "loads the add-in from the earlier address"),
        ({}, SSO, "nobody gets a room: Outlook gives"),
        (
            SSO,
            {"addin_application_id": APPLICATION.replace("4189", "4190")},
            "nobody gets a room: Outlook gives",
        ),
        (SSO, EXCHANGE, "does no harm"),
        (SSO, {**EXCHANGE, **DOMAIN}, "nobody gets a room: the tokens"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_until_the_manifest_is_deployed(
    server: Server, before: dict[str, str], payload: dict[str, str], words: str
) -> None:
    """The note says what does not work any more with the manifest that is installed,
    and does not play down that nobody gets a room."""
    await server.client.create(CONNECTOR, {**HEAD_OFFICE, **before})
    told, _ = await save(server, payload)
    assert len([text for text in told if words in text]) == 1, told


NAA = {
    **SSO,
    "addin_authentication_method": "NAA_TOKEN",
    "addin_naa_web_api_application_id": APPLICATION,
}
LOGIN = "https://login.microsoftonline.com"


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        (f"{LOGIN}/common", "stands for the organization of whoever signs in"),
        (f"{LOGIN}/Organizations/", "stands for the organization of whoever"),
        (f"{LOGIN}/{APPLICATION.replace('4189', '4190')}", "nobody gets a room"),
        (f"{LOGIN}/{APPLICATION.upper()}/", ""),
        (f"{LOGIN}/contoso.example", ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_authority_of_another_tenant(
    server: Server, authority: str, words: str
) -> None:
    """Where the pane would ask for tokens that are refused, that is said when it is
    saved, and in the log; not again with every other change."""
    await server.client.create(CONNECTOR, {**HEAD_OFFICE, **SSO})
    told, logged = await save(server, {**NAA, "addin_authority_url": authority})
    found = [text for text in told if text.startswith("addin_authority_url: ")]
    assert [words in text for text in found] == ([True] if words else [])
    assert all(any(t.split(": ", 1)[1] in line for line in logged) for t in found)
    told, _ = await save(server, {"description": "x"})
    assert not [text for text in told if text.startswith("addin_authority_url: ")]


@pytest_twisted.ensureDeferred
async def test_another_icon(server: Server) -> None:
    """An icon is in the manifest as well: a new one, and the default one again, are
    warned of as a change of a field; the one that is there already is not."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    icon = f"{CONNECTOR}1/icon/"
    for method, body in (("PUT", red_square()), ("DELETE", None)):
        with capturedLogs() as logged:
            (text,) = warnings(await server.client.ask(method, icon, body=body))
        assert text.startswith("icon: This changes the add-in's manifest: download it")
        assert f"{CONNECTOR}1/manifest/" in text
        lines = [formatEvent(event) or "" for event in logged]
        assert [line for line in lines if text.split(": ", 1)[1] in line]
        assert warnings(await server.client.ask(method, icon, body=body)) == []


@pytest_twisted.ensureDeferred
async def test_a_new_sign_in(server: Server) -> None:
    """A change after which a person has to sign in to the service account says why and
    where; so does the first one that needs a sign-in."""
    made = await server.client.ask("POST", CONNECTOR, {**HEAD_OFFICE, **OAUTH})
    page = "/admin/platform/msexchangeconnector/1/sign_in/"
    (text,) = warnings(made)
    assert "Nobody has signed in" in text
    assert page in text
    await signed_in(server)
    assert await save(server, {"description": "x"}) == ([], [])
    told, logged = await save(server, {"username": "other@example.test"})
    (text,) = told
    assert text.startswith("username: The service account username changed after")
    assert page in text
    assert page in logged[0]
    assert "other@" not in logged[0]


async def signed_in(server: Server) -> None:
    store: Any = server.store
    connector = store.get(tables.CONNECTOR, 1)
    sign_in = new_sign_in(connector, "svc", server.clock())
    change = store.transaction()
    change.put(
        tables.CONNECTOR,
        replace(
            connector,
            oauth_refresh_token="sealed:v1:x",
            oauth_signed_in_for=sign_in.as_text(),
        ),
    )
    done: Deferred[None] = change.commit()
    await done


@pytest_twisted.ensureDeferred
async def test_what_was_saved_is_not_logged(server: Server) -> None:
    """A warning that quotes a text is in the answer, and not in the log."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    told, logged = await save(server, {"addin_pane_title": "<script>secret</script>"})
    assert "<script>" in told[0]
    assert logged == []
