"""HTML as lines of plain text, for invitations that have no HTML.

The same text that the add-in's pane makes for such an invitation: lines where HTML has
paragraphs and breaks, and the address of a link after its words.
"""

import re

from pexschedd.bodies.markup_cuts import pieces_of
from pexschedd.bodies.visible_text import resolve_references

_BLOCKS = frozenset(
    "address article blockquote div dl dt dd h1 h2 h3 h4 h5 h6 hr li ol p pre section "  # noqa: SIM905 - so many are read as words
    "table tr ul".split()
)
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n]+")


def plain_text(html: str) -> str:
    """Return the text of `html`, its lines separated by LF, without empty ones at the
    ends."""
    out: list[str] = []
    address, begin = "", 0  # of the link that is open, and where its words begin
    for start, end, name in pieces_of(html):
        if not name:
            out.append(resolve_references(_BLANKS.sub(" ", html[start:end])))
        elif name == "br" or name.removeprefix("/") in _BLOCKS:
            out.append("\n")
        elif name == "a":
            found = _HREF.search(html, start, end)
            written = found[1] or found[2] or found[3] or "" if found else ""
            address, begin = resolve_references(written), len(out)
        elif name == "/a" and address:
            label = "".join(out[begin:]).strip()
            if address not in (label, f"mailto:{label}", f"tel:{label}"):
                out.append(f" <{address}>")
            address = ""
    text = "\n".join(line.strip(" ") for line in "".join(out).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()
