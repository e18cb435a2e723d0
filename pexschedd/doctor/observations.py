"""The observations of the probes: facts only, which `diagnose/` judges. Pure."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from pexschedd.graph.problems import GraphProblem
from pexschedd.net.errors import FailureKind


class HostAddresses(msgspec.Struct, frozen=True):
    """The IP addresses of a host name."""

    host: str
    found: tuple[str, ...] = ()
    """Empty if the name cannot be resolved."""


class ConnectResult(msgspec.Struct, frozen=True):
    """A TCP connection, or why there is none."""

    host: str
    port: int
    address: str = ""
    """The IP address that answered: the proxy's, if there is one."""
    failure: FailureKind | None = None
    problem: str = ""
    """The trouble in words, about "it"."""


class HttpResult(msgspec.Struct, frozen=True):
    """The response to an HTTP request, or why there is none."""

    url: str
    status: int = 0
    """0: there was no answer."""
    headers: dict[str, str] = {}
    """Names in lower case."""
    body: bytes = b""
    failure: FailureKind | None = None
    problem: str = ""
    """The trouble in words, about "it"."""
    seconds_apart: float | None = None
    """Their clock minus ours, by the Date header; None without one."""

    @property
    def origin(self) -> str:
        """The origin of its URL: scheme, host and port, in lower case."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    def header(self, name: str) -> str:
        """Return a header's value by its lower-case name, or an empty string."""
        return self.headers.get(name, "")


class ProviderPublished(msgspec.Struct, frozen=True):
    """The documents of the identity provider at which users sign in."""

    configuration: HttpResult
    keys: HttpResult | None = None
    """None if the configuration names none that could be fetched."""
    federation: HttpResult | None = None
    """The federation metadata; None unless there is no OpenID configuration."""


class CallResult(msgspec.Struct, frozen=True):
    """The outcome of one call to Exchange Web Services."""

    answered: HttpResult
    code: str = ""
    """The code of an error response or a SOAP fault; empty after success."""
    text: str = ""
    values: dict[str, str] = {}
    back_off: float | None = None
    """Seconds for which Exchange asks us to pause; None if it does not."""
    no_soap: str = ""
    """The reason why the response is not an Exchange server's; empty if it is."""
    refused: str = ""
    """The code of a failed sign-in on our side, e.g. "sign_in_needed"."""
    refusal: str = ""
    """Its message."""
    result: Any = None
    """The value that the response's reader returned."""

    @property
    def is_soap(self) -> bool:
        """True if Exchange itself has answered, which means the account signed in."""
        return self.answered.status in (200, 500) and not (self.no_soap or self.refused)

    @property
    def went_well(self) -> bool:
        """True if Exchange answered without an error."""
        return self.is_soap and not self.code


class GraphResult(msgspec.Struct, frozen=True):
    """The outcome of one request to Microsoft Graph."""

    problem: GraphProblem | None = None
    """The refusal of the request; None if there was none."""
    refused: str = ""
    """The code of our error where there was no token or no answer, e.g.
    "sign_in_refused"."""
    refusal: str = ""
    """Its message."""
    result: Any = None
    """The value that the answer's reader returned."""

    @property
    def status(self) -> int:
        """The status of a refusal; 0 without one."""
        return self.problem.status if self.problem else 0

    @property
    def code(self) -> str:
        """The code of a refusal in lower case, as codes come in any case."""
        return self.problem.code.casefold() if self.problem else ""

    @property
    def went_well(self) -> bool:
        """True if Graph did what was asked for."""
        return self.problem is None and not self.refused

    @property
    def words(self) -> str:
        """The words of Graph, or of our error; empty if all went well."""
        return self.problem.words if self.problem else self.refusal


class MailSample(msgspec.Struct, frozen=True):
    """One message of the equipment mailbox, as far as the application is shown it."""

    id: str = ""
    """Empty: there is no message."""
    categories: tuple[str, ...] = ()
    has_body: bool = False
    has_extended_property: bool = False


class RequestTrace(msgspec.Struct, frozen=True):
    """A meeting request that lies in the inbox, and what Exchange made of it."""

    age: float
    """Seconds since it arrived."""
    has_event: bool
    response: str = ""
    """The response of its event, in Graph's words: notResponded, accepted..."""


class ProcessingTraces(msgspec.Struct, frozen=True):
    """Indications of a mailbox's automatic processing."""

    requests: tuple[RequestTrace, ...] = ()
    responses: tuple[str, ...] = ()
    """The responses of other people's meetings in the calendar."""


class ResolvedAddress(msgspec.Struct, frozen=True):
    """The directory's entry for an address."""

    address: str
    name: str = ""
    mailbox_type: str = ""
    """`t:MailboxType`: Mailbox, PublicDL, Contact, GroupMailbox..."""
    resource_type: str = ""
    """Room or Equipment, from servers that say it."""


class MailboxKind(msgspec.Struct, frozen=True):
    """Indications of the kind of a mailbox: resource, person, group."""

    asked: CallResult
    """Of ResolveNames; its result is a list of `ResolvedAddress`."""
    processing: str = ""
    """The mailbox's AutomateProcessing; empty if unknown."""


class DiskState(msgspec.Struct, frozen=True):
    """Free space on the disk that holds the state folder."""

    path: str
    free: int
    total: int
    """Bytes."""
    reserve: int = 0
    """Bytes that must be free for the store to accept new work."""
    problem: str = ""
    """The reason why the space is unknown; empty if it is known."""


class PaneState(msgspec.Struct, frozen=True):
    """The page that Outlook would load as the add-in's pane."""

    answered: HttpResult
    own: bytes | None
    """This daemon's own page for the integration; None if unknown."""
