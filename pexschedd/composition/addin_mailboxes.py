"""Connections with Exchange for the add-in's questions, kept from one to the next."""

from typing import Any, Generic, Protocol, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from pexschedd.composition.connections import (
    Connections,
    EquipmentMailbox,
    OrganizersCalendars,
)
from pexschedd.model.integration.connector import Connector


class _Closable(Protocol):
    async def close(self) -> None:
        """Close the connections."""


C = TypeVar("C", bound=_Closable)


class _Kept(Generic[C]):
    """One of a kind for each integration, replaced when its settings change."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Connector, C]] = {}

    def find(self, connector: Connector) -> C | None:
        connection = self._kept.get(connector.id)
        if connection is None:
            return None
        settings, kept = connection
        if settings == connector:
            return kept
        del self._kept[connector.id]
        Deferred.fromCoroutine(kept.close())
        return None

    def keep(self, connector: Connector, made: C) -> C:
        self._kept[connector.id] = connector, made
        return made

    async def close(self) -> None:
        while self._kept:
            _, (_, each) = self._kept.popitem()
            await each.close()


class AddinMailboxes(Service):
    """The organizers' calendars and the equipment mailboxes, by integration."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._organizers: _Kept[OrganizersCalendars] = _Kept()
        self._mailboxes: _Kept[EquipmentMailbox] = _Kept()

    def organizers(self, connector: Connector) -> OrganizersCalendars:
        """The calendars of an integration's organizers."""
        return self._organizers.find(connector) or self._organizers.keep(
            connector, self._connections.organizers(connector)
        )

    def mailbox(self, connector: Connector) -> EquipmentMailbox:
        """An integration's equipment mailbox."""
        return self._mailboxes.find(connector) or self._mailboxes.keep(
            connector, self._connections.mailbox(connector)
        )

    def stopService(self) -> "Deferred[Any]":
        """Close all connections."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        await self._organizers.close()
        await self._mailboxes.close()
