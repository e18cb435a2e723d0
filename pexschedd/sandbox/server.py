"""The sandbox as one thing: an Exchange, its HTTP side, and what it should do wrong."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Site

from pexschedd.sandbox import envelope, markup, signin, tokens
from pexschedd.sandbox.accounts import Account, default_accounts
from pexschedd.sandbox.bearer import BearerTokens, Judge
from pexschedd.sandbox.behaviour import Behaviour, BehaviourPlan
from pexschedd.sandbox.errors import EwsError, RequestFault, SchemaError
from pexschedd.sandbox.exchange import Exchange
from pexschedd.sandbox.fault import Fault
from pexschedd.sandbox.installation import SignIn
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.negotiation import Negotiation
from pexschedd.sandbox.operations import OPERATIONS, UNSUPPORTED
from pexschedd.sandbox.operations.call import Call, ItemFault
from pexschedd.sandbox.site import make_resource, make_site
from pexschedd.sandbox.streaming import Stream
from pexschedd.sandbox.subscriptions import Route, Subscriptions
from pexschedd.sandbox.throttling import MailboxThrottle, Throttling

Answer = tuple[HTTPStatus, bytes]


@dataclass
class CallOutcome:
    """What one request led to."""

    answer: Answer
    fault: Fault | None = None
    """What the transport has to do instead of, or with, the answer."""
    stream: Stream | None = None
    """To be opened instead of giving the answer, which is its first envelope."""
    cookies: dict[str, str] = field(default_factory=dict)


class Sandbox:
    """An Exchange server: the mailboxes, and how they are reached.

    `now` gives aware UTC datetimes and `clock` runs timers. Either an `exchange` that
    exists, or the accounts to make one with; without either, the default accounts.
    `sign_in` says how clients sign in, by default with Basic alone; `bearer` whose a
    token is that nobody has registered, None if it is no good.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        clock: IReactorTime,
        accounts: Iterable[Account] | None = None,
        exchange: Exchange | None = None,
        sign_in: SignIn | None = None,
        bearer: Judge | None = None,
    ) -> None:
        if exchange is None:
            chosen = default_accounts() if accounts is None else accounts
            exchange = Exchange(chosen, now=now)
        self.exchange = exchange
        self.behaviour = Behaviour(sign_in, self._seconds)
        self._moving: dict[str, float] = {}
        """Until when, by the GUIDs of mailboxes."""
        self.throttle = MailboxThrottle(self._seconds)
        self.tokens = BearerTokens(exchange, bearer)
        self.negotiation = Negotiation(exchange, self.tokens)
        self.calls: Counter[str] = Counter()
        """How often each operation was called."""
        self._clock = clock
        self.subscriptions = Subscriptions(exchange.now, self._seconds)

    def _seconds(self) -> float:
        return float(self._clock.seconds())

    def resource(self) -> Resource:
        """The root of the HTTP side; more can be put beside what is there."""
        return make_resource(self, self._clock)

    def site(self, root: Resource | None = None) -> Site:
        """A Site with a limit for request bodies, over `resource()` or another root."""
        return make_site(self.resource() if root is None else root, self._clock)

    def identity_token(
        self,
        address: str,
        audience: str,
        base_url: str,
        lifetime: int = tokens.LIFETIME,
        metadata_url: str | None = None,
    ) -> str:
        """See `tokens.mint`. Raises KeyError for an unknown address."""
        return tokens.mint(
            self.exchange.certificate,
            self.exchange.mailbox(address),
            audience=audience,
            base_url=base_url,
            now=self.exchange.now(),
            lifetime=lifetime,
            metadata_url=metadata_url,
        )

    def admit(self, caller: SandboxMailbox, body: bytes) -> Callable[[], None]:
        """Counts a request against its mailbox's limits; gives what its end is to
        call. Raises `EwsError`."""
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
        """Moves a mailbox to another server: for so long it cannot be reached, and
        then subscriptions and sync states are no good any more.

        Raises KeyError.
        """
        mailbox = self.exchange.mailbox(address)
        self._moving[mailbox.guid] = self._seconds() + seconds
        mailbox.moved()
        self.subscriptions.forget(mailbox)

    def streams(self) -> list[Stream]:
        """Those that are open."""
        return self.subscriptions.streams()

    def handle(
        self, caller: SandboxMailbox, body: bytes
    ) -> tuple[Answer, Fault | None]:
        """Carries out one request without any HTTP.

        The fault is what the transport has to do instead of, or with, the answer.
        """
        outcome = self.serve(caller, body)
        return outcome.answer, outcome.fault

    def serve(
        self,
        caller: SandboxMailbox,
        body: bytes,
        route: Route = Route(),  # noqa: B008 - frozen
    ) -> CallOutcome:
        """Carries out one request."""
        try:
            request = envelope.read(body)
            self.calls[request.operation] += 1
            # The address as the client says it, so that a fault can come even before
            # anybody looks whether there is such a mailbox.
            wanted = request.impersonate
            address = wanted[1] if wanted is not None else caller.address
            plan = self.behaviour.take(request.operation, address)
            fault = plan.whole
            if fault is not None and not fault.done_first:
                return CallOutcome(self._refuse(fault), fault)
            response, call = self._carry_out(caller, request, plan, route)
            if fault is not None and fault.is_code:
                return CallOutcome(envelope.fault(fault.error()), fault)
        except EwsError as error:
            return CallOutcome(envelope.fault(error))
        except signin.SignInForbidden:
            return CallOutcome((HTTPStatus.FORBIDDEN, b""))
        stream = None
        if call.opening is not None:
            chosen, minutes = call.opening
            stream = Stream(self.subscriptions, chosen, minutes, self._clock)
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
        route: Route,
    ) -> tuple[Element, Call]:
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
        mailbox = signin.acting_as(self.exchange, caller, request.impersonate)
        if self._moving.get(mailbox.guid, 0) > self._seconds():
            raise RequestFault("ErrorMailboxMoveInProgress")

        def fault_for(index: int) -> ItemFault | None:
            fault = plan.for_item(index)
            return None if fault is None else ItemFault(fault.error(), fault.after)

        call = Call(
            self.exchange,
            mailbox,
            request,
            fault_for,
            caller,
            self.subscriptions,
            route,
        )
        return operation(call), call
