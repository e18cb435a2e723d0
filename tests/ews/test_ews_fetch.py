"""Fetching in batches, over a server that follows a script: which one is damaged."""

from collections.abc import Sequence

import pytest

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.model.meeting import MeetingMessage
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.scheduling.ports.mailbox import Unreadable
from tests.ews.ews_script import Asked, Line, Script, now, refs, working
from tests.ews.ews_support import failure, fault, item, meeting_request, response


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


def test_wrong_number_of_messages() -> None:
    """An answer that lost results is no answer."""
    script = Script(response("GetItem"))
    with pytest.raises(MailboxUnreachable):
        now(script.mailbox().fetch(refs("a", "b")))
