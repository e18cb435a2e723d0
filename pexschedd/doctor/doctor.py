"""The examination of an integration, from its id to a report.

The only module of the doctor that reads stored records.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from shutil import disk_usage
from typing import Any, Protocol

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from pexschedd.clock import Now
from pexschedd.doctor import probes
from pexschedd.doctor.case import AddinState, ExaminedIntegration
from pexschedd.doctor.checks import checks_of, draft_checks_of, mailbox_checks_of
from pexschedd.doctor.observations import DiskState
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.report import DoctorReport, overall
from pexschedd.doctor.running import DoctorCheck, run
from pexschedd.errors import NotFound
from pexschedd.ews.client import Poster
from pexschedd.graph.client import GraphClient
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.platform.missing_references import missing_references
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust

_ROOMS_NAMED = 5


class StoredRecords(Protocol):
    """The part of the store that the doctor reads."""

    def get(self, table: Any, id: int) -> Any:
        """Return the record of `table` with this id, or None."""

    def all(self, table: Any) -> Iterable[Any]:
        """Return every record of `table`."""

    def find_each(self, index: Any, key: Hashable) -> Iterable[Any]:
        """Return the records that `index` has under `key`."""


class Doctor:
    """Examines integrations on request.

    `network` reaches Exchange, `poster` opens a transport that signs in there as an
    integration's service account, and `graph` a client of Microsoft Graph that signs in
    as its application. `pane` returns the page that this daemon serves as an
    integration's pane, or None where that is not known; `refused_hosts` the hosts named
    in an integration's refused tokens; `serving` tells whether the daemon is running;
    `addin` gives what the daemon knows of an integration's add-in;
    `policy_is_open` whether the policy interface answers everybody; `key_places` gives
    `ExaminedIntegration.key_file` and `key_copy`;
    `reserve` gives, for a disk's size, the bytes that the store keeps free; `public`
    reaches the add-in as users' devices do.
    """

    def __init__(
        self,
        records: StoredRecords,
        network: Network,
        poster: Callable[[Connector], Poster],
        graph: Callable[[Connector], GraphClient],
        *,
        state_dir: Path,
        now: Now,
        pane: Callable[[Connector], bytes | None] = lambda _: None,
        refused_hosts: Callable[[int], tuple[str, ...]] = lambda _: (),
        serving: Callable[[], bool] = lambda: True,
        addin: Callable[[Connector], AddinState] = lambda _: AddinState(),
        policy_is_open: bool = False,
        key_places: Callable[[], tuple[str, str]] = lambda: ("", ""),
        reserve: Callable[[int], int] = lambda _: 0,
        disk: Callable[[Path], DiskState] | None = None,
        public: Network | None = None,
    ) -> None:
        self._records = records
        self._network = network
        self._poster = poster
        self._graph = graph
        self._state_dir = state_dir
        self._now = now
        self._pane = pane
        self._refused_hosts = refused_hosts
        self._serving = serving
        self._addin = addin
        self._policy_is_open = policy_is_open
        self._key_places = key_places
        self._disk = disk or (lambda path: disk_of(path, reserve))
        self._waiting: dict[tuple[int, str], list[Deferred[DoctorReport]]] = {}
        # Users' devices trust the system's authorities, but not those configured here.
        self._public = public or Network(network.reactor, Trust())

    async def examine(self, connector_id: int, user: str = "") -> DoctorReport:
        """Run every check and return the report, within a minute.

        `user` is the address of a user of the add-in, if one is to be tried. Raises
        `NotFound` for an unknown integration. A call with the same arguments during an
        examination joins it, because each examination signs in and too many wrong
        passwords lock an account.
        """
        key = (connector_id, user)
        waiting = self._waiting.get(key)
        if waiting is not None:
            joined: Deferred[DoctorReport] = Deferred()
            waiting.append(joined)
            return await joined
        self._waiting[key] = []
        examination = Deferred.fromCoroutine(self._examine(connector_id, user))
        return await examination.addBoth(self._finish, key)

    async def examine_draft(
        self, connector: Connector, domains: tuple[str, ...]
    ) -> DoctorReport:
        """Examine an integration that is not stored yet, with its metadata domains.

        What can only be seen once it is stored is not checked.
        """
        case = replace(self.case(connector), domains=domains)
        return await self._report(case, draft_checks_of(case))

    async def examine_mailbox(
        self, connector: Connector, present: Connector
    ) -> DoctorReport:
        """Examine the mailbox of an integration as it would be with changed settings,
        and nothing else of it.

        `present` is the integration as it is. If that uses EWS, it is asked about what
        Graph does not tell.
        """
        case = self.case(connector)
        if connector.uses_graph and not present.uses_graph:
            case = replace(case, processing=await self._processing(present))
        return await self._report(case, mailbox_checks_of(case))

    async def _processing(self, connector: Connector) -> str:
        """AutomateProcessing over EWS; empty if that does not tell."""
        context = self._context(self.case(connector))
        try:
            seen = await probes.mailbox_processing(context)
        finally:
            await context.close()
        return seen.result or "" if seen.went_well else ""

    def _finish(self, result: Any, key: tuple[int, str]) -> Any:
        for waiter in self._waiting.pop(key):
            waiter.callback(result)
        return result

    async def _examine(self, connector_id: int, user: str) -> DoctorReport:
        connector = self._records.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        case = self.case(connector, user)
        return await self._report(case, checks_of(case))

    async def _report(
        self, case: ExaminedIntegration, checks: Sequence[DoctorCheck]
    ) -> DoctorReport:
        connector = case.connector
        began = self._now()
        context = self._context(case)
        try:
            lines = await run(checks, context, self._network.reactor)
        finally:
            await context.close()
        return DoctorReport(
            exchange_connector_id=connector.id,
            name=connector.name,
            status=overall(lines),
            time=began.strftime("%Y-%m-%d %H:%M:%S UTC"),
            lines=lines,
        )

    def _context(self, case: ExaminedIntegration) -> ProbeContext:
        connector = case.connector
        network = self._network
        return ProbeContext(
            case,
            exchange=network.direct() if connector.disable_proxy else network,
            public=self._public,
            poster=lambda: self._poster(connector),
            graph=lambda: self._graph(connector),
            disk=lambda: self._disk(self._state_dir),
            pane=lambda: self._pane(connector),
            now=self._now,
        )

    def case(self, connector: Connector, user: str = "") -> ExaminedIntegration:
        """Gather everything that the records say about an integration."""
        every = self._records.all
        mailbox = connector.mailbox_address.casefold()
        proxy = self._network.proxy
        used = proxy is not None and not connector.disable_proxy
        key_file, key_copy = self._key_places()
        case = ExaminedIntegration(
            connector=connector,
            now=self._now(),
            refused_hosts=self._refused_hosts(connector.id),
            serving=self._serving(),
            addin=self._addin(connector),
            policy_is_open=self._policy_is_open,
            key_file=key_file,
            key_copy=key_copy,
            domains=tuple(
                each.domain
                for each in every(tables.EXCHANGE_DOMAIN)
                if each.exchange_connector == connector.id
            ),
            missing_references=missing_references(connector, self._records.get),
            unsupported_rooms=tuple(
                each.name
                for each in islice(
                    self._records.find_each(
                        tables.CONFERENCE_BY_UNSUPPORTED, tables.UNSUPPORTED
                    ),
                    _ROOMS_NAMED,
                )
            ),
            user=user or self._organizer(connector),
            others=tuple(
                each.name
                for each in every(tables.CONNECTOR)
                if each.id != connector.id
                and each.mailbox_address.casefold() == mailbox
                and mailbox
            ),
            other_providers=tuple(
                each.name
                for each in every(tables.CONNECTOR)
                if each.identity_provider not in ("", connector.identity_provider)
            ),
            alarms=tuple(
                (each.name, each.details)
                for each in every(tables.ALARM)
                if each.instance == connector.name and each.time_lowered is None
            ),
        )
        if proxy is None or not used or not proxy.is_for(case.host):
            return case
        return replace(case, proxy=proxy.name)

    def _organizer(self, connector: Connector) -> str:
        """The organizer of a meeting that waits for its joining instructions."""
        for each in self._records.all(tables.REWRITE):
            if each.exchange_connector == connector.id:
                return str(each.organizer)
        return ""


def disk_of(path: Path, reserve: Callable[[int], int]) -> DiskState:
    """Return the free space of the disk that holds `path`, or why it is unknown.

    `reserve` gives, for a disk's size, the bytes that the store keeps free.
    """
    try:
        usage = disk_usage(path)
    except OSError as error:
        return DiskState(str(path), 0, 0, problem=error.strerror or str(error))
    return DiskState(str(path), usage.free, usage.total, reserve(usage.total))
