"""From the settings of a service account to its authentication."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pexschedd.clock import Now
from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Authenticator, Connection, HttpRequest, HttpResponse
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.auth.bearer import BearerAuthenticator
from pexschedd.ews.auth.kerberos import (
    InThread,
    KerberosAccount,
    KerberosAuthenticator,
)
from pexschedd.ews.auth.kerberos_config import KerberosRealm, proxy_url
from pexschedd.ews.auth.kerberos_folder import KerberosFolder
from pexschedd.ews.auth.kerberos_names import clients, realm_of, service_of
from pexschedd.ews.auth.lockout_guard import LockoutGuard
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.exchange.token_source import TokenSource


class SignInSettings(Protocol):
    """The settings of a service account: an integration's record has them."""

    @property
    def id(self) -> int | str:
        """The name of the account's files: the integration's id."""

    @property
    def url(self) -> str:
        """The EWS URL."""

    @property
    def username(self) -> str:
        """The account's user name."""

    @property
    def authentication_method(self) -> str:
        """BASIC, NTLM, KERBEROS, OAUTH or APP_PERM."""

    @property
    def kerberos_realm(self) -> str:
        """The account's realm."""

    @property
    def kerberos_kdc(self) -> str:
        """The realm's KDC; empty: DNS tells."""

    @property
    def kerberos_kdc_https_proxy(self) -> str:
        """The KDC proxy; empty if there is none."""

    @property
    def kerberos_exchange_spn(self) -> str:
        """The service principal of Exchange; empty: made of the URL."""

    @property
    def kerberos_auth_every_request(self) -> bool:
        """True if each request is signed in."""

    @property
    def kerberos_enable_tls(self) -> bool:
        """True if the KDC proxy is reached over TLS."""

    @property
    def kerberos_verify_tls_using_custom_ca(self) -> bool:
        """True if the KDC proxy's certificate is checked with our authorities."""


class NoTokenSource:
    """Stands in for a token source where OAuth is not set up."""

    async def token(self) -> str:
        """Raise `SignInRefused`."""
        raise SignInRefused("Signing in to Exchange with OAuth is not set up here.")

    def rejected(self, token: str) -> None:
        """Do nothing: there was no token."""

    def challenged(self, token: str, claims: str) -> None:
        """Do nothing: there was no token."""


def no_token_source(_settings: object) -> NoTokenSource:
    """The token source of any account where OAuth is not set up."""
    return NoTokenSource()


class RefusingAuthenticator:
    """Refuses every request with what is wrong with the settings."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Raise `SignInRefused`."""
        raise SignInRefused(self._reason)


class KerberosSupport:
    """Kerberos for all accounts: one folder, threads and the time.

    `accounts` gives those of all integrations and deployments, and `authorities` the
    certificates (PEM) that KDC proxies may be verified with, at any time.
    """

    def __init__(
        self,
        state_dir: Path,
        accounts: Callable[[], Iterable[SignInSettings]],
        *,
        authorities: Callable[[], bytes],
        in_thread: InThread,
        now: Now,
    ) -> None:
        self._accounts = accounts
        self._in_thread = in_thread
        self._now = now
        self._folder = KerberosFolder(state_dir, self._realms, authorities)

    def authenticator(self, settings: SignInSettings, password: str) -> Authenticator:
        """An authenticator for an account.

        Raises ValueError saying what is wrong with the settings.
        """
        realm = self._realm(settings)
        url = urlsplit(settings.url)
        account = KerberosAccount(
            integration=settings.id,
            username=settings.username,
            names=tuple(clients(settings.username, realm.name)),
            password=password,
            service=service_of(settings.kerberos_exchange_spn, url.hostname or ""),
            realm=realm,
            every_request=settings.kerberos_auth_every_request,
            tls=url.scheme == "https",
        )
        return KerberosAuthenticator(
            account, self._folder, in_thread=self._in_thread, now=self._now
        )

    def _realms(self) -> Iterator[KerberosRealm]:
        """The realms of all accounts whose settings are valid."""
        for settings in self._accounts():
            if settings.authentication_method == "KERBEROS":
                try:
                    yield self._realm(settings)
                except ValueError:
                    continue

    def _realm(self, settings: SignInSettings) -> KerberosRealm:
        proxy = proxy_url(
            settings.kerberos_kdc_https_proxy, tls=settings.kerberos_enable_tls
        )
        own_ca = bool(proxy) and settings.kerberos_verify_tls_using_custom_ca
        host = urlsplit(settings.url).hostname or ""
        return KerberosRealm(
            realm_of(settings.kerberos_realm),
            kdc=settings.kerberos_kdc.strip(),
            proxy=proxy,
            anchors=str(self._folder.authorities) if own_ca else "",
            service=service_of(settings.kerberos_exchange_spn, host),
        )


class AuthenticatorFactory:
    """Chooses an account's authenticator by its `authentication_method`.

    `tokens` gives the token source of an account: of the settings that `authenticator`
    is given.
    """

    def __init__(
        self,
        *,
        tokens: Callable[[Any], TokenSource] = no_token_source,
        kerberos: KerberosSupport | None = None,
    ) -> None:
        self._tokens = tokens
        self._kerberos = kerberos

    def authenticator(self, settings: SignInSettings, password: str) -> Authenticator:
        """An authenticator for all connections of a transport.

        If the settings are wrong, it raises `SignInRefused` when it is used.
        """
        try:
            return self._choose(settings, password)
        except ValueError as error:
            return RefusingAuthenticator(
                f"The account {settings.username} cannot sign in: {error}."
            )

    def _choose(self, settings: SignInSettings, password: str) -> Authenticator:
        chosen: Authenticator
        match settings.authentication_method:
            case "OAUTH" | "APP_PERM":
                return BearerAuthenticator(self._tokens(settings))
            case "KERBEROS" if self._kerberos is not None:
                chosen = self._kerberos.authenticator(settings, password)
            case "KERBEROS":
                raise ValueError("Kerberos is not set up here")
            case "NTLM":
                host = urlsplit(settings.url).hostname or ""
                chosen = NtlmAuthenticator(settings.username, password, host)
            case _:
                chosen = BasicAuthenticator(settings.username, password)
        return LockoutGuard(chosen)
