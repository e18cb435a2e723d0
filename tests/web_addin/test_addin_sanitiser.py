"""Administrators' HTML in the pane: what stays, what goes, and that it is said."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from lxml.etree import HTMLParser as LxmlParser

from pexschedd.web.addin.inline_styles import _NEVER, _PROPERTIES, safe_style
from pexschedd.web.addin.sanitiser import (
    _ALLOWED,
    sanitise,
    sanitise_inline,
    sanitised,
    text_of,
)

LINK = ' target="_blank" rel="noopener noreferrer"'
STYLED = (
    '<span style="color:red; font-size:12pt"><font size="5" face="Arial, sans">Hi'
    "</font></span> <u>x</u><h2>t</h2>"
)
STYLES_APART = (
    '<span data-style="color: red; font-size: 12pt">'
    '<font size="5" face="Arial, sans">Hi</font></span> <u>x</u><h2>t</h2>'
)
ONE_TABLE = (
    '<table border="1"><tr><td width="50%">a</td><td>b</td></tr>'
    '<tr><th scope="row">c</th></tr></table>'
)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("Plain", "Plain"),
        ("", ""),
        ("Rooms < 10 & more", "Rooms &lt; 10 &amp; more"),
        ("<p>One<br>two<br/></p>", "<p>One<br>two<br></p>"),
        (
            "<B>a</B> <strong>b</strong> <em>c</em>",
            "<b>a</b> <strong>b</strong> <em>c</em>",
        ),
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        (
            "<li>a<ul><li>b</ul><li>c",
            "<li>a<ul><li>b</li></ul></li><li>c</li>",
        ),
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<p><b>a<div>b</div>", "<p><b>a</b></p><div>b</div>"),
        (
            "<table border=1><tr><td width=50%>a<td>b<tr><th scope=row>c</table>",
            ONE_TABLE,
        ),
        (
            STYLED,
            STYLES_APART,
        ),
        ('<font color="#f00">a</font>', '<font color="#f00">a</font>'),
        ('<div style="x">a</div><span>b</span>', "<div>a</div><span>b</span>"),
        (
            '<a href="https://a.test/?x=1&amp;y=2" onclick="x()">a</a>',
            f'<a href="https://a.test/?x=1&amp;y=2"{LINK}>a</a>',
        ),
        (
            "<a href='mailto:help@a.test'>mail</a>",
            f'<a href="mailto:help@a.test"{LINK}>mail</a>',
        ),
        ("<a href='javascript:alert(1)'>x</a>", "x"),
        ("<a href=' java\nscript:alert(1)'>x</a>", "x"),
        ("<a href='http://a.test/'>x</a>", "x"),
        ("<a href='https://a.test/ b'>x</a>", "x"),
        ("<a>x</a>", "x"),
        ("<script>alert(1)</script>after", "after"),
        ("<style>a{}</style>after", "after"),
        ("<script>never ends", ""),
        ("<svg><a href=https://a.test>in</a></svg>after", "after"),
        ("<img src=x onerror=alert(1)>", ""),
        ("<b>open", "<b>open</b>"),
        ("</b>closed", "closed"),
        ("<i><b>crossed</i></b>", "<i><b>crossed</b></i>"),
        ("<!-- no --><b>x</b><?php no ?>", "<b>x</b>"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("<td>x</td>", "x"),
        ("a\x00b\ud800", "ab"),
        ("<b>" * 40 + "x", "<b>" * 32 + "x" + "</b>" * 32),
    ],
)
def test_sanitising(given_text: str, expected: str) -> None:
    """What is allowed stays, what is not loses its tags, and text stays text."""
    assert sanitise(given_text) == expected


@pytest.mark.parametrize(
    ("html", "removed"),
    [
        (STYLED, ()),
        ("<p>plain &amp; simple</p><!-- note -->", ()),
        ("<script>x</script><script>y</script>", ("<script>",)),
        ('<b onclick="x()" class=a>b</b>', ("onclick of <b>", "class of <b>")),
        ('<p style="position:fixed; color:red">', ("style position",)),
        ('<p style="color:url(x)">', ("style color",)),
        ("<a href=javascript:x>y</a>", ("a link that is neither https nor mailto",)),
        ("<a name=x>y</a>", ("name of <a>", "<a> without a link")),
        ("<img src=x>", ("<img>",)),
        ("<svg/>", ("<svg>",)),
        ('<font size="99">a</font>', ("size of <font>",)),
        ("<x\u202e\u00e9>", ("<x>",)),
        (
            "".join(f"<x{n}>" for n in range(20)),
            tuple(f"<x{n}>" for n in range(10)),
        ),
    ],
)
def test_what_was_removed_is_said(html: str, removed: tuple[str, ...]) -> None:
    """Each thing once, in words of plain ASCII, and not without end."""
    assert sanitised(html).removed == removed


def test_buttons_have_no_blocks_or_links() -> None:
    """A button keeps its words and how they look."""
    text = "<h1>Add <b style='color:red'>a</b> <a href=https://a.test>room</a></h1>"
    assert sanitise_inline(text) == 'Add <b data-style="color: red">a</b> room'
    assert sanitised(text, inline=True).removed == ("<h1>", "<a>")


def test_bare_text() -> None:
    """Where no markup is shown, its text is, with blanks where lines end."""
    assert text_of("<h1>A &amp; b</h1><p>c<br>d</p><script>x</script>") == "A & b c d"
    assert text_of("<i>T</i>his") == "This"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("color: Red", "color: Red"),
        ("COLOR:#fff;;color : #000 !important", "color: #000"),
        ("background: #eee", "background-color: #eee"),
        ("color: rgba(1, 2, 3, .5)", "color: rgba(1, 2, 3, .5)"),
        ("font-family: \"Segoe UI\", 'Arial', sans-serif",) * 2,
        ("font-size:11.0pt", "font-size: 11.0pt"),
        (
            "margin: 0 auto; padding:4px 8px 4px 8px",
            "margin: 0 auto; padding: 4px 8px 4px 8px",
        ),
        ("border: 1px solid rgb(1, 2, 3)", "border: 1px solid rgb(1, 2, 3)"),
        (
            "line-height:1.4; text-align:center; text-decoration: underline overline",
            "line-height: 1.4; text-align: center; text-decoration: underline overline",
        ),
        ("width: 50%", "width: 50%"),
        ("font-size: 120%; line-height: 107%",) * 2,
        *[
            (text, "")
            for text in (
                "position: fixed",
                "display: none",
                "background: url(https://a.test/x.png)",
                "background-color: url(x)",
                "color: expression(alert(1))",
                "color: ex\\70ression(1)",
                "color: red/*x*/",
                "behavior: url(x)",
                "-moz-binding: url(x)",
                "margin: -10px",
                "margin: 1000px",
                "font-size: 200px",
                "font-size: 1px",
                "font-size: 5%",
                "line-height: 20%",
                "width: 400px",
                "color: var(--x)",
                "font-family: x}b{color:red",
                "color",
                ":red",
                'color: "red',
                "padding: 1px 2px 3px 4px 5px",
                "border: 1px solid red 2px",
                "z-index: 9",
                "opacity: 0",
            )
        ],
    ],
)
def test_styles(text: str, kept: str) -> None:
    """Looks stay; nothing that loads, hides, covers or overflows does."""
    style = safe_style(text)
    assert style.text == kept
    assert bool(style.removed) == (kept == "")
    assert safe_style(style.text).text == style.text


def nested(tag: str, count: int, style: str = "") -> str:
    attribute = f' data-style="font-size: {style}"' if style else ""
    return f"<{tag}{attribute}>" * count + "Hi" + f"</{tag}>" * count


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        (nested("span", 9, "2em"), f"{nested('span', 1, '2em')}"),
        (nested("span", 9, "larger"), nested("span", 6, "larger")),
        (nested("span", 9, "60%"), nested("span", 1, "60%")),
        (nested("big", 9), nested("big", 6)),
        (nested("h1", 1, "300%"), nested("h1", 1, "300%")),
        (nested("span", 2, "3rem"), nested("span", 2, "3rem")),
        (
            '<font size="7"><span data-style="font-size: 2em">Hi</span></font>',
            '<font size="7"><span>Hi</span></font>',
        ),
    ],
)
def test_sizes_that_multiply(given_text: str, expected: str) -> None:
    """Whatever is within each other, no letter is smaller than 6 or larger than 48
    pixels: what would make it so is left out, and said."""
    bare = expected.replace("<span>", "").replace("</span>", "")
    result = sanitised(given_text)
    assert result.html.replace("<span>", "").replace("</span>", "") == bare
    assert bool(result.removed) == (given_text != expected)


markup = st.lists(
    st.sampled_from(
        [
            *("<p>", "</p>", "<br>", "<b", ">", "<a href=", '"', "'", "https://x"),
            *("javascript:", "<script>", "</script>", "<style>", "<!--", "-->"),
            *("<![CDATA[", "]]>", "<![x[", "<!", "<?", "&", "&lt;", "&#60;", "onx="),
            *("<svg onload=x>", "<li>", "</a>", "\x00", "/", "é", " ", "</svg>"),
            *("<table>", "<tr>", "<td>", "</table>", "<ul>", "</ul>", "<h1>", "<div>"),
            *("<span style='", "style=", "color:", "red", ";", "url(", ")", "\\"),
            *("<font color=", "<math>", "<title>", "<textarea>", "<plaintext>", "&#0;"),
            *("data-style=", "<a href='https://a.test/'>", "background:", "<iframe/>"),
        ]
    ),
    max_size=16,
).map("".join)
anything = markup | st.text(max_size=60) | st.text("<>/ab='\"&;!-", max_size=40)


@given(anything)
def test_only_what_is_safe_comes_out(text: str) -> None:
    """Parsed as a browser would, the result has nothing but listed elements, and no
    handler, style attribute or address but https and mailto."""
    for html in (sanitise(text), sanitise_inline(text)):
        page = f"<main>{html}</main>".encode()
        root = lxml_html.document_fromstring(page, parser=LxmlParser(encoding="utf-8"))
        main = root.find(".//main")
        assert main is not None
        for element in main.iterdescendants():
            assert element.tag in _ALLOWED
            for name, value in element.items():
                assert isinstance(name, str)
                assert isinstance(value, str)
                assert not name.startswith("on")
                assert name not in ("style", "src", "class", "id", "action")
                if name == "data-style":
                    assert safe_style(value).text == value
                elif name == "href":
                    assert value.lower().startswith(("https://", "mailto:"))
                else:
                    assert "://" not in value


class Tags(HTMLParser):
    """Notes the nesting of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(anything)
