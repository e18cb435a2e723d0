"""Mistakes with the add-in: its address, its certificate, and whose tokens it takes."""

from typing import Any

import msgspec
import pytest_twisted
from twisted.web.server import Site

from pexschedd.model import tables
from tests.doctor.doctor_support import (
    ADDIN,
    INTERNAL,
    MAIL,
    OWN_PANE,
    PUBLIC,
    Clinic,
    Page,
)
from tests.doctor.rows_support import (
    FAILED,
    STRANGER,
    WARNING,
    Row,
    assert_named,
    by_mistake,
)
from tests.net.net_support import DAY, NOW, dns


def wrong_metadata(c: Clinic) -> None:
    c.domains("autodiscover.example.test")


def metadata_elsewhere(c: Clinic) -> None:
    port = c.listen(Site(Page(b"{}", 404)), INTERNAL.server(dns(MAIL)))
    c.domains(f"{MAIL}:{port}")


def metadata_is_something_else(c: Clinic) -> None:
    port = c.listen(Site(Page(b"<html></html>")), INTERNAL.server(dns(MAIL)))
    c.domains(f"{MAIL}:{port}")


def metadata_untrusted(c: Clinic) -> None:
    port = c.listen(c.sandbox.site(), STRANGER.server(dns(MAIL)))
    c.domains(f"{MAIL}:{port}")


def no_metadata(c: Clinic) -> None:
    c.domains()


def addin_wrong_host(c: Clinic) -> None:
    c.change(addin_server_domain="adin.example.test")


def addin_wrong_port(c: Clinic) -> None:
    c.change(addin_server_domain=f"{ADDIN}:1")


def addin_internal_certificate(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), INTERNAL.server(dns(ADDIN)))


def addin_wrong_certificate(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), PUBLIC.server(dns("www.example.test")))


def addin_expired(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), PUBLIC.server(dns(ADDIN), expires=NOW - DAY))


def addin_expires_soon(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), PUBLIC.server(dns(ADDIN), expires=NOW + 3 * DAY))


def addin_another_server(c: Clinic) -> None:
    c.addin(Page(b"<html>It works!</html>"))


def addin_another_installation(c: Clinic) -> None:
    c.addin(Page(OWN_PANE.replace(b"ours", b"theirs")))


def id_mismatch(c: Clinic) -> None:
    c.addin(Page(b'{"message":"There is no integration 1 here."}', 404))


def another_provider(c: Clinic) -> None:
    ways = {
        "enable_personal_vmrs": True,
        "auth_provider": "ADFS",
        "personal_vmr_oauth_client_id": "a",
        "personal_vmr_adfs_relying_party_trust_identifier": "b",
    }
    for id_, host in ((1, f"127.0.0.1:{c.addin_port}"), (2, "fs.example.test")):
        base = f"https://{host}/adfs/oauth2"
        endpoints = {
            "personal_vmr_oauth_auth_endpoint": f"{base}/authorize",
            "personal_vmr_oauth_token_endpoint": f"{base}/token",
        }
        twin: dict[str, Any] = {"id": id_, "name": f"Branch {id_}", **ways, **endpoints}
        if id_ == 1:
            c.change(**twin)
        else:
            twin["room_mailbox_email_address"] = "other@example.test"
            c.records.put(
                tables.CONNECTOR, msgspec.structs.replace(c.connector, **twin)
            )


ROWS: list[Row] = [
    # what was done wrong        check           status   the message  cause or remedy
    (wrong_metadata, "metadata", FAILED, "cannot be resolved", "Get-ExchangeServer"),
    (metadata_elsewhere, "metadata", FAILED, "HTTP 404", "an Exchange server"),
    (metadata_is_something_else, "metadata", FAILED, "no keys", "Get-AuthConfig"),
    (metadata_untrusted, "metadata", FAILED, "not trusted", "ca_certificate"),
    (no_metadata, "domains", FAILED, "No Exchange metadata", "Invalid Token"),
    (addin_wrong_host, "addin_name", FAILED, "cannot be resolved", "Resolve-DnsName"),
    (addin_wrong_port, "addin_port", FAILED, "refuses connections", "reverse proxy"),
    (addin_internal_certificate, "addin_certificate", FAILED, "not trusted", "public"),
    (addin_wrong_certificate, "addin_certificate", FAILED, "www.example.test", ADDIN),
    (addin_expired, "addin_certificate", FAILED, "expired", "Renew"),
    (addin_expires_soon, "addin_certificate", WARNING, "expires on", "empty pane"),
    (addin_another_server, "addin_answers", FAILED, "not the add-in's pane", "proxy"),
    (addin_another_installation, "addin_answers", FAILED, "another", "DNS record"),
    (id_mismatch, "addin_answers", FAILED, "no integration 1", "installation"),
    (another_provider, "user_sign_in_alone", WARNING, "Branch 2", "end_user record"),
]


@by_mistake(ROWS)
@pytest_twisted.ensureDeferred
async def test_it_is_named(clinic: Clinic, row: Row) -> None:
    """The line of that check, and no unrelated one, says what is wrong and how to mend
    it; no secret is in the report."""
    await assert_named(clinic, *row)
