"""Certificates that administrators upload."""

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives import serialization

from tests.net.net_support import DAY, Authority, dns
from tests.web_admin.web_admin_support import API, Server

CERTIFICATES = f"{API}/ca_certificate/"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
"""The management API's clock in these tests."""
TEN_YEARS = 3650 * DAY


def authority(name: str = "Example root", **dates: Any) -> Authority:
    dates = {"begins": BEGIN, "expires": BEGIN + TEN_YEARS} | dates
    return Authority(name, **dates)


def text(*authorities: Authority) -> str:
    return "".join(each.pem.decode() for each in authorities)


@pytest_twisted.ensureDeferred
async def test_one(server: Server) -> None:
    """A record says everything that its certificate says, as openssl shows it."""
    root = authority()
    uri = await server.client.create(CERTIFICATES, {"certificate": text(root)})
    shown = await server.client.get(uri)
    fingerprint = shown.pop("fingerprint")
    assert len(fingerprint.split(":")) == 32
    assert shown == {
        "id": 1,
        "resource_uri": uri,
        "certificate": text(root),
        "trusted_intermediate": False,
        "subject": "CN=Example root",
        "issuer": "CN=Example root",
        "serial_no": f"{root.certificate.serial_number:X}",
        "start_date": "2026-01-01T00:00:00.000000",
        "end_date": "2035-12-30T00:00:00.000000",
        "is_ca": True,
    }


@pytest_twisted.ensureDeferred
async def test_several(server: Server) -> None:
    """A text with several certificates becomes as many records."""
    names = ["One", "Two", "Three"]
    bundle = "# a comment\n" + text(*map(authority, names))
    uri = await server.client.create(CERTIFICATES, {"certificate": bundle})
    assert uri == f"{CERTIFICATES}1/"
    listed = await server.client.objects(f"{CERTIFICATES}?order_by=id")
    assert [each["subject"] for each in listed] == [f"CN={name}" for name in names]


@pytest_twisted.ensureDeferred
async def test_filters_schema_and_end(server: Server) -> None:
    """It is filtered, described and deleted as every resource is."""
    client = server.client
    bundle = text(authority("One"), authority("Two"))
    await client.create(CERTIFICATES, {"certificate": bundle})
    (two,) = await client.objects(f"{CERTIFICATES}?subject=CN%3DTwo&is_ca=true")
    one = await client.objects(f"{CERTIFICATES}?fingerprint={two['fingerprint']}")
    assert one == [two]
    fields = (await client.get(f"{CERTIFICATES}schema/"))["fields"]
    assert fields["certificate"]["readonly"] is False
    assert all(
        described["readonly"]
        for name, described in fields.items()
        if name not in ("certificate", "trusted_intermediate")
    )
    assert (await client.ask("DELETE", two["resource_uri"])).status == 204
    (left,) = await client.objects(CERTIFICATES)
    assert left["subject"] == "CN=One"


@pytest_twisted.ensureDeferred
async def test_a_servers_own(server: Server) -> None:
    """A certificate of no authority is taken, and says that it is none."""
    own = authority().server(dns("mail.example.test"), expires=NOW + DAY, begins=BEGIN)
    pem = own.certificate.public_bytes(serialization.Encoding.PEM).decode()
    uri = await server.client.create(CERTIFICATES, {"certificate": pem})
    shown = await server.client.get(uri)
    assert (shown["is_ca"], shown["issuer"]) == (False, "CN=Example root")


@pytest_twisted.ensureDeferred
async def test_what_is_computed_cannot_be_sent(server: Server) -> None:
    """What a client says of a certificate changes nothing."""
    sent = {"certificate": text(authority()), "subject": "CN=Me", "is_ca": False}
    uri = await server.client.create(CERTIFICATES, sent)
    shown = await server.client.get(uri)
    assert (shown["subject"], shown["is_ca"]) == ("CN=Example root", True)


@pytest_twisted.ensureDeferred
async def test_another_in_its_place(server: Server) -> None:
    """A record can get another certificate, and all that goes with it."""
    client = server.client
    old = text(authority())
    uri = await client.create(CERTIFICATES, {"certificate": old})
    renewed = {"certificate": text(authority("Renewed"))}
    assert (await client.ask("PATCH", uri, renewed)).status == 202
    assert (await client.get(uri))["subject"] == "CN=Renewed"
    problems = await client.refused(
        "PUT", uri, {"certificate": old + text(authority("Two"))}
    )
    assert problems == {"certificate": ["This must be one certificate here, not 2."]}


KEY = (
    authority()
    .key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
DAMAGED = text(authority()).replace("MII", "MIA", 1)

WRONG: list[tuple[str, object, str]] = [
    ("missing", {}, "This field is required."),
    ("empty", {"certificate": ""}, "This may not be empty."),
    ("no text", {"certificate": 5}, "This must be a text."),
    ("no certificate", {"certificate": "hello"}, "it holds no PEM certificate"),
    ("a key", {"certificate": KEY}, "it holds a private key"),
    ("a key too", {"certificate": text(authority()) + KEY}, "it holds a private key"),
    ("damaged", {"certificate": DAMAGED}, "certificate 1 in it is damaged"),
    (
        "cut off",
        {"certificate": text(authority())[:-20]},
        "certificate 1 in it has no end",
    ),
    (
        "one of them damaged",
        {"certificate": text(authority()) + DAMAGED},
        "certificate 2 in it is damaged",
    ),
    (
        "expired",
        {"certificate": text(authority(expires=NOW - DAY))},
        "This certificate expired on 2026-11-20: CN=Example root.",
    ),
    (
        "twice in one text",
        {"certificate": text(root := authority(), root)},
        "Number 2: This is in use already: another record of this request has it.",
    ),
    ("junk", {"certificate": "x" * 1_000_000}, "32768 characters at most"),
    (
        "begun very often",
        {"certificate": "-----BEGIN CERTIFICATE-----\n" * 30_000},
        "characters at most",
    ),
]


@pytest.mark.parametrize(
    ("payload", "says"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
@pytest_twisted.ensureDeferred
async def test_what_is_not_taken(server: Server, payload: object, says: str) -> None:
    """What cannot be trusted is refused in words, and nothing of it is kept."""
    problems = await server.client.refused("POST", CERTIFICATES, payload)
    assert list(problems) == ["certificate"]
    assert says in " ".join(problems["certificate"])
    assert "PRIVATE" not in str(problems)
    assert await server.client.objects(CERTIFICATES) == []


@pytest_twisted.ensureDeferred
async def test_what_is_there_already(server: Server) -> None:
    """A certificate is kept once, whatever its text looks like."""
    root = text(authority())
    await server.client.create(CERTIFICATES, {"certificate": root})
    again = {"certificate": "Bag Attributes\n" + root.replace("\n", "\r\n")}
    problems = await server.client.refused("POST", CERTIFICATES, again)
    text_ = f"This is in use already: {CERTIFICATES}1/ has it."
    assert problems == {"certificate": [text_]}


@pytest_twisted.ensureDeferred
async def test_many_at_once(server: Server) -> None:
    """A list of uploads is made whole or not at all."""
    objects = [{"certificate": text(authority("One"))}, {"certificate": "no"}]
    problems = await server.client.refused("PATCH", CERTIFICATES, {"objects": objects})
    assert "2: certificate: This is not a certificate" in problems["objects"][0]
    objects[1] = {"certificate": text(authority("Two"), authority("Three"))}
    answer = await server.client.ask("PATCH", CERTIFICATES, {"objects": objects})
    assert answer.status == 202
    assert len(await server.client.objects(CERTIFICATES)) == 3
