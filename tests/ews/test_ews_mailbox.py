"""The mailbox over a server that follows a script: what is asked, and what is made of
the answers."""

from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet import reactor

from pexschedd.errors import (
    CursorLost,
    ImpersonationRefused,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.ews.mailbox import RESOLVE_TRIES, ews_mailbox
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    Blame,
    Mailbox,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.ews.ews_script import Asked, Line, Script, doing, now, refs
from tests.ews.ews_support import (
    back_off,
    failure,
    fault,
    item,
    meeting_request,
    response,
    success,
)

DONE = Outcome(OutcomeKind.DONE)
GONE = Outcome(OutcomeKind.GONE)


def answers(**actions: Action) -> list[Answer]:
    return [Answer(MessageRef(n, "ck"), action) for n, action in actions.items()]


def read(asked: Asked, **fates: str) -> bytes:
    """A GetItem answer: messages, but for those with a fate."""
    return response(
        "GetItem",
        *(
            failure("GetItem", fates[name], "TEXT")
            if name in fates
            else meeting_request(name, "2026-11-20T08:00:00Z")
            for name in asked.ids
        ),
    )


def reading(**fates: str) -> Line:
    return lambda asked: read(asked, **fates)


def fates(found: Sequence[MeetingMessage | Unreadable]) -> list[str]:
    return [
        each.ref.item_id if isinstance(each, MeetingMessage) else f"!{each.ref.item_id}"
        for each in found
    ]


def test_it_is_a_mailbox() -> None:
    """The whole interface is there."""
    mailbox: Mailbox = Script(b"").mailbox()
    assert mailbox


def test_check() -> None:
    """One reading call; an error in the result is the mailbox's."""
    script = Script(response("GetFolder", success("GetFolder")))
    now(script.mailbox().check())
    assert [repr(each) for each in script.asked] == ["GetFolder"]
    assert script.asked[0].repeatable
    bad = Script(response("GetFolder", failure("GetFolder", "ErrorFolderNotFound")))
    with pytest.raises(MailboxRefused):
        now(bad.mailbox().check())


def sync(state: str, last: str, *changes: str) -> bytes:
    return response(
        "SyncFolderItems",
        success(
            "SyncFolderItems",
            f"<m:SyncState>{state}</m:SyncState>"
            f"<m:IncludesLastItemInRange>{last}</m:IncludesLastItemInRange>"
            f"<m:Changes>{''.join(changes)}</m:Changes>",
        ),
    )


def change(kind: str, name: str, key: str = "ck") -> str:
    inner = f'<t:ItemId Id="{name}" ChangeKey="{key}"/>'
    if kind in ("Create", "Update"):
        inner = f"<t:MeetingRequest>{inner}</t:MeetingRequest>"
    return f"<t:{kind}>{inner}</t:{kind}>"


def test_changes() -> None:
    """New and changed messages, each once and as it is now; nothing else."""
    page = sync(
        "next",
        "false",
        change("Create", "a", "old"),
        change("Update", "a"),
        change("Update", "b"),
        change("Delete", "c"),
        change("ReadFlagChange", "d"),
        "<t:Create><t:Message/></t:Create>",
    )
    changes = now(Script(page).mailbox().arrivals("cursor"))
    assert list(changes.arrived) == refs("a", "b")
    assert changes.cursor == "next"
    assert changes.more


def test_a_page_that_leads_nowhere_is_the_last() -> None:
    """A server that repeats itself cannot keep us going round."""
    assert not now(Script(sync("same", "false")).mailbox().arrivals("same")).more


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            response(
                "SyncFolderItems",
                failure("SyncFolderItems", "ErrorInvalidSyncStateData"),
            ),
            CursorLost,
        ),
        (fault("ErrorInvalidSyncStateData"), CursorLost),
        (fault("ErrorServerBusy", "", back_off(5000)), MailboxBusy),
        (fault("ErrorImpersonateUserDenied"), ImpersonationRefused),
        (b"<html>Sign in</html>", MailboxUnreachable),
        (sync("", "true"), MailboxUnreachable),
        (sync("x", "perhaps"), MailboxUnreachable),
        (ConnectionFailure(FailureKind.TIMEOUT, "9"), MailboxUnreachable),
    ],
)
def test_errors_of_a_whole_call(
    answer: bytes | Exception, error: type[MailboxError]
) -> None:
    """Faults, pages and lost connections are errors of ours."""
    with pytest.raises(MailboxError) as caught:
        now(Script(answer).mailbox().arrivals("cursor"))
    assert type(caught.value) is error


