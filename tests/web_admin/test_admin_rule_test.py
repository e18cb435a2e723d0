"""The command that tests the rules of One-Touch Join with an invitation."""

import base64
import pickle
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from pexschedd.errors import InvalidFields, TooManyRequests
from pexschedd.management.onetouch.rule_tests import MOST_WAITING, RuleTests
from pexschedd.onetouch.invitation.files import MOST_BYTES
from pexschedd.util.worker_processes import WorkerProcesses
from pexschedd.web.admin.commands.rule_test import COMMAND, large_invitations
from pexschedd.web.site import BODY_LIMIT
from tests.web_admin.one_touch_join_support import PROFILE, ROOMS, RULE
from tests.web_admin.web_admin_support import API, Answer, Clock, Server, open_store

ZOOM = "https://zoom.us/j/95812345678"
MAIL = (
    b"From: Alice <alice@example.test>\r\nTo: oak@example.test\r\n"
    b"Subject: Budget\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nJoin: https://zoom.us/j/95812345678\r\n"
)
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Budget\r\n"
    "CLASS:PRIVATE\r\nORGANIZER;CN=Alice:mailto:alice@example.test\r\n"
    "DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\n"
    f"DESCRIPTION:{ZOOM}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


async def with_a_profile(server: Server, **settings: Any) -> None:
    """A profile whose rules look for an own domain, and then for Zoom."""
    create = server.client.create
    await create(f"{API}/mjx_exchange_deployment/", ROOMS)
    await create(f"{API}/mjx_integration/", PROFILE | settings)
    own = {"name": "Own", "meeting_type": "domain", "domain": "rooms.test"}
    await create(f"{API}/mjx_meeting_processing_rule/", RULE | own | {"priority": 1})
    await create(f"{API}/mjx_meeting_processing_rule/", RULE)


async def findings(server: Server, **sent: Any) -> Any:
    answer = await server.client.ask("POST", COMMAND, sent)
    assert answer.status == 200, answer.body
    return answer.json


async def sent_as(
    server: Server, content_type: str, body: bytes, query: str = ""
) -> Answer:
    headers = {"content-type": content_type}
    path = f"{COMMAND}{query}"
    return await server.client.ask("POST", path, body=body, headers=headers)


@pytest_twisted.ensureDeferred
async def test_a_profile_s_rules_say_why(server: Server) -> None:
    """The answer has what is dialled, the rule that matched, and for each of the others
    why it did not."""
    await with_a_profile(server)
    found = await findings(server, text=f"Join: {ZOOM}", mjx_integration=1)
    assert (found["alias"], found["rule"]) == ("95812345678@zoomcrc.com", "Zoom")
    assert (found["protocol"], found["platform"]) == ("SIP", "Zoom")
    tried = {each["rule"]: each["reason"] for each in found["tried"]}
    assert list(tried) == ["Own", "Zoom"]
    assert "rooms.test" in tried["Own"] or "no" in tried["Own"]
    assert found["links"][0]["url"] == ZOOM
    assert found["screen"]["has_join"] is True
    assert found["screen"]["reason"] == ""


