"""The fields that findings are shown beside."""

import pytest
from msgspec.structs import replace

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.check_fields import FIELDS, GRAPH_FIELDS, fields_of_check
from pexschedd.doctor.checks import checks_of, draft_checks_of
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from tests.doctor.test_doctor_powershell import PLAIN

CASES = [
    ExaminedIntegration(
        connector=replace(
            PLAIN,
            authentication_method=method,
            addin_authentication_method=addin,
            addin_oidc_metadata_url="https://login.example.com/",
            enable_personal_vmrs=True,
            mailbox_protocol=protocol,
        ),
        domains=("mail.example.com",),
    )
    for method, addin, protocol in (
        ("BASIC", "EXCHANGE_USER_ID_TOKEN", "EWS"),
        ("OAUTH", "NAA_TOKEN", "EWS"),
        ("KERBEROS", "SSO_TOKEN", "EWS"),
        ("KERBEROS", "SSO_TOKEN", "GRAPH"),
    )
]


@pytest.mark.parametrize("case", CASES)
def test_each_check_says_which_fields_it_is_about(case: ExaminedIntegration) -> None:
    """Every check has an entry, and every field in it is the integration's."""
    known = {*fields_of(Connector), "domains"}
    for check in checks_of(case):
        assert check.name.partition(":")[0] in {**FIELDS, **GRAPH_FIELDS}
        assert set(fields_of_check(check.name, case.connector)) <= known, check.name


@pytest.mark.parametrize("case", CASES)
def test_a_draft_has_the_checks_of_a_saved_integration(
    case: ExaminedIntegration,
) -> None:
    """In the same order; a sign-in is made only where a password is all it takes, or
    by an application to Graph."""
    checks, drafted = checks_of(case), draft_checks_of(case)
    assert [each.name for each in drafted] == [each.name for each in checks]
    changed = {a.name for a, b in zip(checks, drafted, strict=True) if a != b}
    connector = case.connector
    signs_in = connector.authentication_method == "BASIC" or connector.uses_graph
    assert ("sign_in" in changed) is not signs_in
    assert {"addin_answers", "user_sign_in_redirect"} < changed
