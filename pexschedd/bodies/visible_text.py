"""The text that a mail's HTML shows, for finding our tags in it.

Not a parser: one pass over the source that leaves out markup, as browsers delimit it,
and what is never shown. Elements are dropped without putting anything in their place,
so a word that an editor has split over several elements comes out whole. It takes time
proportional to the source whatever is in it, and never fails.
"""

import html as entities
import re
from functools import lru_cache

MARKUP = re.compile(
    r"<(?:(?P<comment>!--)|(?P<name>[a-z][a-z0-9:_-]{0,30})|[!?/])", re.IGNORECASE
)
_IN_TAG = re.compile(r">|=\s*(?P<quote>[\"'])")
_END_OF_COMMENT = re.compile(r"--!?>")
REFERENCE = re.compile(
    r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});?", re.IGNORECASE
)

NOT_SHOWN = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("iframe", "noembed", "noframes", "script", "style", "title", "xmp")
}
"""Elements whose content is raw, and where it ends."""

_PLAIN_TAGS = re.compile(
    rf"(?:<(?:/|(?!(?:{'|'.join(NOT_SHOWN)})(?![a-z0-9:_-]))[a-z])[^<>=]*+>)++",
    re.IGNORECASE,
)
"""Tags one after another that end at their first `>`: most there are. It is as
`end_of_markup` has it, only quicker."""

_BETWEEN = "\0"
"""Keeps character references of neighbouring pieces apart; a reader drops it."""


def visible_text(source: str) -> str:
    """The text in document order, character references resolved.

    Pieces that markup separates in the source have a NUL character between them.
    """
    pieces = []
    position = 0
    while (match := MARKUP.search(source, position)) is not None:
        plain = _PLAIN_TAGS.match(source, match.start())
        end = plain.end() if plain else end_of_markup(source, match)
        if end is None:  # No tag after all: somebody wrote "a <b".
            break
        pieces.append(source[position : match.start()])
        position = end
    pieces.append(source[position:])
    return resolve_references(_BETWEEN.join(pieces))


def resolve_references(text: str) -> str:
    """`&nbsp;`, `&#35;` and the like replaced by the characters they stand for."""
    return REFERENCE.sub(lambda match: _character(match[0]), text)


# Bodies have few different references, and hostile ones many of the same.
_character = lru_cache(maxsize=4096)(entities.unescape)


def end_of_markup(source: str, match: re.Match[str]) -> int | None:
    """Return the end of the markup that begins at `match`; None if it never ends, and
    so never began."""
    if match["comment"]:
        # "<!-->" is a whole comment, so its dashes may be those of the beginning.
        close = _END_OF_COMMENT.search(source, match.start() + 2)
        return len(source) if close is None else close.end()
    if not match["name"]:
        return source.find(">", match.end()) + 1 or None
    end = _end_of_tag(source, match.end())
    raw = NOT_SHOWN.get(match["name"].lower())
    if end is None or raw is None:
        return end
    closing = raw.search(source, end)
    return len(source) if closing is None else closing.start()


def _end_of_tag(source: str, position: int) -> int | None:
    """After the `>` that is in no attribute's value."""
    while (match := _IN_TAG.search(source, position)) is not None:
        if match["quote"] is None:
            return match.end()
        close = source.find(match["quote"], match.end())
        # A quotation mark without its partner is none. That costs one search to the
        # end for each kind, as there is only one last mark of a kind.
        position = match.end() if close < 0 else close + 1
    return None
