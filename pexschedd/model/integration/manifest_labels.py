"""The texts of the add-in's manifest: their checks, translations and shortened forms.
Pure.

Outlook counts UTF-16 units, as its clients are written in languages that do. An
administrator may enter 250 characters for each text; what Outlook has no room for is
cut when the manifest is made.

Source: Microsoft's schema of Office add-in manifests, 1.1.
"""

import re
from collections.abc import Iterator, Mapping
from unicodedata import category

import msgspec

from pexschedd.model.blank_text import is_blank

LIMITS: Mapping[str, int] = {
    "addin_provider_name": 125,
    "addin_display_name": 125,
    "addin_description": 250,
    "addin_group_label": 125,
    "addin_button_label": 125,
    "addin_supertip_title": 125,
    "addin_supertip_description": 250,
    "addin_command_label": 125,
    "addin_command_supertip_title": 125,
    "addin_command_supertip_description": 250,
}
"""UTF-16 units that a manifest has room for, by field; none of the texts may be
empty."""

MOST_CHARACTERS = 250
"""Characters of a text as an administrator enters it."""

ELLIPSIS = "…"

_LOCALE = re.compile(
    r"[a-z]{2,3}-(?:[A-Z]{2}|[0-9]{3})|[a-z]{2,3}-[A-Z][a-z]{3}(?:-[A-Z]{2})?"
)
_TRANSLATION = re.compile(r"(\S+)\s+(\w+)\s*=\s*(.*)")
_NOT_IN_XML = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]"
    r"|[\U0001fffe-\U0001ffff]|[\U0002fffe-\U0002ffff]|[\U0010fffe-\U0010ffff]"
)
_JOINERS = "\u200d\ufe0e\ufe0f"
"""The zero-width joiner and the selectors of a form: part of the symbol before."""


class Translation(msgspec.Struct, frozen=True):
    """One text of the manifest in another language."""

    locale: str
    """A culture such as de-DE."""
    field: str
    """The field of the integration that has the text in the default language."""
    text: str


def utf16_length(text: str) -> int:
    """Return how many UTF-16 units a text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitted(text: str, limit: int, instead: str) -> str:
    """Return a text as a manifest can hold it, within `limit` UTF-16 units.

    What is too long ends at a word, with an ellipsis. Characters that XML cannot hold
    become blanks; `instead` takes the place of a text in which nothing can be seen.
    Fields are checked when they are saved, but records may be older than the checks.
    """
    text = _NOT_IN_XML.sub(" ", text).strip()
    if is_blank(text):
        return instead
    if utf16_length(text) <= limit:
        return text
    room, end = limit - len(ELLIPSIS), 0
    while end < len(text) and room >= utf16_length(text[end]):
        room -= utf16_length(text[end])
        end += 1
    while end > 1 and _continues(text, end):
        end -= 1
    word = text.rfind(" ", end // 2, end + 1)
    return text[: word if word > 0 else end].rstrip() + ELLIPSIS


def _continues(text: str, at: int) -> bool:
    """Return whether the character at an index belongs to the one before it."""
    return (
        category(text[at]).startswith("M")
        or text[at] in _JOINERS
        or "\U0001f3fb" <= text[at] <= "\U0001f3ff"  # a colour of skin
        or text[at - 1] == "\u200d"
    )


def is_cut(field: str, text: str) -> bool:
    """Return whether the manifest has only a part of a field's text."""
    return utf16_length(text.strip()) > LIMITS[field]


def xml_text(value: str) -> str | None:
    """Check that XML can hold a text; see `fields.Check`."""
    if _NOT_IN_XML.search(value):
        return "Control characters and characters that XML has not are refused here."
    return None


def locale(value: str) -> str | None:
    """Check the name of a culture; see `fields.Check`."""
    if _LOCALE.fullmatch(value):
        return None
    return "This must be a language and a country such as en-US, nb-NO or zh-Hant-TW."


def label_translations(value: str) -> str | None:
    """Check a list of translations, one a line; see `fields.Check`."""
    seen = set()
    for number, line in enumerate(value.splitlines(), 1):
        if not line.strip():
            continue
        problem = _translation_problem(line)
        if problem is None:
            one = _parsed(line)
            key = one.locale, one.field
            problem = f"{key[0]} {key[1]} is there twice." if key in seen else None
            seen.add(key)
        if problem is not None:
            return f"Line {number}: {problem}"
    return None


def _translation_problem(line: str) -> str | None:
    if _TRANSLATION.fullmatch(line.strip()) is None:
        return "A line is like this: de-DE addin_button_label = Meetingraum anlegen."
    one = _parsed(line)
    if not _LOCALE.fullmatch(one.locale):
        return f"{one.locale!r} is not a language and a country such as de-DE."
    if one.field not in TRANSLATED:
        return f"{one.field!r} is none of {', '.join(TRANSLATED)}."
    if is_blank(one.text):
        return "The text is empty."
    if len(one.text) > MOST_CHARACTERS:
        return f"The text has more than {MOST_CHARACTERS} characters."
    return xml_text(one.text)


TRANSLATED = tuple(name for name in LIMITS if name != "addin_provider_name")
"""The fields that have translations: a manifest has the provider's name once."""


def translations(value: str) -> Iterator[Translation]:
    """Yield the translations of a list that `label_translations` accepts."""
    for line in value.splitlines():
        if line.strip() and _translation_problem(line) is None:
            yield _parsed(line)


def _parsed(line: str) -> Translation:
    match = _TRANSLATION.fullmatch(line.strip())
    assert match is not None  # noqa: S101 - checked before
    return Translation(*match.groups())
