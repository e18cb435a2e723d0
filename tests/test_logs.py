"""The log: what a line says, and what it can never say."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogPublisher, capturedLogs
from twisted.python.failure import Failure

from pexschedd import logs
from pexschedd.scheduling.inbox import message_handler


def logged(form: str, say: Any, *, namespace: str = "test", level: str = "info") -> str:
    """What comes out when `say` is given a logger."""
    out = io.StringIO()
    publisher = LogPublisher(logs.LevelObserver(out, level, form))
    say(Logger(namespace=namespace, observer=publisher))
    return out.getvalue()


def one(say: Any, **settings: Any) -> dict[str, Any]:
    (line,) = logged("json", say, **settings).splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_names_the_service() -> None:
    """What nobody asked for by name was done by the internal user."""
    line = one(lambda log: log.info("hello {who}", who="you"))
    assert line["User"] == "schedulingservice"
    assert line["message"] == "hello you"
    assert line["log"] == "support"


def test_the_administrator_log() -> None:
    """Its lines are told apart, and name the administrator who did it."""
    line = one(
        lambda log: log.info("changed", user="carol"),
        namespace="administrator.configuration",
    )
    assert (line["log"], line["User"]) == ("administrator", "carol")
    assert (
        one(lambda log: log.info("x"), namespace="administrators")["log"] == "support"
    )


def test_a_message_is_found_by_its_correlation_id() -> None:
    """Correlation id and integration are keys, whether or not the text has them."""
    line = one(lambda log: log.info("told", correlation_id="c-1", integration=7))
    assert (line["correlation_id"], line["integration"]) == ("c-1", 7)


def test_nothing_else_of_the_event_comes_out() -> None:
    """Only what the text asks for is said: a secret beside it stays out."""
    for form in ("json", "text"):
        text = logged(form, lambda log: log.info("signed in", password="hunter2"))
        assert "hunter2" not in text


def test_text_for_people_has_the_keys() -> None:
    """The deployment guide's search for User="schedulingservice" finds the line."""
    text = logged("text", lambda log: log.info("told", correlation_id="c-1"))
    assert text.endswith('told User="schedulingservice" correlation_id="c-1"\n')


@given(st.text(max_size=200))
def test_one_event_is_one_line(text: str) -> None:
    """Whatever a message holds, it cannot begin a line of its own."""
    for form in ("json", "text"):
        out = logged(form, lambda log: log.info("{text}", text=text))
        assert out.count("\n") == 1
        assert out.endswith("\n")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_failure_brings_its_traceback(form: str) -> None:
    """Where our own error happened is in the log, the end of it within bounds."""

    def fail(log: Logger, text: str) -> None:
        try:
            raise RuntimeError(text)
        except RuntimeError:
            log.failure("broken", Failure())

    assert "in fail" in logged(form, lambda log: fail(log, "short"))
    text = logged(form, lambda log: fail(log, "x" * 50_000))
    assert 20_000 < len(text) < 21_000


def test_twisted_is_quiet_unless_debugging() -> None:
    """Twisted's own doings are for whoever debugs."""
    said = logged("text", lambda log: log.info("x"), namespace="twisted.web")
    assert said == ""
    said = logged(
        "text", lambda log: log.info("x"), namespace="twisted.web", level="debug"
    )
    assert said


def test_what_becomes_of_messages_is_in_the_administrator_log() -> None:
    """As docs/monitoring.md says."""
    out = io.StringIO()
    with capturedLogs() as events:
        message_handler._log.info("{correlation_id}: accepted", correlation_id="c-1")
    logs.JsonObserver(out)(events[-1])
    line = json.loads(out.getvalue())
    assert (line["log"], line["User"]) == ("administrator", "schedulingservice")


def test_every_line_is_bounded() -> None:
    """Messages, keys and tracebacks are cut, and say how much of them is missing."""

    def say(log: Logger) -> None:
        try:
            raise ValueError("v" * 10_000_000)
        except ValueError:
            log.failure(
                "failed {what} {number}",
                what="w" * 5_000_000,
                number=10**4000,
                user="u" * 1_000_000,
                correlation_id="c" * 1_000_000,
                integration=[1] * 1_000_000,
            )

    for form in ("json", "text"):
        text = logged(form, say)
        assert len(text) < 60_000
        assert "4992000 more characters" in text
        assert text.count("more characters") == 5
        assert "ValueError: vvv" in text


def test_a_lone_surrogate_does_not_lose_the_line() -> None:
    """What has no UTF-8 is written as an escape."""
    assert one(lambda log: log.info("hello {who}", who="\ud800"))["message"] == (
        "hello \\ud800"
    )
