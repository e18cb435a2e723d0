"""Domain errors, in terms of neither HTTP nor Exchange.

Each class has a stable `code` on which clients and logs may rely. The message is for
people: it says what is wrong and what would be right.
"""

from collections.abc import Mapping, Sequence
from itertools import islice


class PexscheddError(Exception):
    """The base class of errors whose message is meant for people."""

    code = "error"
    public = ""
    """The text for the public, if the message is for administrators only."""

    @property
    def message(self) -> str:
        """The text for people."""
        return str(self)


class ConfigError(PexscheddError):
    """The configuration file is wrong. `problems` names every field at once."""

    code = "config"

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(f"{path}: " + "; ".join(problems))


class InvalidFields(PexscheddError):
    """A record cannot be saved. `problems` lists the errors of each field.

    Of many errors it keeps the first ones, and tells how many more there are.
    """

    code = "invalid_fields"

    def __init__(self, problems: Mapping[str, Sequence[str]]) -> None:
        self.problems = _bounded(problems)
        super().__init__(
            "; ".join(f"{f}: {' '.join(texts)}" for f, texts in self.problems.items())
        )

    def __reduce__(self) -> tuple[type["InvalidFields"], tuple[object]]:
        """Return what pickles it: it may come from a worker process."""
        return type(self), (self.problems,)


MOST_PROBLEMS = 100
"""Problems that are told of one request."""
_LONGEST_PROBLEM = 1_000
_LONGEST_FIELD = 100