def test_fetch_in_batches_oldest_first() -> None:
    """Batches of the given size, without change keys, sorted by time."""

    def line(asked: Asked) -> bytes:
        return response(
            "GetItem",
            *(
                meeting_request(name, f"2026-11-20T08:00:{50 - ord(name) % 50:02}Z")
                for name in asked.ids
            ),
        )

    script = Script(line)
    found = now(script.mailbox(fetch_batch=2).fetch(refs("a", "b", "c")))
    assert [repr(each) for each in script.asked] == ["GetItem a b", "GetItem c"]
    assert fates(found) == ["c", "b", "a"]


def test_fetch_leaves_out_what_is_gone() -> None:
    """Gone is normal; unreadable is said, with the reason."""
    script = Script(reading(a="ErrorItemNotFound", c="ErrorItemCorrupt"))
    found = now(script.mailbox().fetch(refs("a", "b", "c")))
    assert fates(found) == ["b", "!c"]
    assert isinstance(found[1], Unreadable)
    assert found[1].reason == "TEXT (ErrorItemCorrupt)"


def test_fetch_nothing() -> None:
    """No references, no calls."""
    script = Script(b"")
    assert now(script.mailbox().fetch([])) == []
    assert script.asked == []


def test_fetch_goes_on_where_the_server_stopped() -> None:
    """What a busy server left undone is asked for again."""
    stopped = "ErrorBatchProcessingStopped"
    script = Script(reading(b=stopped, c=stopped), reading(c=stopped), reading())
    found = now(script.mailbox().fetch(refs("a", "b", "c")))
    assert [repr(each) for each in script.asked] == [
        "GetItem a b c",
        "GetItem b c",
        "GetItem c",
    ]
    assert fates(found) == ["a", "b", "c"]


def test_fetch_gives_up_when_it_leads_nowhere() -> None:
    """A server that does nothing any more is busy, not the messages unreadable."""
    stopped = "ErrorBatchProcessingStopped"
    script = Script(reading(b=stopped, c=stopped))
    with pytest.raises(MailboxBusy):
        now(script.mailbox().fetch(refs("a", "b", "c")))
    assert len(script.asked) == 2


def test_a_damaged_message_does_not_hold_up_the_others() -> None:
    """One that keeps failing while others are read is unreadable."""
    script = Script(reading(b="ErrorInternalServerError"))
    found = now(script.mailbox().fetch(refs("a", "b")))
    assert fates(found) == ["a", "!b"]


def test_trouble_with_all_messages_is_not_theirs() -> None:
    """The same problem everywhere is the server's or the mailbox's."""
    for code, error in (
        ("ErrorServerBusy", MailboxBusy),
        ("ErrorMailboxMoveInProgress", MailboxBusy),
        ("ErrorAccessDenied", MailboxRefused),
        ("ErrorNonExistentMailbox", MailboxRefused),
    ):
        script = Script(reading(**dict.fromkeys("abcd", code)))
        with pytest.raises(error):
            now(script.mailbox().fetch(refs(*"abcd")))


def working(asked: Asked, line: Line) -> bytes | int:
    """A server that opens the inbox whatever else it does."""
    if asked.operation == "GetFolder":
        return response("GetFolder", success("GetFolder"))
    return line(asked)


def test_many_damaged_messages_at_once_are_the_servers_fault() -> None:
    """A few may be damaged together while the server works; many are not."""
    code = "ErrorInternalServerError"
    few = Script(lambda asked: working(asked, reading(a=code, b=code)))
    assert fates(now(few.mailbox().fetch(refs("a", "b")))) == ["!a", "!b"]
    all_ = Script(lambda asked: working(asked, reading(**dict.fromkeys("abcd", code))))
    with pytest.raises(MailboxBusy):
        now(all_.mailbox().fetch(refs(*"abcd")))


def poisoned(trouble: bytes | Exception) -> Line:
    """The server breaks down over "c", and only then."""

    def line(asked: Asked) -> bytes:
        if "c" in asked.ids and isinstance(trouble, Exception):
            raise trouble
        if "c" in asked.ids:
            assert isinstance(trouble, bytes)
            return trouble
        return read(asked)

    return lambda asked: working(asked, line)


