"""The mailbox over a server that follows a script: what is asked, and what is made of
the answers."""

from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet import reactor

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.ews.mailbox import ews_mailbox
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.net.trouble import ConnectionTrouble, Trouble
from pexschedd.scheduling.mailbox import (
    Action,
    Answer,
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
    changes = now(Script(page).mailbox().changes("cursor"))
    assert list(changes.arrived) == refs("a", "b")
    assert changes.cursor == "next"
    assert changes.more


def test_a_page_that_leads_nowhere_is_the_last() -> None:
    """A server that repeats itself cannot keep us going round."""
    assert not now(Script(sync("same", "false")).mailbox().changes("same")).more


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
        (fault("ErrorImpersonateUserDenied"), MailboxRefused),
        (b"<html>Sign in</html>", MailboxUnreachable),
        (sync("", "true"), MailboxUnreachable),
        (sync("x", "perhaps"), MailboxUnreachable),
        (ConnectionTrouble(Trouble.TIMEOUT, "9"), MailboxUnreachable),
    ],
)
def test_errors_of_a_whole_call(
    answer: bytes | Exception, error: type[MailboxError]
) -> None:
    """Faults, pages and lost connections are errors of ours."""
    with pytest.raises(MailboxError) as caught:
        now(Script(answer).mailbox().changes("cursor"))
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
        ("ErrorInternalServerError", MailboxBusy),
        ("ErrorServerBusy", MailboxBusy),
        ("ErrorMailboxMoveInProgress", MailboxBusy),
        ("ErrorAccessDenied", MailboxRefused),
        ("ErrorNonExistentMailbox", MailboxRefused),
    ):
        with pytest.raises(error):
            now(Script(reading(a=code, b=code)).mailbox().fetch(refs("a", "b")))


def test_fetch_halves_what_is_too_large() -> None:
    """A message beyond the limit is unreadable; its neighbours are read."""

    def line(asked: Asked) -> bytes:
        if "c" in asked.ids:
            raise ConnectionTrouble(Trouble.TOO_LARGE, "99")
        return read(asked)

    script = Script(line)
    found = now(script.mailbox().fetch(refs("a", "b", "c", "d")))
    assert fates(found) == ["a", "b", "d", "!c"]


def test_wrong_number_of_messages() -> None:
    """An answer that lost results is no answer."""
    script = Script(response("GetItem", item("MeetingRequest", "a")))
    with pytest.raises(MailboxUnreachable):
        now(script.mailbox().fetch(refs("a", "b")))


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
    lost = ConnectionTrouble(Trouble.LOST)
    script = Script(doing(), lost)
    named = answers(a=Action.ACCEPT, b=Action.ACCEPT, c=Action.ACCEPT)
    found = now(script.mailbox(answer_batch=1).answer(named))
    assert [each.kind.value for each in found] == ["done", "retry", "retry"]
    assert "closed the connection" in found[1].reason
    with pytest.raises(MailboxUnreachable):
        now(Script(lost).mailbox().answer(named))


def test_a_failure_in_the_second_round() -> None:
    """Answers that were given stay given; only what is open is tried again."""
    lost = ConnectionTrouble(Trouble.LOST)
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
        now(Script(ConnectionTrouble(Trouble.LOST)).mailbox().answer(named))


def test_wrong_number_of_outcomes() -> None:
    """An answer that lost outcomes leaves the fate of all unknown."""
    script = Script(response("CreateItem", success("CreateItem")))
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
    with pytest.raises(MailboxRefused, match=says):
        ews_mailbox(network=Network(reactor, Trust()), **{**settings, **changed})


def test_close() -> None:
    """Closing closes what carries the requests."""
    script = Script(b"")
    now(script.mailbox().close())
    assert script.closed
