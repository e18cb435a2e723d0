"""Refusals that concern the calendar of one organizer."""

from collections.abc import Iterator
from contextlib import contextmanager

from pexschedd.errors import MailboxRefused


def require_address(address: str) -> None:
    """Raise `MailboxRefused` unless a text may be an email address at all."""
    if "@" not in address.strip("@"):
        raise MailboxRefused("this is not an email address")


@contextmanager
def naming_organizer(address: str) -> Iterator[None]:
    """Name the organizer in every refusal that is raised inside."""
    try:
        yield
    except MailboxRefused as refused:
        raise type(refused)(
            f"The calendar of the organizer {address} cannot be used: "
            f"{refused.message}",
            retry_after=refused.retry_after,
        ) from refused
