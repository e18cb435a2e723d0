"""Answers of endpoints, and what their software can do."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.onetouch.cisco.answers import (
    AnswerKind,
    EndpointAnswer,
    EndpointResponse,
    SystemUnit,
    is_in_cloud,
    leads_elsewhere,
    listed_ids,
    meaning,
    system_unit,
)
from pexschedd.onetouch.pushing.software import Software, Way, ways_of
from tests.thorough import examples

K = AnswerKind


def failed(reason: str) -> bytes:
    return (
        '<?xml version="1.0"?><Command><BookingsPutResult status="Error">'
        f"<Reason>{reason}</Reason></BookingsPutResult></Command>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'<Command><BookingsPutResult status="OK"/></Command>', K.DONE),
        (200, b"<success />", K.DONE),
        (200, b"", K.DONE),
        (204, b"", K.DONE),
        (200, failed("Unknown command"), K.UNKNOWN),
        (400, failed("Unknown command"), K.UNKNOWN),
        (200, b"<a><Error><Details>No match on it</Details></Error></a>", K.UNKNOWN),
        (200, failed("Not available in this mode"), K.UNKNOWN),
        (200, failed("Access denied"), K.NOT_ALLOWED),
        (200, failed("Role Admin is needed"), K.NOT_ALLOWED),
        (200, failed("System is busy"), K.BUSY),
        (200, failed("Controlled value is wrong"), K.REFUSED),
        (200, failed(""), K.REFUSED),
        (200, b'<Command><R status="ParameterError"/></Command>', K.REFUSED),
        (200, b"<html><title>Sign in</title>", K.SIGN_IN),
        (200, b'<html><a href="/web/signin">', K.SIGN_IN),
        (200, b"<html><p>Welcome</p>", K.REFUSED),
        (200, b"<html><body>It works</body></html>", K.REFUSED),
        (200, b"nothing like XML", K.REFUSED),
        (200, b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
         K.DONE),
        (400, b"", K.REFUSED),
        (400, b"<Command/>", K.REFUSED),
        (401, b"", K.SIGN_IN),
        (403, b"", K.NOT_ALLOWED),
        (404, b"<html>", K.UNKNOWN),
        (429, b"", K.BUSY),
        (503, b"", K.BUSY),
        (500, b"", K.REFUSED),
    ],
)  # fmt: skip
def test_meanings(status: int, body: bytes, kind: AnswerKind) -> None:
    """Each answer has one meaning, whether the error is in its status or inside."""
    assert meaning(EndpointResponse(status, body)).kind is kind


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("/web/signin", K.SIGN_IN),
        ("https://10.0.0.5/web/signin?next=x", K.SIGN_IN),
        ("https://other.example/", K.REDIRECTED),
        ("", K.REDIRECTED),
    ],
)
def test_redirections(location: str, kind: AnswerKind) -> None:
    """A redirection to the sign-in page means that nobody is signed in."""
    assert meaning(EndpointResponse(302, location=location)).kind is kind


def test_a_reason_is_told_in_one_line() -> None:
    """A reason is the endpoint's text: one line, bounded, without control
    characters."""
    text = "first &#10; second \u202e" + "x" * 1000
    answer = meaning(EndpointResponse(200, failed(text)))
    assert answer.reason.startswith("first second xxx")
    assert len(answer.reason) == 300
    assert meaning(EndpointResponse(200, failed(""))) == EndpointAnswer(
        K.REFUSED, "without a reason"
    )


def test_an_error_within_an_error_is_told_once() -> None:
    """The outermost of several errors has the text of those inside."""
    body = b'<R status="Error">a<Error>b<Error>c</Error></Error></R>'
    assert meaning(EndpointResponse(200, body)).reason == "a b c"


@pytest.mark.parametrize(
    "body",
    [
        b"<Error>" * 250 + b"<a>x</a>" * 60_000 + b"</Error>" * 250,
        b"<r>" + b"<Error/>" * 60_000 + b"</r>",
        b"<html>" * 3_300,
    ],
    ids=["nested", "many", "pages"],
)
def test_an_answer_that_is_made_to_take_long(body: bytes) -> None:
    """An answer is read in time in proportion to its length, whatever is in it: parsing
    it takes longer than understanding it."""
    started = time.process_time()
    meaning(EndpointResponse(200, body))
    assert time.process_time() - started < 0.2 + len(body) / 1_000_000


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(100, 599), st.binary(max_size=300))
def test_any_answer_has_a_meaning(status: int, body: bytes) -> None:
    """Nothing that an endpoint answers raises."""
    meaning(EndpointResponse(status, body))
    system_unit(body)
    listed_ids(body)
    is_in_cloud(body)


VERSION = "ce9.15.17.4.ab12"
UNIT = (
    b'<?xml version="1.0"?><Status product="x"><SystemUnit item="1">'
    b"<ProductId>Cisco Room Kit</ProductId><ProductPlatform>Room</ProductPlatform>"
    b'<Software item="1"><Version item="1">ce9.15.17.4.ab12</Version></Software>'
    b'<Uptime item="1">3600</Uptime></SystemUnit></Status>'
)


@pytest.mark.parametrize(
    ("body", "unit"),
    [
        (UNIT, SystemUnit(VERSION, "Cisco Room Kit", 3600)),
        (UNIT.replace(b"3600", b"-1"), SystemUnit(VERSION, "Cisco Room Kit")),
        (UNIT.replace(b"ProductId", b"Other"), SystemUnit(VERSION, "Room", 3600)),
        (b"<Status><SystemUnit/></Status>", SystemUnit()),
        (b"<Status/>", None),
        (b"", None),
    ],
)  # fmt: skip
def test_descriptions(body: bytes, unit: SystemUnit | None) -> None:
    """An endpoint's own description is read as far as it goes."""
    assert system_unit(body) == unit


