"""The renewal of the certificates that our own endpoints present, without a restart."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.model import tables
from pexschedd.net.server_tls import ServedCertificate
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import OWN_CERTIFICATE_UNUSABLE
from pexschedd.store.store import Store
from pexschedd.util.access import permission_text
from pexschedd.util.periodic import Periodic, Running

EVERY = 10.0
"""Seconds between two looks at the files."""


class CertificateRenewal(Periodic):
    """Reads the files of endpoints' certificates again when they have changed.

    `served` has the certificates by the endpoint's name; `renewed` is called when one
    was replaced. Files that change are read when they have stayed the same from one
    look to the next: a key and its certificate are replaced one after the other. What
    cannot be used is reported, by an alarm too, and the last certificate that could is
    presented still. Connections that are open go on as they are.
    """

    _log = Logger()

    def __init__(
        self,
        served: Mapping[str, ServedCertificate],
        store: Store,
        alarms: Alarms,
        clock: IReactorTime,
        renewed: Callable[[], object],
    ) -> None:
        super().__init__("certificate files", self._look, clock, EVERY)
        self._served = served
        self._store = store
        self._alarms = alarms
        self._renewed = renewed
        self._last: dict[str, object] = {}
        """The versions of the files at the last look."""
        self._tried: dict[str, object] = {}
        """The versions that could not be used."""

    def startService(self) -> None:
        """Begin to look, and lower the alarms of the last run: all can be used now."""
        for alarm in list(self._store.all(tables.ALARM)):
            if alarm.name == OWN_CERTIFICATE_UNUSABLE:
                self._alarms.lower(alarm.instance, alarm.name)
        super().startService()

    def reload(self) -> list[str]:
        """Read all files again now; return the names of the endpoints that keep their
        old certificate because of an error."""
        return [name for name in self._served if not self._reload(name)]

    async def _look(self, _running: Running) -> None:
        for name, served in self._served.items():
            versions = served.versions()
            has_changed = versions not in (served.read, self._tried.get(name))
            if has_changed and versions == self._last.get(name):
                self._reload(name)
            self._last[name] = versions

    def _reload(self, name: str) -> bool:
        served = self._served[name]
        versions = served.versions()
        try:
            is_new = served.reload()
        except Exception as error:  # noqa: BLE001 - OpenSSL and Twisted have their own
            self._tried[name] = versions
            self._keep_old(name, served, in_words(error))
            return False
        self._tried.pop(name, None)
        self._alarms.lower(name, OWN_CERTIFICATE_UNUSABLE)
        if is_new:
            shown = served.certificate
            self._log.info(
                "certificate renewed endpoint={endpoint} subject={subject} "
                "serial={serial} until={until}",
                endpoint=name,
                subject=shown.subject,
                serial=shown.serial_no,
                until=shown.not_after.date().isoformat(),
            )
            self._renewed()
        return True

    def _keep_old(self, name: str, served: ServedCertificate, problem: str) -> None:
        files = ", ".join(map(str, served.files))
        until = served.certificate.not_after.date().isoformat()
        self._log.error(
            "certificate not renewed endpoint={endpoint} files={files} kept_until="
            "{until} reason={reason}",
            endpoint=name,
            files=files,
            until=until,
            reason=problem,
        )
        self._alarms.raise_(
            OWN_CERTIFICATE_UNUSABLE,
            name,
            f"The certificate of {name} was not renewed: {problem}. Put right {files}; "
            "they are read again when they change. Until then the one before is "
            f"presented, which is valid until {until}.",
        )


def in_words(error: Exception) -> str:
    """Describe what is wrong with an endpoint; OpenSSL gives a list of triples with the
    reasons, and Twisted a bare `LookupError` for a missing socket of systemd's."""
    if isinstance(error, PermissionError) and error.filename is not None:
        path = Path(os.fsdecode(error.filename))
        return f"{path}: {permission_text(path)}"
    if isinstance(error, LookupError):
        return "systemd has not passed such a socket to this process"
    if isinstance(error, VerifyError):
        return "the private key does not belong to the certificate"
    details = error.args[0] if error.args else None
    if not isinstance(details, list):
        return str(error)
    reasons = ", ".join(str(each[-1]) for each in details) or type(error).__name__
    return f"the key or the certificate cannot be read as PEM ({reasons})"
