"""What becomes of records that name messages, when the mailbox's interface changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.outbox import PendingAnswer, PendingRewrite, TroubledMessage
from pexschedd.scheduling.migration.waiting_messages import YOUNG, WaitingMessages
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.ports.message_names import RenamedMessage
from tests.scheduling.process_support import CONNECTOR

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EWS = replace(CONNECTOR, mailbox_protocol="EWS")
GRAPH = replace(CONNECTOR, mailbox_protocol="GRAPH")
OLD, NEW = NOW - YOUNG, NOW - YOUNG + timedelta(seconds=1)


ANSWER = PendingAnswer(
    id=1,
    exchange_connector=1,
    item_id="a",
    change_key="k",
    action=Action.ACCEPT,
    body="<p>",
    attempts=2,
    created=NOW,
)
REWRITE = PendingRewrite(
    id=2,
    exchange_connector=1,
    item_id="b",
    change_key="k",
    uid="u",
    organizer="alice@example.test",
    token="t",
    created=NOW,
)
TROUBLED = TroubledMessage(
    id=3, exchange_connector=1, item_id="c", first_time=NOW, last_time=NOW
)
ASIDE = replace(TROUBLED, id=4, item_id="d", set_aside_time=NOW)
ALL = WaitingMessages(answers=[ANSWER], rewrites=[REWRITE], troubled=[TROUBLED, ASIDE])


def found(*ids: str, **more: Any) -> dict[str, RenamedMessage | None]:
    return {each: RenamedMessage(item_id=each.upper(), **more) for each in ids}


def test_all_are_renamed() -> None:
    """Each record gets the other id, loses its change key, and keeps all else."""
    assert ALL.item_ids == ["a", "b", "c", "d"]
    assert [*ALL.renamed(found(*"abcd"))] == [
        (tables.OUTBOX, replace(ANSWER, item_id="A", change_key="")),
        (tables.REWRITE, replace(REWRITE, item_id="B", change_key="")),
        (tables.TROUBLED, replace(TROUBLED, item_id="C")),
        (tables.TROUBLED, replace(ASIDE, item_id="D")),
    ]
    assert [*ALL.ended(found(*"abcd"))] == []


def test_messages_that_are_gone() -> None:
    """An answer and an attempt end with the message; a rewrite and what was set aside
    stay as they are."""
    gone = dict.fromkeys("abcd")
    assert [*ALL.renamed(gone)] == []
    assert [*ALL.ended(gone)] == [
        (tables.OUTBOX, ANSWER),
        (tables.TROUBLED, TROUBLED),
    ]


@pytest.mark.parametrize(
    ("action", "given", "expected"),
    [
        (Action.ACCEPT, Action.ACCEPT, Action.DISCARD),
        (Action.DECLINE, Action.DECLINE, Action.DISCARD),
        (Action.ACCEPT, Action.DECLINE, Action.ACCEPT),
        (Action.DECLINE, None, Action.DECLINE),
        (Action.REMOVE, Action.ACCEPT, Action.REMOVE),
    ],
)
def test_answers_that_were_given(
    action: Action, given: Action | None, expected: Action
) -> None:
    """What the event says already is not said again; the message is taken away."""
    waiting = WaitingMessages(answers=[replace(ANSWER, action=action)])
    ((_, record),) = waiting.renamed(found("a", answered=given))
    assert isinstance(record, PendingAnswer)
    assert record.action == expected
    assert bool(record.body) is (expected is not Action.DISCARD)


LACKS = {"lacks_event": True, "received": OLD}
BY_MAIL = {"graph_answer_method": "MAIL"}


@pytest.mark.parametrize(
    ("action", "message", "target", "hindered"),
    [
        (Action.ACCEPT, LACKS, GRAPH, True),
        (Action.DECLINE, LACKS, GRAPH, True),
        (Action.REMOVE, LACKS, GRAPH, False),
        (Action.ACCEPT, {**LACKS, "received": NEW}, GRAPH, False),
        (Action.ACCEPT, {**LACKS, "received": None}, GRAPH, True),
        (Action.ACCEPT, {"received": OLD}, GRAPH, False),
        (Action.ACCEPT, LACKS, replace(GRAPH, **BY_MAIL), False),
        (Action.ACCEPT, LACKS, EWS, False),
        (Action.ACCEPT, {}, replace(EWS, **BY_MAIL), True),
        (Action.REPLY, {}, EWS, True),
        (Action.REPLY, {}, GRAPH, False),
    ],
)
def test_hindrances(
    action: Action, message: dict[str, Any], target: Any, hindered: bool
) -> None:
    """Over Graph an answer needs an event, unless it is a mail or the event may still
    come; whether a mail of ours was sent can only be seen over Graph."""
    waiting = WaitingMessages(answers=[replace(ANSWER, action=action)])
    reasons = [*waiting.hindrances(found("a", **message), target, NOW)]
    assert bool(reasons) is hindered
    assert [*waiting.hindrances({"a": None}, target, NOW)] == []


@pytest.mark.parametrize(("record", "hindered"), [(TROUBLED, True), (ASIDE, False)])
def test_hindered_by_messages_in_trouble(
    record: TroubledMessage, hindered: bool
) -> None:
    """A message that is tried again will have to be answered; one that was set aside
    will not."""
    waiting = WaitingMessages(troubled=[record], rewrites=[])
    reasons = [*waiting.hindrances(found(record.item_id, **LACKS), GRAPH, NOW)]
    assert bool(reasons) is hindered
    assert all("AutomateProcessing" in each for each in reasons)
