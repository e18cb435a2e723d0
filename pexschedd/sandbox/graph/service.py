"""Graph without its HTTP side: it carries out requests given as `GraphRequest`."""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web.http import datetimeToString

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.faults.behaviour import Behaviour
from pexschedd.sandbox.faults.fault import Fault
from pexschedd.sandbox.graph import routing
from pexschedd.sandbox.graph.attendant import CalendarAttendant
from pexschedd.sandbox.graph.calls import batch
from pexschedd.sandbox.graph.calls.calendar_states import CalendarStates
from pexschedd.sandbox.graph.calls.graph_call import GraphCall
from pexschedd.sandbox.graph.entities import folders, item_ids
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.mailbox_limits import MailboxLimits
from pexschedd.sandbox.graph.notifications.change_subscription import WatchedResource
from pexschedd.sandbox.graph.notifications.change_subscriptions import (
    ChangeSubscriptions,
)
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer, GraphRequest
from pexschedd.sandbox.graph.routing import GraphOperation
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin import token_endpoint
from pexschedd.sandbox.graph.signin.applications import (
    GraphApplication,
    GraphApplications,
)
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

_BATCH = "$batch"
_SUBSCRIBING = {"POST": "Create", "PATCH": "Update", "DELETE": "Delete"}


@dataclass
class _Step:
    """A request whose caller, operation and mailbox are known."""

    request: GraphRequest
    application: GraphApplication
    operation: GraphOperation
    parameters: dict[str, str]


def _worse(one: Fault | None, other: Fault | None) -> Fault | None:
    """Return the fault for the answer of a batch two of whose requests have one: an
    answer that is only slow would pass off as done what was not."""
    if one is None or other is None:
        return one or other
    return other if one.done_first else one


