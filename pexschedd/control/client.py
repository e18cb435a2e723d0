"""Sends an order to the running daemon, or executes it in the daemon's place."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pexschedd import config as configuration
from pexschedd.config import Config
from pexschedd.control.protocol import Event, Finished, Order
from pexschedd.control.socket import NoDaemon, ask_daemon

Fallback = Callable[[Config, Order, Callable[[Event], None], Any], Awaitable[Finished]]
"""Executes an order where no daemon is running."""


async def carry_out(
    order: Order,
    config: Path,
    show: Callable[[Event], None],
    reactor: Any,
    fallback: Fallback,
) -> Finished:
    """Have the daemon execute an order, or else `fallback`, and return the outcome.

    `config` is the daemon's configuration file; `show` is called with each event but
    the last. Raises `ConfigError` for that file, and another `PexscheddError` if the
    order cannot be executed.
    """
    settings = configuration.load(config)
    try:
        return await ask_daemon(settings.state_dir, order, show, reactor)
    except NoDaemon:
        return await fallback(settings, order, show, reactor)
