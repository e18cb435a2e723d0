"""Themes and groups of identity providers through the API, and what refers to them."""

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.scheduling.admission import Admission
from pexschedd.web.policy import answer
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Answer,
    Server,
)

THEME = f"{API}/ivr_theme/"
GROUP = f"{API}/identity_provider_group/"


def package() -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as file:
        file.writestr("themeconfig.json", '{"theme_version": 2}')
    return out.getvalue()


def form(parts: dict[str, bytes], boundary: str = "b0undary") -> bytes:
    """A form; `package` is a file."""
    lines = []
    for name, content in parts.items():
        more = '; filename="t.zip"' if name == "package" else ""
        lines.append(
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"{more}\r\n\r\n'.encode()
            + content
            + b"\r\n"
        )
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


async def send(
    server: Server, method: str, path: str, body: bytes, boundary: str = "b0undary"
) -> Answer:
    kind = f"multipart/form-data; boundary={boundary}"
    headers = {"content-type": kind}
    return await server.client.ask(method, path, body=body, headers=headers)


@pytest_twisted.ensureDeferred
async def test_a_theme_comes_with_its_package(server: Server) -> None:
    """The form that clients send makes and changes a theme; the answer says that the
    package is not kept, and a change of the record moves its time."""
    parts = {"name": b"Night", "custom_layouts": b"", "package": package()}
    made = await send(server, "POST", THEME, form(parts))
    assert made.status == 201, made.body
    (note,) = made.headers.getRawHeaders("x-configuration-warning")
    assert note.startswith("package: ")
    assert "not kept" in note
    theme = await server.client.get(made.location)
    assert len(theme.pop("uuid")) == 36
    assert theme == {
        "id": 1,
        "name": "Night",
        "custom_layouts": "",
        "pinning_configs": "",
        "last_updated": "2026-11-21T09:00:00.000000",
        "conference": [],
        "resource_uri": f"{THEME}1/",
    }
    server.clock.advance(hours=1)
    same = await send(server, "PATCH", made.location, form({"package": package()}))
    assert same.status == 202
    again = await server.client.get(made.location)
    assert again["last_updated"] == theme["last_updated"]
    changed = await send(
        server, "PUT", made.location, form({"name": b"Noche \xc3\xb1"})
    )
    assert changed.status < 300, changed.body
    renewed = await server.client.get(made.location)
    assert renewed["name"] == "Noche ñ"
    assert renewed["last_updated"] == "2026-11-21T10:00:00.000000"


@pytest_twisted.ensureDeferred
async def test_a_theme_as_json(server: Server) -> None:
    """Without a package a theme is a name; a package is sent as a file only, and the
    name is unique."""
    uri = await server.client.create(THEME, {"name": "Day", "package": None})
    assert (await server.client.ask("PATCH", uri, {"name": "Sun"})).status == 202
    problems = await server.client.refused("PATCH", uri, {"package": "UEsFBg=="})
    assert "multipart/form-data" in problems["package"][0]
    assert list(await server.client.refused("POST", THEME, {"name": "Sun"})) == ["name"]
    assert list(await server.client.refused("POST", THEME, {})) == ["name"]
    layouts = {"custom_layouts": "{}"}
    assert list(await server.client.refused("PATCH", uri, layouts)) == [*layouts]
    schema = await server.client.get(f"{THEME}schema/")
    assert schema["fields"]["package"]["type"] == "file"
    assert schema["fields"]["conference"]["readonly"] is True


