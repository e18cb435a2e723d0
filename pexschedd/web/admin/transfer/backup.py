"""Backups of the whole state. Under `/api/admin/command/v1/state/`:

POST backup/    an archive of the state as it is now, while everything goes on
POST restore/   refused: the answer says how it is done
"""

from datetime import datetime
from typing import Protocol

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.crypto.passphrase import passphrase_problem
from pexschedd.errors import InvalidFields, PexscheddError
from pexschedd.management.admin_log import note
from pexschedd.management.resource import PREFIX
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.transfer.configuration import (
    Passphrase,
    body_of_is_there,
    require_password,
)
from pexschedd.web.admin.transfer.stream import StreamedAnswer
from pexschedd.web.attachment import attachment
from pexschedd.web.json_body import read_json
from pexschedd.web.routes import ResponseBody, correlation_id_of

STATE = f"{PREFIX}/command/v1/state/"
LONGEST = 4 * 3600.0
"""Seconds that a download may take: while it lasts, nothing is freed on the disk."""

_log = Logger(namespace="administrator.backup")


class ArchiveInMaking(Protocol):
    """An archive, made piece by piece."""

    async def next(self) -> bytes:
        """Return the next piece, empty at the end; raises OSError."""

    async def close(self) -> None:
        """Remove what it was made from."""


class Archives(Protocol):
    """Makes archives of the state."""

    async def begin(self, now: datetime, passphrase: str) -> ArchiveInMaking:
        """Return an archive of this moment; raises StoreError."""


class BackupRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request for an archive."""

    passphrase: Passphrase | None = None
    """Seals what opens secrets; without one it is not in the archive."""


class NotWhileRunning(PexscheddError):
    """A daemon's state cannot be replaced while it runs."""

    code = "not_while_running"


class BackupRoutes:
    """The routes of the module's docstring; one archive is made at a time."""

    def __init__(self, archives: Archives, clock: IReactorTime, now: Now) -> None:
        self._archives = archives
        self._clock = clock
        self._now = now
        self._lock = DeferredLock()

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(f"{STATE}backup/", post=self._back_up)
        api.add(f"{STATE}restore/", post=self._restore)

    @described(
        "Back the whole state up",
        "The archive is of this moment; everything goes on meanwhile. With a "
        "passphrase it takes a password, not a token.",
        answers={
            200: ApiAnswer(
                "The archive.",
                {"type": "string", "format": "binary"},
                "application/gzip",
                headers=("Content-Disposition",),
            )
        },
        body=RequestBody(BackupRequest, required=False),
    )
    async def _back_up(self, request: Request) -> ResponseBody:
        asked = BackupRequest()
        if body_of_is_there(request):
            asked = read_json(request, BackupRequest)
        if asked.passphrase is not None:
            require_password()
            problem = passphrase_problem(asked.passphrase)
            if problem:
                with invalid_fields_of("backup"):
                    raise InvalidFields({"passphrase": [problem]})
        await self._lock.acquire()
        try:
            await self._send(request, asked.passphrase or "")
        finally:
            self._lock.release()
        return b""

    async def _send(self, request: Request, passphrase: str) -> None:
        now = self._now()
        archive = await self._archives.begin(now, passphrase)
        name = attachment(f"pexschedd-{now:%Y%m%dT%H%M%SZ}.tar.gz").encode("ascii")
        request.responseHeaders.setRawHeaders(b"content-type", [b"application/gzip"])
        request.responseHeaders.setRawHeaders(b"content-disposition", [name])
        note("state backed up with_keys={with_keys}", with_keys=bool(passphrase))
        answer = StreamedAnswer(request)
        too_long = self._clock.callLater(LONGEST, answer.abort)
        try:
            while piece := await archive.next():
                await answer.write(piece)
        except OSError as error:
            _log.error(
                "backup failed reason={reason}",
                reason=f"{error}",
                correlation_id=correlation_id_of(request),
            )
            answer.abort()
        finally:
            if too_long.active():
                too_long.cancel()
            answer.end()
            await archive.close()

    @described(
        "Ask how a backup is restored",
        "Always refused: a running daemon's state is not replaced. The answer says how "
        "it is done.",
        answers={},
    )
    def _restore(self, request: Request) -> ResponseBody:
        raise NotWhileRunning(
            "The state of a running daemon is not replaced by a request: its accounts, "
            "its keys and everything that it has told Exchange would change under it. "
            "Stop it, move its state folder away, run pexschedd-store --config FILE "
            "restore ARCHIVE, and start it."
        )
