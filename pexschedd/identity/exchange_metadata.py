"""Fetches and keeps the documents with Exchange's token-signing keys.

One document per configured address, fetched when it is first needed, again after a
day, and again when a token names a key that is not in it (Exchange has rolled over),
but then at most once a minute: anybody can invent key names. Only one fetch per address
is under way at a time. A document that has been read once stays good while Exchange
cannot be reached, and the daily refresh keeps nobody waiting.
"""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from pexschedd.errors import InvalidToken, Unavailable, Untrusted
from pexschedd.identity.exchange_token import Keys, read_keys
from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, FailureKind, clause
from pexschedd.net.twisted_errors import as_connection_failure
from pexschedd.util.body_reader import bounded_body, dismiss

FRESH = 24 * 60 * 60.0
"""Seconds after which a document is fetched again."""

AGAIN_FOR_UNKNOWN_KEY = 60.0
"""Seconds between fetches that are caused by unknown keys."""

AGAIN_AFTER_FAILURE = 5.0
"""Seconds in which a failed first fetch answers for the next ones, too."""

TIMEOUT = 10.0
"""Seconds for a whole fetch: connection, answer and document."""

MAX_DOCUMENT = 256 * 1024
"""Bytes. A document of Exchange has about five thousand."""


class ExchangeMetadata:
    """The published signing keys, by the address of their document.

    `agent` verifies TLS and follows no redirects, as Twisted's plain `Agent` does.
    """

    def __init__(self, agent: IAgent, clock: IReactorTime) -> None:
        self._agent = agent
        self._clock = clock
        self._documents: dict[str, _Document] = {}

    async def keys(self, url: str, x5t: str) -> Keys:
        """The keys that `url` publishes, among them the one named `x5t`.

        Raises `InvalidToken` if the key is not published, `Unavailable` if that cannot
        be found out. `url` has to be a configured one, never one out of a token.
        """
        return await self._document(url).keys_with(x5t)

    async def refresh(self, url: str) -> None:
        """Reads the document now. Raises `Unavailable` when that is not possible.

        `Untrusted` says that somebody answered who is not to be believed.
        """
        await self._document(url).refresh()

    def _document(self, url: str) -> "_Document":
        document = self._documents.get(url)
        if document is None:
            document = self._documents[url] = _Document(url, self._agent, self._clock)
        return document


class _Document:
    """One address: what was read from it last, and when it was tried last."""

    _log = Logger()

    def __init__(self, url: str, agent: IAgent, clock: IReactorTime) -> None:
        self._url = url
        self._agent = agent
        self._clock = clock
        self._keys: Keys = {}
        self._read = 0.0
        self._tried: float | None = None
        self._problem = ""
        self._untrusted = False
        self._waiting: list[Deferred[None]] | None = None

    async def keys_with(self, x5t: str) -> Keys:
        if x5t in self._keys:
            if self._since(self._read) >= FRESH and self._may_try():
                self._begin()
            return self._keys
        if self._waiting is not None or self._may_try():
            await self._fetched()
        if x5t in self._keys:
            return self._keys
        if self._problem:
            raise Unavailable(self._unreadable())
        raise InvalidToken(
            f"The token is signed with a key that {self._url} does not list. If "
            "several Exchange servers sign with keys of their own, an administrator "
            "has to add the FQDN of each under Exchange Metadata Domains and URLs."
        )

    async def refresh(self) -> None:
        await self._fetched()
        if self._problem:
            kind = Untrusted if self._untrusted else Unavailable
            raise kind(self._unreadable())

    def _unreadable(self) -> str:
        remedy = (
            "has to upload the certificate of its authority as a ca_certificate, or "
            "to give that server a certificate that is good for this address."
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
        if self._waiting is not None:
            return False
        if self._tried is None:
            return True
        pause = AGAIN_FOR_UNKNOWN_KEY if self._keys else AGAIN_AFTER_FAILURE
        return self._since(self._tried) >= pause

    def _fetched(self) -> Deferred[None]:
        """Fires after the fetch under way, which is begun if there is none."""
        waiter: Deferred[None] = Deferred()
        self._begin()
        if self._waiting is None:  # it was over at once
            waiter.callback(None)
        else:
            self._waiting.append(waiter)
        return waiter

    def _begin(self) -> None:
        if self._waiting is not None:
            return
        self._waiting = []
        self._tried = self._clock.seconds()
        fetching: Deferred[bytes] = Deferred.fromCoroutine(_get(self._agent, self._url))
        fetching.addTimeout(TIMEOUT, self._clock, _timed_out)
        fetching.addCallback(self._understand)
        fetching.addErrback(self._failed)
        fetching.addBoth(self._done)

    def _understand(self, document: bytes) -> None:
        self._keys = read_keys(document)
        self._read = self._clock.seconds()
        self._problem = ""
        self._untrusted = False

    def _failed(self, failure: Failure) -> None:
        """Keeps what was read before, and remembers why there is nothing newer."""
        self._problem, self._untrusted = _words(failure)
        self._log.warn(
            "Exchange metadata cannot be read from {url}: {problem}",
            url=self._url,
            problem=self._problem,
        )

    def _done(self, _: object) -> None:
        waiting, self._waiting = self._waiting or [], None
        for waiter in waiting:
            waiter.callback(None)


async def _get(agent: IAgent, url: str) -> bytes:
    headers = Headers({b"accept": [b"application/json"], b"user-agent": [b"pexschedd"]})
    response = await agent.request(b"GET", url.encode("ascii"), headers)
    if response.code != 200:
        dismiss(response)
        raise ValueError(_refused(response))
    return await bounded_body(response, MAX_DOCUMENT)


def _refused(response: IResponse) -> str:
    said = f"it answered with HTTP status {response.code}"
    if not 300 <= response.code < 400:
        return said
    location = b" ".join(response.headers.getRawHeaders(b"location", []))
    where = " ".join(location.decode("utf-8", "replace").split())[:200]
    return f"{said}, to {where or 'nowhere'}, and no redirection is followed"


def _timed_out(result: object, seconds: float) -> object:
    if isinstance(result, Failure):
        raise TimeoutError(f"no answer within {seconds:.0f} seconds")
    return result


def _words(failure: Failure) -> tuple[str, bool]:
    """One line for people, and whether somebody answered who cannot be believed."""
    error: BaseException = failure.value or ValueError("no reason is known")
    if not isinstance(error, ValueError | TimeoutError):
        trouble = as_connection_failure(error)
        # What is no trouble of a connection is in its own words.
        if isinstance(trouble, ConnectionFailure) and (
            trouble.trouble is not FailureKind.GARBLED
        ):
            return clause(trouble)[:500], trouble.trouble in ABOUT_TRUST
    reasons = getattr(error, "reasons", None)
    first = reasons[0].value if reasons else error
    words = str(first) or type(first).__name__
    return words.splitlines()[0][:500].rstrip("."), False
