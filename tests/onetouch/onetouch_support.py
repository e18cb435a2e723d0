"""Rules, services and templates for the tests of One-Touch Join."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.results import Evaluation
from pexschedd.onetouch.rules.rule import MeetingRule
from pexschedd.onetouch.rules.rule_sets import rule_templates
from pexschedd.onetouch.services.catalogue import own_services
from pexschedd.templates.engine import Templates


@cache
def templates() -> Templates:
    return rule_templates(lambda: datetime(2026, 12, 1, tzinfo=UTC))


def rule(meeting_type: str, priority: int = 1, **fields: Any) -> MeetingRule:
    name = fields.pop("name", meeting_type)
    return MeetingRule(
        name=name, meeting_type=meeting_type, priority=priority, **fields
    )


@cache
def usual_rules() -> RuleSet:
    """A profile that covers everything, with gateways of its own."""
    rules = (
        rule("pexipinfinity", 10),
        rule("pexipserviceteamsbody", 20),
        rule("pexipinfinityteamsbody", 21),
        rule("ciscoteamsbody", 22),
        rule("polyteamsbody", 23),
        rule("zoom", 30, domain="zoomcrc.com", include_pin=True),
        rule("webex", 40),
        rule("hangouts", 50, domain="meet.gateway.example"),
        rule("gotomeeting", 60),
        rule("catalogue", 70),
        rule("domain", 80, domain="video.example.com"),
    )
    return RuleSet(rules, own_services(), templates())


def evaluate(*rules: MeetingRule, **invitation: Any) -> Evaluation:
    """Apply rules, or the usual ones, to an invitation."""
    chosen = RuleSet(rules, own_services(), templates()) if rules else usual_rules()
    return chosen.evaluate(Invitation(**invitation))
