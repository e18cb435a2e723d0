"""Rows of mistakes: each is made on purpose, over real sockets, and has to be named."""

from collections.abc import Callable

import pytest

from pexschedd.doctor.report import CheckStatus
from pexschedd.doctor.text import text
from tests.doctor.doctor_support import SECRET, Clinic, line
from tests.net.net_support import Authority

FAILED, WARNING = CheckStatus.FAILED, CheckStatus.WARNING
NOT_CHECKED, PASSED = CheckStatus.NOT_CHECKED, CheckStatus.PASSED
STRANGER = Authority("A stranger's CA")
Arrange = Callable[[Clinic], object]
Row = tuple[Arrange, str, CheckStatus, str, str]
"""What was done wrong, the check that finds it, its status, words of its message, and
words of its cause, remedy or commands."""

ALSO = {
    # Without a proxy the metadata cannot be reached, so no domain is configured.
    "sign_in": ("domains",),
    # The add-in is asked over the connection that is not trusted.
    "addin_certificate": ("addin_answers",),
    # The same certificate keeps the metadata away.
    "tls": ("metadata",),
    # There is no identity provider to be asked.
    "user_sign_in_alone": (
        "user_sign_in_keys",
        "user_sign_in_window",
        "user_sign_in_token",
        "user_sign_in_redirect",
    ),
    # The same proxy is in between.
    "port": ("metadata",),
}
"""Checks that may fail along with another, for the same mistake."""


def by_mistake(rows: list[Row]) -> pytest.MarkDecorator:
    """Parametrize a test by rows, which are known by what was done wrong."""
    return pytest.mark.parametrize("row", rows, ids=[row[0].__name__ for row in rows])


async def assert_named(
    clinic: Clinic,
    arrange: Arrange,
    check: str,
    status: CheckStatus,
    message: str,
    advice: str,
) -> None:
    """Make a mistake, and look for the line that names it."""
    arrange(clinic)
    report = await clinic.examine()
    found = line(report, check)
    assert found.status is status, text(report)
    assert message in found.message, found.message
    assert advice in " ".join((found.cause, found.remedy, *found.commands)), found
    if status is not PASSED:
        assert found.cause
        assert found.remedy
    failed = {
        each.check.partition(":")[0] for each in report.lines if each.status is FAILED
    }
    assert failed <= {check, *ALSO.get(check, ())}, text(report)
    for secret in (SECRET, "good token", "another token"):
        assert secret not in text(report)
        assert secret not in repr(report)