WRONG_FORMS: list[tuple[bytes, str, str]] = [
    (form({"name": b"x", "package": b"no zip"}), "b0undary", "not a ZIP file"),
    (form({"name": b"x", "other": b"1"}), "b0undary", "no such field"),
    (form({"name": b"\xff"}), "b0undary", "not UTF-8"),
    (form({"name": b"x"})[:-6], "b0undary", "last boundary"),
    (b"", "b0undary", "last boundary"),
    (form({"name": b"x"}), "another", "last boundary"),
    (form({"name": b"x"}), '""', "boundary"),
    (form({"name": b"x"}), "b" * 71, "boundary"),
    (form({f"n{n}": b"x" for n in range(101)}), "b0undary", "100 parts"),
    (form({"name": b"x" * 300_000}), "b0undary", "bytes"),
    (form({"": b"x"}), "b0undary", "no name"),
    (form({"name": b"x"})[:-14] + form({"name": b"y"}), "b0undary", "stands twice"),
    (b"--b0undary\r\nx\r\n--b0undary--\r\n", "b0undary", "headers"),
]


@pytest.mark.parametrize(("body", "boundary", "words"), WRONG_FORMS)
@pytest_twisted.ensureDeferred
async def test_forms_that_cannot_be_taken(
    server: Server, body: bytes, boundary: str, words: str
) -> None:
    """Each gets an answer that says what is wrong, and makes nothing."""
    answer = await send(server, "POST", THEME, body, boundary)
    assert answer.status == 400, answer.body
    assert words in answer.body.decode()
    assert server.store.count(tables.IVR_THEME) == 0


@pytest_twisted.ensureDeferred
async def test_packages_may_be_larger_than_other_bodies(server: Server) -> None:
    """A package of some megabytes arrives, and is judged; one beyond the bound is cut
    off, and so is a large body elsewhere. Other resources take no forms."""
    large = b"\0" * (3 * 1024 * 1024)
    answer = await send(server, "POST", THEME, form({"name": b"x", "package": large}))
    assert answer.status == 400
    assert "not a ZIP file" in answer.json["ivr_theme"]["package"][0]
    assert (await send(server, "POST", GROUP, large)).status == 413
    assert (await send(server, "POST", THEME, b"\0" * (18 * 1024**2))).status == 413
    assert (await send(server, "POST", GROUP, form({"name": b"x"}))).status == 415


@pytest_twisted.ensureDeferred
async def test_a_group_is_a_name(server: Server) -> None:
    """A group is made, changed and deleted; its providers are the platform's."""
    uri = await server.client.create(GROUP, {"name": "Staff", "identity_provider": []})
    assert (await server.client.get(uri)) == {
        "id": 1,
        "name": "Staff",
        "description": "",
        "identity_provider": [],
        "resource_uri": uri,
    }
    providers = {"identity_provider": [f"{API}/identity_provider/1/"]}
    assert list(await server.client.refused("PATCH", uri, providers)) == [*providers]
    assert (await server.client.ask("PATCH", uri, {"description": "x"})).status == 202
    assert (await server.client.ask("DELETE", uri)).status == 204
    assert (await server.client.ask("GET", uri)).status == 404


@pytest_twisted.ensureDeferred
async def test_rooms_and_integrations_refer_to_them(server: Server) -> None:
    """A room shows its theme as a record, an integration as a URI; the theme shows its
    rooms; a room's guests sign in only where there are guests."""
    theme = await server.client.create(THEME, {"name": "Night"})
    group = await server.client.create(GROUP, {"name": "Staff"})
    settings = {"ivr_theme": theme, "host_identity_provider_group": group}
    room = await server.client.create(CONFERENCE, {"name": "Board", **settings})
    connector = await server.client.create(CONNECTOR, HEAD_OFFICE | settings)
    shown = await server.client.get(room)
    assert shown["ivr_theme"]["name"] == "Night"
    assert shown["ivr_theme"]["resource_uri"] == theme
    assert shown["host_identity_provider_group"] == group
    shown = await server.client.get(connector)
    assert {name: shown[name] for name in settings} == settings
    assert (await server.client.get(theme))["conference"] == [room]
    (found,) = await server.client.objects(f"{CONFERENCE}?ivr_theme__name=Night")
    assert found["resource_uri"] == room
    guests: dict[str, object] = {"guest_identity_provider_group": group}
    assert list(await server.client.refused("PATCH", room, guests)) == [*guests]
    guests |= {"allow_guests": True, "pin": "1234"}
    assert (await server.client.ask("PATCH", room, guests)).status == 202


