"""A meeting processing rule, and what can be wrong with one. Pure.

The fields are those of the platform's `mjx_meeting_processing_rule`.
"""

from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from pexschedd.errors import InvalidFields, TemplateError
from pexschedd.model.fields.addresses import is_host
from pexschedd.onetouch.services.catalogue import MEETING_TYPES
from pexschedd.onetouch.services.entry import CATALOGUE, VALUES
from pexschedd.onetouch.services.patterns import rule_pattern
from pexschedd.templates.engine import Templates

DOMAIN, REGEX, REGEX_RE2, CUSTOM = "domain", "regex", "regex_re2", "custom"
ALL_TYPES = (*MEETING_TYPES, DOMAIN, REGEX, REGEX_RE2, CUSTOM, CATALOGUE)
NEED_A_DOMAIN = frozenset(
    {"teams", "teamssipguestjoin", "hangouts", "googlemeetsipguestjoin", "s4b", DOMAIN}
)
"""Types whose meetings are dialled through a gateway: its domain."""
NEED_A_COMPANY = frozenset({"teamssipguestjoin", "googlemeetsipguestjoin"})
EVENT = "calendar_event"
"""The variable of a custom template."""
_LENGTHS = {
    "name": 250,
    "description": 250,
    "domain": 255,
    "company_id": 36,
    "match_string": 250,
    "replace_string": 250,
    "transform_rule": 512,
    "custom_template": 10_240,
}
MOST_RULES = 200
MOST_BYTES = 4_000_000


class MeetingRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One rule. Of the enabled ones, that of the lowest priority is tried first."""

    name: str
    meeting_type: str
    priority: int
    """1 to 200."""
    enabled: bool = True
    description: str = ""
    domain: str = ""
    include_pin: bool = False
    company_id: str = ""
    default_processing_enabled: bool = True
    transform_rule: str = ""
    """A template of the dial string, in the place of the service's own."""
    match_string: str = ""
    replace_string: str = ""
    custom_template: str = ""
    id: int | None = None
    mjx_integration: str | None = None
    resource_uri: str = ""


STANDARD_RULES = tuple(
    MeetingRule(name=name, meeting_type=meeting_type, priority=priority)
    for priority, meeting_type, name in (
        (10, "pexipinfinity", "Own rooms"),
        (15, "pexipservice", "Pexip Service"),
        (20, "pexipserviceteamsbody", "Teams, Pexip Service block"),
        (21, "pexipinfinityteamsbody", "Teams, Pexip Infinity block"),
        (22, "ciscoteamsbody", "Teams, Cisco block"),
        (23, "polyteamsbody", "Teams, Poly block"),
        (30, "zoom", "Zoom"),
        (40, "webex", "Webex"),
        (60, "gotomeeting", "GoTo"),
        (70, CATALOGUE, "Other services"),
    )
)
"""Rules for all services that need nothing of the installation's own."""


def rule_problems(rule: MeetingRule, templates: Templates) -> Iterator[tuple[str, str]]:
    """Yield the fields of a rule that are wrong, each with what would be right."""
    if not rule.name.strip():
        yield "name", "This field is required."
    for field, longest in _LENGTHS.items():
        if len(getattr(rule, field)) > longest:
            yield field, f"This may have {longest} characters at most."
            return
    if not 1 <= rule.priority <= 200:
        yield "priority", "This must be a number from 1 to 200."
    if rule.meeting_type not in ALL_TYPES:
        yield "meeting_type", f"This must be one of {', '.join(ALL_TYPES)}."
        return
    if rule.domain and not is_host(rule.domain):
        yield "domain", "This must be a domain such as example.com, without @."
    elif rule.meeting_type in NEED_A_DOMAIN and not rule.domain:
        yield "domain", f"Rules of the type {rule.meeting_type} need a domain to dial."
    if rule.meeting_type in NEED_A_COMPANY and not (
        rule.company_id or _has_transform(rule)
    ):
        yield "company_id", "Enter the customer ID that is part of the dial string."
    yield from _expression_problems(rule, templates)


def _has_transform(rule: MeetingRule) -> bool:
    return not rule.default_processing_enabled and bool(rule.transform_rule)


def _expression_problems(
    rule: MeetingRule, templates: Templates
) -> Iterator[tuple[str, str]]:
    if rule.meeting_type in (REGEX, REGEX_RE2):
        if not rule.match_string:
            yield "match_string", "Enter the regular expression to search for."
        else:
            try:
                rule_pattern(rule.match_string).check(rule.replace_string)
            except ValueError as error:
                in_match = "replacement" not in str(error)
                field = "match_string" if in_match else "replace_string"
                yield field, str(error)
    elif rule.meeting_type == CUSTOM:
        if not rule.custom_template.strip():
            yield "custom_template", "Enter a template that writes the alias to dial."
        else:
            yield from _template_problems(
                "custom_template", rule.custom_template, frozenset({EVENT}), templates
            )
    elif not rule.default_processing_enabled:
        if not rule.transform_rule.strip():
            yield (
                "transform_rule",
                "Enter a template for the alias, or enable default processing.",
            )
        else:
            yield from _template_problems(
                "transform_rule", rule.transform_rule, VALUES, templates
            )


def _template_problems(
    field: str, source: str, variables: frozenset[str], templates: Templates
) -> Iterator[tuple[str, str]]:
    try:
        templates.check(source, variables)
    except TemplateError as error:
        yield field, error.message


def read_rules(data: bytes, templates: Templates) -> tuple[MeetingRule, ...]:
    """Parse a JSON list of rules, or the API's `{"objects": [...]}`; raises
    InvalidFields, which names every problem."""
    if len(data) > MOST_BYTES:
        raise InvalidFields({"__all__": [f"Rules have {MOST_BYTES} bytes at most."]})
    try:
        raw = msgspec.json.decode(data.removeprefix(BOM_UTF8))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidFields({"__all__": [f"This is not JSON: {error}."]}) from None
    if isinstance(raw, dict) and isinstance(raw.get("objects"), list):
        raw = raw["objects"]
    if not isinstance(raw, list):
        raise InvalidFields({"__all__": ["This must be a list of rules."]})
    if len(raw) > MOST_RULES:
        raise InvalidFields({"__all__": [f"There are {MOST_RULES} rules at most."]})
    rules: list[MeetingRule] = []
    problems: defaultdict[str, list[str]] = defaultdict(list)
    for number, each in enumerate(raw):
        try:
            rule = msgspec.convert(each, MeetingRule)
        except msgspec.ValidationError as error:
            problems[f"rules.{number}"].append(f"{error}.")
            continue
        rules.append(rule)
        for field, problem in rule_problems(rule, templates):
            problems[f"rules.{number}.{field}"].append(problem)
    if problems:
        raise InvalidFields(problems)
    return tuple(rules)


def in_order(rules: Sequence[MeetingRule]) -> list[MeetingRule]:
    """Return rules in the order in which they are tried; of the same priority, in the
    order given."""
    return sorted(rules, key=lambda rule: rule.priority)
