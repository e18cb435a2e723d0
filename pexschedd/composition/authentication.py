"""From an integration's record to the authentication of its service account."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pexschedd.clock import Now
from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Authenticator, Connection, HttpRequest, HttpResponse
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.auth.bearer import BearerAuthenticator, TokenSource
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
from pexschedd.model.integration.connector import Connector


class NoTokenSource:
    """Stands in for a token source where OAuth is not set up."""

    async def token(self) -> str:
        """Raise `SignInRefused`."""
        raise SignInRefused("Signing in to Exchange with OAuth is not set up here.")

    def rejected(self, token: str) -> None:
        """Do nothing: there was no token."""


def no_token_source(_connector: Connector) -> TokenSource:
    """The token source of any integration where OAuth is not set up."""
    return NoTokenSource()


class RefusingAuthenticator:
    """Refuses every request with what is wrong with the settings."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Raise `SignInRefused`."""
        raise SignInRefused(self._reason)


class KerberosSupport:
    """Kerberos for all integrations: one folder, threads and the time.

    `connectors` gives all integrations, and `authorities` the certificates (PEM) that
    KDC proxies may be verified with, at any time.
    """

    def __init__(
        self,
        state_dir: Path,
        connectors: Callable[[], Iterable[Connector]],
        *,
        authorities: Callable[[], bytes],
        in_thread: InThread,
        now: Now,
    ) -> None:
        self._connectors = connectors
        self._in_thread = in_thread
        self._now = now
        self._folder = KerberosFolder(state_dir, self._realms, authorities)

    def authenticator(self, connector: Connector, password: str) -> Authenticator:
        """An authenticator for an integration's account.

        Raises ValueError saying what is wrong with the settings.
        """
        realm = self._realm(connector)
        url = urlsplit(connector.url)
        account = KerberosAccount(
            integration=connector.id,
            username=connector.username,
            names=tuple(clients(connector.username, realm.name)),
            password=password,
            service=service_of(connector.kerberos_exchange_spn, url.hostname or ""),
            realm=realm,
            every_request=connector.kerberos_auth_every_request,
            tls=url.scheme == "https",
        )
        return KerberosAuthenticator(
            account, self._folder, in_thread=self._in_thread, now=self._now
        )

    def _realms(self) -> Iterator[KerberosRealm]:
        """The realms of all integrations whose settings are valid."""
        for connector in self._connectors():
            if connector.authentication_method == "KERBEROS":
                try:
                    yield self._realm(connector)
                except ValueError:
                    continue

    def _realm(self, connector: Connector) -> KerberosRealm:
        proxy = proxy_url(
            connector.kerberos_kdc_https_proxy, tls=connector.kerberos_enable_tls
        )
        own_ca = bool(proxy) and connector.kerberos_verify_tls_using_custom_ca
        host = urlsplit(connector.url).hostname or ""
        return KerberosRealm(
            realm_of(connector.kerberos_realm),
            kdc=connector.kerberos_kdc.strip(),
            proxy=proxy,
            anchors=str(self._folder.authorities) if own_ca else "",
            service=service_of(connector.kerberos_exchange_spn, host),
        )


class AuthenticatorFactory:
    """Chooses an integration's authenticator by its `authentication_method`.

    `tokens` gives the token source of an integration.
    """

    def __init__(
        self,
        *,
        tokens: Callable[[Connector], TokenSource] = no_token_source,
        kerberos: KerberosSupport | None = None,
    ) -> None:
        self._tokens = tokens
        self._kerberos = kerberos

    def authenticator(self, connector: Connector, password: str) -> Authenticator:
        """An authenticator for all connections of a transport.

        If the settings are wrong, it raises `SignInRefused` when it is used.
        """
        try:
            return self._choose(connector, password)
        except ValueError as error:
            return RefusingAuthenticator(
                f"The account {connector.username} cannot sign in: {error}."
            )

    def _choose(self, connector: Connector, password: str) -> Authenticator:
        chosen: Authenticator
        match connector.authentication_method:
            case "OAUTH" | "APP_PERM":
                return BearerAuthenticator(self._tokens(connector))
            case "KERBEROS" if self._kerberos is not None:
                chosen = self._kerberos.authenticator(connector, password)
            case "KERBEROS":
                raise ValueError("Kerberos is not set up here")
            case "NTLM":
                host = urlsplit(connector.url).hostname or ""
                chosen = NtlmAuthenticator(connector.username, password, host)
            case _:
                chosen = BasicAuthenticator(connector.username, password)
        return LockoutGuard(chosen)
