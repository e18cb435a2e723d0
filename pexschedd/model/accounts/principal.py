"""The one in whose name a request of the management API is carried out."""

from contextvars import ContextVar

import msgspec

from pexschedd.model.accounts.administrator import RoleLevel


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator who has signed in, or something that acts for one."""

    name: str
    """The name in the log."""
    level: RoleLevel
    administrator: int = 0
    """The id of the account; 0 for a client that belongs to none."""
    has_password: bool = True
    """False for a token, which may have been copied from a script."""


acting_principal: ContextVar[Principal] = ContextVar("acting_principal")
"""The principal of the request that is being carried out; a LookupError elsewhere.

Read it in the request's own code only."""
