"""Placeholder and token give way to the instructions; everything else stays."""

import re
import time
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.bodies import tags
from pexschedd.bodies.rewrite import (
    has_token,
    replace_token,
    replace_token_text,
)
from pexschedd.bodies.visible_text import visible_text
from pexschedd.model.fields.default_texts import PLACEHOLDER_INSTRUCTIONS
from pexschedd.model.meeting import Tags
from tests.thorough import examples

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJub25jZSI6Ii1fLSJ9-_.c2lnbmF0dXJl-_" + "Qk" * 300
OTHER = "eyJhbGciOiJSUzI1NiJ9.eyJvdGhlciI6MX0.b3RoZXI" + "Zm" * 300
UUID = "4d3c2b1a-0f0e-4000-8abc-00000000beef"
NEW = f'<br>\r\n<div style="x">Join: <b>5551234</b><br>{tags.make_pxps(UUID)}</div>'
NEW_TEXT = f"Join: 5551234\n{tags.make_pxps(UUID)}\n"
PLACEHOLDER = PLACEHOLDER_INSTRUCTIONS


BREAK = "<br>\n"
LINE = "\n"
CRLF = "\r\n"


def tok(between: str, token: str = TOKEN, width: int = 70) -> str:
    """The token's tag in lines as the pane writes it, with `between` after each."""
    tag = tags.make_tok(token)
    return between.join(tag[i : i + width] for i in range(0, len(tag), width))


def shown(html: str) -> str:
    """What a person sees, without anything that is not ink."""
    return re.sub(r"[\s\x00\u200b]+", "", visible_text(html))


def replaced(html: str) -> str | None:
    return replace_token(html, TOKEN, PLACEHOLDER, NEW)


TEAMS = """<div style="margin-bottom:24px;overflow:hidden">________</div>
<div class="me-email-text" lang="en-US"><a id="meet_invite_block.action.join_link"
href="https://teams.example.test/l/19%3ameeting?a=1&amp;b=2">Join the meeting now</a>
<!-- id --><table><tr><td>ID: 123 456</td><td><img src="cid:x"></td></tr></table></div>
"""

WORD_HEAD = """<html xmlns:o="urn:schemas-microsoft-com:office:office">\r
<head>\r
<meta http-equiv="Content-Type" content="text/html; charset=us-ascii">\r
<!--[if !mso]><style>v\\:* {behavior:url(#default#VML);}</style><![endif]-->\r
<style><!--\r
p.MsoNormal {margin:0cm; font-size:11.0pt;}\r
--></style><!--[if gte mso 9]><xml><o:shapedefaults v:ext="edit"/></xml><![endif]-->\r
</head>\r
<body lang="EN-US" link="#0563C1" style="word-wrap:break-word">\r
<div class="WordSection1">\r
"""
WORD_TAIL = "</div>\r\n</body>\r\n</html>\r\n"
WORD_WAITING = (
    '<p class="MsoNormal"><span style="font-size:11.0pt;color:black">'
    "This meeting will be hosted in a Virtual Meeting\r\nRoom. Joining "
    "instructions will be<br>\r\nsent to you soon in a "
    '<span class="SpellE">separate</span>\r\nemail.<o:p></o:p></span></p>\r\n'
    + "".join(
        f'<p class="MsoNormal"><span lang="EN-GB" style="font-size:7.5pt">{line[:9]}'
        f'</span><span style="mso-fareast-language:EN-US">{line[9:40]}</span>'
        f"{line[40:]}<o:p></o:p></p>\r\n"
        for line in tok("\n").split("\n")
    )
)
ABOVE = '<p class="MsoNormal">Dear all,<o:p></o:p></p>\r\n'
BELOW = '<p class="MsoNormal"><o:p>&nbsp;</o:p></p>\r\n<p>Agenda &amp; more</p>\r\n'

OWA_WAITING = (
    '<div class="elementToProof" style="font-family:Calibri; font-size:11pt">This '
    "meeting will be hosted in a Virtual Meeting Room. Joining instructions "
    "will be<br>\nsent to you soon in a separate email.</div>\n"
    f'<p style="font-size:7.5pt; color:rgb(118,118,118)">{tok(BREAK)}</p>\n'
)
HELLO = '<div dir="rtl">Hi</div>'
APPEND = '<div id="appendonsend"></div>'
NEW_OUTLOOK = (
    "<div dir='ltr'><div dir='ltr'>This meeting will be hosted in a Virtual Meeting "
    "Room. Joining instructions will be<br>sent to you soon in a separate email."
    '<br></div><div dir="ltr"><br></div>'
    + "".join(
        f'<div class="elementToProof"><span style="color:rgb(118, 118, 118)">{line}'
        "</span></div>"
        for line in tok("\n").replace("#", "&#35;").split("\n")
    )
    + f"{APPEND}</div>"
)

