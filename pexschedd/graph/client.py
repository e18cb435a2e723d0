"""Requests to Microsoft Graph in the name of an application, for one mailbox.

What concerns the whole mailbox becomes one of our errors, in words for administrators;
what concerns only the thing asked for is returned as a `GraphProblem`. What asks for a
pause is told to everybody who shares the mailbox. Graph takes four requests at a time
of an application for a mailbox, and runs as many of a batch at once: so one request, or
one batch, is under way for a mailbox.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import TypeVar

import msgspec
from twisted.logger import Logger

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.exchange.error_policy import AnswerTooLarge, UnexplainedServerError
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedSlot, SharedThrottle
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.graph.batch import batch_body, batch_results, pause_in
from pexschedd.graph.error_messages import (
    GraphTarget,
    common_problem,
    connection_error,
    not_graph,
    refusal,
)
from pexschedd.graph.error_policy import is_of_one, metric_code, rule_of
from pexschedd.graph.problems import MAX_BODY, GraphProblem, problem_of, text_of
from pexschedd.graph.requests import ApiRequest
from pexschedd.graph.transport import GraphResponse, GraphTransport
from pexschedd.net.errors import ConnectionFailure, NeverAnsweredError
from pexschedd.util.worker_processes import HeavyWork, WorkAbandoned, work_at_once

T = TypeVar("T")

CONCURRENCY = 1
"""Requests or batches for a mailbox at a time: for its `Throttle`."""

MAX_CLAIMS = 4096
"""Characters of a challenge's claims."""

_CLAIMS = re.compile(r'claims="([A-Za-z0-9+/=_-]{1,8192})"')


def ignore_body(_body: bytes) -> None:
    """Read nothing: for requests whose success says all."""