def test_sanitising_twice_is_sanitising_once(text: str) -> None:
    """The result stays as it is, has nothing to be removed, and is well nested."""
    for inline in (False, True):
        once = sanitised(text, inline=inline)
        again = sanitised(once.html, inline=inline)
        assert again.html == once.html
        assert again.removed == ()
        tags = Tags()
        tags.feed(once.html)
        tags.close()
        assert tags.open == []


values = st.lists(
    st.sampled_from(
        [
            *("1px", "red", "#fff", "url(x)", "(", ")", "'", '"', ",", " ", "\\", "/*"),
            *(
                "*/",
                "<",
                ">",
                "expression(",
                "@import",
                "!important",
                "é",
                "rgb(1,2,3)",
            ),
            *("50%", "auto", "solid", "-", "9999em", "\n", ":", "{", "}"),
        ]
    ),
    max_size=8,
).map("".join)


@given(st.sampled_from([*_PROPERTIES, "background", "position"]), values)
def test_any_style(name: str, value: str) -> None:
    """Whatever is kept has a known property and nothing that could do harm."""
    style = safe_style(f"{name}: {value}")
    for declaration in filter(None, style.text.split("; ")):
        kept, _, what = declaration.partition(": ")
        assert kept in _PROPERTIES
        assert not _NEVER.search(what)
        assert ";" not in what
    assert safe_style(style.text) == type(style)(style.text, ())
