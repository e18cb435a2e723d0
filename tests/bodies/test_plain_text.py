"""HTML becomes lines of text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.fields.default_texts import PLACEHOLDER_INSTRUCTIONS

PLACEHOLDER = """\
This meeting will be hosted in a Virtual Meeting Room. Joining instructions will be
sent to you soon in a separate email."""

CASES = [
    ("", ""),
    ("a", "a"),
    ("a<br>\r\n<b>b</b> c<br/>d", "a\nb c\nd"),
    ("<p>a</p><p>b</p>c", "a\n\nb\nc"),
    ("<div>a<div>b</div></div>\r\n<ul><li>c</ul>", "a\nb\n\nc"),
    ("<p><br></p><p><br></p>a<br><br><br><br>b", "a\n\nb"),
    ("a  \t b\nc &amp;&lt;d&gt;", "a b c &<d>"),
    ("<style>p{}</style>a<!-- no --><title>no</title>", "a"),
    (
        '<a href="https://a.test/?x=1&amp;y=2">Join</a>',
        "Join <https://a.test/?x=1&y=2>",
    ),
    ("<a href=https://a.test/><b>https://a.test/</b></a>.", "https://a.test/."),
    ("<a href='mailto:a@a.test'>a@a.test</a> <a>b</a></a>", "a@a.test b"),
    (PLACEHOLDER_INSTRUCTIONS, PLACEHOLDER),
]


@pytest.mark.parametrize(("html", "text"), CASES)
def test_lines(html: str, text: str) -> None:
    """Paragraphs and breaks are lines, links are written out, the rest is words."""
    assert plain_text(html) == text


@given(st.text("<>/abdiprv \n&;=\"'!-h#1", max_size=60))
def test_anything(html: str) -> None:
    """Whatever comes in, text comes out, without what XML could not carry."""
    assert "\0" not in plain_text(html)


@pytest.mark.parametrize(
    "bomb",
    ["<b> </b>", "<a href=x>", "</a>", "<a href=x>y</a>", "<br>", " \n", "<p>", "&lt;"],
)
def test_time_is_bounded(bomb: str) -> None:
    """As much as a template can make takes seconds at most."""
    begun = time.thread_time()
    plain_text(bomb * (262_144 // len(bomb)))
    assert time.thread_time() - begun < 5
