"""Tags are found in whatever mail systems make of a body."""

import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.bodies.markup_cuts import pieces_of
from pexschedd.bodies.tags import find, make_pxps, make_tok
from pexschedd.bodies.visible_text import resolve_references, visible_text
from pexschedd.model.meeting import Tags
from tests.thorough import examples

U = "4d3c2b1a-0f0e-4000-8abc-00000000beef"
V = "99999999-0f0e-4000-8abc-00000000beef"
TAG = make_pxps(U)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJub25jZSI6Ii1fLSJ9-_.c2lnbmF0dXJl-_" + "Qk" * 600
INSTRUCTIONS = """<br><div style="font-size:11.0pt">
<a href="https://a.test/webapp/#/?conference=5@a.test">https://a.test/webapp/#/?conference=5@a.test</a>
[Your number], then 5551234 #<br><br>{}<br></div>"""


def test_tags_have_their_form() -> None:
    """The forms are those of the deployment guide."""
    assert make_pxps("x") == "PXPS:-x#"
    assert make_tok("y") == "TOK:-y#"


@pytest.mark.parametrize(
    "html",
    [
        TAG,
        INSTRUCTIONS.format(TAG),
        INSTRUCTIONS.format(TAG.lower()),
        INSTRUCTIONS.format(TAG.upper()),
        f"<html><body>{TAG}",
        f'<?xml version="1.0" encoding="us-ascii"?>\r\n<!DOCTYPE html><p>{TAG}</p>',
        f'<meta http-equiv=Content-Type content="text/html; charset=us-ascii">é{TAG}',
        f"<span class=SpellE>PXPS</span>:-{U[:5]}<b lang=EN>{U[5:]}</b><o:p>#</o:p>",
        f"PXPS:-<wbr>{U[:9]}<wbr/>{U[9:]}<!-- x --><!--[if mso]>#<![endif]-->#",
        f"<p>PXPS:-</p>\r\n<p>{U}</p><p>#</p>",
        f"PXPS:-&nbsp;{U}&nbsp;&#35;",
        f"PXPS:-{U}&#x23;&num;",
        f"PXPS&colon;&#45;{U}&num;",
        f"PXPS:-{U[:20]}\r\n{U[20:]}#",
        f"PXPS:-{U[:20]}<br>\r\n{U[20:]}<br>#",
        f"P\u200bX\ufeffP\u00adS:\u2060-&shy;&#8203;{U}&zwnj;#",
        f"PXPS:\u2011{U.replace('-', '–')}＃",
        f"<table><tr><td>PXPS:-</td><td>{U}#</td></tr></table>",
        f'<a href="https://eur01.safelinks.protection.outlook.com/?url=x">{TAG}</a>',
        f'<a href="?a=1&b=PXPS:-{V}#">{TAG}</a>',
        f'<p title="a > PXPS:-{V}#" data-x=\'>"PXPS:-{V}#\'>{TAG}</p>',
        f"<p title=it's>{TAG}</p> it's",
        f'<p title = "unclosed>{TAG}</p>',
        f"if 1 < 2 and a <b> then <3 {TAG}",
        f"if a <b {TAG}",
        f"<script>var x='<!-- {make_pxps(V)}';</script><p>{TAG}</p>",
        f"<style>a:before{{content:'{make_pxps(V)}'}}</STYLE >{TAG}",
        f"<title>{make_pxps(V)}</title><!-->{TAG}<!--->",
        f"<!-- {make_pxps(V)} --><![CDATA[x]]><!-- a --!>{TAG}",
        f"<scripty>{TAG}</scripty>",
        f"PXPS:-#<br>PXPS:-nonsense# PXPS:-{U}x# {TAG}",
        f"PXPS:-PXPS:-{TAG}{TAG}",
        f"<https://a.test/?x=PXPS%3A-{U}%23>"[1:-1],
        f"https://s.test/?url={quote(quote(TAG, safe=''), safe='')}",
        f"{{\\rtf1 {TAG}}}",
        "<div>" * 20_000 + TAG,
    ],
)  # fmt: skip
def test_the_tag_is_found(html: str) -> None:
    """Rewritten, wrapped, split or surrounded, the one shown tag is found."""
    assert find(html).pxps == (U,)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "PXPS:-#",
        f"PXPS:-{U}",
        f"PXPS-{U}#",
        f"PXPS:-{U}x#",
        f"PXPS:-{U[:-1]}#",
        f"PXPS:-{{numeric_alias}} {U}#",
        f"<span class=\"{TAG}\" id={TAG} title='{TAG}'>x</span>",
        f'<a href="https://a.test/{TAG}">x</a>',
        f"<!-- {TAG} -->",
        f"<!-- > {TAG} <b>",
        f"<script>{TAG}</script>",
        f"<SCRIPT type=a>{TAG}",
        f"<style>{TAG}</style>",
        f"<head><title>{TAG}</title></head>",
        f"<iframe>{TAG}</iframe>",
        f"<?{TAG}?>",
    ],
)
def test_what_is_not_shown_is_no_tag(html: str) -> None:
    """Attributes, comments, scripts, styles and damaged tags do not count."""
    assert find(html) == Tags()


