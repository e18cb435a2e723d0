"""Aliases with each character that a prefix may have, wherever people meet them."""

import re
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

import pytest_twisted
from lxml import html

from pexschedd.scheduling.upkeep.invitation_aliases import named_pair
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    NEW_SINGLE,
    NOT_SCHEDULED,
    Booked,
    World,
    opens,
)

CHARACTERS = "._~!$*+=-()&,'"
TEMPLATE = """<p>Dial {{alias}} or {{numeric_alias}}<br>
<a id="query" href="https://px.example.test/webapp/#/?conference={{alias}}&amp;a=1">x</a>
<a id="path" href='https://px.example.test/webapp/conference/{{alias}}?a=1'>x</a>
<a id="sip" href="sip:{{alias}};transport=tls">x</a>
<a id="app" href="pexip://{{alias}}">x</a><br>{{alias_uuid}}</p>"""
SIP = re.compile(r"sip:((?:[0-9A-Za-z_.!~*'()&=+$,;?/-]|%[0-9A-F]{2})+)@([0-9a-z.]+)")
"""A SIP address with a user (RFC 3261, section 25.1), in lower case."""


@pytest_twisted.ensureDeferred
async def test_any_character(world: World) -> None:
    """An alias is the same in the invitation's text and links, in the answer, for
    conferencing nodes, and for who finds it in an invitation later."""
    await world.change_integration(
        meeting_instructions_template=TEMPLATE,
        meeting_location_template="https://px.example.test/webapp/?c={{alias}}",
    )
    alice = world.organizer()
    for days, character in enumerate(CHARACTERS):
        prefix = f"4{character}7"
        await world.change_integration(scheduled_alias_prefix=prefix)
        room = await world.book()
        assert room.numeric.startswith(prefix)
        assert linked(room) == dict.fromkeys(
            ("query", "path", "sip", "app"), room.alias
        )
        assert f"Dial {room.alias} or {room.numeric}" in unescape(room.instructions)
        assert await world.door(room) == NOT_SCHEDULED
        assert (await world.policy(f"sip:{room.alias};transport=tls"))[
            "reason"
        ] == NOT_SCHEDULED

        at = AT_TEN + days * DAY
        await alice.invite(f"Plans {days}", at, body=room.instructions)
        await world.settle()
        (letter,) = await alice.reads()
        assert letter == NEW_SINGLE
        assert f"the aliases: {room.alias} and {room.numeric}." in letter.text
        assert await world.door(room) == opens(at)
        assert await world.door(room, at=at) == "open"
        named = named_pair(room.instructions, "", prefix=prefix, domain="example.test")
        assert named is not None
        assert (named.full, named.numeric) == (room.alias, room.numeric)


def linked(room: Booked) -> dict[str, str]:
    """The alias that each link of the invitation leads to, as its program reads it."""
    anchors = html.fromstring(room.instructions).iter("a")
    links = {a.get("id", ""): str(a.get("href")) for a in anchors}
    query = urlsplit(links["query"]).fragment.removeprefix("/?")
    path = urlsplit(links["path"])
    sip = SIP.match(links["sip"])
    assert path.query == "a=1"
    assert sip is not None
    app = urlsplit(links["app"])
    return {
        "query": parse_qs(query)["conference"][0],
        "path": unquote(path.path.rpartition("/")[2]),
        "sip": f"{unquote(sip[1])}@{sip[2]}",
        "app": f"{unquote(app.username or '')}@{app.hostname}",
    }
