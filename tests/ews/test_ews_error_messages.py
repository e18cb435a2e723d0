"""What went wrong, in words that help."""

import pytest
from lxml import etree

from pexschedd.errors import (
    CursorLost,
    ImpersonationRefused,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    MailboxUntrusted,
    SignInRefused,
)
from pexschedd.ews.envelope import ItemProblem, NotSoap, ServerError
from pexschedd.ews.error_messages import (
    EwsTarget,
    HttpAnswer,
    connection_error,
    http_error,
    outcome,
    server_error,
    soap_error,
)
from pexschedd.exchange.error_policy import (
    AnswerTooLarge,
    RequestNotUnderstood,
    RequestTooLarge,
    TakesTooLong,
    UnexplainedServerError,
)
from pexschedd.exchange.response_codes import KNOWN, Category, category
from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, FailureKind
from pexschedd.scheduling.ports.mailbox import OutcomeKind
from tests.schemas import EWS, needed_file

SITE = EwsTarget(
    url="https://mail.example.test:444/EWS/Exchange.asmx",
    username="svc@example.test",
    mailbox="room@example.test",
)


@pytest.mark.parametrize("trouble", FailureKind)
def test_every_trouble_has_words(trouble: FailureKind) -> None:
    """Each names the host and keeps the detail."""
    error = connection_error(ConnectionFailure(trouble, "DETAIL"), SITE)
    assert isinstance(error, MailboxUnreachable)
    assert "mail.example.test:444" in error.message
    assert "{" not in error.message
    assert error.retry_after is None
    assert isinstance(error, AnswerTooLarge) == (trouble is FailureKind.TOO_LARGE)
    assert isinstance(error, MailboxUntrusted) == (trouble in ABOUT_TRUST)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, SignInRefused, ["svc@example.test", "password"]),
        (403, MailboxRefused, ["forbids", "EwsEnabled", "room@example.test"]),
        (404, MailboxRefused, ["https://mail.example.test:444/EWS/Exchange.asmx"]),
        (456, SignInRefused, ["locked"]),
        (507, MailboxRefused, ["space"]),
        (429, MailboxBusy, ["429"]),
        (502, UnexplainedServerError, ["502"]),
        (503, MailboxBusy, ["503"]),
        (504, UnexplainedServerError, ["504"]),
        (
            302,
            MailboxUnreachable,
            ["redirects the request", "https://owa.example.test/"],
        ),
        (400, MailboxRefused, ["400"]),
        (413, RequestTooLarge, ["413"]),
        (440, MailboxBusy, ["440"]),
        (449, MailboxUnreachable, ["449"]),
        (451, MailboxUnreachable, ["451", "room@example.test"]),
        (500, MailboxUnreachable, ["500"]),
        (200, MailboxUnreachable, ["200"]),
    ],
)
def test_statuses(status: int, kind: type[MailboxError], words: list[str]) -> None:
    """A status becomes the error that says what to do."""
    answer = HttpAnswer(status, "Basic realm=x", "https://owa.example.test/", "")
    error = http_error(answer, SITE)
    assert type(error) is kind
    for word in words:
        assert word in error.message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (HttpAnswer(302, location="/ews/genericerrorpage.htm"), UnexplainedServerError),
        (
            HttpAnswer(302, location="https://x.test/EWS/GenericErrorPage.htm?a=b"),
            UnexplainedServerError,
        ),
        (HttpAnswer(502, retry_after="5"), MailboxBusy),
        (HttpAnswer(302, location="/owa/auth/logon.aspx"), MailboxUnreachable),
        (
            HttpAnswer(500, page="<h1>Server Error in '/EWS' Application.</h1>"),
            UnexplainedServerError,
        ),
        (HttpAnswer(500, page="<h1>Something else</h1>"), MailboxUnreachable),
    ],
)
def test_the_servers_own_error_pages(
    answer: HttpAnswer, kind: type[MailboxError]
) -> None:
    """Exchange's page for errors of its own will pass, unless the request is to blame;
    a pause that is asked for is kept; any other page is a stranger."""
    assert type(http_error(answer, SITE)) is kind


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("17", 17.0), ("999999", 3600.0), ("Fri, 20 Nov 2026 08:00:00 GMT", None)],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """The server's pause counts, within reason."""
    error = http_error(HttpAnswer(503, retry_after=value), SITE)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("ErrorServerBusy", MailboxBusy, ["busy"]),
        ("ErrorMailboxMoveInProgress", MailboxBusy, ["right now"]),
        ("ErrorInternalServerError", UnexplainedServerError, ["right now"]),
        ("ErrorTimeoutExpired", TakesTooLong, ["right now"]),
        ("ErrorExceededFindCountLimit", TakesTooLong, ["busy"]),
        ("ErrorInvalidSyncStateData", CursorLost, ["synchronisation"]),
        (
            "ErrorImpersonateUserDenied",
            ImpersonationRefused,
            ["ApplicationImpersonation", "room@example.test", "svc@example.test"],
        ),
        (
            "ErrorImpersonationDenied",
            ImpersonationRefused,
            ["ApplicationImpersonation"],
        ),
        ("ErrorNonExistentMailbox", MailboxRefused, ["no mailbox room@example.test"]),
        ("ErrorNonPrimarySmtpAddress", MailboxRefused, ["primary", "TEXT"]),
        ("ErrorPasswordExpired", SignInRefused, ["expired", "svc@example.test"]),
        ("ErrorQuotaExceeded", MailboxRefused, ["full"]),
        ("ErrorInvalidServerVersion", MailboxRefused, ["2013 SP1"]),
        (
            "ErrorSchemaValidation",
            RequestNotUnderstood,
            ["ErrorSchemaValidation", "TEXT"],
        ),
        ("ErrorNobodyKnows", RequestNotUnderstood, ["ErrorNobodyKnows"]),
    ],
)
def test_codes(code: str, kind: type[MailboxError], words: list[str]) -> None:
    """A response code becomes the error that says what to do."""
    error = server_error(ItemProblem(code, "TEXT"), SITE)
    assert type(error) is kind
    for word in words:
        assert word in error.message


