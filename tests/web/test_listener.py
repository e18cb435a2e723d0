"""Listeners whose ports cannot be opened say why, and what would help; and where others
are open."""

import socket
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EPERM
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from zope.interface import implementer

from pexschedd.errors import PortNotPermitted, PortUnavailable
from pexschedd.web.listener import Listener, address_text


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
async def test_a_socket_without_a_folder(tmp_path: Path) -> None:
    """The folder may be there later."""
    string = f"unix:{tmp_path}/none/socket"
    problem = await problem_of(serverFromString(reactor, string))
    assert type(problem) is PortUnavailable
    assert problem.message.endswith(": the folder is not there")


@pytest_twisted.ensureDeferred
async def test_a_socket_in_the_place_of_a_file() -> None:
    """Or of another socket: it is not a matter of ports."""
    taken = OSError(EADDRINUSE, "in use")
    problem = await problem_of(Refusing(CannotListenError(None, b"/file", taken)))
    assert type(problem) is PortUnavailable
    assert "there is a file of that name" in problem.message


@pytest_twisted.ensureDeferred
async def test_a_socket_in_a_closed_folder() -> None:
    """It is not for systemd to open it: another place will do."""
    error = PermissionError(EACCES, "denied", "5", None, b"/closed/socket.lock")
    problem = await problem_of(Refusing(error))
    assert isinstance(problem, PortNotPermitted)
    assert "Choose another place" in problem.message
    assert "systemd" not in problem.message


@pytest_twisted.ensureDeferred
async def test_another_reason() -> None:
    """In Twisted's words."""
    problem = await problem_of(Refusing(ValueError("odd")))
    assert problem.message.endswith(": odd")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (IPv4Address("TCP", "127.0.0.1", 8443), "127.0.0.1:8443"),
        (IPv6Address("TCP", "::1", 8443), "[::1]:8443"),
        (UNIXAddress(b"/run/pexschedd/addin"), "/run/pexschedd/addin"),
        (UNIXAddress(None), ""),
    ],
)
def test_the_text_of_an_address(address: IAddress, text: str) -> None:
    """As it is written in a URL; of a socket its path."""
    assert address_text(address) == text
