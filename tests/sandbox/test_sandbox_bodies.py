"""What becomes of bodies on their way through Exchange."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from pexschedd.sandbox.items import bodies


@pytest.mark.parametrize(
    ("source", "stored"),
    [
        ("<p id='a' class='b'>x</p>", "<p>x</p>"),
        ("<p>a&nbsp;b</p>", "<p>a&nbsp;b</p>"),
        ("<p>a<!-- secret -->b</p>", "<p>ab</p>"),
        ("<p>a</p><script>alert(1)</script>b", "<p>a</p>b"),
        ("<p onclick='x()' title='t'>a</p>", '<p title="t">a</p>'),
        ("plain", "plain"),
        ("<p>a&#1;b<i>c</i>&#2;d</p>", "<p>ab<i>c</i>d</p>"),
    ],
)
def test_html_is_rewritten(source: str, stored: str) -> None:
    """Exchange's own document around it, and what it drops dropped."""
    body = bodies.from_html(source)
    assert body.html.startswith("<html>\r\n<head>\r\n<meta http-equiv")
    inner = re.search(r"<body>\r\n(.*)\r\n</body>", body.html, re.DOTALL)
    assert inner is not None
    assert inner[1] == stored


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>a</p><p>b</p>", "a\r\n\r\nb"),
        ("a<br>b", "a\r\nb"),
        ("<span>PX</span><b>PS</b>", "PXPS"),
        ("<p>a  \n b</p>", "a b"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "ab"),
        ("", ""),
        ("<!-- nothing -->", ""),
    ],
)
def test_html_has_a_text(source: str, text: str) -> None:
    """Blocks on lines of their own, inline elements without any gap."""
    assert bodies.from_html(source).text == text


@pytest.mark.parametrize("depth", [200, 300, 2000, 4000, 200_000])
def test_deeply_nested_elements(depth: int) -> None:
    """What is in them is there, in both forms, however deep it is."""
    body = bodies.from_html("<div>" * depth + "in <b>it</b>")
    assert body.html.count("<div>") == depth
    assert "in <b>it</b>" in body.html
    assert body.text.split() == ["in", "it"]


def test_plain_text_gets_html() -> None:
    """The text is kept, the HTML made from it is escaped."""
    body = bodies.from_text("1 < 2\nnext")
    assert body.plain
    assert body.text == "1 < 2\r\nnext"
    assert "1 &lt; 2<br>\r\nnext" in body.html


def test_long_lines_are_broken() -> None:
    """At a blank where there is one; inside of a word that is far too long."""
    assert "\r\n" in bodies.fold("word " * 30)
    token = "x" * 1200
    folded = bodies.fold(token)
    assert "\r\n" in folded
    assert folded.replace("\r\n", "") == token
    short = "PXPS:-123e4567-e89b-12d3-a456-426614174000#"
    assert short in bodies.fold(f"some words before it {short} and some words after it")


@given(st.text())
def test_folding_loses_nothing_but_blanks(text: str) -> None:
    """All that is not white space survives, in its order."""
    assert re.sub(r"\s", "", bodies.fold(text)) == re.sub(r"\s", "", text)


@given(st.text(max_size=400))
def test_any_text_is_a_body(text: str) -> None:
    """Nothing that a client sends as plain text breaks the HTML made from it."""
    body = bodies.from_text(text)
    if body.html:
        assert html.fromstring(body.html) is not None
        assert bodies.clean_text(body.html) == body.html


@given(st.text(max_size=400))
def test_rewriting_is_stable(source: str) -> None:
    """What has been through Exchange once comes through it again with the same text."""
    once = bodies.from_html(source)
    assert bodies.from_html(once.html).text == once.text


def test_hostile_html_does_no_harm() -> None:
    """Deep nesting, entities and a wrong charset are nothing special."""
    deep = bodies.from_html("<div>" * 5000 + "x" + "</div>" * 5000)
    assert isinstance(deep.text, str)
    assert bodies.from_html("<!DOCTYPE x [<!ENTITY a 'b'>]><p>&a;</p>").text
    assert bodies.from_html('<meta charset="iso-8859-1"><p>ä</p>').text == "ä"
