"""Tests of processing rules, run one at a time in a process apart."""

from functools import partial
from typing import Any

import msgspec

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields, TooManyRequests
from pexschedd.management.references import parse_reference
from pexschedd.model import tables
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.configuration import screen_profile
from pexschedd.onetouch.rule_test import RuleTest, RuleTestResult, run_rule_test
from pexschedd.onetouch.rules.rule import STANDARD_RULES
from pexschedd.onetouch.rules.stored_rules import stored_rules
from pexschedd.store.store import Store
from pexschedd.util.worker_processes import AT_ONCE, HeavyWork, WorkAbandoned

MOST_WAITING = 8
"""Tests that run or wait for others; each holds its invitation in memory."""


class RuleTests:
    """Tests rules: a profile's, some that are given, or those for all services.

    `work` should do nothing else: an invitation that takes long keeps it busy.
    """

    def __init__(self, store: Store, work: HeavyWork, now: Now) -> None:
        self._store = store
        self._work = work
        self._now = now
        self._waiting = 0

    async def run(self, profile: object, **values: Any) -> RuleTestResult:
        """Return the result of a test with these values of a `RuleTest`.

        `profile` refers to the profile whose stored rules and settings are tested; None
        or empty for none. Raises `InvalidFields`, and `TooManyRequests` while others
        wait.
        """
        test = RuleTest(now=self._now(), rules=STANDARD_RULES, **values)
        if profile not in (None, ""):
            if test.given_rules:
                text = "Give either a profile or rules."
                raise InvalidFields({"rules": [text]})
            stored = self._profile(profile)
            rules = stored_rules(self._store, stored.id)
            test = msgspec.structs.replace(
                test, rules=rules, profile=screen_profile(stored)
            )
        if self._waiting >= MOST_WAITING:
            text = "Other tests of rules are running: try again in a few seconds."
            raise TooManyRequests(text, retry_after=5)
        self._waiting += 1
        try:
            # Even a short text takes long where the catalogue was not read yet.
            return await self._work(partial(run_rule_test, test), AT_ONCE + 1)
        except WorkAbandoned as error:
            text = f"The invitation could not be tested: {error}"
            raise InvalidFields({"": [text]}) from None
        finally:
            self._waiting -= 1

    def _profile(self, reference: object) -> JoinProfile:
        name = tables.MJX_INTEGRATION.name
        try:
            id_ = parse_reference(name, reference)
        except ValueError as error:
            raise InvalidFields({name: [str(error)]}) from None
        found = self._store.get(tables.MJX_INTEGRATION, id_)
        if found is None:
            raise InvalidFields({name: [f"There is no {name} {id_}."]})
        return found
