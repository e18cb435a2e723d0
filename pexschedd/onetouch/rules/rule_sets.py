"""Rule sets made once in each process, and the work that is handed to one. Pure.

`util.worker_processes` takes what can be pickled: rules, not what is compiled of them.
"""

from functools import lru_cache
from typing import NoReturn

from pexschedd.clock import Now, system_now
from pexschedd.errors import TemplateError
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.evaluation import Evaluation, RuleSet
from pexschedd.onetouch.rules.rule import MeetingRule
from pexschedd.onetouch.services.catalogue import (
    Services,
    own_catalogue,
    own_services,
    read_catalogue,
    with_entries,
)
from pexschedd.templates.engine import Templates


def rule_templates(now: Now) -> Templates:
    """Return the templates of rules. A dial string cannot be random: a screen would
    change whenever the calendar is read."""
    return Templates(now, _refuse_random, _refuse_random)


def _refuse_random(*_: object) -> NoReturn:
    raise TemplateError("what a room dials cannot be random")


@lru_cache(maxsize=8)
def services_with(added: bytes = b"") -> Services:
    """Return the known services, with an installation's entries in TOML; raises
    InvalidFields."""
    if not added:
        return own_services()
    return Services(with_entries(own_catalogue(), read_catalogue(added)))


@lru_cache(maxsize=64)
def rule_set(rules: tuple[MeetingRule, ...], added: bytes = b"") -> RuleSet:
    """Return rules ready to be applied; raises InvalidFields for wrong entries."""
    return RuleSet(rules, services_with(added), rule_templates(system_now))


def evaluate(
    rules: tuple[MeetingRule, ...], invitation: Invitation, added: bytes = b""
) -> Evaluation:
    """Apply rules to an invitation, in this process or, as a `partial`, in another.

    The cost is `cost_of(invitation)`: 24,000 characters of HTML take about 20 ms, a
    million half a second.
    """
    return rule_set(rules, added).evaluate(invitation)


def cost_of(invitation: Invitation) -> int:
    """Return the number of characters that are looked at."""
    return len(invitation.html) or len(invitation.text)
