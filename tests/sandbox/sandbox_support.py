"""A sandbox that checks its own answers, and a bare EWS client to ask it with.

Every answer that the tests see, those to exchangelib included, is validated against
Exchange's own schema when that is at hand.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from lxml import etree
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from pexschedd.sandbox import Account, Item, Sandbox, SandboxMailbox
from tests.schemas import EWS, found_schema

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MEETING = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALICE, BOB = "alice@example.test", "bob@example.test"
EQUIPMENT, ROOM = "pexipmeeting@example.test", "room1@example.test"
SVC = "svc@example.test"
INBOX = '<t:DistinguishedFolderId Id="inbox"/>'

NS = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
Element = etree._Element


def schema() -> Any:
    """Exchange's schema, or None where it is not at hand."""
    return found_schema(EWS)


def put_right(envelope: Element) -> Element:
    """Two elements of streams are in another namespace than the schema has them:
    servers and clients agree against it."""
    wrong = [*envelope.iterfind(".//m:Notifications/m:Notification", NS)]
    wrong += envelope.iterfind(".//m:ErrorSubscriptionIds/m:SubscriptionId", NS)
    for element in wrong:
        element.tag = f"{{{NS['t']}}}{etree.QName(element).localname}"
    return envelope


class CheckedSandbox(Sandbox):
    """Notes every answer that the schema does not allow in `wrong`."""

    def __init__(
        self,
        clock: IReactorTime | None = None,
        accounts: list[Account] | None = None,
        now: datetime = START,
    ) -> None:
        self.moment = now
        self.wrong: list[str] = []
        self.checked = 0
        super().__init__(
            now=lambda: self.moment, clock=clock or Clock(), accounts=accounts
        )

    def serve(self, caller: SandboxMailbox, body: bytes, *more: Any) -> Any:
        result = super().serve(caller, body, *more)
        _, answer = result.answer
        if schema() is not None and answer:
            self.checked += 1
            document = put_right(etree.fromstring(answer))
            if not schema().validate(document):
                self.wrong.append(f"{schema().error_log}\n{answer.decode()[:4000]}")
        return result

    def later(self, **span: float) -> None:
        self.moment += timedelta(**span)

    # A client without any opinions

    def ask(
        self,
        who: str,
        request: str,
        *,
        acting_as: str | None = None,
        header: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Element:
        """Sends the body of an EWS request; gives the content of the answer's."""
        if acting_as is not None:
            header += (
                "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>"
                f"{acting_as}</t:SmtpAddress></t:ConnectingSID>"
                "</t:ExchangeImpersonation>"
            )
        body = (
            f"<s:Envelope {_DECLARED}><s:Header>"
            f'<t:RequestServerVersion Version="Exchange2013_SP1"/>{header}'
            f"</s:Header><s:Body>{request}</s:Body></s:Envelope>"
        )
        return self.post(who, body.encode(), status=status)

    def post(
        self, who: str, body: bytes, *, status: HTTPStatus = HTTPStatus.OK
    ) -> Element:
        (answered, answer), fault = self.handle(self.exchange.mailbox(who), body)
        assert fault is None or fault.is_code
        assert answered == status, answer.decode()
        content = etree.fromstring(answer).find("s:Body", NS)
        assert content is not None
        return content[0]

    def fault(self, who: str, request: str, **more: Any) -> str:
        """The response code of the fault that a request must answer with."""
        found = self.ask(who, request, status=HTTPStatus.INTERNAL_SERVER_ERROR, **more)
        return text(found, "detail/e:ResponseCode")

    def codes(self, who: str, request: str, **more: Any) -> list[str]:
        """The response code of each response message."""
        answer = self.ask(who, request, **more)
        return [code.text or "" for code in answer.iterfind(".//m:ResponseCode", NS)]

    def find(
        self, who: str, folder: str = "inbox", inner: str = "", **more: Any
    ) -> list[Element]:
        """The items of a folder, with a few properties."""
        answer = self.ask(who, find_item(folder, inner), **more)
        return list(answer.iterfind(".//t:Items/*", NS))


def find_item(folder: str = "inbox", inner: str = "", shape: str = "Default") -> str:
    return (
        f'<m:FindItem Traversal="Shallow">{item_shape(shape)}{inner}'
        f'<m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/>'
        "</m:ParentFolderIds></m:FindItem>"
    )


def item_shape(base: str = "Default", *uris: str, more: str = "") -> str:
    fields = "".join(f'<t:FieldURI FieldURI="{uri}"/>' for uri in uris) + more
    extra = f"<t:AdditionalProperties>{fields}</t:AdditionalProperties>"
    return (
        f"<m:ItemShape><t:BaseShape>{base}</t:BaseShape>{extra if fields else ''}"
        "</m:ItemShape>"
    )


def get_item(*ids: str, base: str = "IdOnly", uris: tuple[str, ...] = ()) -> str:
    listed = "".join(f'<t:ItemId Id="{each}"/>' for each in ids)
    return (
        f"<m:GetItem>{item_shape(base, *uris)}<m:ItemIds>{listed}</m:ItemIds>"
        "</m:GetItem>"
    )


def respond(kind: str, item_id: str, body: str = "", how: str = "SendOnly") -> str:
    """AcceptItem and its like."""
    text = f'<t:Body BodyType="HTML">{body}</t:Body>' if body else ""
    disposition = f' MessageDisposition="{how}"' if how else ""
    return (
        f"<m:CreateItem{disposition}><m:Items><t:{kind}>{text}"
        f'<t:ReferenceItemId Id="{item_id}"/></t:{kind}></m:Items></m:CreateItem>'
    )


def text(element: Element, path: str) -> str:
    found = element.find(path, NS)
    assert found is not None, etree.tostring(element, pretty_print=True).decode()
    return found.text or ""


def texts(element: Element, path: str) -> list[str]:
    return [found.text or "" for found in element.iterfind(path, NS)]


def item_ids(element: Element) -> list[str]:
    return [str(found.get("Id")) for found in element.iterfind(".//t:ItemId", NS)]


def names(elements: list[Element]) -> Iterator[str]:
    for element in elements:
        yield etree.QName(element).localname


def meeting(sandbox: CheckedSandbox, *required: str, subject: str = "Weekly") -> Item:
    """A meeting of Alice's, which her attendees have been invited to."""
    return sandbox.exchange.schedule(
        ALICE,
        subject=subject,
        start=MEETING,
        end=MEETING + HOUR,
        required=required or (EQUIPMENT,),
        body="<p>Agenda</p>",
        zone="W. Europe Standard Time",
    )


def request_id(sandbox: CheckedSandbox, who: str = EQUIPMENT) -> str:
    """The id of the newest message in an inbox."""
    return sandbox.exchange.mailbox(who).inbox()[0].id


def get_folder(*inner: str, base: str = "IdOnly", more: str = "") -> str:
    extra = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
    return (
        f"<m:GetFolder><m:FolderShape><t:BaseShape>{base}</t:BaseShape>{extra}"
        f"</m:FolderShape><m:FolderIds>{''.join(inner)}</m:FolderIds></m:GetFolder>"
    )
