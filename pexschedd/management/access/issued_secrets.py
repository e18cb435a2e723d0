"""Secrets that are made for new records and shown once. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

Issue = Callable[[Any], tuple[Any, Mapping[str, str]]]
"""Takes a new record; returns it with what is kept of its secret, and the secret itself
by the name under which it is shown."""


def issue_nothing(record: Any) -> tuple[Any, Mapping[str, str]]:
    """Refuse to make a secret: for those who never save such a record."""
    raise RuntimeError("no secrets are made here")
