"""Examines a deployment of One-Touch Join, from its id to a report."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import NoReturn

import msgspec
from twisted.internet.defer import (
    CancelledError,
)
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.checks import server_checks
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.report import (
    CheckFinding,
    CheckStatus,
    ReportLine,
    line,
    not_checked,
    overall,
)
from pexschedd.doctor.rooms import findings
from pexschedd.doctor.rooms.endpoint_examination import EndpointsDoctor
from pexschedd.doctor.rooms.tries import try_all
from pexschedd.doctor.running import run
from pexschedd.errors import MailboxError, MailboxRefused, NotFound, SignInRefused
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.net.network import Network
from pexschedd.onetouch.calendars.quota import CallCount
from pexschedd.onetouch.configuration import OneTouchRecords, rooms_by_deployment
from pexschedd.onetouch.ports.room_mailboxes import RoomMailboxes
from pexschedd.onetouch.screen.calendar_processing import losses_of

DEADLINE = 30.0
"""Seconds for trying the rooms."""
MOST_ROOMS = 100
AT_ONCE = 4
_FIELDS = {
    "url": "ews_url",
    "username": "service_account_username",
    "password": "service_account_password",
}
"""The deployment's names for fields that an integration has, too."""


class DeploymentReport(msgspec.Struct, frozen=True, kw_only=True):
    """An examination of one deployment. The fields are the API's."""

    mjx_exchange_deployment_id: int
    name: str
    """The name of the deployment."""
    status: CheckStatus
    """The worst of the lines: failed, warning, or passed."""
    time: str
    """The time at which the examination began, in UTC."""
    lines: tuple[ReportLine, ...]


class RoomsDoctor:
    """Examines deployments on request. It changes nothing, and reveals no secret.

    `open_rooms` opens a deployment's rooms at a URL, and `find_url` asks Autodiscover
    for the one of a room.
    """

    def __init__(
        self,
        records: OneTouchRecords,
        network: Network,
        open_rooms: Callable[[ExchangeDeployment, str], RoomMailboxes],
        find_url: Callable[[ExchangeDeployment, str], Awaitable[str]],
        endpoints: EndpointsDoctor,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._records = records
        self._network = network
        self._open_rooms = open_rooms
        self._find_url = find_url
        self._endpoints = endpoints
        self._clock = clock
        self._now = now

    async def examine(self, deployment_id: int) -> DeploymentReport:
        """Make every check and return the report, within two minutes. Raises
        `NotFound`."""
        deployment = self._records.get(tables.MJX_EXCHANGE_DEPLOYMENT, deployment_id)
        if deployment is None:
            name = tables.MJX_EXCHANGE_DEPLOYMENT.name
            raise NotFound(f"There is no {name} {deployment_id}.")
        began = self._now()
        rooms = sorted(rooms_by_deployment(self._records).get(deployment_id, ()))
        lines = [line("rooms", "Rooms", findings.configured(rooms))]
        url = deployment.ews_url
        if not url and rooms:
            url, finding = await self._discover(deployment, rooms[0])
            lines.append(line("autodiscover", "Autodiscover", finding, ("ews_url",)))
        if url:
            lines += await self._server(deployment, url)
        is_ready = bool(url) and overall(lines) is not CheckStatus.FAILED
        found, problems = await self._rooms(deployment, url, rooms, is_ready)
        lines += found
        lines += self._stored(deployment, rooms)
        lines += await self._endpoints.examine(deployment, len(rooms), problems)
        return DeploymentReport(
            mjx_exchange_deployment_id=deployment_id,
            name=deployment.name,
            status=overall(lines),
            time=f"{began:%Y-%m-%d %H:%M:%S} UTC",
            lines=tuple(lines),
        )

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
        self,
        deployment: ExchangeDeployment,
        url: str,
        rooms: Sequence[str],
        is_ready: bool,
    ) -> tuple[list[ReportLine], Mapping[str, str]]:
        """The lines about signing in and about the rooms that were tried, and the
        problems of those that cannot be read."""
        if not rooms or not is_ready:
            why = "There is no room." if not rooms else "See above."
            return [
                line("sign_in", "Sign-in", not_checked(why)),
                line("rooms_read", "Rooms' calendars", not_checked(why)),
            ], {}
        method = deployment.authentication_method
        fields = _ACCOUNT_FIELDS.get(method, _PASSWORD_FIELDS)
        try:
            mailboxes = self._open_rooms(deployment, url)
        except MailboxRefused as error:
            finding = findings.signed_in(deployment, error.message)
            return [line("sign_in", "Sign-in", finding, fields)], {}
        try:
            attempt = _RoomsAttempt(mailboxes, self._clock, self._now)
            await attempt.run(rooms[:MOST_ROOMS])
        finally:
            await mailboxes.close()
        sign_in = findings.signed_in(deployment, attempt.refusal)
        read = not_checked('"Sign-in" has to be in order first.')
        if not attempt.refusal:
            read = findings.read(attempt.problems, attempt.tried, len(rooms))
        return [
            line("sign_in", "Sign-in", sign_in, fields),
            line("rooms_read", "Rooms' calendars", read),
        ], attempt.problems

    def _stored(
        self, deployment: ExchangeDeployment, rooms: Sequence[str]
    ) -> list[ReportLine]:
        """The lines about what the daemon has read so far."""
        calendars = [
            calendar
            for calendar in self._records.all(tables.ROOM_CALENDAR)
            if calendar.deployment == deployment.id and calendar.read_at is not None
        ]
        losses = {c.room_email: losses_of(c.meetings) for c in calendars}
        lost = {room: found for room, found in losses.items() if found}
        calls = self._records.get(tables.CALENDAR_CALLS, deployment.id)
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
                ("find_items_request_quota",),
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


class _RoomsAttempt:
    """Lists today's meetings of rooms, the first room alone: a wrong password is
    tried once."""

    def __init__(self, mailboxes: RoomMailboxes, clock: IReactorTime, now: Now) -> None:
        self._mailboxes = mailboxes
        self._clock = clock
        self._now = now
        self.refusal = ""
        self.problems: dict[str, str] = {}
        self.tried = 0

    async def run(self, rooms: Sequence[str]) -> None:
        await self._try(rooms[0])
        if self.refusal:
            return
        await try_all(
            rooms[1:],
            self._try,
            at_once=AT_ONCE,
            seconds=DEADLINE,
            clock=self._clock,
        )

    async def _try(self, room: str) -> None:
        now = self._now()
        try:
            await self._mailboxes.listing(room, now, now + timedelta(days=1))
        except SignInRefused as error:
            self.refusal = error.message
        except MailboxError as error:
            self.problems[room] = error.message
        except CancelledError:
            return
        self.tried += 1


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
