"""Stored secrets and the addresses that they are sent to."""

from typing import Any

import pytest
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.model import tables
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.fields.secret_destinations import differs, other_server
from pexschedd.model.fields.validation import validate
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.google_deployment import GoogleDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.profile import JoinProfile
from tests.model.validation_support import CONNECTOR, TEMPLATES, check

URL = "https://mail.example.test/EWS/Exchange.asmx"
TOKENS = "https://login.example.test/tenant/oauth2/token"
STORED: Connector = replace(
    check(
        Connector,
        {
            **CONNECTOR,
            "authentication_method": "KERBEROS",
            "kerberos_realm": "EXAMPLE.TEST",
            "kerberos_kdc": "dc.example.test",
            "oauth_token_endpoint": TOKENS,
            "personal_vmr_oauth_token_endpoint": TOKENS,
        },
    ),
    id=1,
    password="sealed",
    oauth_client_secret="sealed",
    personal_vmr_oauth_client_secret="sealed",
)

DECIDES_NOTHING = {
    "addin_server_domain": "users' Outlook goes there, with no secret of ours",
    "addin_authority_url": "the pane asks there, with no secret of ours",
    "addin_oidc_metadata_url": "public documents are read from it",
    "additional_add_in_script_sources": "the pane loads from them",
    "microsoft_fabric_components_url": "the pane loads from it",
    "microsoft_fabric_url": "the pane loads from it",
    "office_js_url": "the pane loads from it",
    "oauth_auth_endpoint": "a person's browser goes there",
    "oauth_redirect_uri": "the code that comes back needs the sealed verifier",
    "personal_vmr_oauth_auth_endpoint": "a person's browser goes there",
    "personal_vmr_oauth_client_id": "a name that the provider compares",
    "personal_vmr_adfs_relying_party_trust_identifier": "a name that AD FS compares",
    "scheduled_alias_domain": "a part of aliases",
    "addin_frame_ancestors": "a list of pages",
    "oauth_resource": "a name that the token endpoint compares",
    "room_mailbox_email_address": "the mailbox that is read",
}
"""Fields with addresses that get no stored secret, and why."""


def changed(**values: object) -> Connector:
    return validate(Connector, values, current=STORED, templates=TEMPLATES)


def problems(**values: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidFields) as caught:
        changed(**values)
    return dict(caught.value.problems)


def test_every_secret_declares_its_destinations() -> None:
    """Each secret of each table says which fields of its record send it."""
    for table in tables.TABLES:
        record: Any = table.record
        fields = fields_of(record)
        for name, declared in fields.items():
            if declared.field.secret:
                # A hash is sent nowhere, and what clients send is compared here.
                stays = declared.field.hashed or declared.field.received
                assert bool(declared.field.sent_by) != stays, name
            for destination in declared.field.sent_by:
                assert destination.field in fields, name


def test_every_address_is_judged() -> None:
    """An address in a record with secrets decides where they go, or is known not to."""
    fields = fields_of(Connector)
    decides = {d.field for f in fields.values() for d in f.field.sent_by}
    addresses = {
        name
        for name, declared in fields.items()
        if any(
            check.__module__ == "pexschedd.model.fields.addresses"
            for check in declared.field.checks
        )
    }
    assert addresses <= decides | set(DECIDES_NOTHING)
    assert not decides & set(DECIDES_NOTHING)


