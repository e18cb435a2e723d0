"""What token endpoints say to applications, and what is to be done."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from pexschedd.errors import MailboxBusy, MailboxError, SignInNeeded, SignInRefused
from pexschedd.identity.oauth.application_remedies import (
    _TABLE,
    _WAIT,
    application_refusal,
)
from pexschedd.identity.oauth.settings import INTEGRATION_FIELDS, ApplicationFields

ROOMS = ApplicationFields(
    client_id="client_id",
    credential="client_secret",
    endpoint="oauth_token_url",
    resource="graph_api_domain",
    certificate="",
)

CASES: list[tuple[str, str, type[MailboxError], str]] = [
    ("7000215", "invalid_client", SignInRefused, "value, not its id, as oauth_client_"),
    ("7000222", "invalid_client", SignInRefused, "has expired. Make a new one"),
    ("7000218", "invalid_client", SignInRefused, "Enter oauth_client_secret"),
    ("700016", "unauthorized_client", SignInRefused, "Check oauth_client_id"),
    ("7000229", "unauthorized_client", SignInRefused, "New-MgServicePrincipal"),
    ("7000112", "unauthorized_client", SignInRefused, "is disabled"),
    ("90002", "invalid_request", SignInRefused, "tenant in oauth_token_endpoint"),
    ("900023", "invalid_request", SignInRefused, "verified domain names"),
    ("50059", "invalid_request", SignInRefused, "does not know the tenant"),
    ("90038", "invalid_request", SignInRefused, "another of Microsoft's clouds"),
    ("700027", "invalid_client", SignInRefused, "Upload the integration's public_key"),
    ("700024", "invalid_client", SignInRefused, "Set this machine's clock"),
    ("700023", "invalid_client", SignInRefused, "exactly the token endpoint"),
    ("500011", "invalid_resource", SignInRefused, "Check oauth_resource"),
    ("1002012", "invalid_scope", SignInRefused, "Check oauth_resource"),
    ("53003", "invalid_grant", SignInRefused, "workload identities"),
    ("50053", "invalid_grant", SignInRefused, "suspicious activity"),
    ("650056", "unauthorized_client", SignInRefused, "admin consent"),
    ("50196", "invalid_grant", MailboxBusy, "too often"),
    ("90033", "invalid_request", MailboxBusy, "asked again later"),
    ("99999", "invalid_client", SignInRefused, "Check oauth_client_id, and the client"),
    ("99999", "brand_new", SignInRefused, "log of service principal sign-ins"),
]


@pytest.mark.parametrize(("number", "error", "kind", "text"), CASES)
def test_refusal(number: str, error: str, kind: type[MailboxError], text: str) -> None:
    """Each says what to do, and the number that can be looked up."""
    described = f"AADSTS{number}: Something is wrong. Trace ID: 1"
    found = application_refusal(error, described)
    assert type(found) is kind
    assert text in found.message
    assert f"(AADSTS{number})" in found.message
    listed = application_refusal(error, "", (number,))
    assert listed.message == found.message


def test_every_text_is_whole() -> None:
    """Each of the table speaks of the record's own fields, and of no person."""
    for code in (*_TABLE, *_WAIT):
        for fields in (INTEGRATION_FIELDS, ROOMS):
            found = application_refusal(code, "", (), fields)
            assert not re.search(r"[{}]", found.message), code
            assert not isinstance(found, SignInNeeded)
            others = ROOMS if fields is INTEGRATION_FIELDS else INTEGRATION_FIELDS
            named = set(re.findall(r"\b\w+_\w+\b", found.message)) - {code}
            assert not named & (
                {*asdict(others).values()} - {*asdict(fields).values()}
            ), code


@given(
    error=st.text(),
    description=st.text(),
    numbers=st.lists(st.text(max_size=9)).map(tuple),
)
def test_any_answer_is_refused(error: str, description: str, numbers: Any) -> None:
    """What comes from the network is shown as a short code of printable ASCII."""
    message = application_refusal(error, description, numbers).message
    assert message.isascii()
    assert len(message) < 400
