"""Security tags: what ties an invitation to the room that was reserved for it.

`PXPS:-<uuid>#` names a reserved alias; `TOK:-<token>#` carries the organizer's identity
token while the alias is still to be reserved (deployment guide, "PXPS:- and TOK:-
security tags"). The add-in writes them into the body as text. What arrives has been
through editors, servers, gateways and quoting, so only the text counts, never markup,
attributes or comments; and of the text only what cannot be white space, as anybody may
have wrapped it anywhere.
"""

import re
from collections.abc import Iterator

from pexschedd.bodies.visible_text import resolve_references, visible_text
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, Tags

MAX_BODY = 2_000_000
"""Characters of a body that are looked at; Exchange's own limits are far below."""
_MAX_TAGS = 20
"""Of each kind: far more than a long thread of quoted invitations has."""
_MAX_TOKEN = 16_384


def make_pxps(uuid: str) -> str:
    """The tag for a reserved alias; `uuid` in its canonical form."""
    return f"PXPS:-{uuid}#"


def make_tok(token: str) -> str:
    """The tag for an organizer's identity token, a JWT in compact form."""
    return f"TOK:-{token}#"


def tags_of(meeting: CalendarMeeting | MeetingMessage) -> Tags:
    """The tags in a meeting's bodies: as its reader has found them, or found now."""
    if meeting.tags is not None:
        return meeting.tags
    return find(meeting.html, meeting.text)


def find(html: str, text: str = "") -> Tags:
    """The tags in a body: in its HTML, or else in `text`, the body as plain text.

    Either may be empty, and either may hold what the other should. Never raises, and
    takes time proportional to the bodies' length.
    """
    visible = visible_text(html[:MAX_BODY])
    shown = _compact(visible)
    pxps, tok = _uuids(shown), _tokens(shown)
    if not pxps and _QUOTED.search(visible):
        # A gateway may have made HTML of a quoted plain text.
        pxps = _uuids(_compact(QUOTING.sub("", visible)))
    if text and not (pxps and tok):
        unquoted = QUOTING.sub("", text[:MAX_BODY])
        shown = _compact(resolve_references(unquoted))
        pxps, tok = pxps or _uuids(shown), tok or _tokens(shown)
    return Tags(pxps, tok)


# A tag may be part of an address that was encoded once or several times.
_COLON = "(?::|%(?:25)*3a)"
_DASH = "(?:-|%(?:25)*2d)"
_HASH = "(?:#|%(?:25)*23|&#35;?)"
_HEX = "[0-9a-f]"

PXPS = re.compile(
    f"PXPS{_COLON}{_DASH}({_HEX}{{8}}(?:{_DASH}{_HEX}{{4}}){{3}}{_DASH}{_HEX}{{12}}){_HASH}",
    re.IGNORECASE,
)
TOK = re.compile(
    rf"TOK{_COLON}{_DASH}([a-z0-9_-]+\.[a-z0-9_-]+\.[a-z0-9_-]+){_HASH}", re.IGNORECASE
)
_ENCODED_DASH = re.compile(_DASH, re.IGNORECASE)

QUOTING = re.compile(r"^[ \t>|]+", re.MULTILINE)
"""The marks that mail programs put before the lines of a quoted plain text."""
_QUOTED = re.compile(r"^[ \t]*[>|]", re.MULTILINE)

# White space, controls, and characters that take no room.
NOTHING = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]+"
)
# What editors and input methods make of our punctuation.
LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
        **dict.fromkeys("\ufe55\uff1a", ":"),
        **dict.fromkeys("\ufe5f\uff03", "#"),
    }
)


def _compact(text: str) -> str:
    text = NOTHING.sub("", text)
    return text if text.isascii() else text.translate(LOOKALIKES)


def _uuids(shown: str) -> tuple[str, ...]:
    return _distinct(
        _ENCODED_DASH.sub("-", match[1]).lower() for match in PXPS.finditer(shown)
    )


def _tokens(shown: str) -> tuple[str, ...]:
    found = (match[1] for match in TOK.finditer(shown))
    return _distinct(token for token in found if len(token) <= _MAX_TOKEN)


def _distinct(values: Iterator[str]) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for value in values:
        seen[value] = None
        if len(seen) == _MAX_TAGS:
            break
    return tuple(seen)