@pytest.mark.parametrize(
    ("field", "value", "secrets"),
    [
        ("url", "https://evil.test/EWS", {"password", "oauth_client_secret"}),
        (
            "url",
            "https://mail.example.test:444/EWS",
            {"password", "oauth_client_secret"},
        ),
        ("url", "http://localhost/EWS", {"password", "oauth_client_secret"}),
        ("authentication_method", "NTLM", {"password"}),
        ("authentication_method", "BASIC", {"password"}),
        ("kerberos_kdc", "dc.evil.test", {"password"}),
        ("kerberos_kdc", "", {"password"}),
        ("kerberos_realm", "EVIL.TEST", {"password"}),
        ("kerberos_kdc_https_proxy", "https://evil.test/KdcProxy", {"password"}),
        ("oauth_token_endpoint", "https://evil.test/token", {"oauth_client_secret"}),
        (
            "personal_vmr_oauth_token_endpoint",
            "https://evil.test/token",
            {"personal_vmr_oauth_client_secret"},
        ),
    ],
)
def test_stored_secret_stays(field: str, value: str, secrets: set[str]) -> None:
    """A changed address without its secrets is refused, naming both and what to do;
    with the secrets, or with empty ones where that is allowed, it is taken."""
    found = problems(**{field: value})
    assert set(found) == secrets
    for (text,) in found.values():
        assert field in text
        assert "same request" in text
    given: Any = dict.fromkeys(secrets, "new secret")
    assert getattr(changed(**{field: value}, **given), field) == value
    emptied: Any = dict.fromkeys(secrets, "")
    if field != "authentication_method":
        assert getattr(changed(**{field: value}, **emptied), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "https://MAIL.example.test:443/ews/other.asmx"),
        ("oauth_token_endpoint", "https://login.example.test/tenant/oauth2/v2.0/token"),
        ("oauth_token_endpoint", ""),
        ("authentication_method", "KERBEROS"),
        ("kerberos_realm", "example.test"),
        ("disable_proxy", True),
        ("username", "EXAMPLE\\other"),
        ("description", "text"),
    ],
)
def test_same_server_needs_no_secret(field: str, value: object) -> None:
    """Another path of the same server, or another field, leaves secrets as they are."""
    record = changed(**{field: value})
    assert getattr(record, field) == value
    assert record.password == record.oauth_client_secret == "sealed"


def test_method_that_shows_less() -> None:
    """A method that shows less of the password, or does not use it, needs no secret;
    the way back does."""
    basic = replace(STORED, authentication_method="BASIC")
    for method in ("NTLM", "KERBEROS"):
        values = {"authentication_method": method}
        record = validate(Connector, values, current=basic, templates=TEMPLATES)
        assert record.password == "sealed"
    tokens = replace(STORED, authentication_method="APP_PERM", oauth_client_id="id")
    with pytest.raises(InvalidFields) as caught:
        validate(
            Connector,
            {"authentication_method": "BASIC"},
            current=tokens,
            templates=TEMPLATES,
        )
    assert set(caught.value.problems) == {"password"}


def test_servers_own_secrets_are_forgotten() -> None:
    """A secret that nobody can enter is removed when its address changes."""
    oauth = replace(
        STORED,
        password="",
        oauth_client_secret="",
        authentication_method="OAUTH",
        oauth_client_id="id",
        oauth_auth_endpoint="https://login.example.test/authorize",
        oauth_redirect_uri="https://x.test/admin/platform/msexchangeconnector/"
        "oauth_redirect/",
        oauth_refresh_token="sealed",
        private_key="sealed",
    )
    for values in (
        {"url": "https://other.example.test/EWS"},
        {"oauth_token_endpoint": "https://other.example.test/token"},
    ):
        record = validate(Connector, values, current=oauth, templates=TEMPLATES)
        assert (record.oauth_refresh_token, record.private_key) == ("", "")
    same = validate(Connector, {"description": "x"}, current=oauth, templates=TEMPLATES)
    assert (same.oauth_refresh_token, same.private_key) == ("sealed", "sealed")


def test_forgotten_key_that_is_needed() -> None:
    """A changed address is refused if the removed key leaves no way to sign in, and
    the error says so."""
    app = replace(
        STORED,
        password="",
        oauth_client_secret="",
        authentication_method="APP_PERM",
        oauth_client_id="id",
        private_key="sealed",
    )
    with pytest.raises(InvalidFields) as caught:
        validate(
            Connector,
            {"url": "https://evil.test/EWS", "private_key": "mine"},
            current=app,
            templates=TEMPLATES,
        )
    assert set(caught.value.problems) == {"url", "oauth_client_secret"}
    assert "private_key is removed" in caught.value.problems["url"][0]


