"""One call to Exchange: a built request in, its parsed answer out.

Whatever goes wrong on the way becomes one of our errors, in words for administrators.
What may pass by itself within a moment is tried again here; what asks for a pause is
told to everybody who shares the mailbox.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from twisted.logger import Logger

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.envelope import (
    ItemProblem,
    ServerError,
    SoapError,
    in_older_version,
    operation_of,
)
from pexschedd.ews.error_messages import (
    PAGE_START,
    EwsTarget,
    HttpAnswer,
    connection_error,
    http_error,
    pause_of,
    server_error,
    soap_error,
)
from pexschedd.exchange.error_policy import (
    AnswerTooLarge,
    Retry,
    UnexplainedServerError,
    rule,
)
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.response_codes import metric_code
from pexschedd.exchange.throttle import RefusedRequest, SharedSlot, SharedThrottle
from pexschedd.net.errors import ConnectionFailure
from pexschedd.util.worker_processes import (
    HeavyWork,
    WorkAbandoned,
    work_at_once,
)

T = TypeVar("T")

_WITH_SOAP = (200, 500)
"""The statuses that come with an envelope: results, and faults."""

TRIES = 3
"""Before a refusal counts that some servers give at random."""


class Poster(Protocol):
    """The carrier of requests, such as `transport.Transport` over HTTP."""

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        """Send one request, and return the response whatever its HTTP status.

        Raises `ConnectionFailure` when there is none.
        """

    async def close(self) -> None:
        """Close the connections."""


class EwsClient:
    """Calls in the name of one mailbox.

    `throttle` says when a call may be made, and is told its outcome; without one, every
    call is made at once. `observer` sees each call. Answers are parsed as `heavy_work`:
    all that parses them has to be picklable.
    """

    _log = Logger()

    def __init__(
        self,
        transport: Poster,
        target: EwsTarget,
        throttle: SharedThrottle | None = None,
        observer: Observer | None = None,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._transport = transport
        self._target = target
        self._throttle = throttle
        self._observer = observer
        self._heavy_work = heavy_work
        self._older = False

    @property
    def back_off_seconds(self) -> float:
        """Seconds until a call may be made; 0: now."""
        return self._throttle.back_off_seconds if self._throttle else 0.0

    @property
    def concurrency(self) -> int | None:
        """The number of calls that may be made at once; None: any number."""
        return self._throttle.concurrency if self._throttle else None

    async def read(self, request: bytes, parse: Callable[[bytes], T]) -> T:
        """Make a call that may be repeated, for it changes nothing. Raises
        `MailboxError`."""
        return await self._call(request, parse, repeatable=True)

    async def write(self, request: bytes, parse: Callable[[bytes], T]) -> T:
        """Make a call that is never repeated blindly.

        When it raises `MailboxUnreachable` the server may have done it all the same.
        """
        return await self._call(request, parse, repeatable=False)

    def refuses(self, what: RefusedRequest) -> bool:
        """Return whether the server is known to refuse this."""
        return self._throttle is not None and self._throttle.refuses(what)

    def refused(self, what: RefusedRequest) -> None:
        """Remember that the server refuses this: the other way did what it did not."""
        self._log.info(
            "server refuses {what}, another way is used from now on host={host} "
            "mailbox={mailbox} integration={integration}",
            what=what,
            host=self._target.host,
            mailbox=self._target.mailbox,
            integration=self._target.integration,
        )
        if self._throttle is not None:
            self._throttle.refused(what)

    def error_for(self, problem: ItemProblem) -> MailboxError:
        """Return the error for an item's problem that is really the whole mailbox's."""
        error = server_error(problem, self._target)
        if isinstance(error, MailboxBusy) and self._throttle:
            self._throttle.mailbox.pause(error.retry_after)
        return self._with_wait(error)

    async def _call(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T:
        """Send a request, and try again after a pause.

        What the server refuses as a whole it has not begun: so writing may be tried
        again then, too.
        """
        for left in reversed(range(TRIES)):
            older = self._uses_older_version()
            sent = in_older_version(request) if older else request
            try:
                return await self._in_turn(sent, parse, repeatable=repeatable)
            except ServerError as error:
                reaction = rule(error.problem.code).whole
                if reaction is Retry.OLDER and not older:
                    self._use_older_version()
                elif reaction is not Retry.THRICE or not left:
                    raise self._with_wait(soap_error(error, self._target)) from error
        raise AssertionError("the last try returns or raises")

    async def _in_turn(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T:
        """Make one call once the throttle lets it through.

        Raises `ServerError` for an error of the whole request.
        """
        if self._throttle is None:
            return await self._once(request, parse, repeatable=repeatable)
        slot = await self._throttle.acquire()
        try:
            result = await self._once(request, parse, repeatable=repeatable)
        except ServerError as error:
            _apply_back_off(error.problem, slot)
            raise
        except UnexplainedServerError:
            # Perhaps only because of what was asked: no reason for all to pause.
            slot.failed()
            raise
        except MailboxBusy as busy:
            # Said in HTTP, by the server or by what stands before it.
            busy.retry_after = slot.server.pause(busy.retry_after)
            raise
        except MailboxUnreachable:
            slot.failed()
            raise
        except MailboxError:
            slot.succeeded()
            raise
        else:
            slot.succeeded()
            return result
        finally:
            slot.release()

    async def _once(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T:
        if self._observer is None:
            result, _ = await self._exchange(request, parse, repeatable=repeatable)
            return result
        ended = self._observer.begins(operation_of(request))
        try:
            result, date = await self._exchange(request, parse, repeatable=repeatable)
        except ServerError as error:
            ended(metric_code(error.problem.code), "")
            raise
        except MailboxError as error:
            ended(error.code, "")
            raise
        ended("ok", date)
        return result

    async def _exchange(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> tuple[T, str]:
        """The result, and the server's Date."""
        try:
            response = await self._transport.post(
                request, mailbox=self._target.mailbox, repeatable=repeatable
            )
        except ConnectionFailure as failure:
            raise connection_error(failure, self._target) from failure
        if not _may_hold_soap(response):
            self._log_refusal(request, response, "none")
            raise http_error(_http_answer(response), self._target)
        body = response.body
        try:
            result = await self._heavy_work(partial(parse, body), len(body))
        except (WorkAbandoned, MemoryError) as error:
            self._log_refusal(request, response, "none")
            raise AnswerTooLarge(
                f"The answer of {self._target.host} takes too long to read: {error}"
            ) from error
        except ServerError as error:
            self._log_refusal(request, response, error.problem.code)
            raise
        except SoapError as error:
            self._log_refusal(request, response, "not SOAP")
            raise soap_error(error, self._target) from error
        return result, response.headers.get("date", "")

    def _with_wait(self, error: MailboxError) -> MailboxError:
        """Give the error the pause that the throttle keeps, which may be longer."""
        if isinstance(error, MailboxBusy) and self.back_off_seconds:
            error.retry_after = self.back_off_seconds
        return error

    def _uses_older_version(self) -> bool:
        return self._throttle.mailbox.older if self._throttle else self._older

    def _use_older_version(self) -> None:
        """Make all requests in the older version, until the process ends."""
        self._log.info(
            "server does not know the version of the requests, an older one is used "
            "from now on host={host} mailbox={mailbox} integration={integration}",
            host=self._target.host,
            mailbox=self._target.mailbox,
            integration=self._target.integration,
        )
        self._older = True
        if self._throttle:
            self._throttle.mailbox.older = True

    def _log_refusal(self, request: bytes, response: HttpResponse, code: str) -> None:
        """Log what was refused, and the details that the people who run the server ask
        for first."""
        self._log.info(
            "server refused {operation} code={code} mailbox={mailbox} "
            "integration={integration} host={host} status={status} "
            "request_id={request_id} front_end={front} back_end={back}",
            operation=operation_of(request),
            code=code,
            mailbox=self._target.mailbox,
            integration=self._target.integration,
            host=self._target.host,
            status=response.status,
            request_id=response.headers.get("request-id", "unknown"),
            front=response.headers.get("x-feserver", "unknown"),
            back=response.headers.get("x-beserver", "unknown"),
        )

    async def close(self) -> None:
        """Close the transport's connections."""
        await self._transport.close()


def _apply_back_off(problem: ItemProblem, slot: SharedSlot) -> None:
    """Report the error of a whole request to the mailbox's throttle."""
    match rule(problem.code).whole:
        case Retry.LATER:
            slot.mailbox.pause(pause_of(problem))
        case Retry.FEWER:
            slot.mailbox.reduce_concurrency()
            slot.mailbox.pause(pause_of(problem))
        case _:
            slot.succeeded()


def _may_hold_soap(response: HttpResponse) -> bool:
    if response.status not in _WITH_SOAP:
        return False
    # A page with status 200 is looked into only to say that it is one.
    is_xml = "xml" in response.headers.get("content-type", "")
    return is_xml or response.status == 200


def _http_answer(response: HttpResponse) -> HttpAnswer:
    return HttpAnswer(
        response.status,
        offered=response.headers.get("www-authenticate", ""),
        location=response.headers.get("location", ""),
        retry_after=response.headers.get("retry-after", ""),
        date=response.headers.get("date", ""),
        received=response.received,
        diagnostics=response.headers.get("x-ms-diagnostics", ""),
        page=response.body[:PAGE_START].decode("latin-1"),
    )
