"""Attempts to sign in, from the press of the button to a session. Pure.

An attempt has three secrets, each known to one party and good for one step:

    attempt   the pane's, sent in a header: asks how it goes, and gets the session
    start     in the address that the pane opens in a window; used once
    state     in the address at the identity provider; used once (RFC 6749, 10.12)

So whoever sees an address can neither ask for the session nor repeat a step. But the
one who begins an attempt may send either address to somebody else, to be signed in as
the reader. So the browser that uses the start code is remembered, and one that comes
back without having done so is asked first (`is_of_browser`). Attempts are kept in
memory and end after ten minutes: after a restart the pane and the window
say that the sign-in is over, and another one begins with a click. Time is given in
seconds of any steady clock.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from pexschedd.errors import TooManyRequests
from pexschedd.identity.personal.secret_digest import digest_of

LIFETIME = 600.0
"""Seconds."""

MOST_ATTEMPTS = 20_000
"""Attempts under way; of more, the oldest is given up."""
MOST_PER_ADDRESS = 500
"""Attempts from one address, which may be that of a whole office."""

P = TypeVar("P")


class Phase(Enum):
    """The part of the way that an attempt has behind it."""

    NEW = "new"
    """The window has not been opened yet."""
    STARTED = "started"
    """The user is at the identity provider."""
    EXCHANGING = "exchanging"
    """The user has come back, and the provider is asked who that is."""
    DONE = "done"
    FAILED = "failed"


class SignedInUser(msgspec.Struct, frozen=True):
    """A user who has signed in: the record's id, and what the pane shows."""

    id: int
    name: str
    email: str

    @property
    def shown(self) -> str:
        """The name, with the address if that is another text."""
        return self.name if self.name == self.email else f"{self.name} ({self.email})"


class AttemptFailure(msgspec.Struct, frozen=True):
    """A failed attempt as the pane and the window show it.

    `text_field` is the integration's field with the administrator's text for this kind
    of failure, `message` says more in plain words, and `correlation_id` leads to the
    log.
    """

    code: str
    text_field: str
    message: str
    correlation_id: str
    can_retry: bool = True
    """False if only an administrator can help."""


class Attempt(Generic[P]):
    """One attempt of one pane, at the provider whose settings are `provider`."""

    def __init__(
        self,
        integration: int,
        provider: P,
        *,
        exchange_user: str,
        address: str,
        nonce: str,
        verifier: str,
        ends: float,
        language: str,
    ) -> None:
        self.integration = integration
        self.provider = provider
        self.exchange_user = exchange_user
        """The user of the token that the pane sent; empty if it sent none."""
        self.address = address
        self.nonce = nonce
        self.verifier = verifier
        self.ends = ends
        self.language = language
        """Outlook's, such as de-DE; empty if the pane has not said it."""
        self.browser = b""
        """The digest of the secret of the browser that has used the start code."""
        self.phase = Phase.NEW
        self.user: SignedInUser | None = None
        self.failure: AttemptFailure | None = None
        self.session = ""
        """The secret of the session; empty until the pane has asked for it."""
        self.keys: list[tuple[dict[bytes, Attempt[P]], bytes]] = []
        """The places where the attempt is found."""

    def is_of_browser(self, browser: str) -> bool:
        """Return whether the browser with this secret has used the start code."""
        return bool(self.browser) and digest_of(browser) == self.browser

    def __repr__(self) -> str:
        return f"<Attempt {self.phase.value}>"  # no secret gets into a log by accident


class NewAttempt(msgspec.Struct, frozen=True):
    """The secrets of a new attempt that its pane gets."""

    attempt: str
    start: str

    def __repr__(self) -> str:
        return "<NewAttempt>"


