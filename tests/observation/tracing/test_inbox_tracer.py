"""What the inbox does, as spans: a scheduling half with a mailbox in memory."""

import tracemalloc
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import MailboxUnreachable
from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.observation.tracing.inbox_tracer import InboxTracer
from pexschedd.observation.tracing.recorder import SpanRecorder
from pexschedd.observation.tracing.spans import Span, message_context
from pexschedd.scheduling.inbox.quarantine import PAUSES
from pexschedd.scheduling.ports.mailbox import (
    Answer,
    ArrivalPage,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from pexschedd.scheduling.ports.tracing import NO_TRACER
from tests.conftest import Failures
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    NOW,
    MemoryOrganizers,
    Process,
    request,
    tag,
    turn,
)


class Traces:
    """A tracer, and the spans that it has exported; each look at its clock takes a
    microsecond."""

    def __init__(self, first: int = 1) -> None:
        ticks, ids = count(), count(first)
        self.spans: list[Span] = []

        def now() -> datetime:
            return NOW + timedelta(microseconds=next(ticks))

        self.recorder = SpanRecorder(
            self.spans.append, now=now, random=lambda n: next(ids).to_bytes(n)
        )
        self.tracer = InboxTracer(self.recorder)

    def trees(self) -> list[list[object]]:
        """The names in each trace, below each other and in the order of their begin."""
        traces = defaultdict(list)
        for span in self.spans:
            traces[span.trace_id].append(span)
        assert len({(s.trace_id, s.span_id) for s in self.spans}) == len(self.spans)
        return [below(spans, b"") for spans in traces.values()]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def below(spans: list[Span], parent: bytes) -> list[object]:
    found: list[object] = []
    for span in sorted(spans, key=lambda s: s.began):
        assert span.began <= span.ended
        if span.parent_id == parent:
            children = below(spans, span.span_id)
            found.append([span.name, *children] if children else span.name)
    return found


class Requesting(MemoryMailbox):
    """A mailbox whose calls make one request each; `refused` are the next answers."""

    def __init__(self, inbox: MemoryInbox, recorder: SpanRecorder) -> None:
        super().__init__(inbox)
        self._recorder = recorder
        self.refused: list[Outcome | Exception] = []
        self.unreadable = False

    def _request(self, operation: str, result: str = "ok") -> None:
        ended = self._recorder.request(operation)
        if ended is not None:
            ended(result)

    async def arrivals(self, cursor: str) -> ArrivalPage:
        self._request("SyncFolderItems")
        return await super().arrivals(cursor)

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        self._request("GetItem")
        if self.unreadable:
            return [Unreadable(ref, "ErrorItemCorrupt") for ref in refs]
        return await super().fetch(refs)

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        if self.refused:
            refused = self.refused.pop(0)
            self._request("CreateItem", "ErrorServerBusy")
            if isinstance(refused, Exception):
                raise refused
            return [refused for _ in answers]
        self._request("CreateItem")
        return await super().answer(answers)


class Life:
    """One life of the scheduling half, and its traces."""

    def __init__(self, folder: Path, inbox: MemoryInbox, first: int = 1) -> None:
        self.traces = Traces(first)
        self.inbox = inbox
        self.mailbox = Requesting(inbox, self.traces.recorder)
        self.organizers = MemoryOrganizers(inbox)
        self.process = Process(
            folder, self.mailbox, self.organizers, tracer=self.traces.tracer
        )

    def correlation_ids(self) -> list[str]:
        records = self.process.store.all(tables.PROCESSED_MESSAGE)
        return [record.correlation_id for record in records]

    async def look(self, *numbers: int) -> None:
        """Deliver messages, and look once."""
        for number in numbers:
            self.inbox.deliver(request(number))
        await self.process.watcher.look()
        await turn(self.process.store)


READ = [
    ["list messages", "SyncFolderItems"],
    ["read messages", "GetItem"],
    "decide",
    "commit",
]
ANSWER = ["answer", "CreateItem", "record"]


async def begun(folder: Path, inbox: MemoryInbox | None = None, first: int = 1) -> Life:
    life = Life(folder, inbox or MemoryInbox(), first)
    if inbox is None:
        await life.process.book(*(tag(number) for number in range(1, 9)))
    return life


