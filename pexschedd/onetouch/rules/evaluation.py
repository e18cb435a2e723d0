"""Rules applied to an invitation: the first that matches says what to dial. Pure.

Older messages beneath the newest one count only if nothing above them is a meeting of
any known service: a room that joins last month's meeting is worse than one without a
button. They count, too, if they are about the very meeting that is named above.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import msgspec

from pexschedd.errors import TemplateError
from pexschedd.model.onetouch.room_calendar import JoinDetails
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.invitation.passages import (
    Passage,
    SearchableInvitation,
    searchable,
)
from pexschedd.onetouch.rules.event import calendar_event
from pexschedd.onetouch.rules.fallback import fallback_alias, split_protocol
from pexschedd.onetouch.rules.remarks import (
    hidden_remarks,
    history_remarks,
    link_remarks,
)
from pexschedd.onetouch.rules.results import (
    Evaluation,
    RuleOutcome,
    SeenLink,
)
from pexschedd.onetouch.rules.rule import (
    EVENT,
    MeetingRule,
    in_order,
)
from pexschedd.onetouch.services.catalogue import Services
from pexschedd.onetouch.services.entry import ServiceEntry
from pexschedd.onetouch.services.finding import DialSettings, FoundMeeting, Mention
from pexschedd.onetouch.services.patterns import compiled, rule_pattern
from pexschedd.templates.engine import Templates

Place = tuple[Passage, Sequence[Mention]]
"""A passage that counts, and the meetings that it names."""
Places = Sequence[Place]

LONGEST_ALIAS = 250
FALLBACK = "fallback"
_MOST_SEEN = 30
_LONGEST_SEEN = 500


class _Found(msgspec.Struct, frozen=True):
    alias: str
    protocol: str
    platform: str = "Other"
    service: str = ""
    pin: str = ""


class RuleSet:
    """The rules of an installation, ready to be applied to invitations."""

    def __init__(
        self, rules: Sequence[MeetingRule], services: Services, templates: Templates
    ) -> None:
        self._rules = in_order(rules)
        self._services = services
        self._templates = templates

    def evaluate(
        self, invitation: Invitation, read: SearchableInvitation | None = None
    ) -> Evaluation:
        """Return what a room dials for an invitation; never fails.

        Takes time in proportion to the body: hand a long one to a process apart. Most
        of it is for reading the body, which is not done if it was `read` before.
        """
        read = read or searchable(invitation)
        mentions = [tuple(self._services.finder.mentions(p)) for p in read.passages]
        places = self._places(read, mentions)
        tried: list[RuleOutcome] = []
        details: JoinDetails | None = None
        for rule in self._rules:
            if details is not None:
                tried.append(RuleOutcome(rule.name, "not needed: another one matched"))
            elif not rule.enabled:
                tried.append(RuleOutcome(rule.name, "it is not enabled"))
            else:
                details, reason = self._try(rule, invitation, read, places)
                tried.append(RuleOutcome(rule.name, reason))
        if details is None:
            details = _fallback(places)
            reason = (
                "no sip:, sips: or h323: address in the location or the body"
                if details is None
                else f"found {details.alias}"
            )
            tried.append(RuleOutcome(FALLBACK, reason))
        named = dict.fromkeys(m.entry.title for each in mentions for m in each)
        left_out = mentions[len(places) :]
        hidden = tuple(self._services.finder.mentions(read.hidden))
        notes = (
            *link_remarks(read),
            *history_remarks(left_out),
            *hidden_remarks(hidden),
        )
        return Evaluation(details, tuple(tried), tuple(named), notes)

    def links_of(self, read: SearchableInvitation) -> tuple[SeenLink, ...]:
        """Return the first links of an invitation, the newest message's first."""
        seen: list[SeenLink] = []
        for passage in read.passages:
            finder = self._services.finder
            named = {m.position: m.entry.title for m in finder.mentions(passage)}
            seen += [
                SeenLink(
                    link.link.url[:_LONGEST_SEEN],
                    named.get(link.position, ""),
                    link.rewritten_by,
                )
                for link in passage.links[:_MOST_SEEN]
            ]
        return tuple(seen[:_MOST_SEEN])

    def _places(
        self, read: SearchableInvitation, mentions: Sequence[Sequence[Mention]]
    ) -> list[Place]:
        """The passages that count, with their meetings."""
        places: list[Place] = []
        above: set[str] = set()
        is_meeting = False
        for passage, named in zip(read.passages, mentions, strict=True):
            identities = {mention.identity for mention in named}
            if is_meeting and not (identities & above):
                break
            places.append((passage, named))
            above |= identities
            if len(read.passages) > 1:
                is_meeting = is_meeting or bool(named) or self._is_meeting(passage)
        return places

    def _is_meeting(self, passage: Passage) -> bool:
        finder = self._services.finder
        return finder.find(passage, finder.entries, DialSettings(), ()) is not None

    def _try(
        self,
        rule: MeetingRule,
        invitation: Invitation,
        read: SearchableInvitation,
        places: Places,
    ) -> tuple[JoinDetails | None, str]:
        match rule.meeting_type:
            case "domain":
                found, reason = _by_domain(rule, places)
            case "regex" | "regex_re2":
                found, reason = _by_expression(rule, places)
            case "custom":
                found, reason = self._by_template(rule, invitation, read)
            case _:
                found, reason = self._by_services(rule, places)
        if found is None:
            return None, reason
        problem = _alias_problem(found.alias)
        if problem:
            return None, problem
        details = JoinDetails(
            found.alias,
            found.protocol,
            found.platform,
            rule.name,
            found.service,
            found.pin,
        )
        return details, f"found {found.alias}"

    def _by_services(
        self,
        rule: MeetingRule,
        places: Places,
    ) -> tuple[_Found | None, str]:
        entries = self._services.of_type(rule.meeting_type)
        failures: list[str] = []

        def transform(values: Mapping[str, str]) -> str:
            try:
                return self._templates.render(
                    rule.transform_rule, values, html=False, complete=True
                ).strip()
            except TemplateError as error:
                failures.append(error.message)
                return ""

        settings = DialSettings(
            rule.domain,
            rule.include_pin,
            rule.company_id,
            None if rule.default_processing_enabled else transform,
        )
        meeting = self._find(entries, settings, places)
        if meeting is not None:
            pin = meeting.values.get("pin", "")
            alias, protocol = split_protocol(meeting.alias)
            return _Found(
                alias,
                protocol if settings.transform else meeting.protocol,
                meeting.entry.platform,
                meeting.entry.title,
                "" if pin and pin in alias else pin,
            ), ""
        if failures:
            return None, f"its transform rule failed: {failures[0]}"
        titles = {entry.title for entry in entries}
        named = [
            m for _, mentions in places for m in mentions if m.entry.title in titles
        ]
        if named:
            title = named[0].entry.title
            return None, f"a link of {title} is there, but nothing that a room can dial"
        return None, "nothing of this kind is in the location or the body"

    def _find(
        self, entries: Sequence[ServiceEntry], settings: DialSettings, places: Places
    ) -> FoundMeeting | None:
        """The newest meeting. If its PIN stands in an older message of the same one, as
        in a forwarded invitation with the link in its location, that is taken."""
        meeting: FoundMeeting | None = None
        for passage, mentions in places:
            found = self._services.finder.find(passage, entries, settings, mentions)
            if found is None:
                continue
            if meeting is None:
                meeting = found
            elif _is_same_meeting(found, meeting) and found.values.get("pin"):
                return found
            if meeting.values.get("pin"):
                break
        return meeting

    def _by_template(
        self, rule: MeetingRule, invitation: Invitation, read: SearchableInvitation
    ) -> tuple[_Found | None, str]:
        try:
            text = self._templates.render(
                rule.custom_template,
                {EVENT: calendar_event(invitation, read)},
                html=False,
            ).strip()
        except TemplateError as error:
            return None, f"its template failed: {error.message}"
        if not text:
            return None, "its template wrote nothing"
        return _Found(*split_protocol(text)), ""