TROUBLES: list[bytes | Exception] = [
    ConnectionFailure(FailureKind.TOO_LARGE, "99"),
    ConnectionFailure(FailureKind.LOST),
    ConnectionFailure(FailureKind.TIMEOUT, "9"),
    fault("ErrorInternalServerError"),
    fault("ErrorTimeoutExpired"),
    fault("ErrorCorruptData"),
    b"<torn",
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=[str(t)[:40] for t in TROUBLES])
def test_one_message_does_not_make_its_batch_fail(trouble: bytes | Exception) -> None:
    """What a whole request fails over is found in halves; its neighbours are read."""
    script = Script(poisoned(trouble))
    found = now(script.mailbox().fetch(refs("a", "b", "c", "d")))
    assert fates(found) == ["a", "b", "d", "!c"]


@pytest.mark.parametrize("trouble", TROUBLES, ids=[str(t)[:40] for t in TROUBLES])
def test_a_server_in_trouble_blames_no_message(trouble: bytes | Exception) -> None:
    """When not even the inbox opens, the call fails after two requests."""
    script = Script(trouble)
    with pytest.raises(MailboxError):
        now(script.mailbox().fetch(refs("a", "b", "c", "d")))
    assert len(script.asked) == 2


def test_a_damaged_cancellation_is_read_without_its_body() -> None:
    """Its meeting is all that matters; of a request, the body is."""

    def line(asked: Asked) -> bytes:
        if asked.element.find(".//{*}BodyType") is not None:
            return read(asked, a="ErrorItemCorrupt", b="ErrorContentConversionFailed")
        return response(
            "GetItem",
            meeting_request("a", "2026-11-20T08:00:00Z")
            if asked.ids == ["a"]
            else item(
                "MeetingCancellation",
                "b",
                "<t:ItemClass>IPM.Schedule.Meeting.Canceled</t:ItemClass>",
            ),
        )

    script = Script(line)
    found = now(script.mailbox().fetch(refs("a", "b")))
    assert fates(found) == ["b", "!a"]
    assert [repr(each) for each in script.asked] == [
        "GetItem a b",
        "GetItem a",
        "GetItem b",
    ]


def test_pages_and_batches_shrink_and_grow_again() -> None:
    """Too much at a time is halved at once, and grows when ten times all went well."""
    sizes: list[int] = []

    def line(asked: Asked) -> bytes:
        sizes.append(int(asked.element.findtext("{*}MaxChangesReturned") or 0))
        if sizes[-1] > 200:
            return fault("ErrorExceededFindCountLimit")
        return sync("next", "true")

    mailbox = Script(line).mailbox()
    for _ in range(11):
        now(mailbox.arrivals("x"))
    assert sizes == [512, 256, *[128] * 10, 160]


def test_wrong_number_of_messages() -> None:
    """An answer that lost results is no answer."""
    script = Script(response("GetItem"))
    with pytest.raises(MailboxUnreachable):
        now(script.mailbox().fetch(refs("a", "b")))


@pytest.mark.parametrize(
    "trouble",
    [
        fault("ErrorSchemaValidation"),
        fault("ErrorInternalServerError"),
        b"<torn",
        502,
        504,
    ],
)
def test_one_answer_does_not_make_its_batch_fail(trouble: bytes | int) -> None:
    """The others are told, after a look at whether they have been; that one is not."""

    def line(asked: Asked) -> bytes | int:
        if asked.operation == "CreateItem" and "AcceptItem c" in asked.said:
            return trouble
        if asked.operation == "GetItem":
            return response(
                "GetItem",
                *(item("MeetingRequest", i, change_key="ck") for i in asked.ids),
            )
        return doing()(asked)

    script = Script(lambda asked: working(asked, line))
    named = answers(**dict.fromkeys("abcd", Action.ACCEPT))
    found = now(script.mailbox().answer(named))
    done = OutcomeKind.DONE
    assert [each.kind for each in found] == [done, done, OutcomeKind.RETRY, done]
    own = trouble == fault("ErrorSchemaValidation")
    assert found[2].blame is (Blame.MESSAGE if own else Blame.DOUBT)
    assert sum(each.operation == "GetItem" for each in script.asked) == 4


def test_an_unsure_answer_is_looked_up_before_it_is_given() -> None:
    """What is gone was answered; what is there is answered as it is now."""
    looked = response(
        "GetItem",
        failure("GetItem", "ErrorItemNotFound"),
        item("MeetingRequest", "b", change_key="new"),
    )
    script = Script(looked, doing())
    named = [
        Answer(MessageRef(name, "ck"), Action.ACCEPT, unsure=True) for name in "ab"
    ]
    assert now(script.mailbox().answer(named)) == [GONE, DONE]
    assert [repr(each) for each in script.asked] == [
        "GetItem a b",
        "CreateItem AcceptItem b new",
    ]


