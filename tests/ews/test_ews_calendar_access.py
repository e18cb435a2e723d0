"""Looking after the mailbox, over a server that follows a script."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from pexschedd.errors import CursorLost, MailboxBusy, MailboxUnreachable
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import EwsClient
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.ews.operations.find_item import PagePosition
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.exchange.batches import at_once
from pexschedd.model.meeting import CalendarMeeting, MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    MailboxKeeping,
    Outcome,
    OutcomeKind,
)
from tests.ews.ews_script import SITE, Asked, Line, Script, doing, now, refs
from tests.ews.ews_support import (
    failure,
    fault,
    item,
    response,
    success,
)

BEFORE = datetime(2026, 11, 20, tzinfo=UTC)


def test_it_keeps_a_mailbox() -> None:
    """The whole interface is there."""
    keeping: MailboxKeeping = Script(b"").mailbox()
    assert keeping


def page(*items: str, last: bool = True) -> bytes:
    return response(
        "FindItem",
        success(
            "FindItem",
            f'<m:RootFolder IncludesLastItemInRange="{str(last).lower()}"><t:Items>'
            f"{''.join(items)}</t:Items></m:RootFolder>",
        ),
    )


def found(
    name: str, second: int, element: str = "MeetingRequest", more: str = ""
) -> str:
    return (
        f'<t:{element}><t:ItemId Id="{name}" ChangeKey="ck"/>{more}'
        f"<t:DateTimeReceived>2026-11-01T08:00:{second:02}Z</t:DateTimeReceived>"
        f"<t:DateTimeCreated>2026-11-01T08:00:{second:02}Z</t:DateTimeCreated>"
        f"</t:{element}>"
    )


def asked_for(asked: Asked) -> list[str]:
    """The offset of a page, and the moments it is restricted to."""
    view = asked.element.find("{*}IndexedPageItemView")
    assert view is not None
    bounds = [each.get("Value", "") for each in asked.element.iter("{*}Constant")]
    return [view.get("Offset", ""), *bounds]


def test_the_inbox_page_by_page() -> None:
    """Every kind of item, oldest first; the next page begins where this one ended."""
    script = Script(
        page(
            found("a", 1),
            found("b", 2, "Message", "<t:ItemClass>IPM.Note</t:ItemClass>"),
            found("c", 2, "MeetingCancellation"),
            last=False,
        ),
        page(found("d", 2, "MeetingResponse"), last=False),
        page(found("e", 3)),
    )
    mailbox = script.mailbox()
    kinds, cursor = [], ""
    for _ in range(3):
        messages, cursor = now(mailbox.inbox(BEFORE, cursor))
        kinds += [(each.ref.item_id, each.kind) for each in messages]
    assert cursor == ""
    assert kinds == [
        ("a", MessageKind.REQUEST),
        ("b", MessageKind.OTHER),
        ("c", MessageKind.CANCELLATION),
        ("d", MessageKind.OTHER),
        ("e", MessageKind.REQUEST),
    ]
    before, second = "2026-11-20T00:00:00Z", "2026-11-01T08:00:02Z"
    assert [asked_for(each) for each in script.asked] == [
        ["0", before],
        ["2", second, before],
        ["3", second, before],
    ]
    assert all(each.repeatable for each in script.asked)


def test_a_mailbox_that_answers_nonsense_ends() -> None:
    """An empty page is the last one, and one out of order is an error."""
    assert now(Script(page(last=False)).mailbox().inbox(BEFORE)) == ([], "")
    unsorted = page(found("a", 2), found("b", 1), last=False)
    with pytest.raises(MailboxUnreachable):
        now(Script(unsorted).mailbox().inbox(BEFORE))
    with pytest.raises(CursorLost):
        now(Script(b"").mailbox().inbox(BEFORE, "nonsense"))


@given(st.lists(st.integers(0, 5), max_size=30).map(sorted), st.integers(1, 7))
def test_pages_meet(seconds: list[int], size: int) -> None:
    """Of any items in order, pages of any size show each once."""
    times = [datetime(2026, 11, 1, 8, 0, second, tzinfo=UTC) for second in seconds]
    seen: list[int] = []
    place = PagePosition()
    while True:
        since = [
            i
            for i, time in enumerate(times)
            if not place.moment or time >= place.moment
        ]
        chosen = since[place.behind : place.behind + size]
        if not chosen:
            break
        seen += chosen
        place = PagePosition.read(str(place.after([times[i] for i in chosen])))
    assert seen == list(range(len(times)))


def appointment(name: str, response_type: str = "Accept", uid: str = "u") -> str:
    return item(
        "CalendarItem",
        name,
        f"<t:UID>{uid}</t:UID><t:Body>b</t:Body>"
        "<t:Start>2026-11-30T08:00:00Z</t:Start><t:End>2026-11-30T09:00:00Z</t:End>"
        f"<t:MyResponseType>{response_type}</t:MyResponseType>",
    )


def test_the_calendar_with_bodies() -> None:
    """A page is found, then read in batches; what cannot be read is left out."""
    script = Script(
        page(*(found(name, 1, "CalendarItem") for name in "abcd"), last=False),
        response("GetItem", appointment("a"), appointment("b", "Tentative")),
        response(
            "GetItem",
            failure("GetItem", "ErrorItemCorrupt"),
            appointment("d", uid=""),
        ),
    )
    meetings, cursor = now(script.mailbox(fetch_batch=2).calendar())
    assert [(each.ref.item_id, each.accepted, each.html) for each in meetings] == [
        ("a", True, "b"),
        ("b", False, "b"),
    ]
    assert all(isinstance(each, CalendarMeeting) for each in meetings)
    assert cursor
    assert [each.operation for each in script.asked] == ["FindItem"] + ["GetItem"] * 2


def configured(value: str, key: str = "AutomateProcessing") -> bytes:
    def typed(name: str, content: str) -> str:
        return (
            f"<t:{name}><t:Type>String</t:Type><t:Value>{content}</t:Value></t:{name}>"
        )

    return response(
        "GetUserConfiguration",
        success(
            "GetUserConfiguration",
            "<m:UserConfiguration><t:Dictionary><t:DictionaryEntry>"
            f"{typed('DictionaryKey', key)}{typed('DictionaryValue', value)}"
            "</t:DictionaryEntry></t:Dictionary></m:UserConfiguration>",
        ),
    )


@pytest.mark.parametrize(
    ("answer", "automatic"),
    [
        (configured("2"), True),
        (configured("AutoAccept"), True),
        (configured("1"), False),
        (configured("0"), False),
        (configured("None"), False),
        (configured("7"), None),
        (configured("2", "SomethingElse"), None),
        (
            response(
                "GetUserConfiguration",
                failure("GetUserConfiguration", "ErrorItemNotFound"),
            ),
            None,
        ),
        (fault("ErrorAccessDenied"), None),
    ],
)
def test_automatic_processing(answer: bytes, automatic: bool | None) -> None:
    """Known if the server tells; unknown otherwise, which is no error."""
    assert now(Script(answer).mailbox().processes_automatically()) is automatic


def test_delete() -> None:
    """For good, without a word, in batches of 100; gone is gone."""
    script = Script(doing())
    outcomes = now(script.mailbox().delete(refs(*map(str, range(250)))))
    assert outcomes == [Outcome(OutcomeKind.DONE)] * 250
    assert [len(each.ids) for each in script.asked] == [100, 100, 50]
    assert script.asked[0].element.get("DeleteType") == "HardDelete"
    assert script.asked[0].element.get("SendMeetingCancellations") == "SendToNone"
    assert not any(each.repeatable for each in script.asked)
    mixed = Script(doing("", "ErrorItemNotFound", "ErrorServerBusy", "ErrorItemSave"))
    kinds = [each.kind for each in now(mixed.mailbox().delete(refs(*"abcd")))]
    assert kinds == [
        OutcomeKind.DONE,
        OutcomeKind.GONE,
        OutcomeKind.RETRY,
        OutcomeKind.FAILED,
    ]


def test_delete_that_is_cut_short() -> None:
    """What was done is known, the rest is to be tried again; or it is an error."""
    script = Script(doing(), fault("ErrorServerBusy"))
    outcomes = now(script.mailbox().delete(refs(*map(str, range(150)))))
    assert [each.kind for each in outcomes] == [OutcomeKind.DONE] * 100 + [
        OutcomeKind.RETRY
    ] * 50
    with pytest.raises(MailboxBusy):
        now(Script(doing("ErrorServerBusy")).mailbox().delete(refs("a")))


# Several batches at once


class Slow:
    """Keeps every request until it is let go."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.waiting: list[Deferred[None]] = []

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        asked: Deferred[None] = Deferred()
        self.waiting.append(asked)
        await asked
        return await self._script.post(body, mailbox=mailbox, repeatable=repeatable)

    async def close(self) -> None:
        pass


