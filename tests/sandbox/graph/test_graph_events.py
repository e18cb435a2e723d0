"""Organizers' events: made, found, changed, repeated, and cancelled."""

from typing import Any

import pytest

from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    Document,
    GraphClient,
    GraphSandbox,
    answers,
    event_url,
)

EVENTS = f"/users/{ALICE}/events"


def new_event(*people: str, **more: Any) -> Document:
    """An event of Alice's, in Berlin, from 10 to 11."""
    berlin = "W. Europe Standard Time"
    return {
        "subject": "Weekly",
        "body": {"contentType": "html", "content": "<p>Agenda</p>"},
        "start": {"dateTime": "2026-12-01T10:00:00", "timeZone": berlin},
        "end": {"dateTime": "2026-12-01T11:00:00", "timeZone": berlin},
        "attendees": [
            {"type": "required", "emailAddress": {"address": each}} for each in people
        ],
        **more,
    }


def daily(count: int = 5) -> Document:
    return {
        "pattern": {"type": "daily", "interval": 1},
        "range": {
            "type": "numbered",
            "startDate": "2026-12-01",
            "numberOfOccurrences": count,
        },
    }


def test_create_an_event(client: GraphClient) -> None:
    """A new event is in the organizer's calendar as the zone has it, and its attendees
    are invited."""
    created = client.ask("POST", EVENTS, new_event(EQUIPMENT), status=201)
    assert created["start"]["dateTime"] == "2026-12-01T09:00:00.0000000"
    assert created["originalStartTimeZone"] == "W. Europe Standard Time"
    assert (created["isOrganizer"], created["showAs"]) == (True, "busy")
    (event,) = client.events()
    assert event["iCalUId"] == created["iCalUId"]
    assert event["subject"] == "Weekly"


def test_the_calendar(client: GraphClient) -> None:
    """There is one calendar, with or without its id in the path."""
    (calendar,) = client.get(f"/users/{ALICE}/calendars")["value"]
    assert client.get(f"/users/{ALICE}/calendar")["id"] == calendar["id"]
    client.ask("POST", EVENTS, new_event(), status=201)
    root = f"/users/{ALICE}/calendars"
    assert len(client.get(f"{root}/{calendar['id']}/events")["value"]) == 1
    code = client.code("GET", f"{root}/AAAA/events", status=404)
    assert code == "ErrorItemNotFound"


def test_find_an_event_by_its_uid(client: GraphClient) -> None:
    """The organizer's event is found by iCalUId, in its own case; by organizer it is
    not."""
    created = client.ask("POST", EVENTS, new_event(EQUIPMENT), status=201)
    client.ask("POST", EVENTS, new_event(BOB, subject="Other"), status=201)
    uid = created["iCalUId"]
    url = f"{EVENTS}?$filter=iCalUId eq '{uid}'&$select=id,changeKey&$top=5"
    (found,) = client.get(url)["value"]
    assert found["id"] == created["id"]
    assert client.get(url.replace(uid, uid.lower()))["value"] == []
    wrong = f"{EVENTS}?$filter=organizer/emailAddress/address eq '{ALICE}'"
    code = client.code("GET", wrong, status=400)
    assert code == "UnsupportedEntityExpression"


def test_an_event_that_is_found_late(graph: GraphSandbox, client: GraphClient) -> None:
    """A filter finds the organizer's new event later; by its id it is there at once."""
    graph.behaviour.configure({"late_meetings_s": 60})
    created = client.ask("POST", EVENTS, new_event(EQUIPMENT), status=201)
    url = f"{EVENTS}?$filter=iCalUId eq '{created['iCalUId']}'"
    assert client.get(url)["value"] == []
    assert client.get(f"{EVENTS}/{created['id']}")["id"] == created["id"]
    graph.later(seconds=60)
    assert len(client.get(url)["value"]) == 1


