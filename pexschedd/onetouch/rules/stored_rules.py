"""The stored rules of a profile, as they are applied. Pure."""

from collections.abc import Iterable
from typing import Any, Protocol

from pexschedd.model import tables
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.table import Index, R
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.rule import MeetingRule
from pexschedd.onetouch.services.catalogue import Services
from pexschedd.templates.engine import Templates


class RuleReads(Protocol):
    """The part of the store that rules are read from; a snapshot has it, too."""

    def find_all(self, index: Index[R], key: Any) -> Iterable[R]:
        """Return all records that an index has under a key."""


def meeting_rule(stored: ProcessingRule) -> MeetingRule:
    """Return a stored rule as it is applied."""
    return MeetingRule(
        id=stored.id,
        name=stored.name,
        description=stored.description,
        priority=stored.priority,
        enabled=stored.enabled,
        meeting_type=stored.meeting_type,
        domain=stored.domain,
        company_id=stored.company_id,
        include_pin=stored.include_pin,
        default_processing_enabled=stored.default_processing_enabled,
        transform_rule=stored.transform_rule,
        match_string=stored.match_string,
        replace_string=stored.replace_string,
        custom_template=stored.custom_template,
    )


def stored_rules(records: RuleReads, profile: int) -> tuple[MeetingRule, ...]:
    """Return a profile's rules, the oldest first; disabled ones are among them.

    They can be pickled: `rule_sets.evaluate` takes them, in this process or another.
    A profile without rules has none: only `sip:`, `sips:` and `h323:` addresses are
    found then, as on the platform.
    """
    found = records.find_all(tables.MJX_RULE_BY_INTEGRATION, profile)
    return tuple(meeting_rule(each) for each in sorted(found, key=lambda rule: rule.id))


def rule_set_of(
    snapshot: RuleReads, profile_id: int, templates: Templates, catalogue: Services
) -> RuleSet:
    """Return a profile's rules ready to be applied."""
    return RuleSet(stored_rules(snapshot, profile_id), catalogue, templates)