# Each: the body as it comes back, and the body as it has to be.
BODIES = {
    "as the pane writes it": (
        f'{PLACEHOLDER}<p style="color:#767676">{tok("<br>")}</p><p><br></p>Agenda',
        f"{NEW}<p><br></p>Agenda",
    ),
    "Word, alone": (
        f"{WORD_HEAD}{ABOVE}{WORD_WAITING}{WORD_TAIL}",
        f"{WORD_HEAD}{ABOVE}{NEW}\r\n{WORD_TAIL}",
    ),
    "Word, with an empty paragraph in the section": (
        f"{WORD_HEAD}{WORD_WAITING}<p><o:p>&nbsp;</o:p></p>{WORD_TAIL}",
        f"{WORD_HEAD}{NEW}\r\n<p><o:p>&nbsp;</o:p></p>{WORD_TAIL}",
    ),
    "a wrapper with nothing else in it": (
        f"<div><div>{OWA_WAITING}<br>&nbsp;</div><b></b></div>A",
        f"{NEW}A",
    ),
    "Word, with text and Teams": (
        f"{WORD_HEAD}{ABOVE}{WORD_WAITING}{BELOW}{TEAMS}{WORD_TAIL}",
        f"{WORD_HEAD}{ABOVE}{NEW}\r\n{BELOW}{TEAMS}{WORD_TAIL}",
    ),
    "Outlook on the web": (
        f"<html><body>{OWA_WAITING}{TEAMS}</body></html>",
        f"<html><body>{NEW}\n{TEAMS}</body></html>",
    ),
    "Teams first": (
        f"<html><body>{TEAMS}{OWA_WAITING}<br></body></html>",
        f"<html><body>{TEAMS}{NEW}\n<br></body></html>",
    ),
    "new Outlook": (
        f"<html><body>{HELLO}{NEW_OUTLOOK}A</body></html>",
        f"<html><body>{HELLO}<div dir='ltr'>{NEW}{APPEND}</div>A</body></html>",
    ),
    "in a table, which stays": (
        f"<table><tr><td>{OWA_WAITING}</td></tr></table>",
        f"<table><tr><td>{NEW}\n</td></tr></table>",
    ),
    "typed in the same lines": (
        f"<p>Hello {tok('<br>')} world</p>",
        f"<p>Hello {NEW} world</p>",
    ),
    "across paragraphs with more in them": (
        f"<p>A {tok('</p><p>', width=400)} B</p>",
        f"<p>A {NEW}</p><p> B</p>",
    ),
    "bold until the middle": (
        f"<p><b>A {tok('</b><i>', width=400)}</i></p>",
        f"<p><b>A {NEW}</b></p>",
    ),
    "an image among the lines": (
        f"<div>{tok('<p><img src=x></p>', width=400)}</div>",
        f"<div>{NEW}<p><img src=x></p></div>",
    ),
    "a comment among the lines": (
        f"<p>{tok('<![if mso]>&nbsp;<![endif]>', width=400)}</p>A",
        f"{NEW}<![if mso]><![endif]>A",
    ),
    "the placeholder edited": (
        f"<p>This meeting will be hosted, I hear.</p><p>{tok('<br>')}</p>",
        f"<p>This meeting will be hosted, I hear.</p>{NEW}",
    ),
    "words between the two": (
        f"{PLACEHOLDER}<p>Bring tea.</p><p>{tok('<br>')}</p><p>B</p>",
        f"{NEW}<p>Bring tea.</p><p>B</p>",
    ),
    "there twice": (
        f"<p>A</p>{OWA_WAITING}<p>B</p>{OWA_WAITING}<p>C</p>",
        f"<p>A</p>{NEW}\n<p>B</p>\n<p>C</p>",
    ),
    "quoted, with another's": (
        f"<p>A</p><div>{tok('<br>', OTHER)}</div>{OWA_WAITING}<p>{tok(' ', OTHER)}</p>",
        f"<p>A</p>{NEW}\n",
    ),
    "end tags left out": (
        f"<p>A<p>{tok('<p>', width=400)}<p>B",
        f"<p>A<p>{NEW}<p><p>B",
    ),
    "a reference without an end": (f"A &copy{tok('')}", f"A &copy{NEW}"),
    "no markup at all": (tok("\r\n"), NEW),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES.keys())
