"""Puts joining instructions where an invitation still waits for them.

A meeting that was written while no alias could be had holds a placeholder text and the
organizer's token, `TOK:-<token>#` (deployment guide, "Process flow"). Exchange and the
mail programs have rewritten its body since: they wrapped the token's lines, spread them
over paragraphs, put in spans, comments and white space. So both texts are looked for as
a person sees them, with the finder's own eyes (`visible_text`, `tags`). What is found
is cut out of the source by its position (`shown_text`, `markup_cuts`); all the rest
stays as it is, byte for byte. Everything takes time proportional to the body.
"""

import re
from collections.abc import Sequence

from pexschedd.bodies.markup_cuts import Cutting, Piece, pieces_of
from pexschedd.bodies.shown_text import ShownText, TextSpan, compact, gaps

# The finder's own patterns: what it finds is what has to be replaced.
from pexschedd.bodies.tags import MAX_BODY, QUOTING, TOK
from pexschedd.bodies.visible_text import resolve_references, visible_text

_ROUNDS = 3
"""Most rounds of cuts: one may leave another token, if somebody wrote it that way."""
_MIN_APART = 20
"""Visible characters of a placeholder that is looked for apart from its token too.
A shorter one may be anybody's words."""


def has_token(html: str, text: str, token: str) -> bool:
    """Return whether a body shows `token`: in its HTML, or in `text`, the plain text.

    Either may be empty. True exactly when `replace_token` or `replace_token_text` has
    something to replace.
    """
    shown = compact(visible_text(html[:MAX_BODY]))
    if _shows(shown, token):
        return True
    unquoted = QUOTING.sub("", text[:MAX_BODY])
    return _shows(compact(resolve_references(unquoted)), token)


def replace_token(
    html: str, token: str, placeholder_html: str, instructions_html: str
) -> str | None:
    """`html` with the joining instructions in the place of placeholder and token.

    html: the organizer's current body, or a part of one, up to `MAX_BODY` characters.
    token: the identity token, without `TOK:-` and `#`.
    placeholder_html: what the add-in has put before the token. If it is not there any
        more, or was edited, the token alone is replaced.
    instructions_html: what comes in their place, with its `PXPS` tag.

    Every other `TOK` tag, as in quoted invitations, is removed with its placeholder.
    None if the body does not show the token: somebody has removed it.
    """
    if not has_token(html, "", token):
        return None
    head, tail = html[:MAX_BODY], html[MAX_BODY:]
    placeholder = compact(visible_text(placeholder_html))
    for _ in range(_ROUNDS):
        pieces = pieces_of(head)
        shown = ShownText(head, [(p.start, p.end) for p in pieces if not p.name])
        cuts, place = _cuts(shown.text, token, placeholder)
        head = _rewritten(head, pieces, shown, cuts, place, instructions_html)
        if not has_token(head, "", token):
            return head + tail
        instructions_html = ""
    return None


def replace_token_text(
    text: str, token: str, placeholder: str, instructions: str
) -> str | None:
    """The same for a body of plain text; every argument is plain text.

    The instructions get the line ends that the body has.
    """
    if "\r\n" in text:
        instructions = re.sub(r"\r?\n", "\r\n", instructions)
    head, tail = text[:MAX_BODY], text[MAX_BODY:]
    placeholder = compact(placeholder)
    for _ in range(_ROUNDS):
        if not has_token("", head, token):
            break
        quoting = [match.span() for match in QUOTING.finditer(head)]
        shown = ShownText(head, gaps(quoting, len(head)))
        cuts, place = _cuts(shown.text, token, placeholder)
        out, position = [], 0
        for cut in cuts:
            start, end = shown.source(cut)
            out += [head[position:start], instructions if cut == place else ""]
            position = end
        head = "".join([*out, head[position:]])
        if not has_token("", head, token):
            return head + tail
        instructions = ""
    return None


def _shows(shown: str, token: str) -> bool:
    return any(match[1] == token for match in TOK.finditer(shown))


def _cuts(shown: str, token: str, placeholder: str) -> tuple[list[TextSpan], TextSpan]:
    """Return the spans to cut out of the visible text in order, and the one to fill."""
    cuts: list[TextSpan] = []
    place: TextSpan | None = None
    position = 0
    for match in TOK.finditer(shown):
        start, end = match.span()
        own = [TextSpan(start, end)]
        if placeholder:
            apart = len(placeholder) >= _MIN_APART
            least = position if apart else max(position, start - len(placeholder))
            at = shown.rfind(placeholder, least, start)
            if at >= 0 and at + len(placeholder) == start:
                own = [TextSpan(at, end)]
            elif at >= 0:  # Somebody has written something between the two.
                own.insert(0, TextSpan(at, at + len(placeholder)))
        if place is None and match[1] == token:
            place = own[0]
        cuts += own
        position = end
    assert place is not None  # noqa: S101 - the caller has seen the token
    return cuts, place


def _rewritten(
    source: str,
    pieces: Sequence[Piece],
    shown: ShownText,
    cuts: Sequence[TextSpan],
    place: TextSpan,
    instructions: str,
) -> str:
    cutting = Cutting(pieces, shown, cuts)
    kept = [shown.text[start:end] for start, end in gaps(cuts, len(shown.text))]
    inserted = compact(visible_text(instructions))
    number = cuts.index(place) + 1
    wanted = "".join([*kept[:number], inserted, *kept[number:]])
    result = cutting.result(source, shown.source(place).start, instructions)
    if compact(visible_text(result)) == wanted:
        return result
    # Markup so broken that what is put into it changes what comes before it. Nothing
    # comes before what is put at the top.
    return instructions + cutting.result(source, 0, "")
