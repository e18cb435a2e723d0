"""The real Exchange client and a sandbox in one process, without HTTP between them."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from twisted.internet.task import Clock

from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import EwsClient
from pexschedd.ews.error_messages import EwsTarget
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.ews.operations.get_item import build_get_messages, parse_messages
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.sandbox import Item, Sandbox
from tests.sandbox.sandbox_support import EQUIPMENT, SVC

T = TypeVar("T")


class LocalPoster:
    """Hands requests over instead of sending them; see `ews.client`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        caller = self._sandbox.exchange.mailbox(SVC)
        (status, answer), fault = self._sandbox.handle(caller, body)
        assert fault is None
        return HttpResponse(int(status), {"content-type": "text/xml"}, answer)

    async def close(self) -> None:
        pass


def local_mailbox(sandbox: Sandbox) -> EwsMailbox:
    """The equipment mailbox, as the product sees it."""
    site = EwsTarget("https://mail.example.test/EWS/Exchange.asmx", SVC, EQUIPMENT)
    return EwsMailbox(EwsClient(LocalPoster(sandbox), site), site)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what waits for nothing."""
    try:
        work.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    work.close()
    raise AssertionError("it waits")


def new_sandbox(now: Callable[[], datetime]) -> Sandbox:
    return Sandbox(now=now, clock=Clock())


def read(sandbox: Sandbox, item: Item) -> MeetingMessage:
    """A message in the equipment mailbox, as the product reads it."""
    request = build_get_messages(EQUIPMENT, [MessageRef(item.id)])
    caller = sandbox.exchange.mailbox(SVC)
    (_, answer), _ = sandbox.handle(caller, request)
    (message,) = parse_messages(answer, 1)
    assert isinstance(message, MeetingMessage), message
    return message
