"""The rules for log events: each can be searched for, and says what it concerns."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pexschedd"

LEVELS = {"debug", "info", "warn", "error", "failure", "critical"}

SUBJECT_AND_VERB = re.compile(r"[A-Za-z][\w'-]* [\w'-]+")
"""Two fixed words, before anything that is filled in."""

OF_LOGS = re.compile(r"log\s*\.|\bLogger\(", re.IGNORECASE)
"""What is in the source of each call of a logger, or of its class."""

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


class Call(NamedTuple):
    """A call of a logger, or of its class."""

    place: str
    node: ast.Call
    function: str
    """Its source."""
    of_a_class: bool
    """Whether it is in the body of a class."""


class Event(NamedTuple):
    """A log event of the daemon."""

    place: str
    text: str
    keys: set[str | None]


@cache
def calls() -> list[Call]:
    """All of the package. A file that does not speak of logs need not be parsed."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        if not OF_LOGS.search(text):
            continue
        place = path.relative_to(PACKAGE).as_posix()
        for statement in ast.parse(text).body:
            of_a_class = isinstance(statement, ast.ClassDef)
            for node in ast.walk(statement):
                if isinstance(node, ast.Call):
                    function = ast.unparse(node.func)
                    if OF_LOGS.search(f"{function}("):
                        found.append(Call(place, node, function, of_a_class))
    return found


@cache
def events() -> list[Event]:
    found = []
    for place, node, function, _ in calls():
        logger, _, level = function.rpartition(".")
        if (
            not place.startswith(("sandbox/", "demo/"))
            and logger.lower().endswith("log")
            and level in LEVELS
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            text = str(node.args[0].value)
            keys = {keyword.arg for keyword in node.keywords}
            found.append(Event(f"{place}:{node.lineno}", text, keys))
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


def test_no_class_names_its_logger() -> None:
    """Twisted names a logger that is a class's attribute after the class, whatever it
    was given: such lines would be in the wrong log."""
    for place, node, function, of_a_class in calls():
        if function == "Logger":
            named = any(keyword.arg == "namespace" for keyword in node.keywords)
            assert not (named and of_a_class), place


def test_a_correlation_id_in_the_text_is_a_key_too() -> None:
    """Whoever searches by key finds every line that names the message."""
    naming = [event for event in events() if "correlation_id" in event.text]
    assert len(naming) > 3
    for place, _, keys in naming:
        assert "correlation_id" in keys, place


@pytest.mark.parametrize(
    "module",
    [
        "scheduling/inbox/supervisor.py",
        "identity/oauth/token_cache.py",
        "identity/oauth/sign_in.py",
    ],
)
def test_an_integration_that_is_named_is_a_key_too(module: str) -> None:
    """A name may change; the id is what monitoring searches for."""
    seen = 0
    for place, node, _, _ in calls():
        if place != module:
            continue
        words = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if words.get("name") == "connector.name":
            assert words.get("integration") == "connector.id", ast.unparse(node)
            seen += 1
        elif words.get("name") == "record.name":  # of either kind of record
            assert words.get(None) == "self._kind.log_keys(record.id)"
            seen += 1
    assert seen
