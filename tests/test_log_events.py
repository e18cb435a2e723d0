"""The rules for log events: each can be searched for, and says what it concerns."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pexschedd"

LEVELS = {"debug", "info", "warn", "error", "failure", "critical"}

SUBJECT_AND_VERB = re.compile(r"[A-Za-z][\w'-]* [\w'-]+")
"""Two fixed words, before anything that is filled in."""

OF_AN_INTEGRATION = ("doctor", "ews", "identity/oauth", "scheduling")

OF_THE_DAEMON = {
    # events of these concern no single integration
    "scheduling/admission.py",
    "scheduling/alarms/alarms.py",
    "scheduling/alarms/clock_trust.py",
    "scheduling/alarms/metadata_check.py",
    "scheduling/upkeep/audit_service.py",
    "scheduling/upkeep/janitor.py",
}

OF_A_MESSAGE = re.compile(r"(message|meeting|mailbox refused)\b")


@cache
def events() -> list[tuple[str, str, set[str | None]]]:
    """Return place, text and keys of each log event of the daemon."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith(("sandbox/", "demo/")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and ast.unparse(node.func.value).lower().endswith("log")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                text = str(node.args[0].value)
                keys = {k.arg for k in node.keywords}
                found.append((f"{place}:{node.lineno}", text, keys))
    return found


def test_events_can_be_searched_for() -> None:
    """Each begins with a subject and a verb in fixed words."""
    wrong = [
        f"{place}: {text}"
        for place, text, _ in events()
        if not SUBJECT_AND_VERB.match(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_events_name_their_integration() -> None:
    """Where the work is one integration's, its id is a key of the event."""
    wrong = [
        f"{place}: {text}"
        for place, text, keys in events()
        if place.startswith(OF_AN_INTEGRATION)
        and place.split(":")[0] not in OF_THE_DAEMON
        and not {"integration", None} & keys
    ]
    assert not wrong, "\n".join(wrong)


def test_events_of_messages_have_a_correlation_id() -> None:
    """What happens to a message, or to the meeting it is about, can be followed."""
    wrong = [
        f"{place}: {text}"
        for place, text, keys in events()
        if place.startswith("scheduling/inbox/")
        and OF_A_MESSAGE.match(text)
        and not {"correlation_id", None} & keys
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", ["{what} happened", "listening: {name}", "done"])
def test_the_rule_bites(text: str) -> None:
    """Placeholders first, or one word only, are no subject and verb."""
    assert not SUBJECT_AND_VERB.match(text)