def test_the_text_helps_out() -> None:
    """The plain text is looked at when the HTML has no tag, and only then."""
    assert find("", TAG).pxps == (U,)
    assert find(f"<!-- {TAG}", TAG).pxps == (U,)
    assert find(TAG, make_pxps(V)).pxps == (U,)
    assert find(TAG, make_tok(TOKEN)) == Tags((U,), (TOKEN,))
    assert find("", f"PXPS:-{U}&#35;").pxps == (U,)


def test_quoted_lines_of_text() -> None:
    """A tag that was wrapped and then quoted is put together again."""
    wrapped = "\r\n".join(make_tok(TOKEN)[i : i + 72] for i in range(0, 2000, 72))
    quoted = "".join(f"> > {line}" for line in wrapped.splitlines(keepends=True))
    assert find("", f"> Hello\r\n{quoted}\r\n> PXPS:-{U[:7]}\r\n> {U[7:]}#") == Tags(
        (U,), (TOKEN,)
    )


def test_several_tags_come_in_order() -> None:
    """The newest, which mail programs put on top, is the first; each comes once."""
    html = (
        f"{TAG}<hr>From: ...<blockquote>{make_pxps(V)}<p>{TAG.upper()}</p></blockquote>"
    )
    assert find(html).pxps == (U, V)
    many = "".join(make_pxps(f"{i:08x}{U[8:]}") for i in range(100))
    assert len(find(many).pxps) == 20


@pytest.mark.parametrize(
    "html",
    [
        make_tok(TOKEN),
        f"<p>{make_tok(TOKEN)}</p>",
        "".join(f"{make_tok(TOKEN)[i : i + 60]}<br>\r\n" for i in range(0, 2000, 60)),
        "".join(f"<p>{make_tok(TOKEN)[i : i + 60]}</p>" for i in range(0, 2000, 60)),
        f"TOK:- {TOKEN.replace('.', ' . ')} &#35;",
        f"TOK:-{TOKEN.replace('-', chr(0x2011))}#",
        f"tok:-{TOKEN}%23",
        f"TOK:-a.b# TOK:-.# TOK:-a..b# {make_tok(TOKEN)}",
    ],
)
def test_tokens_are_found(html: str) -> None:
    """A token that covers many lines is found in its exact case."""
    assert find(html) == Tags((), (TOKEN,))


@pytest.mark.parametrize(
    "html", [f"TOK:-{TOKEN}", "TOK:-a.b#", "TOK:-a.b.c.d#", "a.b.c#"]
)
def test_other_shapes_are_no_tokens(html: str) -> None:
    """Without three parts and both ends there is no token."""
    assert find(html) == Tags()


def test_references_do_not_grow_together() -> None:
    """Text that only forms a character reference across elements stays text."""
    assert "#" not in visible_text("&#3<b></b>5;").replace("&#3", "")


_LONG = 250_000
_HOSTILE = [
    *("<", ">", "<a", "<a>", "<a b='c'>", '<a ="', '<a x=">" ', "<a " + "b=" * 9),
    *("<!--", "<!-- -->", "<!", "<!>", "</", "<script>", "<script></scrip", "<a ="),
    *("<script></script>", "&", "&a", "&amp;", "&#1", "&#35;", "<div>", "='", " "),
    *("PXPS:-", "PXPS:-4d3c2b1a-", "PXPS%252525252525", TAG, "TOK:-", "TOK:-a."),
    *("TOK:-a.a.a ", "\u200b\u00e9", "\0", "> ", "\n>"),
]


