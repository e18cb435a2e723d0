"""The folder of soft deletion, clouds without permanentDelete, and mails that answer a
meeting."""

from base64 import b64encode
from typing import Any

from pexschedd.sandbox import ItemKind
from tests.sandbox.graph.graph_support import (
    ALICE,
    EQUIPMENT,
    IMMUTABLE,
    GraphClient,
    GraphSandbox,
    event_url,
    message_url,
)

SOFT = "recoverableitemsdeletions"


def moved(client: GraphClient, **more: Any) -> dict[str, Any]:
    message = client.one(headers=IMMUTABLE)
    body = {"destinationId": SOFT}
    client.ask("POST", f"{message_url(message)}/move", body, status=201, **more)
    return message


def test_soft_deletion(graph: GraphSandbox, client: GraphClient) -> None:
    """A message that was moved there is in no list and no delta of others, its
    immutable id still leads to it, and it cannot be deleted once more."""
    graph.invite()
    folder = f"/users/{EQUIPMENT}/mailFolders"
    _, link = client.round(f"{folder}/deleteditems/messages/delta")
    message = moved(client)
    assert client.inbox() == []
    assert client.get(f"/users/{EQUIPMENT}/messages")["value"] == []
    names = [each["displayName"] for each in client.get(folder)["value"]]
    assert "Deletions" not in names
    changes, _ = client.round(link)
    assert changes == []
    found = client.get(message_url(message))
    assert found["parentFolderId"] == client.get(f"{folder}/{SOFT}")["id"]
    url = message_url(message)
    assert client.code("DELETE", url, status=403) == "ErrorCannotDeleteObject"


def test_soft_deletion_refused(graph: GraphSandbox, client: GraphClient) -> None:
    """A setting closes the folder: nothing is moved there, nor seen of it."""
    graph.invite()
    graph.organisation(recoverable_items=False)
    url = f"{message_url(client.one())}/move"
    body = {"destinationId": SOFT}
    assert client.code("POST", url, body, status=403) == "ErrorAccessDenied"
    folder = f"/users/{EQUIPMENT}/mailFolders/{SOFT}"
    assert client.code("GET", folder, status=403) == "ErrorAccessDenied"
    assert len(client.inbox()) == 1


def test_a_cloud_without_permanent_deletion(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """There the action is no segment of a path; a second DELETE deletes softly."""
    graph.invite()
    graph.organisation(permanent_delete=False)
    (event,) = client.events()
    url = message_url(client.one(headers=IMMUTABLE))
    for thing in (url, event_url(event)):
        path = f"{thing}/permanentDelete"
        assert client.code("POST", path, status=400) == "BadRequest"
    client.ask("DELETE", url, status=204)
    client.ask("DELETE", url, status=204)
    mailbox = graph.exchange.mailbox(EQUIPMENT)
    assert [len(mailbox.items(name)) for name in ("deleteditems", SOFT)] == [0, 1]


def send(client: GraphClient, *lines: str, **more: Any) -> Any:
    headers = {"Content-Type": "text/plain"}
    raw = b64encode("\r\n".join(lines).encode())
    url = f"/users/{EQUIPMENT}/sendMail"
    return client.ask("POST", url, raw, headers=headers, check=False, **more)


def reply(uid: str) -> list[str]:
    return [
        f"From: {EQUIPMENT}",
        f"To: {ALICE}",
        "Subject: Accepted: Weekly",
        "Message-ID: <own.1@example.test>",
        'Content-Type: multipart/alternative; boundary="x"',
        "",
        "--x",
        "Content-Type: text/html",
        "",
        "<p>Come <b>in</b></p>",
        "--x",
        "Content-Type: text/calendar; method=REPLY",
        "",
        "BEGIN:VCALENDAR",
        "METHOD:REPLY",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTART:20261201T090000Z",
        f"ORGANIZER:mailto:{ALICE}",
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{EQUIPMENT}",
        "END:VEVENT",
        "END:VCALENDAR",
        "--x--",
    ]


def test_a_mail_that_answers(graph: GraphSandbox, client: GraphClient) -> None:
    """The organizer gets the mail's HTML as a response; a copy is kept, and found by
    its Message-ID."""
    meeting = graph.invite()
    send(client, *reply(meeting.meeting.goid.hex().upper()), status=202)
    (response,) = graph.exchange.mailbox(ALICE).inbox()
    assert response.kind is ItemKind.RESPONSE
    assert "<b>in</b>" in response.body.html
    assert meeting.meeting.attendees[0].response.value == "Accept"
    url = f"/users/{EQUIPMENT}/messages?$filter=internetMessageId eq "
    (copy,) = client.get(f"{url}'<own.1@example.test>'")["value"]
    folder = client.get(f"/users/{EQUIPMENT}/mailFolders/sentitems")
    assert copy["parentFolderId"] == folder["id"]
    assert client.get(f"{url}'<own.2@example.test>'")["value"] == []


def test_a_mail_in_the_name_of_another(client: GraphClient) -> None:
    """A mailbox sends in its own name alone."""
    found = send(client, f"From: {ALICE}", f"To: {ALICE}", "", "Hello", status=403)
    assert found["error"]["code"] == "ErrorSendAsDenied"