def _is_same_meeting(found: FoundMeeting, other: FoundMeeting) -> bool:
    number = other.values.get("meeting_id")
    return bool(number) and found.values.get("meeting_id") == number


def _by_domain(rule: MeetingRule, places: Places) -> tuple[_Found | None, str]:
    pattern = compiled(
        rf"(?:^|[^a-z0-9._%+*#-])(?P<address>[a-z0-9][a-z0-9._%+*#-]{{0,127}}"
        rf"@{re.escape(rule.domain)})(?:[^a-z0-9.@-]|[.-](?:[^a-z0-9]|$)|$)"
    )
    for passage, _ in places:
        match = pattern.search(passage.data)
        if match is not None:
            return _Found(match.values["address"], "SIP"), ""
        for link in passage.links:
            match = pattern.search(unquote(link.link.url).encode("utf-8", "replace"))
            if match is not None and not link.opaque:
                return _Found(match.values["address"], "SIP"), ""
    return None, f"no address of {rule.domain} is in the location or the body"


def _by_expression(rule: MeetingRule, places: Places) -> tuple[_Found | None, str]:
    pattern = rule_pattern(rule.match_string)
    for passage, _ in places:
        text = pattern.replaced(passage.text, rule.replace_string)
        if text is not None:
            return _Found(*split_protocol(text.strip())), ""
    return None, "its expression is not found in the location or the body"


def _alias_problem(alias: str) -> str:
    if not alias:
        return "it matched, but what it makes of the match is empty"
    if len(alias) > LONGEST_ALIAS:
        return f"what it found has more than {LONGEST_ALIAS} characters"
    if any(c.isspace() or not c.isprintable() for c in alias):
        return "what it makes of the match has blanks in it"
    return ""


def _fallback(
    places: Places,
) -> JoinDetails | None:
    for passage, _ in places:
        found = fallback_alias(passage)
        if found is not None:
            return JoinDetails(found.alias, found.protocol, "Other", FALLBACK)
    return None
