"""Examines a deployment of One-Touch Join, from its id to a report."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.report import (
    CheckFinding,
    CheckStatus,
    ReportLine,
    line,
    not_checked,
    overall,
)
from pexschedd.doctor.rooms import findings, graph_findings
from pexschedd.doctor.rooms.endpoint_examination import EndpointsDoctor
from pexschedd.doctor.rooms.room_attempt import DeploymentAccess, RoomsAttempt
from pexschedd.doctor.running import run
from pexschedd.doctor.server_checks import server_checks
from pexschedd.errors import MailboxError, MailboxRefused, NotFound
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.table import R, Table
from pexschedd.net.network import Network
from pexschedd.onetouch.calendars.quota import CallCount
from pexschedd.onetouch.configuration import OneTouchRecords, rooms_by_deployment
from pexschedd.onetouch.deployments import DeploymentKey, ReadDeployment, key_of
from pexschedd.onetouch.ports.room_mailboxes import RoomMailboxes
from pexschedd.onetouch.screen.calendar_processing import losses_of

MOST_ROOMS = 100
_FIELDS = {
    "url": "ews_url",
    "username": "service_account_username",
    "password": "service_account_password",
}
"""The deployment's names for fields that an integration has, too."""


class DeploymentReport(msgspec.Struct, frozen=True, kw_only=True):
    """An examination of one deployment of Exchange. The fields are the API's."""

    mjx_exchange_deployment_id: int
    name: str
    """The name of the deployment."""
    status: CheckStatus
    """The worst of the lines: failed, warning, or passed."""
    time: str
    """The time at which the examination began, in UTC."""
    lines: tuple[ReportLine, ...]


class GraphDeploymentReport(msgspec.Struct, frozen=True, kw_only=True):
    """An examination of one deployment of Graph, in the same way."""

    mjx_graph_deployment_id: int
    name: str
    status: CheckStatus
    time: str
    lines: tuple[ReportLine, ...]


