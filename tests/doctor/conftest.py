"""Fixtures of the doctor's tests."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from tests.doctor.doctor_support import Clinic, Names
from tests.doctor.graph_doctor_support import GraphClinic

reactor: Any = _reactor


@pytest_twisted.async_yield_fixture()
async def clinic() -> AsyncIterator[Clinic]:
    """Everything is in order; the resolver is ours while it lasts."""
    before = reactor.installNameResolver(Names())
    clinic = Clinic()
    yield clinic
    await clinic.close()
    reactor.installNameResolver(before)
    # Server sides of connections that were left a moment ago.
    settled: Deferred[None] = Deferred()
    reactor.callLater(0, settled.callback, None)
    await settled


@pytest_twisted.async_yield_fixture()
async def graph_clinic(clinic: Clinic) -> AsyncIterator[GraphClinic]:
    """The same for an integration whose mailbox is reached by Microsoft Graph."""
    made = GraphClinic()
    yield made
    await made.close()
