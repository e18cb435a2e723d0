"""Names and addresses of users: from the token, or from the directory."""

from typing import Any

import pytest
import pytest_twisted
from twisted.logger import capturedLogs

from pexschedd.errors import EmailUnusable, UnknownUser, UserElsewhere
from pexschedd.identity.personal.sign_in import GETTING_TEXT
from tests.identity.personal.provider_support import EMAIL, SignInBench


@pytest_twisted.ensureDeferred
async def test_the_names_of_ad_fs(bench: SignInBench) -> None:
    """First and last name are those of the deployment guide's claim rule."""
    bench.play("ADFS")
    await bench.whole_way()
    ((profile, _),) = bench.records.came
    assert (profile.first_name, profile.last_name) == ("Alice", "Adams")


@pytest_twisted.ensureDeferred
async def test_ad_fs_without_a_mail_address(bench: SignInBench) -> None:
    """Without the claim `email` the sign-in fails, and says that an administrator has
    to see to it."""
    bench.play("ADFS")
    bench.idp.changes = {"email": None}
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "email_missing"
    assert "e-mail address" in outcome.failure.message


@pytest_twisted.ensureDeferred
async def test_the_directory_knows_the_name(bench: SignInBench) -> None:
    """Where a name is missing, the directory is asked for it, and only then."""
    bench.play("AZURE")
    await bench.whole_way()
    assert "/v1.0/me" not in bench.idp.asked
    bench.idp.answers["/v1.0/me"] = (200, {"displayName": "Alice B", "mail": "b@c.d"})
    bench.idp.changes = {"name": None}
    await bench.whole_way()
    profile = bench.records.came[-1][0]
    assert (profile.display_name, profile.email) == ("Alice B", EMAIL)


@pytest_twisted.ensureDeferred
async def test_the_directory_is_down(bench: SignInBench) -> None:
    """A directory that refuses does not hinder a sign-in that has an address."""
    bench.play("AZURE")
    bench.idp.changes = {"name": None}
    bench.idp.answers["/v1.0/me"] = (403, {})
    _, outcome = await bench.whole_way()
    assert outcome.user is not None


@pytest.mark.parametrize(
    "claims", [{"acct": 1}, {"idp": "https://sts.windows.net/another/"}]
)
@pytest_twisted.ensureDeferred
async def test_a_guests_address_is_the_directorys(
    bench: SignInBench, claims: dict[str, Any]
) -> None:
    """A guest's own organization chooses the address in the token: what counts is the
    one in our tenant's directory, and without one nobody is signed in."""
    bench.play("AZURE")
    bench.idp.changes = claims | {"email": "boss@example.test"}
    bench.idp.answers["/v1.0/me"] = (200, {"mail": "guest@partner.test"})
    _, outcome = await bench.whole_way()
    assert outcome.user is not None
    assert bench.records.came[0][0].email == "guest@partner.test"
    bench.idp.answers["/v1.0/me"] = (404, {})
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "email_missing"


@pytest_twisted.ensureDeferred
async def test_an_unknown_user(bench: SignInBench) -> None:
    """A user without a record, who may not get one, sees the text for that."""
    bench.play("AZURE")
    bench.records.allowed = False
    new, outcome = await bench.whole_way()
    failure = bench.sign_ins.progress(bench.known, new.attempt).failure
    assert failure is not None
    assert failure == outcome.failure
    assert (failure.code, failure.text_field) == ("unknown_user", GETTING_TEXT)
    assert failure.correlation_id == "req-1"


@pytest.mark.parametrize("kind", [UserElsewhere, EmailUnusable])
@pytest_twisted.ensureDeferred
async def test_a_user_whom_only_an_administrator_can_help(
    bench: SignInBench, kind: type[UnknownUser]
) -> None:
    """The log has what is wrong with which record; the user is told whom to ask, and
    nothing about records."""
    bench.play("AZURE")
    bench.records.allowed = False
    bench.records.problem = kind("The user (end_user 1) is another provider's.")
    with capturedLogs() as events:
        _, outcome = await bench.whole_way()
    failure = outcome.failure
    assert failure is not None
    assert (failure.code, failure.can_retry) == (kind.code, False)
    assert failure.message.endswith("An administrator has to see to it.")
    assert "end_user" not in failure.message
    (event,) = (e for e in events if e.get("code") == kind.code)
    assert "end_user 1" in event["reason"]
