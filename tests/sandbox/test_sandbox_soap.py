"""SOAP envelopes: faults for bad requests, and answers that obey the schema."""

from http import HTTPStatus

import pytest
from lxml import etree

from tests.sandbox.sandbox_support import (
    ALICE,
    EQUIPMENT,
    INBOX,
    CheckedSandbox,
    find_item,
    get_folder,
    get_item,
    meeting,
    text,
    texts,
)


def test_the_schema_sees_something(
    sandbox: CheckedSandbox, exchange_schema: object
) -> None:
    """The checks of all the other tests are not idle."""
    del exchange_schema
    sandbox.ask(ALICE, get_folder(INBOX))
    assert sandbox.checked == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "ErrorSchemaValidation"),
        (b"<a>", "ErrorSchemaValidation"),
        (b"<a/>", "ErrorSchemaValidation"),
        (
            (
                b'<!DOCTYPE s [<!ENTITY x "y">]><s:Envelope '
                b'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>&x;'
                b"</s:Body></s:Envelope>"
            ),
            "ErrorSchemaValidation",
        ),
    ],
)
def test_nonsense_is_a_fault(sandbox: CheckedSandbox, body: bytes, code: str) -> None:
    """Whatever comes in, a proper fault goes out."""
    found = sandbox.post(ALICE, body, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    assert text(found, "detail/e:ResponseCode") == code


@pytest.mark.parametrize(
    ("request_xml", "code"),
    [
        ("<m:Nonsense/>", "ErrorSchemaValidation"),
        ("<t:GetFolder/>", "ErrorSchemaValidation"),
        ("<m:GetFolder/>", "ErrorSchemaValidation"),
        ("<m:SendItem/>", "ErrorInvalidOperation"),
        (find_item().replace("Shallow", "Deepest"), "ErrorSchemaValidation"),
        (get_item("x", uris=("item:Nonsense",)), "ErrorSchemaValidation"),
        (get_folder('<t:DistinguishedFolderId Id="x"/>'), "ErrorSchemaValidation"),
    ],
)
def test_schema_errors_are_faults(
    sandbox: CheckedSandbox, request_xml: str, code: str
) -> None:
    """The request as a whole fails, with a code that says why."""
    assert sandbox.fault(ALICE, request_xml) == code


def test_answers_are_utf8_with_a_declaration(sandbox: CheckedSandbox) -> None:
    """Subjects in any script survive."""
    meeting(sandbox, subject="Größe 会議 \x00\x0b")
    answer = sandbox.ask(EQUIPMENT, find_item())
    assert texts(answer, ".//t:Subject") == ["Größe 会議 "]
    assert etree.tostring(answer)