def test_bodies(body: str, expected: str) -> None:
    """What mail programs make of it is found, and the rest stays to the byte."""
    assert has_token(body, "", TOKEN)
    result = replaced(body)
    assert result == expected
    assert tags.find(result) == Tags(pxps=(UUID,))
    assert not has_token(result, "", TOKEN)
    assert replaced(result) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<p>Agenda</p>",
        PLACEHOLDER,
        f"<p>{tok('<br>', OTHER)}</p>",
        f"<p>{tok('<br>')[:-1]}</p>",
        f"<p>{tok('')[:90]}x{tok('')[90:]}</p>",
        f"<!-- {tok('')} --><p title='{tok('')}'>x</p><style>{tok('')}</style>",
        f"<p>{tok('').lower()}</p>",
    ],
)
def test_no_token(body: str) -> None:
    """Without this very token, whole and to be seen, nothing is changed."""
    assert replaced(body) is None
    assert not has_token(body, "", TOKEN)


PLAIN = (
    "This meeting will be hosted in a Virtual Meeting Room. Joining instructions "
    "will be\nsent to you soon in a separate email."
)
TEXTS = {
    "as the pane writes it": (
        f"{PLAIN}\n\n{tok(LINE)}\n\nAgenda\n",
        f"{NEW_TEXT}\n\nAgenda\n",
    ),
    "other line ends": (
        f"Hi\r\n{PLAIN}\n\n{tok(CRLF)}\r\nB\r\n",
        "Hi\r\n" + NEW_TEXT.replace("\n", "\r\n") + "\r\nB\r\n",
    ),
    "wrapped anywhere": ("A\n" + tok("\n  ", width=31), f"A\n{NEW_TEXT}"),
    "quoted": ("> A\n> " + tok("\n> ") + "\n> B", f"> A\n> {NEW_TEXT}\n> B"),
    "the placeholder edited": (
        f"This meeting!\n{tok('')}",
        f"This meeting!\n{NEW_TEXT}",
    ),
    "twice": (f"{tok(LINE)}\nA\n{PLAIN}\n{tok(' ')}\nB", f"{NEW_TEXT}\nA\n\nB"),
    "what looks like markup": (f"a <b\n{tok('')} c>", f"a <b\n{NEW_TEXT} c>"),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS.keys())
def test_texts(text: str, expected: str) -> None:
    """Plain text keeps its lines, and gets the instructions with its own line ends."""
    assert has_token("", text, TOKEN)
    result = replace_token_text(text, TOKEN, PLAIN, NEW_TEXT)
    assert result == expected
    assert replace_token_text(result, TOKEN, PLAIN, NEW_TEXT) is None


def test_no_token_in_a_text() -> None:
    """A text without the token is nobody's to change."""
    assert replace_token_text(PLAIN, TOKEN, PLAIN, NEW_TEXT) is None
    assert replace_token_text(tok("\n", OTHER), TOKEN, PLAIN, NEW_TEXT) is None


def test_a_short_placeholder() -> None:
    """A word or two that anybody may have written go only next to the token."""
    body = f"<p>Soon</p><p>A</p><p>Soon</p><p>{tok('<br>')}</p>"
    assert replace_token(body, TOKEN, "<b>Soon</b>", NEW) == f"<p>Soon</p><p>A</p>{NEW}"
    apart = f"<p>Soon</p><p>A</p><p>{tok('<br>')}</p>"
    expected = f"<p>Soon</p><p>A</p>{NEW}"
    assert replace_token(apart, TOKEN, "<b>Soon</b>", NEW) == expected
    assert replace_token(apart, TOKEN, "", NEW) == expected


# -- whatever the body is ------------------------------------------------------------

words = st.text("abc öß—.,:;()!?\u00a0\r\n", min_size=1, max_size=12).map(
    lambda text: text.replace("\u00a0", "&nbsp;")
)
leaves = words | st.sampled_from(
    ["<br>", "<img src=x>", "<!-- c -->", "<![if mso]>", "<hr/>", "&amp;", "&lt;b&gt;"]
)


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    elements = st.sampled_from(["p", "div", "span", "b", "o:p", "td", "a", "table"])
    attributes = st.sampled_from(["", ' class="x"', " title='a > b'", " lang=EN"])
    return st.builds(
        lambda name, attribute, content: (
            f"<{name}{attribute}>{''.join(content)}</{name}>"
        ),
        elements,
        attributes,
        st.lists(inner, max_size=3),
    )


fragments = st.lists(st.recursive(leaves, wrapped, max_leaves=8), max_size=3).map(
    "".join
)
between = st.sampled_from(
    [
        *("<br>", "\r\n", " ", "&nbsp;", "\u200b", "<o:p></o:p>", "<b></b>"),
        *(
            "</span></p><p><span>",
            "</span><span lang=EN>",
            "<!-- x -->",
            "<br>\r\n",
            "&shy;",
            "",
        ),
    ]
)


