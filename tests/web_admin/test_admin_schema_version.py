"""The version of what resources say about themselves."""

import re
from typing import Annotated, Any

import pytest
import pytest_twisted

from pexschedd.management.resource import Resource
from pexschedd.model.fields.declaration import Field, Record
from pexschedd.model.table import Table
from pexschedd.web.admin.schema import schema
from tests.web_admin.web_admin_support import API, CONFERENCE, Server

OF_THE_PLATFORM = {
    "allowed_detail_http_methods",
    "allowed_list_http_methods",
    "default_format",
    "default_limit",
    "fields",
    "filtering",
    "ordering",
}


class Door(Record, frozen=True, kw_only=True):
    """A door."""

    name: Annotated[str, Field(help="On the sign.")]


class Reworded(Record, frozen=True, kw_only=True):
    """A door."""

    name: Annotated[str, Field(help="As it is on the sign.")]


class Longer(Record, frozen=True, kw_only=True):
    """A door that has a storey, too."""

    name: Annotated[str, Field(help="On the sign.")]
    storey: int = 0


class Chosen(Record, frozen=True, kw_only=True):
    """A door of one of two names."""

    name: Annotated[str, Field(help="On the sign.", choices=("left", "right"))]


class Optional(Record, frozen=True, kw_only=True):
    """A door that need not have a name."""

    name: Annotated[str, Field(help="On the sign.")] = ""


def version_of(record: type[Record], **options: Any) -> str:
    return str(schema(Resource(Table("door", record), **options), 20)["version"])


def test_words_do_not_count() -> None:
    """The version is the same for other help texts, and whenever it is asked for."""
    assert version_of(Door) == version_of(Door) == version_of(Reworded)
    assert re.fullmatch("[0-9a-f]{12}", version_of(Door))


@pytest.mark.parametrize("record", [Longer, Chosen, Optional])
def test_fields_count(record: type[Record]) -> None:
    """Another field, another choice or another default is another version."""
    assert version_of(record) != version_of(Door)


def test_methods_count() -> None:
    """A list in which nothing can be made any more is another version."""
    assert version_of(Door, read_only=True) != version_of(Door)


@pytest_twisted.ensureDeferred
async def test_it_stands_beside_what_the_platform_has(server: Server) -> None:
    """A schema has the platform's keys and the version; a client that has it already
    need not read it again; a role that sees fewer fields sees another version."""
    path = f"{CONFERENCE}schema/"
    answer = await server.client.ask("GET", path)
    assert answer.json.keys() == OF_THE_PLATFORM | {"version"}
    (tag,) = answer.headers.getRawHeaders("etag")
    again = await server.client.ask("GET", path, headers={"if-none-match": tag})
    assert (again.status, again.body) == (304, b"")
    reader = {"name": "rita", "password": "only reading", "role": 1}
    await server.client.create(f"{API}/administrator/", reader)
    less = await server.client.ask(
        "GET",
        path,
        auth=("rita", "only reading"),
        headers={"if-none-match": tag},
    )
    assert less.status == 200
    assert "pin" not in less.json["fields"]
    assert less.json["version"] != answer.json["version"]
