"""The real clients of Exchange and a sandbox in one process, without HTTP between."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from twisted.internet.task import Clock

from benchmarks.graph_access import (
    CLIENT,
    SECRET,
    TENANT,
    open_graph,
    with_attendant,
)
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import EwsClient
from pexschedd.ews.error_messages import EwsTarget
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.ews.operations.get_item import build_get_messages, parse_messages
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.mailbox import GraphMailbox
from pexschedd.graph.mailbox_factory import graph_mailbox
from pexschedd.graph.transport import GraphResponse
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.sandbox import Item, Sandbox, default_accounts
from pexschedd.sandbox.graph.odata.graph_request import GraphRequest
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


class LocalGraph:
    """Hands requests over instead of sending them; see `graph.transport`."""

    host = "graph.microsoft.com"
    root = f"https://{host}/v1.0/"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def is_own(self, link: str) -> bool:
        return link.startswith(self.root)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> GraphResponse:
        path, _, query = url.removeprefix(self.root).partition("?")
        given = {name.lower(): value for name, value in headers.items()}
        request = GraphRequest(method, path, query, given, body or b"")
        answer = await self._sandbox.graph.serve(request)
        return GraphResponse(int(answer.status), dict(answer.headers), answer.body)

    async def close(self) -> None:
        pass


class LocalTokens:
    """Tokens straight from the sandbox's endpoint."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def token(self) -> str:
        url = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": f"https://{LocalGraph.host}/.default",
        }
        kind = "application/x-www-form-urlencoded"
        answer = self._sandbox.graph.token(TENANT, url, kind, urlencode(form).encode())
        return str(msgspec.json.decode(answer.body)["access_token"])

    def rejected(self, token: str) -> None:
        raise AssertionError("a token is refused")

    def challenged(self, token: str, claims: str) -> None:
        raise AssertionError("a token is challenged")


def local_graph_mailbox(sandbox: Sandbox) -> GraphMailbox:
    """The equipment mailbox over Graph, as the product sees it."""
    target = GraphTarget(LocalGraph.host, EQUIPMENT, CLIENT, integration=1)
    tokens: ChallengedTokenSource = LocalTokens(sandbox)
    client = GraphClient(cast(Any, LocalGraph(sandbox)), tokens, target)
    return graph_mailbox(client, method="RESPONSE", now=sandbox.exchange.now)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what waits for nothing."""
    try:
        work.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    work.close()
    raise AssertionError("it waits")


def new_sandbox(now: Callable[[], datetime], *, graph: bool = False) -> Sandbox:
    """A sandbox; with `graph`, one of Exchange Online."""
    accounts = default_accounts()
    if graph:
        accounts = with_attendant(accounts, EQUIPMENT)
    sandbox = Sandbox(now=now, clock=Clock(), accounts=accounts)
    if graph:
        open_graph(sandbox)
    return sandbox


def read(sandbox: Sandbox, item: Item) -> MeetingMessage:
    """A message in the equipment mailbox, as the product reads it."""
    request = build_get_messages(EQUIPMENT, [MessageRef(item.id)])
    caller = sandbox.exchange.mailbox(SVC)
    (_, answer), _ = sandbox.handle(caller, request)
    (message,) = parse_messages(answer, 1)
    assert isinstance(message, MeetingMessage), message
    return message