@pytest.mark.parametrize(
    ("old", "new", "is_other"),
    [
        ("https://a.test/x", "https://a.test:443/y", False),
        ("https://a.test./x", "https://A.test/x", False),
        ("http://[::1]:80/", "http://[::1]/", False),
        ("https://a.test/", "", False),
        ("", "https://a.test/", True),
        ("https://a.test/", "http://a.test/", True),
        ("https://a.test/", "https://a.test:8443/", True),
        ("https://a.test/", "https://b.test/", True),
        ("https://a.test/", "https://[::1", True),
    ],
)
def test_other_server(old: str, new: str, is_other: bool) -> None:
    """Scheme, host and port make a server; the usual port may be left out."""
    assert other_server(old, new) is is_other


def test_differs() -> None:
    """Upper case and blanks do not make another name."""
    assert not differs(" EXAMPLE.test", "example.TEST ")
    assert differs("example.test", "")


MJX_SECRETS = [
    (
        ExchangeDeployment(
            id=1,
            name="Rooms",
            ews_url="https://mail.example.test/EWS",
            authentication_method="KERBEROS",
            service_account_username="rooms",
            service_account_password="sealed",
            kerberos_realm="EXAMPLE.TEST",
            oauth_client_secret="sealed",
            oauth_token_endpoint="https://login.example.test/token",
        ),
        {
            "ews_url": {"service_account_password", "oauth_client_secret"},
            "kerberos_realm": {"service_account_password"},
            "kerberos_kdc": {"service_account_password"},
            "oauth_token_endpoint": {"oauth_client_secret"},
        },
        {
            "ews_url": "https://evil.test/EWS",
            "kerberos_realm": "EVIL.TEST",
            "kerberos_kdc": "dc.evil.test",
            "oauth_token_endpoint": "https://evil.test/token",
        },
    ),
    (
        Endpoint(
            id=1,
            name="Oak",
            room_resource_email="oak@example.test",
            api_address="oak.example.test",
            api_username="admin",
            api_password="sealed",
            use_https="YES",
        ),
        {name: {"api_password"} for name in ("api_address", "api_port", "use_https")},
        {"api_address": "evil.test", "api_port": 8443, "use_https": "NO"},
    ),
    (
        JoinProfile(
            id=1,
            name="Rooms",
            exchange_deployment=1,
            ep_username="admin",
            ep_password="sealed",
            webex_client_secret="sealed",
        ),
        {"ep_use_https": {"ep_password"}, "webex_api_domain": {"webex_client_secret"}},
        {"ep_use_https": False, "webex_api_domain": "evil.test"},
    ),
    (
        GraphDeployment(
            id=1,
            name="Tenant",
            client_id="app",
            client_secret="sealed",
            oauth_token_url="https://login.example.test/token",
        ),
        {
            "oauth_token_url": {"client_secret"},
            "graph_api_domain": {"client_secret"},
        },
        {
            "oauth_token_url": "https://evil.test/",
            "graph_api_domain": "graph.microsoft.us",
        },
    ),
    (
        GoogleDeployment(
            id=1,
            name="Workspace",
            client_email="a@example.test",
            client_secret="sealed",
            private_key="sealed",
        ),
        {"token_endpoint": {"client_secret", "private_key"}},
        {"token_endpoint": "https://evil.test/token"},
    ),
]


@pytest.mark.parametrize(
    ("stored", "needed", "values"), MJX_SECRETS, ids=lambda each: type(each).__name__
)
def test_secrets_of_one_touch_join_stay(
    stored: Any, needed: dict[str, set[str]], values: dict[str, object]
) -> None:
    """A deployment's, a profile's or an endpoint's new address needs its secrets
    again."""
    for field, secrets in needed.items():
        with pytest.raises(InvalidFields) as caught:
            validate(
                type(stored),
                {field: values[field]},
                current=stored,
                templates=TEMPLATES,
            )
        assert set(caught.value.problems) == secrets, field
        given = dict.fromkeys(secrets, "new secret")
        validate(
            type(stored),
            {field: values[field], **given},
            current=stored,
            templates=TEMPLATES,
        )


def test_a_service_account_s_password_does_not_follow_autodiscover() -> None:
    """Without the EWS URL Autodiscover says where the password goes: it is needed
    again."""
    stored, _, _ = MJX_SECRETS[0]
    with pytest.raises(InvalidFields) as caught:
        validate(
            ExchangeDeployment, {"ews_url": ""}, current=stored, templates=TEMPLATES
        )
    assert "service_account_password" in caught.value.problems
