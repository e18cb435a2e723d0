"""Deployments that rooms are read with: those of Exchange, and those of Graph. Pure.

Both kinds have ids and names of their own, so a deployment is known by its kind and its
id.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from pexschedd.model import tables
from pexschedd.model.onetouch.calendar_calls import CalendarCalls
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.model.table import Index, Table

ReadDeployment: TypeAlias = ExchangeDeployment | GraphDeployment


class DeploymentKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of deployments: where its records are, and its words for people."""

    name: str
    """Stored with each calendar; `exchange` or `graph`."""
    table: Table[Any]
    profiles: Index[JoinProfile]
    """The profiles of a deployment."""
    calls: Table[CalendarCalls]
    quota_field: str
    requests: str
    """The requests that the quota is for."""

    @property
    def profile_field(self) -> str:
        """The field of a profile that names such a deployment."""
        return f"{self.name}_deployment"


EXCHANGE = DeploymentKind(
    name="exchange",
    table=tables.MJX_EXCHANGE_DEPLOYMENT,
    profiles=tables.MJX_INTEGRATION_BY_EXCHANGE,
    calls=tables.CALENDAR_CALLS,
    quota_field="find_items_request_quota",
    requests="FindItem requests",
)
GRAPH = DeploymentKind(
    name="graph",
    table=tables.MJX_GRAPH_DEPLOYMENT,
    profiles=tables.MJX_INTEGRATION_BY_GRAPH,
    calls=tables.GRAPH_CALENDAR_CALLS,
    quota_field="request_quota",
    requests="requests to Graph",
)
KINDS = (EXCHANGE, GRAPH)
_BY_NAME = {kind.name: kind for kind in KINDS}


class DeploymentKey(msgspec.Struct, frozen=True, order=True):
    """The identity of a deployment. In text, one of Exchange is its id alone."""

    kind_name: str
    id: int

    @property
    def kind(self) -> DeploymentKind:
        """The kind, with all that belongs to it."""
        return _BY_NAME[self.kind_name]

    def __str__(self) -> str:
        return str(self.id) if self.kind is EXCHANGE else f"{self.kind_name}-{self.id}"


def key_of(deployment: ReadDeployment) -> DeploymentKey:
    """Return the identity of a deployment's record."""
    kind = EXCHANGE if isinstance(deployment, ExchangeDeployment) else GRAPH
    return DeploymentKey(kind.name, deployment.id)


def key_of_profile(profile: JoinProfile) -> DeploymentKey | None:
    """Return the deployment that a profile's rooms are read with; None if there is
    none that this server reads."""
    return next(_keys(profile), None)


def _keys(profile: JoinProfile) -> Iterator[DeploymentKey]:
    for kind in KINDS:
        id: int | None = getattr(profile, kind.profile_field)
        if id is not None:
            yield DeploymentKey(kind.name, id)


def quota_of(deployment: ReadDeployment) -> int:
    """Return the requests that may be made in 24 hours."""
    quota: int = getattr(deployment, key_of(deployment).kind.quota_field)
    return quota


def instance_of(deployment: ReadDeployment) -> str:
    """Return the name by which alarms and metrics know a deployment: one of Exchange
    may have the same name as one of Graph."""
    if isinstance(deployment, GraphDeployment):
        return f"{deployment.name} (Graph)"
    return deployment.name
