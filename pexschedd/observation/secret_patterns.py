"""The looks of secrets that are not known: credentials in headers, addresses, members
in JSON and elements in XML. Pure.

Logs are long, and what is in them may come from the network. So no pattern goes over
the same text again and again: what repeats is possessive or has a bound, and no
alternative scans on for the others. Each one begins with a character, by which `re`
skips what cannot match. Letter case is ignored by searching in lower case.
"""

import re
from collections.abc import Iterable

REMOVED = "[removed]"

_NAMES = (
    r"pass(?<!bypass)(?<!compass)(?:word|wd|phrase|code)?s?",
    r"pwd",
    r"secrets?(?:[_-]?key)?",
    r"tokens?",
    r"assertion",
    r"client_?state",
    r"api[_-]?keys?",
    r"access[_-]?key",
    r"private[_-]?key(?!=)",
    r"x-honeycomb-team",
)
"""The ends of names of secrets. `privateKey=` in an endpoint is followed by a path."""

_QUOTE = r"\\*+[\"']"
"""A quotation mark, as it is written in JSON within JSON, too."""

_NOT_SET = r"\((?:not )?set\)"
"""A value that only says whether there is a secret."""

_NO_SECRET = (
    rf"(?:null|true|false|none)\b|{_NOT_SET}|\[removed|\.\.\.|…"
    r"|aadsts\d|error[a-z]"
    r"|[\[{][\s\"'\[{\\\]}]"
)
"""Beginnings of values without quotation marks that are none, have members, or are
codes of errors."""

_TEXT = r"[^\s\"'\\,;&<>}\]]"
"""A character of a secret without quotation marks."""

_PARAMETERS = (
    r"[\w-]++ ?= ?(?:\\*+\"[^\"\n]*+\"|[^\s,\"\\]++)"
    r"(?:, ?[\w-]++ ?= ?(?:\\*+\"[^\"\n]*+\"|[^\s,\"\\]++))*+"
)
"""Parameters of a scheme (RFC 9110, section 11.4), such as Digest's."""

_SCHEMES = "basic", "bearer", "negotiate", "ntlm", "digest", "api-?key", "api-?token"

_ATTRIBUTES = r"(?:\s[\w:.-]{1,40}=\\*+[\"'][^\"'<>]{0,200}[\"']){0,5}"


def _named(name: str, number: int) -> str:
    """A member in JSON, `name=value`, `name: value`, or an element in XML.

    A value in quotation marks ends with one behind as many backslashes, `b`; within it
    an escape has one more than twice as many. If it has no end, it goes as far as the
    string or the line that it is in.
    """
    b = rf"(?P=b{number})"
    quoted = (
        rf"(?P<b{number}>\\*+)(?P<q{number}>[\"'])(?!{_NOT_SET}\\*[\"']|…|{b}(?P=q{number}))"
        rf"((?:(?!(?P=q{number}))[^\\\n]|\\{b}\\{b}|\\{b}{b}[\"']|\\{b}[^\\\"'\n])*+"
        rf"(?:(?={b}(?P=q{number}))|(?=[\"'\n])|\Z|[^\n]++))"
    )
    bare = rf"(?!{_NO_SECRET})({_TEXT}++)"
    value = rf"(?:\s{{0,20}}{quoted}|[ \t]{{0,20}}{bare})"
    return (
        rf"{name}(?:(?:{_QUOTE})?\s{{0,20}}[:=]{value}"
        rf"|{_ATTRIBUTES}(?:>|&gt;)([^<>&\n]++)(?=(?:<|&lt;)/))"
    )


_HEADER = rf"(?:{_QUOTE})?[ \t]{{0,20}}[:=]\s{{0,20}}(?:\[?b?{_QUOTE})?"

