"""The steps of answers without a server: what is asked next, given what is known."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import (
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.graph.answering.answer_lookup import Found, FoundEvent, Steps
from pexschedd.graph.answering.answer_mails import AnsweringMailbox, TextAnswer
from pexschedd.graph.answering.answer_steps import answer_steps
from pexschedd.graph.answering.batched_steps import MAX_BATCH, in_batches
from pexschedd.graph.client import GraphClient
from pexschedd.graph.mailbox_profile import MOST_DECLINED, MailboxProfile
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest
from pexschedd.model.meeting import MessageRef, Person
from pexschedd.scheduling.ports.mailbox import Action, Blame, Outcome, OutcomeKind

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
DONE = Outcome(OutcomeKind.DONE)


def said(
    action: Action,
    replies: Sequence[Any],
    *,
    by_mail: bool = False,
    unsure: bool = False,
    profile: MailboxProfile | None = None,
    requests: list[ApiRequest] | None = None,
) -> tuple[list[str], Any]:
    """The names of the requests of an answer that hears these replies, and its end.

    `requests` is filled with the requests themselves.
    """
    profile = profile or MailboxProfile(frozenset({"IN", "DEL"}))
    mailbox = AnsweringMailbox("box@example.test", by_mail, NOW, profile)
    answer = TextAnswer(MessageRef("AAMk="), action, "<p>x</p>", unsure=unsure)
    steps = answer_steps(mailbox, answer)
    asked = [next(steps)]
    end = None
    for each in replies:
        try:
            fails = isinstance(each, MailboxError)
            asked.append(steps.throw(each) if fails else steps.send(each))
        except StopIteration as stop:
            end = stop.value
            break
    if requests is not None:
        requests += asked
    return [each.name for each in asked], end


def test_outdated_requests() -> None:
    """The event is that of the newer message: an older one is accepted by it, and
    declined by mail, as a decline would take the event away."""
    author = Person("Alice", "alice@example.test")
    found = msgspec.structs.replace(message(), outdated=True, author=author)
    names, end = said(Action.ACCEPT, [found, Found(), Found()])
    assert names == ["messages/event", "events/accept", "messages/move"]
    assert end == DONE
    detailed = msgspec.structs.replace(found, has_properties=True)
    names, end = said(Action.DECLINE, [found, detailed, Found(), Found()])
    assert names == ["messages/event", "messages/event", "sendMail", "messages/move"]
    assert end == DONE


def test_a_decline_that_replaces_an_acceptance() -> None:
    """It may have been given all the same: then the organizer is told nothing else."""
    accepted = message(response="accepted", responded=NOW)
    names, end = said(Action.DECLINE, [accepted, Found()], unsure=True)
    assert names == ["messages/event", "messages/move"]
    assert end == DONE
    names, _ = said(Action.DECLINE, [message(), Found(), Found(), Found()], unsure=True)
    assert names[1:3] == ["messages/mark", "events/decline"]


def test_a_mail_that_replaces_an_acceptance() -> None:
    """The mail of the acceptance is looked for as well as its own."""
    found = msgspec.structs.replace(
        message(), author=Person("Alice", "alice@example.test"), has_properties=True
    )
    replies = [found, Found(count=0), Found(count=1), Found()]
    names, end = said(Action.DECLINE, replies, by_mail=True, unsure=True)
    assert names == ["messages/event", *2 * ["messages/find-sent"], "messages/move"]
    assert end == DONE
    replies = [found, Found(count=0), Found(count=0), Found(), Found(), Found()]
    names, end = said(Action.DECLINE, replies, by_mail=True, unsure=True)
    assert names[3:] == ["events/decline", "sendMail", "messages/move"]
    assert end == DONE


def test_a_decline_whose_event_has_come_again() -> None:
    """A newer message has brought another event: the older one was declined, which the
    category tells, and is told nothing more."""
    requests: list[ApiRequest] = []
    said(Action.DECLINE, [message(), Found()], requests=requests)
    marks = tuple(cast(Any, requests[1].body)["categories"])
    assert requests[1].name == "messages/mark"
    for event in (FoundEvent(id="AAOther=", created=NOW), None):
        found = msgspec.structs.replace(message(), marks=marks, event=event)
        found = msgspec.structs.replace(found, outdated=True)
        names, end = said(Action.DECLINE, [found, Found()], unsure=True)
        assert names == ["messages/event", "messages/move"]
        assert end == DONE
    same = msgspec.structs.replace(message(), marks=marks)
    names, _ = said(Action.DECLINE, [same, Found()], unsure=True)
    assert names == ["messages/event", "events/decline", "messages/move"]


def test_an_outdated_request_that_may_have_been_accepted() -> None:
    """Its event does not tell any more: the answer to the newer one counts."""
    found = msgspec.structs.replace(message(response="notResponded"), outdated=True)
    names, end = said(Action.ACCEPT, [found, Found()], unsure=True)
    assert names == ["messages/event", "messages/move"]
    assert end == DONE


def test_an_outdated_request_is_declined_by_mail_alone() -> None:
    """The event of the newer message stays, whatever the method."""
    found = msgspec.structs.replace(
        message(),
        outdated=True,
        author=Person("Alice", "alice@example.test"),
        has_properties=True,
    )
    names, end = said(Action.DECLINE, [found, Found(), Found()], by_mail=True)
    assert names == ["messages/event", "sendMail", "messages/move"]
    assert end == DONE


def test_a_look_up_that_says_nothing() -> None:
    """A message is not gone because an answer leaves out where it lies."""
    _, end = said(Action.ACCEPT, [Found()])
    assert end.kind is OutcomeKind.RETRY


def test_a_declined_request_that_has_come_twice() -> None:
    """Its event was taken away by the first answer: nothing is left to be answered,
    unless it is another request."""
    found = msgspec.structs.replace(message(), message_id="<one@example.test>")
    profile = MailboxProfile(frozenset({"IN", "DEL"}))
    replies = [found, Found(), Found(), Found()]
    assert said(Action.DECLINE, replies, profile=profile)[1] == DONE
    again = msgspec.structs.replace(found, event=None)
    assert said(Action.DECLINE, [again, Found()], profile=profile)[1] == DONE
    for other in ("<two@example.test>", ""):
        found = msgspec.structs.replace(again, message_id=other)
        _, end = said(Action.DECLINE, [found], profile=profile)
        assert end.kind is OutcomeKind.RETRY


def test_declined_requests_are_forgotten_some_time() -> None:
    """A mailbox declines for years: its profile does not grow."""
    profile = MailboxProfile()
    for number in range(3 * MOST_DECLINED):
        profile.declined(f"<{number}@example.test>")
    assert profile.has_declined(f"<{3 * MOST_DECLINED - 1}@example.test>")
    assert not profile.has_declined("<0@example.test>")


def message(of: str = "singleInstance", **event: Any) -> Found:
    inner = FoundEvent(id="AAEv=", **{"created": NOW, **event})
    return Found(folder="IN", is_meeting=True, received=NOW, kind=of, event=inner)


@pytest.mark.parametrize(
    ("of_message", "of_event", "deleted"),
    [
        ("singleInstance", "singleInstance", True),
        ("seriesMaster", "seriesMaster", True),
        ("occurrence", "occurrence", True),
        ("exception", "exception", True),
        ("occurrence", "seriesMaster", False),
        ("exception", "seriesMaster", False),
        ("", "seriesMaster", False),
    ],
)
def test_a_series_outlives_its_occurrences(
    of_message: str, of_event: str, deleted: bool
) -> None:
    """A cancelled occurrence takes no series with it, whatever event Graph names."""
    replies = [message(of_message, kind=of_event), *[Found()] * 2]
    names, end = said(Action.REMOVE, replies[: 2 + deleted])
    assert names == ["messages/event", *["events/delete"] * deleted, "messages/move"]
    assert end == DONE


@pytest.mark.parametrize(
    ("organizer", "deleted"),
    [
        ("mallory@example.test", True),
        ("Mallory@Example.test", True),
        ("", True),
        ("alice@example.test", False),
    ],
)
def test_a_cancellation_of_anothers_event(organizer: str, deleted: bool) -> None:
    """A message that names one meeting to us and another one to Exchange takes no
    meeting out of the calendar that is not its author's."""
    forged = msgspec.structs.replace(
        message(organizer=organizer), author=Person("", "mallory@example.test")
    )
    names, end = said(Action.REMOVE, [forged, *[Found()] * 2])
    assert ("events/delete" in names) == deleted
    assert end == DONE