@st.composite
def waiting(draw: st.DrawFn) -> tuple[str, str]:
    """A placeholder and a token as mail programs leave them, and what is to be seen."""
    tag = tags.make_tok(TOKEN)
    edges = [0, *sorted(draw(st.sets(st.integers(1, len(tag) - 1), max_size=5)))]
    parts = [tag[i:j] for i, j in pairwise([*edges, len(tag)])]
    pieces = [parts[0]]
    for part in parts[1:]:
        pieces += [draw(between), part]
    before = draw(st.sampled_from(["", "A", "<b>A</b> "]))
    after = draw(st.sampled_from(["", "B", " <i>B</i>"]))
    body = f"<p><span>{before}{''.join(pieces)}{after}</span></p>"
    if draw(st.booleans()):
        return PLACEHOLDER + body, shown(NEW) + shown(before + after)
    return body, shown(before) + shown(NEW) + shown(after)


class Balance(HTMLParser):
    """Whether every element that begins ends, and in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("br", "img", "hr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Of those there are only empty ones here."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a beginning"
        assert self.open.pop() == tag


def balanced(html: str) -> bool:
    parser = Balance()
    parser.feed(html)
    parser.close()
    return not parser.open


@settings(max_examples=examples(200))
@given(fragments, waiting(), fragments, st.sampled_from(["", "div", "td", "span"]))
def test_the_rest_is_as_it_was(
    above: str, middle: tuple[str, str], below: str, around: str
) -> None:
    """The visible text has its part exchanged; the elements are as whole as before."""
    body = f"{above}{middle[0]}{below}"
    if around:
        body = f"<{around}>{body}</{around}>"
    result = replaced(body)
    assert result is not None
    assert shown(result) == shown(above) + middle[1] + shown(below)
    assert balanced(result)
    # White space may go with an element around it that held nothing else.
    assert not shown(above) or above in result
    assert not shown(below) or below in result
    assert replaced(result) is None


hostile = st.lists(
    st.sampled_from(
        [
            *("<", ">", "</", "<!--", "-->", "<!", "<?", "<b", "<p ", "</p>", "<p>"),
            *('"', "'", '="', "='", '<a title="x>', "<br", "<style>", "</style>"),
            *("<title>", "<td>", "</td>", "&", "&am", "p;", "&#", "35;", "&lt", "a"),
            *(" ", "\u200b", "&nbsp;", "#", "TOK:-", "a.b.c#", "TOK:-a.b.c#", "TO"),
            *("K:-", "\x00", "\ud800", "&copy", tags.make_tok(TOKEN), TOKEN),
        ]
    ),
    max_size=14,
).map("".join)


@given(hostile, hostile)
def test_hostile_bodies(above: str, below: str) -> None:
    """Whatever is in it: found or not is one question, and afterwards it is gone."""
    body = f"{above}<p>{tok('<br>', width=300)}</p>{below}"
    result = replaced(body)
    assert (result is not None) or not has_token(body, "", TOKEN) or "TO" in above
    if result is not None:
        assert not has_token(result, "", TOKEN)
        assert replaced(result) is None
        assert tags.find(result).pxps == (UUID,)
    replace_token_text(body, TOKEN, PLAIN, NEW_TEXT)


LONG = 125_000
BOMBS = {
    "elements": "<b>",
    "closed": "<p><b>x</b></p>",
    "crossed": "<a></b>",
    "end tags": "</b>",
    "references": "&lt;",
    "words": "x ",
    "white space": " ",
    "tags cut off": "TOK:-",
    "tags": "TOK:-a.b.c#",
    "nested tags": "TO",
    "placeholders": shown(PLACEHOLDER),
    "quotation marks": '<a x="',
    "no markup": "<a ",
    "comments": "<!---->",
    "quoting": "> \n",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_time_is_bounded(bomb: str) -> None:
    """An eighth of a megabyte of anything takes a second at most, not minutes."""
    body = f"<p>{tok('<br>')}</p>" + bomb * (LONG // len(bomb))
    begun = time.thread_time()
    replaced(body)
    replace_token_text(body.replace("<br>", "\n"), TOKEN, PLAIN, NEW_TEXT)
    assert time.thread_time() - begun < 1.25


def test_the_end_of_a_gigantic_body() -> None:
    """What is beyond the finder's reach stays as it is."""
    rest = "y" * tags.MAX_BODY + tok("")
    assert replaced(f"<p>{tok('<br>')}</p>{rest}") == NEW + rest
    assert replaced(rest) is None
