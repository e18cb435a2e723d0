"""The judgements about Microsoft Graph that a sandbox cannot bring about, by table; and
readers of answers that may hold anything."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.doctor import graph_probes
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose import (
    graph_mailbox,
    graph_permissions,
    graph_server,
    graph_sign_in,
    providers,
)
from pexschedd.doctor.observations import (
    GraphResult,
    HostAddresses,
    HttpResult,
    MailSample,
    ProcessingTraces,
    RequestTrace,
)
from pexschedd.doctor.report import CheckFinding, CheckStatus
from pexschedd.graph.problems import GraphProblem
from pexschedd.model.integration.connector import Connector
from pexschedd.net.errors import FailureKind
from tests.doctor.test_doctor_powershell import PLAIN

FAILED, WARNING = CheckStatus.FAILED, CheckStatus.WARNING
NOT_CHECKED, PASSED = CheckStatus.NOT_CHECKED, CheckStatus.PASSED
Judge = Callable[[ExaminedIntegration, Any], CheckFinding]
URL = "https://graph.microsoft.com/v1.0/users"


def case(**fields: object) -> ExaminedIntegration:
    given: Mapping[str, Any] = {"mailbox_protocol": "GRAPH", **fields}
    connector: Connector = msgspec.structs.replace(PLAIN, **given)
    return ExaminedIntegration(
        connector=connector, user="alice@example.test", now=datetime.now(UTC)
    )


def refused(status: int, code: str = "") -> GraphResult:
    return GraphResult(problem=GraphProblem(status, code, "It says so."))


def ours(code: str) -> GraphResult:
    return GraphResult(refused=code, refusal="It is so.")


def traces(*requests: RequestTrace, responses: tuple[str, ...] = ()) -> GraphResult:
    return GraphResult(result=ProcessingTraces(requests, responses))


OLD, NEW = 3600.0, 10.0
PERMISSIONS = (
    graph_permissions.mail_write,
    graph_permissions.calendars,
    graph_permissions.user,
)
ROWS: list[tuple[Judge, Any, CheckStatus, str]] = [
    (graph_sign_in.sign_in, ours("mailbox_busy"), NOT_CHECKED, "It is so."),
    (graph_sign_in.sign_in, ours("mailbox_unreachable"), FAILED, "be reached"),
    (graph_sign_in.sign_in, ours("mailbox_untrusted"), FAILED, "trusted"),
    (graph_sign_in.sign_in, ours("sign_in_refused"), FAILED, "no token"),
    (graph_sign_in.sign_in, refused(403, "ErrorAccessDenied"), PASSED, "signed in"),
    (graph_permissions.mailbox, refused(404, "errorinvaliduser"), FAILED, "no mailbox"),
    (
        graph_permissions.mailbox,
        refused(404, "MAILBOXNOTENABLEDFORRESTAPI"),
        FAILED,
        "on-premises",
    ),
    (graph_permissions.mailbox, refused(503), NOT_CHECKED, "busy"),
    (graph_permissions.mailbox, refused(418), NOT_CHECKED, "no clear answer"),
    (
        graph_permissions.mail_read,
        GraphResult(result=MailSample("x", (), True, False)),
        FAILED,
        "without extended properties",
    ),
    (
        graph_permissions.mail_read,
        GraphResult(result=MailSample("x", (), False, True)),
        FAILED,
        "without body",
    ),
    (
        graph_permissions.mail_read,
        GraphResult(result=MailSample()),
        PASSED,
        "cannot be seen",
    ),
    *(
        (judge, refused(status, code), expected, "")
        for judge in PERMISSIONS
        for status, code, expected in (
            (404, "ErrorItemNotFound", PASSED),
            (400, "ErrorInvalidIdMalformed", PASSED),
            (412, "ErrorIrresolvableConflict", PASSED),
            (403, "ErrorAccessDenied", FAILED),
            (403, "", FAILED),
            (429, "ApplicationThrottled", NOT_CHECKED),
            (401, "", NOT_CHECKED),
        )
    ),
    (graph_permissions.calendars, refused(404, "ErrorInvalidUser"), NOT_CHECKED, ""),
    (graph_mailbox.kind, GraphResult(result=""), NOT_CHECKED, "RecipientType"),
    (graph_mailbox.kind, GraphResult(result="\x1b[31m" * 99), WARNING, "resource"),
    (
        graph_mailbox.processing,
        traces(responses=("accepted", "notResponded")),
        PASSED,
        "unanswered",
    ),
    (graph_mailbox.processing, traces(responses=("accepted",)), NOT_CHECKED, "reveal"),
    (
        graph_mailbox.processing,
        traces(
            RequestTrace(OLD, has_event=False),
            RequestTrace(OLD, has_event=True, response="tentativelyAccepted"),
        ),
        PASSED,
        "AutoUpdate",
    ),
    (
        graph_mailbox.processing,
        traces(RequestTrace(NEW, has_event=True, response="accepted")),
        NOT_CHECKED,
        "",
    ),
    (
        graph_mailbox.processing,
        traces(RequestTrace(OLD, has_event=True, response="declined")),
        WARNING,
        "AutoAccept",
    ),
    (graph_mailbox.processing, refused(503), NOT_CHECKED, "busy"),
    (graph_mailbox.notifications, HostAddresses("x"), PASSED, "looked at"),
    (graph_mailbox.throttling, [], PASSED, ""),
    (graph_mailbox.throttling, [refused(429)], WARNING, "10,000"),
    (
        graph_server.web,
        HttpResult(URL, failure=FailureKind.CLOSED, problem="it is closed"),
        FAILED,
        "breaks the connection",
    ),
    (graph_server.clock, HttpResult(URL, 401), NOT_CHECKED, "Date"),
    (providers.token_endpoint, HttpResult(URL, 200), FAILED, "(v2)"),
]


@pytest.mark.parametrize(
    "requests", [(), (RequestTrace(NEW, has_event=True, response="accepted"),)]
)
@pytest.mark.parametrize(
    ("setting", "method", "expected", "words"),
    [
        ("None", "RESPONSE", FAILED, "AutomateProcessing is None"),
        ("None", "MAIL", PASSED, "answers are mails"),
        ("AutoAccept", "MAIL", FAILED, "answers meeting requests itself"),
        ("AutoAccept", "RESPONSE", FAILED, "answers meeting requests itself"),
        ("AutoUpdate", "RESPONSE", PASSED, "leaves the answer to us"),
        ("7", "RESPONSE", NOT_CHECKED, "not reveal"),
    ],
)
def test_processing_as_ews_tell_it(
    setting: str,
    method: str,
    expected: CheckStatus,
    words: str,
    requests: tuple[RequestTrace, ...],
) -> None:
    """The setting that EWS name counts for more than traces of what it was; a value
    that is not known counts for nothing."""
    examined = msgspec.structs.replace(
        case(graph_answer_method=method), processing=setting
    )
    found = graph_mailbox.processing(examined, traces(*requests))
    assert found.status is expected
    assert words in found.message
    if expected is not PASSED:
        assert any("-AutomateProcessing AutoUpdate" in c for c in found.commands)


@pytest.mark.parametrize(("judge", "seen", "status", "words"), ROWS)
def test_a_judgement(judge: Judge, seen: Any, status: CheckStatus, words: str) -> None:
    """Each observation has one finding, whose words name it; codes come in any case."""
    found = judge(case(), seen)
    assert found.status is status
    shown = " ".join((found.message, found.cause, found.remedy))
    assert words in shown
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("addresses", "status"),
    [
        (("10.1.2.3", "fd00::1"), WARNING),
        (("10.1.2.3", "8.8.8.8"), NOT_CHECKED),
        (("not an address",), WARNING),
        ((), NOT_CHECKED),
    ],
)
def test_webhooks(addresses: tuple[str, ...], status: CheckStatus) -> None:
    """A name that is private here is a warning: Microsoft 365 has to reach it."""
    seen = HostAddresses("addin.example.test", addresses)
    found = graph_mailbox.notifications(case(graph_notification_method="WEBHOOK"), seen)
    assert found.status is status
    assert "every 5 s" in found.cause + found.remedy


READERS = (
    graph_probes._read_sample,
    graph_probes._read_purpose,
    graph_probes._read_request_ids,
    graph_probes._read_request,
    graph_probes._read_responses,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("value", "id", "body", "event", "categories", "responseStatus")
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(READERS), _JSON)
def test_readers_take_anything(read: Callable[[bytes], Any], value: object) -> None:
    """A document of another shape is a `ValueError`, which the client expects."""
    with suppress(ValueError):
        read(msgspec.json.encode(value))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"value":' * 100_000,
        b'{"id":"%b"}' % (b"x" * 9999),
    ],
)
def test_readers_refuse_monsters(read: Callable[[bytes], Any], body: bytes) -> None:
    """Answers nested too deeply, that are no JSON or have endless ids, do no harm."""
    try:
        read(body)
    except ValueError:
        return
    assert body.startswith(b'{"id"')  # not looked at by this reader


@pytest.mark.parametrize("received", ["", "yesterday", "2026-11-20"])
def test_any_time_of_arrival(received: str) -> None:
    """A message whose time makes no sense counts as new."""
    message = graph_probes._Message(received=received)
    assert graph_probes._trace(message, datetime.now(UTC)).age == 0
