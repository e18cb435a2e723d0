"""Settings of an integration with Graph: what it has to have, and may change."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.model import tables
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.fields.validation import validate
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.graph import GraphAccess
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.scheduling.inbox.supervisor import CONNECTION_FIELDS, wants_worker
from pexschedd.store.records import RecordFormat
from tests.model.microsoft_addresses import ENDPOINT, GLOBAL, GUID, LOGIN, TENANT, V2
from tests.model.validation_support import CONNECTOR, TEMPLATES, check

GRAPH: dict[str, object] = {
    "name": "Head office",
    "addin_server_domain": "px.example.test",
    "scheduled_alias_prefix": "555",
    "mailbox_protocol": "GRAPH",
    "room_mailbox_email_address": "rooms@example.test",
    "oauth_client_id": GUID,
    "oauth_client_secret": "a~secret",
    "oauth_token_endpoint": ENDPOINT,
}


def problems(values: Mapping[str, object], current: Connector | None = None) -> Any:
    """What is wrong with each field."""
    with pytest.raises(InvalidFields) as caught:
        validate(Connector, values, current=current, templates=TEMPLATES)
    return caught.value.problems


def test_graph_needs_neither_url_nor_service_account() -> None:
    """It needs the mailbox's address and the application, and that is said of each."""
    record = check(Connector, GRAPH)
    assert record.uses_graph
    assert record.mailbox_server == "https://graph.microsoft.com"
    assert record.sign_in_method == "APP_PERM"
    assert wants_worker(record)
    for name in (
        "room_mailbox_email_address",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_token_endpoint",
    ):
        found = problems({k: v for k, v in GRAPH.items() if k != name})
        assert list(found) == [name]
        assert "required" in found[name][0]


def test_ews_needs_what_it_did() -> None:
    """The default is EWS, which Graph's fields are nothing to."""
    found = problems({**GRAPH, "mailbox_protocol": "EWS"})
    assert {"url", "username", "password"} <= set(found)
    record = check(Connector, CONNECTOR)
    assert not record.uses_graph
    assert record.mailbox_server == record.url
    assert record.sign_in_method == record.authentication_method == "BASIC"
    old = {"oauth_token_endpoint": f"{LOGIN}/common/oauth2/token"}
    check(Connector, {**CONNECTOR, **old, "oauth_client_secret": GUID})


@pytest.mark.parametrize("method", ["BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM"])
def test_the_method_of_ews_is_nothing_to_graph(method: str) -> None:
    """An integration keeps what it had, to go back."""
    record = check(Connector, {**GRAPH, "authentication_method": method})
    assert record.authentication_method == method
    assert record.sign_in_method == "APP_PERM"


@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"oauth_token_endpoint": f"{LOGIN}/common/{V2}"}, "oauth_token_endpoint", "*"),
        ({"oauth_client_secret": GUID}, "oauth_client_secret", "not its value"),
        ({"oauth_client_id": "pexschedd"}, "oauth_client_id", "(client) ID"),
        (
            {"oauth_token_endpoint": f"{LOGIN}/{GUID.upper()}/{V2}"},
            "oauth_client_id",
            "the tenant's id",
        ),
        (
            {"graph_api_domain": "graph.microsoft.us"},
            "oauth_token_endpoint",
            "login.microsoftonline.us",
        ),
        ({"graph_api_domain": "graph.example.test"}, "graph_api_domain", "your cloud"),
        ({"graph_api_domain": ""}, "graph_api_domain", "may not be empty"),
        ({"graph_answer_method": "SMS"}, "graph_answer_method", "RESPONSE, MAIL"),
        ({"graph_notification_method": "PULL"}, "graph_notification_method", "POLL"),
    ],
)
def test_contradictions(values: dict[str, object], field: str, text: str) -> None:
    """Each is told at its field, with what would be right."""
    found = problems({**GRAPH, **values})
    assert list(found) == [field]
    assert text.strip("*") in found[field][0]
    found = problems({**GRAPH, "mailbox_protocol": "IMAP"})
    assert "EWS, GRAPH" in found["mailbox_protocol"][0]


def test_without_single_use_rooms_nothing_is_asked() -> None:
    """Then no mailbox is read."""
    record = check(
        Connector,
        {
            **CONNECTOR,
            "mailbox_protocol": "GRAPH",
            "enable_dynamic_vmrs": False,
            "enable_personal_vmrs": True,
            "personal_vmr_oauth_auth_endpoint": "https://fs.test/adfs/oauth2/authorize",
            "personal_vmr_oauth_token_endpoint": "https://fs.test/adfs/oauth2/token",
            "personal_vmr_oauth_client_id": "users",
            "personal_vmr_adfs_relying_party_trust_identifier": "urn:vc",
        },
    )
    assert not wants_worker(record)


def stored(**values: object) -> Connector:
    """A stored integration with Graph; its secret is sealed."""
    record: Connector = check(Connector, GRAPH)
    given: Any = {"id": 1, "oauth_client_secret": "sealed", **values}
    return replace(record, **given)