def test_the_list_of_an_endpoint() -> None:
    """The ids of listed bookings are read; no list is none."""
    listed = (
        b'<Command><BookingsListResult status="OK"><ResultInfo><TotalRows>2</TotalRows>'
        b"</ResultInfo><Booking><Id>a</Id></Booking><Booking><Id>b</Id><MeetingId>c"
        b"</MeetingId></Booking></BookingsListResult></Command>"
    )
    assert listed_ids(listed) == frozenset("abc")
    empty = b'<Command><BookingsListResult status="OK"/></Command>'
    assert listed_ids(empty) == frozenset()
    assert listed_ids(failed("x")) is None
    assert is_in_cloud(b"<Status><Webex><Status>Registered</Status></Webex></Status>")
    assert not is_in_cloud(
        b"<Status><Webex><Status>Disconnected</Status></Webex></Status>"
    )


@pytest.mark.parametrize(
    ("location", "leaves"),
    [
        ("/other", False),
        ("", False),
        ("https://Room.example/x", False),
        ("//room.example/x", False),
        ("http://room.example/x", True),
        ("https://room.example.evil.example/", True),
        ("//evil.example", True),
        ("https://[", True),
    ],
)
def test_where_a_redirection_leads(location: str, leaves: bool) -> None:
    """Another scheme or host is elsewhere."""
    assert leads_elsewhere(location, "https", "room.example") is leaves


COMMAND = (Way.COMMAND, Way.COMMAND_JOINABLE, Way.DOCUMENT)
DOCUMENT = (Way.DOCUMENT, Way.COMMAND, Way.COMMAND_JOINABLE)


@pytest.mark.parametrize(
    ("version", "in_cloud", "ways"),
    [
        ("RoomOS 26.4.1 abc", False, COMMAND),
        ("RoomOS 11.14.4.0", False, COMMAND),
        ("ce10.19.4.2", True, COMMAND),
        ("ce10.19.4.2", False, DOCUMENT),
        ("ce9.14.7", True, COMMAND),
        ("ce9.13.1", True, DOCUMENT),
        ("TC7.3.9.abc", False, DOCUMENT),
        ("", False, COMMAND),
        ("something", False, COMMAND),
    ],
)
def test_the_way_by_the_software(
    version: str, in_cloud: bool, ways: tuple[Way, ...]
) -> None:
    """The command is for new software, and for some older one in the cloud."""
    assert ways_of(Software(version, in_cloud)) == ways


def test_a_way_that_worked_is_first() -> None:
    """The way that worked is tried first, the others behind it in their order."""
    new = Software("RoomOS 26.4.1")
    assert ways_of(new, Way.DOCUMENT) == DOCUMENT
    assert ways_of(new, "gone") == COMMAND