@pytest.mark.parametrize(
    "sent",
    [
        {"text": ZOOM},
        {"html": f'<p><a href="{ZOOM}">Join</a></p>'},
        {"file": base64.b64encode(MAIL).decode()},
        {"file": base64.encodebytes(CALENDAR.encode()).decode()},
        {"file": base64.b64encode(ZOOM.encode()).decode(), "kind": "txt"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_invitation_in_json(server: Server, sent: Any) -> None:
    """A text, HTML, a mail and a calendar file are read; without a profile all services
    are looked for."""
    found = await findings(server, **sent)
    assert found["alias"] == "95812345678@zoomcrc.com"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("message/rfc822", MAIL),
        ("text/calendar; charset=utf-8", CALENDAR.encode()),
        ("text/html", f'<a href="{ZOOM}">Join</a>'.encode()),
        ("text/plain", ZOOM.encode()),
        ("application/octet-stream", MAIL),
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_invitation_as_it_is(
    server: Server, content_type: str, body: bytes
) -> None:
    """An invitation may be the body, by its content type, with the rest in the
    address."""
    await with_a_profile(server)
    query = "?mjx_integration=1&subject=Budget&location=Oak"
    answer = await sent_as(server, content_type, body, query)
    assert answer.status == 200, answer.body
    assert answer.json["alias"] == "95812345678@zoomcrc.com"
    assert answer.json["screen"]["title"] in ("Budget", "Alice")


@pytest_twisted.ensureDeferred
async def test_the_screen_is_the_profile_s(server: Server) -> None:
    """Private meetings, subjects and buffers are as the profile has them."""
    await with_a_profile(server, start_buffer=10, end_buffer=15)
    file = base64.b64encode(CALENDAR.encode()).decode()
    screen = (await findings(server, file=file, mjx_integration=1))["screen"]
    assert screen == {
        "is_shown": True,
        "title": "Alice",
        "has_join": True,
        "join_from": "2026-12-01T08:50:00.000000",
        "join_until": "2026-12-01T10:15:00.000000",
        "reason": "",
    }
    profile = f"{API}/mjx_integration/1/"
    for change, reason in (
        (
            {"process_alias_private_meetings": False},
            "The profile gives private meetings no Join.",
        ),
        (
            {"enable_private_meetings": False},
            "The profile does not show private meetings.",
        ),
    ):
        await server.client.ask("PATCH", profile, change)
        screen = (await findings(server, file=file, mjx_integration=1))["screen"]
        assert (screen["has_join"], screen["reason"]) == (False, reason)
    assert screen["is_shown"] is False


@pytest_twisted.ensureDeferred
async def test_rules_can_be_tried_before_they_are_saved(server: Server) -> None:
    """Rules of the request are applied, wrong ones are named with their fields, and
    what the API answers can be sent as it is."""
    rule = {"name": "Acme", "priority": 1, "meeting_type": "regex_re2"}
    rule |= {"match_string": "room ([0-9]+)", "replace_string": r"\1@acme.test"}
    found = await findings(server, text="room 42", rules=[rule])
    assert (found["alias"], found["rule"]) == ("42@acme.test", "Acme")
    await with_a_profile(server)
    stored = await server.client.objects(f"{API}/mjx_meeting_processing_rule/")
    found = await findings(server, text=ZOOM, rules=stored)
    assert found["rule"] == "Zoom"
    wrong = {"text": ZOOM, "rules": [rule | {"match_string": "("}]}
    problems = await server.client.refused("POST", COMMAND, wrong)
    assert list(problems) == ["rules.0.match_string"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "text"),
        ({"text": "x", "html": "x"}, "html"),
        ({"file": "?"}, "file"),
        ({"text": "x", "mjx_integration": 7}, "mjx_integration"),
        ({"text": "x", "mjx_integration": "x"}, "mjx_integration"),
        ({"text": "x", "subject": "x" * 1_001}, "subject"),
        (
            {"text": "x", "mjx_integration": 1, "rules": [{}]},
            "rules",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_requests_are_named(server: Server, sent: Any, field: str) -> None:
    """The answer names what is wrong with a request."""
    await with_a_profile(server)
    assert list(await server.client.refused("POST", COMMAND, sent)) == [field]


@pytest_twisted.ensureDeferred
async def test_long_requests_are_refused(server: Server) -> None:
    """JSON has a MiB at most, and an invitation as it is what its reader takes."""
    assert large_invitations() == {COMMAND.encode(): MOST_BYTES + 1}
    long = b'{"text": "' + b"x" * BODY_LIMIT + b'"}'
    answer = await sent_as(server, "application/json", long)
    assert answer.status in (400, 413)
    answer = await sent_as(server, "application/pdf", b"x")
    assert answer.status == 415


@pytest_twisted.ensureDeferred
async def test_nothing_of_an_invitation_is_logged(
    server: Server, logged: list[str]
) -> None:
    """Neither its subject nor its text, also not if it is refused."""
    await findings(server, text=f"Secret {ZOOM}", subject="Secret plan")
    await server.client.ask("POST", COMMAND, {"text": "Secret", "html": "Secret"})
    assert not [line for line in logged if "Secret" in line]


@pytest_twisted.ensureDeferred
async def test_tests_run_in_a_process_apart(tmp_path: Any) -> None:
    """Even a short text is read there, and its refusal comes back with its fields."""
    store = open_store(tmp_path)
    processes = WorkerProcesses(reactor, processes=1)
    try:
        tests = RuleTests(store, processes, Clock())
        found = await tests.run(None, data=ZOOM.encode())
        assert found.report.rule == "Zoom"
        with pytest.raises(InvalidFields) as caught:
            await tests.run(None, data=b"?", is_base64=True)
        assert list(caught.value.problems) == ["file"]
        assert processes._alive
    finally:
        await processes.stop()
        await store.close()


@pytest_twisted.ensureDeferred
async def test_not_many_tests_wait(tmp_path: Any) -> None:
    """Of many tests at once the last ones are refused, until others have ended."""
    store = open_store(tmp_path)
    waiting: list[Deferred[Any]] = []

    async def never(work: Any, cost: int) -> Any:
        waiting.append(Deferred())
        return await waiting[-1]

    tests = RuleTests(store, never, Clock())
    running: list[Deferred[Any]] = [
        ensureDeferred(tests.run(None, data=b"x")) for _ in range(MOST_WAITING)
    ]
    with pytest.raises(TooManyRequests):
        await tests.run(None, data=b"x")
    waiting[0].callback("done")
    assert await running[0] == "done"
    last: Deferred[Any] = ensureDeferred(tests.run(None, data=b"x"))
    for each in waiting[1:]:
        each.callback("done")
    assert await last == "done"
    await store.close()


def test_refusals_come_back_from_a_process() -> None:
    """What is wrong with which field is the same after it was pickled."""
    pickled = pickle.dumps(InvalidFields({"a": ["x"]}))
    error = pickle.loads(pickled)  # noqa: S301 - our own
    assert error.problems == {"a": ["x"]}
