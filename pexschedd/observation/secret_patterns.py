"""The looks of secrets that are not known: what the name of a secret stands in front
of, credentials in headers and addresses, tokens and keys. Pure.

Patterns see views of a text in which escapes are resolved (`decoded_text`), so none of
them knows any; a value that ends at a backslash goes on in a further view.

Logs are long, and what is in them may come from the network. So no pattern goes over
the same text again and again: what repeats is possessive or has a bound, and each one
begins with a character, by which `re` skips what cannot match. Letter case is ignored
by searching in lower case.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pexschedd.observation.decoded_text import lower_case

_KEYS = (
    *("access", "account", "api", "client", "encryption", "master", "secret"),
    *("session", "shared", "signing", "storage", "subscription"),
)
"""Kinds of keys that are secrets."""

_NAMES = "|".join(
    (
        r"pass(?<!bypass)(?<!compass)(?:word|wd|phrase|code|(?![a-z]))",
        r"pwd",
        r"secret",
        r"token",
        r"credential",
        r"assertion",
        r"signature",
        r"client_?state",
        r"session_?id",
        r"saml(?:request|response)",
        r"x-honeycomb-team",
        r"private[_-]?key(?!=)",
        *(rf"{kind}[_-]?key" for kind in _KEYS),
        *(rf"{word}(?<![a-z]{word})(?![a-z])" for word in ("pw", "otp", "jwt")),
    )
)
"""Parts of the names whose values are secrets. `privateKey=` in an endpoint is followed
by a path."""

_HEADERS = "authorization|cookie"
"""The same, of those whose value has several parts."""

_SCHEMES = "basic", "bearer", "negotiate", "ntlm", "digest", "api-?key", "api-?token"
_SCHEME = rf"(?:(?:{'|'.join(_SCHEMES)})\s{{1,20}}+)"

_LONGEST_REST = 40
"""Characters of a name behind what tells that it is one."""

_NAME_ENDS = (
    r"(?![_-]?(?:file|kind|type|name|ur[il]|endpoint|expir)"
    r"|s[\"']?\s{0,20}[:=]\s{0,20}[0-9]+(?:\.[0-9]+)?(?![\w.]))"
    rf"[\w-]{{0,{_LONGEST_REST}}}+"
)
"""The rest of a name. Not that of something else about a secret, nor of a number of
them."""

_NOTHING = (
    r"(?:null|true|false|none|\((?:not )?set\)|\[removed\]|aadsts[0-9]{4,9}"
    r"|\.\.\.|…)"
)
"""Values that are none, or the code of an error."""

_SEPARATOR = (
    r"(?:[\"'\]]{0,2}\s{0,20}+,?\s{0,20}+[\"']?value)?"
    r"[\"'\]]{0,2}\s{0,20}+(?::=|={1,3}>?|:{1,2})\s{0,20}+"
    r"(?:\{\s{0,20}+[\"']?value[\"']?\s{0,20}+[:=]\s{0,20}+|\[\s{0,20}+(?=[bu]?[\"']))?"
)
"""The text between a name and its value, in which `value` may be a name, too."""

_CHARACTER = r"(?:[^\s\"'\\]|[\"'](?![\s,:;.)}\]>&<=]|\Z))"
"""A character of a value without quotation marks; one within it closes nothing."""

_NEXT = r"[&;,][\"']?[\w.-]{1,40}+[\"']?[:=]|</"
"""The text by which such a value ends without a space."""


def _quoted(before: str = "") -> str:
    """A value in quotation marks; without an end as far as the line or the string that
    it is in. `before` is a pattern of what stays in front of it."""
    nothing = rf"(?:{before}{_NOTHING}|[,:\s{{}}\[\]]{{0,20}}+)(?P=mark)"
    return (
        rf"[bu]?(?P<mark>[\"'])(?!{nothing}){before}"
        r"((?:(?!(?P=mark))[^\\\n]|\\[^\n])++(?=(?P=mark))|(?:[^\\\n\"]|\\[^\n])++)"
    )


_NUMBER = (
    r"(?P<quote>[\"'])\s{0,20}+:\s{0,20}+(-?[0-9][0-9.e+-]{0,40}+)(?=\s{0,20}+[,}\]])"
)
"""A number in JSON."""

_LIST = (
    r"[\"'\]]{0,2}\s{0,20}+[:=]\s{0,20}+\[\s{0,20}+[bu]?"
    r"[\"']([^\[\]{}\n]{1,400}?)(?<!\\)[\"']\s{0,20}+\]"
)
"""Several values in quotation marks."""

_PAIR = r"[\"'], ?[bu]?[\"']([^\[\](){}\n]{1,400}?)(?<!\\)[\"'][)\]]"
"""A name and a value side by side, as lists of headers have them."""

_BARE = (
    rf"(?!{_NOTHING}(?:[\s\"',;:)}}\]&<]|\.?\s|\.?\Z)|[\"']|[\[{{](?:[\s\"'\[{{\]}}]|\Z))"
    rf"((?:\((?:not )?set\))?+(?:(?!{_NEXT}){_CHARACTER})++)"
)

_PART = rf"(?:=\"(?![\s,:;}}\]])[^\"\n]*+\"|{_CHARACTER})++"
_PARTS = rf"{_PART}(?:(?<=[;,])[ ]*+{_PART})*+"
"""Parameters, cookies."""

_CREDENTIALS = (
    rf"(?!{_SCHEME}?{_NOTHING}(?:[\s\"',;:)}}\]]|\Z)|[\"'])"
    rf"(?:{_SCHEME}({_PARTS})|((?:[\w-]++ +)?{_PARTS}))"
)
"""Credentials of any scheme (RFC 9110, section 11.4); the known ones' names stay."""