@pytest.mark.parametrize("piece", _HOSTILE)
def test_hostile_bodies_take_no_time(piece: str) -> None:
    """A quarter of a megabyte of anything, as HTML and as text, is done in a fraction
    of a second."""
    body = piece * (_LONG // len(piece))
    started = time.thread_time()
    find(body)
    find("", body)
    assert time.thread_time() - started < 0.4  # 0.09 s for the slowest


_SPLITS = st.sampled_from(
    [
        *("<span>", "</span>", "<o:p></o:p>", "<wbr>", "<br>", "<!-- PXPS:-# -->"),
        *("<b class='#'>", "</b>", '<a href="https://x.test/#PXPS:-">', "</a>", "<p>"),
        *(
            "\r\n",
            "\n",
            " ",
            "&nbsp;",
            "&#8203;",
            "&shy;",
            "\u00ad",
            "\u200d",
            "\ufeff",
        ),
        *("<style>p{color:#fff}</style>", "<![if !mso]>", "<![endif]>", "\t"),
    ]
)
_NOISE = st.sampled_from(
    [
        *("<p>Hello</p>", "then 5551234 #<br>", "/webapp/#/?conference=", "<hr>", "é"),
        *("PXPS:-", "PXPS", "TOK:-x#", "&amp;", "<td>", "<!-- x -->", "1 < 2 ", "\r\n"),
    ]
)


@settings(max_examples=examples(200))
@given(st.data())
def test_any_rewriting_keeps_the_tag(data: st.DataObject) -> None:
    """However a tag is split and wrapped, and whatever is around, it is found."""
    uuid = str(data.draw(st.uuids()))
    tag = make_pxps(uuid)
    tag = data.draw(st.sampled_from([tag, tag.upper(), tag.lower()]))
    html = "".join(data.draw(st.lists(_NOISE, max_size=4)))
    for character in tag:
        html += "".join(data.draw(st.lists(_SPLITS, max_size=2)))
        encoded = [character, f"&#{ord(character)};", f"&#x{ord(character):X};"]
        html += data.draw(st.sampled_from(encoded))
    html += "".join(data.draw(st.lists(_NOISE, max_size=4)))
    assert find(html).pxps == (uuid,)


@given(
    st.lists(
        st.sampled_from([*_HOSTILE, "-->", "'", '"', "</script>", "=", "\r\n", "%23"])
        | st.text(st.characters(codec=None), max_size=5),
        max_size=40,
    ).map("".join)
)
def test_nothing_raises(body: str) -> None:
    """Any text, as HTML or as plain text, gives an answer of the promised form."""
    for tags in (find(body), find("", body), find(body, body)):
        assert all(len(uuid) == 36 and uuid == uuid.lower() for uuid in tags.pxps)
        assert all(token.count(".") == 2 for token in tags.tok)


@pytest.mark.parametrize("mark", ["&gt; ", "&gt;&gt;", "| ", "  &gt; &gt; "])
def test_a_quoted_text_within_html(mark: str) -> None:
    """A gateway that shows a quoted plain text as preformatted HTML keeps the tag."""
    tag = make_pxps("2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01")
    lines = "\n".join(mark + part for part in ("hello", tag[:25], tag[25:]))
    found = find(f"<html><body><pre>{lines}</pre></body></html>")
    assert found.pxps == ("2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01",)


MARKUP = [
    *("<", "</", ">", "=", "'", '"', "<a", "<b>", "</b>", "<a href=x>", "<!--", "-->"),
    *("<!", "<?", "<script", "</script", "<scripts>", "<STYLE>", "</style>", "<title "),
    *("script", "a", " ", "\n", "&amp;", "<p title='>'>", "<xmp-", "/", "<1>"),
]


@given(st.lists(st.sampled_from(MARKUP), max_size=16).map("".join))
def test_plain_tags_are_as_all_others(source: str) -> None:
    """The quick way over plain tags shows what a look at each piece shows."""
    texts = [source[p.start : p.end] for p in pieces_of(source) if not p.name]
    shown = resolve_references("\0".join(texts)).replace("\0", "")
    assert visible_text(source).replace("\0", "") == shown
