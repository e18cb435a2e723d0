"""Delta queries: of a folder's messages, and of a calendar view."""

from datetime import timedelta

import pytest

from pexschedd.sandbox import SeriesRecurrence
from tests.sandbox.graph.graph_support import (
    BASE,
    EQUIPMENT,
    HOUR,
    IMMUTABLE,
    MEETING,
    GraphClient,
    GraphSandbox,
    message_url,
)

INBOX = f"/users/{EQUIPMENT}/mailFolders/inbox/messages"
VIEW = (
    f"/users/{EQUIPMENT}/calendarView/delta"
    "?startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-11T00:00:00Z"
)


@pytest.mark.parametrize(
    "url",
    [
        f"{INBOX}/delta",
        f"{INBOX}/delta()",
        f"{INBOX}/microsoft.graph.delta()",
        INBOX.replace("/inbox/", "('inbox')/") + "/delta()",
        INBOX.replace("@", "%40").replace("/users/", "/Users/") + "/delta",
    ],
)
def test_spellings(graph: GraphSandbox, client: GraphClient, url: str) -> None:
    """All spellings of the query are the same one."""
    graph.invite()
    found, link = client.round(url)
    assert [each["subject"] for each in found] == ["Weekly"]
    assert link.startswith(BASE)


def test_rounds(graph: GraphSandbox, client: GraphClient) -> None:
    """A round gives what is new, changed or gone since the last one, once."""
    _, link = client.round(f"{INBOX}/delta")
    graph.invite(subject="One")
    graph.invite(subject="Two")
    found, link = client.round(link)
    assert [each["subject"] for each in found] == ["One", "Two"]
    one, two = found
    client.ask("PATCH", message_url(one), {"isRead": True})
    client.ask("DELETE", message_url(two), status=204)
    graph.invite(subject="Three")
    found, link = client.round(link)
    assert found[0]["isRead"] is True
    assert set(found[0]) == {"@odata.type", "@odata.etag", "id", "isRead"}
    assert found[1] == {
        "@odata.type": "#microsoft.graph.message",
        "id": two["id"],
        "@removed": {"reason": "deleted"},
    }
    assert [each.get("subject") for each in found[2:]] == ["Three"]
    assert client.round(link)[0] == []


def test_pages(graph: GraphSandbox, client: GraphClient) -> None:
    """Pages are as long as the client prefers, and the changes meanwhile come in the
    same round."""
    for number in range(5):
        graph.invite(subject=str(number))
    prefer = {"Prefer": "odata.maxpagesize=2"}
    page = client.get(f"{INBOX}/delta", headers=prefer)
    assert len(page["value"]) == 2
    graph.invite(subject="5")
    found, link = client.round(page["@odata.nextLink"], headers=prefer)
    subjects = [each["subject"] for each in page["value"] + found]
    assert sorted(subjects) == list("012345")
    assert client.round(link)[0] == []


def test_removed_while_paging(graph: GraphSandbox, client: GraphClient) -> None:
    """A message that goes between two pages is told as gone if it was given before."""
    graph.invite(subject="0")
    graph.invite(subject="1")
    prefer = {"Prefer": "odata.maxpagesize=1"}
    page = client.get(f"{INBOX}/delta", headers=prefer)
    for item in graph.exchange.mailbox(EQUIPMENT).inbox():
        graph.exchange.take_away(item)
    found, _ = client.round(page["@odata.nextLink"], headers=prefer)
    assert [each["id"] for each in found if "@removed" in each] == [
        page["value"][0]["id"]
    ]


