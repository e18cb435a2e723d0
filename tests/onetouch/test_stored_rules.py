"""The stored rules of a profile."""

from typing import Any

from pexschedd.clock import system_now
from pexschedd.model import tables
from pexschedd.model.onetouch.processing_rule import MEETING_TYPES, ProcessingRule
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.rule import ALL_TYPES, MeetingRule
from pexschedd.onetouch.rules.rule_sets import rule_templates, services_with
from pexschedd.onetouch.rules.stored_rules import (
    meeting_rule,
    rule_set_of,
    stored_rules,
)


class _Records:
    """Rules in memory, found as the store finds them."""

    def __init__(self, *rules: ProcessingRule) -> None:
        self._rules = rules

    def find_all(self, index: Any, key: object) -> list[Any]:
        """Return the rules with a key."""
        return [each for each in self._rules if index.key(each) == key]


def _rule(id: int, **values: Any) -> ProcessingRule:
    given: dict[str, Any] = {
        "name": f"Rule {id}",
        "mjx_integration": 1,
        "priority": 10,
        **values,
    }
    return ProcessingRule(id=id, **given)


def test_the_types_of_stored_rules_are_those_that_are_applied() -> None:
    """Every type that can be stored is known to the rules, and the other way round."""
    assert set(MEETING_TYPES) == set(ALL_TYPES)


def test_every_field_of_a_stored_rule_reaches_the_rule_that_is_applied() -> None:
    """No setting of a stored rule is lost on the way."""
    values: dict[str, Any] = {
        "description": "Notes",
        "priority": 7,
        "enabled": False,
        "meeting_type": "regex",
        "domain": "example.com",
        "company_id": "4711",
        "include_pin": True,
        "default_processing_enabled": False,
        "transform_rule": "{{ domain }}",
        "match_string": "a(b)",
        "replace_string": "\\1",
        "custom_template": "x",
    }
    assert set(values) | {"id", "name", "mjx_integration"} == set(
        ProcessingRule.__struct_fields__
    )
    found = meeting_rule(_rule(3, **values))
    assert found == MeetingRule(id=3, name="Rule 3", **values)


def test_a_profile_has_its_own_rules_in_the_order_of_their_age() -> None:
    """Rules of other profiles are left out, and equal priorities go by age."""
    others = _rule(1, mjx_integration=2, meeting_type="zoom")
    records = _Records(
        others, _rule(9, meeting_type="zoom"), _rule(4, meeting_type="webex")
    )
    assert [rule.id for rule in stored_rules(records, 1)] == [4, 9]


def test_a_rule_set_dials_by_the_stored_rules() -> None:
    """The stored rule with the lowest priority that matches decides."""
    records = _Records(
        _rule(1, priority=20, meeting_type="zoom"),
        _rule(2, priority=5, meeting_type="domain", domain="example.com"),
    )
    rules = rule_set_of(records, 1, rule_templates(system_now), services_with())
    text = "oak@example.com or https://zoom.us/j/95812345678"
    found = rules.evaluate(Invitation(text=text)).details
    assert found is not None
    assert found.alias == "oak@example.com"


def test_without_rules_only_written_addresses_are_dialled() -> None:
    """A profile without rules finds sip: addresses and no service's links."""
    rules = rule_set_of(_Records(), 1, rule_templates(system_now), services_with())
    zoom = Invitation(text="https://zoom.us/j/95812345678")
    assert rules.evaluate(zoom).details is None
    sip = Invitation(text="sip:oak@example.com")
    found = rules.evaluate(sip).details
    assert found is not None
    assert found.alias == "oak@example.com"


def test_the_records_are_found_by_the_store_s_own_index() -> None:
    """The index by profile is the one that the store keeps."""
    assert tables.MJX_RULE_BY_INTEGRATION in tables.MJX_PROCESSING_RULE.indexes
