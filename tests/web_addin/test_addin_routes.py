"""The add-in's routes over real connections."""

import gzip
import json
import re
from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import StoreError
from pexschedd.scheduling.booking import BookedRoom
from pexschedd.web.addin.files import ConnectorFiles
from tests.web_addin.addin_support import ROOM, Behind, Server


def directives(policy: str) -> dict[str, list[str]]:
    parts = (directive.split() for directive in policy.split(";"))
    return {name: values for name, *values in parts}


@pytest_twisted.ensureDeferred
async def test_meeting_details(server: Server, behind: Behind) -> None:
    """A verified user gets a room, booked in their name, and it is not cached."""
    answer = await server.get("/1/meeting_details", token="alice")
    assert answer.status == 200
    assert answer.json == {
        "status": "success",
        "result": {
            "room_name": ROOM.mailbox_name,
            "room_email": ROOM.mailbox_address,
            "alias_id": ROOM.tag,
            "instructions": ROOM.instructions,
            "location": ROOM.location,
            "room_addresses": {
                "name": "Pexip Meeting",
                "addresses": ["room@example.test", "/o=First/cn=room"],
            },
        },
    }
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    assert behind.booked == [(1, "alice https://mail")]


@pytest_twisted.ensureDeferred
async def test_the_key_of_a_press(server: Server, behind: Behind) -> None:
    """The pane may name its request, so as to repeat it; nonsense is refused."""
    keyed: dict[str, Any] = {"request_id": "3f2a9c1e-77"}
    for headers in ({}, keyed):
        answer = await server.get("/1/meeting_details", token="alice", **headers)
        assert answer.status == 200
    assert behind.keys == ["", "3f2a9c1e-77"]
    for key in ("short", "x" * 65, "with blanks in it"):
        answer = await server.get("/1/meeting_details", token="alice", request_id=key)
        assert (answer.status, answer.json["code"]) == (400, "bad_request")
        assert "request-id" in answer.json["message"]
    assert len(behind.keys) == 2


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/2/meeting_details", {"token": "alice"}, 404, "not_found"),
        ("/x/meeting_details", {"token": "alice"}, 404, "http"),
        ("/1/meeting_details", {}, 401, "invalid_token"),
        ("/1/meeting_details", {"token": "bob"}, 401, "invalid_token"),
        ("/1/meeting_details", {"token": "\xe9"}, 401, "invalid_token"),
        ("/1/meeting_details?token=alice", {}, 401, "invalid_token"),
        ("/1/meeting_details", {"token": "down"}, 503, "unavailable"),
        ("/2/addin", {}, 404, "not_found"),
        ("/01/addin", {}, 404, "http"),
        ("/%D9%A1/addin", {}, 404, "http"),
        ("/2/images/addin_icon_80.png", {}, 404, "not_found"),
        ("/1/images/addin_icon_81.png", {}, 404, "not_found"),
        ("/static/x/../../pane.js", {}, 404, "http"),
        ("/static/x/missing.js", {}, 404, "not_found"),
        ("/", {}, 404, "http"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_refusals(
    server: Server,
    behind: Behind,
    path: str,
    headers: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """Whatever is refused comes as JSON with a stable code and an id for the log."""
    answer = await server.get(path, method="GET", **headers)
    assert answer.status == status
    assert answer.json["status"] == "error"
    assert answer.json["code"] == code
    assert answer.json["message"]
    assert answer.json["correlation_id"] == answer.headers["x-request-id"]
    assert behind.booked == []


@pytest_twisted.ensureDeferred
async def test_single_use_rooms_switched_off(server: Server, behind: Behind) -> None:
    """An integration without single-use rooms gives none, not even to its users."""
    behind.change(enable_dynamic_vmrs=False)
    answer = await server.get("/1/meeting_details", token="alice")
    assert (answer.status, behind.booked) == (404, [])
    assert "not enabled" in answer.json["message"]


@pytest_twisted.ensureDeferred
async def test_a_use_case_that_fails(server: Server, behind: Behind) -> None:
    """A store that cannot write is unavailable, and says so."""

    def fail() -> BookedRoom:
        raise StoreError("no space")

    behind.room = fail
    answer = await server.get("/1/meeting_details", token="alice")
    assert (answer.status, answer.json["code"]) == (503, "store")


@pytest_twisted.ensureDeferred
async def test_the_panes_headers(server: Server, behind: Behind) -> None:
    """The pane may be framed by Outlook alone, loads from known places, is not kept."""
    behind.change(
        addin_frame_ancestors="https://owa.example.test\nhttps://*.example.org:8443\n"
        "javascript:alert(1)\nhttps://a'; script-src *\n*"
    )
    answer = await server.get("/1/addin?m=3")
    policy = directives(answer.headers["content-security-policy"])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for absent in ("x-frame-options", "cross-origin-opener-policy", "set-cookie"):
        assert absent not in answer.headers
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == [
        "'self'",
        "https://appsforoffice.microsoft.com",
        "https://ajax.aspnetcdn.com",
    ]
    assert policy["style-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    ancestors = policy["frame-ancestors"]
    assert ancestors[0] == "'self'"
    assert "https://outlook.cloud.microsoft" in ancestors
    assert ancestors[-3:] == [
        "https://mail.example.test",
        "https://owa.example.test",
        "https://*.example.org:8443",
    ]


@pytest_twisted.ensureDeferred
async def test_custom_sources(server: Server, behind: Behind) -> None:
    """Scripts come from where the administrator says, and office.js is the last."""
    behind.change(
        use_custom_add_in_sources=True,
        office_js_url="https://web.example.test/pexip/js/office.js",
        microsoft_fabric_url="https://css.example.test/fabric.css",
        microsoft_fabric_components_url="",
        additional_add_in_script_sources="https://ajax.example.test/MicrosoftAjax.js\n"
        "not a url\n",
    )
    answer = await server.get("/1/addin")
    policy = directives(answer.headers["content-security-policy"])
    assert policy["script-src"] == [
        "'self'",
        "https://web.example.test",
        "https://ajax.example.test",
    ]
    assert policy["style-src"] == ["'self'", "https://css.example.test"]
    assert policy["frame-src"] == ["'self'", "https://web.example.test"]
    scripts = re.findall(r'<script src="([^"]+)', answer.body.decode())
    assert [url.rsplit("/", 1)[-1] for url in scripts] == [
        "pane-bundle.js",
        "MicrosoftAjax.js",
        "office.js",
    ]


@pytest_twisted.ensureDeferred
async def test_a_listed_office_js_replaces_the_other(
    server: Server, behind: Behind
) -> None:
    """Additional sources are preferred to other addresses of the same script."""
    behind.change(
        use_custom_add_in_sources=True,
        additional_add_in_script_sources="https://web.example.test/office.js",
    )
    answer = await server.get("/1/addin")
    assert answer.body.count(b"office.js") == 2  # the script and its name in the JSON
    assert b'src="https://appsforoffice' not in answer.body


@pytest_twisted.ensureDeferred
async def test_texts_cannot_break_the_page(server: Server, behind: Behind) -> None:
    """Texts with markup end up as text, or as the few allowed elements."""
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u2028"
    behind.change(
        addin_pane_title=evil,
        addin_pane_description=evil,
        addin_pane_button_title=evil,
        addin_pane_success_message=evil,
        room_mailbox_name=evil,
        placeholder_instructions_template=evil,
    )
    page = (await server.get("/1/addin")).body.decode()
    assert page.count("<script") == page.count("</script>") == 3
    assert "<img src=x" not in page
    assert "onerror" not in page.replace("onerror=alert(1)&gt;", "").replace(
        "onerror=alert(1)\\u003e", ""
    )


@pytest_twisted.ensureDeferred
async def test_icons(server: Server, files: ConnectorFiles, behind: Behind) -> None:
    """Icons may be cached by all, and for ever if the address has the revision."""
    plain = await server.get("/1/images/addin_icon_16.png")
    assert plain.headers["content-type"] == "image/png"
    assert plain.headers["cache-control"] == "public, max-age=3600"
    assert plain.headers["cross-origin-resource-policy"] == "cross-origin"
    assert plain.body == files.icon(behind.connectors[1], 16)
    revision = files.icon_revision(behind.connectors[1])
    dated = await server.get(f"/1/images/addin_icon_16.png?r={revision}")
    assert "immutable" in dated.headers["cache-control"]
    again = await server.get(
        "/1/images/addin_icon_16.png", if_none_match=plain.headers["etag"]
    )
    assert (again.status, again.body) == (304, b"")


@pytest_twisted.ensureDeferred
async def test_static_files(server: Server) -> None:
    """The page's files are kept for ever under the address that the page gives."""
    page = (await server.get("/1/addin")).body.decode()
    paths = re.findall(r'="\.\.(/static/[^"]+)"', page)
    assert len(paths) == 2
    words = re.findall(r'"\.\.(/static/\w+/pane-words-[^"]+)"', page)
    assert len(words) == 6
    for path in [*paths, *words]:
        answer = await server.get(path)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        kind = "css" if path.endswith("css") else "javascript"
        assert answer.headers["content-type"] == f"text/{kind}; charset=utf-8"
    odd = await server.get(paths[1], accept_encoding="\xff, gzip;q=\xb2")
    assert odd.status == 200
    small = await server.get(paths[1], accept_encoding="br, gzip;q=0.5")
    whole = await server.get(paths[1], accept_encoding="gzip;q=0")
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in whole.headers
    assert small.headers["vary"] == whole.headers["vary"] == "accept-encoding"
    assert gzip.decompress(small.body) == whole.body
    old = await server.get("/static/000000000000/pane.js")
    assert (old.status, old.headers["cache-control"]) == (200, "no-cache")


@pytest_twisted.ensureDeferred
async def test_methods(server: Server) -> None:
    """The routes are for reading."""
    answer = await server.get("/1/meeting_details", method="POST", token="alice")
    assert answer.status == 405
    head = await server.get("/1/images/addin_icon_80.png", method="HEAD")
    assert (head.status, head.body) == (200, b"")


@pytest_twisted.ensureDeferred
async def test_the_placeholder(server: Server, behind: Behind) -> None:
    """The pane has the rendered text from the start."""
    behind.change(placeholder_instructions_template="<p>Later, {{ 'é<' }}</p>")
    behind.placeholder = lambda connector: "<p>Later, é&lt;</p>"
    assert await placeholder(server) == "<p>Later, é&lt;</p>"


async def placeholder(server: Server) -> str:
    page = (await server.get("/1/addin")).body.decode()
    found = re.search(r'<script type="application/json" id="settings">(.+?)</s', page)
    assert found
    return str(json.loads(found[1])["placeholder"])


@pytest_twisted.ensureDeferred
async def test_what_opening_the_pane_transfers(server: Server) -> None:
    """Less than 40 KB gzipped, with a language and without Microsoft's library."""
    page = await server.get("/1/addin", accept_encoding="gzip")
    text = gzip.decompress(page.body).decode()
    paths = re.findall(r'="\.\.(/static/[^"]+)"', text)
    arabic = re.search(r"/static/\w+/pane-words-ar\.js", text)
    assert arabic
    sizes = [len(page.body)]
    for path in [*paths, arabic[0]]:
        answer = await server.get(path, accept_encoding="gzip")
        sizes.append(len(answer.body))
    assert sum(sizes) < 40_000, sizes


@pytest_twisted.ensureDeferred
async def test_the_commands_page(server: Server) -> None:
    """The page of the one-click command has the pane's headers and settings."""
    page = await server.get("/1/commands")
    assert b"commands-bundle.js" in page.body
    assert b'id="settings"' in page.body
    assert page.headers["cache-control"] == "no-store"
    assert "script-src" in page.headers["content-security-policy"]
