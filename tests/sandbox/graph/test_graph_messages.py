"""Messages: what they hold, how they are listed, deleted and moved."""

import base64
from datetime import timedelta

import pytest

from pexschedd.sandbox import MeetingAnswer, SeriesRecurrence
from pexschedd.sandbox.items import ids
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    CLEAN_GOID,
    EQUIPMENT,
    GOID,
    HOUR,
    IMMUTABLE,
    MEETING,
    SEQUENCE,
    SILENT,
    WITH_EVENT,
    GraphClient,
    GraphSandbox,
    message_url,
)

FOLDER = f"/users/{EQUIPMENT}/mailFolders/inbox/messages"
FAR = "startDateTime=9999-12-30T00:00:00Z&endDateTime=9999-12-31T00:00:00Z"
EXTENDED = f"$expand=singleValueExtendedProperties($filter=id eq '{CLEAN_GOID}'"


def test_a_request(graph: GraphSandbox, client: GraphClient) -> None:
    """A meeting request says what it is, when and where, and from whom."""
    graph.invite(location="Room 1")
    found = client.one()
    assert found["@odata.type"] == "#microsoft.graph.eventMessageRequest"
    assert found["meetingMessageType"] == "meetingRequest"
    assert found["meetingRequestType"] == "newMeetingRequest"
    assert found["type"] == "singleInstance"
    assert found["startDateTime"] == {
        "dateTime": "2026-12-01T09:00:00.0000000",
        "timeZone": "UTC",
    }
    assert found["location"]["displayName"] == "Room 1"
    assert found["from"]["emailAddress"]["address"] == ALICE
    assert found["body"]["contentType"] == "html"
    assert "Agenda" in found["body"]["content"]
    assert "event" not in found


def test_an_update_and_a_cancellation(graph: GraphSandbox, client: GraphClient) -> None:
    """An update is told by its request type, a cancellation by its message type."""
    meeting = graph.invite()
    graph.exchange.update(meeting, start=MEETING + HOUR, end=MEETING + 2 * HOUR)
    graph.later(seconds=2)
    graph.exchange.cancel(meeting)
    cancelled, update, first = client.inbox()
    assert cancelled["@odata.type"] == "#microsoft.graph.eventMessage"
    assert cancelled["meetingMessageType"] == "meetingCancelled"
    assert "meetingRequestType" not in cancelled
    assert update["meetingRequestType"] == "fullUpdate"
    assert (update["isOutOfDate"], first["isOutOfDate"]) == (True, True)


@pytest.mark.parametrize(
    ("answer", "kind", "response"),
    [
        (MeetingAnswer.ACCEPT, "meetingAccepted", "accepted"),
        (MeetingAnswer.TENTATIVE, "meetingTenativelyAccepted", "tentativelyAccepted"),
        (MeetingAnswer.DECLINE, "meetingDeclined", "declined"),
    ],
)
def test_a_response(
    graph: GraphSandbox,
    client: GraphClient,
    answer: MeetingAnswer,
    kind: str,
    response: str,
) -> None:
    """A response is of its own type, and names the answer in two ways."""
    graph.invite(BOB)
    (request,) = graph.exchange.mailbox(BOB).inbox()
    graph.exchange.respond(request, answer)
    found = client.one(ALICE)
    assert found["@odata.type"] == "#microsoft.graph.eventMessageResponse"
    assert (found["meetingMessageType"], found["responseType"]) == (kind, response)


def test_the_event_of_a_message(graph: GraphSandbox, client: GraphClient) -> None:
    """The expanded event is the attendee's own, tentative and not answered yet."""
    meeting = graph.invite()
    event = client.one(expand=WITH_EVENT)["event"]
    assert event["responseStatus"]["response"] == "notResponded"
    assert (event["isOrganizer"], event["showAs"]) == (False, "tentative")
    assert event["iCalUId"] == ids.uid(meeting.meeting.goid)
    assert event["organizer"]["emailAddress"]["address"] == ALICE
    chosen = client.one(expand=f"{WITH_EVENT}($select=iCalUId)")["event"]
    assert set(chosen) == {"@odata.etag", "id", "iCalUId"}


@pytest.mark.parametrize(("setting", "value"), [("null", None), ("empty", {})])
def test_no_event_without_processing(
    graph: GraphSandbox, client: GraphClient, setting: str, value: object
) -> None:
    """In a mailbox that processes nothing a request has no event, said in either
    way."""
    graph.organisation(missing_event=setting)
    graph.invite(SILENT)
    assert client.one(SILENT, expand=WITH_EVENT)["event"] == value
    assert client.events(SILENT) == []


