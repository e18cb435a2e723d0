"""The catalogue applied to a passage: services, meetings, what to dial. Pure."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from pexschedd.onetouch.invitation.passages import MeetingLink, Passage
from pexschedd.onetouch.links.web_link import WebLink, is_within
from pexschedd.onetouch.services.entry import (
    JoinWay,
    LinkShape,
    ServiceEntry,
    filled,
    names_in,
)
from pexschedd.onetouch.services.patterns import compiled

_MOST_PLACES = 50
"""Links that one way is tried with."""
_GROUPED = re.compile(r"[0-9](?:[ -]?[0-9])*")


Transform = Callable[[Mapping[str, str]], str]
"""Makes a dial string of values; empty if it cannot be made of these."""


class DialSettings(NamedTuple):
    """A rule's settings for the services that it covers."""

    domain: str = ""
    include_pin: bool = False
    company_id: str = ""
    transform: Transform | None = None
    """In the place of the service's own dial strings."""


class FoundMeeting(NamedTuple):
    """A meeting that rooms can dial."""

    alias: str
    protocol: str
    entry: ServiceEntry
    position: int
    values: Mapping[str, str]
    """Everything that was found, by name; `pin` too if it is not part of the alias."""


class Mention(NamedTuple):
    """A link to a meeting of a known service, dialable or not."""

    entry: ServiceEntry
    position: int
    identity: str
    """Tells one meeting from another of the same service."""


class ServiceFinder:
    """Finds the meetings of some services in passages."""

    def __init__(self, entries: Sequence[ServiceEntry]) -> None:
        self.entries = tuple(entries)
        self._by_domain: defaultdict[str, list[tuple[ServiceEntry, LinkShape]]]
        self._by_domain = defaultdict(list)
        self._anywhere: list[tuple[ServiceEntry, LinkShape]] = []
        for entry in entries:
            linked = (way.link for way in entry.ways if way.link is not None)
            for shape in (*entry.meetings, *linked):
                if shape.any_host:
                    self._anywhere.append((entry, shape))
                for domain in () if shape.any_host else shape.hosts or entry.hosts:
                    self._by_domain[domain].append((entry, shape))

    def mentions(self, passage: Passage) -> Iterator[Mention]:
        """Yield the links of a passage that are meetings, in their order."""
        for link in passage.links:
            if link.opaque:
                yield from self._by_host_alone(link)
                continue
            for entry, shape in self._candidates(link.link):
                values = match_link(entry, shape, link)
                if values is not None:
                    what = values.get("meeting_id") or unquote(link.link.path)
                    yield Mention(entry, link.position, f"{entry.title}:{what}")
                    break

    def _by_host_alone(self, link: MeetingLink) -> Iterator[Mention]:
        """The service of a link that cannot be undone but names its target's host."""
        host = (link.link.parameter("domain") or "").lower()
        for entry, _ in self._of_host(host):
            yield Mention(entry, link.position, f"{entry.title}:{link.link.url}")
            return

    def _candidates(self, link: WebLink) -> Iterator[tuple[ServiceEntry, LinkShape]]:
        yield from self._of_host(link.host)
        yield from self._anywhere

    def _of_host(self, host: str) -> Iterator[tuple[ServiceEntry, LinkShape]]:
        labels = host.split(".", 20)
        for index in range(len(labels) - 1):
            yield from self._by_domain.get(".".join(labels[index:]), ())

    def find(
        self,
        passage: Passage,
        entries: Iterable[ServiceEntry],
        settings: DialSettings,
        mentions: Sequence[Mention],
    ) -> FoundMeeting | None:
        """Return the meeting of these services that stands first in a passage."""
        found = [
            meeting
            for entry in entries
            if (meeting := find_meeting(passage, entry, settings, mentions)) is not None
        ]
        return min(found, key=lambda meeting: meeting.position, default=None)


def find_meeting(
    passage: Passage,
    entry: ServiceEntry,
    settings: DialSettings,
    mentions: Sequence[Mention],
) -> FoundMeeting | None:
    """Return a service's meeting, found in the best of its ways."""
    for way in entry.ways:
        for values, position in _values_of_way(passage, entry, way):
            meeting = _dialled(
                passage, entry, way, values, position, settings, mentions
            )
            if meeting is not None:
                return meeting
    return None


