"""Fields that a choice requires: ways to sign in, tokens, and personal rooms."""

from typing import Any

import pytest
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.model.integration.connector import Connector
from tests.model.validation_support import BASES, CONNECTOR, PERSONAL, check


@pytest.mark.parametrize(
    ("choice", "missing"),
    [
        ({"authentication_method": "KERBEROS"}, {"kerberos_realm"}),
        (
            {"authentication_method": "APP_PERM"},
            {"oauth_client_id", "oauth_client_secret", "oauth_token_endpoint"},
        ),
        (
            {"authentication_method": "OAUTH"},
            {
                "oauth_client_id",
                "oauth_redirect_uri",
                "oauth_auth_endpoint",
                "oauth_token_endpoint",
            },
        ),
    ],
)
def test_choices_require_fields(choice: dict[str, object], missing: set[str]) -> None:
    """A way to sign in requires what it cannot work without."""
    with pytest.raises(InvalidFields) as caught:
        check(Connector, {**CONNECTOR, **choice})
    assert set(caught.value.problems) == missing


@pytest.mark.parametrize(
    ("choice", "missing"),
    [
        (
            {"enable_dynamic_vmrs": False},
            {"enable_dynamic_vmrs"},
        ),
        (
            {"addin_authentication_method": "SSO_TOKEN"},
            {"addin_application_id", "addin_oidc_metadata_url"},
        ),
    ],
)
def test_stored_choices_require_fields(
    choice: dict[str, Any], missing: set[str]
) -> None:
    """A choice that was accepted once still requires what belongs to it."""
    record = replace(check(Connector, CONNECTOR), **choice)
    assert {name for name, _ in record.contradictions()} == missing


TENANT = "https://login.microsoftonline.com/contoso.example/v2.0"
MICROSOFT_365 = {
    "addin_authentication_method": "NAA_TOKEN",
    "addin_application_id": "bbbbbbbb-0000-4000-8000-000000000002",
    "addin_authority_url": "https://login.microsoftonline.com/contoso.example",
    "addin_oidc_metadata_url": f"{TENANT}/.well-known/openid-configuration",
    "addin_naa_web_api_application_id": "AAAAAAAA-0000-4000-8000-000000000001",
}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("addin_application_id", "api://x", "a GUID, with NAA_TOKEN"),
        ("addin_naa_web_api_application_id", "scheduling", "a GUID, with NAA_TOKEN"),
        ("addin_oidc_metadata_url", TENANT, "must be an OpenID configuration"),
        (
            "addin_oidc_metadata_url",
            MICROSOFT_365["addin_oidc_metadata_url"].replace(
                "contoso.example", "Common"
            ),
            "must name your tenant",
        ),
        ("addin_oidc_metadata_url", "http://mail.example.test/x", "https"),
        ("addin_authority_url", "contoso.example", "must be a URL"),
        ("addin_authority_url", "", "required with"),
        ("addin_naa_web_api_application_id", "", "required with"),
    ],
)
def test_the_fields_of_microsoft_365(field: str, value: str, words: str) -> None:
    """Each has to be what the tokens are checked by, as soon as they are used."""
    good = {**BASES[Connector], **MICROSOFT_365}
    check(Connector, good)
    check(Connector, {**good, "addin_authentication_method": "SSO_TOKEN"})
    with pytest.raises(InvalidFields) as caught:
        check(Connector, {**good, field: value})
    assert set(caught.value.problems) == {field}
    assert words.lower() in caught.value.problems[field][0].lower()


def test_what_is_not_used_may_be_anything() -> None:
    """With Exchange's tokens the other fields say nothing, and clients send them with
    whole records."""
    loose = {"addin_application_id": "x", "addin_naa_web_api_application_id": "y"}
    check(Connector, {**BASES[Connector], **loose})
    sso = {**MICROSOFT_365, "addin_authentication_method": "SSO_TOKEN"}
    check(Connector, {**BASES[Connector], **sso, **dict(list(loose.items())[1:])})


def test_only_personal_rooms_need_no_exchange() -> None:
    """An integration without single-use rooms needs no mailbox."""
    personal = {"enable_dynamic_vmrs": False, "addin_server_domain": "x.test"}
    assert not check(Connector, {"name": CONNECTOR["name"], **PERSONAL, **personal}).url


@pytest.mark.parametrize(
    ("choice", "wrong"),
    [
        (
            dict.fromkeys(PERSONAL, "") | {"enable_personal_vmrs": True},
            {
                "personal_vmr_oauth_auth_endpoint",
                "personal_vmr_oauth_token_endpoint",
                "personal_vmr_oauth_client_id",
                "personal_vmr_adfs_relying_party_trust_identifier",
            },
        ),
        (
            {"auth_provider": "AZURE"},
            {
                "personal_vmr_oauth_auth_endpoint",
                "personal_vmr_oauth_token_endpoint",
                "personal_vmr_oauth_client_secret",
            },
        ),
        (
            {"personal_vmr_instructions_template": ""},
            {"personal_vmr_instructions_template"},
        ),
        (
            {"personal_vmr_oauth_token_endpoint": "http://adfs.example.com/token"},
            {"personal_vmr_oauth_token_endpoint"},
        ),
        (
            {"personal_vmr_oauth_auth_endpoint": "javascript:alert(1)"},
            {"personal_vmr_oauth_auth_endpoint"},
        ),
        (
            {"personal_vmr_oauth_client_id": "a client"},
            {"personal_vmr_oauth_client_id"},
        ),
        (
            {"personal_vmr_adfs_relying_party_trust_identifier": "the resource"},
            {"personal_vmr_adfs_relying_party_trust_identifier"},
        ),
    ],
)
def test_personal_rooms_need_a_sign_in(
    choice: dict[str, object], wrong: set[str]
) -> None:
    """What a sign-in cannot do without is required, with addresses that are https."""
    check(Connector, {**CONNECTOR, **PERSONAL})
    with pytest.raises(InvalidFields) as caught:
        check(Connector, {**CONNECTOR, **PERSONAL, **choice})
    assert set(caught.value.problems) == wrong


LOGIN = "https://login.microsoftonline.com"


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (f"{LOGIN}/t/oauth2", "must end in /oauth2/v2.0/"),
        (f"{LOGIN}/common/oauth2/v2.0", '"common" stands for any organization'),
        (f"{LOGIN}/Organizations/oauth2/v2.0", "your tenant's id or domain"),
        (f"{LOGIN}/oauth2/v2.0", "there is none"),
    ],
)
def test_endpoints_at_which_nobody_could_sign_in(base: str, words: str) -> None:
    """Azure's v1 endpoints, and those without a tenant of one's own, are refused when
    they are saved; while personal rooms are off they may wait for their correction."""
    azure = {
        **PERSONAL,
        "auth_provider": "AZURE",
        "personal_vmr_oauth_client_secret": "secret",
        "personal_vmr_oauth_auth_endpoint": f"{base}/authorize",
        "personal_vmr_oauth_token_endpoint": f"{base}/token",
    }
    with pytest.raises(InvalidFields) as caught:
        check(Connector, {**CONNECTOR, **azure})
    problems = caught.value.problems
    assert set(problems) == {
        "personal_vmr_oauth_auth_endpoint",
        "personal_vmr_oauth_token_endpoint",
    }
    assert all(words in text for [text] in problems.values())
    assert check(Connector, {**CONNECTOR, **azure, "enable_personal_vmrs": False})
