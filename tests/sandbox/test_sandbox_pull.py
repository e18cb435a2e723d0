"""Pull notifications: watermarks, lifetimes, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from twisted.internet.task import Clock

from pexschedd.sandbox.notifications.subscriptions import (
    PAGE_SIZE,
    QUEUE_LENGTH,
)
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    NS,
    CheckedSandbox,
    Element,
    text,
    texts,
)
from tests.sandbox.stream_support import get_events, get_streaming_events, subscribe

PLACES = ("inbox", "deleteditems", "drafts")
TIMEOUT = "<t:Timeout>10</t:Timeout>"


def pull(sandbox: CheckedSandbox) -> tuple[str, str]:
    answer = sandbox.ask(ALICE, subscribe(kind="Pull", more=TIMEOUT))
    return text(answer, ".//m:SubscriptionId"), text(answer, ".//m:Watermark")


def mail(sandbox: CheckedSandbox, count: int = 1) -> None:
    for number in range(count):
        sandbox.exchange.send_message(BOB, to=[ALICE], subject=f"Mail {number}")


def test_events_since_a_watermark(sandbox: CheckedSandbox) -> None:
    """Nothing is a status event; the same watermark gives the same again."""
    name, start = pull(sandbox)
    nothing = sandbox.ask(ALICE, get_events(name, start))
    assert texts(nothing, ".//t:StatusEvent/t:Watermark") == [start]
    mail(sandbox)
    for _ in range(2):
        answer = sandbox.ask(ALICE, get_events(name, start))
        (notification,) = answer.iterfind(".//{*}Notification")
        kinds = [etree.QName(child).localname for child in notification][3:]
        assert kinds == ["CreatedEvent", "NewMailEvent", "ModifiedEvent"]
    last = texts(answer, ".//t:Watermark")[-1]
    after = sandbox.ask(ALICE, get_events(name, last))
    assert texts(after, ".//t:StatusEvent/t:Watermark") == [last]


ACTIONS = st.tuples(st.sampled_from("amrd"), st.integers(0, 9), st.sampled_from(PLACES))


@given(st.lists(ACTIONS, max_size=30))
def test_events_tell_the_whole_story(actions: list[tuple[str, int, str]]) -> None:
    """Who follows them knows what lies where, under which id."""
    sandbox = CheckedSandbox()
    mailbox = sandbox.exchange.mailbox(ALICE)
    everywhere = subscribe(folders=(), kind="Pull", more=TIMEOUT).replace(
        "Request><t:FolderIds></t:FolderIds>", 'Request SubscribeToAllFolders="true">'
    )
    answer = sandbox.ask(ALICE, everywhere)
    name, mark = text(answer, ".//m:SubscriptionId"), text(answer, ".//m:Watermark")
    for kind, number, place in actions:
        items = [item for folder in PLACES for item in mailbox.items(folder)]
        chosen = items[number % len(items)] if items else None
        if kind == "a" or chosen is None:
            mail(sandbox)
        elif kind == "m":
            mailbox.move(chosen, place)
        elif kind == "r":
            mailbox.mark_read(chosen, not chosen.is_read)
        else:
            mailbox.remove(chosen)
    seen: dict[str, str] = {}
    more = "true"
    while more == "true":
        answer = sandbox.ask(ALICE, get_events(name, mark))
        for event in answer.iterfind(".//{*}Notification/*[{*}ItemId]"):
            _follow(seen, event)
        mark = texts(answer, ".//t:Watermark")[-1]
        more = text(answer, ".//t:MoreEvents")
    there = {
        item.id: mailbox.folders[folder].id
        for folder in PLACES
        for item in mailbox.items(folder)
    }
    assert seen == there
    assert not sandbox.wrong


def _follow(seen: dict[str, str], event: Element) -> None:
    def found(name: str) -> str:
        element = event.find(f"t:{name}", NS)
        return "" if element is None else str(element.get("Id"))

    item, folder = found("ItemId"), found("ParentFolderId")
    match etree.QName(event).localname:
        case "DeletedEvent":
            assert seen.pop(item) == folder
        case "MovedEvent":
            assert seen.pop(found("OldItemId")) == found("OldParentFolderId")
            seen[item] = folder
        case "CreatedEvent":
            assert item not in seen
            seen[item] = folder
        case _:
            assert seen[item] == folder


def test_more_than_a_page(sandbox: CheckedSandbox) -> None:
    """MoreEvents says so; watermark by watermark everything comes once."""
    name, mark = pull(sandbox)
    mail(sandbox, PAGE_SIZE)
    seen: list[str] = []
    more = "true"
    while more == "true":
        answer = sandbox.ask(ALICE, get_events(name, mark))
        seen += texts(answer, ".//t:Watermark")
        mark, more = seen[-1], text(answer, ".//t:MoreEvents")
    assert len(seen) == len(set(seen)) == 3 * PAGE_SIZE


def test_watermarks_that_are_none(sandbox: CheckedSandbox) -> None:
    """Nonsense, another subscription's, one from the future, one that is too old."""
    name, start = pull(sandbox)
    _, other = pull(sandbox)
    for wrong in ("", "AAAA", "%%%", other):
        codes = sandbox.codes(ALICE, get_events(name, wrong))
        assert codes == ["ErrorInvalidWatermark"]
    mail(sandbox, QUEUE_LENGTH // 3 + 1)
    assert sandbox.codes(ALICE, get_events(name, start)) == ["ErrorEventNotFound"]


def test_a_lifetime(sandbox: CheckedSandbox) -> None:
    """Whoever does not ask for longer than was agreed has to subscribe again."""
    clock = Clock()
    sandbox._clock = clock
    name, mark = pull(sandbox)
    clock.advance(599)
    assert sandbox.codes(ALICE, get_events(name, mark)) == ["NoError"]
    clock.advance(601)
    codes = sandbox.codes(ALICE, get_events(name, mark))
    assert codes == ["ErrorSubscriptionNotFound"]


def test_the_wrong_kind(sandbox: CheckedSandbox) -> None:
    """Streams are not pulled from, and the other way round."""
    name, mark = pull(sandbox)
    codes = sandbox.codes(ALICE, get_streaming_events(name))
    assert codes == ["ErrorInvalidSubscription"]
    answer = sandbox.ask(ALICE, subscribe())
    streaming = text(answer, ".//m:SubscriptionId")
    codes = sandbox.codes(ALICE, get_events(streaming, mark))
    assert codes == ["ErrorInvalidSubscription"]


@pytest.mark.parametrize(
    ("request_xml", "code"),
    [
        (subscribe(events=()), "ErrorSchemaValidation"),
        (subscribe(events=("StatusEvent",)), "ErrorSchemaValidation"),
        (subscribe(kind="Pull"), "ErrorSchemaValidation"),
        (subscribe(more=TIMEOUT), "ErrorSchemaValidation"),
        (subscribe(kind="Push"), "ErrorInvalidOperation"),
        (subscribe(folders=("nowhere",)), "ErrorSchemaValidation"),
        (get_streaming_events(), "ErrorSchemaValidation"),
        (get_streaming_events("AAAA", minutes=0), "ErrorSchemaValidation"),
        (get_streaming_events("AAAA", minutes=31), "ErrorSchemaValidation"),
        (get_streaming_events(*["AAAA"] * 201), "ErrorSchemaValidation"),
        ("<m:Subscribe/>", "ErrorSchemaValidation"),
        ("<m:GetEvents/>", "ErrorSchemaValidation"),
        ("<m:Unsubscribe/>", "ErrorSchemaValidation"),
    ],
)
def test_requests_that_are_refused(
    sandbox: CheckedSandbox, request_xml: str, code: str
) -> None:
    """What breaks the schema, and what the sandbox does not do."""
    assert sandbox.fault(ALICE, request_xml) == code


def test_folders_or_everything(sandbox: CheckedSandbox) -> None:
    """One of the two, not both and not neither."""
    both = subscribe().replace(
        "SubscriptionRequest>", 'SubscriptionRequest SubscribeToAllFolders="true">', 1
    )
    neither = subscribe(folders=()).replace("<t:FolderIds></t:FolderIds>", "")
    for wrong in (both, neither):
        codes = sandbox.codes(ALICE, wrong)
        assert codes == ["ErrorInvalidSubscriptionRequest"]
    everything = both.replace(
        '<t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds>', ""
    )
    assert sandbox.codes(ALICE, everything) == ["NoError"]