def test_a_copy_for_a_delegate() -> None:
    """The one who was invited answers, not the delegate's mailbox."""
    found = Found(folder="IN", is_meeting=True, delegated=True, received=NOW)
    names, end = said(Action.ACCEPT, [found, Found()])
    assert (names, end) == (["messages/event", "messages/move"], DONE)


def test_a_decline_is_marked_first() -> None:
    """The mark comes before what it tells of; one that is refused is done without."""
    wanted = ["messages/event", "messages/mark", "events/decline", "messages/move"]
    for marked in (Found(), GraphProblem(400, "BadRequest")):
        names, end = said(Action.DECLINE, [message(), marked, Found(), Found()])
        assert (names, end) == (wanted, DONE)
    late = GraphProblem(503, "ErrorServerBusy")
    assert said(Action.DECLINE, [message(), late]) == (wanted[:2], late)


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.REMOVE, Action.DISCARD])
def test_an_error_while_the_message_is_taken_away(action: Action) -> None:
    """What was done before is told; a discard has done nothing."""
    done = [message()] if action is Action.DISCARD else [message(), Found()]
    lost = MailboxUnreachable("lost")
    if action is Action.DISCARD:
        with pytest.raises(MailboxUnreachable):
            said(action, [*done, lost])
        return
    _, end = said(action, [*done, lost])
    assert end == Outcome(OutcomeKind.RETRY, "lost", Blame.SERVER, Action.DISCARD)