def test_change_a_body_only_if_nobody_else_did(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A change needs the ETag it began with; after another's change it is refused."""
    created = client.ask("POST", EVENTS, new_event(EQUIPMENT), status=201)
    url = event_url(created, ALICE)
    graph.later(seconds=1)
    body = {"body": {"contentType": "html", "content": "<p>Another</p>"}}
    match = {"If-Match": created["@odata.etag"]}
    changed = client.ask("PATCH", url, body, headers=match)
    assert "Another" in changed["body"]["content"]
    assert changed["changeKey"] != created["changeKey"]
    code = client.code("PATCH", url, body, headers=match, status=412)
    assert code == "ErrorIrresolvableConflict"
    assert len(client.inbox()) == 2
    assert changed["isDraft"] is False
    graph.organisation(body_change_mails=False)
    changed = client.ask("PATCH", url, body, headers={"If-Match": "*"})
    assert len(client.inbox()) == 2
    assert changed["isDraft"] is True
    assert client.ask("PATCH", url, {"isReminderOn": False})["isDraft"] is True
    people = {"attendees": created["attendees"]}
    assert client.ask("PATCH", url, {**body, **people})["isDraft"] is False
    assert len(client.inbox()) == 3


def test_whom_a_change_is_told(graph: GraphSandbox, client: GraphClient) -> None:
    """A change of attendees alone is told to those who are new; of one's own reminder
    to nobody; any other to all, of times with all answers void."""
    created = client.ask("POST", EVENTS, new_event(EQUIPMENT), status=201)
    url = event_url(created, ALICE)
    (event,) = client.events()
    client.ask("POST", f"{event_url(event)}/accept", {}, status=202)
    people = created["attendees"] + [
        {"type": "optional", "emailAddress": {"address": BOB}}
    ]
    client.ask("PATCH", url, {"attendees": people})
    assert (len(client.inbox()), len(client.inbox(BOB))) == (1, 1)
    assert answers(client)[EQUIPMENT] == "accepted"
    client.ask("PATCH", url, {"isReminderOn": False})
    assert (len(client.inbox()), len(client.inbox(BOB))) == (1, 1)
    graph.later(seconds=1)
    later = {
        "start": {"dateTime": "2026-12-01T12:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-01T13:00:00", "timeZone": "Europe/Berlin"},
    }
    changed = client.ask("PATCH", url, later)
    assert changed["start"]["dateTime"] == "2026-12-01T11:00:00.0000000"
    assert (len(client.inbox()), len(client.inbox(BOB))) == (2, 2)
    assert answers(client)[EQUIPMENT] == "none"


def test_an_online_meeting(client: GraphClient) -> None:
    """A new online meeting has a block in its body; a body without it turns it off."""
    event = new_event(EQUIPMENT, isOnlineMeeting=True)
    created = client.ask("POST", EVENTS, event, status=201)
    assert created["isOnlineMeeting"] is True
    assert created["onlineMeeting"]["joinUrl"] in created["body"]["content"]
    body = {"body": {"contentType": "html", "content": "<p>Without</p>"}}
    changed = client.ask("PATCH", event_url(created, ALICE), body)
    assert (changed["isOnlineMeeting"], changed["onlineMeeting"]) == (False, None)


@pytest.mark.parametrize("how", ["cancel", "DELETE"])
def test_the_organizer_cancels(
    graph: GraphSandbox, client: GraphClient, how: str
) -> None:
    """The organizer cancels, or deletes, and all attendees are told."""
    created = client.ask("POST", EVENTS, new_event(EQUIPMENT), status=201)
    graph.later(seconds=1)
    url = event_url(created, ALICE)
    if how == "cancel":
        client.ask("POST", f"{url}/cancel", {"comment": "Sorry"}, status=202)
    else:
        client.ask("DELETE", url, status=204)
    assert client.events(ALICE) == []
    newest = client.inbox()[0]
    assert newest["meetingMessageType"] == "meetingCancelled"
    assert ("Sorry" in newest["body"]["content"]) is (how == "cancel")


def test_a_series(graph: GraphSandbox, client: GraphClient) -> None:
    """A series has instances with ids of their own; one that is changed is an
    exception, one that is deleted is listed by its date."""
    created = client.ask(
        "POST", EVENTS, new_event(EQUIPMENT, recurrence=daily()), status=201
    )
    assert created["type"] == "seriesMaster"
    url = event_url(created, ALICE)
    span = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z"
    instances = client.get(f"{url}/instances?{span}")["value"]
    assert len(instances) == 5
    graph.later(seconds=1)
    moved = {
        "start": {"dateTime": "2026-12-02T15:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-02T16:00:00", "timeZone": "UTC"},
    }
    second = client.ask("PATCH", event_url(instances[1], ALICE), moved)
    assert (second["type"], second["seriesMasterId"]) == ("exception", created["id"])
    assert second["originalStart"] == "2026-12-02T09:00:00Z"
    client.ask("DELETE", event_url(instances[2], ALICE), status=204)
    query = "?$select=subject,cancelledOccurrences&$expand=exceptionOccurrences"
    master = client.get(url + query)
    (cancelled,) = master["cancelledOccurrences"]
    assert cancelled.endswith(".2026-12-03")
    assert [each["id"] for each in master["exceptionOccurrences"]] == [second["id"]]
    kinds = [each["meetingMessageType"] for each in client.inbox()]
    assert sorted(kinds) == ["meetingCancelled", "meetingRequest", "meetingRequest"]
    code = client.code("GET", f"{EVENTS}?$expand=exceptionOccurrences", status=400)
    assert code == "ErrorInvalidRequest"
    view = client.get(f"/users/{ALICE}/calendarView?{span}")["value"]
    assert len(view) == 4


@pytest.mark.parametrize(
    ("pattern", "first"),
    [
        ({"type": "weekly", "interval": 2, "daysOfWeek": ["thursday"]}, "2026-12-03"),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 15}, "2026-12-15"),
        (
            {
                "type": "relativeMonthly",
                "interval": 1,
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "index": "last",
            },
            "2026-12-31",
        ),
        (
            {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 24, "month": 12},
            "2026-12-24",
        ),
        (
            {
                "type": "relativeYearly",
                "interval": 1,
                "daysOfWeek": ["sunday"],
                "index": "second",
                "month": 12,
            },
            "2026-12-13",
        ),
    ],
)
def test_patterns(client: GraphClient, pattern: Document, first: str) -> None:
    """Every pattern comes back as it was given, and begins with its first
    occurrence."""
    recurrence = {**daily(3), "pattern": pattern}
    event = new_event(recurrence=recurrence)
    created = client.ask("POST", EVENTS, event, status=201)
    assert created["start"]["dateTime"].startswith(first)
    found = created["recurrence"]["pattern"]
    assert {name: found[name] for name in pattern} == pattern
    assert created["recurrence"]["range"]["recurrenceTimeZone"] == (
        "W. Europe Standard Time"
    )


