"""Sessions: what the add-in's pane holds after a user has signed in. Pure.

They are kept in memory, by the digest of their secret. After a restart, or when a
session has ended, the pane asks for another sign-in; so it loses nothing but a click.
Time is given in seconds of any steady clock.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from pexschedd.identity.personal.secret_digest import digest_of

LIFETIME = 3600.0
"""Seconds from the sign-in; using a session does not prolong it."""

MOST_SESSIONS = 50_000
MOST_PER_USER = 20
"""Sessions of one user in one integration; the oldest of more is ended."""


class _Session(msgspec.Struct, frozen=True):
    integration: int
    user: int
    ends: float


class Sessions:
    """The sessions of all integrations.

    `seconds` is a steady clock; `random(n)` returns n random bytes as text.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        random: Callable[[int], str],
        most: int = MOST_SESSIONS,
    ) -> None:
        self._seconds = seconds
        self._random = random
        self._most = most
        # Both in the order in which the sessions end.
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._of_user: dict[tuple[int, int], list[bytes]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, integration: int, user: int) -> str:
        """Begin a session of a user (`EndUser.id`) and return its secret."""
        self._forget_ended()
        secret = self._random(32)
        digest = digest_of(secret)
        own = self._of_user.setdefault((integration, user), [])
        if len(own) >= MOST_PER_USER:
            self._forget(own[0])
        if len(self._sessions) >= self._most:
            self._forget(next(iter(self._sessions)))
        self._sessions[digest] = _Session(integration, user, self._seconds() + LIFETIME)
        self._of_user.setdefault((integration, user), []).append(digest)
        return secret

    def user_of(self, integration: int, secret: str) -> int | None:
        """Return the id of the user who holds a session of the integration, or None.

        A session of another integration is none: users sign in elsewhere there.
        """
        found = self._sessions.get(digest_of(secret))
        if found is None or found.integration != integration:
            return None
        return found.user if self._seconds() < found.ends else None

    def close(self, integration: int, secret: str) -> None:
        """End a session of the integration, if there is one with this secret."""
        digest = digest_of(secret)
        found = self._sessions.get(digest)
        if found is not None and found.integration == integration:
            self._forget(digest)

    def _forget_ended(self) -> None:
        now = self._seconds()
        while self._sessions:
            digest, oldest = next(iter(self._sessions.items()))
            if now < oldest.ends:
                return
            self._forget(digest)

    def _forget(self, digest: bytes) -> None:
        session = self._sessions.pop(digest)
        key = session.integration, session.user
        self._of_user[key].remove(digest)
        if not self._of_user[key]:
            del self._of_user[key]
