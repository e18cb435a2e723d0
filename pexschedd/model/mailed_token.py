"""The identity tokens that have come by mail, as they are remembered."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class MailedToken(Record, frozen=True, kw_only=True):
    """An identity token that was in a message, where others than its user can read it.
    Only its digest is kept."""

    digest: str
    """The SHA-256 of what is signed of the token, in hexadecimal digits."""
    expires: datetime
    """The time until which the token may be accepted, the skew of clocks included."""