def test_an_all_day_event(client: GraphClient) -> None:
    """An all-day event is from midnight to midnight in whatever zone."""
    event = new_event(
        isAllDay=True,
        start={"dateTime": "2026-12-01T00:00:00", "timeZone": "Tokyo Standard Time"},
        end={"dateTime": "2026-12-02T00:00:00", "timeZone": "Tokyo Standard Time"},
    )
    client.ask("POST", EVENTS, event, status=201)
    for zone in ("UTC", "Pacific Standard Time"):
        prefer = {"Prefer": f'outlook.timezone="{zone}"'}
        (found,) = client.events(ALICE, headers=prefer)
        assert found["start"]["dateTime"] == "2026-12-01T00:00:00.0000000"
        assert found["end"]["dateTime"] == "2026-12-02T00:00:00.0000000"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"start": None}, "ErrorInvalidRequest"),
        ({"start": {"dateTime": "soon", "timeZone": "UTC"}}, "ErrorInvalidRequest"),
        (
            {"start": {"dateTime": "2026-12-01T10:00:00", "timeZone": "Nowhere"}},
            "TimeZoneNotSupportedException",
        ),
        (
            {"end": {"dateTime": "2026-11-01T10:00:00"}},
            "ErrorPropertyValidationFailure",
        ),
        ({"colour": "red"}, "RequestBodyRead"),
        ({"organizer": {}}, "ErrorInvalidPropertySet"),
        ({"attendees": [{}]}, "ErrorInvalidRecipients"),
        ({"categories": 5}, "ErrorInvalidRequest"),
        ({"importance": "huge"}, "ErrorInvalidRequest"),
        ({"showAs": "asleep"}, "ErrorInvalidRequest"),
        ({"subject": ["a"]}, "ErrorInvalidRequest"),
        (
            {"start": {"dateTime": "0001-01-01T00:00:00", "timeZone": "UTC"}},
            "ErrorInvalidRequest",
        ),
        ({"attendees": [{}] * 501}, "ErrorInvalidRequest"),
        ({"recurrence": {"pattern": {}}}, "ErrorInvalidRequest"),
        ({"body": {"contentType": "rtf", "content": ""}}, "ErrorInvalidRequest"),
    ],
)
def test_events_that_make_no_sense(
    client: GraphClient, change: Document, code: str
) -> None:
    """A mistake in a new event is refused, and nothing is made."""
    event = new_event(EQUIPMENT, **change)
    assert client.code("POST", EVENTS, event, status=400, check=False) == code
    assert client.events(ALICE) == []