@pytest_twisted.ensureDeferred
async def test_one_message(tmp_path: Path) -> None:
    """All of it in one trace, which has the correlation id and no word of the meeting;
    a look that finds nothing leaves nothing."""
    life = await begun(tmp_path)
    await life.look()
    assert life.traces.spans == []
    await life.look(1)
    assert life.traces.trees() == [[["process message", *READ, ANSWER]]]
    (correlation_id,) = life.correlation_ids()
    context = message_context(correlation_id)
    root = life.traces.spans[0]
    assert (root.trace_id, root.span_id) == (context.trace_id, context.span_id)
    assert root.attributes == {
        "pexschedd.integration": 1,
        "pexschedd.correlation_id": correlation_id,
        "pexschedd.result": "accept",
        "pexschedd.trigger": "poll",
    }
    (answer,) = life.traces.named("answer")
    assert answer.attributes == {
        "pexschedd.integration": 1,
        "pexschedd.correlation_id": correlation_id,
        "pexschedd.action": "accept",
        "pexschedd.outcome": "done",
    }
    assert not [span for span in life.traces.spans if span.error or span.links]
    before = len(life.traces.spans)
    await life.look()
    assert len(life.traces.spans) == before
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_a_notification_begins_the_trace(tmp_path: Path) -> None:
    """The first one since the last look; the next look has none."""
    life = await begun(tmp_path)
    life.process.watcher.arrived()
    life.process.watcher.arrived()
    await life.look(1)
    await life.look(2)
    first, second = life.traces.trees()
    assert first == [["process message", "notification", *READ, ANSWER]]
    assert second == [["process message", *READ, ANSWER]]
    (notification,) = life.traces.named("notification")
    root = life.traces.named("process message")[0]
    assert notification.began == root.began
    assert root.attributes["pexschedd.trigger"] == "notification"
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_a_batch_has_a_trace_of_its_own(tmp_path: Path) -> None:
    """Requests for several messages are in it, once; each message's trace leads there
    from its reading and its answer."""
    life = await begun(tmp_path)
    await life.look(1, 2, 3)
    trees = life.traces.trees()
    own = ["process message", "read messages", "decide", "commit", "answer"]
    assert trees.count([own]) == 3
    assert [["process batch", *READ[:2]]] in trees
    assert [["answer batch", "CreateItem", "record"]] in trees
    assert len(trees) == 5
    (batch,) = life.traces.named("process batch")
    (answers,) = life.traces.named("answer batch")
    shared = {(s.trace_id, s.span_id) for s in life.traces.spans if not s.links}
    for name, trace_id in (("read messages", batch), ("answer", answers)):
        linked = [span for span in life.traces.named(name) if span.links]
        assert len(linked) == 3
        for span in linked:
            ((link),) = span.links
            assert link.trace_id == trace_id.trace_id
            assert (link.trace_id, link.span_id) in shared
    sizes = {
        s.attributes.get("messaging.batch.message_count") for s in (batch, answers)
    }
    assert sizes == {3}
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_several_batches_of_one_look(tmp_path: Path) -> None:
    """The next one is read while the last one is answered: each has its own reading."""
    life = await begun(tmp_path)
    life.process.watcher._reader._batch_size = 1
    await life.look(1, 2, 3)
    trees = life.traces.trees()
    assert trees[0] == [["process message", *READ, ANSWER]]
    assert trees[1:] == [[["process message", *READ[1:], ANSWER]]] * 2
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_answers_after_a_restart(tmp_path: Path) -> None:
    """Whatever happens to an answer is in the message's trace, below its first span,
    whichever process does it."""
    life = await begun(tmp_path)
    life.mailbox.refused = [
        Outcome(OutcomeKind.RETRY, "busy with Alice's meeting"),
        MailboxUnreachable("mail.example.test was called for Alice"),
    ]
    await life.look(1)
    await life.process.end()
    again = Life(tmp_path, life.inbox, first=1000)
    await again.look()
    (retried, lost), (given,) = (each.traces.named("answer") for each in (life, again))
    context = message_context(life.correlation_ids()[0])
    assert {s.trace_id for s in (retried, lost, given)} == {context.trace_id}
    assert {s.parent_id for s in (retried, lost, given)} == {context.span_id}
    assert (retried.error, lost.error) == ("retry", "mailbox_unreachable")
    assert not given.error
    assert [s.error for s in life.traces.named("CreateItem")] == ["ErrorServerBusy"] * 2
    assert len(life.traces.named("record")) == 1
    assert not [each for each in life.traces.named("answer") if "Alice" in str(each)]
    await again.process.end()