def _bounded(problems: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The first problems, and a last one that tells how many were left out."""
    kept: dict[str, list[str]] = {}
    left = MOST_PROBLEMS
    for field, texts in islice(problems.items(), MOST_PROBLEMS):
        shown = [text[:_LONGEST_PROBLEM] for text in texts[:left]]
        left -= len(shown)
        if shown or not texts:
            kept[field[:_LONGEST_FIELD]] = shown
    more = sum(map(len, problems.values())) - (MOST_PROBLEMS - left)
    if more > 0:
        kept.setdefault("__all__", []).append(
            f"There are {more} or more other problems."
        )
    return kept


class NotFound(PexscheddError):
    """The requested object does not exist."""

    code = "not_found"


class RecordChanged(PexscheddError):
    """A record is not as the sender of a change expects it to be."""

    code = "record_changed"


class KeyReused(PexscheddError):
    """A request has the key of another one, which was carried out."""

    code = "idempotency_key_reused"


class CommandRunning(PexscheddError):
    """A command cannot begin because another one of the integration is running."""

    code = "command_running"


class RecordInUse(PexscheddError):
    """A record cannot be deleted: others refer to it."""

    code = "in_use"


class NotAuthenticated(PexscheddError):
    """The caller's credentials are missing or wrong."""

    code = "not_authenticated"


class InvalidToken(NotAuthenticated):
    """An add-in's identity token was refused; the message says why."""

    code = "invalid_token"


class UserSignInNeeded(NotAuthenticated):
    """The user of the add-in has to sign in before personal rooms can be listed."""

    code = "sign_in_needed"


class PersonalRoomsOff(NotFound):
    """An integration offers no personal rooms."""

    code = "personal_rooms_off"


class RoomNotUsable(PexscheddError):
    """A personal room that the add-in cannot put into a meeting."""

    code = "room_not_usable"


class UnknownUser(PexscheddError):
    """A user has signed in who has no record here, and cannot get one."""

    code = "unknown_user"


class EmailUnusable(UnknownUser):
    """An identity provider names a user in a way that no record can hold."""

    code = "email_unusable"
    public = (
        "Your e-mail address cannot be used here. An administrator has to see to it."
    )


class UserElsewhere(UnknownUser):
    """The user's record is that of another identity provider."""

    code = "user_elsewhere"
    public = "You cannot be signed in here. An administrator has to see to it."


class TemplateError(PexscheddError):
    """A template cannot be compiled or rendered. `line` is 1-based, 0 if
    unknown; `text` is the message without it."""

    code = "template"

    def __init__(self, message: str, line: int = 0) -> None:
        self.line = line
        self.text = message
        super().__init__(f"line {line}: {message}" if line else message)


class MissingValue(TemplateError):
    """A template that has to be complete shows a value that does not exist."""

    code = "missing_value"


class TooManyRequests(PexscheddError):
    """The caller asks too often; `retry_after` are the seconds to wait."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(PexscheddError):
    """The request is valid, but cannot be carried out at present."""

    code = "unavailable"


class Untrusted(Unavailable):
    """Another server answers, but does not prove that it is the right one."""

    code = "untrusted"


class StoreError(PexscheddError):
    """The stored state cannot be opened, trusted or written."""

    code = "store"
    public = "The server cannot store anything at the moment."


class StoreNotPermitted(StoreError):
    """This user may not work on the state folder; the message says what lets them."""

    code = "store_not_permitted"


class StoreCopyMisplaced(StoreError):
    """A copy of the state cannot be where it was asked for."""

    code = "store_copy_misplaced"


class StoreCopyNotWritten(StoreError):
    """A copy of the state could not be written, as on a full disk."""

    code = "store_copy_not_written"


class StoreKeyUnusable(StoreError):
    """The key that the configuration names for the stored secrets is none, or another
    one."""

    code = "store_key_unusable"


class PortUnavailable(PexscheddError):
    """A port cannot be opened; it may be free later."""

    code = "port_unavailable"


class PortNotPermitted(PortUnavailable):
    """A port or socket may not be opened by this user."""

    code = "port_not_permitted"


class StoreFull(Unavailable):
    """The disk is nearly full: the store accepts no new data, and loses none.

    `retry_after` are the seconds after which it may be worth trying again.
    """

    code = "store_full"
    public = "The server's disk is nearly full. Its administrators have been alerted."
    retry_after = 30.0


class StoreReadOnly(StoreFull):
    """The disk takes no writes at the moment: everything is answered from memory.

    Of a change that was under way when this began it is not known whether it will be
    made.
    """

    code = "store_read_only"
    public = (
        "The server cannot store anything at the moment, so nothing can be changed. "
        "Its administrators have been alerted."
    )


class StoreNewer(StoreError):
    """The stored state was written by a newer release; this one must not touch it.

    `wrote` is the version of that release, if known.
    """

    code = "store_newer"

    def __init__(self, message: str, *, wrote: str = "") -> None:
        self.wrote = wrote
        super().__init__(message)


class WorkStopped(PexscheddError):
    """Long work has ended before its time, because it was asked to."""

    code = "stopped"


class MailboxError(PexscheddError):
    """A mailbox could not be reached, or refused a request.

    `retry_after` is the pause that the server asked for, in seconds, if it did.
    """

    code = "mailbox"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class MailboxUnreachable(MailboxError):
    """There was no usable answer: connection, TLS, timeout, not an Exchange server."""

    code = "mailbox_unreachable"


class MailboxRefused(MailboxError):
    """The server refused: credentials, permissions, no such mailbox.

    Trying again soon is pointless and may lock the account; an administrator has to
    change something, and the message says what.
    """

    code = "mailbox_refused"


class MailboxUntrusted(MailboxUnreachable):
    """The server's certificate is not trusted, or no TLS connection can be made."""

    code = "mailbox_untrusted"


class SignInRefused(MailboxRefused):
    """The account could not sign in, by its password, the method or its own state."""

    code = "sign_in_refused"


class SignInNeeded(SignInRefused):
    """A person has to sign in to the service account in a browser."""

    code = "sign_in_needed"


class ImpersonationRefused(MailboxRefused):
    """The account signed in, but may not act for the mailbox."""

    code = "impersonation_refused"


class MailboxBusy(MailboxError):
    """The server asked for a pause."""

    code = "mailbox_busy"


class CursorLost(MailboxError):
    """The synchronisation state is no longer valid: start over without one."""

    code = "cursor_lost"
