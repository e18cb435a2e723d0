"""Messages of Autodiscover: its requests, and its answers in both forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pexschedd.ews.autodiscover.discovery import usual_addresses
from pexschedd.ews.autodiscover.messages import (
    Discovery,
    FoundUrl,
    NoUrl,
    OtherAddress,
    OtherUrl,
    build_request,
    parse_answer,
)
from tests.ews.autodiscover_support import (
    INSIDE,
    URL,
    account,
    pox,
    protocol,
    setting,
    settings,
)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (account(protocol("EXPR", URL) + protocol("EXCH", INSIDE)), FoundUrl(INSIDE)),
        (account(protocol("EXPR", URL)), FoundUrl(URL)),
        (account(protocol("EXCH", URL) + protocol("EXCH", "x")), FoundUrl(URL)),
        (
            account(
                '<Protocol Type="mapiHttp"/><Protocol><Type>WEB</Type><Internal>'
                f"{protocol('EXCH', URL)}</Internal></Protocol>"
            ),
            FoundUrl(URL),
        ),
        (
            account("<RedirectAddr>oak@other.test</RedirectAddr>"),
            OtherAddress("oak@other.test"),
        ),
        (account(f"<RedirectUrl>{URL}</RedirectUrl>"), OtherUrl(URL)),
        (
            pox("<Error><ErrorCode>500</ErrorCode><Message>No such.</Message></Error>"),
            NoUrl("No such."),
        ),
        (account(""), NoUrl("its answer has no EWS URL")),
        (account(protocol("EXCH", "https://" + "x" * 3000)), None),
        (b"<html><body>Welcome</body></html>", None),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]><Autodiscover/>", None),
        (b"", None),
    ],
)
def test_answers_in_plain_xml(answer: bytes, found: Discovery | None) -> None:
    """The URL inside the organization is preferred; redirections and refusals are told
    apart; anything else is no answer."""
    read = parse_answer(answer, soap=False)
    if found is None:
        assert isinstance(read, NoUrl)
        assert read.reason
    else:
        assert read == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (settings(setting("ExternalEwsUrl", URL)), FoundUrl(URL)),
        (
            settings(
                setting("ExternalEwsUrl", URL) + setting("InternalEwsUrl", INSIDE)
            ),
            FoundUrl(INSIDE),
        ),
        (
            settings("", "RedirectAddress", "oak@other.test"),
            OtherAddress("oak@other.test"),
        ),
        (settings("", "RedirectUrl", URL), OtherUrl(URL)),
        (settings("", "InvalidUser"), NoUrl("InvalidUser Oh.")),
        (settings(""), NoUrl("its answer has no EWS URL")),
    ],
)
def test_answers_in_soap(answer: bytes, found: Discovery) -> None:
    """The same in the other form."""
    assert parse_answer(answer, soap=True) == found


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_an_answer(data: bytes, as_soap: bool) -> None:
    """Whatever comes, there is a result and no exception."""
    assert isinstance(parse_answer(data, soap=as_soap), NoUrl)


@given(st.text(st.characters(codec=None, exclude_categories=[]), max_size=40))
def test_requests_hold_any_address(email: str) -> None:
    """Both requests are XML, and have the address."""
    for url in usual_addresses("example.test")[:2]:
        root = etree.fromstring(build_request(url, "a" + email))
        assert any((e.text or "").startswith("a") for e in root.iter())
