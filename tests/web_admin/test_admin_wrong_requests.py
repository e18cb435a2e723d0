"""Wrong requests of all kinds: each has the right status and a text that helps, and
changes nothing."""

import gzip
from typing import Any, NamedTuple

import pytest_twisted

from pexschedd.model import tables
from pexschedd.web.site import BODY_LIMIT
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    CONNECTOR,
    DOMAIN,
    HEAD_OFFICE,
    SCHEDULED,
    Answer,
    Server,
)

ROOM = {"name": "Board", "aliases": [{"alias": "board"}, {"alias": "5551"}]}
END_USER = f"{API}/end_user/"
ROOMS_TABLE = "/api/admin/command/v1/csv/personal_rooms/"
IMPORT = "/api/admin/command/v1/configuration/import/"


class Wrong(NamedTuple):
    """A wrong request; `says` is in its answer."""

    status: int
    says: str
    method: str
    path: str
    sent: Any = None
    """JSON, or bytes."""
    headers: dict[str, str] = {}
    auth: tuple[str, str] | None = ("admin", "correct horse battery")


BRANCH = {**HEAD_OFFICE, "name": "B", "room_mailbox_email_address": "b@example.test"}

WRONG: tuple[Wrong, ...] = (
    # one field
    Wrong(400, "no such field", "POST", CONFERENCE, {"name": "x", "nmae": "y"}),
    Wrong(400, "required", "POST", CONFERENCE, {"description": "x"}),
    Wrong(400, "may not be empty", "POST", CONFERENCE, {"name": "  "}),
    Wrong(400, "must be a text", "POST", CONFERENCE, {"name": 5}),
    Wrong(400, "250 characters at most", "POST", CONFERENCE, {"name": "x" * 251}),
    Wrong(400, "Control characters", "POST", CONFERENCE, {"name": "a\0b"}),
    Wrong(400, "whole number", "PATCH", f"{CONNECTOR}1/", {"poll_interval": 1.5}),
    Wrong(400, "1 to 3600 seconds", "PATCH", f"{CONNECTOR}1/", {"poll_interval": 0}),
    Wrong(400, "1 to 3600", "PATCH", f"{CONNECTOR}1/", {"poll_interval": 10**300}),
    Wrong(400, "true or false", "PATCH", f"{CONFERENCE}1/", {"allow_guests": "yes"}),
    Wrong(400, "one of: audio", "PATCH", f"{CONFERENCE}1/", {"call_type": "x"}),
    Wrong(400, "may not be null", "PATCH", f"{CONFERENCE}1/", {"name": None}),
    Wrong(400, "a URL such as", "PATCH", f"{CONNECTOR}1/", {"url": "ftp://x"}),
    Wrong(
        400,
        "a time such as",
        "POST",
        SCHEDULED,
        {"conference": 1, "start_time": "now", "end_time": "2026-12-01T10:00:00"},
    ),
    Wrong(
        400,
        "line 1",
        "PATCH",
        f"{CONNECTOR}1/",
        {"conference_name_template": "{{subject"},
    ),
    Wrong(
        400,
        "required in the same request",
        "PATCH",
        f"{CONNECTOR}1/",
        {"url": "https://elsewhere.test/EWS/Exchange.asmx"},
    ),
    Wrong(
        400,
        "addresses have no blanks",
        "PATCH",
        f"{CONNECTOR}1/",
        {"scheduled_alias_prefix": "5 5"},
    ),
    # others' records
    Wrong(400, f"{CONFERENCE}1/ has it", "POST", CONFERENCE, {"name": "Board"}),
    Wrong(
        400,
        'an alias of conference 1 "Board"',
        "POST",
        ALIAS,
        {"alias": "BOARD", "conference": 1},
    ),
    Wrong(
        400,
        'The integration "Head office" uses this mailbox',
        "POST",
        CONNECTOR,
        {**HEAD_OFFICE, "name": "B"},
    ),
    Wrong(400, "no conference 99", "POST", ALIAS, {"alias": "x", "conference": 99}),
    Wrong(
        400,
        f"a URI such as {CONFERENCE}1/",
        "POST",
        ALIAS,
        {"alias": "x", "conference": f"{CONNECTOR}1/"},
    ),
    Wrong(
        400,
        "2: alias: This is in use",
        "POST",
        CONFERENCE,
        {"name": "x", "aliases": [{"alias": "new"}, {"alias": "board"}]},
    ),
    Wrong(400, "must be a list", "POST", CONFERENCE, {"name": "x", "aliases": "new"}),
    # bodies
    Wrong(400, "is empty", "POST", CONFERENCE, b""),
    Wrong(400, "not valid JSON", "POST", CONFERENCE, b'{"name": "x"'),
    Wrong(400, "a JSON object", "POST", CONFERENCE, [{"name": "x"}]),
    Wrong(400, "Latin-1", "POST", CONFERENCE, b'{"name": "caf\xe9"}'),
    Wrong(400, "UTF-16", "POST", CONFERENCE, '{"name": "x"}'.encode("utf-16")),
    Wrong(400, "surrogate", "POST", CONFERENCE, b'{"name": "a\\ud800b"}'),
    Wrong(400, "stands twice", "POST", CONFERENCE, b'{"name": "a", "name": "b"}'),
    Wrong(400, "NaN", "POST", CONFERENCE, b'{"name": "a", "participant_limit": NaN}'),
    Wrong(400, "too deeply", "POST", CONFERENCE, b"[" * 40_000 + b"]" * 40_000),
    Wrong(
        400,
        "more than 100000 values",
        "POST",
        CONFERENCE,
        b'{"name": [' + b"1," * 100_001 + b"1]}",
    ),
    Wrong(400, "(gzip)", "POST", CONFERENCE, gzip.compress(b'{"name": "x"}')),
    Wrong(
        415,
        "must not be compressed",
        "POST",
        CONFERENCE,
        gzip.compress(b'{"name": "x"}'),
        {"content-encoding": "gzip"},
    ),
    Wrong(
        415,
        "not a form",
        "POST",
        CONFERENCE,
        b"name=x",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    Wrong(
        415,
        "text/xml",
        "PATCH",
        f"{CONFERENCE}1/",
        b"<name>x</name>",
        {"content-type": "text/xml"},
    ),
    Wrong(
        415,
        "not a form (application/x-www-form-urlencoded)",
        "POST",
        ROOMS_TABLE,
        b"name\r\nx\r\n",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    Wrong(
        415,
        "not a form (multipart/form-data)",
        "POST",
        ROOMS_TABLE,
        b"name\r\nx\r\n",
        {"content-type": "multipart/form-data; boundary=x"},
    ),
    Wrong(
        415,
        "must be CSV, not application/json",
        "POST",
        ROOMS_TABLE,
        {"name": "x"},
    ),
    Wrong(
        400,
        "line 2, column pin",
        "POST",
        ROOMS_TABLE,
        b"name,pin\r\nx,one\r\n",
        {"content-type": "text/csv"},
    ),
    Wrong(
        400,
        'conference[0] "x": pin',
        "POST",
        IMPORT,
        {"resources": {"conference": [{"name": "x", "pin": "one"}, {"name": "y"}]}},
    ),
    Wrong(400, "no resource of a", "POST", IMPORT, {"resources": {"conferences": []}}),
    Wrong(413, str(BODY_LIMIT), "POST", CONFERENCE, bytes(BODY_LIMIT + 1)),
    # lists
    Wrong(400, "from 0 to 10000", "GET", f"{CONFERENCE}?limit=10001"),
    Wrong(400, "from 0 to", "GET", f"{CONFERENCE}?offset=-1"),
    Wrong(400, "no field 'x'", "GET", f"{CONFERENCE}?order_by=x"),
    Wrong(400, "no such filter", "GET", f"{CONFERENCE}?nmae=x"),
    Wrong(
        400,
        "through one relation",
        "GET",
        f"{SCHEDULED}?conference__aliases__alias=board",
    ),
    Wrong(400, "not UTF-8", "GET", f"{CONFERENCE}?name=caf%E9"),
    Wrong(400, "no such filter", "DELETE", f"{CONFERENCE}?nmae=x"),
    Wrong(400, "confirm=yes", "DELETE", CONFERENCE),
    Wrong(400, "not for a page", "DELETE", f"{CONFERENCE}?name=x&limit=5"),
    Wrong(400, "has no body", "DELETE", CONFERENCE, {"objects": []}),
    Wrong(400, "deleted_objects, or both", "PATCH", CONFERENCE, {}),
    Wrong(400, "deleted_objects, or both", "PATCH", CONFERENCE, {"objects": []}),
    Wrong(400, "or both", "PATCH", CONFERENCE, {"objects": [], "deleted_objects": []}),
    Wrong(400, "must be a list", "PATCH", CONFERENCE, {"objects": None}),
    Wrong(400, "no such field", "PATCH", CONFERENCE, {"name": "x"}),
    Wrong(
        400,
        "2: name: This may not be empty.",
        "PATCH",
        CONFERENCE,
        {"objects": [{"name": "fine"}, {"name": ""}]},
    ),
    Wrong(
        400,
        "2: There is no conference 99.",
        "PATCH",
        CONFERENCE,
        {"deleted_objects": [f"{CONFERENCE}1/", f"{CONFERENCE}99/"]},
    ),
    # addresses and methods
    Wrong(404, "no conference 99", "GET", f"{CONFERENCE}99/"),
    Wrong(404, "no conference 99", "PATCH", f"{CONFERENCE}99/", {"name": "x"}),
    Wrong(404, "no conference 99", "DELETE", f"{CONFERENCE}99/"),
    Wrong(404, f"{API}/ lists", "POST", f"{API}/conferences/", {"name": "x"}),
    Wrong(404, "/api/admin/ leads", "GET", f"{CONFERENCE}one/"),
    Wrong(404, "nothing here", "GET", f"{API}//conference/"),
    Wrong(405, "only GET, POST", "PUT", CONFERENCE, {"name": "x"}),
    Wrong(405, "only GET, PUT", "POST", f"{CONFERENCE}1/", {"name": "x"}),
    Wrong(405, "only GET", "POST", f"{API}/recurring_conference/", {}),
    Wrong(405, "only GET", "DELETE", "/api/admin/history/v1/alarm/"),
    # conditions and keys
    Wrong(
        412,
        "another administrator",
        "PATCH",
        f"{CONFERENCE}1/",
        {"name": "x"},
        {"if-match": '"0123"'},
    ),
    Wrong(
        400,
        "double quotes",
        "PATCH",
        f"{CONFERENCE}1/",
        {"name": "x"},
        {"if-match": "0123"},
    ),
    Wrong(
        412,
        "A list has no ETag",
        "DELETE",
        f"{CONFERENCE}?confirm=yes",
        None,
        {"if-match": '"0123"'},
    ),
    Wrong(
        400,
        "1 to 255 printable",
        "POST",
        CONFERENCE,
        {"name": "x"},
        {"idempotency-key": "k" * 256},
    ),
    Wrong(
        422,
        "another body",
        "POST",
        CONFERENCE,
        {"name": "x"},
        {"idempotency-key": "taken"},
    ),
    # who
    Wrong(401, "Sign in", "POST", CONFERENCE, {"name": "x"}, {}, None),
    Wrong(401, "is wrong", "POST", CONFERENCE, {"name": "x"}, {}, ("admin", "x")),
    Wrong(
        403,
        "another site",
        "POST",
        CONFERENCE,
        {"name": "x"},
        {"origin": "https://evil.test"},
    ),
)


async def ask(server: Server, wrong: Wrong) -> Answer:
    is_bytes = isinstance(wrong.sent, bytes)
    return await server.client.ask(
        wrong.method,
        wrong.path,
        None if is_bytes else wrong.sent,
        body=wrong.sent if is_bytes else None,
        headers=wrong.headers,
        auth=wrong.auth,
    )


def everything(server: Server) -> dict[str, list[object]]:
    """All records, but for the administrator's: it notes where sign-ins come from."""
    kept = [table for table in tables.TABLES if table is not tables.ADMINISTRATOR]
    return {table.name: list(server.store.all(table)) for table in kept}


def is_in_shape(answer: Answer) -> bool:
    """Whether an error is in the one shape of errors, or in that of wrong fields."""
    (request_id,) = answer.headers.getRawHeaders("x-request-id")
    if "correlation_id" in answer.json:
        return (
            answer.json.keys() == {"error", "code", "correlation_id"}
            and bool(answer.json["error"] and answer.json["code"])
            and answer.json["correlation_id"] == request_id
        )
    ((_, problems),) = answer.json.items()
    return answer.status == 400 and all(
        isinstance(text, str) for texts in problems.values() for text in texts
    )


@pytest_twisted.ensureDeferred
async def test_each_is_answered_and_changes_nothing(server: Server) -> None:
    """Each of fifty and more kinds of wrong request has its status, a text that says
    what is wrong, the common shape and a correlation id, and leaves all records as they
    were."""
    assert len(WRONG) >= 50
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.ask(
        "POST", CONFERENCE, ROOM, headers={"idempotency-key": "taken"}
    )
    await server.client.create(END_USER, {"primary_email_address": "a@example.test"})
    before = everything(server)
    failed = []
    for wrong in WRONG:
        answer = await ask(server, wrong)
        text = answer.body.decode().replace('\\"', '"')
        good = answer.status == wrong.status and wrong.says in text
        if not (good and is_in_shape(answer) and everything(server) == before):
            failed.append((wrong[:5], answer.status, text[:300]))
    assert not failed, "\n".join(map(str, failed))


@pytest_twisted.ensureDeferred
async def test_a_name_in_use_is_told_with_the_rest(server: Server) -> None:
    """A value that must be unique is looked up also where other fields are wrong."""
    await server.client.create(CONFERENCE, ROOM)
    wrong = {"name": "Board", "pin": "x", "aliases": [{"alias": "board"}]}
    problems = await server.client.refused("POST", CONFERENCE, wrong)
    assert problems.keys() == {"name", "pin", "aliases"}
    assert f"{CONFERENCE}1/ has it" in problems["name"][0]
    assert "an alias of conference 1" in problems["aliases"][0]
    same = {"name": "Board", "pin": "x"}
    problems = await server.client.refused("PATCH", f"{CONFERENCE}1/", same)
    assert problems.keys() == {"pin"}, "its own name is no other's"


@pytest_twisted.ensureDeferred
async def test_all_that_is_wrong_is_told_at_once(server: Server) -> None:
    """One answer names every wrong field of a record and of those that are nested in
    it."""
    wrong = {
        **BRANCH,
        "name": "",
        "poll_interval": 0,
        "enable_dynamic_vmrs": "maybe",
        "nmae": 1,
        "ivr_theme": "x",
        "domains": [{"domain": ""}, {"domian": "x.test"}],
    }
    problems = await server.client.refused("POST", CONNECTOR, wrong)
    assert set(problems) >= {
        "name",
        "poll_interval",
        "enable_dynamic_vmrs",
        "nmae",
        "ivr_theme",
        "domains",
    }
    starts = {text[:10] for text in problems["domains"]}
    assert starts >= {"1: domain:", "2: domain:"}
    assert await server.client.objects(CONNECTOR) == []
    assert await server.client.objects(DOMAIN) == []
