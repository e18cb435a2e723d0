"""A sandbox with rooms that answer by themselves, and the client that reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock

from pexschedd.ews.rooms.rooms import EwsRooms, ews_rooms
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Account, CalendarProcessing, Item, Processing, Sandbox

reactor: Any = _reactor
START = datetime(2026, 11, 30, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALICE, OTJ = "alice@example.test", "otj@example.test"
OAK, ELM, SECRET = "oak@example.test", "elm@example.test", "secret@example.test"
KEEPS_ALL = CalendarProcessing(
    delete_comments=False,
    delete_subject=False,
    add_organizer_to_subject=False,
    remove_private_property=False,
)


def room(address: str, processing: CalendarProcessing = KEEPS_ALL) -> Account:
    """A room that accepts what is free."""
    return Account(
        address,
        address.partition("@")[0].title(),
        processing=Processing.AUTO_ACCEPT,
        calendar_processing=processing,
        aliases=(f"alias-{address}",),
    )


def accounts(*rooms: Account) -> list[Account]:
    """Alice, the service account of the rooms, rooms, and one that is not its own."""
    chosen = rooms or (room(OAK), room(ELM, CalendarProcessing()))
    return [
        Account(ALICE, "Alice Archer", "alice"),
        Account(
            OTJ,
            "One-Touch Join",
            "otj",
            impersonates=tuple(each.address for each in chosen),
        ),
        *chosen,
        room(SECRET),
    ]


class RoomExchange:
    """A sandbox on a socket, and Alice, who books rooms in it."""

    def __init__(self, *rooms: Account) -> None:
        self.moment = START
        self.sandbox = Sandbox(
            now=lambda: self.moment, clock=Clock(), accounts=accounts(*rooms)
        )
        self.port = reactor.listenTCP(0, self.sandbox.site(), interface="127.0.0.1")
        self.opened: list[EwsRooms] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port.getHost().port}"

    @property
    def url(self) -> str:
        return f"{self.base}/EWS/Exchange.asmx"

    def rooms(self, password: str = "otj", **options: Any) -> EwsRooms:
        account = EwsAccount(
            url=self.url,
            username=OTJ,
            password=password,
            network=Network(reactor, Trust()),
        )
        rooms = ews_rooms(account, **options)
        self.opened.append(rooms)
        return rooms

    def book(self, subject: str = "Plan", room: str = OAK, **fields: Any) -> Item:
        """Alice invites a room; returns her item."""
        self.moment += timedelta(seconds=1)
        given: dict[str, Any] = {"start": START + DAY, "body": "<p>Agenda</p>"}
        fields = given | fields
        fields.setdefault("end", fields["start"] + HOUR)
        return self.sandbox.exchange.schedule(
            ALICE, subject=subject, resources=[room], **fields
        )

    def misbehave(self, **fault: Any) -> None:
        self.sandbox.behaviour.configure({"faults": [fault]})

    async def close(self) -> None:
        for each in self.opened:
            await each.close()
        await self.port.stopListening()
