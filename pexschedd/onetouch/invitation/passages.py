"""An invitation as the passages that rules search, the newest message first. Pure.

Rules look at the location, then the body above quoted history, then quoted history. Of
what nobody sees only the block for machines counts. A passage is encoded once, because
RE2 searches UTF-8.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from pexschedd.onetouch.invitation.characters import normalised
from pexschedd.onetouch.invitation.history import split_history
from pexschedd.onetouch.invitation.html_text import read_html
from pexschedd.onetouch.invitation.invitation import (
    LONGEST_LOCATION,
    MOST_FIELDS,
    Invitation,
    bounded_body,
)
from pexschedd.onetouch.invitation.machine_block import take_machine_block
from pexschedd.onetouch.links.finding import (
    MARK,
    LinkedText,
    WrittenLink,
    take_links,
)
from pexschedd.onetouch.links.unwrap import unwrap
from pexschedd.onetouch.links.web_link import WebLink, is_within, parse_link

LONGEST_PASSAGE = 200_000
"""Characters that are searched of a passage: its beginning and its end."""
_MARK = MARK.encode()
_BLANKS = re.compile(r" {2,}")
_EMPTY_LINES = re.compile(r"\n[ \n]+")


class MeetingLink(NamedTuple):
    """A link of an invitation, as its sender wrote it."""

    link: WebLink
    path: bytes
    """The path, percent codes resolved; of an app's link all after the scheme, and with
    the fragment of a page that is one program (`/webapp/#/home`)."""
    position: int
    """In the passage's bytes."""
    rewritten_by: tuple[str, ...] = ()
    opaque: str = ""
    """The reason why the sender's link is not known."""
    shown: str = ""
    """The address that the link shows to people, if it leads to another host."""


class Passage:
    """A text without its links, the links, and the number of a block for machines."""

    def __init__(self, linked: LinkedText, *, number: str = "") -> None:
        text, links = linked
        text = _EMPTY_LINES.sub("\n", _BLANKS.sub(" ", text))
        if len(text) > LONGEST_PASSAGE:
            text, links = _without_middle(text, links)
        self.data = text.encode()
        """UTF-8, with `MARK` for each link."""
        self.number = number
        self.links = tuple(_meeting_links(self.data, links))

    @cached_property
    def text(self) -> str:
        """The text with its links in it, as regular expressions of rules search it."""
        pieces = self.data.decode().split(MARK)
        links = [f" {each.link.url} " for each in self.links]
        links += [""] * (len(pieces) - 1 - len(links))
        mixed = [
            piece for pair in zip(pieces, [*links, ""], strict=True) for piece in pair
        ]
        return "".join(mixed)

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to search."""
        return not (self.data.strip() or self.number)


class SearchableInvitation(NamedTuple):
    """The passages of an invitation; the first one is always there."""

    passages: tuple[Passage, ...]
    hidden: Passage
    """Text that people do not see. No rule looks at it."""
    body: str
    """The text of the newest message, with its links."""

    @property
    def links(self) -> Iterator[MeetingLink]:
        """The links of all passages, the newest first."""
        return (link for passage in self.passages for link in passage.links)


def searchable(invitation: Invitation) -> SearchableInvitation:
    """Read an invitation; never fails, and takes time in proportion to its size."""
    body, hidden = LinkedText(""), LinkedText("")
    if invitation.html.strip():
        body, hidden = read_html(bounded_body(invitation.html))
    if not body.text.strip() and invitation.text.strip():
        body = take_links(normalised(bounded_body(invitation.text)))
    around = take_links(normalised(_around(invitation)))
    texts = [_without_block(each) for each in (*split_history(body), hidden)]
    (newest, number), (_, hidden_number) = texts[0], texts[-1]
    first = Passage(
        LinkedText(f"{around.text}\n{newest.text}", (*around.links, *newest.links)),
        number=number or hidden_number,
    )
    older = [Passage(each, number=number) for each, number in texts[1:-1]]
    kept = tuple(each for each in older if not each.is_empty)
    body_text = Passage(newest).text.strip()
    return SearchableInvitation((first, *kept), Passage(texts[-1][0]), body_text)


def _around(invitation: Invitation) -> str:
    """The properties that have links, and the location, each on a line."""
    values = [
        value[:LONGEST_LOCATION]
        for value, _ in zip(
            invitation.fields.values(), range(MOST_FIELDS), strict=False
        )
    ]
    return "\n".join((*values, invitation.location[:LONGEST_LOCATION]))


def _without_block(linked: LinkedText) -> tuple[LinkedText, str]:
    text, number = take_machine_block(linked.text)
    return linked._replace(text=text), number


def _without_middle(
    text: str, links: tuple[WrittenLink, ...]
) -> tuple[str, tuple[WrittenLink, ...]]:
    half = LONGEST_PASSAGE // 2
    before, after = text[:half], text[-half:]
    first, last = before.count(MARK), after.count(MARK)
    return f"{before}\n{after}", (*links[:first], *links[len(links) - last :])


def _meeting_links(
    data: bytes, links: tuple[WrittenLink, ...]
) -> Iterator[MeetingLink]:
    for match, written in zip(re.finditer(_MARK, data), links, strict=False):
        yield _meeting_link(written, match.start())


def _meeting_link(written: WrittenLink, position: int) -> MeetingLink:
    url, products, opaque = unwrap(_with_scheme(written.url))
    shown = parse_link(_with_scheme(written.shown)) if written.shown else None
    if opaque and shown is not None and shown.host and "." in shown.host:
        # The filter has left the words alone: they are the sender's own link.
        target = unwrap(shown.url)
        if not target.opaque:
            url, opaque = target.url, ""
            shown = None
    link = parse_link(url) or WebLink(url, "", "", "", "", "")
    differs = shown is not None and _leads_elsewhere(shown, link)
    is_web = link.scheme in ("http", "https")
    path = link.path if is_web else link.url.partition("://")[2]
    if is_web and link.fragment.startswith("/"):
        path += "#" + link.fragment.partition("?")[0]
    return MeetingLink(
        link,
        unquote(path).encode("utf-8", "replace"),
        position,
        products,
        opaque,
        shown.url if differs and shown is not None else "",
    )


def _leads_elsewhere(shown: WebLink, link: WebLink) -> bool:
    """Return whether the words of a link name another place than the link."""
    words = parse_link(unwrap(shown.url).url) or shown
    if "." not in words.host:
        return False
    if not (is_within(words.host, link.host) or is_within(link.host, words.host)):
        return True
    # Long addresses are often shown without their end.
    path = unquote(words.path).rstrip("/….")
    return not unquote(link.path).startswith(path)


def _with_scheme(url: str) -> str:
    return url if "://" in url[:40] else f"https://{url}"
