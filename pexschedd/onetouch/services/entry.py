"""An entry of the catalogue: a service's links and texts, and what rooms dial. Pure.

A *way* is one way to find out what to dial: a pattern of links, or of the text, or
both, whose named groups become values, and a dial string with the values' names in
braces. The ways of a service are tried in their order, and the first one that yields
all values of its dial string is taken.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from pexschedd.onetouch.services.patterns import SearchPattern, compiled

PLATFORMS = ("MicrosoftTeams", "Zoom", "Webex", "GoogleMeet", "Other")
PROTOCOLS = ("SIP", "H323")
CATALOGUE = "catalogue"
"""The meeting type of services that have none of their own."""

VALUES = frozenset({
    "address", "code", "company_id", "domain", "host", "meeting_id", "passcode", "pin",
    "prefix", "site", "tenant", "user", "user_domain",
})  # fmt: skip
"""Names that a pattern may give to what it finds, and a dial string may use."""
_PLACE = re.compile(r"\{(\w+)\}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+")


class LinkShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pattern of links. What is not said may be anything."""

    hosts: tuple[str, ...] = ()
    """Domains: a link's host is one of them, or below one. None: the entry's hosts."""
    any_host: bool = False
    host_begins: str = ""
    """With `any_host`: the beginning of the host, such as `jitsi.`."""
    schemes: tuple[str, ...] = ("https", "http")
    path: str = ""
    """A pattern that the path, percent codes resolved, begins with. An app's link
    (`pexip://alias`) has its host in the path as well."""
    query: Mapping[str, str] = {}
    """Parameters that must be there, and the pattern of each whole value."""
    optional: Mapping[str, str] = {}
    """Parameters that may be there; one with another value is not there."""


class JoinWay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to find out what to dial; see the module's docstring."""

    link: LinkShape | None = None
    text: str = ""
    """A pattern that is found in the text; in it, U+FFFC stands for a link."""
    number: bool = False
    """The number of a block for machines is `address`."""
    not_domains: tuple[str, ...] = ()
    """Domains that `domain` must not be, nor be below."""
    defaults: Mapping[str, str] = {}
    dial: str = ""
    """Empty: the entry's."""
    dial_pin: str = ""
    """The dial string if the PIN belongs into it. Empty: the entry's."""
    protocol: str = "SIP"


class ServiceTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An invitation, and what has to be found in it with a rule for this service."""

    body: str
    location: str = ""
    body_type: str = "Text"
    alias: str | None = None
    """None: the service is recognised, and there is nothing to dial."""
    protocol: str = "SIP"
    domain: str = ""
    """Of the rule."""
    include_pin: bool = False
    company_id: str = ""


class ServiceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service, or one kind of block in invitations."""

    name: str
    title: str
    """The service's name, for people."""
    tests: tuple[ServiceTest, ...]
    meeting_type: str = CATALOGUE
    platform: str = "Other"
    hosts: tuple[str, ...] = ()
    meetings: tuple[LinkShape, ...] = ()
    """Links that are meetings of this service, whether rooms can dial them or not."""
    ways: tuple[JoinWay, ...] = ()
    pins: tuple[str, ...] = ()
    """Patterns of the text with a group `pin`, the best one first."""
    domain: str = ""
    """The domain to dial if neither the invitation nor the rule names one."""
    dial: str = "{meeting_id}@{domain}"
    dial_pin: str = ""

    def dial_strings(self, way: JoinWay) -> tuple[str, str]:
        """Return a way's dial string without and with the PIN; the latter may be
        empty."""
        if way.dial:
            return way.dial, way.dial_pin
        return self.dial, way.dial_pin or self.dial_pin


class ServiceCatalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: its version and its entries."""

    version: str
    """A date, of the last change: 2026-11-29."""
    entries: tuple[ServiceEntry, ...]


def names_in(dial: str) -> frozenset[str]:
    """Return the names of the values that a dial string needs."""
    return frozenset(_PLACE.findall(dial))


def filled(dial: str, values: Mapping[str, str]) -> str:
    """Return a dial string with its values."""
    return _PLACE.sub(lambda place: values[place[1]], dial)


def problems_of(entry: ServiceEntry) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an entry: the field, the problem and what is right."""
    if not _NAME.fullmatch(entry.name):
        yield "name", "This must be a short name of letters, digits and hyphens."
    if not entry.title.strip():
        yield "title", "This must be the service's name, for people."
    if entry.platform not in PLATFORMS:
        yield "platform", f"This must be one of {', '.join(PLATFORMS)}."
    if not entry.tests:
        yield "tests", "Add at least one invitation, and the alias to find in it."
    if not entry.ways and not entry.meetings:
        yield "ways", "An entry has ways to find a meeting, or links of meetings."
    for domain in entry.hosts:
        if not _DOMAIN.fullmatch(domain):
            yield "hosts", f'"{domain[:60]}" is not a domain such as example.com.'
    for index, shape in enumerate(entry.meetings):
        yield from _shape_problems(entry, shape, f"meetings.{index}")
    for index, way in enumerate(entry.ways):
        yield from _way_problems(entry, way, f"ways.{index}")
    for index, pattern in enumerate(entry.pins):
        yield from _pattern_problems(pattern, f"pins.{index}")
    for index, test in enumerate(entry.tests):
        if test.body_type not in ("Text", "HTML"):
            yield f"tests.{index}.body_type", "This must be Text or HTML."


def _way_problems(
    entry: ServiceEntry, way: JoinWay, field: str
) -> Iterator[tuple[str, str]]:
    if way.link is None and not way.text and not way.number:
        yield field, "A way has a link, a text, or the number of a block for machines."
    if way.protocol not in PROTOCOLS:
        yield f"{field}.protocol", f"This must be one of {', '.join(PROTOCOLS)}."
    found = {"domain", "company_id", *way.defaults}
    if way.number:
        found.add("address")
    if way.link is not None:
        found.add("host")
        yield from _shape_problems(entry, way.link, f"{field}.link")
        for pattern in _patterns_of(way.link):
            found |= _groups(pattern)
    if way.text:
        yield from _pattern_problems(way.text, f"{field}.text")
        found |= _groups(way.text)
    dial, dial_pin = entry.dial_strings(way)
    if entry.pins:
        found.add("pin")
    for each in (dial, dial_pin):
        for name in sorted(names_in(each) - found):
            yield field, f'The dial string needs "{name}", which nothing here finds.'


def _shape_problems(
    entry: ServiceEntry, shape: LinkShape, field: str
) -> Iterator[tuple[str, str]]:
    if not (shape.hosts or shape.any_host or entry.hosts):
        yield f"{field}.hosts", "Name the hosts of such links, or set any_host."
    if shape.host_begins and not shape.any_host:
        yield f"{field}.host_begins", "This has a meaning with any_host only."
    for domain in shape.hosts:
        if not _DOMAIN.fullmatch(domain):
            yield f"{field}.hosts", f'"{domain[:60]}" is not a domain.'
    for pattern in _patterns_of(shape):
        yield from _pattern_problems(pattern, field)


def _patterns_of(shape: LinkShape) -> tuple[str, ...]:
    return (shape.path, *shape.query.values(), *shape.optional.values())


def _pattern_problems(pattern: str, field: str) -> Iterator[tuple[str, str]]:
    try:
        regex = compiled(pattern)
    except ValueError as error:
        yield field, str(error)
        return
    for name in sorted(regex.names - VALUES):
        allowed = ", ".join(sorted(VALUES))
        yield field, f'A group cannot be called "{name}". Names are: {allowed}.'


def _groups(pattern: str) -> frozenset[str]:
    try:
        regex: SearchPattern = compiled(pattern)
    except ValueError:
        return frozenset()
    return regex.names