def accepts(count: int) -> list[Answer]:
    return [Answer(MessageRef(str(n), "ck"), Action.ACCEPT) for n in range(count)]


def slow_mailbox(line: Line) -> tuple[Slow, EwsMailbox]:
    slow = Slow(Script(line))
    client = EwsClient(slow, SITE)
    return slow, EwsMailbox(client, SITE, answer_batch=2, parallel=3)


def test_several_batches_at_once() -> None:
    """Never more than allowed, in whatever order they end; outcomes stay in order."""

    def line(asked: Asked) -> bytes | int:
        return doing(
            *("ErrorItemNotFound" if "3" in each else "" for each in asked.said)
        )(asked)

    slow, mailbox = slow_mailbox(line)
    outcomes: list[list[Outcome]] = []
    Deferred.fromCoroutine(mailbox.answer(accepts(9))).addCallback(outcomes.append)
    assert len(slow.waiting) == 3
    slow.waiting.pop(2).callback(None)
    assert len(slow.waiting) == 3
    while slow.waiting:
        slow.waiting.pop().callback(None)
    done, gone = Outcome(OutcomeKind.DONE), Outcome(OutcomeKind.GONE)
    assert outcomes == [[done] * 3 + [gone] + [done] * 5]


def test_an_error_lets_the_others_finish_and_begins_nothing() -> None:
    """What was under way has its outcomes; the rest is to be tried again."""

    def line(asked: Asked) -> bytes | int:
        broken = any("2" in each for each in asked.said)
        return fault("ErrorServerBusy", "BUSY") if broken else doing()(asked)

    slow, mailbox = slow_mailbox(line)
    outcomes: list[list[Outcome]] = []
    Deferred.fromCoroutine(mailbox.answer(accepts(20))).addCallback(outcomes.append)
    slow.waiting.pop(1).callback(None)
    assert len(slow.waiting) == 2
    while slow.waiting:
        slow.waiting.pop().callback(None)
    kinds = [each.kind.value for each in outcomes[0]]
    assert kinds == ["done"] * 2 + ["retry"] * 2 + ["done"] * 2 + ["retry"] * 14
    assert "BUSY" in outcomes[0][-1].reason


def test_cancelling_reaches_every_batch() -> None:
    """Who gives up waiting gives up all that is under way."""
    slow, mailbox = slow_mailbox(doing())
    answering = Deferred.fromCoroutine(mailbox.answer(accepts(20)))
    caught: list[object] = []
    answering.addErrback(lambda failure: caught.append(failure.type))
    answering.cancel()
    assert caught == [CancelledError]
    assert len(slow.waiting) == 3
    assert all(each.called for each in slow.waiting)


def test_a_bug_is_not_swallowed() -> None:
    """An unexpected exception in one batch comes out."""

    async def broken(number: int) -> int:
        if number == 2:
            raise ZeroDivisionError
        return number

    with pytest.raises(ZeroDivisionError):
        now(at_once([1, 2, 3], 2, broken))


@pytest.mark.parametrize("connections", [0, 28])
def test_how_many_connections(connections: int) -> None:
    """As many as Exchange allows, and at least one."""
    with pytest.raises(ValueError, match="connections"):
        ConnectionLimits(connections=connections)
    with pytest.raises(ValueError, match="answer_batch"):
        Script(b"").mailbox(answer_batch=101)