class _Member(NamedTuple):
    """Names, and what may come behind one: a group has the secret."""

    name: re.Pattern[str]
    value: re.Pattern[str]


_MEMBERS = (
    _Member(
        re.compile(_NAMES),
        re.compile(
            rf"{_NAME_ENDS}(?:{_NUMBER}|{_LIST}|{_PAIR}"
            rf"|(?:{_SEPARATOR}|\s(?:is |was )?(?=[bu]?[\"']))(?:{_quoted()}|{_BARE}))"
        ),
    ),
    _Member(
        re.compile(_HEADERS),
        re.compile(
            rf"{_NAME_ENDS}(?:{_LIST}|{_PAIR}"
            rf"|{_SEPARATOR}(?:{_quoted(_SCHEME + '?')}|{_CREDENTIALS}))"
        ),
    ),
)

_OPTION = (
    rf"--(?<![\w-]--)[\w-]{{0,30}}?(?:{_NAMES}){_NAME_ENDS}"
    rf"(?: (?:[\"'](?=\w))?|[\"'], ?[\"'])({_CHARACTER}++)(?![\"']:)"
)
"""An option of a command, and its value."""

_ELEMENT = (
    rf"<(?![/!?])(?>[^<>]*?(?:{_NAMES}|{_HEADERS}){_NAME_ENDS})[^<>]*+(?<!/)>"
    r"(?:\s*+<(?![/!])[^<>]*+(?<!/)>){0,3}\s*+(?:<!\[cdata\[)?"
    rf"(?!{_NOTHING}<)([^<]{{1,4000}}+)(?=</)"
)
"""An element of XML, or the first one in it."""

_PRIVATE_KEY = (
    r"-----begin [a-z ]{0,40}private key-----"
    r"(?:(?:(?!-----begin).){0,8000}?-----end [a-z ]{0,40}key-----"
    r"|[\w+/=\s:,-]{0,8000}+)"
)
"""In PEM, even if its end is cut off."""

_USER_INFORMATION = (
    r"://([^/?#\s\"'<>]{1,400}(?=@)"
    r"|[^/@:\s\"'<>\[]{1,200}+:(?!\d{1,5}/)[^\s\"'<>]{1,100}(?=@))"
)
"""Credentials in addresses (RFC 3986, section 3.2.1), and those that have a slash. A
name alone may be a token."""

_PARAMETERS = (
    rf"{name}(?:(?<=[?&]{name})=([^&\s\"'<>\\]++)"
    rf"|(?<![\w-]{name})=([^&=\s\"'<>\\]++=*+)(?=&))"
    for name in ("code", "state", "sig", "key", "auth")
)
"""Parameters of queries and forms, whose names mean other things elsewhere. The value
of the first one of a form has `=` at its end alone, or each `code=` in a long text
would be the beginning of all that follows."""

_LOOKS = re.compile(
    "|".join(
        (
            _PRIVATE_KEY,
            # JSON Web Tokens (RFC 7519)
            r"eyj(?<!\weyj)[a-z0-9_-]{5,}+(?:\.[a-z0-9_-]*+){0,4}",
            r"pexschedd_[0-9a-z]{36,}+",
            # credentials in headers (RFC 9110, section 11.4)
            *(rf"{each}\s++(\w[\w+/.~-]{{11,}}+=*+)(?![\w=])" for each in _SCHEMES),
            rf"digest\s++(?=username)({_PARTS})",
            _USER_INFORMATION,
            *_PARAMETERS,
            _OPTION,
            _ELEMENT,
            # keys in paths of ours
            r"/feedback/[^/\s\"'\\]{1,100}/(?!\.\.\.)([^\s\"'?/\\<>]++)",
            r"/change_notifications/(?!\.\.\.)([^\s\"'?/\\<>]++)",
        )
    ),
    re.DOTALL,
)
"""Other looks, in lower case. The last group that matches is the secret; where none
does, all is."""

_WORDY = ("basic", "bearer", "negotiate", "ntlm", "digest", "api")
"""Beginnings of schemes' names, which occur in sentences, too."""

_LONGEST_WORD = 20


class SecretPlace(NamedTuple):
    """The place of a secret in a view of a text."""

    start: int
    end: int
    quote: int | None = None
    """The place of a quotation mark like those that it needs: JSON has numbers only
    without them."""


def secret_places(text: str) -> Iterator[SecretPlace]:
    """Yield the places of what looks like a secret in a view of a text."""
    lower = lower_case(text)
    for found in _LOOKS.finditer(lower):
        start, end = found.span(found.lastindex or 0)
        if not _is_word(text, found, start, end):
            yield SecretPlace(start, end)
    for names, values in _MEMBERS:
        end = 0
        for name in names.finditer(lower):
            if name.end() + _LONGEST_REST < end:
                continue  # within a value that is gone
            value = values.match(lower, name.end())
            if value is not None:
                start, stop = value.span(value.lastindex or 0)
                is_number = value.groupdict().get("quote") is not None
                quote = value.start("quote") if is_number else None
                yield SecretPlace(start, stop, quote)
                end = max(end, stop)


def _is_word(text: str, found: re.Match[str], start: int, stop: int) -> bool:
    """Return whether what follows the name of a scheme is a word, as in "basic
    authentication"."""
    return (
        text[start - 1 : start].isspace()
        and found[0].startswith(_WORDY)
        and text[start:stop].strip(".-").replace("-", "").isalpha()
        and text[start:stop].islower()
        and stop - start <= _LONGEST_WORD
    )