@pytest.mark.parametrize(
    ("pause", "seconds"), [(None, None), (0.0, None), (4.5, 4.5), (99999.0, 3600.0)]
)
def test_back_off(pause: float | None, seconds: float | None) -> None:
    """The server's pause counts, within reason; none and zero are none."""
    error = server_error(ItemProblem("ErrorServerBusy", "", pause), SITE)
    assert error.retry_after == seconds


def test_soap_errors() -> None:
    """A page in place of SOAP is said to be one; a fault is what it says."""
    page = soap_error(NotSoap("the answer is a web page, not SOAP"), SITE)
    assert type(page) is MailboxUnreachable
    assert "web page" in page.message
    assert "sign-in" in page.message
    fault = soap_error(ServerError(ItemProblem("ErrorServerBusy")), SITE)
    assert type(fault) is MailboxBusy


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ErrorItemNotFound", OutcomeKind.GONE),
        ("ErrorServerBusy", OutcomeKind.RETRY),
        ("ErrorBatchProcessingStopped", OutcomeKind.RETRY),
        ("ErrorIrresolvableConflict", OutcomeKind.RETRY),
        ("ErrorAccessDenied", OutcomeKind.RETRY),
        ("ErrorQuotaExceeded", OutcomeKind.RETRY),
        ("ErrorCalendarIsCancelledForAccept", OutcomeKind.FAILED),
        ("ErrorItemCorrupt", OutcomeKind.RETRY),
        ("ErrorSchemaValidation", OutcomeKind.FAILED),
        ("ErrorNobodyKnows", OutcomeKind.FAILED),
    ],
)
def test_outcomes(code: str, kind: OutcomeKind) -> None:
    """What becomes of one answer; reasons are for those that need one."""
    found = outcome(ItemProblem(code, "TEXT"))
    assert found.kind is kind
    assert (code in found.reason) is (kind is not OutcomeKind.GONE)
    assert outcome(None).kind is OutcomeKind.DONE


def test_categories_are_of_codes_that_exist() -> None:
    """One code is in one category; one that a newer server may invent is `OTHER`."""
    assert category("ErrorServerBusy") is Category.THROTTLED
    assert category("ErrorInvalidWatermark") is Category.SUBSCRIPTION
    assert category("NoError") is Category.OK
    assert category("ErrorOfTheFuture") is Category.OTHER
    assert category("") is Category.OTHER


def test_every_code_of_the_schema_is_known() -> None:
    """Nothing that Exchange can say is unknown, and nothing is made up."""
    schema = etree.parse(str(needed_file(EWS).with_name("messages.xsd")))
    codes = schema.find(".//{*}simpleType[@name='ResponseCodeType']")
    assert codes is not None
    names = {each.get("value") for each in codes.iter("{*}enumeration")}
    assert len(names) > 500
    assert names == KNOWN
