"""The doctor's own calls: as Exchange's schema wants them, and read with care."""

from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from pexschedd.doctor import ews_probes
from pexschedd.doctor.observations import ResolvedAddress
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.envelope import Sid
from tests.ews.ews_support import (
    failure,
    fault,
    response,
    soap,
    success,
)
from tests.schemas import EWS, needed_schema

MAILBOX = "pexipmeeting@example.test"
URL = "https://mail.example.test/EWS/Exchange.asmx"
XML = {"content-type": "text/xml; charset=utf-8"}


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return needed_schema(EWS)


@pytest.mark.parametrize(
    "request_",
    [
        ews_probes.open_folder(MAILBOX),
        ews_probes.open_folder(MAILBOX, sid=Sid.ANY, name="calendar"),
        ews_probes.resolve_names(MAILBOX),
        ews_probes.processing(MAILBOX),
        ews_probes.subscribe(MAILBOX),
        ews_probes.unsubscribe(MAILBOX, "an-id"),
    ],
)
def test_requests_are_valid(schema: etree.XMLSchema, request_: bytes) -> None:
    """Each is what Exchange's schema allows."""
    schema.assertValid(etree.fromstring(request_))


def _resolution(address: str, kind: str = "Mailbox") -> str:
    return (
        f"<t:Resolution><t:Mailbox><t:Name>Pexip</t:Name>"
        f"<t:EmailAddress>{address}</t:EmailAddress>"
        f"<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>{kind}</t:MailboxType>"
        "</t:Mailbox></t:Resolution>"
    )


def _set(*resolutions: str) -> str:
    return f"<m:ResolutionSet>{''.join(resolutions)}</m:ResolutionSet>"


def test_names() -> None:
    """One match; several come as a warning, and are all there."""
    one = response("ResolveNames", success("ResolveNames", _set(_resolution(MAILBOX))))
    assert ews_probes.read_resolved(one) == [
        ResolvedAddress(MAILBOX, "Pexip", "Mailbox")
    ]
    code = "ErrorNameResolutionMultipleResults"
    warned = failure("ResolveNames", code, level="Warning").replace(
        "</m:ResolveNamesResponseMessage>",
        _set(_resolution(MAILBOX), _resolution("x@example.test", "PublicDL"))
        + "</m:ResolveNamesResponseMessage>",
    )
    found = ews_probes.read_resolved(response("ResolveNames", warned))
    assert [each.mailbox_type for each in found] == ["Mailbox", "PublicDL"]


@pytest.mark.parametrize(
    ("value", "meaning"),
    [("0", "None"), ("1", "AutoUpdate"), ("2", "AutoAccept"), ("x" * 99, "x" * 40)],
)
def test_processing(value: str, meaning: str) -> None:
    """The numbers as Set-CalendarProcessing names them; what is unknown stays."""
    entry = (
        "<t:DictionaryEntry><t:DictionaryKey><t:Type>String</t:Type>"
        "<t:Value>AutomateProcessing</t:Value></t:DictionaryKey><t:DictionaryValue>"
        f"<t:Type>Integer32</t:Type><t:Value>{value}</t:Value></t:DictionaryValue>"
        "</t:DictionaryEntry>"
    )
    content = (
        f"<m:UserConfiguration><t:Dictionary>{entry}</t:Dictionary>"
        "</m:UserConfiguration>"
    )
    answer = response("GetUserConfiguration", success("GetUserConfiguration", content))
    assert ews_probes.read_processing(answer) == meaning


@pytest.mark.parametrize(
    ("status", "body", "code", "is_soap"),
    [
        (200, response("GetFolder", success("GetFolder")), "", True),
        (200, response("GetFolder", failure("GetFolder", "ErrorX")), "ErrorX", True),
        (500, fault("ErrorImpersonateUserDenied"), "ErrorImpersonateUserDenied", True),
        (200, b"<!DOCTYPE html><html>", "", False),
        (200, b"", "", False),
        (200, soap(""), "", False),
        (500, b"oops", "", False),
        (401, b"", "", False),
        (403, response("GetFolder", success("GetFolder")), "", False),
    ],
)
def test_what_an_answer_says(
    status: int, body: bytes, code: str, *, is_soap: bool
) -> None:
    """Exchange's own answers are told from all others."""
    read: Callable[[bytes], Any] = ews_probes.read_opened
    asked = ews_probes.parse_response(URL, HttpResponse(status, XML, body), read)
    assert (asked.is_soap, asked.code) == (is_soap, code)
    assert bool(asked.no_soap) is not is_soap
