"""Does not lock an account by trying a wrong password many times at once.

Several connections sign in at the same moment, and a domain locks an account after a
few failures. So until a password has been accepted, and again after it was refused, one
exchange goes ahead and the others wait for what becomes of it.
"""

from twisted.internet.defer import DeferredLock

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Authenticator, Connection, HttpRequest, HttpResponse

Refusal = HttpResponse | SignInRefused


class LockoutGuard:
    """Lets another authenticator do it; shared by all connections of an account."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._accepted = False
        self._refusal: Refusal | None = None
        self._refusals = 0
        self._first = DeferredLock()

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """What was refused while an exchange waited is refused to it, too."""
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
