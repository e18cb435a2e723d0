"""Free ports for processes that are told where to listen."""

import random
import socket

FIRST, LAST = 20_000, 32_000
"""Below the ports that the system hands out for connections: one of those could be
taken between looking and listening."""

_chance = random.SystemRandom()
"""Not the common one: hypothesis seeds that, and processes that test side by side would
choose the same ports."""


def free_ports(count: int = 1) -> int:
    """The first of so many free ports one after the other."""
    for _ in range(200):
        port = _chance.randrange(FIRST, LAST - count)
        if all(_is_free(port + number) for number in range(count)):
            return port
    raise AssertionError(f"no {count} free ports between {FIRST} and {LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
