"""Each invitation as other programs would have passed it on: the result is the same."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.onetouch.onetouch_support import evaluate
from tests.onetouch.test_own_cases import CASES
from tests.thorough import FAST

LINK = re.compile(r"https?://[!#-;=?-_a-z{|}~]+[a-zA-Z0-9=/]")
TEXTS = [case for case in CASES if "text" in case]
PAGES = [case for case in CASES if "html" in case]
ABOVE_MATTERS = re.compile(r"From: |Original|wrote:|Gmail|^>", re.MULTILINE)
"""Texts that have an older message already, or none that would be read alike."""

BROKEN = re.compile("https://[^\\n ]*(?:/\\n84|000\\n000|\\u200b|\\u00ad)")
"""Links that a mailer has wrapped, or that have characters in them that nobody sees."""


def safe_link(match: re.Match[str]) -> str:
    url = quote(match[0], safe="")
    return (
        f"https://eur02.safelinks.protection.outlook.com/?url={url}&data=1&reserved=0"
    )


def as_html(text: str) -> str:
    return "<br>".join(html.escape(text).split("\n"))


def as_anchors(text: str) -> str:
    return LINK.sub(lambda m: f'<a href="{m[0]}">link</a>', as_html(text))


def forwarded(text: str) -> str:
    return f"FYI\n\nFrom: Joe <joe@x.example>\nSent: Monday\nSubject: x\n\n{text}"


def cited(text: str) -> str:
    return "FYI\n" + "".join(f"> {line}\n" for line in text.split("\n"))


def with_more_around_it(text: str) -> str:
    """A gateway's banner, a signature with what could be a number and a link, and the
    line ends of mail."""
    banner = "CAUTION: this mail is from outside, 2026-12-01.\n\n"
    signature = (
        "\n\n-- \nJoe\nTel: +1 555 0100 22\nhttps://www.example.com/news/1234567\n"
    )
    return f"{banner}{text}{signature}".replace("\n", "\r\n")


TEXT_TO_TEXT = (forwarded, cited, with_more_around_it)


def is_single(case: dict[str, Any]) -> bool:
    """Return whether there is no older message, and no link above the body."""
    text = case["text"]
    return not (ABOVE_MATTERS.search(text) or "<https" in text or case.get("location"))


PASSED_ON = [
    pytest.param(case, change, id=f"{case['name']}, {change.__name__}")
    for change in TEXT_TO_TEXT
    for case in TEXTS
    if change not in (forwarded, cited) or is_single(case)
][:: 5 if FAST else 1]
WHOLE = [case for case in TEXTS if not BROKEN.search(case["text"])]
TO_REWRITE = [case for case in WHOLE if "?q=https" not in case["text"]]


def check(case: dict[str, Any], **invitation: str) -> None:
    found = evaluate(location=case.get("location", ""), **invitation)
    details = found.details
    assert (None if details is None else details.alias) == case.get("alias"), found


@pytest.mark.parametrize(("case", "change"), PASSED_ON)
def test_text_is_passed_on(case: dict[str, Any], change: Callable[[str], str]) -> None:
    """Forwarding, quoting and additions change nothing about a single message."""
    check(case, text=change(case["text"]))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["name"])
def test_text_becomes_html(case: dict[str, Any]) -> None:
    """The same invitation in HTML leads to the same meeting."""
    check(case, html=as_html(case["text"]))


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case["name"])
def test_links_become_anchors(case: dict[str, Any]) -> None:
    """Links that stand behind words lead to the same meeting."""
    check(case, html=as_anchors(case["text"]))


@pytest.mark.parametrize("case", TO_REWRITE, ids=lambda case: case["name"])
def test_links_are_rewritten(case: dict[str, Any]) -> None:
    """Safe Links around every link lead to the same meeting."""
    check(case, text=LINK.sub(safe_link, case["text"]))


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case["name"])
def test_page_is_passed_on(case: dict[str, Any]) -> None:
    """A page within a mail program's page is the same invitation."""
    before = "<html><head><style>p{color:red}</style></head><body lang=EN-US><div>"
    check(case, html=f"{before}{case['html']}</div><p>Joe</p></body></html>")
