"""Fetches and keeps what identity providers publish: their names and signing keys.

The addresses follow from the integration's settings, never from a token. As with
Exchange's metadata, a document is fetched when it is needed first, again after a day,
and again, at most once a minute, when a token names a key that it does not contain.
While the provider cannot be reached, what was read last remains valid.
"""

from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http_headers import Headers

from pexschedd.identity.openid.documents import (
    ProviderKeys,
    configuration_in,
    federation_in,
    keys_in,
)
from pexschedd.identity.openid.faults import DocumentsUnreachable, TokenRefused
from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, clause, too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.util.body_reader import discard_body, read_body
from pexschedd.util.single_flight import SingleFlight

REFRESH_AFTER = 24 * 60 * 60.0
RETRY_UNKNOWN_KEY = 60.0
RETRY_FAILED = 5.0
"""Seconds, as in `exchange_metadata`."""

TIMEOUT = 10.0
"""Seconds for a whole document."""

MAX_DOCUMENT = 512 * 1024
"""Bytes. Federation metadata of AD FS has up to a hundred thousand."""

MOST_PROVIDERS = 200
"""Providers that are remembered; settings change, and old ones are not used again."""

ClientOf = Callable[[bool], HTTPClient]
"""Gives a client that verifies TLS and follows no redirects (see `net.http_client`);
called with true, one that bypasses the web proxy."""


class Publisher(Protocol):
    """A provider of which the documents are wanted."""

    @property
    def label(self) -> str:
        """Its name for people."""

    @property
    def metadata_url(self) -> str:
        """The address of its OpenID configuration."""

    @property
    def federation_url(self) -> str:
        """The address of its federation metadata, for one without the former; or
        empty."""

    @property
    def direct(self) -> bool:
        """True to bypass the web proxy."""


class NotThere(Exception):
    """A document's server answers, but has no such document."""


class ProviderDocuments:
    """Provides names and keys by the settings of an integration."""

    def __init__(self, client_of: ClientOf, clock: IReactorTime) -> None:
        self._clients = {direct: client_of(direct) for direct in (False, True)}
        self._clock = clock
        self._published: dict[tuple[str, str, bool], _Published] = {}

    async def of(self, provider: Publisher) -> ProviderKeys:
        """Return what the provider publishes; raises `DocumentsUnreachable`."""
        return await self._of(provider).known()

    def known(self, provider: Publisher) -> ProviderKeys | None:
        """Return what was read last, without any fetch; None if nothing was."""
        return self._of(provider).latest

    async def refresh(self, provider: Publisher) -> None:
        """Fetch the documents now.

        Raises `DocumentsUnreachable` if that fails, also if what was read before
        remains valid.
        """
        await self._of(provider).refresh()

    async def key(self, provider: Publisher, name: str) -> RSAPublicKey:
        """Return the key of that name.

        Raises `TokenRefused` if the provider has no such key, `DocumentsUnreachable`
        if that cannot be found out now.
        """
        return await self._of(provider).key(name)

    def _of(self, provider: Publisher) -> "_Published":
        place = provider.metadata_url, provider.federation_url, provider.direct
        found = self._published.get(place)
        if found is None:
            if len(self._published) >= MOST_PROVIDERS:
                self._published.pop(next(iter(self._published)))
            found = _Published(provider, self._clients[provider.direct], self._clock)
            self._published[place] = found
        return found


class _Published:
    """The names and keys of one provider, as they were read last."""

    _log = Logger()

    def __init__(
        self, provider: Publisher, client: HTTPClient, clock: IReactorTime
    ) -> None:
        self._provider = provider
        self._client = client
        self._clock = clock
        self._known: ProviderKeys | None = None
        self._read_at = 0.0
        self._tried_at: float | None = None
        self._problem = ""
        self._untrusted = False
        self._fetches: SingleFlight[None] = SingleFlight()

    @property
    def latest(self) -> ProviderKeys | None:
        return self._known

    async def refresh(self) -> None:
        await self._fetches.run(self._fetch)
        if self._problem:
            raise self._unreachable()

    async def known(self) -> ProviderKeys:
        known = self._known
        if known is not None:
            if self._since(self._read_at) >= REFRESH_AFTER and self._may_try():
                self._fetches.run(self._fetch)
            return known
        if self._fetches.is_under_way or self._may_try():
            await self._fetches.run(self._fetch)
        if self._known is None:
            raise self._unreachable()
        return self._known

    async def key(self, name: str) -> RSAPublicKey:
        found = (await self.known()).keys.get(name)
        if found is None and (self._fetches.is_under_way or self._may_try()):
            await self._fetches.run(self._fetch)
            found = self._known.keys.get(name) if self._known is not None else None
        if found is not None:
            return found
        if self._problem:
            raise self._unreachable()
        raise TokenRefused(
            f"The token is signed with a key that {self._provider.label} does not "
            f"publish at {self._provider.metadata_url}."
        )

    def _unreachable(self) -> DocumentsUnreachable:
        return DocumentsUnreachable(self._problem, about_trust=self._untrusted)

    def _since(self, moment: float) -> float:
        return self._clock.seconds() - moment

    def _may_try(self) -> bool:
        if self._fetches.is_under_way:
            return False
        if self._tried_at is None:
            return True
        pause = RETRY_UNKNOWN_KEY if self._known is not None else RETRY_FAILED
        return self._since(self._tried_at) >= pause

    async def _fetch(self) -> None:
        """Read the documents; if that fails, keep what was read before."""
        self._tried_at = self._clock.seconds()
        url = self._provider.metadata_url
        try:
            self._known = await self._documents()
        except Exception as error:  # noqa: BLE001 - all are reasons
            reason, self._untrusted = _reason(error)
            self._problem = (
                f"The keys of {self._provider.label} cannot be read from {url}: "
                f"{reason}."
            )
            self._log.warn(
                "identity provider documents fetch failed url={url} problem={problem}",
                url=url,
                problem=self._problem,
            )
            return
        self._read_at = self._clock.seconds()
        self._problem = ""
        self._untrusted = False

    async def _documents(self) -> ProviderKeys:
        url = self._provider.metadata_url
        try:
            document = await self._get(url)
        except NotThere:
            if not self._provider.federation_url:
                raise
            return federation_in(await self._get(self._provider.federation_url))
        found = configuration_in(document, url)
        keys = keys_in(await self._get(found.keys_url))
        return ProviderKeys(found.issuers, keys, found.answers_as, found.says_issuer)

    async def _get(self, url: str) -> bytes:
        reading = Deferred.fromCoroutine(_body(self._client, url))
        reading.addTimeout(TIMEOUT, self._clock, raise_timeout)
        return await reading


async def _body(client: HTTPClient, url: str) -> bytes:
    headers = Headers({"user-agent": ["pexschedd"]})
    response = await client.get(PreparedUrl.from_text(url), headers=headers)
    if response.code != 200:
        discard_body(response)
        said = f"it answered with HTTP status {response.code}"
        if 300 <= response.code < 400:
            said += ", and no redirection is followed"
        # Windows answers 503 for a path that no service has registered.
        raise (NotThere if response.code in (404, 503) else ValueError)(said)
    return await read_body(response, MAX_DOCUMENT, too_large)


def _reason(error: Exception) -> tuple[str, bool]:
    """The problem in one line, and True if it is about trust in the server."""
    if isinstance(error, ValueError | NotThere):  # about the document, or the URL
        return (str(error).splitlines() or [type(error).__name__])[0][:300], False
    failure = as_connection_failure(error)
    if not isinstance(failure, ConnectionFailure):
        raise failure
    return clause(failure)[:300], failure.kind in ABOUT_TRUST