@pytest_twisted.ensureDeferred
async def test_conferencing_nodes_are_told(server: Server) -> None:
    """The policy answer for a room names its theme and its groups, also after they were
    renamed."""
    theme = await server.client.create(THEME, {"name": "Night"})
    group = await server.client.create(GROUP, {"name": "Staff"})
    room = {
        "name": "Board",
        "aliases": [{"alias": "board@example.test"}],
        "ivr_theme": theme,
        "host_identity_provider_group": group,
    }
    await server.client.create(CONFERENCE, room)
    admission = Admission(server.store, server.clock)
    for name in ("Staff", "Employees"):
        await server.client.ask("PATCH", group, {"name": name})
        told = answer(admission.ask("sip:board@example.test"))
        assert told["action"] == "continue"
        assert told["result"]["ivr_theme_name"] == "Night"
        assert told["result"]["host_identity_provider_group"] == name


@pytest_twisted.ensureDeferred
async def test_what_nodes_are_not_told_is_said(server: Server) -> None:
    """Direct media do not go with breakout rooms: the answer says so when it is sent,
    and only then."""
    both = {"name": "Board", "breakout_rooms": True, "direct_media": "always"}
    made = await server.client.ask("POST", CONFERENCE, both)
    assert made.status == 201
    (note,) = made.headers.getRawHeaders("x-configuration-warning")
    assert note.startswith("direct_media: ")
    changed = await server.client.ask("PATCH", made.location, {"description": "x"})
    assert changed.headers.getRawHeaders("x-configuration-warning") is None


REFERENCES = [
    (THEME, CONFERENCE, {"name": "Board"}, "ivr_theme"),
    (THEME, CONNECTOR, HEAD_OFFICE, "ivr_theme"),
    (GROUP, CONFERENCE, {"name": "Board"}, "host_identity_provider_group"),
    (
        GROUP,
        CONFERENCE,
        {"name": "Board", "allow_guests": True, "pin": "1234"},
        "guest_identity_provider_group",
    ),
    (GROUP, CONNECTOR, HEAD_OFFICE, "host_identity_provider_group"),
]


@pytest.mark.parametrize(("resource", "other", "payload", "field"), REFERENCES)
@pytest_twisted.ensureDeferred
async def test_what_is_referred_to_stays(
    server: Server, resource: str, other: str, payload: dict[str, Any], field: str
) -> None:
    """It cannot be deleted, alone, with all or in a bulk, and the answer names who
    refers to it; it can be in the request that takes the reference away."""
    uri = await server.client.create(resource, {"name": "Night"})
    holder = await server.client.create(other, payload | {field: uri})
    bulk = {"deleted_objects": [uri]}
    for refused in (
        await server.client.ask("DELETE", uri),
        await server.client.ask("DELETE", f"{resource}?confirm=yes"),
        await server.client.ask("PATCH", resource, bulk),
    ):
        assert refused.status == 409, refused.body
        assert refused.json["code"] == "in_use"
        assert f'"{payload["name"]}"' in refused.json["error"]
        assert field in refused.json["error"]
    assert (await server.client.get(uri))["name"] == "Night"
    assert (await server.client.ask("PATCH", holder, {field: None})).status == 202
    assert (await server.client.ask("DELETE", uri)).status == 204
    assert field in await server.client.refused("PATCH", holder, {field: uri})


@pytest_twisted.ensureDeferred
async def test_many_that_refer_are_named_in_part(server: Server) -> None:
    """The first ones are named, and that there are more."""
    uri = await server.client.create(THEME, {"name": "Night"})
    with server.store.transaction() as change:
        for id_ in range(1, 10):
            room = Conference(id=id_, name=f"Room {id_}", ivr_theme=1)
            change.put(tables.CONFERENCE, room)
        await change.commit()
    error = (await server.client.ask("DELETE", uri)).json["error"]
    assert '"Room 5" and others' in error
    assert "Room 6" not in error
