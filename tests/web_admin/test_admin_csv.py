"""Personal rooms and users as CSV, out and in."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.management.transfer.csv_columns import separated
from pexschedd.management.transfer.csv_table import read_table, write_row
from pexschedd.model import tables
from tests.web_admin.transfer_support import another, fill
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    Answer,
    Server,
)

CSV = "/api/admin/command/v1/csv/"
ROOMS, USERS = f"{CSV}personal_rooms/", f"{CSV}users/"


async def table(server: Server, path: str) -> bytes:
    answer = await server.client.ask("GET", path)
    assert answer.status == 200, answer.body
    return answer.body


async def send(server: Server, path: str, body: str | bytes) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    headers = {"content-type": "text/csv"}
    return await server.client.ask("POST", path, body=data, headers=headers)


async def plan(server: Server, path: str, body: str | bytes) -> Any:
    answer = await send(server, path, body)
    assert answer.status == 200, answer.body
    return answer.json


async def problems(server: Server, path: str, body: str | bytes) -> dict[str, Any]:
    answer = await send(server, path, body)
    assert answer.status == 400, answer.body
    (found,) = answer.json.values()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("separator", ["comma", "semicolon", "tab"])
@pytest_twisted.ensureDeferred
async def test_a_table_comes_back(
    server: Server, tmp_path: Path, separator: str
) -> None:
    """Rooms and users, written and read by an installation that has themes and groups
    of these names, are the same there; read again they change nothing."""
    await fill(server)
    odd = {"name": 'Say "hi", ; \n', "description": "=1+1", "pin": "0001"}
    answer = await server.client.ask("POST", CONFERENCE, odd)
    assert answer.status == 400, "no line ends in names"
    odd["name"] = 'Say "hi", ; Zoë'
    odd_room = await server.client.create(CONFERENCE, odd)
    for text in ("+47123", "a|b", "c\\d"):
        await server.client.create(ALIAS, {"alias": text, "conference": odd_room})
    query = f"?separator={separator}"
    rooms, users = [await table(server, each + query) for each in (ROOMS, USERS)]
    assert rooms.startswith(b"\xef\xbb\xbfname")
    assert b"'=1+1" in rooms
    async with another(tmp_path) as empty:
        await empty.client.create(f"{API}/ivr_theme/", {"name": "Night"})
        await empty.client.create(f"{API}/identity_provider_group/", {"name": "Staff"})
        for target, created in ((empty, [4, 3]), (empty, [0, 0]), (server, [0, 0])):
            found = [await plan(target, ROOMS, rooms), await plan(target, USERS, users)]
            assert [each["created"] for each in found] == created
            assert [each["changed"] for each in found] == [0, 0]
        assert await table(empty, ROOMS + query) == rooms
        assert (await table(empty, USERS + query)).splitlines()[0] in users
        found = await empty.client.objects(f"{CONFERENCE}?name__startswith=Say")
        assert [each["alias"] for each in found[0]["aliases"]] == [
            "+47123",
            "a|b",
            "c\\d",
        ]
        assert (found[0]["pin"], found[0]["description"]) == ("0001", "=1+1")


@pytest_twisted.ensureDeferred
async def test_a_table_says_what_it_would_change(server: Server) -> None:
    """A column that is left out stays; an empty cell takes a value away; the aliases of
    the cell are all that the room has; a dry run changes nothing."""
    await fill(server)
    body = (
        "name;aliases;primary_owner_email_address\r\n"
        "Room 0;room0@example.test|new@example.test;\r\n"
        "Room 1;room1@example.test;user1@example.test\r\n"
        "Room 9;nine@example.test;\r\n"
        ";;\r\n"
    )
    for path in (f"{ROOMS}?dry_run=true", ROOMS):
        found = await plan(server, path, body)
        assert (found["created"], found["changed"], found["unchanged"]) == (1, 1, 1)
        (changed, created) = found["records"]
        assert changed["record"] == "Room 0"
        assert changed["changes"] == [
            {
                "field": "primary_owner_email_address",
                "old": "user0@example.test",
                "new": "",
            },
            {
                "field": "aliases",
                "old": ["room0@example.test", "77"],
                "new": ["room0@example.test", "new@example.test"],
            },
        ]
        assert created["record"] == "Room 9"
        count = server.store.count(tables.CONFERENCE)
        assert count == (3 if "dry_run" in path else 4)
    (room,) = await server.client.objects(
        f"{CONFERENCE}?name=Room 0".replace(" ", "%20")
    )
    assert [each["alias"] for each in room["aliases"]] == [
        "room0@example.test",
        "new@example.test",
    ]
    assert room["pin"] == "0042"
    assert room["ivr_theme"]["name"] == "Night"


@pytest_twisted.ensureDeferred
async def test_all_errors_have_line_and_column(server: Server) -> None:
    """At once, also those of rows after one that cannot be read; and nothing of the
    table is made."""
    await fill(server)
    before = await table(server, ROOMS)
    body = (
        "name,pin,ivr_theme,aliases\n"
        "Good,1234,Night,good\n"
        'Bad,x,Nowhere,"a\nb"\n'
        "Taken,1234,,room1@example.test\n"
        "Good,1234,Night,\n"
        ",1234,,\n"
        "Enabled,1234,,,\n"
        'Read "too",1234,,\n'
        '"Not" so,1234,,\n'
        "Last,x,Nowhere,\n"
    )
    found = await problems(server, ROOMS, body)
    assert sorted(found) == [
        "line 10",
        "line 11, column ivr_theme",
        "line 11, column pin",
        "line 4, column aliases",
        "line 4, column ivr_theme",
        "line 4, column pin",
        "line 5, column aliases",
        "line 6, column name",
        "line 7, column name",
        "line 8",
    ]
    assert await table(server, ROOMS) == before


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", ["column name"]),
        (b"name,colour,name\n", ["column name", "column colour"]),
        ("näme\n".encode("utf-16"), ["file"]),
        ("name\nok\nZoë\n".encode("latin-1"), ["line 3"]),
        (b'name\n"open\n', ["line 2"]),
        (b"name\n" + b"x\n" * 20_001, ["file"]),
        (b"," * 4_000_000, ["line 1"]),
        (b"," * 1000 + b"\n", ["line 1"]),
        (b"name\n" + b"," * 4_000_000, ["line 2"]),
        (b"name\n" + b'x,"\n",' * 100_000, ["line 33335"]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_table_is_refused(
    server: Server, body: bytes, wrong: list[str]
) -> None:
    """It says where, and what would be right."""
    assert list(await problems(server, ROOMS, body)) == wrong


@pytest_twisted.ensureDeferred
async def test_roles_and_addresses(server: Server) -> None:
    """The help desk has both tables, readers that of users alone; other arguments,
    tables and types are refused."""
    for role, name in ((1, "reader"), (2, "helper")):
        account = {"name": name, "password": "long enough", "role": role}
        await server.client.create(f"{API}/administrator/", account)
    allowed = {
        ("reader", "GET", ROOMS): 403,
        ("reader", "GET", USERS): 200,
        ("reader", "POST", USERS): 403,
        ("helper", "GET", ROOMS): 200,
        ("helper", "POST", ROOMS): 200,
    }
    for (name, method, path), status in allowed.items():
        answer = await server.client.ask(
            method,
            path,
            body=b"name\n" if method == "POST" else None,
            auth=(name, "long enough"),
        )
        assert answer.status == status, (name, method, path)
    ask = server.client.ask
    assert (await ask("GET", f"{ROOMS}?separator=pipe")).status == 400
    assert (await ask("GET", f"{ROOMS}?dry_run=true")).status == 400
    assert (await ask("POST", f"{ROOMS}?dry_run=yes", body=b"name\n")).status == 400
    assert (await ask("GET", f"{CSV}meetings/")).status == 404
    assert (await ask("POST", ROOMS, {"name": "x"})).status == 415


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(CELLS, min_size=2, max_size=4), st.sampled_from(",;\t"))
def test_any_cell_comes_back(cells: list[str], separator: str) -> None:
    """And no spreadsheet takes one for a formula."""
    names = [f"n{number}" for number in range(len(cells))]
    body = write_row(names, separator) + write_row(cells, separator)
    shown = list(
        csv.reader(io.StringIO(body.decode(), newline=""), delimiter=separator)
    )
    assert not any(cell[:1] in "=+-@\t\r" for cell in shown[1] if cell)
    rows = [row.cells for row in read_table(body, names, [])]
    assert rows == ([dict(zip(names, cells, strict=True))] if any(cells) else [])


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool)))
def test_any_alias_comes_back(aliases: list[str]) -> None:
    """Whatever it has of what stands between aliases."""
    escaped = [each.replace("\\", "\\\\").replace("|", "\\|") for each in aliases]
    assert separated("|".join(escaped)) == aliases