def _values_of_way(
    passage: Passage, entry: ServiceEntry, way: JoinWay
) -> Iterator[tuple[dict[str, str], int]]:
    """Yield what a way finds, place by place."""
    if way.number:
        if passage.number:
            yield {"address": passage.number}, 0
        return
    if way.link is None:
        for match in compiled(way.text).all(passage.data):
            yield _plain(match.values), match.start
        return
    texts: list[dict[str, str]] | None = None
    tried = 0
    for link in passage.links:
        values = match_link(entry, way.link, link)
        if values is None or tried == _MOST_PLACES:
            continue
        tried += 1
        if not way.text:
            yield values, link.position
            continue
        if texts is None:
            found = compiled(way.text).all(passage.data)
            texts = [_plain(match.values) for match in found]
        for more in texts:
            # A value that both have must be the same in both.
            if all(values.get(name, value) == value for name, value in more.items()):
                yield {**values, **more}, link.position
                break


def _plain(values: Mapping[str, str]) -> dict[str, str]:
    """Values with grouped digits joined: `865 0000 0001`."""
    return {
        name: re.sub(r"[ -]", "", value) if _GROUPED.fullmatch(value) else value
        for name, value in values.items()
    }


def match_link(
    entry: ServiceEntry, shape: LinkShape, link: MeetingLink
) -> dict[str, str] | None:
    """Return the values in a link; None if it is no such link."""
    parts = link.link
    if link.opaque or parts.scheme not in shape.schemes:
        return None
    is_app = parts.scheme not in ("http", "https")
    if not is_app:
        if not parts.host:
            return None
        if shape.any_host:
            if not parts.host.startswith(shape.host_begins):
                return None
        elif not any(is_within(parts.host, d) for d in shape.hosts or entry.hosts):
            return None
    values = {"host": parts.host}
    match = compiled(shape.path).beginning(link.path)
    if match is None:
        return None
    values |= match.values
    for name, pattern in shape.query.items():
        value = parts.parameter(name)
        match = None if value is None else compiled(pattern).whole(value)
        if match is None:
            return None
        values |= match.values
    for name, pattern in shape.optional.items():
        value = parts.parameter(name)
        match = None if value is None else compiled(pattern).whole(value)
        values |= {} if match is None else match.values
    return values


def _dialled(
    passage: Passage,
    entry: ServiceEntry,
    way: JoinWay,
    values: Mapping[str, str],
    position: int,
    settings: DialSettings,
    mentions: Sequence[Mention],
) -> FoundMeeting | None:
    known = {
        **way.defaults,
        "domain": settings.domain or entry.domain,
        "company_id": settings.company_id,
        **{name: value for name, value in values.items() if value},
    }
    if any(is_within(known["domain"].lower(), each) for each in way.not_domains):
        return None
    if "pin" not in known and entry.pins:
        pin = _pin(passage, entry, known.get("meeting_id", ""), position, mentions)
        known |= {"pin": pin} if pin else {}
    if settings.transform is not None:
        alias = settings.transform({name: text for name, text in known.items() if text})
    else:
        alias = _dial_string(entry, way, known, settings.include_pin)
    if not alias:
        return None
    return FoundMeeting(alias, way.protocol, entry, position, known)


def _dial_string(
    entry: ServiceEntry, way: JoinWay, known: Mapping[str, str], include_pin: bool
) -> str:
    dial, dial_pin = entry.dial_strings(way)
    if include_pin and dial_pin and known.get("pin"):
        dial = dial_pin
    if not all(known.get(name) for name in names_in(dial) - {"prefix"}):
        return ""
    return filled(dial, {"prefix": "", **known})


def _pin(
    passage: Passage,
    entry: ServiceEntry,
    meeting_id: str,
    position: int,
    mentions: Sequence[Mention],
) -> str:
    """The PIN of a meeting: the first one after it and before the next other meeting.
    One before it is its own only if there is no other meeting before."""
    own = f"{entry.title}:{meeting_id}"
    here = {m.identity for m in mentions if m.position == position} | {own}
    others = [m.position for m in mentions if m.identity not in here]
    end = min((at for at in others if at > position), default=len(passage.data))
    before = 0 if any(at < position for at in others) else position
    for start, stop in ((position, end), (0, before)):
        for pattern in entry.pins:
            match = compiled(pattern).search(passage.data, start, stop)
            if match is not None:
                return match.values.get("pin", "").replace(" ", "")
    return ""
