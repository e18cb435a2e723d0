"""Protection of an account from being locked by our own attempts.

Several connections may sign in at the same moment, and a domain locks an account after
a few failures. So until a password has been accepted, and again after it was refused,
one request is tried and the others wait for its result.
"""

from twisted.internet.defer import DeferredLock

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Authenticator, Connection, HttpRequest, HttpResponse

Refusal = HttpResponse | SignInRefused


class LockoutGuard:
    """Sends by another authenticator; shared by all connections of an account."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._accepted = False
        self._refusal: Refusal | None = None
        self._refusals = 0
        self._first = DeferredLock()

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Send a request; a refusal while it waited for its turn counts for it, too."""
        if self._accepted:
            return await self._try(request, connection)
        before = self._refusals
        await self._first.acquire()
        try:
            if not self._accepted:
                if self._refusals != before:
                    return self._refused()
                return await self._try(request, connection)
        finally:
            self._first.release()
        return await self._try(request, connection)

    async def _try(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        try:
            response = await self._authenticator.send(request, connection)
        except SignInRefused as refusal:
            self._note(refusal)
            raise
        if response.status == 401:
            self._note(response)
        else:
            self._accepted = True
        return response

    def _note(self, refusal: Refusal) -> None:
        self._accepted = False
        self._refusal = refusal
        self._refusals += 1

    def _refused(self) -> HttpResponse:
        if isinstance(self._refusal, HttpResponse):
            return self._refusal
        assert self._refusal is not None  # noqa: S101 - there was one, by the number
        raise type(self._refusal)(self._refusal.message)
