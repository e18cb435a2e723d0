"""The tokens that scripts send in place of a name and a password (RFC 6750)."""

from collections.abc import Callable, Mapping
from typing import Any

from pexschedd.clock import Now
from pexschedd.identity import oauth_clients
from pexschedd.identity.api_tokens import ApiTokens, CountFailure, issue_token
from pexschedd.identity.oauth_clients import OAuthClients, issue_client
from pexschedd.identity.rooms.screen_tokens import issue_screen_token
from pexschedd.model.accounts.api_token import ApiToken, OAuth2Client
from pexschedd.model.accounts.principal import Principal
from pexschedd.model.onetouch.screen_token import ScreenToken
from pexschedd.store.store import Store


class ScriptTokens:
    """API tokens and OAuth 2.0 access tokens: both come in the same header."""

    def __init__(self, store: Store, now: Now, count_failure: CountFailure) -> None:
        self._tokens = ApiTokens(store, now, count_failure)
        self.clients = OAuthClients(store, now, count_failure)

    def authenticate(self, token: str, address: str) -> Principal:
        """Return the principal of a token.

        Raises `NotAuthenticated`, and `TooManyRequests` after many that were refused.
        """
        if token.startswith(oauth_clients.PREFIX):
            return self.clients.authenticate(token, address)
        return self._tokens.authenticate(token, address)


def issuer(uuid4: Callable[[], str]) -> Callable[[Any], tuple[Any, Mapping[str, str]]]:
    """Return the function that gives a new record its secret.

    It returns the record as it is kept, and what is shown once.
    """

    def issue(record: Any) -> tuple[Any, Mapping[str, str]]:
        if isinstance(record, ApiToken):
            kept, token = issue_token(record)
            return kept, {"token": token}
        if isinstance(record, ScreenToken):
            screen, token = issue_screen_token(record)
            return screen, {"token": token}
        if isinstance(record, OAuth2Client):
            client, key = issue_client(record, uuid4())
            return client, {"private_key_jwt": key}
        raise TypeError(f"no secret is made for {type(record).__name__}")

    return issue