def test_answers_go_into_one_request() -> None:
    """Accepts, declines and removals in their order; discards are moved after them."""
    script = Script(doing())
    outcomes = now(
        script.mailbox().answer(
            answers(
                a=Action.ACCEPT,
                b=Action.REMOVE,
                c=Action.DISCARD,
                d=Action.DECLINE,
                e=Action.DISCARD,
            )
        )
    )
    assert [repr(each) for each in script.asked] == [
        "CreateItem AcceptItem a RemoveItem b DeclineItem d",
        "MoveItem c e",
    ]
    assert script.asked[0].disposition == "SendOnly"
    assert not any(each.repeatable for each in script.asked)
    assert outcomes == [DONE] * 5


def test_answers_in_batches() -> None:
    """Batches of the given size."""
    script = Script(doing())
    named = answers(a=Action.ACCEPT, b=Action.ACCEPT, c=Action.ACCEPT)
    assert now(script.mailbox(answer_batch=2).answer(named)) == [DONE] * 3
    assert [len(each.said) for each in script.asked] == [2, 1]
    assert now(script.mailbox().answer([])) == []


def test_outcomes_in_order() -> None:
    """Each answer has its own outcome."""
    script = Script(
        doing(
            "",
            "ErrorItemNotFound",
            "ErrorCalendarIsCancelledForAccept",
            "ErrorServerBusy",
        )
    )
    found = now(
        script.mailbox().answer(
            answers(a=Action.ACCEPT, b=Action.DECLINE, c=Action.ACCEPT, d=Action.ACCEPT)
        )
    )
    assert [each.kind.value for each in found] == ["done", "gone", "failed", "retry"]
    assert found[2].reason == "TEXT (ErrorCalendarIsCancelledForAccept)"
    assert len(script.asked) == 1


def test_a_removal_without_a_meeting_moves_the_message() -> None:
    """No calendar item, or none that may be touched: the message still goes."""
    for code in ("ErrorItemNotFound", "ErrorCalendarIsOrganizerForRemove"):
        script = Script(doing("", code), doing())
        named = answers(a=Action.ACCEPT, b=Action.REMOVE)
        assert now(script.mailbox().answer(named)) == [DONE, DONE]
        assert repr(script.asked[1]) == "MoveItem b"


def test_a_removal_of_nothing_is_gone() -> None:
    """Neither calendar item nor message: it has been done before."""
    script = Script(doing("ErrorItemNotFound"), doing("ErrorItemNotFound"))
    assert now(script.mailbox().answer(answers(a=Action.REMOVE))) == [GONE]
    assert script.asked[0].disposition is None


def test_a_removal_that_minds_the_company() -> None:
    """A server that takes no removal among answers gets it alone."""
    script = Script(doing("", "ErrorInvalidArgument"), doing(), doing())
    named = answers(a=Action.ACCEPT, b=Action.REMOVE)
    assert now(script.mailbox().answer(named)) == [DONE, DONE]
    assert repr(script.asked[1]) == "CreateItem RemoveItem b"
    assert script.asked[1].disposition is None


def test_a_touched_message_is_answered_as_it_is_now() -> None:
    """A stale change key is read again, and only that answer is given again."""
    current = response("GetItem", item("MeetingRequest", "b", change_key="new"))
    script = Script(doing("", "ErrorIrresolvableConflict"), current, doing())
    named = answers(a=Action.ACCEPT, b=Action.DECLINE)
    assert now(script.mailbox().answer(named)) == [DONE, DONE]
    assert [repr(each) for each in script.asked] == [
        "CreateItem AcceptItem a DeclineItem b",
        "GetItem b",
        "CreateItem DeclineItem b new",
    ]


def test_a_touched_message_that_is_gone() -> None:
    """When it cannot be read any more, it was answered or taken away."""
    script = Script(
        doing("ErrorStaleObject"),
        response("GetItem", failure("GetItem", "ErrorItemNotFound")),
    )
    assert now(script.mailbox().answer(answers(a=Action.ACCEPT))) == [GONE]


def test_busy_with_everything() -> None:
    """When nothing was done for all answers alike, the whole call says so."""
    for code, error in (
        ("ErrorServerBusy", MailboxBusy),
        ("ErrorAccessDenied", MailboxRefused),
    ):
        script = Script(doing(code, code))
        named = answers(a=Action.ACCEPT, b=Action.REMOVE)
        with pytest.raises(error):
            now(script.mailbox().answer(named))