def test_extended_properties(graph: GraphSandbox, client: GraphClient) -> None:
    """Extended properties are given for the ids asked for, as texts, with their ids in
    lower case."""
    meeting = graph.invite()
    query = f"{EXTENDED} or id eq '{SEQUENCE}' or id eq 'String 0x1A'"
    url = message_url(client.one())
    wrong = client.code("GET", f"{url}?{query} or id eq 'Long 1')", status=400)
    assert wrong == "ErrorInvalidProperty"
    found = client.get(f"{url}?{query})")
    assert found["singleValueExtendedProperties"] == [
        {
            "id": "Binary {6ed8da90-450b-101b-98da-00aa003f1305} Id 0x23",
            "value": base64.b64encode(meeting.meeting.goid).decode(),
        },
        {
            "id": "Integer {00062002-0000-0000-c000-000000000046} Id 0x8201",
            "value": "0",
        },
        {"id": "String 0x1a", "value": "IPM.Schedule.Meeting.Request"},
    ]


def test_an_occurrence(graph: GraphSandbox, client: GraphClient) -> None:
    """A request for an occurrence has the date in its full id, and its event is that
    occurrence, below the series."""
    series = graph.invite(recurrence=SeriesRecurrence.daily(count=5))
    second = MEETING + timedelta(days=1)
    graph.later(seconds=5)
    graph.exchange.update(
        series, occurrence=second, start=second + HOUR, end=second + 2 * HOUR
    )
    newest, first = client.inbox()
    assert first["type"] == "seriesMaster"
    assert first["recurrence"]["range"]["numberOfOccurrences"] == 5
    assert newest["type"] == "exception"
    ask = f"{WITH_EVENT},singleValueExtendedProperties($filter=id eq '{GOID}')"
    found = client.get(message_url(newest) + ask)
    goid = base64.b64decode(found["singleValueExtendedProperties"][0]["value"])
    assert goid[16:20] == bytes([0x07, 0xEA, 12, 2])
    event = found["event"]
    assert event["originalStart"] == "2026-12-02T09:00:00Z"
    (master,) = client.events()
    assert event["seriesMasterId"] == master["id"]
    assert event["iCalUId"] != master["iCalUId"]


def test_bodies_as_text(graph: GraphSandbox, client: GraphClient) -> None:
    """A client that prefers text gets text, and is told so."""
    graph.invite()
    prefer = {"Prefer": 'outlook.body-content-type="text"'}
    found = client.one(headers=prefer)
    assert found["body"] == {"contentType": "text", "content": "Agenda"}
    assert client.last.headers["preference-applied"] == (
        'outlook.body-content-type="text"'
    )


@pytest.mark.parametrize("zone", ["W. Europe Standard Time", "Europe/Berlin"])
def test_times_in_a_zone(graph: GraphSandbox, client: GraphClient, zone: str) -> None:
    """Start and end are told in the zone that a client prefers, under its name."""
    graph.invite()
    found = client.one(headers={"Prefer": f'outlook.timezone="{zone}"'})
    assert found["startDateTime"] == {
        "dateTime": "2026-12-01T10:00:00.0000000",
        "timeZone": zone,
    }


def test_an_unknown_zone(client: GraphClient) -> None:
    """A zone that nobody knows is refused."""
    prefer = {"Prefer": 'outlook.timezone="Nowhere"'}
    code = client.code("GET", FOLDER, status=400, headers=prefer)
    assert code == "TimeZoneNotSupportedException"


def test_pages_of_a_list(graph: GraphSandbox, client: GraphClient) -> None:
    """A list has ten messages at a time, newest first, and a link to the next ones."""
    for number in range(12):
        graph.later(seconds=1)
        graph.invite(subject=f"No. {number}")
    page = client.get(FOLDER)
    subjects = [each["subject"] for each in page["value"]]
    assert subjects == [f"No. {number}" for number in range(11, 1, -1)]
    page = client.get(page["@odata.nextLink"])
    assert [each["subject"] for each in page["value"]] == ["No. 1", "No. 0"]
    assert "@odata.nextLink" not in page


def test_filters_and_orders(graph: GraphSandbox, client: GraphClient) -> None:
    """Messages are filtered by time and text; what orders them must be filtered by
    first."""
    for number in range(3):
        graph.later(seconds=60)
        graph.invite(subject=f"No. {number}")
    low = "2026-11-20T08:02:00Z"
    by_time = f"$filter=receivedDateTime ge {low}"
    order = "$orderby=receivedDateTime"
    found = client.get(f"{FOLDER}?{by_time}&{order}&$select=subject")
    assert [each["subject"] for each in found["value"]] == ["No. 1", "No. 2"]
    assert "body" not in found["value"][0]
    text = "$filter=startswith(subject,'no. 2') or contains(subject, '0')"
    assert len(client.get(f"{FOLDER}?{text}")["value"]) == 2
    wrong = f"{FOLDER}?$filter=isRead eq false&{order}"
    assert client.code("GET", wrong, status=400) == "InefficientFilter"
    assert client.code("GET", f"{FOLDER}?$orderby=body", status=400)
    for bad in ("isRead eq", "(isRead eq true", "isRead eq true)", "';drop"):
        code = client.code("GET", f"{FOLDER}?$filter={bad}", status=400)
        assert code == "ErrorInvalidUrlQueryFilter"


