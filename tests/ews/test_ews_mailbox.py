"""The mailbox over a server that follows a script: arrivals, settings, addresses."""

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
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.scheduling.ports.mailbox import Mailbox
from tests.ews.ews_script import Asked, Script, now, refs
from tests.ews.ews_support import back_off, failure, fault, response, success


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


def test_an_address_that_cannot_be_resolved_holds_up_nobody() -> None:
    """The directory fails for one address each time: it is unknown in the end."""
    failing = fault("ErrorInternalServerError")
    mailbox = Script(*[failing] * RESOLVE_TRIES * 2).mailbox()
    for _ in range(2):
        for _ in range(RESOLVE_TRIES - 1):
            with pytest.raises(MailboxBusy):
                now(mailbox.primary_address("x@example.test"))
        assert now(mailbox.primary_address("x@example.test")) == ""