def test_a_certificate_is_as_good_as_a_secret() -> None:
    """It goes with the other cloud's secret: what only the server sets is removed."""
    current = stored(oauth_client_secret="", private_key="sealed", public_key="PEM")
    validate(Connector, {"description": "x"}, current=current, templates=TEMPLATES)
    moved: dict[str, object] = {
        "graph_api_domain": "graph.microsoft.us",
        "oauth_token_endpoint": f"https://login.microsoftonline.us/{TENANT}/{V2}",
    }
    found = problems(moved, current)
    assert "private_key is removed" in str(found["graph_api_domain"])
    assert "certificate" in str(found["oauth_client_secret"])
    assert changed(current, **moved, oauth_client_secret="").lacks_credential
    record = validate(
        Connector,
        {**moved, "oauth_client_secret": "new"},
        current=current,
        templates=TEMPLATES,
    )
    assert record.private_key == ""


def changed(current: Connector, **values: object) -> Connector:
    """The integration after a change that is accepted."""
    return validate(Connector, values, current=current, templates=TEMPLATES)


@pytest.mark.parametrize("method", ["GRAPH", "APP_PERM"])
def test_a_certificate_may_come_later(method: str) -> None:
    """An integration may be made without secret and certificate if that is said; from
    then on nothing more has to be said, until it has one of them."""
    given: dict[str, object] = {**GRAPH, "oauth_client_secret": ""}
    if method == "APP_PERM":
        url = "https://outlook.office365.com/EWS/Exchange.asmx"
        given |= {
            "mailbox_protocol": "EWS",
            "url": url,
            "authentication_method": "APP_PERM",
        }
    record: Connector = check(Connector, given)
    assert record.lacks_credential
    current = replace(record, id=1)
    changed(current, description="x")
    certified = replace(current, private_key="sealed", public_key="PEM")
    assert not certified.lacks_credential
    changed(replace(current, oauth_client_secret="sealed"), oauth_client_secret="")


def test_a_change_does_not_lose_the_credential_by_the_way() -> None:
    """Where a change would leave the application without any, that has to be said."""
    url = "https://outlook.office365.com/EWS/Exchange.asmx"
    ews = {"mailbox_protocol": "EWS", "url": url, "username": "s", "password": "p"}
    current = check(Connector, {**GRAPH, **ews, "oauth_client_secret": ""})
    to_graph = {"mailbox_protocol": "GRAPH"}
    assert list(problems(to_graph, current)) == ["oauth_client_secret"]
    assert changed(current, **to_graph, oauth_client_secret="").lacks_credential


def test_secrets_do_not_follow_graphs_address() -> None:
    """Another host of Graph gets tokens only by a secret that was entered for it."""
    found = problems({"graph_api_domain": "127.0.0.1:8080"}, stored())
    assert "graph_api_domain" in found["oauth_client_secret"][0]
    assert "same request" in found["oauth_client_secret"][0]
    ews = {"url": "https://evil.test/EWS", "mailbox_protocol": "EWS", "username": "x"}
    assert "oauth_client_secret" in problems(ews, stored(password="sealed"))


def test_it_moves_over_and_back_by_the_protocol_alone() -> None:
    """The secrets of both stay, if they were entered once."""
    current = replace(
        check(
            Connector,
            {
                **GRAPH,
                **CONNECTOR,
                "mailbox_protocol": "EWS",
                "authentication_method": "NTLM",
            },
        ),
        id=1,
        password="sealed",
        oauth_client_secret="sealed",
    )
    for protocol in ("GRAPH", "EWS"):
        current = validate(
            Connector,
            {"mailbox_protocol": protocol},
            current=current,
            templates=TEMPLATES,
        )
        assert current.mailbox_protocol == protocol
        assert (current.password, current.oauth_client_secret) == ("sealed", "sealed")


def test_integrations_of_earlier_releases_use_ews() -> None:
    """What a release before Graph has stored is read as it was meant."""
    stored_format = RecordFormat(tables.CONNECTOR)
    record: Connector = replace(check(Connector, CONNECTOR), id=1)
    fields = msgspec.json.decode(stored_format.encode(record))
    for name in GraphAccess.__annotations__:
        del fields[name]
    earlier = stored_format.decode(1, msgspec.json.encode(fields))
    assert earlier == record
    assert not earlier.uses_graph
    assert earlier.graph_api_domain == GLOBAL


def test_what_graph_is_reached_by_changes_the_worker() -> None:
    """A changed setting of Graph, or of its tokens, is followed by a new worker."""
    assert {
        "mailbox_protocol",
        "graph_api_domain",
        "graph_answer_method",
        "graph_notification_method",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_token_endpoint",
        "private_key",
        "disable_proxy",
        "room_mailbox_email_address",
    } <= set(CONNECTION_FIELDS)
    assert set(CONNECTION_FIELDS) <= set(fields_of(Connector))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"client_secret": GUID}, "client_secret"),
        ({"graph_api_domain": "graph.example.test"}, "graph_api_domain"),
    ],
)
def test_deployments_are_checked_alike(values: dict[str, object], field: str) -> None:
    """The fields of One-Touch Join have other names, and the same mistakes."""
    right: dict[str, object] = {
        "name": "Tenant",
        "client_id": GUID,
        "client_secret": "a~secret",
        "oauth_token_url": ENDPOINT,
    }
    validate(GraphDeployment, right, current=None, templates=TEMPLATES)
    with pytest.raises(InvalidFields) as caught:
        validate(
            GraphDeployment, {**right, **values}, current=None, templates=TEMPLATES
        )
    assert list(caught.value.problems) == [field]