def test_filter_by_an_extended_property(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A single-valued property can be filtered by, a number with a cast."""
    graph.invite()
    any_ = "singleValueExtendedProperties/Any(ep: ep/id eq '{}' and {})"
    by_class = any_.format(
        "String 0x001A", "startswith(ep/value, 'IPM.Schedule.Meeting.Req')"
    )
    assert len(client.get(f"{FOLDER}?$filter={by_class}")["value"]) == 1
    by_number = any_.format(SEQUENCE, "cast(ep/value, Edm.Int32) gt 0")
    assert client.get(f"{FOLDER}?$filter={by_number}")["value"] == []


def test_derived_properties_need_a_cast(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A property of meeting messages is selected with a cast; without one it cannot be
    read; the message type comes unasked."""
    graph.invite()
    plain = f"{FOLDER}?$select=isOutOfDate"
    assert client.code("GET", plain, status=400).startswith("RequestBroker")
    cast = f"{FOLDER}?$select=microsoft.graph.eventMessage/isOutOfDate"
    (found,) = client.get(cast)["value"]
    assert found["isOutOfDate"] is False
    assert found["meetingMessageType"] == "meetingRequest"
    assert "subject" not in found


def test_delete_a_message(graph: GraphSandbox, client: GraphClient) -> None:
    """A deleted message goes to Deleted Items under another id, and from there for
    good."""
    graph.invite()
    message = client.one()
    client.ask("DELETE", message_url(message), status=204)
    assert client.inbox() == []
    code = client.code("DELETE", message_url(message), status=404)
    assert code == "ErrorItemNotFound"
    url = f"/users/{EQUIPMENT}/mailFolders/deleteditems/messages"
    (moved,) = client.get(url)["value"]
    assert moved["id"] != message["id"]
    client.ask("DELETE", message_url(moved), status=204)
    assert client.get(url)["value"] == []


def test_immutable_ids(graph: GraphSandbox, client: GraphClient) -> None:
    """An immutable id stays when the message moves; the message is not in the old
    folder any more; deleting it once more is another error than with default ids."""
    graph.invite()
    message = client.one(headers=IMMUTABLE)
    url = message_url(message)
    client.ask("DELETE", url, status=204, headers=IMMUTABLE)
    found = client.get(url, headers=IMMUTABLE)
    assert found["id"] == message["id"]
    assert found["parentFolderId"] != message["parentFolderId"]
    below = url.replace("/messages/", "/mailFolders/inbox/messages/")
    assert client.code("GET", below, status=404) == "ErrorItemNotFound"
    client.ask("POST", f"{url}/permanentDelete", status=204, headers=IMMUTABLE)
    code = client.code("DELETE", url, status=403, headers=IMMUTABLE)
    assert code == "ErrorCannotDeleteObject"


def test_translate_ids(graph: GraphSandbox, client: GraphClient) -> None:
    """Ids of one kind are translated into another; one that is unknown has an
    error."""
    graph.invite()
    default, immutable = client.one(), client.one(headers=IMMUTABLE)
    body = {
        "inputIds": [default["id"], "AAAA"],
        "sourceIdType": "restId",
        "targetIdType": "restImmutableEntryId",
    }
    url = f"/users/{EQUIPMENT}/translateExchangeIds"
    good, bad = client.ask("POST", url, body)["value"]
    assert good["targetId"] == immutable["id"]
    assert bad["errorDetails"]["code"] == "ErrorInvalidIdMalformed"


def test_move_a_message(graph: GraphSandbox, client: GraphClient) -> None:
    """A move answers with the message under its new id."""
    graph.invite()
    message = client.one()
    body = {"destinationId": "deleteditems"}
    moved = client.ask("POST", f"{message_url(message)}/move", body, status=201)
    assert moved["id"] != message["id"]
    assert client.get(message_url(moved))["subject"] == "Weekly"


def test_mark_as_read(graph: GraphSandbox, client: GraphClient) -> None:
    """The read flag and the categories may change, the subject may not."""
    graph.invite()
    url = message_url(client.one())
    found = client.ask("PATCH", url, {"isRead": True, "categories": ["Done"]})
    assert (found["isRead"], found["categories"]) == (True, ["Done"])
    code = client.code("PATCH", url, {"subject": "New"}, status=400)
    assert code == "ErrorInvalidPropertySet"


def test_send_mail(client: GraphClient) -> None:
    """A message is delivered to its recipients, and kept unless that is not wanted."""
    message = {
        "subject": "Hello",
        "body": {"contentType": "html", "content": "<p>Hi</p>"},
        "toRecipients": [{"emailAddress": {"address": BOB}}],
    }
    url = f"/users/{EQUIPMENT}/sendMail"
    client.ask("POST", url, {"message": message}, status=202)
    body = {"message": message, "saveToSentItems": False}
    client.ask("POST", url, body, status=202)
    assert [each["subject"] for each in client.inbox(BOB)] == ["Hello", "Hello"]
    sent = client.get(f"/users/{EQUIPMENT}/mailFolders/sentitems")
    assert sent["totalItemCount"] == 1


def test_send_a_reply_of_ones_own(graph: GraphSandbox, client: GraphClient) -> None:
    """A REPLY sent as MIME counts as the answer, and leaves the own calendar alone."""
    meeting = graph.invite()
    uid = ids.uid(meeting.meeting.goid)
    calendar = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20261120T090000Z\r\nDTSTART:20261201T090000Z\r\n"
        f"DTEND:20261201T100000Z\r\nSEQUENCE:0\r\nORGANIZER:mailto:{ALICE}\r\n"
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{EQUIPMENT}\r\nSUMMARY:Weekly\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    mail = (
        f"From: {EQUIPMENT}\r\nTo: {ALICE}\r\nSubject: Accepted: Weekly\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REPLY; "
        'charset="utf-8"'
        f"\r\n\r\n{calendar}"
    )
    url = f"/users/{EQUIPMENT}/sendMail"
    client.ask(
        "POST",
        url,
        base64.b64encode(mail.encode()),
        headers={"Content-Type": "text/plain"},
        status=202,
    )
    (event,) = client.events(ALICE)
    assert event["attendees"][0]["status"]["response"] == "accepted"
    (own,) = client.events()
    assert own["responseStatus"]["response"] == "notResponded"


def test_a_property_of_a_folder(graph: GraphSandbox, client: GraphClient) -> None:
    """A property that a client sets at a folder is given to whoever expands it; others
    of the folder cannot be set."""
    url = f"/users/{EQUIPMENT}/mailFolders/inbox"
    name = "String {c11ff724-aa03-4555-9952-8fa248a11c3e} Name owner"
    expand = (
        f"?$select=id&$expand=singleValueExtendedProperties($filter=id eq '{name}')"
    )
    assert "singleValueExtendedProperties" not in client.get(url + expand)
    for value in ("node-1", "node-2"):
        body = {"singleValueExtendedProperties": [{"id": name, "value": value}]}
        client.ask("PATCH", url, body)
        found = client.get(url + expand)
        assert found["singleValueExtendedProperties"] == [{"id": name, "value": value}]
    assert "singleValueExtendedProperties" not in client.get(url)
    code = client.code("PATCH", url, {"displayName": "In"}, status=400)
    assert code == "ErrorInvalidPropertySet"


def test_mailbox_settings(client: GraphClient) -> None:
    """The settings name the purpose of a mailbox."""
    for user, purpose in ((EQUIPMENT, "equipment"), (ALICE, "user")):
        found = client.get(f"/users/{user}/mailboxSettings")
        assert found["userPurpose"] == purpose


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/me/messages", 400),
        ("GET", f"/users/{EQUIPMENT}/nothing", 400),
        ("DELETE", f"/users/{EQUIPMENT}/mailFolders/inbox", 405),
        ("GET", f"/users/{EQUIPMENT}/messages/AAAA", 400),
        ("GET", f"/users/{EQUIPMENT}/messages/%00", 400),
        ("GET", f"{FOLDER}?$top=0", 400),
        ("GET", f"{FOLDER}?$top=1&$top=2", 400),
        ("GET", f"{FOLDER}?$expand=(", 400),
        ("GET", f"{FOLDER}?$select=nothing", 400),
        ("GET", f"/users/{EQUIPMENT}/calendarView?{FAR}", 400),
    ],
)
def test_what_cannot_be_read(
    client: GraphClient, method: str, url: str, status: int
) -> None:
    """What makes no sense is refused with an error of the usual shape."""
    assert client.code(method, url, status=status)


def test_too_many_properties_in_one_expansion(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """An organisation may refuse an $expand that names more than so many."""
    graph.invite()
    graph.organisation(expanded_properties=1)
    (message,) = client.inbox()
    one = f"{EXTENDED})"
    assert len(client.get(f"{FOLDER}?{one}")["value"]) == 1
    two = f"{EXTENDED} or id eq '{SEQUENCE}')"
    for url in (f"{FOLDER}?{two}", f"{message_url(message)}?{two}"):
        answer = client.ask("GET", url, status=400)
        assert answer["error"]["code"] == "BadRequest"
