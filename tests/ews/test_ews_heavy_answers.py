"""Answers that are long to read: in a process apart, and no longer than it may take."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar, cast

import pytest_twisted
from twisted.internet import reactor

from pexschedd.ews.operations.update_item import build_new_body
from pexschedd.model.meeting import MeetingMessage, Tags
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    Blame,
    OutcomeKind,
    RewriteKind,
    Unreadable,
)
from pexschedd.util.worker_processes import WorkAbandoned, WorkerProcesses
from tests.ews.ews_exchange import ALICE, Exchange

T = TypeVar("T")

UUID = "6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f"


@pytest_twisted.async_yield_fixture()
async def apart() -> AsyncIterator[WorkerProcesses]:
    workers = WorkerProcesses(reactor, processes=1, at_once=-1)
    yield workers
    await workers.stop()


@pytest_twisted.ensureDeferred
async def test_every_answer_can_be_read_apart(
    exchange: Exchange, apart: WorkerProcesses
) -> None:
    """Invited, read, accepted, listed, rewritten: no answer is parsed here."""
    mailbox = exchange.mailbox(heavy_work=apart)
    await mailbox.check()
    exchange.invite("Review", f"<p>PXPS:-{UUID}#</p>")
    arrivals = await mailbox.arrivals("")
    (message,) = await mailbox.fetch(arrivals.arrived)
    assert isinstance(message, MeetingMessage)
    assert message.tags == Tags((UUID,))
    (outcome,) = await mailbox.answer([Answer(message.ref, Action.ACCEPT, "<p>x</p>")])
    assert outcome.kind is OutcomeKind.DONE
    ((meeting,), _) = await mailbox.calendar("")
    assert meeting.tags == Tags((UUID,))
    organizers = exchange.organizers(heavy_work=apart)
    own = await organizers.find(ALICE, message.uid)
    assert own is not None
    assert own.tags == Tags((UUID,))
    kind, _ = await organizers.rewrite(ALICE, own.ref, "<p>New</p>")
    assert kind is RewriteKind.DONE


@pytest_twisted.ensureDeferred
async def test_a_new_body_is_put_into_xml_apart(exchange: Exchange) -> None:
    """Escaping a long text takes time, too; it counts with all its characters."""
    done: list[tuple[object, int]] = []

    async def noting(work: Callable[[], T], cost: int) -> T:
        assert isinstance(work, partial)
        done.append((work.func, cost))
        return cast(T, work())

    exchange.invite("Review", f"<p>PXPS:-{UUID}#</p>")
    mailbox = exchange.mailbox()
    arrivals = await mailbox.arrivals("")
    (message,) = await mailbox.fetch(arrivals.arrived)
    assert isinstance(message, MeetingMessage)
    organizers = exchange.organizers(heavy_work=noting)
    own = await organizers.find(ALICE, message.uid)
    assert own is not None
    await organizers.rewrite(ALICE, own.ref, "<p>New</p>")
    assert (build_new_body, len("<p>New</p>")) in done


class Impatient:
    """Abandons every answer that holds a certain text."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def __call__(self, work: Callable[[], T], cost: int) -> T:
        assert isinstance(work, partial)
        if self._text in work.args[0]:
            raise WorkAbandoned("It took over 30 seconds.")
        return cast(T, work())


@pytest_twisted.ensureDeferred
async def test_a_message_that_takes_too_long_holds_up_no_other(
    exchange: Exchange,
) -> None:
    """The messages around it are read; it is unreadable by its own fault."""
    for number in range(5):
        exchange.invite(f"Meeting {number}", "<p>slow</p>" if number == 3 else "<p>")
    mailbox = exchange.mailbox(heavy_work=Impatient(b"slow"))
    arrivals = await mailbox.arrivals("")
    found: list[Any] = await mailbox.fetch(arrivals.arrived)
    read = [each.subject for each in found if isinstance(each, MeetingMessage)]
    (unreadable,) = [each for each in found if isinstance(each, Unreadable)]
    assert sorted(read) == [f"Meeting {number}" for number in (0, 1, 2, 4)]
    assert unreadable.blame is not Blame.SERVER
    assert "takes too long to read" in unreadable.reason
