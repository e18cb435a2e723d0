"""The server without its HTTP side: it carries out EWS requests given as bytes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from twisted.internet.interfaces import IReactorTime

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, RequestFault, SchemaError
from pexschedd.sandbox.faults.behaviour import Behaviour, BehaviourPlan
from pexschedd.sandbox.faults.fault import Fault
from pexschedd.sandbox.faults.throttling import MailboxThrottle, Throttling
from pexschedd.sandbox.graph.service import GraphService
from pexschedd.sandbox.mailboxes.accounts import Account, default_accounts
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.notifications.streaming import EventStream
from pexschedd.sandbox.notifications.subscriptions import (
    RequestRouting,
    Subscriptions,
    SubscriptionStream,
)
from pexschedd.sandbox.operations import OPERATIONS, UNSUPPORTED, envelope
from pexschedd.sandbox.operations.call import ItemFault, OperationCall
from pexschedd.sandbox.signin import callers
from pexschedd.sandbox.signin.bearer_tokens import BearerTokens, TokenVerifier
from pexschedd.sandbox.signin.negotiation import Negotiation
from pexschedd.sandbox.signin.settings import SignIn
from pexschedd.sandbox.web import identity_tokens

Answer = tuple[HTTPStatus, bytes]


@dataclass
class CallOutcome:
    """The result of one request."""

    answer: Answer
    fault: Fault | None = None
    """A fault for the transport to apply instead of, or to, the answer."""
    stream: EventStream | None = None
    """To be opened in place of the answer, which is its first envelope."""
    cookies: dict[str, str] = field(default_factory=dict)


class EwsService:
    """An Exchange server: its mailboxes, and the operations on them.

    `now` returns aware UTC datetimes and `clock` runs timers. The mailboxes are those
    of `exchange`, or new ones for `accounts`, by default for the default accounts.
    `sign_in` says how clients sign in, by default with Basic alone; `bearer` returns
    the mailbox of a token that is not registered, or None if the token is invalid.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        clock: IReactorTime,
        accounts: Iterable[Account] | None = None,
        exchange: Exchange | None = None,
        sign_in: SignIn | None = None,
        bearer: TokenVerifier | None = None,
    ) -> None:
        if exchange is None:
            chosen = default_accounts() if accounts is None else accounts
            exchange = Exchange(chosen, now=now)
        self.exchange = exchange
        self.now = now
        """The server's own clock. Stamps of the mailboxes may be ahead of it."""
        self.behaviour = Behaviour(sign_in, self._seconds)
        exchange.altering = self.behaviour.alter
        self._moving: dict[str, float] = {}
        """The ends of moves, in seconds of the clock, by the GUIDs of mailboxes."""
        self.throttle = MailboxThrottle(self._seconds)
        self.tokens = BearerTokens(exchange, bearer)
        self.negotiation = Negotiation(exchange, self.tokens)
        self.calls: Counter[str] = Counter()
        """The number of calls, by operation."""
        self._clock = clock
        self.subscriptions = Subscriptions(exchange.now, self._seconds)
        self.graph = GraphService(
            exchange, lambda: self._clock, self.behaviour, self.calls, self._is_moving
        )
        """The other door to the same mailboxes."""

    def _seconds(self) -> float:
        return float(self._clock.seconds())

    def identity_token(
        self,
        address: str,
        audience: str,
        base_url: str,
        lifetime: int = identity_tokens.LIFETIME,
        metadata_url: str | None = None,
    ) -> str:
        """See `identity_tokens.mint`. Raises KeyError for an unknown address."""
        return identity_tokens.mint(
            self.exchange.certificate,
            self.exchange.mailbox(address),
            audience=audience,
            base_url=base_url,
            now=self.exchange.now(),
            lifetime=lifetime,
            metadata_url=metadata_url,
        )

    def admit(self, caller: SandboxMailbox, body: bytes) -> Callable[[], None]:
        """Count a request against the limits of its mailbox.

        Returns a function to be called at the request's end. Raises `EwsError`.
        """
        policy = self.behaviour.throttling
        if policy == Throttling():
            return lambda: None
        request = envelope.read(body)
        if request.operation == "GetStreamingEvents":
            return lambda: None
        wanted = request.impersonate
        address = caller.address if wanted is None else wanted[1]
        return self.throttle.enter(address, policy)

    def move_mailbox(self, address: str, seconds: float) -> None:
        """Move a mailbox to another server: for so many seconds it cannot be reached,
        and its subscriptions and sync states are invalid from now on.

        Raises KeyError for an unknown address.
        """
        mailbox = self.exchange.mailbox(address)
        self._moving[mailbox.guid] = self._seconds() + seconds
        mailbox.moved()
        self.subscriptions.forget(mailbox)

    def _is_moving(self, mailbox: SandboxMailbox) -> bool:
        return self._moving.get(mailbox.guid, 0) > self._seconds()

    def streams(self) -> list[SubscriptionStream]:
        """Return the open streams."""
        return self.subscriptions.streams()

    def handle(
        self, caller: SandboxMailbox, body: bytes
    ) -> tuple[Answer, Fault | None]:
        """Carry out one request; return the answer, and a fault for the transport.

        The fault is to be applied instead of, or to, the answer.
        """
        outcome = self.serve(caller, body)
        return outcome.answer, outcome.fault

    def serve(
        self,
        caller: SandboxMailbox,
        body: bytes,
        routing: RequestRouting = RequestRouting(),  # noqa: B008 - frozen
    ) -> CallOutcome:
        """Carry out one request."""
        try:
            request = envelope.read(body)
            self.calls[request.operation] += 1
            # The address as the client writes it: a fault comes even before the mailbox
            # is looked up.
            wanted = request.impersonate
            address = wanted[1] if wanted is not None else caller.address
            plan = self.behaviour.take(request.operation, address, request.element)
            fault = plan.whole
            if fault is not None and not fault.done_first:
                return CallOutcome(self._refuse(fault), fault)
            response, call = self._carry_out(caller, request, plan, routing)
            if fault is not None and fault.is_code:
                return CallOutcome(envelope.fault(fault.error()), fault)
        except EwsError as error:
            return CallOutcome(envelope.fault(error))
        except callers.SignInForbidden:
            return CallOutcome((HTTPStatus.FORBIDDEN, b""))
        stream = None
        if call.opening is not None:
            chosen, minutes = call.opening
            stream = EventStream(self.subscriptions, chosen, minutes, self._clock)
        answer = (HTTPStatus.OK, envelope.answer(response))
        return CallOutcome(answer, fault, stream, call.cookies)

    def _refuse(self, fault: Fault) -> Answer:
        if fault.is_code:
            return envelope.fault(fault.error())
        return HTTPStatus.OK, b""

    def _carry_out(
        self,
        caller: SandboxMailbox,
        request: envelope.SoapRequest,
        plan: BehaviourPlan,
        routing: RequestRouting,
    ) -> tuple[Element, OperationCall]:
        operation = OPERATIONS.get(request.operation)
        if operation is None:
            if request.operation in UNSUPPORTED:
                raise RequestFault(
                    "ErrorInvalidOperation",
                    f"The sandbox does not know {request.operation}.",
                )
            raise SchemaError(
                f"The element '{request.operation}' is not declared.",
                markup.line(request.element),
            )
        mailbox = callers.acting_as(self.exchange, caller, request.impersonate)
        if self._is_moving(mailbox):
            raise RequestFault("ErrorMailboxMoveInProgress")

        def fault_for(index: int) -> ItemFault | None:
            fault = plan.for_item(index)
            return None if fault is None else ItemFault(fault.error(), fault.after)

        call = OperationCall(
            self.exchange,
            mailbox,
            request,
            fault_for,
            caller,
            self.subscriptions,
            routing,
            late_meetings=self.behaviour.late_meetings,
        )
        return operation(call), call
