"""Which connections are signed in.

With NTLM and Kerberos a server may remember who a connection belongs to, so that only
the first request on it has to prove anything. Some servers (IIS with
AuthPersistSingleRequest) and some balancers forget at once; where that shows, every
request begins with a proof, and none is sent for nothing.
"""

from weakref import WeakKeyDictionary

import msgspec

from pexschedd.ews.auth import Connection, HttpResponse

ASKS_NOBODY = frozenset((200, 400, 411, 500))
"""What a server that wants no proof at all says to an empty request."""

FORGETFUL_AFTER = 2
"""So many sessions in a row that ended before their first further request."""


class _Session(msgspec.Struct):
    serial: int
    used: bool = False


class AuthenticatedConnections:
    """Of all connections that share an authenticator."""

    def __init__(self, *, none: bool = False) -> None:
        """`none`: every request proves itself, whatever the server remembers."""
        self._sessions: WeakKeyDictionary[Connection, _Session] = WeakKeyDictionary()
        self._none = none
        self._forgotten = 0

    def begin(self, connection: Connection, response: HttpResponse) -> None:
        """The proof was accepted; `response` came with it."""
        # Says IIS, about the connection.
        if response.headers.get("persistent-auth", "").strip().lower() == "false":
            self._sessions.pop(connection, None)
        else:
            self._sessions[connection] = _Session(connection.serial)

    def holds(self, connection: Connection) -> bool:
        """Whether to try a request without a proof."""
        session = self._sessions.get(connection)
        return (
            not self._none
            and self._forgotten < FORGETFUL_AFTER
            and session is not None
            and session.serial == connection.serial
        )

    def worked(self, connection: Connection) -> None:
        """A request without a proof was answered."""
        self._forgotten = 0
        session = self._sessions.get(connection)
        if session is not None:
            session.used = True

    def end(self, connection: Connection) -> None:
        """A request without a proof was refused."""
        session = self._sessions.pop(connection, None)
        # A new connection is no sign of forgetfulness.
        if session and not session.used and session.serial == connection.serial:
            self._forgotten += 1