class GraphClient:
    """Requests for one mailbox.

    `throttle` says when a request may be sent, and is told its outcome; `observer`
    sees each. Answers are parsed as `heavy_work`: all that parses them has to be
    picklable, and raises `ValueError` for what is not as expected.
    """

    _log = Logger()

    def __init__(
        self,
        transport: GraphTransport,
        tokens: ChallengedTokenSource,
        target: GraphTarget,
        throttle: SharedThrottle | None = None,
        observer: Observer | None = None,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self.target = target
        self._throttle = throttle
        self._observer = observer
        self.heavy_work = heavy_work
        """Does what may take long."""

    @property
    def back_off_seconds(self) -> float:
        """Seconds until a request may be sent; 0: now."""
        return self._throttle.back_off_seconds if self._throttle else 0.0

    @property
    def concurrency(self) -> int | None:
        """The number of requests that may be under way; None: any number."""
        return self._throttle.concurrency if self._throttle else None

    async def read(
        self, request: ApiRequest, parse: Callable[[bytes], T]
    ) -> T | GraphProblem:
        """Send a request that changes nothing: it is sent a second time if its
        connection was lost without an answer. Raises `MailboxError`."""
        return await self._single(request, parse, repeatable=True)

    async def write(
        self, request: ApiRequest, parse: Callable[[bytes], T]
    ) -> T | GraphProblem:
        """Send a request that is never repeated blindly.

        When it raises `MailboxUnreachable` the server may have done it all the same.
        """
        return await self._single(request, parse, repeatable=False)

    async def look(
        self, request: ApiRequest, parse: Callable[[bytes], T]
    ) -> T | GraphProblem:
        """Send a request past the throttle, and return whatever Graph refuses as a
        problem: for an examination. Raises `MailboxError` without token or answer."""
        return await self._observed(request, parse, repeatable=False)

    async def follow(
        self,
        link: str,
        parse: Callable[[bytes], T],
        *,
        name: str,
        prefer: Sequence[str] = (),
    ) -> T | GraphProblem:
        """Get what a link of an earlier answer leads to, as it is written there.

        `name` is that of an `ApiRequest`. Raises `MailboxRefused`, and sends nothing,
        for a link to another server.
        """
        if not self._transport.is_own(link):
            raise MailboxRefused(
                f"{self.target.host} sends us to another server ({link[:100]!a}), "
                "which gets no token of ours."
            )
        path = link.removeprefix(self._transport.root)
        request = ApiRequest(name=name, method="GET", path=path, prefer=tuple(prefer))
        return await self.read(request, parse)

    async def batch(
        self, requests: Sequence[ApiRequest], parse: Callable[[bytes], T]
    ) -> list[T | GraphProblem]:
        """Send up to twenty requests as one; return their results in order.

        Raises `MailboxError` when the batch got no usable answer, and when all of its
        requests have the same problem of the whole mailbox. It is never repeated.
        """
        whole = ApiRequest(
            name="$batch", method="POST", path="$batch", body=batch_body(requests)
        )
        count = len(requests)
        read = partial(batch_results, parse=parse, count=count)
        async with _Turn(self._throttle) as slot:
            found = await self._observed(whole, read, repeatable=False)
            if isinstance(found, GraphProblem):
                raise self._raised(found, slot)
            found = [
                _of_request(each, request)
                for each, request in zip(found, requests, strict=True)
            ]
            problems = [each for each in found if isinstance(each, GraphProblem)]
            self._log_problems(requests, found)
            pauses = [p for p in problems if rule_of(p).error is MailboxBusy]
            if pauses and slot is not None:
                slot.mailbox.pause(max(p.retry_after or 0.0 for p in pauses) or None)
            elif slot is not None:
                slot.succeeded()
        problem = common_problem(found)
        if problem is not None:
            raise self.error_for(problem)
        return found

    def for_role(self, role: str) -> "GraphClient":
        """Return a client for the same mailbox whose errors name another role.

        It shares the transport, which only one of them has to close.
        """
        other = copy(self)
        other.target = msgspec.structs.replace(self.target, role=role)
        return other

    def error_for(self, problem: GraphProblem) -> MailboxError:
        """Return the error for one thing's problem that is the whole mailbox's."""
        error = refusal(problem, self.target)
        if isinstance(error, MailboxBusy) and self.back_off_seconds:
            error.retry_after = self.back_off_seconds
        return error

    async def close(self) -> None:
        """Close the transport's connections."""
        await self._transport.close()

    async def _single(
        self, request: ApiRequest, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T | GraphProblem:
        async with _Turn(self._throttle) as slot:
            found = await self._observed(request, parse, repeatable=repeatable)
            found = _of_request(found, request)
            if isinstance(found, GraphProblem) and not is_of_one(found):
                raise self._raised(found, slot)
            if slot is not None:
                slot.succeeded()
            return found

    def _raised(self, problem: GraphProblem, slot: SharedSlot | None) -> MailboxError:
        """Return the error for a request's problem, and tell the throttle."""
        error = refusal(problem, self.target)
        if slot is None:
            return error
        if isinstance(error, UnexplainedServerError) and error.retry_after is None:
            # Perhaps only because of what was asked: no reason for all to pause.
            slot.failed()
        elif isinstance(error, MailboxBusy):
            error.retry_after = slot.mailbox.pause(error.retry_after)
        else:
            slot.succeeded()
        return error

    async def _observed(
        self, request: ApiRequest, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T | GraphProblem:
        if self._observer is None:
            found, _ = await self._exchange(request, parse, repeatable=repeatable)
            return found
        ended = self._observer.begins(request.name)
        try:
            found, date = await self._exchange(request, parse, repeatable=repeatable)
        except MailboxError as error:
            ended(error.code, "")
            raise
        if isinstance(found, GraphProblem):
            ended(metric_code(found), date)
        else:
            ended("ok", date)
        return found

    async def _exchange(
        self, request: ApiRequest, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> tuple[T | GraphProblem, str]:
        """The result, and the server's Date."""
        response = await self._signed_in(request, repeatable=repeatable)
        date = response.headers.get("date", "")
        if not 200 <= response.status < 300:
            pause = pause_in(response.headers)
            problem = problem_of(response.status, response.body, pause)
            self._log_refusal(request, response, problem)
            return problem, date
        body = response.body
        try:
            found = await self.heavy_work(partial(parse, body), len(body))
        except (WorkAbandoned, MemoryError) as error:
            raise AnswerTooLarge(
                f"The answer of {self.target.host} takes too long to read: {error}"
            ) from error
        except ValueError as error:
            raise not_graph(str(error)[:200], self.target) from None
        return found, date

    async def _signed_in(
        self, request: ApiRequest, *, repeatable: bool
    ) -> GraphResponse:
        """Send a request with a token; a refused token is replaced once. What was
        refused has done nothing."""
        token = await self._tokens.token()
        response = await self._send(request, token, repeatable=repeatable)
        if response.status != 401:
            return without_token(response, token)
        claims = _claims(response.headers.get("www-authenticate", ""))
        if claims:
            self._tokens.challenged(token, claims)
        else:
            self._tokens.rejected(token)
        fresh = await self._tokens.token()
        if fresh == token:
            return without_token(response, token)
        response = await self._send(request, fresh, repeatable=repeatable)
        return without_token(response, fresh)

    async def _send(
        self, request: ApiRequest, token: str, *, repeatable: bool
    ) -> GraphResponse:
        url = self._transport.root + request.path
        headers = {**request.headers, "Authorization": f"Bearer {token}"}
        body = _encoded(request)
        try:
            try:
                return await self._transport.send(request.method, url, headers, body)
            except NeverAnsweredError:
                if not repeatable:
                    raise
                return await self._transport.send(request.method, url, headers, body)
        except ConnectionFailure as failure:
            raise connection_error(failure, self.target) from failure

    def _log_problems(
        self, requests: Sequence[ApiRequest], found: Sequence[object]
    ) -> None:
        for request, each in zip(requests, found, strict=True):
            if isinstance(each, GraphProblem):
                self._log.info(
                    "server refused {operation} code={code} mailbox={mailbox} "
                    "integration={integration} host={host} status={status}",
                    operation=request.name,
                    code=each.code or "none",
                    mailbox=self.target.mailbox,
                    integration=self.target.integration,
                    host=self.target.host,
                    status=each.status,
                )

    def _log_refusal(
        self, request: ApiRequest, response: GraphResponse, problem: GraphProblem
    ) -> None:
        """Log what was refused, and the details that Microsoft asks for first."""
        self._log.info(
            "server refused {operation} code={code} mailbox={mailbox} "
            "integration={integration} host={host} status={status} "
            "request_id={request_id} diagnostic={diagnostic}",
            operation=request.name,
            code=problem.code or "none",
            mailbox=self.target.mailbox,
            integration=self.target.integration,
            host=self.target.host,
            status=response.status,
            request_id=text_of(response.headers.get("request-id", "unknown"))[:100],
            diagnostic=text_of(response.headers.get("x-ms-ags-diagnostic", "unknown")),
        )


def without_token(response: GraphResponse, token: str) -> GraphResponse:
    """Return a refusal without the token, which something on the way may repeat, with
    all that it was sent: administrators read what is refused, and so does the log."""
    secret = token.encode()
    if 200 <= response.status < 300 or secret not in response.body[:MAX_BODY]:
        return response
    body = response.body[:MAX_BODY].replace(secret, b"...")
    return msgspec.structs.replace(response, body=body)


class _Turn:
    """One turn at a mailbox: waits for it, and gives it back.

    A connection without an answer is told to the throttle.
    """

    def __init__(self, throttle: SharedThrottle | None) -> None:
        self._throttle = throttle
        self._slot: SharedSlot | None = None

    async def __aenter__(self) -> SharedSlot | None:
        if self._throttle is not None:
            self._slot = await self._throttle.acquire()
        return self._slot

    async def __aexit__(self, _type: object, error: object, _trace: object) -> None:
        if self._slot is None:
            return
        if isinstance(error, MailboxUnreachable):
            self._slot.failed()
        self._slot.release()


def _of_request(result: T | GraphProblem, request: ApiRequest) -> T | GraphProblem:
    """Return a result with the role that its request needs, if it is a problem."""
    if request.role and isinstance(result, GraphProblem):
        return msgspec.structs.replace(result, role=request.role)
    return result


def _encoded(request: ApiRequest) -> bytes | None:
    if request.body is None:
        return None
    if request.content_type != "application/json":
        return str(request.body).encode()
    return msgspec.json.encode(request.body)


def _claims(challenge: str) -> str:
    """Return the claims that a challenge asks for (JSON); "" if it asks for none."""
    match = _CLAIMS.search(challenge)
    if match is None:
        return ""
    encoded = match[1].replace("-", "+").replace("_", "/").rstrip("=")
    try:
        text = b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        found = msgspec.json.decode(text)
    except (Base64Error, ValueError, RecursionError):
        return ""
    return text if isinstance(found, dict) and len(text) <= MAX_CLAIMS else ""
