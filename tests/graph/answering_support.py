"""A mailbox with meetings to answer over Graph, and a look at what their organizers
got."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest

from pexschedd.errors import MailboxError
from pexschedd.graph.answers import answer_batch
from pexschedd.graph.client import GraphClient
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.transport import GraphResponse, GraphTransport
from pexschedd.model.meeting import MessageRef
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.sandbox import Item, ItemKind
from pexschedd.sandbox.graph.entities import item_ids
from pexschedd.scheduling.ports.mailbox import Action, Answer, Outcome, OutcomeKind
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import ALICE, BOB, EQUIPMENT

DONE, GONE = OutcomeKind.DONE, OutcomeKind.GONE
RETRY, FAILED = OutcomeKind.RETRY, OutcomeKind.FAILED
ACCEPT, DECLINE, REMOVE = Action.ACCEPT, Action.DECLINE, Action.REMOVE
CANCELLED = ItemKind.CANCELLATION
METHODS = pytest.mark.parametrize("method", ["RESPONSE", "MAIL"])


class LosingTransport:
    """A transport that loses the connection of one batch: before it is sent, or after
    it was carried out."""

    def __init__(self, transport: GraphTransport) -> None:
        self._transport = transport
        self.root = transport.root
        self.batches = 0
        self.lost = 0
        """The number of the batch that is lost, from 1; 0: none."""
        self.after = False
        self.sent: list[dict[str, Any]] = []
        """The requests within batches, of all batches."""
        self.spoil: Callable[[int, list[Any]], list[Any]] = lambda _, results: results
        """Changes the results of a batch, given its number."""

    async def send(self, method: str, url: str, *rest: Any) -> GraphResponse:
        self.batches += 1
        if self.batches == self.lost and not self.after:
            raise ConnectionFailure(FailureKind.LOST, "")
        requests = msgspec.json.decode(rest[1])["requests"]
        assert 1 <= len(requests) <= 20
        self.sent += requests
        response = await self._transport.send(method, url, *rest)
        if self.batches == self.lost:
            raise ConnectionFailure(FailureKind.LOST, "")
        results = msgspec.json.decode(response.body).get("responses", [])
        body = msgspec.json.encode({"responses": self.spoil(self.batches, results)})
        return msgspec.structs.replace(response, body=body)

    def is_own(self, link: str) -> bool:
        return self._transport.is_own(link)

    async def close(self) -> None:
        await self._transport.close()


class Answering:
    """The equipment mailbox of a world, and answers to what lies in it."""

    def __init__(
        self, world: GraphWorld, method: str = "RESPONSE", mailbox: str = EQUIPMENT
    ) -> None:
        self.world = world
        self.sandbox = world.sandbox
        self.method = method
        self.address = mailbox
        self.profile: MailboxProfile | None = None
        self.client: GraphClient = world.client(mailbox)
        self.transport = LosingTransport(self.client._transport)
        self.client._transport = self.transport  # type: ignore[assignment]

    @property
    def mailbox(self) -> Any:
        return self.sandbox.exchange.mailbox(self.address)

    def invite(self, subject: str = "Weekly", **more: Any) -> Item:
        """Alice invites the mailbox; gives her item."""
        meeting: Item = self.sandbox.invite(self.address, subject=subject, **more)
        return meeting

    def ref(self, item: Item) -> MessageRef:
        return MessageRef(item_ids.item_id(item, immutable=True))

    def message(
        self, subject: str = "Weekly", kind: ItemKind = ItemKind.REQUEST
    ) -> Item:
        """The newest message of the inbox or of Deleted Items with this subject."""
        lying = [*self.mailbox.inbox(), *self.mailbox.items("deleteditems")]
        found: Item = next(
            each
            for each in lying
            if each.subject.endswith(subject) and each.kind is kind
        )
        return found

    def answer(
        self,
        action: Action,
        words: str = "",
        subject: str = "Weekly",
        kind: ItemKind = ItemKind.REQUEST,
        **more: Any,
    ) -> Answer:
        ref = self.ref(self.message(subject, kind))
        return Answer(ref, action, words, **more)

    async def give(self, *answers: Answer) -> list[Outcome]:
        return await answer_batch(
            self.client,
            answers,
            method=self.method,
            now=lambda: self.sandbox.moment,
            profile=self.profile,
        )

    async def kinds(self, *answers: Answer) -> list[OutcomeKind]:
        return [each.kind for each in await self.give(*answers)]

    def heard(self, address: str = ALICE) -> Counter[tuple[str, str]]:
        """What came into a person's inbox as an answer: subjects, and the words."""
        return Counter(
            (each.subject, " ".join(each.body.text.split()))
            for each in self.sandbox.exchange.mailbox(address).inbox()
            if each.kind in (ItemKind.RESPONSE, ItemKind.MESSAGE)
        )

    def entry(self, meeting: Item) -> Item | None:
        """The mailbox's own entry of a meeting of Alice's."""
        assert meeting.meeting is not None
        found: Item | None = self.mailbox.meeting(meeting.meeting.goid)
        return found

    def left(self) -> list[str]:
        """The messages that a person or the daemon would still find."""
        lying = [*self.mailbox.inbox(), *self.mailbox.items("deleteditems")]
        return [each.subject for each in lying if each.kind is not ItemKind.CALENDAR]


