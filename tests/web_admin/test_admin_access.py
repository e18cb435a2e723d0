"""Who gets in, and what everybody else is told."""

import pytest
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    NAME,
    PASSWORD,
    Server,
)


@pytest.mark.parametrize(
    "auth",
    [None, (NAME, "wrong"), ("nobody", PASSWORD), ("", ""), (NAME, ""), (NAME, "ü")],
)
@pytest_twisted.ensureDeferred
async def test_nobody_else(server: Server, auth: tuple[str, str] | None) -> None:
    """Without the right name and password every request is a 401, even a writing
    one."""
    for method in ("GET", "POST", "DELETE"):
        answer = await server.client.ask(method, CONFERENCE, {"name": "x"}, auth=auth)
        assert answer.status == 401
        basic, bearer = answer.headers.getRawHeaders("www-authenticate")
        assert basic.startswith("Basic realm=")
        assert bearer.startswith("Bearer realm=")
        assert set(answer.json) == {"error", "code", "correlation_id"}
    assert server.store.count(tables.CONFERENCE) == 0


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic YWJj", "Basic //79", "Bearer abc", "Digest a=b", ""],
)
@pytest_twisted.ensureDeferred
async def test_unreadable_credentials(server: Server, header: str) -> None:
    """An authorization header that makes no sense is a 401, too."""
    answer = await server.client.ask(
        "GET", CONFERENCE, headers={"authorization": header}, auth=None
    )
    assert answer.status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[bad"}, 403),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"sec-fetch-site": "none"}, 201),
        ({}, 201),
    ],
)
@pytest_twisted.ensureDeferred
async def test_pages_of_other_sites(
    server: Server, headers: dict[str, str], status: int
) -> None:
    """A page of another site cannot use the password that a browser remembers."""
    answer = await server.client.ask("POST", CONFERENCE, {"name": "x"}, headers=headers)
    assert answer.status == status
    own = {"origin": f"http://127.0.0.1:{server.client.port}"}
    everything = f"{CONFERENCE}?confirm=yes"
    answer = await server.client.ask("DELETE", everything, headers=own)
    assert answer.status == 204


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/admin/other/", 404),
        ("GET", "/api/admin/command/v1/other/", 404),
        ("GET", "/api/admin/other/v1/", 404),
        ("GET", "/api/admin/configuration/v2/conference/", 404),
        ("GET", f"{API}/no_such_resource/", 404),
        ("GET", f"{API}/no_such_resource/schema/", 404),
        ("GET", f"{API}/alarm/", 404),
        ("GET", f"{CONFERENCE}1/", 404),
        ("GET", f"{CONFERENCE}0/", 404),
        ("GET", f"{CONFERENCE}{10**30}/", 404),
        ("GET", f"{CONFERENCE}-1/", 404),
        ("GET", f"{CONFERENCE}x/", 404),
        ("PATCH", f"{CONFERENCE}1/", 404),
        ("DELETE", f"{CONFERENCE}1/", 404),
        ("POST", f"{CONFERENCE}1/", 405),
        ("PUT", CONFERENCE, 405),
        ("POST", f"{CONFERENCE}schema/", 405),
        ("GET", f"{CONNECTOR}1/manifest/", 404),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_paths(server: Server, method: str, path: str, status: int) -> None:
    """What is not there says so in JSON."""
    payload: dict[str, str] | None = None if method == "GET" else {}
    answer = await server.client.ask(method, path, payload)
    assert answer.status == status, answer.body
    assert answer.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", CONFERENCE, "GET, POST, PATCH, DELETE"),
        ("POST", f"{CONFERENCE}1/", "GET, PUT, PATCH, DELETE"),
        ("POST", f"{API}/recurring_conference/", "GET"),
        ("DELETE", f"{API}/recurring_conference/1/", "GET"),
        ("DELETE", "/api/admin/history/v1/alarm/", "GET"),
        ("PATCH", "/api/admin/status/v1/exchange_set_aside_message/", "GET, DELETE"),
        ("PATCH", f"{CONNECTOR}1/icon/", "GET, PUT, DELETE"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_another_method(
    server: Server, method: str, path: str, allowed: str
) -> None:
    """Who uses a method that is not possible is told which ones are, and the schema
    says the same."""
    answer = await server.client.ask(method, path, {})
    assert answer.status == 405
    assert answer.headers.getRawHeaders("allow") == [allowed]
    assert allowed in answer.json["error"]
    if "/1/" not in path:
        schema = await server.client.get(f"{path}schema/")
        names = schema["allowed_list_http_methods"]
        assert ", ".join(names).upper() == allowed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"x"',
        b"\xff",
        b"{'a': 1}",
        b"[" * 100_000,
        b'{"name":' * 50_000,
        b'{"name": "\\ud800"}',
        b'{"name": "\xff"}',
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest_twisted.ensureDeferred
async def test_unreadable_body(server: Server, method: str, body: bytes) -> None:
    """A body that is no JSON object is a 400 that says so."""
    answer = await server.client.ask(method, CONFERENCE, body=body)
    assert answer.status == 400
    assert answer.json


@pytest_twisted.ensureDeferred
async def test_missing_slash(server: Server) -> None:
    """An address without its last slash is told the right one."""
    answer = await server.client.ask("HEAD", CONFERENCE.rstrip("/"))
    assert answer.status in (301, 308)
    assert answer.location.endswith(CONFERENCE)
