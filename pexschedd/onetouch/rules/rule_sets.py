"""Rule sets made once in each process, and the work that is handed to one. Pure.

`util.worker_processes` takes what can be pickled: rules, not what is compiled of them.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NoReturn

from pexschedd.clock import Now, system_now
from pexschedd.errors import InvalidFields, TemplateError
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.results import Evaluation
from pexschedd.onetouch.rules.rule import MeetingRule
from pexschedd.onetouch.services.catalogue import (
    Services,
    own_catalogue,
    own_services,
    read_catalogue,
    with_entries,
)
from pexschedd.onetouch.services.entry import ServiceEntry, ServiceTest
from pexschedd.templates.engine import Templates

_CHARACTERS_OF_A_TAG = 4
"""So that all that is read in one go takes less than 20 ms."""


def rule_templates(now: Now) -> Templates:
    """Return the templates of rules. A dial string cannot be random: a screen would
    change whenever the calendar is read."""
    return Templates(now, _refuse_random, _refuse_random)


def _refuse_random(*_: object) -> NoReturn:
    raise TemplateError("what a room dials cannot be random")


@lru_cache(maxsize=8)
def services_with(added: bytes = b"") -> Services:
    """Return the known services, with an installation's entries in TOML; raises
    InvalidFields for entries that are wrong or whose tests fail."""
    if not added:
        return own_services()
    more = read_catalogue(added)
    services = Services(with_entries(own_catalogue(), more))
    problems = {
        f"entries.{number}.{field}": [problem]
        for number, entry in enumerate(more.entries)
        for field, problem in failed_tests(entry, services)
    }
    if problems:
        raise InvalidFields(problems)
    return services


def failed_tests(entry: ServiceEntry, services: Services) -> Iterator[tuple[str, str]]:
    """Yield the tests of an entry that fail: the field, and what was found instead."""
    for number, test in enumerate(entry.tests):
        rule = MeetingRule(
            name=entry.name,
            meeting_type=entry.meeting_type,
            priority=1,
            domain=test.domain,
            include_pin=test.include_pin,
            company_id=test.company_id,
        )
        invitation = Invitation(
            location=test.location,
            html=test.body if test.body_type == "HTML" else "",
            text=test.body if test.body_type == "Text" else "",
        )
        rules = RuleSet([rule], services, rule_templates(system_now))
        found = rules.evaluate(invitation)
        problem = _problem_of_test(entry, test, found)
        if problem:
            yield f"tests.{number}", problem


def _problem_of_test(entry: ServiceEntry, test: ServiceTest, found: Evaluation) -> str:
    details = found.details
    if test.alias is None:
        if details is not None:
            return f"There should be nothing to dial, but {details.alias} was found."
        is_named = entry.title in found.recognised
        return "" if is_named else "The service was not recognised."
    if details is None:
        return f"Nothing was found, rather than {test.alias}: {found.tried[0].reason}."
    what = (details.alias, details.protocol, details.platform)
    wanted = (test.alias, test.protocol, entry.platform)
    if what != wanted:
        return f"Found was {' '.join(what)}, rather than {' '.join(wanted)}."
    return ""


@lru_cache(maxsize=64)
def rule_set(rules: tuple[MeetingRule, ...], added: bytes = b"") -> RuleSet:
    """Return rules ready to be applied; raises InvalidFields for wrong entries."""
    return RuleSet(rules, services_with(added), rule_templates(system_now))


def evaluate(
    rules: tuple[MeetingRule, ...], invitation: Invitation, added: bytes = b""
) -> Evaluation:
    """Apply rules to an invitation, in this process or, as a `partial`, in another.

    The cost is `cost_of(invitation)`: a million characters take a tenth of a second if
    they are text, and a second if they are mostly tags.
    """
    return rule_set(rules, added).evaluate(invitation)


def cost_of(invitation: Invitation) -> int:
    """Return the number of characters that are looked at. Each tag counts for more: it
    takes as long as many characters of text."""
    html = invitation.html
    return len(html) + _CHARACTERS_OF_A_TAG * html.count("<") or len(invitation.text)
