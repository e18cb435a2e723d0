"""Texts, links and older messages: nothing is lost, and each link stays at its mark."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.onetouch.invitation.characters import normalised, one_line
from pexschedd.onetouch.invitation.history import MOST_LEVELS, split_history
from pexschedd.onetouch.invitation.html_text import read_html
from pexschedd.onetouch.invitation.machine_block import take_machine_block
from pexschedd.onetouch.links.finding import (
    MARK,
    LinkedText,
    WrittenLink,
    take_links,
)
from tests.thorough import examples

PIECES = [
    "https://a.example/1",
    "http://b.example/x?y=z",
    "<",
    ">",
    "> ",
    "\n",
    " ",
    ".",
    ")",
    "(",
    "c.example/2",
    "<mailto:d@e.example>",
    "From: a\nSent: b\n",
    "word",
    "=",
    "/",
    "-----Original Message-----\n",
    "On Monday, Joe wrote:\n",
    "\x02\n",
    "\n\x03\n",
    "pexip://f",
    "<a href='https://g.example/3'>",
    "</a>",
    "<blockquote type=cite>",
    "</blockquote>",
    "<p hidden>",
    "</p>",
    "<pre>",
    "&amp;",
    "*",
    "x" * 70,
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map(
    "".join
)


@settings(max_examples=examples(800))
@given(texts)
def test_marks_and_links_are_as_many(text: str) -> None:
    """Each link leaves one mark, in texts, in HTML, and in each message of them."""
    html = read_html(text)
    for linked in (take_links(normalised(text)), html.shown, html.hidden):
        assert linked.text.count(MARK) == len(linked.links)
        levels = split_history(linked)
        assert 1 <= len(levels) <= MOST_LEVELS + 1
        assert sorted(link for each in levels for link in each.links) == sorted(
            linked.links
        )
        for each in levels:
            assert each.text.count(MARK) == len(each.links)


@settings(max_examples=examples(400))
@given(st.text(max_size=80))
def test_normalising_is_done_at_once(text: str) -> None:
    """A normalised text stays as it is, and has no character of ours."""
    once = normalised(text)
    assert normalised(once) == once
    assert not set(once) & {MARK, "\x02", "\x03", "\r", "\u200b", "\u00a0"}
    assert "\n" not in one_line(text, 20)
    assert len(one_line(text, 20)) <= 20


def levels_of(text: str) -> list[str]:
    return [each.text.strip() for each in split_history(LinkedText(text))]


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("a", ["a"]),
        ("a\nFrom: b\nSent: c\nd", ["a", "From: b\nSent: c\nd"]),
        ("a\n*From:* b\n*Date:* c\nd", ["a", "*From:* b\n*Date:* c\nd"]),
        ("a\nDe : b\nEnvoyé : c", ["a", "De : b\nEnvoyé : c"]),
        ("a\n差出人: b\n送信日時: c", ["a", "差出人: b\n送信日時: c"]),
        ("a\nFrom: b\nTo: c\nd", ["a\nFrom: b\nTo: c\nd"]),
        ("a\nFrom: 10:00\nDate: c", ["a\nFrom: 10:00\nDate: c"]),
        ("a\nFrom: b\n\n\n\n\n\n\n\n\n\n\n\n\nSent: c", None),
        ("a\n> b\nc\n>> d\n> e", ["a\nc", "b\ne", "d"]),
        (
            "a\nAm 1. Mai 2026 schrieb Joe:\n> b",
            ["a", "Am 1. Mai 2026 schrieb Joe:", "b"],
        ),
        ("a\n---- Join here ----\nb", ["a\n---- Join here ----\nb"]),
        ("a\n_____\nb", ["a\n_____\nb"]),
        (
            "a\n-----Ursprüngliche Nachricht-----\nVon: b\nGesendet: c\nd",
            ["a", "-----Ursprüngliche Nachricht-----\nVon: b\nGesendet: c\nd"],
        ),
    ],
)
def test_history(text: str, levels: list[str] | None) -> None:
    """Messages are divided where mail programs divide them, and nowhere else."""
    found = levels_of(text)
    if levels is None:
        assert len(found) == 1
    else:
        assert found == levels


@pytest.mark.parametrize(
    ("text", "urls", "rest"),
    [
        ("See https://a.example/x.", ["https://a.example/x"], f"See {MARK}."),
        ("Join<https://a.example/x>.", ["https://a.example/x"], f"Join{MARK}."),
        ("*https://a.example/x*", ["https://a.example/x"], f"*{MARK}*"),
        ("(a.example/x)", ["a.example/x"], f"({MARK})"),
        ("https://a.example/(x)", ["https://a.example/(x)"], MARK),
        ("joe@a.example/x", [], "joe@a.example/x"),
        ("1/2 and/or a.b", [], "1/2 and/or a.b"),
        ("sip:a@b.example https://", [], "sip:a@b.example https://"),
        ("a@b.example<mailto:a@b.example>", [], "a@b.example"),
        ("Mail<mailto:a@b.example?x=y>", [], "Mail a@b.example"),
        ("<https://a.example/\n> x1\n> y2>", ["https://a.example/x1y2"], MARK),
        ("https://a.example/x\nWord", ["https://a.example/x"], f"{MARK}\nWord"),
    ],
)
def test_links_of_texts(text: str, urls: list[str], rest: str) -> None:
    """Links are found as people and mail programs write them."""
    found = take_links(text)
    assert [link.url for link in found.links] == urls
    assert found.text == rest


def test_links_of_html() -> None:
    """Targets count, words that are addresses are kept aside, other words stay."""
    shown = read_html(
        "<p>A <a href='https://a.example/?x=1&amp;y=2&reg=3'>https://b.example/1</a>"
        "<a href=' pexip://c '>room</a> <a href='mailto:d@e.example'>Joe</a>"
        "<a href='#top'>top</a><a href='sip:f@g.example;x'>f@g.example</a></p>"
    ).shown
    assert shown.links == (
        WrittenLink("https://a.example/?x=1&y=2&reg=3", "https://b.example/1"),
        WrittenLink("pexip://c"),
    )
    assert " ".join(shown.text.split()) == (
        f"A {MARK}room{MARK} Joe d@e.example topf@g.example <sip:f@g.example;x>"
    )


@pytest.mark.parametrize(
    "tag",
    [
        "div style='display:none'", "span style=\"a:b; DISPLAY : NONE\"", "p hidden",
        "td style='mso-hide:all'", "div style=visibility:hidden",
        "p style='opacity: 0'", "div style='max-height:0px; overflow:hidden'",
        "div style='overflow: hidden;width:0'", "p style='opacity:0.0;left:0'",
    ],
)  # fmt: skip
def test_hidden_text_is_apart(tag: str) -> None:
    """What people do not see is not in the text that they see; elements within it end
    it no sooner than they should."""
    name = tag.split()[0]
    found = read_html(f"a<{tag}>b<{name}>c</{name}><i>d</i></{name}>e")
    assert "".join(found.shown.text.split()) == "ae"
    assert "".join(found.hidden.text.split()) == "bcd"


@pytest.mark.parametrize(
    "style",
    [
        "opacity:0.5", "fill-opacity:0", "max-height:0", "overflow:hidden",
        "overflow:hidden;line-height:0", "overflow:hidden;min-width:0",
        "overflow:hidden;height:0.5em", "overflow:hidden;height:05px", "font-size:0",
    ],
)  # fmt: skip
def test_text_that_may_be_seen_is_not_hidden(style: str) -> None:
    """Styles that hide nothing by themselves take no text away."""
    assert read_html(f'a<div style="{style}">b</div>').hidden.text == ""


@pytest.mark.parametrize(
    ("data", "number"),
    [
        ("UE9MWUNPTS1WTVJOVU1CRVI9N0BhLmV4YW1wbGU=", "7@a.example"),
        ("UE9MWUNPTS1WTVJOVU1CRVI9Nw==", "7"),
        ("UE9MWUNPTS1WTVJOVU1CRVI9N0BhQGI=", ""),
        ("UE9MWUNPTS1WTVJOVU1CRVI9NyA4QGE=", ""),
        ("UE9MWUNPTS1WRVJTSU9OPTE=", ""),
        ("not base64 at all", ""),
    ],
)
def test_block_for_machines(data: str, number: str) -> None:
    """A block gives a number if it can be read, and is no part of the text."""
    begin, end = (f"--={w} POLYCOM VMR ENCODED TOKEN=--" for w in ("BEGIN", "END"))
    rest, found = take_machine_block(f"a {begin}\n{data}\n{end} b")
    assert (rest, found) == ("a  b", number)
