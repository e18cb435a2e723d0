"""Having an order carried out: by the running daemon, or in its place."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pexschedd import config as configuration
from pexschedd.config import Config
from pexschedd.control.protocol import Event, Finished, Order
from pexschedd.control.socket import NoDaemon, ask_daemon

Alone = Callable[[Config, Order, Callable[[Event], None], Any], Awaitable[Finished]]
"""Carries an order out where no daemon runs."""


async def carried_out(
    order: Order,
    config: Path,
    show: Callable[[Event], None],
    reactor: Any,
    alone: Alone,
) -> Finished:
    """What came of it. `config` is the daemon's configuration file.

    Raises `ConfigError` for that file, `PexscheddError` if nobody can do it.
    """
    read = configuration.load(config)
    try:
        return await ask_daemon(read.state_dir, order, show, reactor)
    except NoDaemon:
        return await alone(read, order, show, reactor)
