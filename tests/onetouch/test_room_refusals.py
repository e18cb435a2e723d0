"""The words in which a room's server refuses something."""

import pytest

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    SignInNeeded,
    SignInRefused,
)
from pexschedd.onetouch.ports.room_mailboxes import named_in_refusals

OAK = "oak@example.test"


class Closed(MailboxRefused):
    """A refusal of another kind."""


@pytest.mark.parametrize("kind", [MailboxRefused, Closed])
def test_the_room_is_named(kind: type[MailboxRefused]) -> None:
    """A refusal keeps its kind, its words and its pause."""
    with pytest.raises(kind) as caught, named_in_refusals(OAK):
        raise kind("It is closed.", retry_after=7)
    assert type(caught.value) is kind
    assert caught.value.message == (
        f"The calendar of the room {OAK} cannot be read: It is closed."
    )
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("kind", [SignInRefused, SignInNeeded, MailboxBusy])
def test_what_is_no_rooms_fault(kind: type[MailboxError]) -> None:
    """Sign-ins, and what passes by itself, concern all rooms and stay as they are."""
    error = kind("Not now.")
    with pytest.raises(kind) as caught, named_in_refusals(OAK):
        raise error
    assert caught.value is error
    assert error.message == "Not now."
