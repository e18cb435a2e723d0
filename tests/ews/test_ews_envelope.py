"""Reading SOAP: faults, results, damage and attacks."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.ews.envelope import (
    ItemProblem,
    NotSoap,
    ServerError,
    SoapError,
    child,
    children,
    local_name,
    only_result,
    parse,
    results,
    text,
)
from pexschedd.ews.operations.create_item import parse_answers
from pexschedd.ews.operations.delete_item import parse_delete, parse_discard
from pexschedd.ews.operations.get_folder import parse_get_folder
from pexschedd.ews.operations.get_item import parse_messages, parse_refs
from pexschedd.ews.operations.sync_folder_items import parse_sync
from tests.ews.ews_support import back_off, failure, fault, response, soap, success

BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
INNER = (
    '<t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value>'
    '<t:Value Name="InnerErrorMessageText">Busy inside.</t:Value>' + back_off(1500)
)


def problem_of(data: bytes) -> ItemProblem:
    with pytest.raises(ServerError) as caught:
        only_result(parse(data))
    return caught.value.problem


def test_a_fault() -> None:
    """A fault gives its code, its text and the pause it asks for."""
    data = fault("ErrorServerBusy", "Try  later.\n", back_off(297749))
    assert problem_of(data) == ItemProblem("ErrorServerBusy", "Try later.", 297.749)


def test_a_fault_with_little_in_it() -> None:
    """A fault may have no detail: the fault code is the code then."""
    bare = soap("<s:Fault><faultcode>s:ErrorAccessDenied</faultcode></s:Fault>")
    assert problem_of(bare).code == "ErrorAccessDenied"
    assert problem_of(soap("<s:Fault/>")).code == "ErrorInternalServerError"


def test_a_soap_1_2_fault() -> None:
    """Front ends may answer with another version of SOAP."""
    data = (
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
        b"<e:Fault><e:Code><e:Value>e:Receiver</e:Value></e:Code><e:Reason>"
        b"<e:Text>Down.</e:Text></e:Reason><e:Detail><ResponseCode>ErrorServerBusy"
        b"</ResponseCode></e:Detail></e:Fault></e:Body></e:Envelope>"
    )
    assert problem_of(data) == ItemProblem("ErrorServerBusy", "Down.")


def test_a_wrapped_error() -> None:
    """The inner code of a wrapped error is the one that counts."""
    data = response("Get", failure("Get", "ErrorInternalServerError", "x", INNER))
    assert problem_of(data) == ItemProblem("ErrorServerBusy", "Busy inside.", 1.5)


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "9" * 30, "٣٣"])
def test_strange_pauses(value: str) -> None:
    """A pause that is no sensible number is none, and never an error."""
    data = fault(
        "ErrorServerBusy", "", f'<t:Value Name="BackOffMilliseconds">{value}</t:Value>'
    )
    pause = problem_of(data).back_off
    assert pause is None or pause >= 0


def test_results_in_order() -> None:
    """Each result has its own fate; a warning with a code is one of them."""
    data = response(
        "X",
        success("X"),
        failure("X", "ErrorItemNotFound"),
        failure("X", "ErrorBatchProcessingStopped", level="Warning"),
        failure("X", "NoError", level="Warning"),
    )
    codes = [each.problem and each.problem.code for each in results(parse(data), 4)]
    assert codes == [None, "ErrorItemNotFound", "ErrorBatchProcessingStopped", None]
    with pytest.raises(NotSoap, match="4 results came back for 5"):
        results(parse(data), 5)


def test_long_texts_are_cut() -> None:
    """A server's message is for showing, not for filling the log."""
    assert len(problem_of(fault("ErrorServerBusy", "x" * 10_000)).text) == 300


@pytest.mark.parametrize(
    "damage", [b"\x01", b"\x00", b"\x1b", b"&#0;", b"&#x1;", b"&#x1F;", b"&#xFFFF;"]
)
def test_control_characters_are_left_out(damage: bytes) -> None:
    """What a sender put into a message does not make an answer unreadable."""
    content = "<m:A>before~after</m:A>"
    data = response("X", success("X", content)).replace(b"~", damage)
    assert text(only_result(parse(data)), "A") == "beforeafter"


@pytest.mark.parametrize("good", [b"&#9;", b"&#x1F600;", b"&amp;", b"&#10;", b"\t"])
def test_repair_leaves_the_rest_alone(good: bytes) -> None:
    """Only what is illegal goes when an answer is repaired."""
    whole = response("X", success("X", "<m:A>~</m:A>")).replace(b"~", good)
    broken = whole.replace(b"<m:A>", b"<m:A>\x01")
    read = [text(only_result(parse(each)), "A") for each in (whole, broken)]
    assert read[0] == read[1] != ""