def test_an_error_while_it_is_answered() -> None:
    """The answer may have been given: that is the caller's to remember."""
    with pytest.raises(MailboxUnreachable):
        said(Action.ACCEPT, [message(), MailboxUnreachable("lost")])


def test_a_final_problem_of_the_message() -> None:
    """After an answer nothing but the message is left, whatever is wrong with it."""
    broken = GraphProblem(500, "ErrorCorruptData", "broken")
    _, end = said(Action.ACCEPT, [message(), Found(), broken, broken, broken])
    assert end.kind is OutcomeKind.RETRY
    assert (end.remaining, end.blame) == (Action.DISCARD, Blame.MESSAGE)


def test_a_change_at_the_same_moment() -> None:
    """A conflict is looked up and tried once more, then left for later."""
    conflict = GraphProblem(412, "ErrorIrresolvableConflict")
    twice = ["messages/event", "events/accept"] * 2
    replies = [message(), conflict, message(), Found(), Found()]
    assert said(Action.ACCEPT, replies) == ([*twice, "messages/move"], DONE)
    replies = [message(), conflict, message(), conflict]
    assert said(Action.ACCEPT, replies) == (twice, conflict)
    answered = message(response="accepted", responded=NOW)
    names, end = said(Action.ACCEPT, [message(), conflict, answered, Found()])
    assert (names, end) == ([*twice[:3], "messages/move"], DONE)


class FakeClient:
    """A client whose batches fail as they are told to."""

    def __init__(self, errors: dict[str, MailboxError]) -> None:
        self.errors = errors
        self.batches: list[list[str]] = []

    async def batch(self, requests: Sequence[ApiRequest], _parse: Any) -> list[Found]:
        self.batches.append([each.name for each in requests])
        error = self.errors.get(requests[0].name)
        if error is not None:
            raise error
        return [Found(id=each.name) for each in requests]


def asking(*names: str, body: str = "") -> Steps[str]:
    heard = []
    for name in names:
        found = yield ApiRequest(name=name, method="GET", path="", body=body or None)
        assert isinstance(found, Found)
        heard.append(found.id)
    return "-".join(heard)


async def asked(client: FakeClient, *things: Steps[str]) -> list[Any]:
    results = await in_batches(cast(GraphClient, client), things)
    return [each if isinstance(each, str) else type(each) for each in results]


@pytest_twisted.ensureDeferred
async def test_rounds_of_batches() -> None:
    """Each round has the next request of all that are not at their end."""
    client = FakeClient({})
    things = [asking("a", "b"), asking(), asking("c", "d", "e")]
    assert await asked(client, *things) == ["a-b", "", "c-d-e"]
    assert client.batches == [["a", "c"], ["b", "d"], ["e"]]


@pytest_twisted.ensureDeferred
async def test_the_size_of_batches() -> None:
    """At most twenty, and not more text than a server takes; one that is larger by
    itself goes by itself."""
    client = FakeClient({})
    await asked(client, *(asking("a") for _ in range(45)))
    assert [len(each) for each in client.batches] == [20, 20, 5]
    client = FakeClient({})
    large = ["x" * (MAX_BATCH // 2)] * 3 + ["x" * (MAX_BATCH + 1), ""]
    await asked(client, *(asking("a", body=each) for each in large))
    assert [len(each) for each in client.batches] == [2, 1, 1, 1]


@pytest.mark.parametrize(
    ("error", "others"),
    [
        (MailboxRefused("no"), "b-b"),
        (SignInRefused("no"), SignInRefused),
        (MailboxUnreachable("lost"), MailboxUnreachable),
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_error_of_a_batch(error: MailboxError, others: Any) -> None:
    """What is refused concerns what was asked; anything else ends all of it at once."""
    client = FakeClient({"a": error})
    things = [asking("a") for _ in range(20)] + [asking("b", "b") for _ in range(3)]
    results = await asked(client, *things)
    assert results == [type(error)] * 20 + [others] * 3
    assert len(client.batches) == (3 if others == "b-b" else 1)
