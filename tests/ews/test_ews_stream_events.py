"""What notifications say, whatever style the server writes them in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pexschedd.ews.envelope import TYPES, NotSoap, ServerError, Sid
from pexschedd.ews.operations.events import Arrivals, MailboxEvent
from pexschedd.ews.operations.get_events import build_get_events, parse_events
from pexschedd.ews.operations.get_streaming_events import (
    build_get_streaming_events,
    parse_notice,
)
from pexschedd.ews.operations.subscribe import (
    build_subscribe_pull,
    build_subscribe_streaming,
    build_subscribe_to_calendar,
    build_unsubscribe,
    parse_subscribe,
)
from pexschedd.ews.operations.update_folder import (
    build_get_stamp,
    build_set_stamp,
    parse_stamp,
)
from tests.ews.ews_support import failure, response, success

texts = st.text(max_size=60)
ids = st.text(min_size=1, max_size=60)


@given(
    mailbox=texts.map("a@{}".format),
    id=ids,
    mark=ids,
    minutes=st.integers(1, 30),
    stamp=texts,
)
def test_requests_are_valid(
    schema: etree.XMLSchema, mailbox: str, id: str, mark: str, minutes: int, stamp: str
) -> None:
    """Every request about notifications is valid by Exchange's own schema."""
    for request in (
        build_subscribe_streaming(mailbox),
        build_subscribe_pull(mailbox, minutes),
        build_subscribe_to_calendar(mailbox),
        build_get_streaming_events(mailbox, (id,), minutes),
        build_get_streaming_events(mailbox, (id, id), minutes, Sid.ANY),
        build_unsubscribe(mailbox, id, Sid.ANY),
        build_get_events(mailbox, id, mark),
        build_unsubscribe(mailbox, id),
        build_get_stamp(mailbox),
        build_set_stamp(mailbox, stamp),
    ):
        document = etree.fromstring(request)
        # The schema wants ids and watermarks to be of base64 form; servers choose them.
        for each in document.iter(f"{{{TYPES}}}SubscriptionId", "{*}SubscriptionId"):
            each.text = "AAAA"
        for each in document.iter("{*}Watermark"):
            each.text = "AAAA"
        schema.assertValid(document)


def event(kind: str, parent: str = "inbox", mark: str = "") -> str:
    return (
        f"<t:{kind}>{f'<t:Watermark>{mark}</t:Watermark>' if mark else ''}"
        f'<t:TimeStamp>2026-11-20T08:00:00Z</t:TimeStamp><t:ItemId Id="A"/>'
        f'<t:ParentFolderId Id="{parent}"/></t:{kind}>'
    )


def stream(content: str) -> bytes:
    return response("GetStreamingEvents", success("GetStreamingEvents", content))


@pytest.mark.parametrize("space", ["m", "t"])
def test_notifications_are_read_by_local_name(space: str) -> None:
    """Servers put Notification where the schema does not have it."""
    notice = parse_notice(
        stream(
            f"<m:Notifications><{space}:Notification><t:SubscriptionId>S"
            f"</t:SubscriptionId>{event('CreatedEvent')}{event('NewMailEvent')}"
            f"</{space}:Notification></m:Notifications>"
        )
    )
    assert notice.events == (
        MailboxEvent("CreatedEvent", "inbox"),
        MailboxEvent("NewMailEvent", "inbox"),
    )
    assert not notice.closed
    assert notice.problem is None


def test_heartbeats_and_folders_are_no_events() -> None:
    """A status event, a connection status, or a change of the folder say nothing."""
    folder = '<t:ModifiedEvent><t:FolderId Id="inbox"/></t:ModifiedEvent>'
    for content in ("<t:StatusEvent/>", folder, ""):
        told = f"<m:Notification>{content}</m:Notification>"
        notice = parse_notice(stream(f"<m:Notifications>{told}</m:Notifications>"))
        assert (notice.events, notice.closed, notice.problem) == ((), False, None)
    closed = stream("<m:ConnectionStatus>Closed</m:ConnectionStatus>")
    assert parse_notice(closed).closed


def test_a_problem_is_told() -> None:
    """An error about the subscription, with or without its ids."""
    found = parse_notice(
        response(
            "GetStreamingEvents",
            failure("GetStreamingEvents", "ErrorInvalidSubscription", "elsewhere"),
        )
    ).problem
    assert found is not None
    assert (found.code, found.text) == ("ErrorInvalidSubscription", "elsewhere")


def test_events_that_were_pulled() -> None:
    """The last watermark counts; a status event has one, too."""
    notification = (
        "<m:Notification><t:SubscriptionId>S</t:SubscriptionId>"
        "<t:PreviousWatermark>0</t:PreviousWatermark><t:MoreEvents>true</t:MoreEvents>"
        f"{event('NewMailEvent', mark='1')}{event('MovedEvent', 'trash', '2')}"
        "<t:StatusEvent><t:Watermark>3</t:Watermark></t:StatusEvent></m:Notification>"
    )
    answer = parse_events(response("GetEvents", success("GetEvents", notification)))
    assert answer.watermark == "3"
    assert answer.more
    assert [each.kind for each in answer.events] == ["NewMailEvent", "MovedEvent"]


def test_answers_that_hold_nothing() -> None:
    """Neither a subscription without id nor events without watermark are believed."""
    with pytest.raises(NotSoap, match="no id"):
        parse_subscribe(response("Subscribe", success("Subscribe")))
    with pytest.raises(NotSoap, match="watermark"):
        parse_events(response("GetEvents", success("GetEvents", "<m:Notification/>")))
    with pytest.raises(ServerError):
        parse_subscribe(response("Subscribe", failure("Subscribe", "ErrorServerBusy")))


def test_what_leaves_the_inbox_is_no_arrival() -> None:
    """Our own answers move messages out; somebody may move one in again."""
    arrivals = Arrivals()
    out, back = MailboxEvent("MovedEvent", "trash"), MailboxEvent("MovedEvent", "inbox")
    assert arrivals.among([out]), "while nothing is known, better look"
    assert arrivals.among([MailboxEvent("NewMailEvent", "inbox")])
    assert not arrivals.among([out, out])
    assert arrivals.among([out, back])
    assert arrivals.among([MailboxEvent("MovedEvent", "")])
    assert not arrivals.among([MailboxEvent("DeletedEvent", "inbox")])
    assert not arrivals.among([])


def test_the_stamp_is_read_from_its_own_property() -> None:
    """Other properties of the folder are not ours; without it, nothing."""

    def answer(name: str) -> bytes:
        return response(
            "GetFolder",
            success(
                "GetFolder",
                '<m:Folders><t:Folder><t:FolderId Id="F"/><t:ExtendedProperty>'
                f'<t:ExtendedFieldURI PropertySetId="x" PropertyName="{name}" '
                'PropertyType="String"/><t:Value>{"a":1}</t:Value></t:ExtendedProperty>'
                "</t:Folder></m:Folders>",
            ),
        )

    assert parse_stamp(answer("pexschedd-owner")) == '{"a":1}'
    assert parse_stamp(answer("another")) == ""
