"""The equipment mailbox's addresses in answers to the add-in."""

from collections.abc import Callable
from typing import Any

from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.ports.mailbox import DirectoryEntry

FindAddresses = Callable[[Connector], DirectoryEntry | None]
"""Gives at once what is known of an integration's equipment mailbox."""


def add_addresses(result: dict[str, Any], entry: DirectoryEntry | None) -> None:
    """Add `room_addresses` to a result; nothing if the directory has not told them."""
    if entry is not None:
        result["room_addresses"] = {
            "name": entry.name,
            "addresses": list(entry.addresses),
        }