class Attempts(Generic[P]):
    """The attempts of all integrations.

    `seconds` is a steady clock; `random(n)` returns n random bytes as text in URL-safe
    base64.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        random: Callable[[int], str],
        most: int = MOST_ATTEMPTS,
    ) -> None:
        self._seconds = seconds
        self._random = random
        self._most = most
        self._by_attempt: OrderedDict[bytes, Attempt[P]] = OrderedDict()
        self._by_start: dict[bytes, Attempt[P]] = {}
        self._by_state: dict[bytes, Attempt[P]] = {}
        self._at_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_attempt)

    def begin(
        self,
        integration: int,
        provider: P,
        *,
        exchange_user: str,
        address: str,
        language: str = "",
    ) -> NewAttempt:
        """Begin an attempt; raises `TooManyRequests` if its address has too many."""
        self._forget_ended()
        if address and self._at_address[address] >= MOST_PER_ADDRESS:
            raise TooManyRequests(
                "Too many sign-ins were begun in a short time. Wait a minute, then try "
                "again.",
                retry_after=60.0,
            )
        if len(self._by_attempt) >= self._most:
            self._forget(next(iter(self._by_attempt.values())))
        attempt = Attempt(
            integration,
            provider,
            exchange_user=exchange_user,
            address=address,
            nonce=self._random(32),
            verifier=self._random(48),
            ends=self._seconds() + LIFETIME,
            language=language,
        )
        self._at_address[address] += 1
        return NewAttempt(
            self._findable(attempt, self._by_attempt),
            self._findable(attempt, self._by_start),
        )

    def waiting_to_start(self, integration: int, start: str) -> Attempt[P] | None:
        """Return the attempt whose start code this is, if it has not been used."""
        attempt = self._alive(self._by_start.get(digest_of(start)))
        return None if attempt and attempt.integration != integration else attempt

    def start(
        self, integration: int, start: str, browser: str = ""
    ) -> tuple[Attempt[P], str] | None:
        """Use up a start code: return its attempt and the state for the provider.

        `browser` is the secret that the browser has for this server. None if there is
        no such code, or it was used before.
        """
        attempt = self.waiting_to_start(integration, start)
        if attempt is None or attempt.phase is not Phase.NEW:
            return None
        self._by_start.pop(digest_of(start), None)
        attempt.phase = Phase.STARTED
        attempt.browser = digest_of(browser)
        return attempt, self._findable(attempt, self._by_state)

    def at_provider(self, state: str) -> Attempt[P] | None:
        """Return the attempt whose state this is, and leave the state valid."""
        return self._alive(self._by_state.get(digest_of(state)))

    def returned(self, state: str) -> Attempt[P] | None:
        """Use up a state: return its attempt, or None if the state is not valid."""
        attempt = self._alive(self._by_state.pop(digest_of(state), None))
        if attempt is None or attempt.phase is not Phase.STARTED:
            return None
        attempt.phase = Phase.EXCHANGING
        return attempt

    def of_pane(self, integration: int, secret: str) -> Attempt[P] | None:
        """Return the attempt of the pane that holds this secret, or None."""
        attempt = self._alive(self._by_attempt.get(digest_of(secret)))
        return None if attempt and attempt.integration != integration else attempt

    def is_under_way(self, attempt: Attempt[P]) -> bool:
        """Return False once an attempt has been cancelled, given up or has ended."""
        return bool(attempt.keys) and self._seconds() < attempt.ends

    def cancel(self, integration: int, secret: str) -> None:
        """Forget the attempt of a pane: nothing comes of it any more."""
        attempt = self.of_pane(integration, secret)
        if attempt is not None:
            self._forget(attempt)

    def done(self, attempt: Attempt[P], user: SignedInUser) -> None:
        """Note who has signed in; the pane gets a session for it."""
        attempt.phase = Phase.DONE
        attempt.user = user

    def failed(self, attempt: Attempt[P], failure: AttemptFailure) -> None:
        """Note why nobody has signed in."""
        attempt.phase = Phase.FAILED
        attempt.failure = failure

    def new_secret(self) -> str:
        """Return a secret that nobody else has."""
        return self._random(32)

    def _findable(self, attempt: Attempt[P], place: dict[bytes, Attempt[P]]) -> str:
        """Make a secret by which the attempt is found in `place`."""
        secret = self.new_secret()
        digest = digest_of(secret)
        place[digest] = attempt
        attempt.keys.append((place, digest))
        return secret

    def _alive(self, attempt: Attempt[P] | None) -> Attempt[P] | None:
        if attempt is None or self._seconds() >= attempt.ends:
            return None
        return attempt

    def _forget_ended(self) -> None:
        now = self._seconds()
        while self._by_attempt:
            oldest = next(iter(self._by_attempt.values()))
            if now < oldest.ends:
                return
            self._forget(oldest)

    def _forget(self, attempt: Attempt[P]) -> None:
        for place, digest in attempt.keys:
            place.pop(digest, None)
        attempt.keys = []
        self._at_address[attempt.address] -= 1
        if self._at_address[attempt.address] <= 0:
            del self._at_address[attempt.address]
