"""The removal of secrets and of persons' addresses from texts. Pure.

Secrets are found by their value, in the forms that they take in JSON, in addresses, in
XML and in headers; and by their look, for those that are not known. An e-mail address
becomes the same pseudonym wherever it occurs, so that it can still be followed.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from pexschedd.observation.secret_patterns import (
    REMOVED,
    lower_case,
    replaced,
    without_secrets,
)

SHORT = 4
"""Characters below which a secret is only removed where it is a word of its own."""

_DOMAIN = re.compile(
    r"(?:@|%40|=40|\\u0040)"
    r"(?:(?:[\w-]{1,63}\.){1,10}[\w-]{2,63}|localhost\b|\[[0-9A-Fa-f:.]{3,45}\])"
)
"""The end of an address, from which its beginning is looked for."""
_LOCAL = re.compile(r"[\w.+'~#$*-]++|\"\\*+[^\"\\\n]++\"\\*+")
"""Its beginning, backwards, and as a quoted string (RFC 5322, section 3.4.1)."""
_LONGEST_LOCAL = 64
"""Characters (RFC 5321, section 4.5.3.1.1)."""
_PSEUDONYM = re.compile(r"address-\d+\Z")

_DEPTH = 6
"""Characters by which a pattern for several texts decides between them."""

_AT = re.compile(r"%40|=40|\\\\u0040")
_PERCENT = re.compile("%[0-9A-F]{2}")
_URL_SAFE = str.maketrans("+/", "-_")

_ROUNDS = 10
"""Rounds after which a secret that comes up again leaves no mark."""

_MARKS = (REMOVED, "[gone]", "###", "")
"""Marks in the place of a secret: the first one that has none in it is used."""


class Scrubber:
    """Removes secrets and addresses; knows each address again.

    `secrets` are values that must not appear, `names` texts that become `[name]` where
    they are words of their own, such as administrators' names.
    """

    def __init__(self, secrets: Iterable[str], names: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret.strip()}
        self._forms = _any_of(
            form for secret in known for form in _forms(secret) if len(form) >= SHORT
        )
        self._short = _any_of((s for s in known if len(s) < SHORT), words=True)
        self._names = _any_of(
            (
                lower_case(form)
                for name in names
                if name.strip()
                for form in _forms_of_name(name)
            ),
            words=True,
        )
        self._mark = next(m for m in _MARKS if not any(s in m for s in known) or not m)
        self._numbers: dict[str, int] = {}
        self._pseudonyms: dict[str, str] = {}
        """By addresses as they are written."""

    def scrub(self, text: str) -> str:
        """Return the text without them."""
        # First what is known: a pattern could leave a part of it.
        text = self._without_secrets(text)
        text = without_secrets(text)
        text = self._without_addresses(text)
        if self._names is not None:
            text = replaced(self._names.finditer(lower_case(text)), text, "[name]")
        # What was put in place of others may have made one.
        return self._without_secrets(text)

    def _without_secrets(self, text: str) -> str:
        patterns = [each for each in (self._forms, self._short) if each is not None]
        for mark in (*(self._mark,) * _ROUNDS, ""):
            before = text
            for pattern in patterns:
                text = pattern.sub(mark, text)
            if text == before:
                return text
        while self._forms is not None and self._forms.search(text):
            text = self._forms.sub("", text)
        return text

    def _without_addresses(self, text: str) -> str:
        parts, end = [], 0
        for found in _DOMAIN.finditer(text):
            start = max(end, found.start() - _LONGEST_LOCAL)
            local = _LOCAL.match(text[start : found.start()][::-1])
            if local is None:
                continue
            name = local[0][::-1].lstrip("'*")  # quotation, emphasis
            if not name:
                continue
            if name.startswith("address-") and _PSEUDONYM.match(name):
                continue
            parts.append(text[end : found.start() - len(name)])
            parts.append(self._pseudonym(name, found[0]))
            end = found.start()
        return "".join([*parts, text[end:]])

    def _pseudonym(self, local: str, domain: str) -> str:
        written = local + domain
        if written not in self._pseudonyms:
            name = _AT.sub("@", written.casefold(), count=1)
            number = self._numbers.setdefault(name, len(self._numbers) + 1)
            self._pseudonyms[written] = f"address-{number}"
        return self._pseudonyms[written]


def _any_of(texts: Iterable[str], *, words: bool = False) -> re.Pattern[str] | None:
    """Return the pattern of several texts, the longest of those that begin alike; as
    words of their own only, if so wished."""
    ordered = sorted({*texts}, key=len, reverse=True)
    return re.compile(_tree(ordered, words)) if ordered else None


def _tree(texts: Sequence[str], words: bool, depth: int = _DEPTH) -> str:
    """Return a pattern that decides by one character after the other, as `re` tries
    alternatives in turn."""
    end = r"(?!\w)" if words else ""
    begins = words and depth == _DEPTH
    if depth == 0 or (len(texts) == 1 and not begins):
        return "|".join(f"{re.escape(each)}{end}" for each in texts)
    branches: dict[str, list[str]] = {}
    for each in texts:
        branches.setdefault(each[:1], []).append(each[1:])
    rest = branches.pop("", None)
    alternatives = [
        re.escape(character)
        + (rf"(?<!\w{re.escape(character)})" if begins else "")
        + f"(?:{_tree(others, words, depth - 1)})"
        for character, others in branches.items()
    ]
    return "|".join([*alternatives, *([end] if rest is not None else [])])


def _forms_of_name(name: str) -> Iterator[str]:
    """Yield the ways in which the log, a URL and JSON may have a name."""
    yield from (name, quote(name), quote(name, safe=""), quote_plus(name))
    yield json.dumps(name)[1:-1]


def _forms(secret: str) -> Iterator[str]:
    """The ways in which a secret may be written."""
    yield secret
    yield from (line for line in secret.splitlines() if len(line) >= 16)
    for ascii_only in (True, False):
        quoted = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield quoted
        for again in (True, False):  # JSON within JSON, as in a line of the log
            yield json.dumps(quoted, ensure_ascii=again)[1:-1]
    data = secret.encode("utf-8", "surrogatepass")
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield encoded
        yield _PERCENT.sub(lambda found: found[0].lower(), encoded)
    yield escape(secret)
    yield escape(secret, {'"': "&quot;", "'": "&#x27;"})
    yield repr(secret)[1:-1]
    if len(secret) >= SHORT:
        yield data.hex()
        yield data.hex().upper()
    # Inside of other base64 text, such as "name:password", it begins at any of three
    # places; the characters at its ends belong to its neighbours, too.
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + data).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
        if len(inner) >= 6:
            yield inner
            yield inner.translate(_URL_SAFE)