@given(st.integers(0, 300), st.booleans())
def test_a_torn_answer_is_never_a_short_one(cut: int, illegal: bool) -> None:
    """An answer that lost its end is refused, also when it would need repair."""
    data = response("X", *[success("X", "<m:A>\x01</m:A>" if illegal else "")] * 3)
    torn = data[: len(data) - 1 - cut]
    with pytest.raises(NotSoap):
        parse(torn)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"OK",
        b"<html><body>Sign in</body></html>",
        b"<!DOCTYPE html><html><form></form></html>",
        b"<?xml version='1.0'?>\n<!-- hi --><!doctype html><html/>",
        BOMB.encode() + soap("<m:X>&b;</m:X>").partition(b"?>")[2],
        ("\ufeff" + BOMB).encode("utf-16") + soap("<m:X>&b;</m:X>"),
        soap(""),
        b"<Envelope/>",
        b"<Envelope><Body/></Envelope>",
        b"<Envelope><Body>text</Body></Envelope>",
        b"<a><b></a></b>",
        b"<a></Envelope>",
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        b"{}",
    ],
)
def test_not_soap(data: bytes) -> None:
    """Pages, nothing, entity bombs and other encodings are refused, not read."""
    with pytest.raises(NotSoap):
        parse(data)


def test_entities_are_not_read() -> None:
    """A reference to an entity that nobody declared is no way in."""
    data = soap("<m:X>&xxe;</m:X>")
    with suppress(SoapError):
        assert "&" not in text(parse(data))


def test_a_byte_order_mark() -> None:
    """Some servers begin with one, or with line ends."""
    data = response("X", success("X"))
    assert only_result(parse(b"\xef\xbb\xbf\r\n" + data)) is not None


def test_comments_and_instructions_are_nothing() -> None:
    """They are left out wherever they are."""
    data = response("X", "<!-- a --><?b c?>" + success("X", "<!-- --><m:A>x</m:A>"))
    assert text(only_result(parse(data)), "A") == "x"


def test_reading_what_is_not_there() -> None:
    """Paths that lead nowhere give nothing."""
    element = parse(soap("<m:X><m:A>1</m:A><m:A>2</m:A></m:X>"))
    assert child(element, "A", "B") is None
    assert child(None, "A") is None
    assert text(element, "A", "B") == ""
    assert [local_name(each) for each in children(element)] == ["A", "A"]
    assert list(children(None, "A")) == []


_WORDS = """
    Envelope Body Fault detail ResponseCode ResponseMessages Items ItemId Value
    MeetingRequest MeetingCancellation Message Start End UID RecurrenceId
    Changes Create Update SyncState IncludesLastItemInRange ExtendedProperty
    Mailbox ExtendedFieldURI StartTimeZone Periods Period TransitionsGroups
    Transitions TransitionsGroup Transition RecurringDayTransition To Month
    Organizer From DateTimeReceived Body ItemClass GetItemResponseMessage
    EmailAddress Name
"""
WORDS = st.sampled_from(_WORDS.split())
VALUES = st.one_of(
    st.sampled_from(
        [
            *("NoError", "Success", "true", "2026-11-20T08:00:00Z", "-1", "0x5d02"),
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "AAAA"),
            *(
                "BAAAAIIA4AB0xbcQGoLgCAfqDB8AAAAAAAAAAAAAAAAAAAAA/////w==",
                "99999999999",
            ),
            *("-P0DT1H0M0.0S", "Sunday", "IPM.Schedule.Meeting.Request", "Meeting"),
        ]
    ),
    st.text("0123456789-+:TZabAB=/. \t", max_size=20),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            *("Id", "ChangeKey", "ResponseClass", "Name", "Bias", "PropertyTag"),
            *("PropertyId", "DistinguishedPropertySetId", "BodyType"),
        ]
    ),
    VALUES,
    max_size=3,
)


def _element(name: str, attributes: dict[str, str], content: list[str]) -> str:
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<t:{name}{given}>{''.join(content)}</t:{name}>"


TREES = st.recursive(
    st.builds(_element, WORDS, ATTRIBUTES, st.lists(VALUES, max_size=1)),
    lambda inner: st.builds(_element, WORDS, ATTRIBUTES, st.lists(inner, max_size=5)),
    max_leaves=30,
)
ITEMS = st.builds(
    lambda name, parts: success(
        "GetItem",
        f'<m:Items><t:{name}><t:ItemId Id="x"/>{"".join(parts)}</t:{name}></m:Items>',
    ),
    WORDS,
    st.lists(TREES, max_size=8),
)
HOSTILE = st.one_of(
    st.binary(max_size=200),
    TREES.map(str.encode),
    TREES.map(soap),
    st.lists(st.one_of(TREES, ITEMS), min_size=1, max_size=3).map(
        lambda parts: response("GetItem", *parts)
    ),
)


@given(HOSTILE)
def test_hostile_answers(data: bytes) -> None:
    """Whatever comes back, every parser ends in a result or in our error."""
    parsers = (
        parse_get_folder,
        parse_sync,
        lambda data: parse_messages(data, 1),
        lambda data: parse_refs(data, 1),
        lambda data: parse_answers(data, 1),
        lambda data: parse_discard(data, 1),
        lambda data: parse_delete(data, 1),
    )
    for read in parsers:
        with suppress(SoapError):
            read(data)
