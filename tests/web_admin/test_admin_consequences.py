"""What is left to do after an integration was saved is in the answer and in the log."""

from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from pexschedd.identity.oauth.signed_in import new_sign_in
from pexschedd.model import tables
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
