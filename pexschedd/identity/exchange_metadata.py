"""Exchange's metadata documents, which contain the keys that it signs tokens with.

There is one document for each configured address. It is fetched when it is needed
first, again after a day, and again when a token names a key that it does not contain,
because Exchange may have changed its keys. The latter happens at most once a minute,
since anybody can send tokens with invented names of keys. Only one fetch for an address
is under way at a time. While Exchange cannot be reached, the document that was read
last remains valid, and the daily refresh delays no request.
"""

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from pexschedd.errors import InvalidToken, Unavailable, Untrusted
from pexschedd.identity.exchange_token import Keys, read_keys
from pexschedd.net.errors import (
    ABOUT_TRUST,
    ConnectionFailure,
    clause,
    too_large,
)
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.util.body_reader import discard_body, read_body
from pexschedd.util.single_flight import SingleFlight

REFRESH_AFTER = 24 * 60 * 60.0
"""Seconds until a document is fetched again."""

RETRY_UNKNOWN_KEY = 60.0
"""Seconds between fetches because of unknown keys, at least."""

RETRY_FAILED = 5.0
"""Seconds until a first fetch that failed is repeated; requests fail at once before."""

TIMEOUT = 10.0
"""Seconds for a whole fetch, from the connection to the end of the document."""

MAX_DOCUMENT = 256 * 1024
"""Bytes. Exchange's documents have about five thousand."""


class ExchangeMetadata:
    """Provides signing keys by the address of their document.

    `client` verifies TLS and follows no redirects: see `net.http_client`.
    """

    def __init__(self, client: HTTPClient, clock: IReactorTime) -> None:
        self._client = client
        self._clock = clock
        self._documents: dict[str, _Document] = {}

    async def keys(self, url: str, x5t: str) -> Keys:
        """Return the keys in the document at `url`, among them the one named `x5t`.

        `url` must be a configured one, never one from a token. Raises `InvalidToken` if
        the document does not contain the key, `Unavailable` if it cannot be read.
        """
        return await self._document(url).keys_with(x5t)

    def known(self, url: str) -> Keys:
        """Return the keys that were read last, without any fetch; maybe none."""
        return self._document(url).latest

    async def refresh(self, url: str) -> None:
        """Fetch the document now.

        Raises `Unavailable` if that fails, or `Untrusted` if it fails because the
        server's certificate is not trusted.
        """
        await self._document(url).refresh()

    def _document(self, url: str) -> "_Document":
        document = self._documents.get(url)
        if document is None:
            document = self._documents[url] = _Document(url, self._client, self._clock)
        return document


class _Document:
    """The document at one address: its keys when it was read last."""

    _log = Logger()

    def __init__(self, url: str, client: HTTPClient, clock: IReactorTime) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: Keys = {}
        self._read_at = 0.0
        self._tried_at: float | None = None
        self._problem = ""
        self._untrusted = False
        self._fetches: SingleFlight[None] = SingleFlight()

    @property
    def latest(self) -> Keys:
        return self._keys

    async def keys_with(self, x5t: str) -> Keys:
        if x5t in self._keys:
            if self._since(self._read_at) >= REFRESH_AFTER and self._may_try():
                self._fetched()
            return self._keys
        if self._fetches.is_under_way or self._may_try():
            await self._fetched()
        if x5t in self._keys:
            return self._keys
        if self._problem:
            raise Unavailable(self._message())
        raise InvalidToken(
            f"The token is signed with a key that {self._url} does not list. If "
            "several Exchange servers sign with keys of their own, an administrator "
            "has to add the FQDN of each under Exchange Metadata Domains and URLs."
        )

    async def refresh(self) -> None:
        await self._fetched()
        if self._problem:
            kind = Untrusted if self._untrusted else Unavailable
            raise kind(self._message())

    def _message(self) -> str:
        remedy = (
            "has to upload the certificate of its authority as a ca_certificate, or "
            "to give that server a certificate that is valid for this address."
            if self._untrusted
            else "can check that this server reaches it, or add the FQDN of another "
            "Exchange server under Exchange Metadata Domains and URLs."
        )
        return (
            f"Exchange's signing keys cannot be read from {self._url}: "
            f"{self._problem}. An administrator {remedy}"
        )

    def _since(self, moment: float) -> float:
        return self._clock.seconds() - moment

    def _may_try(self) -> bool:
        if self._fetches.is_under_way:
            return False
        if self._tried_at is None:
            return True
        pause = RETRY_UNKNOWN_KEY if self._keys else RETRY_FAILED
        return self._since(self._tried_at) >= pause

    def _fetched(self) -> Deferred[None]:
        """Return a Deferred for the fetch under way; begin one if there is none."""
        return self._fetches.run(self._fetch)

    async def _fetch(self) -> None:
        """Read the document; if that fails, keep what was read before."""
        self._tried_at = self._clock.seconds()
        reading = Deferred.fromCoroutine(_get(self._client, self._url))
        reading.addTimeout(TIMEOUT, self._clock, raise_timeout)
        try:
            self._keys = read_keys(await reading)
        except Exception as error:  # noqa: BLE001 - all are reasons
            self._problem, self._untrusted = _reason(error)
            self._log.warn(
                "Exchange metadata fetch failed url={url} problem={problem}",
                url=self._url,
                problem=self._problem,
            )
            return
        self._read_at = self._clock.seconds()
        self._problem = ""
        self._untrusted = False


async def _get(client: HTTPClient, url: str) -> bytes:
    headers = Headers({"accept": ["application/json"], "user-agent": ["pexschedd"]})
    response = await client.get(PreparedUrl.from_text(url), headers=headers)
    if response.code != 200:
        discard_body(response)
        raise ValueError(_refused(response))
    return await read_body(response, MAX_DOCUMENT, too_large)


def _refused(response: IResponse) -> str:
    said = f"it answered with HTTP status {response.code}"
    if not 300 <= response.code < 400:
        return said
    location = b" ".join(response.headers.getRawHeaders(b"location", []))
    where = " ".join(location.decode("utf-8", "replace").split())[:200]
    return f"{said}, to {where or 'nowhere'}, and no redirection is followed"


def _reason(error: Exception) -> tuple[str, bool]:
    """The problem in one line, and True if it is about trust in the server."""
    if isinstance(error, ValueError):  # about the document, or the URL
        words = str(error).splitlines() or [type(error).__name__]
        return words[0][:500].rstrip("."), False
    failure = as_connection_failure(error)
    if not isinstance(failure, ConnectionFailure):
        raise failure
    return clause(failure)[:500], failure.kind in ABOUT_TRUST
