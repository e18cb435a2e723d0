"""The names under which browsers save what they download. Pure.

Sources: RFC 6266 for the header, RFC 5987 for names beyond ASCII.
"""

import re
from unicodedata import category, normalize
from urllib.parse import quote

MOST_CHARACTERS = 100
"""Characters of a name: file systems have room for 255 bytes."""

_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*;%]+')
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._ ()-]+")


def attachment(name: str) -> str:
    """Return a Content-Disposition (ASCII) that has a file saved under `name`.

    The name may be anything: what no file system takes, or what would show a name in
    another order, becomes a hyphen. Old clients get a name without accents.
    """
    stem, dot, ending = _saved(name).rpartition(".")
    if not dot:
        stem, ending = ending, ""
    ending = _NOT_PLAIN.sub("", ending)
    stem = stem[: MOST_CHARACTERS - len(ending) - 1].strip(" .-")
    plain = _NOT_PLAIN.sub("-", _without_accents(stem)).strip(" .-") or "download"
    stem = stem or "download"
    header = f'attachment; filename="{plain}{dot}{ending}"'
    if plain == stem:
        return header
    return f"{header}; filename*=UTF-8''{quote(stem + dot + ending, safe='')}"


def _saved(name: str) -> str:
    shown = "".join("-" if category(c) in _HIDDEN else c for c in name)
    return _NOT_IN_NAMES.sub("-", shown)


def _without_accents(text: str) -> str:
    return "".join(c for c in normalize("NFKD", text) if category(c) != "Mn")