class GraphService:
    """Microsoft Graph over the mailboxes of an Exchange.

    `clock` returns what runs timers. `behaviour` has the faults on demand, `calls`
    counts operations, and `moving` says whether a mailbox is on the move. The
    organisation is one of Exchange Online as soon as there is an application.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], IReactorTime],
        behaviour: Behaviour,
        calls: Counter[str],
        moving: Callable[[SandboxMailbox], bool],
    ) -> None:
        self.exchange = exchange
        self.settings = GraphSettings()
        self.applications = GraphApplications(exchange.now)
        self.attendant = CalendarAttendant(
            exchange,
            clock,
            lambda: self.settings,
            lambda: len(self.applications) > 0,
        )
        self.behaviour = behaviour
        self._clock = clock
        self._calls = calls
        self._moving = moving
        self._states = CalendarStates()
        self.subscriptions = ChangeSubscriptions(
            exchange,
            clock,
            lambda: self.settings,
            self._watchable,
            lambda mailbox, name: folders.named(mailbox, name).name,
        )
        self._limits = MailboxLimits(
            lambda: float(clock().seconds()), lambda: self.settings
        )

    def token(
        self, tenant: str, url: str, content_type: str, body: bytes
    ) -> GraphAnswer:
        """Answer a request for a token at the endpoint with this address."""
        return token_endpoint.answer(
            self.applications, tenant, url, content_type, body, self.exchange.now()
        )

    async def serve(self, request: GraphRequest) -> GraphAnswer:
        """Carry out one request, or a batch of them."""
        try:
            application = self.applications.owner(
                request.headers.get("authorization", "")
            )
            if request.segments == [_BATCH]:
                if request.method != "POST":
                    raise GraphError("BadRequest", "Batches are posted.", 405)
                return await self._serve_batch(request, application)
            if [part.lower() for part in request.segments[:1]] == ["subscriptions"]:
                return await self._serve_subscription(request, application)
        except GraphError as error:
            return self._refuse(error, request)
        return await self._serve_one(request, application)

    async def _serve_subscription(
        self, request: GraphRequest, application: GraphApplication
    ) -> GraphAnswer:
        name = f"Graph{_SUBSCRIBING.get(request.method, 'Get')}Subscription"
        self._calls[name] += 1
        fault = self.behaviour.take(name, "").whole
        if fault is not None and not fault.done_first:
            return self._spoiled(fault, request)
        await self._wait()
        answer = await self.subscriptions.serve(request, application)
        answer.pace = fault
        return answer

    async def _serve_one(
        self, request: GraphRequest, application: GraphApplication
    ) -> GraphAnswer:
        leave = None
        try:
            step = self._step(request, application)
            leave = self._enter(step)
            await self._wait()
            return self._carry_out(step)
        except GraphError as error:
            return self._refuse(error, request)
        finally:
            if leave is not None:
                leave()

    async def _serve_batch(
        self, outer: GraphRequest, application: GraphApplication
    ) -> GraphAnswer:
        """Carry out the requests of a batch: in their order if one of them depends on
        another, else four at a time."""
        steps = batch.read(outer)
        outcomes: dict[str, dict[str, Any]] = {}
        pace = None
        size = 1 if any(each.after for each in steps) else self.settings.concurrent
        for begin in range(0, len(steps), size):
            wave = steps[begin : begin + size]
            leaves: list[Callable[[], None]] = []
            ready: list[tuple[str, _Step]] = []
            for each in wave:
                if any(outcomes[i.lower()]["status"] >= 400 for i in each.after):
                    outcomes[each.id.lower()] = batch.failed_dependency(each.id)
                    continue
                try:
                    step = self._step(each.request, application)
                    leaves.append(self._enter(step))
                    ready.append((each.id, step))
                except GraphError as error:
                    answer = self._refuse(error, each.request)
                    outcomes[each.id.lower()] = batch.written(each.id, answer)
            try:
                await self._wait()
                for identifier, step in ready:
                    try:
                        answer = self._carry_out(step)
                    except GraphError as error:
                        answer = self._refuse(error, step.request)
                    pace = _worse(pace, answer.pace)
                    outcomes[identifier.lower()] = batch.written(identifier, answer)
            finally:
                for leave in leaves:
                    leave()
        # In another order than they were asked for: clients go by the ids.
        found = sorted(outcomes.values(), key=lambda each: (each["status"], each["id"]))
        return GraphAnswer(document={"responses": found}, pace=pace)

    async def _wait(self) -> None:
        latency = self.behaviour.latency + self.settings.latency_ms / 1000
        if latency:
            await deferLater(self._clock(), latency)

    def _step(self, request: GraphRequest, application: GraphApplication) -> _Step:
        operation, parameters = routing.find(request.method, request.segments)
        return _Step(request, application, operation, parameters)

    def _enter(self, step: _Step) -> Callable[[], None]:
        """Count a request in; return a function to be called at its end.

        Raises `GraphError` if it is one too many.
        """
        return self._limits.enter(
            step.application.client_id, step.parameters.get("user", "")
        )

    def _carry_out(self, step: _Step) -> GraphAnswer:
        operation, user = step.operation, step.parameters.get("user", "")
        name = f"Graph{operation.name}"
        self._calls[name] += 1
        mailbox = self._mailbox(user)
        address = user if mailbox is None else mailbox.address
        fault = self.behaviour.take(name, address).whole
        if fault is not None and not fault.done_first:
            return self._spoiled(fault, step.request)
        if mailbox is None:
            raise GraphError(
                "ErrorInvalidUser", f"The requested user '{user}' is invalid."
            )
        self._check(step, mailbox)
        call = GraphCall(
            step.request,
            self.exchange,
            step.application,
            self.settings,
            mailbox,
            self._states,
            step.parameters,
            self.attendant.answered,
            fault.kind if fault is not None and fault.is_graph_page else "",
            self.behaviour.late_meetings,
        )
        try:
            answer = operation.run(call)
        except EwsError as error:
            raise GraphError.of(error) from None
        if fault is None or fault.is_graph_page:
            return answer
        if fault.after and (fault.status or fault.graph_code):
            return self._spoiled(fault, step.request)
        answer.pace = fault
        return answer

    def _mailbox(self, user: str) -> SandboxMailbox | None:
        found = self.exchange.find(user) or self.exchange.with_guid(user.lower())
        if found is None or found.account.mailbox_type != "Mailbox":
            return None
        return found

    def _watchable(
        self, application: GraphApplication, watched: WatchedResource
    ) -> SandboxMailbox:
        """Return the mailbox of a resource that is to be watched. Raises
        `GraphError`."""
        mailbox = self._mailbox(watched.user)
        if mailbox is None:
            raise GraphError("ErrorInvalidUser")
        mail = watched.kind == "Message"
        roles = ("Mail.ReadBasic",) if mail else ("Calendars.Read",)
        if not application.may(roles, mailbox):
            raise GraphError("ErrorAccessDenied")
        return mailbox

    def _check(self, step: _Step, mailbox: SandboxMailbox) -> None:
        account = mailbox.account
        hidden = {each.casefold() for each in self.settings.without_rest}
        if account.address.casefold() in hidden:
            raise GraphError("MailboxNotEnabledForRESTAPI")
        if not step.application.may(step.operation.roles, mailbox):
            raise GraphError("ErrorAccessDenied")
        calendar = step.parameters.get("calendar")
        folder = mailbox.folders["calendar"]
        if calendar not in (None, item_ids.folder_id(folder)):
            raise GraphError("ErrorItemNotFound")
        if self._moving(mailbox):
            raise GraphError("ErrorMailboxMoveInProgress")

    def _refuse(self, error: GraphError, request: GraphRequest) -> GraphAnswer:
        identifier = str(uuid.uuid4())
        theirs = request.headers.get("client-request-id", "")[:100]
        inner = {
            "date": self.exchange.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": identifier,
            "client-request-id": theirs or identifier,
        }
        document = {
            "error": {
                "code": error.code,
                "message": error.message,
                "innerError": inner,
            }
        }
        return GraphAnswer(error.status, document, headers=error.headers)

    def _spoiled(self, fault: Fault, request: GraphRequest) -> GraphAnswer:
        """Return the answer of a fault on demand instead of the right one."""
        headers = {}
        if fault.retry_after_s is not None:
            headers["retry-after"] = str(fault.retry_after_s)
        elif fault.retry_after_date_s is not None:
            until = self.exchange.now().timestamp() + fault.retry_after_date_s
            headers["retry-after"] = datetimeToString(until).decode()
        code = fault.graph_code
        if code is None and fault.status == HTTPStatus.TOO_MANY_REQUESTS:
            code = "ApplicationThrottled"
        if code is not None:
            error = GraphError(code, fault.message, headers=headers)
            return self._refuse(error, request)
        if fault.status is not None and fault.status >= HTTPStatus.BAD_REQUEST:
            # Gateways answer without a body.
            return GraphAnswer(fault.status, headers=headers)
        return GraphAnswer(pace=fault)