@pytest_twisted.ensureDeferred
async def test_attempts_at_what_cannot_be_read(tmp_path: Path) -> None:
    """All attempts are in one trace; the answer belongs to the last one."""
    life = await begun(tmp_path)
    life.mailbox.unreadable = True
    await life.look(1)
    for pause in PAUSES:
        life.process.clock.advance(pause)
        await life.look()
    attempts = life.traces.named("process message")
    (troubled,) = life.process.store.all(tables.TROUBLED)
    context = message_context(troubled.correlation_id)
    assert {span.trace_id for span in life.traces.spans} == {context.trace_id}
    results = [span.attributes["pexschedd.result"] for span in attempts]
    assert results == ["failed", "failed", "set_aside"]
    assert [span.error for span in attempts] == ["message"] * 3
    (answer,) = life.traces.named("answer")
    assert answer.parent_id == attempts[-1].span_id == context.span_id
    life.traces.trees()
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_a_message_that_breaks_its_slice(
    tmp_path: Path, logged_failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are decided about twice then, and traced once, as it was committed."""
    life = await begun(tmp_path)
    decide = life.process.handler._decide

    def broken(*arguments: object, **more: object) -> object:
        if getattr(arguments[2], "uid", "") == request(2).uid:
            raise ZeroDivisionError
        return decide(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(life.process.handler, "_decide", broken)
    await life.look(1, 2, 3)
    assert len(logged_failures) == 1
    logged_failures.clear()
    found = life.traces.named("process message")
    results = sorted(str(span.attributes["pexschedd.result"]) for span in found)
    assert results == ["accept", "accept", "failed"]
    traced = {span.trace_id for span in found if not span.error}
    assert traced == {message_context(id).trace_id for id in life.correlation_ids()}
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_a_rewritten_meeting(tmp_path: Path) -> None:
    """The rewriting of the organizer's meeting is a step of its message's trace."""
    life = await begun(tmp_path)
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    message = request(1, html="", text=f"Please join.\n\nTOK:-{token}#\n\nAgenda")
    life.inbox.deliver(message)
    life.organizers.hold(message, f"<p>TOK:-{token}#</p>")
    await life.look()
    (rewriting,) = life.traces.named("rewrite meeting")
    root = life.traces.named("process message")[0]
    assert root.attributes["pexschedd.result"] == "rewrite"
    assert (rewriting.trace_id, rewriting.parent_id) == (root.trace_id, root.span_id)
    assert not rewriting.error
    life.traces.trees()
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_what_is_no_business_of_ours(tmp_path: Path) -> None:
    """Requests outside of the inbox's work are not traced, nor a message that is left
    where it is."""
    life = await begun(tmp_path)
    assert life.traces.recorder.request("GetUserConfiguration") is None
    await life.mailbox.arrivals("")
    other = msgspec.structs.replace(request(1), kind=MessageKind.OTHER)
    life.inbox.deliver(other)
    await life.look()
    assert life.traces.spans == []
    await life.process.end()


@pytest_twisted.ensureDeferred
async def test_a_look_without_end_is_bounded(tmp_path: Path) -> None:
    """What is collected for messages that do not come stays below a limit."""
    life = await begun(tmp_path)
    with life.traces.tracer.look(1):
        for _ in range(2000):
            await life.mailbox.arrivals("")
        life.traces.tracer.processing([MessageRef("a")])
        life.traces.tracer.decided("a", "c", "accept")
        life.traces.tracer.committed()
    assert len(life.traces.named("SyncFolderItems")) == 500
    await life.process.end()


def test_off_makes_nothing() -> None:
    """Without traces, what the inbox does for each message makes no object at all."""
    tracer = NO_TRACER

    def work() -> None:
        tracer.notified(1)
        with tracer.look(1):
            tracer.processing(())
            tracer.deciding("item")
            tracer.decided("item", "correlation", "accept")
            tracer.committed()
            with tracer.answering(()) as answering:
                answering.taken(())
            with tracer.rewriting("correlation"):
                pass

    assert tracer.look(1) is tracer.answering(()) is tracer.rewriting("correlation")
    work()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(1000):
            work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 500  # what calling a method takes for a moment
