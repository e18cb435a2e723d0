"""Bodies of items, rewritten as Exchange rewrites them.

Exchange wraps the HTML of a client in a document of its own, drops comments, scripts,
ids and classes, writes no-break spaces as `&nbsp;` and breaks long lines anywhere.
Clients that look for something in a body have to cope with that, so the sandbox does
the same.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape, unescape
from typing import Any

from lxml import etree, html

from pexschedd.sandbox.items.records import EMPTY_BODY, Body

_META = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
_LINE = 76
_DROPPED = ("script", "meta", "base", "link", "title", "object", "applet", "iframe")
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt"}
    | {"fieldset", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"}
    | {"hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"}
)
_TAG = re.compile(r"<[^<>]*>")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return the text without the characters that XML cannot carry."""
    return _ILLEGAL.sub("", text)


@lru_cache(64)  # one text goes to many people
def from_html(source: str) -> Body:
    """Return the body that Exchange makes of a client's HTML."""
    source = clean_text(source)
    if not source.strip():
        return EMPTY_BODY
    # Exchange takes the text as Unicode whatever a charset inside says.
    parser = html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        document = html.document_fromstring(source.encode(), parser=parser)
    except etree.ParserError:
        return EMPTY_BODY
    if any("depth" in problem.message.lower() for problem in parser.error_log):
        return _as_it_is(source)
    styles = [style.text or "" for style in document.iter("style")]
    for element in list(document.iter(*_DROPPED, "style")):
        _drop(element)
    body = document.find("body")
    if body is None:
        return EMPTY_BODY
    body.attrib.clear()
    for element in body.iter(etree.Element):
        for name in list(element.attrib):
            if name in ("id", "class") or str(name).startswith("on"):
                del element.attrib[name]
    style = "".join(f'<style type="text/css">{text}</style>' for text in styles)
    return Body(_document(style, _inside(body)), _text_of(body))


def _as_it_is(source: str) -> Body:
    """Return a body whose elements are nested too deeply for the parser, which would
    leave out what is in them: as the client has written it, unlike Exchange's own."""
    text = re.sub(r"[ \t\r\n]+", " ", _TAG.sub(" ", source)).strip()
    return Body(_document("", source), unescape(text))


def from_text(text: str) -> Body:
    """Return the body that Exchange makes of plain text."""
    text = clean_text(text).replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        return EMPTY_BODY
    lines = "<br>\r\n".join(escape(line, quote=False) for line in text.split("\n"))
    style = '<meta name="Generator" content="Microsoft Exchange Server">'
    inner = (
        '<font size="2"><span style="font-size:11pt;">'
        f'<div class="PlainText">{lines}</div></span></font>'
    )
    return Body(_document(style, inner), text.replace("\n", "\r\n"), plain=True)


def as_body(body: str | Body) -> Body:
    """Return a body as it is, or the one made from HTML."""
    return body if isinstance(body, Body) else from_html(body)


def appended(body: Body, more: Body) -> Body:
    """Return the body of AppendToItemField: the second one after the first, not
    merged."""
    if body == EMPTY_BODY:
        return more
    if body.plain and more.plain:
        return from_text(body.text + more.text)
    return from_html(body.html + more.html)


def fold(text: str) -> str:
    """Break the long lines of a text as Exchange does: at a blank where there is one,
    in the middle of a word where there is none."""
    return "\r\n".join(_fold_line(line) for line in re.split(r"\r\n|\r|\n", text))


def _fold_line(line: str) -> str:
    pieces = []
    while len(line) > _LINE:
        cut = line.rfind(" ", 1, _LINE + 1)
        if cut > 0:
            pieces.append(line[:cut])
            line = line[cut + 1 :]
        else:
            cut = line.find(" ", _LINE)
            limit = _LINE * 8
            cut = limit if cut < 0 or cut > limit else cut
            pieces.append(line[:cut])
            line = line[cut:].removeprefix(" ")
    pieces.append(line)
    return "\r\n".join(pieces)


def _drop(element: Any) -> None:
    """Takes an element out; the text behind it stays."""
    element.drop_tree()


def _document(head: str, inner: str) -> str:
    return (
        f"<html>\r\n<head>\r\n{_META}{head}\r\n</head>\r\n"
        f"<body>\r\n{inner}\r\n</body>\r\n</html>\r\n"
    )


def _inside(body: html.HtmlElement) -> str:
    for element in body.iter(etree.Element):
        if element.tag == "pre":
            continue
        if element.text:
            element.text = fold(clean_text(element.text))
        for child in element:
            if child.tail:
                child.tail = fold(clean_text(child.tail))
    source: str = html.tostring(body, encoding="unicode").strip()
    source = source[source.index(">") + 1 : source.rindex("</")].strip("\r\n")
    return source.replace("\xa0", "&nbsp;").replace("&#13;", "\r")


def _text_of(body: html.HtmlElement) -> str:
    """The text as a reader sees it: blocks on lines of their own."""
    lines: list[str] = [""]
    for piece in _pieces(body):
        if piece == "\n":
            lines.append("")
        else:
            lines[-1] += piece
    text = "\n".join(re.sub(r"[ \t\r\n]+", " ", line).strip(" ") for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n").replace("\n", "\r\n")


def _pieces(body: html.HtmlElement) -> Iterator[str]:
    """Yield texts, and line breaks around blocks. Elements may be nested more deeply
    than calls may be, so this is not recursive."""
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if element.tag in _BLOCKS or (element.tag == "br" and event == "start"):
            yield "\n"
        if event == "start":
            yield element.text or ""
        elif element is not body:
            yield element.tail or ""