_CREDENTIALS = (
    rf"(?:(?:{'|'.join(_SCHEMES)}) +\\*+[\"']?+)?+(?!\.\.\.|…)"
    rf"((?:[\w-]++ +)?{_PARAMETERS}"
    r"|[^\s\"'\\,]++(?: +[^\s\"'\\,=]++(?=[\s\"'\\,]|\Z|={1,2}(?:[\s\\,]|\Z)))?)"
)
"""Credentials of any scheme; the known ones' names stay."""

_PRIVATE_KEY = (
    r"-----begin [a-z ]{0,40}private key-----.*?(?:-----end [a-z ]{0,40}key-----|\Z)"
)
"""In PEM, even if its end is cut off."""

_USER_INFORMATION = (
    r":\\*+/\\*+/([^/?#\s\"'<>]{1,400}(?=@)"
    r"|[^/@:\s\"'<>\[]{1,200}+:(?!\d{1,5}/)[^\s\"'<>]{1,100}(?=@))"
)
"""Credentials in addresses (RFC 3986, section 3.2.1), and those that have a slash."""

_LOOKS = re.compile(
    "|".join(
        (
            _PRIVATE_KEY,
            # JSON Web Tokens (RFC 7519)
            r"eyj(?<!\weyj)[a-z0-9_-]{5,}+(?:\.[a-z0-9_-]*+){0,4}",
            r"pexschedd_[0-9a-z]{36,}+",
            # credentials in headers (RFC 9110, section 11.4; RFC 6265)
            rf"authorization{_HEADER}{_CREDENTIALS}",
            rf"cookie2?{_HEADER}([^\s;\"'\\=]++=[^\s;\"'\\]*+(?:; *+[^\s;\"'\\]++)*+)",
            *(rf"{each}\s++([a-z0-9+/=._~-]{{12,}}+)" for each in _SCHEMES),
            rf"digest\s++(?=username)({_PARAMETERS})",
            _USER_INFORMATION,
            r"\?(?:code|state|sig|signature|key|auth)=([^&\s\"'<>\\]++)",
            r"&(?:code|state|sig|signature|key|auth)=([^&\s\"'<>\\]++)",
            # keys in paths of ours
            r"/feedback/[^/\s\"'\\]{1,100}/(?!\.\.\.)([^\s\"'?/\\<>]++)",
            r"/change_notifications/(?!\.\.\.)([^\s\"'?/\\<>]++)",
            *(_named(name, number) for number, name in enumerate(_NAMES)),
        )
    ),
    re.DOTALL,
)
"""The looks of secrets, in lower case. The last group that matches is the secret; where
none does, all is."""

_WORDY = ("basic", "bearer", "negotiate", "ntlm", "digest", "api")
"""Beginnings of schemes' names, which occur in sentences, too."""

_LONGEST_WORD = 20

_MEMBER_END = re.compile(r"(\\*[\"'])\s*\Z")


def without_secrets(text: str) -> str:
    """Return the text with `[removed]` for each value that looks like a secret."""
    return replaced(_LOOKS.finditer(lower_case(text)), text, REMOVED)


def replaced(matches: Iterable[re.Match[str]], text: str, mark: str) -> str:
    """Return the text with a mark in the place of each match's last group."""
    parts, end = [], 0
    for found in matches:
        group = found.lastindex or 0
        start, stop = found.span(group)
        if _is_word(text, found, start, stop):
            continue
        quote = _bare_in_json(text[found.start() : start]) if group else ""
        parts += [text[end:start], quote, mark, quote]
        end = stop
    return "".join([*parts, text[end:]])


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


def _bare_in_json(before: str) -> str:
    """Return the quotation mark for the value of a member that had none, as JSON has
    numbers only without them."""
    name, colon, after = before.rpartition(":")
    if not colon or after.strip():
        return ""
    quote = _MEMBER_END.search(name)
    return quote[1] if quote is not None else ""


def lower_case(text: str) -> str:
    """Return the text in lower case, as long as it was: only one letter has two."""
    return text.replace("\u0130", "I").lower()
