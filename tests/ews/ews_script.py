"""A server that follows a script: for tests of what is asked, and of what is made of
the answers."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from lxml import etree
from twisted.internet.defer import Deferred

from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import EwsClient
from pexschedd.ews.error_messages import EwsTarget
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.model.meeting import MessageRef
from tests.ews.ews_support import failure, response, success

T = TypeVar("T")
SITE = EwsTarget(
    "https://mail.example.test/EWS/Exchange.asmx", "svc", "room@example.test"
)


class Asked:
    """One request, as the script sees it."""

    def __init__(self, body: bytes, repeatable: bool, mailbox: str) -> None:
        root = etree.fromstring(body)
        impersonated = root.find(".//{*}ConnectingSID")
        assert impersonated is not None
        assert impersonated[0].text == mailbox, "the anchor is somebody else"
        self.mailbox = mailbox
        content = root.find("{*}Body")
        assert content is not None
        self.element = content[0]
        self.operation = etree.QName(content[0]).localname
        self.repeatable = repeatable
        self.disposition = content[0].get("MessageDisposition")
        self.ids = [str(each.get("Id")) for each in content.iter("{*}ItemId")]
        self.said = [
            f"{etree.QName(each.getparent()).localname} {each.get('Id')}"
            + (f" {each.get('ChangeKey')}" if each.get("ChangeKey") != "ck" else "")
            for each in content.iter("{*}ReferenceItemId")
        ]

    def __repr__(self) -> str:
        return " ".join([self.operation, *(self.ids or self.said)])


Line = Callable[[Asked], bytes | int]
"""A document, or the status of an answer without one."""


class Script:
    """Answers the requests one after the other; the last line stays."""

    def __init__(self, *lines: Line | bytes | Exception) -> None:
        self._lines = list(lines)
        self.asked: list[Asked] = []
        self.closed = False

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        self.asked.append(Asked(body, repeatable, mailbox))
        line = self._lines.pop(0) if len(self._lines) > 1 else self._lines[0]
        if isinstance(line, Exception):
            raise line
        data = line if isinstance(line, bytes) else line(self.asked[-1])
        if isinstance(data, int):
            return HttpResponse(data, {"content-type": "text/html"}, b"")
        return HttpResponse(200, {"content-type": "text/xml"}, data)

    async def close(self) -> None:
        self.closed = True

    def mailbox(self, **sizes: int) -> EwsMailbox:
        return EwsMailbox(EwsClient(self, SITE), SITE, **sizes)


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    results: list[T] = []
    errors: list[BaseException] = []
    deferred = Deferred.fromCoroutine(coroutine)
    deferred.addCallbacks(results.append, lambda f: errors.append(f.value))
    if errors:
        raise errors[0]
    return results[0]


def refs(*names: str) -> list[MessageRef]:
    return [MessageRef(name, "ck") for name in names]


def doing(*codes: str) -> Line:
    """An answer to CreateItem or MoveItem: a code for each thing, "" for success."""

    def line(asked: Asked) -> bytes:
        name = asked.operation
        assert len(codes) in (0, len(asked.ids) + len(asked.said)), asked
        count = len(asked.ids) + len(asked.said)
        return response(
            name,
            *(
                failure(name, code, "TEXT") if code else success(name, "<m:Items/>")
                for code in codes or [""] * count
            ),
        )

    return line


def working(asked: Asked, line: Line) -> bytes | int:
    """A server that opens the inbox whatever else it does."""
    if asked.operation == "GetFolder":
        return response("GetFolder", success("GetFolder"))
    return line(asked)
