"""Answers that are wrong in what they hold, and what stands beside them."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import pytest_twisted
from lxml import etree

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.faults.behaviour import Behaviour
from pexschedd.sandbox.faults.fault import BehaviourError
from pexschedd.sandbox.faults.spoiled_answers import (
    with_forbidden_characters,
    with_item_extra,
    with_item_missing,
)
from pexschedd.sandbox.notifications.streaming import failure
from tests.sandbox.sandbox_support import ALICE, NS, START, CheckedSandbox
from tests.sandbox.test_sandbox_http import FIND, basic, behave, send
from tests.sandbox.test_sandbox_trouble import read, trouble

ANSWER = (
    '<?xml version="1.0" encoding="utf-8"?>'
    f'<m:GetItemResponse xmlns:m="{NS["m"]}" xmlns:t="{NS["t"]}"><m:ResponseMessages>'
    "<m:One><t:Subject>Plans</t:Subject></m:One><m:Two/>"
    "</m:ResponseMessages></m:GetItemResponse>"
).encode()


def test_forbidden_characters() -> None:
    """They are in texts alone, as bytes and as references: no parser takes them, and
    without them the answer is what it was."""
    spoiled = with_forbidden_characters(ANSWER)
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(spoiled)
    for part in (
        b"\x0b",
        b"\x1f",
        b"&#x1F;",
        b"&#11;",
        b"&#xFFFE;",
        b"&#xD800;",
        b"&#0;",
    ):
        assert part in spoiled
        spoiled = spoiled.replace(part, b"")
    assert etree.tostring(etree.fromstring(spoiled), method="c14n") == etree.tostring(
        etree.fromstring(ANSWER), method="c14n"
    )


def test_a_wrong_number_of_items() -> None:
    """The last one is missing, or there twice."""

    def names(answer: bytes) -> list[str]:
        found = etree.fromstring(answer)[0]
        return [etree.QName(each).localname for each in found]

    assert names(with_item_missing(ANSWER)) == ["One"]
    assert names(with_item_extra(ANSWER)) == ["One", "Two", "Two"]


@pytest_twisted.ensureDeferred
async def test_a_pause_until_a_date(sandbox: CheckedSandbox, served: str) -> None:
    """By the server's own clock, which may be wrong, and with or without a Date."""
    fault = {"kind": "http-503", "retry_after_date_s": 90}
    response = await trouble(served, **fault)
    assert response.code == 503
    (until,) = response.headers.getRawHeaders("retry-after")
    assert (parsedate_to_datetime(until) - START).total_seconds() == 90
    assert response.headers.hasHeader("date")
    await read(response)
    assert await behave(served, clock_skew_s=3600) == 200
    response = await trouble(served, **fault, no_date=True)
    assert not response.headers.hasHeader("date")
    await read(response)


@pytest_twisted.ensureDeferred
async def test_foreign_cookies(sandbox: CheckedSandbox, served: str) -> None:
    """Every answer sets what it is told to, as it is."""
    lines = ["BIGip=1; Path=/; Domain=elsewhere.example", "nonsense", "a=b; Secure"]
    assert await behave(served, cookies=lines, faults=[{"kind": "http-503"}]) == 200
    shown = sandbox.behaviour.describe()
    assert shown.cookies == lines

    for _ in range(2):
        code, headers, _ = await send(
            "POST", f"{served}/EWS/Exchange.asmx", FIND, basic(ALICE, "alice")
        )
        assert code in (200, 503)
        assert headers.getRawHeaders("set-cookie") == lines


def test_an_error_beside_a_good_status() -> None:
    """The code and the ids of subscriptions, and a connection that is said to be OK."""
    answer = failure(EwsError("ErrorSubscriptionNotFound"), ["one"], beside="OK")
    (message,) = answer[0]
    assert message.get("ResponseClass") == "Error"
    assert [etree.QName(each).localname for each in message] == [
        "MessageText",
        "ResponseCode",
        "DescriptiveLinkKey",
        "ErrorSubscriptionIds",
        "ConnectionStatus",
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        {"cookies": ["a=b\r\nx: y"]},
        {"altered": [{"how": "nonsense"}]},
        {"altered": [{"how": "junk", "times": -1}]},
        {"faults": [{"kind": "http-503", "retry_after_date_s": -1}]},
    ],
)
def test_nonsense(wanted: Any) -> None:
    """A behaviour that makes no sense is not taken."""
    with pytest.raises(BehaviourError):
        Behaviour().configure(wanted)
