"""The administrators' accounts."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class Administrator(Record, frozen=True, kw_only=True):
    """An administrator's account, which signs in with a name and a password."""

    name: str
    password_hash: str
    """scrypt, with its parameters and salt: `scrypt$n$r$p$salt$hash`, base64."""
    created: datetime
    known_addresses: tuple[str, ...] = ()
    """Keyed digests of the addresses from which the administrator has signed in, the
    last one at the end; see `identity.known_addresses`."""
