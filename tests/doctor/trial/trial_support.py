"""Trials against a sandbox over a socket, whose time passes as trials wait."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from pexschedd.doctor.trial.tenant_trial import run_trial
from pexschedd.doctor.trial.trial_report import TrialReport
from pexschedd.model.integration.connector import Connector
from pexschedd.util.stop_signal import StopSignal
from tests.graph.msgraph_support import GraphWorld, reactor
from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT

MARK = "0a1b2c3d"


class PassingClock(Clock):
    """A clock on which time passes at once, the sandbox's too, and calls are made in
    another turn of the reactor."""

    def __init__(self, world: GraphWorld) -> None:
        super().__init__()
        self._world = world
        self.before: Callable[[float], None] = lambda _: None
        """Called with the time before it passes."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - Twisted's name
        *args: Any,
        **kw: Any,
    ) -> IDelayedCall:
        call = super().callLater(delay, callable, *args, **kw)
        reactor.callLater(0, self._pass, delay)
        return call

    def _pass(self, delay: float) -> None:
        self.before(self.seconds())
        self._world.sandbox.later(seconds=delay)
        self.advance(delay)


class TrialWorld(GraphWorld):
    """A sandbox, an integration with it, and trials."""

    def __init__(self) -> None:
        super().__init__()
        self.sandbox._clock = self.sandbox.clock
        self.passing = PassingClock(self)
        self.stop = StopSignal()
        self.notes: list[str] = []

    async def trial(self, user: str = ALICE, mark: str = MARK) -> TrialReport:
        connector = Connector(
            id=1,
            uuid="00000000-0000-4000-8000-000000000001",
            name="Head office",
            room_mailbox_email_address=EQUIPMENT,
            addin_server_domain="addin.example.test",
        )
        return await run_trial(
            connector,
            user,
            self.client(EQUIPMENT),
            clock=self.passing,
            now=self.sandbox.moment,
            mark=mark,
            note=self.notes.append,
            stop=self.stop,
        )

    def left(self, *addresses: str) -> list[str]:
        """The subjects of everything of a trial's in some mailboxes, with the folder;
        without what no client sees any more."""
        return [
            f"{item.folder}: {item.subject}"
            for address in addresses
            for folder in self.sandbox.exchange.mailbox(address).folders
            for item in self.sandbox.exchange.mailbox(address).items(folder)
            if "pexschedd trial" in item.subject
            and item.folder != "recoverableitemsdeletions"
        ]


def answers(report: TrialReport) -> dict[str, tuple[str, str]]:
    """The statuses and answers by question."""
    return {each.question: (each.status.value, each.answer) for each in report.answers}
