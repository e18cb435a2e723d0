"""Trials in tenants: the script, the integration's application, and the worker that has
to keep still meanwhile."""

from collections.abc import Awaitable, Callable
from functools import partial

from pexschedd.composition.graph.graph_connections import GraphConnections
from pexschedd.composition.runtime import Runtime, uuid4
from pexschedd.doctor.trial.tenant_trial import run_trial
from pexschedd.doctor.trial.trial_report import TrialReport
from pexschedd.errors import CommandRunning, MailboxRefused, NotFound
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.util.stop_signal import StopSignal

TrialHold = Callable[
    [int, Callable[[], Awaitable[TrialReport]]], Awaitable[TrialReport]
]
"""Carries out a trial while nothing else uses an integration's mailbox."""


class TenantTrials:
    """Makes trials, one at a time for an integration.

    `hold` keeps the integration's worker and its audits off the mailbox meanwhile.
    """

    def __init__(
        self, runtime: Runtime, graph: GraphConnections, hold: TrialHold
    ) -> None:
        self._runtime = runtime
        self._graph = graph
        self._hold = hold
        self._under_way: set[int] = set()

    async def run(
        self,
        connector_id: int,
        user: str,
        note: Callable[[str], None],
        stop: StopSignal,
    ) -> TrialReport:
        """Make a trial in the name of a user, while the integration's mailbox is not
        watched; see `doctor.trial.tenant_trial`.

        Raises `NotFound` without such an integration, `MailboxRefused` if it has no
        mailbox over Graph, `CommandRunning` during another trial of the same.
        """
        connector = self._connector(connector_id, user)
        if connector_id in self._under_way:
            raise CommandRunning(f"A trial of integration {connector_id} is under way.")
        client = self._graph.prober(connector)
        trial = partial(
            run_trial,
            connector,
            user,
            client,
            clock=self._runtime.reactor,
            now=self._runtime.now(),
            mark=uuid4().replace("-", "")[:8],
            note=note,
            stop=stop,
        )
        self._under_way.add(connector_id)
        try:
            return await self._hold(connector_id, trial)
        finally:
            self._under_way.discard(connector_id)
            await client.close()

    def _connector(self, connector_id: int, user: str) -> Connector:
        connector = self._runtime.store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        if not connector.uses_graph:
            raise MailboxRefused(
                f"The integration {connector_id} does not reach its mailbox over "
                "Microsoft Graph: mailbox_protocol is "
                f"{connector.mailbox_protocol}. Trials are about Graph alone."
            )
        if not connector.mailbox_address:
            raise MailboxRefused(
                f"The integration {connector_id} has no equipment mailbox "
                "(room_mailbox_email_address)."
            )
        if user.casefold() == connector.mailbox_address.casefold():
            raise MailboxRefused(
                f"{user} is the equipment mailbox: name a user who invites it."
            )
        return connector