def test_immutable_ids_of_what_is_gone(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """The same link works with either kind of id, also for what is gone."""
    graph.invite()
    found, link = client.round(f"{INBOX}/delta", headers=IMMUTABLE)
    graph.exchange.take_away(graph.exchange.mailbox(EQUIPMENT).inbox()[0])
    gone, _ = client.round(link, headers=IMMUTABLE)
    assert gone[0]["id"] == found[0]["id"]
    default, _ = client.round(link)
    assert default[0]["id"] != found[0]["id"]


def test_options_of_the_first_request(graph: GraphSandbox, client: GraphClient) -> None:
    """What the first request selects, expands and filters by holds for all links."""
    goid = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x23"
    url = (
        f"{INBOX}/delta?$select=subject,meetingMessageType&changeType=created"
        f"&$expand=singleValueExtendedProperties($filter=id eq '{goid}')"
        "&$filter=receivedDateTime ge 2026-11-20T08:30:00Z"
    )
    graph.invite(subject="Early")
    found, link = client.round(url)
    assert found == []
    graph.later(minutes=50)
    graph.invite(subject="Late")
    found, link = client.round(link)
    assert [each["subject"] for each in found] == ["Late"]
    assert "body" not in found[0]
    assert found[0]["singleValueExtendedProperties"]
    client.ask("PATCH", message_url(found[0]), {"isRead": True})
    assert client.round(link)[0] == []


def test_a_filter_that_is_not_allowed(client: GraphClient) -> None:
    """Nothing but the time of arrival can be filtered by."""
    url = f"{INBOX}/delta?$filter=isRead eq false"
    assert client.code("GET", url, status=400) == "ErrorInvalidUrlQuery"


def test_a_moved_mailbox_loses_its_tokens(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """After the move of a mailbox its links are gone, and a new round begins."""
    _, link = client.round(f"{INBOX}/delta")
    _, other = client.round(VIEW)
    graph.move_mailbox(EQUIPMENT, 0)
    assert client.code("GET", link, status=410) == "SyncStateNotFound"
    assert client.code("GET", other, status=410) == "SyncStateNotFound"
    client.round(f"{INBOX}/delta")


def test_a_forged_token(client: GraphClient) -> None:
    """A link that nobody gave, or one of another folder, is refused."""
    _, link = client.round(f"{INBOX}/delta")
    for wrong in (f"{link}x", link.replace("inbox", "deleteditems")):
        assert client.code("GET", wrong, status=400) == "SyncStateInvalid"


def test_faults_of_pages(graph: GraphSandbox, client: GraphClient) -> None:
    """On demand a page is empty and another follows, or has every entry twice."""
    graph.invite()
    graph.behaviour.configure(
        {
            "faults": [
                {"kind": "empty-page", "times": 2},
                {"kind": "duplicates"},
            ]
        }
    )
    first = client.get(f"{INBOX}/delta")
    assert first["value"] == []
    found, _ = client.round(first["@odata.nextLink"])
    assert [each["subject"] for each in found] == ["Weekly", "Weekly"]


def test_a_calendar_view(graph: GraphSandbox, client: GraphClient) -> None:
    """The view's first round has all occurrences in it; later ones what is new,
    changed or gone, of a series each occurrence by itself."""
    days = SeriesRecurrence.daily(count=3)
    series = graph.invite(recurrence=days, subject="Daily")
    found, link = client.round(VIEW)
    assert [each["start"]["dateTime"][:10] for each in found] == [
        "2026-12-01",
        "2026-12-02",
        "2026-12-03",
    ]
    assert {each["type"] for each in found} == {"occurrence"}
    graph.invite(subject="Once", start=MEETING + HOUR, end=MEETING + 2 * HOUR)
    graph.invite(start=MEETING + timedelta(days=20), end=MEETING + timedelta(days=21))
    new, link = client.round(link)
    assert [each["subject"] for each in new] == ["Once"]
    assert client.round(link)[0] == []
    (entry,) = (
        each
        for each in graph.exchange.mailbox(EQUIPMENT).calendar()
        if each.meeting is not None and each.meeting.goid == series.meeting.goid
    )
    graph.exchange.take_away(entry)
    gone, link = client.round(link)
    assert {each["id"] for each in gone} == {each["id"] for each in found}
    assert all(each["@removed"] == {"reason": "deleted"} for each in gone)


def test_pages_of_a_calendar_view(graph: GraphSandbox, client: GraphClient) -> None:
    """Pages of a view go on where the last one ended, empty ones in between too."""
    graph.invite(recurrence=SeriesRecurrence.daily(count=5))
    graph.behaviour.configure({"faults": [{"kind": "empty-page"}]})
    prefer = {"Prefer": "odata.maxpagesize=2"}
    first = client.get(VIEW, headers=prefer)
    assert first["value"] == []
    found, _ = client.round(first["@odata.nextLink"], headers=prefer)
    assert len({each["id"] for each in found}) == len(found) == 5


def test_old_states_of_a_view_are_forgotten(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """Only the last states of a mailbox's views are kept."""
    graph.organisation(generations=3)
    _, old = client.round(VIEW)
    for _ in range(3):
        client.round(VIEW)
    assert client.code("GET", old, status=410) == "SyncStateNotFound"


def test_a_view_without_a_range(client: GraphClient) -> None:
    """A view needs a beginning and an end, in this order, and selects nothing."""
    base = f"/users/{EQUIPMENT}/calendarView/delta"
    assert client.code("GET", base, status=400) == "ErrorInvalidParameter"
    selected = f"{VIEW}&$select=subject"
    assert client.code("GET", selected, status=400) == "ErrorInvalidUrlQuery"
