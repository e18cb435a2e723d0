"""Invitations that an installation or a tester brings along."""

import os
from pathlib import Path

import msgspec
import pytest

from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.rule import read_rules
from pexschedd.onetouch.services.catalogue import own_services
from tests.onetouch.onetouch_support import templates

FILE = os.environ.get("PEXSCHEDD_JOIN_CASES", "")
"""A JSON list of {id, subject, location, body, body_type, expect: {alias, protocol,
platform} or null}; the rules are beside it, in join-profile.json."""


@pytest.mark.skipif(not FILE, reason="PEXSCHEDD_JOIN_CASES names no file of cases")
def test_given_cases() -> None:
    """Every invitation gives the alias, protocol and platform that its file says."""
    path = Path(FILE)
    rules = read_rules((path.parent / "join-profile.json").read_bytes(), templates())
    chosen = RuleSet(rules, own_services(), templates())
    wrong = []
    for case in msgspec.json.decode(path.read_bytes()):
        body = {"HTML": "html", "Text": "text"}[case["body_type"]]
        found = chosen.evaluate(
            Invitation(
                subject=case["subject"],
                location=case["location"],
                **{body: case["body"]},
            )
        )
        details = found.details
        got = details and {
            "alias": details.alias,
            "protocol": details.protocol,
            "platform": details.platform,
        }
        if got != case["expect"]:
            wrong.append((case["id"], got, case["expect"]))
    assert not wrong, wrong
