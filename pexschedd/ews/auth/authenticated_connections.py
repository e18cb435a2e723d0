"""Connections that are signed in already.

With NTLM and Kerberos a server may remember whose a connection is, so that only the
first request on it has to prove anything. Some servers (IIS with
AuthPersistSingleRequest) and some load balancers forget it at once; after that has
shown, every request begins with a proof, and none is sent in vain.
"""

from weakref import WeakKeyDictionary

import msgspec

from pexschedd.ews.auth import Connection, HttpResponse

NO_SIGN_IN_NEEDED = frozenset((200, 400, 411, 500))
"""Statuses by which a server that requires no proof responds to an empty request."""

MAX_FORGOTTEN = 2
"""Sessions in a row that ended before their first further request, until the server is
taken to remember none."""


class _Session(msgspec.Struct):
    serial: int
    used: bool = False


class AuthenticatedConnections:
    """The sessions on all connections that share an authenticator.

    With `every_request`, every request carries a proof, whatever the server remembers.
    """

    def __init__(self, *, every_request: bool = False) -> None:
        self._sessions: WeakKeyDictionary[Connection, _Session] = WeakKeyDictionary()
        self._every_request = every_request
        self._forgotten = 0

    def begin(self, connection: Connection, response: HttpResponse) -> None:
        """Note that a proof was accepted, by `response`."""
        # This is how IIS says that it will not remember.
        if response.headers.get("persistent-auth", "").strip().lower() == "false":
            self._sessions.pop(connection, None)
        else:
            self._sessions[connection] = _Session(connection.serial)

    def holds(self, connection: Connection) -> bool:
        """Return whether a request may be tried without a proof."""
        session = self._sessions.get(connection)
        return (
            not self._every_request
            and self._forgotten < MAX_FORGOTTEN
            and session is not None
            and session.serial == connection.serial
        )

    def worked(self, connection: Connection) -> None:
        """Note that a request without a proof was accepted."""
        self._forgotten = 0
        session = self._sessions.get(connection)
        if session is not None:
            session.used = True

    def end(self, connection: Connection) -> None:
        """Note that a request without a proof was refused."""
        session = self._sessions.pop(connection, None)
        # A new connection is no sign of forgetfulness.
        if session and not session.used and session.serial == connection.serial:
            self._forgotten += 1