class RoomsDoctor:
    """Examines deployments on request. It changes nothing, and reveals no secret.

    `open_rooms` opens a deployment's rooms at a URL, and `find_url` asks Autodiscover
    for the one of a room; `open_graph_rooms` opens the rooms of one of Graph.
    """

    def __init__(
        self,
        records: OneTouchRecords,
        network: Network,
        open_rooms: Callable[[ExchangeDeployment, str], RoomMailboxes],
        find_url: Callable[[ExchangeDeployment, str], Awaitable[str]],
        open_graph_rooms: Callable[[GraphDeployment], RoomMailboxes],
        endpoints: EndpointsDoctor,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._records = records
        self._network = network
        self._open_rooms = open_rooms
        self._find_url = find_url
        self._open_graph_rooms = open_graph_rooms
        self._endpoints = endpoints
        self._clock = clock
        self._now = now

    async def examine(self, deployment_id: int) -> DeploymentReport:
        """Make every check of a deployment of Exchange and return the report, within
        two minutes. Raises `NotFound`."""
        deployment = _found(
            self._records, tables.MJX_EXCHANGE_DEPLOYMENT, deployment_id
        )
        began = self._now()
        rooms = self._configured(deployment)
        lines = [line("rooms", "Rooms", findings.configured(rooms))]
        url = deployment.ews_url
        if not url and rooms:
            url, finding = await self._discover(deployment, rooms[0])
            lines.append(line("autodiscover", "Autodiscover", finding, ("ews_url",)))
        if url:
            lines += await self._server(deployment, url)
        is_ready = bool(url) and overall(lines) is not CheckStatus.FAILED
        method = deployment.authentication_method
        access = DeploymentAccess(
            lambda: self._open_rooms(deployment, url),
            lambda problem: findings.signed_in(deployment, problem),
            _ACCOUNT_FIELDS.get(method, _PASSWORD_FIELDS),
            findings.read,
        )
        lines += await self._beyond(deployment, rooms, access, is_ready=is_ready)
        return DeploymentReport(
            mjx_exchange_deployment_id=deployment_id,
            name=deployment.name,
            status=overall(lines),
            time=f"{began:%Y-%m-%d %H:%M:%S} UTC",
            lines=tuple(lines),
        )

    async def examine_graph(self, deployment_id: int) -> GraphDeploymentReport:
        """Make every check of a deployment of Graph, in the same way."""
        deployment = _found(self._records, tables.MJX_GRAPH_DEPLOYMENT, deployment_id)
        began = self._now()
        rooms = self._configured(deployment)
        lines = [line("rooms", "Rooms", findings.configured(rooms))]
        access = DeploymentAccess(
            lambda: self._open_graph_rooms(deployment),
            lambda problem: graph_findings.signed_in(deployment, problem),
            ("client_id", "client_secret", "oauth_token_url", "graph_api_domain"),
            partial(graph_findings.read, deployment),
            is_server_known=False,
        )
        lines += await self._beyond(deployment, rooms, access, is_ready=True)
        return GraphDeploymentReport(
            mjx_graph_deployment_id=deployment_id,
            name=deployment.name,
            status=overall(lines),
            time=f"{began:%Y-%m-%d %H:%M:%S} UTC",
            lines=tuple(lines),
        )

    def _configured(self, deployment: ReadDeployment) -> Sequence[str]:
        """The rooms that are read with a deployment."""
        return sorted(rooms_by_deployment(self._records).get(key_of(deployment), {}))

    async def _beyond(
        self,
        deployment: ReadDeployment,
        rooms: Sequence[str],
        access: DeploymentAccess,
        *,
        is_ready: bool,
    ) -> list[ReportLine]:
        """The lines about all that is behind the server; `is_ready` says whether that
        can be asked."""
        lines, problems = await self._rooms(rooms, access, is_ready=is_ready)
        lines += self._stored(deployment, rooms)
        lines += await self._endpoints.examine(deployment, len(rooms), problems)
        return lines

    async def _discover(
        self, deployment: ExchangeDeployment, room: str
    ) -> tuple[str, CheckFinding]:
        try:
            url = await self._find_url(deployment, room)
        except MailboxError as error:
            return "", findings.discovered("", error.message)
        return url, findings.discovered(url, "")

    async def _server(
        self, deployment: ExchangeDeployment, url: str
    ) -> list[ReportLine]:
        """The lines about the server: the same checks as for scheduling."""
        network = self._network.direct() if deployment.disable_proxy else self._network
        proxy = network.proxy
        case = ExaminedIntegration(
            connector=_as_integration(deployment, url), now=self._now()
        )
        if proxy is not None and proxy.is_for(case.host):
            case = msgspec.structs.replace(case, proxy=proxy.name)
        context = ProbeContext(
            case,
            exchange=network,
            public=network,
            poster=_not_looked_at,
            graph=_not_looked_at,
            disk=_not_looked_at,
            pane=lambda: None,
            now=self._now,
        )
        found = await run(server_checks(case), context, self._clock)
        return [
            msgspec.structs.replace(
                each, fields=tuple(_FIELDS.get(f, f) for f in each.fields)
            )
            for each in found
        ]

    async def _rooms(
        self, rooms: Sequence[str], access: DeploymentAccess, *, is_ready: bool
    ) -> tuple[list[ReportLine], Mapping[str, str]]:
        """The lines about signing in and about the rooms that were tried, and the
        problems of those that cannot be read."""
        if not rooms or not is_ready:
            why = "There is no room." if not rooms else "See above."
            return [
                line("sign_in", "Sign-in", not_checked(why)),
                line("rooms_read", "Rooms' calendars", not_checked(why)),
            ], {}
        try:
            mailboxes = access.open()
        except MailboxRefused as error:
            finding = access.signed_in(error.message)
            return [line("sign_in", "Sign-in", finding, access.fields)], {}
        try:
            attempt = RoomsAttempt(mailboxes, self._clock, self._now)
            await attempt.run(rooms[:MOST_ROOMS])
        finally:
            await mailboxes.close()
        refusal = attempt.refusal
        if not access.is_server_known:
            refusal = refusal or attempt.unreachable
        read = not_checked('"Sign-in" has to be in order first.')
        if not refusal:
            read = access.read(attempt.problems, attempt.tried, len(rooms))
        return [
            line("sign_in", "Sign-in", access.signed_in(refusal), access.fields),
            line("rooms_read", "Rooms' calendars", read),
        ], attempt.problems

    def _stored(
        self, deployment: ReadDeployment, rooms: Sequence[str]
    ) -> list[ReportLine]:
        """The lines about what the daemon has read so far."""
        key = key_of(deployment)
        calendars = [
            calendar
            for calendar in self._records.all(tables.ROOM_CALENDAR)
            if DeploymentKey(calendar.deployment_kind, calendar.deployment) == key
            and calendar.read_at is not None
        ]
        losses = {c.room_email: losses_of(c.meetings) for c in calendars}
        lost = {room: found for room, found in losses.items() if found}
        calls = self._records.get(key.kind.calls, key.id)
        used = CallCount(calls.quarters if calls else ()).used(self._now())
        return [
            line(
                "calendar_processing",
                "Calendar processing",
                findings.processing(lost, len(calendars)),
            ),
            line(
                "quota",
                "Quota",
                findings.quota(deployment, len(rooms), used),
                (key.kind.quota_field,),
            ),
        ]


_PASSWORD_FIELDS = (
    "service_account_username",
    "service_account_password",
    "authentication_method",
)
_ACCOUNT_FIELDS = {
    "OAUTH": ("service_account_username", "oauth_client_id", "oauth_token_endpoint"),
    "APP_PERM": ("oauth_client_id", "oauth_client_secret", "oauth_token_endpoint"),
}
"""The fields that a sign-in depends on, by the method; the others have a password."""


def _found(records: OneTouchRecords, table: Table[R], id: int) -> R:
    """Return a deployment's record; raises `NotFound`."""
    record = records.get(table, id)
    if record is None:
        raise NotFound(f"There is no {table.name} {id}.")
    return record


def _as_integration(deployment: ExchangeDeployment, url: str) -> Connector:
    """Return what the checks of a server need to know of an integration."""
    return Connector(
        id=0,
        uuid="",
        name=deployment.name,
        addin_server_domain="",
        url=url,
        username=deployment.service_account_username,
        authentication_method=deployment.authentication_method,
    )


def _not_looked_at() -> NoReturn:
    raise MailboxRefused("The examination of a deployment has no such check.")
