"""The removal of secrets and of persons' addresses from texts. Pure.

Secrets are found by their value, in the forms that they take in JSON, in addresses, in
XML and in headers; and by their look, for those that are not known. An e-mail address
becomes the same pseudonym wherever it occurs, so that it can still be followed.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

REMOVED = "[removed]"

SHORT = 4
"""Characters below which a secret is only removed where it is a word of its own."""

_KEYS = r"(?:password|passwd|passphrase|secret|token|assertion|api_?key|private_?key)"
"""The ends of names of secrets."""

_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)"
)
"""In PEM, even if its end is cut off."""

_VALUE = r"\"(?!\((?:not )?set\)\")(?:[^\"\\]|\\.)*\""
"""A string in JSON, except for one that only says whether there is a secret."""

_LOOKS = re.compile(
    "|".join(
        (
            rf"(?P<pem>{_PRIVATE_KEY})",
            # JSON Web Tokens (RFC 7519)
            r"(?P<jwt>\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){1,4})",
            r"(?P<own>\bpexschedd_[0-9A-Za-z]{36,})",
            # credentials in headers (RFC 9110, section 11.4)
            r"(?P<scheme>\b(?:Basic|Bearer|Negotiate|NTLM)\s+)[A-Za-z0-9+/=._~-]{12,}",
            # credentials in addresses (RFC 3986, section 3.2.1)
            r"(?P<userinfo>://)[^/?#\s\"'<>@]{1,200}@",
            # name=value, and the members of objects in JSON
            rf"(?P<pair>{_KEYS}=)[^&\s\"'<>;,]{{3,}}",
            r"(?P<query>[?&](?:code|state|sig)=)[^&\s\"'<>]+",
            rf"(?P<member>{_KEYS}\"\s*:\s*){_VALUE}",
        )
    ),
    re.DOTALL | re.IGNORECASE,
)

_DOMAIN = re.compile(r"(?:@|%40)(?:[\w-]{1,63}\.){1,10}[\w-]{2,63}")
"""The end of an address, from which its beginning is looked for."""
_LOCAL = re.compile(r"[\w.+'~#$*-]+\Z")
_LONGEST_LOCAL = 64
"""Characters (RFC 5321, section 4.5.3.1.1)."""
_PSEUDONYM = re.compile(r"address-\d+\Z")

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
        self._forms = sorted(
            {form for secret in known for form in _forms(secret) if len(form) >= SHORT},
            key=len,
            reverse=True,
        )
        self._short = _words(secret for secret in known if len(secret) < SHORT)
        self._names = _words(name for name in names if name.strip())
        self._mark = next(m for m in _MARKS if not any(s in m for s in known) or not m)
        self._addresses: dict[str, int] = {}

    def scrub(self, text: str) -> str:
        """Return the text without them."""
        # First what is known: a pattern could leave a part of it.
        text = self._without_secrets(text)
        text = _LOOKS.sub(_without, text)
        text = self._without_addresses(text)
        if self._names is not None:
            text = self._names.sub("[name]", text)
        # What was put in place of others may have made one.
        return self._without_secrets(text)

    def _without_secrets(self, text: str) -> str:
        mark = self._mark
        for _ in range(_ROUNDS):
            before = text
            for form in self._forms:
                text = text.replace(form, mark)
            if self._short is not None:
                text = self._short.sub(mark, text)
            if text == before:
                return text
        while any(form in text for form in self._forms):
            for form in self._forms:
                text = text.replace(form, "")
        return text

    def _without_addresses(self, text: str) -> str:
        parts, end = [], 0
        for found in _DOMAIN.finditer(text):
            start = max(end, found.start() - _LONGEST_LOCAL)
            local = _LOCAL.search(text[start : found.start()])
            if local is not None and not _PSEUDONYM.match(local[0]):
                parts += [
                    text[end : start + local.start()],
                    self._pseudonym(local[0], found[0]),
                ]
                end = found.start()
        return "".join([*parts, text[end:]])

    def _pseudonym(self, local: str, domain: str) -> str:
        address = f"{local}{domain}".casefold().replace("%40", "@")
        number = self._addresses.setdefault(address, len(self._addresses) + 1)
        return f"address-{number}"


def _without(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "scheme" | "pair" | "query":
            return f"{found[found.lastgroup]}{REMOVED}"
        case "member":
            return f'{found["member"]}"{REMOVED}"'
        case "userinfo":
            return f"://{REMOVED}@"
    return REMOVED


def _words(texts: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted({*texts}, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile("|".join(rf"(?<!\w){re.escape(t)}(?!\w)" for t in ordered))


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
    yield quote(data, safe="")
    yield quote(data)
    yield quote_plus(data)
    yield escape(secret)
    yield escape(secret, {'"': "&quot;", "'": "&#x27;"})
    yield repr(secret)[1:-1]
    # Inside of other base64 text, such as "name:password", it begins at any of three
    # places; the characters at its ends belong to its neighbours, too.
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + data).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
        if len(inner) >= 6:
            yield inner
