"""Checks of one endpoint on demand: is it reached, does it take meetings, what is odd.

A check is a visit that sends the list in any case, so that it tries all that the
service needs.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping

import msgspec

from pexschedd.errors import CommandRunning, InvalidFields
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO, Endpoint
from pexschedd.onetouch.cisco.access import EndpointAccess, access_of
from pexschedd.onetouch.pushing.endpoint_records import EndpointRecords, records_of
from pexschedd.onetouch.pushing.problems import EndpointProblem
from pexschedd.onetouch.pushing.visit_report import VisitReport
from pexschedd.store.store import Store

MOST_WAITING = 8
"""Checks at once, those included that wait for their turn."""
CLOCK_TOLERANCE = 60.0
"""Seconds by which a clock may differ before it is told."""

Visit = Callable[[int], Awaitable[VisitReport]]
"""See `pusher.EndpointPusher.check`."""


class EndpointCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a check."""

    endpoint_name: str
    endpoint_address: str
    """The beginning of the URLs that were used, or the device's id at Webex; empty if
    the records do not tell."""
    is_ok: bool
    """True if the endpoint has its list now."""
    problem: str = ""
    """A sentence about the problem and its remedy; empty if all is well."""
    problem_kind: str = ""
    """unreachable, certificate, credentials, not_allowed, busy, refused or settings."""
    product: str = ""
    software: str = ""
    way: str = ""
    """The way in which it takes meetings: command, command_joinable or document."""
    number_of_meetings: int = 0
    """The number of bookings that it was sent."""
    clock_difference: float | None = None
    """Seconds by which its clock is ahead of ours; null if it does not tell."""
    notes: tuple[str, ...] = ()
    """Remarks about what works, but is not as it should be."""


class EndpointChecks:
    """Carries checks out, a few at a time; `visits` has what visits the endpoints of
    each type that is sent lists."""

    def __init__(self, store: Store, visits: Mapping[str, Visit]) -> None:
        self._store = store
        self._visits = visits
        self._under_way: set[int] = set()

    async def check(self, endpoint_id: int) -> EndpointCheck:
        """Check an endpoint, and return what was found.

        Raises `InvalidFields` for one that is not visited at all, and `CommandRunning`
        while it is being checked, or too many others are.
        """
        records = self._records(endpoint_id)
        if endpoint_id in self._under_way:
            raise CommandRunning("This endpoint is being checked already.")
        if len(self._under_way) >= MOST_WAITING:
            raise CommandRunning(f"{MOST_WAITING} endpoints are being checked. Wait.")
        self._under_way.add(endpoint_id)
        try:
            return await self._checked(records)
        finally:
            self._under_way.discard(endpoint_id)

    def _records(self, endpoint_id: int) -> EndpointRecords:
        endpoint = self._store.get(tables.MJX_ENDPOINT, endpoint_id)
        problem = ""
        if endpoint is None:
            problem = f"There is no mjx_endpoint {endpoint_id}."
        elif endpoint.endpoint_type not in self._visits:
            problem = (
                f"This endpoint is of the type {endpoint.endpoint_type}: only those of "
                f"the types {' and '.join(self._visits)} are sent their meetings."
            )
        kind = endpoint.endpoint_type if endpoint is not None else ""
        records = records_of(self._store, endpoint_id, kind)
        if records is None or problem:
            problem = problem or (
                "This endpoint has no profile: set its mjx_endpoint_group, and the "
                "mjx_integration of that group."
            )
            raise InvalidFields({"mjx_endpoint": [problem]})
        return records

    async def _checked(self, records: EndpointRecords) -> EndpointCheck:
        endpoint = records.endpoint
        access, address = None, endpoint.webex_device_id or ""
        try:
            if endpoint.endpoint_type == CISCO:
                address = ""
                access = access_of(
                    endpoint, records.group, records.profile, self._store.vault.unseal
                )
                address = access.address
            report = await self._visits[endpoint.endpoint_type](endpoint.id)
        except EndpointProblem as problem:
            return EndpointCheck(
                endpoint_name=endpoint.name,
                endpoint_address=address,
                is_ok=False,
                problem=_sentence(problem.message),
                problem_kind=str(problem.kind),
            )
        return EndpointCheck(
            endpoint_name=endpoint.name,
            endpoint_address=address,
            is_ok=report.was_read,
            problem="" if report.was_read else NOT_READ,
            product=report.seen.product,
            software=report.seen.software.version,
            way=str(report.way or ""),
            number_of_meetings=report.meetings,
            clock_difference=report.clock_difference,
            notes=(
                *(_notes(access, report) if access is not None else ()),
                *self._namesakes(endpoint, access),
            ),
        )

    def _namesakes(
        self, endpoint: Endpoint, access: EndpointAccess | None
    ) -> Iterator[str]:
        """Yield a note if another record has the same address: each would replace the
        list of the other."""
        for other in self._store.all(tables.MJX_ENDPOINT):
            if other.id != endpoint.id and _is_same(endpoint, access, other):
                what = "device" if access is None else "address"
                yield (
                    f"{other.name} has the same {what}: each of them replaces the "
                    "meetings of the other."
                )
                return


def _is_same(
    endpoint: Endpoint, access: EndpointAccess | None, other: Endpoint
) -> bool:
    """Return whether another record stands for the same endpoint."""
    if other.endpoint_type != endpoint.endpoint_type:
        return False
    if access is None:
        return other.webex_device_id == endpoint.webex_device_id
    return (other.api_address or "").casefold() == access.host.casefold() and (
        other.api_port or access.port
    ) == access.port


NOT_READ = (
    "It can be reached, but its room's calendar was never read, so there is no list "
    "for it yet. Look at the deployment of its profile."
)


def _sentence(clause: str) -> str:
    return f"The endpoint: {clause}"


def _notes(access: EndpointAccess, report: VisitReport) -> Iterator[str]:
    if access.scheme == "http":
        yield (
            "It is reached without HTTPS: its password and the meetings can be read on "
            "the way."
        )
    elif not access.verified:
        yield (
            "Its certificate is not checked: whoever is in between can read and change "
            "what is sent. Set verify_cert to YES once it has one that is trusted here."
        )
    ahead = report.clock_difference
    if ahead is not None and abs(ahead) > CLOCK_TOLERANCE:
        side = "ahead of" if ahead > 0 else "behind"
        yield (
            f"Its clock is {abs(ahead):.0f} seconds {side} ours, so that buttons come "
            "at wrong times. Give it an NTP server."
        )
    if not report.has_session:
        yield (
            "It gave no session, so that its account was sent with each request: its "
            "software is old, or all its sessions are in use."
        )
    if report.way == "command_joinable":
        yield "It takes no meetings without a number: those are left out."
