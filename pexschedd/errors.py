"""Domain errors. No HTTP words, no Exchange words.

Each class has a stable `code` that clients and logs may rely on; the message is for
people and says what is wrong and what would be right.
"""

from collections.abc import Mapping, Sequence


class PexscheddError(Exception):
    """The root of the errors that people are meant to read."""

    code = "error"
    public = ""
    """What strangers are told instead, if the message is for administrators only."""

    @property
    def message(self) -> str:
        return str(self)


class ConfigError(PexscheddError):
    """The configuration file is wrong. `problems` names every field at once."""

    code = "config"

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(f"{path}: " + "; ".join(problems))


class InvalidFields(PexscheddError):
    """A record that somebody wants to save has wrong fields."""

    code = "invalid_fields"

    def __init__(self, problems: Mapping[str, Sequence[str]]) -> None:
        self.problems = {field: list(texts) for field, texts in problems.items()}
        super().__init__(
            "; ".join(f"{f}: {' '.join(texts)}" for f, texts in self.problems.items())
        )


class NotFound(PexscheddError):
    """There is no such thing."""

    code = "not_found"


class NotAuthenticated(PexscheddError):
    """The caller did not show who they are, or not convincingly."""

    code = "not_authenticated"


class InvalidToken(NotAuthenticated):
    """An add-in's identity token was refused; the message says why."""

    code = "invalid_token"


class TemplateError(PexscheddError):
    """A template cannot be compiled or rendered. `line` is 1-based, 0 if unknown."""

    code = "template"

    def __init__(self, message: str, line: int = 0) -> None:
        self.line = line
        super().__init__(f"line {line}: {message}" if line else message)


class Unavailable(PexscheddError):
    """This cannot be done right now, but the request itself is in order."""

    code = "unavailable"


class Untrusted(Unavailable):
    """Another server is there, but cannot be believed to be the one it should be."""

    code = "untrusted"


class StoreError(PexscheddError):
    """The stored state cannot be opened, trusted or written."""

    code = "store"
    public = "The server cannot store anything at the moment."


class StoreFull(Unavailable):
    """The disk of the store is nearly full: nothing new is taken, nothing is lost."""

    code = "store_full"
    public = "The disk of the server is nearly full. Its administrators can see that."


class StoreNewer(StoreError):
    """A newer release wrote the stored state, and this one must not touch it.

    `wrote` is that release, if it is known.
    """

    code = "store_newer"

    def __init__(self, message: str, *, wrote: str = "") -> None:
        self.wrote = wrote
        super().__init__(message)


class MailboxError(PexscheddError):
    """A mailbox could not be reached or refused what was asked.

    `retry_after`, in seconds, is what the server asked for, if it did.
    """

    code = "mailbox"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class MailboxUnreachable(MailboxError):
    """No usable answer: connection, TLS, timeout, not an Exchange server."""

    code = "mailbox_unreachable"


class MailboxRefused(MailboxError):
    """The server answered that it will not: credentials, permissions, no mailbox.

    Trying again soon is pointless and may lock the account; an administrator has to
    change something, and the message says what.
    """

    code = "mailbox_refused"


class MailboxUntrusted(MailboxUnreachable):
    """The server's certificate is not believed, or no TLS connection can be made."""

    code = "mailbox_untrusted"


class SignInRefused(MailboxRefused):
    """The account could not sign in: the password, the method, the account itself."""

    code = "sign_in_refused"


class SignInNeeded(SignInRefused):
    """A person has to sign in to the service account in a browser."""

    code = "sign_in_needed"


class ImpersonationRefused(MailboxRefused):
    """The account signed in, but may not act for the mailbox."""

    code = "impersonation_refused"


class MailboxBusy(MailboxError):
    """The server asks to come back later."""

    code = "mailbox_busy"


class CursorLost(MailboxError):
    """The synchronisation state is not valid any more: start over without one."""

    code = "cursor_lost"
