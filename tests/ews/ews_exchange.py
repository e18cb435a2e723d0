"""A sandbox Exchange for the tests of the client."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree
from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock

from pexschedd.ews.envelope import MESSAGES, SOAP, TYPES, m, request, t
from pexschedd.ews.mailbox import EwsMailbox, ews_mailbox
from pexschedd.ews.organizers import EwsOrganizers, ews_organizers
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Sandbox

reactor: Any = _reactor
ALICE, EQUIPMENT = "alice@example.test", "pexipmeeting@example.test"
START = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMESPACES = {"s": SOAP, "m": MESSAGES, "t": TYPES}


class Exchange:
    """A sandbox on a socket, and Alice, who organizes meetings in it."""

    def __init__(self) -> None:
        self.moment = START
        self.sandbox = Sandbox(now=lambda: self.moment, clock=Clock())
        self.port = reactor.listenTCP(0, self.sandbox.site(), interface="127.0.0.1")
        self.opened: list[EwsMailbox | EwsOrganizers] = []

    def mailbox(self, **changed: Any) -> EwsMailbox:
        account, options = self.split(changed)
        mailbox = ews_mailbox(account, **{"mailbox": EQUIPMENT, **options})
        self.opened.append(mailbox)
        return mailbox

    def organizers(self, **changed: Any) -> EwsOrganizers:
        account, options = self.split(changed)
        organizers = ews_organizers(account, **options)
        self.opened.append(organizers)
        return organizers

    def account(self, **changed: Any) -> EwsAccount:
        settings: dict[str, Any] = {
            "url": f"http://127.0.0.1:{self.port.getHost().port}/EWS/Exchange.asmx",
            "username": "svc@example.test",
            "password": "svc",
            "network": Network(reactor, Trust()),
            **changed,
        }
        return EwsAccount(**settings)

    def split(self, changed: dict[str, Any]) -> tuple[EwsAccount, dict[str, Any]]:
        """The account with its changes, and the changes that are not the account's."""
        fields = set(EwsAccount.__struct_fields__)
        settings = {name: changed[name] for name in fields & changed.keys()}
        options = {name: changed[name] for name in changed.keys() - fields}
        return self.account(**settings), options

    def misbehave(self, **fault: Any) -> None:
        self.sandbox.behaviour.configure({"faults": [fault]})

    async def close(self) -> None:
        for each in self.opened:
            await each.close()
        await self.port.stopListening()

    # Alice

    def _alice(self, operation: Any) -> etree._Element:
        # As herself, by the account that may act for all.
        caller = self.sandbox.exchange.mailbox("svc@example.test")
        (_, answer), _ = self.sandbox.handle(caller, request(operation, ALICE))
        return etree.fromstring(answer)

    def invite(self, subject: str = "Meeting", body: str = "PXPS:-1#") -> MessageRef:
        """Alice invites the equipment mailbox; gives her own calendar item."""
        self.moment += timedelta(seconds=1)
        answer = self._alice(
            m(
                "CreateItem",
                m(
                    "Items",
                    t(
                        "CalendarItem",
                        t("Subject", subject),
                        t("Body", body, BodyType="HTML"),
                        t("Start", "2026-12-01T09:00:00Z"),
                        t("End", "2026-12-01T09:30:00Z"),
                        t(
                            "RequiredAttendees",
                            t("Attendee", t("Mailbox", t("EmailAddress", EQUIPMENT))),
                        ),
                        t("StartTimeZone", Id="W. Europe Standard Time"),
                        t("EndTimeZone", Id="W. Europe Standard Time"),
                    ),
                ),
                SendMeetingInvitations="SendToAllAndSaveCopy",
            )
        )
        found = answer.find(".//t:CalendarItem/t:ItemId", NAMESPACES)
        assert found is not None, etree.tostring(answer)[-500:]
        return MessageRef(str(found.get("Id")), str(found.get("ChangeKey")))

    def cancel(self, ref: MessageRef) -> None:
        self.moment += timedelta(seconds=1)
        reference = t("ReferenceItemId", Id=ref.item_id, ChangeKey=ref.change_key)
        answer = self._alice(
            m(
                "CreateItem",
                m("Items", t("CancelCalendarItem", reference)),
                MessageDisposition="SendAndSaveCopy",
            )
        )
        assert answer.find(".//m:ResponseCode[.='NoError']", NAMESPACES) is not None, (
            etree.tostring(answer)
        )

    def folder(self, address: str, name: str) -> list[str]:
        """The item classes in a folder."""
        mailbox = self.sandbox.exchange.mailbox(address)
        return sorted(item.item_class for item in mailbox.items(name))


async def waiting(mailbox: EwsMailbox, cursor: str = "") -> list[MeetingMessage]:
    """All that lies in the inbox."""
    refs = (await mailbox.arrivals(cursor)).arrived
    found = await mailbox.fetch(refs)
    assert all(isinstance(each, MeetingMessage) for each in found)
    return [each for each in found if isinstance(each, MeetingMessage)]
