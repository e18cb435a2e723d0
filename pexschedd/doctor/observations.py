"""What the probes see. Facts only; `diagnose/` says what they mean."""

from typing import Any

import msgspec

from pexschedd.net.errors import FailureKind


class HostAddresses(msgspec.Struct, frozen=True):
    host: str
    found: tuple[str, ...] = ()


class ConnectResult(msgspec.Struct, frozen=True):
    """A TCP connection, or why there is none."""

    host: str
    port: int
    address: str = ""
    """The one that answered; of the proxy, if there is one."""
    trouble: FailureKind | None = None
    problem: str = ""
    """The trouble in words, about "it"."""


class HttpResult(msgspec.Struct, frozen=True):
    """What came of an HTTP request."""

    url: str
    status: int = 0
    """0: there was no answer."""
    headers: dict[str, str] = {}
    """Names in lower case."""
    body: bytes = b""
    trouble: FailureKind | None = None
    problem: str = ""
    """The trouble in words, about "it"."""
    seconds_apart: float | None = None
    """Their clock minus ours, by the Date header; None without one."""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class CallResult(msgspec.Struct, frozen=True):
    """What came of one call to Exchange Web Services."""

    answered: HttpResult
    code: str = ""
    """A response code or a fault's; empty when it went well."""
    text: str = ""
    values: dict[str, str] = {}
    back_off: float | None = None
    """Seconds."""
    no_soap: str = ""
    """Why the answer is none of an Exchange server."""
    refused: str = ""
    """The code of an error of our own sign-in, e.g. "sign_in_needed"."""
    refusal: str = ""
    """Its message."""
    result: Any = None

    @property
    def is_soap(self) -> bool:
        """Exchange itself has answered, so the account is signed in."""
        return self.answered.status in (200, 500) and not (self.no_soap or self.refused)

    @property
    def went_well(self) -> bool:
        return self.is_soap and not self.code


class ResolvedAddress(msgspec.Struct, frozen=True):
    """What the directory says about an address."""

    address: str
    name: str = ""
    mailbox_type: str = ""
    """`t:MailboxType`: Mailbox, PublicDL, Contact, GroupMailbox..."""
    resource_type: str = ""
    """Room or Equipment, from servers that say it."""


class MailboxKind(msgspec.Struct, frozen=True):
    """What there is to judge by what sort of mailbox it is."""

    asked: CallResult
    processing: str = ""
    """The value of AutomateProcessing as it stands in the mailbox; empty: unknown."""


class DiskState(msgspec.Struct, frozen=True):
    path: str
    free: int
    total: int
    """Bytes."""
    reserve: int = 0
    """Bytes free, below which the store takes no new work."""
    trouble: str = ""


class PaneState(msgspec.Struct, frozen=True):
    """What Outlook would load."""

    answered: HttpResult
    own: bytes | None
    """What this daemon serves for this integration; None when that is not known."""


class OpenIdDocuments(msgspec.Struct, frozen=True):
    """An OpenID Connect configuration, and the keys that it points to."""

    configuration: HttpResult
    keys: HttpResult | None = None