def test_passing_trouble_is_each_answers_own() -> None:
    """One answer that the server stumbles over does not stop the others for long."""
    script = Script(doing("ErrorInternalServerError"))
    (outcome,) = now(script.mailbox().answer(answers(a=Action.ACCEPT)))
    assert outcome.kind is OutcomeKind.RETRY


def test_a_failure_after_the_first_batch() -> None:
    """What was done is told; the rest is to be tried again."""
    lost = ConnectionFailure(FailureKind.LOST)
    script = Script(doing(), lost)
    named = answers(a=Action.ACCEPT, b=Action.ACCEPT, c=Action.ACCEPT)
    found = now(script.mailbox(answer_batch=1).answer(named))
    assert [each.kind.value for each in found] == ["done", "retry", "retry"]
    assert "closed the connection" in found[1].reason
    with pytest.raises(MailboxUnreachable):
        now(Script(lost).mailbox().answer(named))


def test_a_failure_in_the_second_round() -> None:
    """Answers that were given stay given; only what is open is tried again."""
    lost = ConnectionFailure(FailureKind.LOST)
    script = Script(doing("", "ErrorItemNotFound"), lost)
    named = answers(a=Action.ACCEPT, b=Action.REMOVE, c=Action.DISCARD)
    found = now(script.mailbox().answer(named))
    assert [each.kind.value for each in found] == ["done", "retry", "retry"]


def test_discards_alone() -> None:
    """Only moves; a lost connection there is an error like any other."""
    script = Script(doing("", "ErrorItemNotFound"))
    named = answers(a=Action.DISCARD, b=Action.DISCARD)
    assert now(script.mailbox().answer(named)) == [DONE, GONE]
    with pytest.raises(MailboxUnreachable):
        now(Script(ConnectionFailure(FailureKind.LOST)).mailbox().answer(named))


def test_wrong_number_of_outcomes() -> None:
    """An answer that lost outcomes leaves the fate of all unknown."""
    script = Script(response("CreateItem"))
    with pytest.raises(MailboxUnreachable):
        now(script.mailbox().answer(answers(a=Action.ACCEPT, b=Action.ACCEPT)))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"url": "http://mail.example.test/EWS"}, "https"),
        ({"url": "mail.example.test"}, "look like"),
        ({"username": "a:b"}, "colon"),
        ({"mailbox": ""}, "address"),
        ({"mailbox": "room"}, "address"),
    ],
)
def test_wrong_settings(changed: dict[str, str], says: str) -> None:
    """What can be known to be wrong is refused before anything is sent."""
    settings: dict[str, Any] = {
        "url": "https://mail.example.test/EWS",
        "username": "svc",
        "password": "secret",
        "mailbox": "room@example.test",
    }

    def mailbox_of(mailbox: str, **account: Any) -> None:
        network = Network(reactor, Trust())
        ews_mailbox(EwsAccount(network=network, **account), mailbox)

    with pytest.raises(MailboxRefused, match=says):
        mailbox_of(**{**settings, **changed})


def test_close() -> None:
    """Closing closes what carries the requests."""
    script = Script(b"")
    now(script.mailbox().close())
    assert script.closed


def test_a_reply_that_was_sent_is_not_sent_again() -> None:
    """Its message could not be moved: that is all that is left to do."""
    script = Script(doing(), doing("ErrorServerBusy"))
    answer = Answer(refs("r")[0], Action.REPLY, "<p>x</p>")
    (outcome,) = now(script.mailbox().answer([answer]))
    assert (outcome.kind, outcome.remaining) == (OutcomeKind.RETRY, Action.DISCARD)
    script = Script(doing("ErrorServerBusy"))
    with pytest.raises(MailboxBusy):
        now(script.mailbox().answer([answer]))


def test_an_address_that_cannot_be_resolved_holds_up_nobody() -> None:
    """The directory fails for one address each time: it is unknown in the end."""
    failing = fault("ErrorInternalServerError")
    mailbox = Script(*[failing] * RESOLVE_TRIES * 2).mailbox()
    for _ in range(2):
        for _ in range(RESOLVE_TRIES - 1):
            with pytest.raises(MailboxBusy):
                now(mailbox.primary_address("x@example.test"))
        assert now(mailbox.primary_address("x@example.test")) == ""
