"""Invitations that are long on purpose: time in proportion, in a process apart."""

import pickle
import time
from functools import partial

import pytest
import pytest_twisted
from twisted.internet import reactor

from pexschedd.onetouch.invitation.html_text import read_html
from pexschedd.onetouch.invitation.invitation import (
    LONGEST_BODY,
    Invitation,
    bounded_body,
)
from pexschedd.onetouch.invitation.passages import LONGEST_PASSAGE, searchable
from pexschedd.onetouch.links.finding import MARK, MOST_LINKS, take_links
from pexschedd.onetouch.rules.rule import STANDARD_RULES
from pexschedd.onetouch.rules.rule_sets import cost_of, rule_set
from pexschedd.onetouch.rules.rule_sets import evaluate as evaluate_rules
from pexschedd.util.worker_main import result_of
from pexschedd.util.worker_processes import AT_ONCE, WorkerProcesses
from tests.onetouch.onetouch_support import evaluate

PIECES = (
    "a.b.",
    "abc ",
    "<",
    "<a ",
    "&",
    "> ",
    ">\n",
    "From: a\n",
    "From: a\nSent: b\n",
    "-",
    "---- x original\n",
    "a@b.c ",
    "1 ",
    "://",
    "https://",
    "会议号:密码 ",
    "On a wrote:\n",
    "teams@cvi.example.org\nvid\n",
    "zoom\nmeeting id\n",
    "<div style='display:none'>",
    "<blockquote type=cite>",
    "--=BEGIN POLYCOM VMR ENCODED TOKEN=--",
    "<mailto:a@b>",
    "<https://a.b/\n",
    "https://a.b/))))))))))))) ",
    "sip:a",
    "acme@m.webex.com ",
    "\u2028",
    "https://us02web.zoom.us/my/abc ",
    "https://a.webex.com/a/j.php?MTID=m1\n",
    "password ",
    "<a href='https://x.example/?q=1'>x</a>",
    "https://urldefense.com/v3/__*__;JQ!!k$ ",
    "__;",
    "%25",
    "&#x41;",
    "</a>",
    "<td>",
    "\ufffc",
)


def seconds(piece: str, size: int) -> float:
    """Processor time of an invitation of this many characters, as text and as HTML."""
    body = piece * (size // len(piece))
    begin = time.process_time()
    evaluate(text=body)
    evaluate(html=body)
    return time.process_time() - begin


@pytest.mark.timeout(300)
@pytest.mark.parametrize("piece", PIECES)
def test_time_is_in_proportion(piece: str) -> None:
    """Eight times the characters take a bounded multiple of the time."""
    small = max(seconds(piece, 4_000), 0.0025)
    assert seconds(piece, 32_000) < 24 * small


def test_meeting_at_the_end_of_a_long_body_is_found() -> None:
    """The beginning and the end of a body are read, however long it is."""
    block = "\nacme@m.webex.com\nVideo ID: 119 800 900 1\n"
    for size in (LONGEST_PASSAGE, 2 * LONGEST_BODY):
        found = evaluate(text="Lorem ipsum. " * (size // 13) + block)
        assert found.details is not None
        assert found.details.alias == "1198009001.acme@m.webex.com"


def test_long_body_loses_its_middle() -> None:
    """What is read of a body has a limit, and both ends stay."""
    body = bounded_body("a" * LONGEST_BODY + "z")
    assert len(body) <= LONGEST_BODY + 1
    assert (body[0], body[-1]) == ("a", "z")


def test_links_are_bounded() -> None:
    """A text has a thousand links at most, and as many marks."""
    found = take_links("https://x.example/1 " * (MOST_LINKS + 500))
    assert len(found.links) == found.text.count(MARK) == MOST_LINKS
    shown = read_html("<a href='https://x.example/1'>x</a>" * (MOST_LINKS + 500)).shown
    assert len(shown.links) == shown.text.count(MARK) == MOST_LINKS


def test_marks_and_links_agree_where_the_middle_is_lost() -> None:
    """A passage that loses its middle keeps the right link at each mark."""
    html = "".join(
        f"<a href='https://x.example/{n}'>{'w' * 900}</a>\n" for n in range(400)
    )
    (passage,) = searchable(Invitation(html=html)).passages
    numbers = [int(link.link.path[1:]) for link in passage.links]
    assert (numbers[0], numbers[-1]) == (0, 399)
    assert numbers == sorted(numbers)
    assert passage.data.count(MARK.encode()) == len(numbers) < 400


@pytest_twisted.ensureDeferred
async def test_long_invitation_is_read_in_a_process_apart() -> None:
    """A megabyte of HTML does not hold up the reactor, and its meeting is found."""
    body = "<p style='margin:0'>Lorem ipsum dolor sit amet</p>\n" * 20_000
    invitation = Invitation(html=f"{body}<p>sip:a@b.example</p>")
    workers = WorkerProcesses(reactor, processes=1)
    work = partial(evaluate_rules, STANDARD_RULES, invitation)
    try:
        found = await workers(work, cost_of(invitation))
    finally:
        await workers.stop()
    assert found.details is not None
    assert found.details.alias == "a@b.example"


def test_work_can_be_handed_to_a_process() -> None:
    """An invitation goes to a process apart, and what is found in it comes back."""
    invitation = Invitation(text="sip:a@b.example", fields={"x-a": "b"})
    work = pickle.dumps(partial(evaluate_rules, STANDARD_RULES, invitation))
    returned, found = pickle.loads(result_of(work))  # noqa: S301 - our own
    assert returned
    assert found.details.alias == "a@b.example"
    assert cost_of(invitation) == 15


def test_tags_cost_more_than_text() -> None:
    """What is mostly tags goes to a process apart although it is short: reading a tag
    takes as long as many characters."""
    assert cost_of(Invitation(html="<b>x</b>" * 2_000)) > AT_ONCE
    assert cost_of(Invitation(html="<p>" + "x" * 20_000)) < AT_ONCE


def test_a_body_is_read_once_for_a_report() -> None:
    """Rules and links use what was read already."""
    read = searchable(Invitation(html="<p>https://zoom.us/j/1234567890</p>"))
    rules = rule_set(tuple(STANDARD_RULES))
    assert rules.evaluate(Invitation(), read).details is not None
    assert [link.service for link in rules.links_of(read)] == ["Zoom"]
