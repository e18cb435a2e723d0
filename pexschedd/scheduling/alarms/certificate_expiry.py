"""Alarms about certificates that expire, while there is time to renew them.

There are four kinds: those that we trust, those that Exchange servers present, our own
on `ssl:` endpoints, and those with which integrations sign in as an application. They
are checked once a day and when one of them changes.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.clock import Now
from pexschedd.crypto.certificates import Certificate, day, described, read_pem
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import (
    APPLICATION_CERTIFICATE_EXPIRES,
    CA_EXPIRES,
    CERTIFICATE_EXPIRES,
    OWN_CERTIFICATE_EXPIRES,
)
from pexschedd.store.store import Store
from pexschedd.util.periodic import Periodic, Running

EVERY = 24 * 60 * 60.0
"""Seconds between two checks."""

AHEAD = {
    CA_EXPIRES: timedelta(days=30),
    CERTIFICATE_EXPIRES: timedelta(days=14),
    OWN_CERTIFICATE_EXPIRES: timedelta(days=14),
    APPLICATION_CERTIFICATE_EXPIRES: timedelta(days=30),
}
"""The time before its end at which a certificate is reported, by alarm."""


class OwnCertificate(msgspec.Struct, frozen=True):
    """The certificate that an endpoint presents, which may be replaced."""

    endpoint: str
    serving: Callable[[], Certificate]


class ExpiringCertificate(msgspec.Struct, frozen=True):
    """A certificate that will expire."""

    alarm: str
    """The name of the alarm that is raised before it does."""
    instance: str
    """The subject of that alarm."""
    until: datetime
    what: str
    """The certificate, as the subject of a sentence."""
    remedy: str

    def is_due(self, now: datetime) -> bool:
        """Return whether it is time to renew it."""
        return self.until - now <= AHEAD[self.alarm]


class CertificateExpiry(MultiService):
    """Checks all certificates, and raises and lowers the alarms about them.

    `given` returns the certificates of the configuration file's `ca_file`; `own` are
    those of our endpoints.
    """

    name = "certificates"

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        *,
        given: Callable[[], Sequence[Certificate]] = tuple,
        own: Sequence[OwnCertificate] = (),
        clock: IReactorTime,
        now: Now,
    ) -> None:
        super().__init__()
        self._store = store
        self._alarms = alarms
        self._given = given
        self._own = own
        self._clock = clock
        self._now = now
        self._presented: dict[str, Certificate] = {}
        self._soon: IDelayedCall | None = None
        store.subscribe(tables.CA_CERTIFICATE, self._changed)
        store.subscribe(tables.CONNECTOR, self._changed)
        store.subscribe(tables.EXCHANGE_DOMAIN, self._changed)
        Periodic(
            "certificates", self._round, clock, EVERY, at_start=True
        ).setServiceParent(self)

    def stopService(self) -> Deferred[Any]:
        """Cancel the check that is due, and end the daily ones."""
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        stopped: Deferred[Any] = super().stopService()
        return stopped

    def seen(self, host: str, certificate: x509.Certificate) -> None:
        """Note the certificate that a verified server presents: see `Trust.watch`."""
        try:
            presented = described(certificate)
        except ValueError:
            return
        if self._presented.get(host) != presented:
            self._presented[host] = presented
            self.check_soon()

    def certificates(self) -> list[ExpiringCertificate]:
        """Return all that are known, those that were never seen not among them."""
        return list(self._certificates(set(self._hosts())))

    def _changed(self, _old: object, _new: object) -> None:
        self.check_soon()

    def check_soon(self) -> None:
        """Check in the reactor's next turn: OpenSSL or the store may be in the middle
        of something now."""
        waiting = self._soon is not None and self._soon.active()
        if self.running and not waiting:
            self._soon = self._clock.callLater(0, self._check)

    async def _round(self, _running: Running) -> None:
        self._check()

    def _check(self) -> None:
        now = self._now()
        hosts = set(self._hosts())
        wanted = set()
        for each in self._certificates(hosts):
            if not each.is_due(now):
                continue
            ends = "expires" if each.until > now else "expired"
            self._alarms.raise_(
                each.alarm,
                each.instance,
                f"{each.what} {ends} on {day(each.until)}. {each.remedy}",
            )
            wanted.add((each.alarm, each.instance))
        for alarm in list(self._store.all(tables.ALARM)):
            # A server that was not talked to since the start is no reason to lower it.
            unknown = (
                alarm.name == CERTIFICATE_EXPIRES
                and alarm.instance in hosts
                and alarm.instance not in self._presented
            )
            stays = unknown or (alarm.name, alarm.instance) in wanted
            if alarm.name in AHEAD and not stays:
                self._alarms.lower(alarm.instance, alarm.name)

    def _certificates(self, hosts: set[str]) -> Iterator[ExpiringCertificate]:
        yield from self._trusted()
        for host in sorted(hosts & self._presented.keys()):
            presented = self._presented[host]
            yield ExpiringCertificate(
                CERTIFICATE_EXPIRES,
                host,
                presented.not_after,
                f"The certificate that {host} presents",
                "Renew it on that server: an expired one is not trusted.",
            )
        for own in self._own:
            yield _own_certificate(own)
        for connector in self._store.all(tables.CONNECTOR):
            if _signs_in_with_certificate(connector):
                yield from _application_certificate(connector)

    def _trusted(self) -> Iterator[ExpiringCertificate]:
        """Yield the trusted certificates; of several with the same subject only the one
        that lasts longest, since it renews the others."""
        ends: dict[str, datetime] = {}
        for each in self._given():
            name = each.subject or each.fingerprint
            ends[name] = max(each.not_after, ends.get(name, each.not_after))
        for record in self._store.all(tables.CA_CERTIFICATE):
            name = record.subject or record.fingerprint
            ends[name] = max(record.end_date, ends.get(name, record.end_date))
        for name, until in ends.items():
            yield ExpiringCertificate(
                CA_EXPIRES,
                name,
                until,
                f'The trusted certificate "{name}"',
                "Upload its successor as a ca_certificate, and delete this one when "
                "no server needs it any more.",
            )

    def _hosts(self) -> Iterator[str]:
        for connector in self._store.all(tables.CONNECTOR):
            yield _host(connector.mailbox_server)
        for domain in self._store.all(tables.EXCHANGE_DOMAIN):
            yield _host(domain.domain)


def _own_certificate(own: OwnCertificate) -> ExpiringCertificate:
    return ExpiringCertificate(
        OWN_CERTIFICATE_EXPIRES,
        own.endpoint,
        own.serving().not_after,
        f"The certificate that {own.endpoint} presents",
        "Renew its file, which is read again by itself: Outlook does not load the "
        "add-in from a server with an expired one.",
    )


def _signs_in_with_certificate(connector: Connector) -> bool:
    return (
        connector.sign_in_method == "APP_PERM"
        and not connector.oauth_client_secret  # it goes before a certificate
        and bool(connector.public_key)
    )


def _application_certificate(connector: Connector) -> Iterator[ExpiringCertificate]:
    try:
        (certificate,) = read_pem(connector.public_key)
    except ValueError:  # signing in with it fails, and reports what is wrong with it
        return
    yield ExpiringCertificate(
        APPLICATION_CERTIFICATE_EXPIRES,
        connector.name,
        described(certificate).not_after,
        f'The certificate with which the integration "{connector.name}" signs in',
        "Make its successor with the command make_certificate and upload that to the "
        "app registration at once: until then the integration cannot sign in.",
    )


def _host(address: str) -> str:
    """Return the host of a URL, or of a name with or without a port."""
    try:
        split = urlsplit(address if "://" in address else f"//{address}")
        return (split.hostname or "").encode("idna").decode("ascii")
    except ValueError:
        return ""