async def until_given(story: Answering, answers: Sequence[Answer]) -> None:
    """Give answers as the outbox does, again and again until none is left."""
    left = list(answers)
    for _ in range(8):
        try:
            outcomes = await story.give(*left)
            assert FAILED not in [each.kind for each in outcomes], outcomes
            left = again(left, outcomes)
        except MailboxError:
            left = [msgspec.structs.replace(each, unsure=True) for each in left]
        if not left:
            return
        story.world.clock.advance(1000)
    raise AssertionError(f"never given: {left}")


def again(answers: Sequence[Answer], outcomes: Sequence[Outcome]) -> list[Answer]:
    """The answers that are left, as the outbox gives them once more."""
    return [
        msgspec.structs.replace(
            answer,
            unsure=True,
            action=outcome.remaining or answer.action,
            body="" if outcome.remaining else answer.body,
        )
        for answer, outcome in zip(answers, outcomes, strict=True)
        if outcome.kind is RETRY
    ]


class Mixture(NamedTuple):
    """Return the number of answers of each kind; of `off` each is two."""

    yes: int
    no: int
    off: int
    question: int

    @property
    def answers(self) -> int:
        return self.yes + self.no + 2 * self.off + self.question


TWENTY = Mixture(yes=8, no=4, off=3, question=2)
"""As many as one batch has."""
FEW = Mixture(yes=2, no=1, off=1, question=1)
"""At least one of each kind, and others beside it."""


def mixed(story: Answering, mixture: Mixture = TWENTY) -> list[Answer]:
    """Answers of all kinds, each about a message of its own."""
    answers = []
    for number in range(mixture.yes):
        story.invite(f"Yes {number}")
        words = f"<p>Room {number}</p>"
        answers.append(story.answer(Action.ACCEPT, words, f"Yes {number}"))
    for number in range(mixture.no):
        story.invite(f"No {number}")
        words = f"<p>Sorry {number}</p>"
        answers.append(story.answer(Action.DECLINE, words, f"No {number}"))
    for number in range(mixture.off):
        subject = f"Off {number}"
        story.sandbox.exchange.cancel(story.invite(subject))
        cancelled = ItemKind.CANCELLATION
        answers.append(story.answer(Action.REMOVE, "", subject, cancelled))
        answers.append(story.answer(Action.DISCARD, "", subject))
    for number in range(mixture.question):
        subject = f"Question {number}"
        story.sandbox.exchange.send_message(
            BOB, to=[story.address], subject=subject, body="<p>Hm</p>"
        )
        words = f"<p>Not yours {number}</p>"
        mail = ItemKind.MESSAGE
        answers.append(story.answer(Action.REPLY, words, subject, mail))
    assert len(answers) == mixture.answers
    return answers


def expected(story: Answering, mixture: Mixture = TWENTY) -> None:
    """Assert that all were given once, and that nothing is left."""
    wanted = {(f"Accepted: Yes {n}", f"Room {n}"): 1 for n in range(mixture.yes)}
    wanted |= {(f"Declined: No {n}", f"Sorry {n}"): 1 for n in range(mixture.no)}
    assert story.heard() == wanted
    questions = range(mixture.question)
    replies = {(f"Re: Question {n}", f"Not yours {n}"): 1 for n in questions}
    assert story.heard(BOB) == replies
    assert story.left() == []
    kept = sorted(each.subject for each in story.mailbox.calendar())
    assert kept == [f"Yes {n}" for n in range(mixture.yes)]


def paths(story: Answering, word: str) -> list[Any]:
    return [each for each in story.transport.sent if word in each["url"]]
