"""The user of the add-in, as any kind of verified token names one. Pure."""

from collections.abc import Callable
from datetime import datetime

import msgspec


class VerifiedUser(msgspec.Struct, frozen=True):
    """A user of the add-in.

    `user_id` is unique across organisations and kinds of tokens: `msexchuid amurl` of
    an Exchange identity token, `tid:oid origin` of an access token. Name and address
    are empty where the token has none; they are for people to read, and prove nothing.
    """

    user_id: str
    name: str = ""
    email: str = ""


class VerifiedToken(msgspec.Struct, frozen=True):
    """A token that has passed all checks."""

    user: VerifiedUser
    expires: datetime
    """The end of its validity, the difference that clocks may have included."""
    is_current: Callable[[], bool]
    """Tells whether the keys that it was verified with are still those in use."""
