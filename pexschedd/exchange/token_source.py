"""Protocols for the source of the access tokens that a mailbox server takes."""

from typing import Protocol


class TokenSource(Protocol):
    """Obtains access tokens for one service account or application."""

    async def token(self) -> str:
        """Return a token that is valid now, usually the same as before.

        Raises `MailboxError`: `SignInNeeded` when a person has to sign in, else
        `SignInRefused` when an administrator has to change something, or
        `MailboxUnreachable`.
        """

    def rejected(self, token: str) -> None:
        """Note that the server refused a token: the next `token()` is another one."""


class ChallengedTokenSource(TokenSource, Protocol):
    """A token source for a server that may ask for a token of another kind."""

    def challenged(self, token: str, claims: str) -> None:
        """Note that the server refused a token and said which claims the next one has
        to satisfy (JSON; continuous access evaluation)."""
