"""Administrators' HTML, and the scripts' language."""

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from lxml.etree import HTMLParser

from pexschedd.web.addin.sanitiser import sanitise

LINK = ' target="_blank" rel="noopener noreferrer"'


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("Plain", "Plain"),
        ("", ""),
        ("Rooms < 10 & more", "Rooms &lt; 10 &amp; more"),
        ("<p>One<br>two<br/></p>", "<p>One<br>two<br></p>"),
        ("<B>a</B> <strong>b</strong> <em>c</em>", "<b>a</b> <b>b</b> <i>c</i>"),
        ("<ul><li>a<li>b</ul>", "<ul><li>a<li>b</li></li></ul>"),
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
        ("<div style='x'>a</div><span>b</span>", "ab"),
        ("<script>alert(1)</script>after", "after"),
        ("<style>a{}</style>after", "after"),
        ("<script>never ends", ""),
        ("<img src=x onerror=alert(1)>", ""),
        ("<b>open", "<b>open</b>"),
        ("</b>closed", "closed"),
        ("<i><b>crossed</i></b>", "<i><b>crossed</b></i>"),
        ("<!-- no --><b>x</b><?php no ?>", "<b>x</b>"),
        ("&lt;script&gt;", "&lt;script&gt;"),
    ],
)
def test_sanitising(given_text: str, expected: str) -> None:
    """What is allowed stays, what is not loses its tags, and text stays text."""
    assert sanitise(given_text) == expected


markup = st.lists(
    st.sampled_from(
        [
            *("<p>", "</p>", "<br>", "<b", ">", "<a href=", '"', "'", "https://x"),
            *("javascript:", "<script>", "</script>", "<style>", "<!--", "-->"),
            *("<![CDATA[", "]]>", "<![x[", "<!", "<?", "&", "&lt;", "&#60;", "onx="),
            *("<svg onload=x>", "<li>", "</a>", "\x00", "/", "é", " "),
        ]
    ),
    max_size=12,
).map("".join)


@given(markup | st.text(max_size=60))
def test_only_allowed_elements_come_out(text: str) -> None:
    """Parsed as a browser would, the result holds nothing but the allow-list."""
    page = f"<main>{sanitise(text)}</main>".encode()
    root = lxml_html.document_fromstring(page, parser=HTMLParser(encoding="utf-8"))
    main = root.find(".//main")
    assert main is not None
    for element in main.iterdescendants():
        assert element.tag in {"p", "br", "b", "i", "a", "ul", "ol", "li"}
        if element.tag == "a":
            assert set(element.keys()) == {"href", "target", "rel"}
            assert str(element.get("href")).lower().startswith(("https://", "mailto:"))
        else:
            assert element.keys() == []


NEWER_THAN_ES5 = {
    "arrow functions": r"=>",
    "let and const": r"\b(?:let|const)\s+[\w{\[]",
    "template strings": r"`",
    "classes": r"\bclass\s+\w+\s*(?:\{|extends)",
    "async and await": r"\b(?:async|await)\b",
    "for of": r"\bfor\s*\(\s*(?:var\s+)?\w+\s+of\b",
    "spread": r"\.\.\.",
    "generators": r"\bfunction\s*\*|\byield\b",
    "exponents": r"\*\*",
    "optional chaining": r"\?\.[A-Za-z_[(]|\?\?",
    "short methods": r"[{,]\s*(?!(?:function|if|for|while|switch)\b)\w+\s*"
    r"\([^()]*\)\s*\{",
    "default parameters": r"\bfunction\s*\w*\s*\([^)]*=",
    "trailing comma in calls": r",\s*\)",
    "newer library": r"\b(?:fetch|Promise|Symbol|Map|Set|WeakMap|Proxy|URLSearchParams"
    r"|URL|Reflect|globalThis)\s*[.(]",
    "newer methods": r"\.(?:includes|startsWith|endsWith|padStart|repeat|find|findIndex"
    r"|assign|entries|values|fromEntries|closest|remove|append|prepend|replaceAll"
    r"|flat|flatMap|finally)\(",
    "catch without a name": r"\bcatch\s*\{",
    "regular expressions": r"/[gim]*[suy][gimsuy]*[.,;)]|\(\?<",
}
STRINGS_AND_COMMENTS = re.compile(
    r"/\*.*?\*/|//[^\n]*|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL
)
SCRIPTS = [
    entry
    for entry in files("pexschedd.web").joinpath("static").iterdir()
    if entry.name.endswith(".js")
]


def newer_than_es5(script: str) -> list[str]:
    bare = STRINGS_AND_COMMENTS.sub("''", script)
    return [name for name, what in NEWER_THAN_ES5.items() if re.search(what, bare)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda entry: entry.name)
def test_scripts_are_es5(script: object) -> None:
    """Outlook 2016 and 2019 run the pane in Internet Explorer 11."""
    text = script.read_text(encoding="utf-8")  # type: ignore[attr-defined]  # Traversable
    assert newer_than_es5(text) == []


@pytest.mark.parametrize(
    "script",
    [
        "a.map(b => b)",
        "let a = 1",
        "const {a} = b",
        "x = `a`",
        "class A { }",
        "a?.b",
        "a ?? b",
        "f(...a)",
        "fetch('a')",
        "new Promise(a)",
        "a.includes(b)",
        "try { a() } catch { b() }",
        "x = { a() { return 1; } }",
        "for (var a of b) { }",
        "f(a,)",
    ],
)
def test_the_es5_check_sees_what_is_newer(script: str) -> None:
    """The check is worth something: it finds each kind of newer script."""
    assert newer_than_es5(script)


def test_the_style_sheet_is_for_old_browsers() -> None:
    """No custom properties, no grid; nothing is loaded from elsewhere."""
    css = files("pexschedd.web").joinpath("static/pane.css").read_text("utf-8")
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    assert not re.search(r"var\(|--\w|display:\s*grid|@import|url\(|inset|gap:", bare)
