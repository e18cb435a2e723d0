"""Listeners whose ports cannot be opened say why, and what would help."""

import socket
from errno import EACCES, EADDRNOTAVAIL, EPERM
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from zope.interface import implementer

from pexschedd.errors import PortNotPermitted, PortUnavailable
from pexschedd.web.listener import Listener


@implementer(IStreamServerEndpoint)
class Refusing:
    """An endpoint that cannot be opened, for a reason of the system's."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def listen(self, factory: IProtocolFactory) -> "Deferred[Any]":
        return fail(self.error)


async def problem_of(endpoint: IStreamServerEndpoint) -> PortUnavailable:
    """The only error of a listener on an endpoint."""
    failed: list[PortUnavailable] = []
    listener = Listener("addin[0]", endpoint, Factory(), failed.append)
    listener.startService()
    await listener.settled()
    await listener.stopService()
    (problem,) = failed
    assert problem.message.startswith("cannot listen on addin[0]: ")
    return problem


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("number", [EACCES, EPERM])
@pytest.mark.parametrize("is_port", [True, False])
async def test_a_port_that_is_not_permitted(number: int, is_port: bool) -> None:
    """Another start would not help: it is for systemd to open it."""
    error: Exception = PermissionError(number, "denied")
    if is_port:
        error = CannotListenError("", 443, error)
    problem = await problem_of(Refusing(error))
    assert isinstance(problem, PortNotPermitted)
    assert "Have systemd open it" in problem.message


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken() -> None:
    """The command shows the process that has it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        problem = await problem_of(
            TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")
        )
    assert type(problem) is PortUnavailable
    assert problem.message.endswith("another process has it open; ss -ltnp shows which")


@pytest_twisted.ensureDeferred
async def test_an_address_of_another_machine() -> None:
    """It may become this one's."""
    error = CannotListenError("192.0.2.1", 80, OSError(EADDRNOTAVAIL, "not available"))
    problem = await problem_of(Refusing(error))
    assert type(problem) is PortUnavailable
    assert "no network interface of this machine has" in problem.message


@pytest_twisted.ensureDeferred
async def test_another_reason() -> None:
    """In Twisted's words."""
    problem = await problem_of(Refusing(ValueError("odd")))
    assert problem.message.endswith(": odd")
