"""Requests that are spoiled at random: each gets an answer that Exchange could give."""

import random
from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from pexschedd.onetouch.emulation.autodiscover import answer_pox, answer_soap
from pexschedd.onetouch.emulation.emulated_exchange import EmulatedExchange
from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from tests.web_rooms.rooms_support import NOW, OAK, ExchangeSchema, meeting, soap
from tests.web_rooms.test_rooms_bare_client import EVERYTHING, get_events, sync

VALUES = (
    *("", "x", "-1", "0", "5", "12", "99999999999999999999", "²", "\u0661", "true"),
    *("2026-12-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-W01-1"),
    *("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59", "2026-10-25T02:30:00"),
    *("Sunday", "24:00:00", "A" * 24, "DetailedMerged", "-1440", "calendar"),
)
ZONE = (
    '<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/>'
    "</t:TimeZoneContext>"
)


def spoiled(request: bytes, chance: random.Random) -> bytes:
    """Return a request with one to four things changed, taken away or added."""
    root = etree.fromstring(request)
    for _ in range(chance.randint(1, 4)):
        elements: list[Any] = list(root.iter())
        element = chance.choice(elements)
        parent = element.getparent()
        what = chance.randrange(6)
        if what == 0:
            element.text = chance.choice(VALUES)
        elif what == 1 and element.attrib:
            element.set(chance.choice(list(element.attrib)), chance.choice(VALUES))
        elif what == 2 and parent is not None:
            parent.remove(element)
        elif what == 3 and parent is not None:
            parent.append(deepcopy(element))
        elif what == 4:
            element.tag = chance.choice(elements).tag
        else:
            element.append(deepcopy(chance.choice(elements)))
    return etree.tostring(root)


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_requests(seed: int) -> None:
    """None is answered with anything but SOAP as Exchange's, and none fails."""
    schema = ExchangeSchema()
    meetings = tuple(meeting(str(n)) for n in range(3))
    room = EmulatedRoom(email=OAK, name="Oak", meetings=meetings, now=NOW)
    exchange, chance = EmulatedExchange(), random.Random(seed)  # noqa: S311 - no secret

    def asked(request: str) -> Any:
        return etree.fromstring(exchange.answer(soap(request), room, 1).body)

    subscribed = asked(EVERYTHING["subscribe"])
    id, mark = (
        subscribed.findtext(f".//{{*}}{n}") for n in ("SubscriptionId", "Watermark")
    )
    state = asked(EVERYTHING["sync"]).findtext(".//{*}SyncState")
    whole = [*EVERYTHING.values(), get_events(id, mark), sync(state)]
    whole.remove(EVERYTHING["zones"])  # all zones of the world take their time
    for _ in range(250):
        request = spoiled(soap(chance.choice(whole), ZONE), chance)
        answer = exchange.answer(request, room, 1)
        schema.check(answer.body)
        for discover in (answer_pox, answer_soap):
            etree.fromstring(discover(request, room, "https://rooms.example.com").body)
