"""A trial with a server that answers anything at all."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
import pytest_twisted

from pexschedd.doctor.trial.questions import TRIED
from pexschedd.doctor.trial.tenant_trial import run_trial
from pexschedd.errors import MailboxRefused, MailboxUnreachable
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest
from pexschedd.model.integration.connector import Connector
from pexschedd.util.stop_signal import StopSignal
from tests.doctor.trial.trial_support import MARK
from tests.scheduling.upkeep.upkeep_support import InstantClock

MAILBOX = "pexipmeeting@example.test"
NAMES = (
    *("id", "value", "event", "subject", "folder", "attendees", "emailAddress"),
    *("address", "status", "response", "isDraft", "body", "content", "iCalUId"),
    *("@odata.type", "@odata.etag", "@odata.nextLink", "@odata.deltaLink"),
    *("parentFolderId", "meetingMessageType", "singleValueExtendedProperties"),
    *("start", "dateTime"),
)
TEXTS = (
    *("", "x", "\x1b[2J", "\u0000", "accepted", "inbox", f"pexschedd trial {MARK}"),
    *("#microsoft.graph.eventMessageRequest", "#microsoft.graph.eventMessage"),
    *("https://elsewhere.test/v1.0/users/x", "http://[", MAILBOX, "true", "'"),
    "040000008200E00074C5B7101A82E008FFFFFFFF",
)


class AnythingClient:
    """Gives any document, mostly with names that are looked for, or any refusal."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable
        self.target = GraphTarget("graph.microsoft.com", MAILBOX, "client", 1)

    def error_for(self, problem: GraphProblem) -> MailboxRefused:
        return MailboxRefused(problem.words)

    async def look(self, request: ApiRequest, parse: Callable[[bytes], Any]) -> Any:
        kind = self._random.random()
        if kind < 0.1:
            status = self._random.choice((400, 403, 404, 410, 412, 429, 500, 503))
            return GraphProblem(status, "\x1b", "words")
        if kind < 0.101:
            raise MailboxUnreachable("lost")
        if request.method == "GET" and kind < 0.2:
            return parse(b"")
        document = {name: self._value(4) for name in self._some()}
        document.setdefault("id", "x")
        return parse(msgspec.json.encode(document))

    async def batch(self, requests: list[ApiRequest], parse: Any) -> list[Any]:
        return [await self.look(requests[0], lambda _: None)]

    def _some(self) -> list[str]:
        return self._random.sample(NAMES, self._random.randrange(len(NAMES)))

    def _value(self, depth: int) -> Any:
        kind = self._random.randrange(7 if depth else 5)
        if kind == 5:
            return [self._value(depth - 1) for _ in range(self._random.randrange(4))]
        if kind == 6:
            return {name: self._value(depth - 1) for name in self._some()[:6]}
        if kind > 1:
            return self._random.choice(TEXTS)
        return self._random.choice((None, True, False, -1, 1 << 60, 0.5))


@pytest.mark.parametrize("seed", range(20))
@pytest_twisted.ensureDeferred
async def test_anything_is_survived(seed: int) -> None:
    """Whatever the server says, the trial ends in time with a whole report."""
    clock = InstantClock()
    report = await run_trial(
        Connector(
            id=1,
            uuid="0",
            name="x",
            room_mailbox_email_address=MAILBOX,
            addin_server_domain="a.test",
        ),
        "alice@example.test",
        cast(Any, AnythingClient(seed)),
        clock=clock,
        now=datetime(2026, 11, 30, tzinfo=UTC),
        mark=MARK,
        note=lambda _: None,
        stop=StopSignal(),
    )
    assert [each.question for each in report.answers] == [each.name for each in TRIED]
    assert clock.seconds() < 1200
