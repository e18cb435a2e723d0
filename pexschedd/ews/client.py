"""One call to Exchange: a built request in, its parsed answer out.

Whatever goes wrong on the way becomes one of our errors, in words for administrators.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.logger import Logger

from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.envelope import SoapError
from pexschedd.ews.faults import (
    HttpAnswer,
    Site,
    connection_error,
    http_error,
    soap_error,
)
from pexschedd.net.trouble import ConnectionTrouble

T = TypeVar("T")

_WITH_SOAP = (200, 500)
"""The statuses that come with an envelope: results, and faults."""


class Poster(Protocol):
    """What carries requests; `transport.Transport` over HTTP."""

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        """Raises `ConnectionTrouble`; any HTTP status is an answer."""

    async def close(self) -> None: ...


class EwsClient:
    """Calls in the name of one mailbox."""

    _log = Logger()

    def __init__(self, transport: Poster, site: Site) -> None:
        self._transport = transport
        self._site = site

    async def read(self, request: bytes, parse: Callable[[bytes], T]) -> T:
        """A call that changes nothing and may be made twice. Raises `MailboxError`."""
        return await self._call(request, parse, repeatable=True)

    async def write(self, request: bytes, parse: Callable[[bytes], T]) -> T:
        """A call that is never repeated blindly.

        When it raises `MailboxUnreachable` the server may have done it all the same.
        """
        return await self._call(request, parse, repeatable=False)

    async def _call(
        self, request: bytes, parse: Callable[[bytes], T], *, repeatable: bool
    ) -> T:
        try:
            response = await self._transport.post(
                request, mailbox=self._site.mailbox, repeatable=repeatable
            )
        except ConnectionTrouble as trouble:
            raise connection_error(trouble, self._site) from trouble
        if not _may_hold_soap(response):
            self._log_refusal(response)
            raise http_error(_http_answer(response), self._site)
        try:
            return parse(response.body)
        except SoapError as error:
            self._log_refusal(response)
            raise soap_error(error, self._site) from error

    def _log_refusal(self, response: HttpResponse) -> None:
        """What the people who run the server ask for first."""
        self._log.info(
            "{host} did not do as asked: HTTP {status}, request-id {request_id}, "
            "front end {front}, back end {back}",
            host=self._site.host,
            status=response.status,
            request_id=response.headers.get("request-id", "unknown"),
            front=response.headers.get("x-feserver", "unknown"),
            back=response.headers.get("x-beserver", "unknown"),
        )

    async def close(self) -> None:
        await self._transport.close()


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
        diagnostics=response.headers.get("x-ms-diagnostics", ""),
    )
