"""An examination as a whole: nothing is found where nothing is wrong, or changed."""

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.text import text
from pexschedd.errors import NotFound
from tests.doctor.doctor_support import ALICE, MAIL, Clinic, line
from tests.doctor.rows_support import PASSED


@pytest_twisted.ensureDeferred
async def test_everything_in_order(clinic: Clinic) -> None:
    """Nothing fails where nothing is wrong; the one thing that Exchange does not tell
    is not guessed."""
    report = await clinic.examine()
    assert report.status is PASSED, text(report)
    open_ = [each.check for each in report.lines if each.status is not PASSED]
    assert open_ == ["kind"]
    assert MAIL in line(report, "tls").details[0]


@pytest_twisted.ensureDeferred
async def test_nothing_is_changed(clinic: Clinic) -> None:
    """Only calls that read, and a subscription that is given back."""
    await clinic.examine()
    assert set(clinic.sandbox.calls) == {
        "GetFolder",
        "ResolveNames",
        "GetUserConfiguration",
        "Subscribe",
        "Unsubscribe",
    }


@pytest_twisted.ensureDeferred
async def test_asked_twice_at_once(clinic: Clinic) -> None:
    """The same question while an examination goes on gets the same report, by one
    sign-in; afterwards it is made anew."""
    doctor = clinic.doctor()
    first, second = (Deferred.fromCoroutine(doctor.examine(1, ALICE)) for _ in range(2))
    assert await second is await first
    assert clinic.sandbox.calls["GetFolder"] == 2  # the mailbox and the user
    assert await doctor.examine(1, ALICE) is not await first


@pytest_twisted.ensureDeferred
async def test_no_such_integration(clinic: Clinic) -> None:
    """An unknown one is an error, each time."""
    doctor = clinic.doctor()
    for _ in range(2):
        with pytest.raises(NotFound):
            await doctor.examine(2)


@pytest_twisted.ensureDeferred
async def test_only_personal_rooms(clinic: Clinic) -> None:
    """Without single-use rooms nothing is asked of Exchange's mailboxes."""
    clinic.change(enable_dynamic_vmrs=False)
    report: DoctorReport = await clinic.examine()
    assert "sign_in" not in [each.check for each in report.lines]
    assert clinic.sandbox.calls == {}
