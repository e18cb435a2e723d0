"""The identity tokens of all messages are remembered, whatever follows from these."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_twisted

from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.scheduling.ports.mailbox import Action
from tests.conftest import Failures
from tests.identity.identity_support import payload, token
from tests.scheduling.mailbox_support import MemoryInbox
from tests.scheduling.process_support import (
    NOW,
    Crash,
    Process,
    Unsteady,
    calm,
    one_life,
    request,
    tag,
)

SENT = token(payload(nbf=int(NOW.timestamp()), exp=int(NOW.timestamp()) + 28800))
OTHER = token(payload(nbf=int(NOW.timestamp()) + 1, exp=int(NOW.timestamp()) + 28800))


def offline(text: str = f"TOK:-{SENT}#", **changes: object) -> MeetingMessage:
    return msgspec.structs.replace(request(1, html="", text=text), **changes)


def mailed(process: Process) -> MailedTokens:
    return MailedTokens(process.store, lambda: NOW)


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = Process(tmp_path / "state", Unsteady(inbox, calm))
    await process.book(tag(1), tag(2))
    yield process
    await process.end()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(offline(), id="rewritten"),
        pytest.param(offline(f"PXPS:-{tag(1)}# TOK:-{SENT}#"), id="accepted"),
        pytest.param(offline(f"PXPS:-{tag(9)}# TOK:-{SENT}#"), id="declined"),
        pytest.param(offline(end=None), id="undecidable"),
        pytest.param(offline(outdated=True), id="discarded"),
        pytest.param(offline(kind=MessageKind.CANCELLATION), id="cancelled"),
        pytest.param(offline(kind=MessageKind.OTHER), id="no meeting"),
        pytest.param(
            offline("", html=f"<p>Hi</p><p>TOK:-{SENT[:60]}<br>{SENT[60:]}#</p>"),
            id="wrapped",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_every_message(
    process: Process, inbox: MemoryInbox, message: MeetingMessage
) -> None:
    """Whatever becomes of the message, its token is remembered, and no other."""
    inbox.deliver(message)
    await process.settle()
    assert mailed(process).has(SENT)
    assert not mailed(process).has(OTHER)
    assert process.store.count(tables.MAILED_TOKEN) == 1


@pytest_twisted.ensureDeferred
async def test_a_message_that_fails(
    process: Process,
    inbox: MemoryInbox,
    logged_failures: Failures,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token of a message that causes an internal error is remembered at once."""

    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr(process.handler, "handle", fail)
    inbox.deliver(offline())
    await process.settle(1)
    assert mailed(process).has(SENT)
    assert logged_failures
    logged_failures.clear()


@pytest_twisted.ensureDeferred
async def test_a_crash(tmp_path: Path, inbox: MemoryInbox) -> None:
    """The token is remembered in the commit of the decision: a process that dies when
    it is about to answer leaves both."""

    def die(call: str, when: str) -> None:
        if (call, when) == ("answer", "before"):
            raise Crash

    first = Process(tmp_path / "first", Unsteady(inbox, die))
    await first.book(tag(1))
    inbox.deliver(offline(f"PXPS:-{tag(1)}# TOK:-{SENT}#"))
    with pytest.raises(Crash):
        await one_life(first)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    await first.store.close()
    second = Process(tmp_path / "second", Unsteady(inbox, calm))
    (pending,) = second.store.all(tables.OUTBOX)
    assert pending.action == Action.ACCEPT
    assert mailed(second).has(SENT)
    await second.end()
