"""One call to Exchange: a built request in, its parsed answer out.

Whatever goes wrong on the way becomes one of our errors, in words for administrators.
What may pass by itself within a moment is tried again here; what asks for a pause is
told to everybody who shares the mailbox.
"""

from collections.abc import Callable
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
from pexschedd.ews.error_policy import Retry, ServerStumbled, rule
from pexschedd.ews.throttle import SharedSlot, SharedThrottle
from pexschedd.net.errors import ConnectionFailure

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
        """Raises `ConnectionFailure`; any HTTP status is an answer."""

    async def close(self) -> None:
        """Close the connections."""


class Observer(Protocol):
    """Counts and times the calls."""

    def begins(self, operation: str) -> Callable[[str, str], None]:
        """A call is sent. What is returned is told how it ended: "ok" or the error's
        stable code or response code, and the Date header of the answer, if any."""


class EwsClient:
    """Calls in the name of one mailbox.

    `patience` is asked whether a call may be made, and told what became of it;
    without it, every call is made. `observer` sees each.
    """

    _log = Logger()

    def __init__(
        self,
        transport: Poster,
        target: EwsTarget,
        patience: SharedThrottle | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._transport = transport
        self._target = target
        self._patience = patience
        self._observer = observer
        self._older = False

    @property
    def back_off_seconds(self) -> float:
        """Until something may be sent; 0: now."""
        return self._patience.back_off_seconds if self._patience else 0.0

    @property
    def concurrency(self) -> int | None:
        """Calls that may be under way together; None: nobody counts them."""
        return self._patience.concurrency if self._patience else None

    async def read(self, request: bytes, parse: Callable[[bytes], T]) -> T:
        """A call that changes nothing and may be made twice. Raises `MailboxError`."""
        return await self._call(request, parse, repeatable=True)

    async def write(self, request: bytes, parse: Callable[[bytes], T]) -> T:
        """A call that is never repeated blindly.

        When it raises `MailboxUnreachable` the server may have done it all the same.
        """
        return await self._call(request, parse, repeatable=False)

    def error_for(self, problem: ItemProblem) -> MailboxError:
        """For a problem in an answer that turned out not to be a single item's."""
        error = server_error(problem, self._target)
        if isinstance(error, MailboxBusy) and self._patience:
            self._patience.mailbox.pause(error.retry_after)
        return self._with_wait(error)

    async def _call(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T:
        """Send a request, and try again after a pause.

        What the server refuses as a whole it has not begun: so writing may be tried
        again then, too.
        """
        for left in reversed(range(TRIES)):
            older = self._speaks_older()
            sent = in_older_version(request) if older else request
            try:
                return await self._in_turn(sent, parse, repeatable=repeatable)
            except ServerError as error:
                reaction = rule(error.problem.code).whole
                if reaction is Retry.OLDER and not older:
                    self._speak_older()
                elif reaction is not Retry.THRICE or not left:
                    raise self._with_wait(soap_error(error, self._target)) from error
        raise AssertionError("the last try returns or raises")

    async def _in_turn(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T:
        """Raises `ServerError` for what the server says of the whole request."""
        if self._patience is None:
            return await self._once(request, parse, repeatable=repeatable)
        turns = await self._patience.turn()
        try:
            result = await self._once(request, parse, repeatable=repeatable)
        except ServerError as error:
            _apply_back_off(error.problem, turns)
            raise
        except ServerStumbled:
            # Perhaps only because of what was asked: no reason for all to pause.
            turns.failed()
            raise
        except MailboxBusy as busy:
            # Said in HTTP, by the server or by what stands before it.
            busy.retry_after = turns.server.busy(busy.retry_after)
            raise
        except MailboxUnreachable:
            turns.failed()
            raise
        except MailboxError:
            turns.well()
            raise
        else:
            turns.well()
            return result
        finally:
            turns.over()

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
            ended(error.problem.code, "")
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
            self._log_refusal(response)
            raise http_error(_http_answer(response), self._target)
        try:
            return parse(response.body), response.headers.get("date", "")
        except ServerError:
            self._log_refusal(response)
            raise
        except SoapError as error:
            self._log_refusal(response)
            raise soap_error(error, self._target) from error

    def _with_wait(self, error: MailboxError) -> MailboxError:
        """A pause that all obey may be longer than what the server asked for."""
        if isinstance(error, MailboxBusy) and self.back_off_seconds:
            error.retry_after = self.back_off_seconds
        return error

    def _speaks_older(self) -> bool:
        return self._patience.mailbox.older if self._patience else self._older

    def _speak_older(self) -> None:
        """From now on, as long as this process lives."""
        self._log.info(
            "{mailbox}: the server does not know the version of the requests; they "
            "are made in an older one from now on",
            mailbox=self._target.mailbox,
        )
        self._older = True
        if self._patience:
            self._patience.mailbox.older = True

    def _log_refusal(self, response: HttpResponse) -> None:
        """Log the details that the people who run the server ask for first."""
        self._log.info(
            "server refused request host={host} status={status} "
            "request_id={request_id} front_end={front} back_end={back}",
            host=self._target.host,
            status=response.status,
            request_id=response.headers.get("request-id", "unknown"),
            front=response.headers.get("x-feserver", "unknown"),
            back=response.headers.get("x-beserver", "unknown"),
        )

    async def close(self) -> None:
        """Close the transport's connections."""
        await self._transport.close()


def _apply_back_off(problem: ItemProblem, turns: SharedSlot) -> None:
    """Tell the other users of the mailbox what was said of the whole request."""
    match rule(problem.code).whole:
        case Retry.LATER:
            turns.mailbox.busy(pause_of(problem))
        case Retry.FEWER:
            turns.mailbox.fewer()
            turns.mailbox.busy(pause_of(problem))
        case _:
            turns.well()


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
