"""The product's own template filters, `pex_...` (administrator guide, "Using filters").

Each is both a filter and a function, `value|pex_head(3)` and `pex_head(value, 3)`. They
see only values of the closed world (`template_values`); a function that searches takes
the rendering's `budget` as well.
"""

import base64
import hashlib
import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from pexschedd.clock import Now
from pexschedd.errors import TemplateError
from pexschedd.templates import regexes
from pexschedd.templates.budget import Budget
from pexschedd.templates.safelinks import decode_safelinks, decode_urldefense
from pexschedd.templates.values import (
    MAX_SIZE,
    concatenated,
    items_of,
    text_of,
    too_large,
)

_MAX_DIGITS = 64


class InputTooShort(TemplateError):
    """`pex_require_min_length` was not satisfied: do without the whole result."""

    code = "template_input_too_short"


def pex_base64(value: object) -> str:
    """Encode a value's text in base64."""
    return base64.b64encode(_encoded(value)).decode("ascii")


def pex_clean_phone_number(value: object) -> str:
    """Only `+` and the digits 0 to 9 of `value`."""
    return re.sub(r"[^+0-9]", "", text_of(value))


def pex_find_first_match(values: object, pattern: object, *, budget: Budget) -> str:
    """The first element in which `pattern` is found; nothing if there is none."""
    for item in items_of(values):
        text = text_of(item)
        if regexes.search(text_of(pattern), text, budget) is not None:
            return text
    return ""


def pex_hash(value: object) -> str:
    """64 hexadecimal digits that are always the same for the same text."""
    return hashlib.sha256(_encoded(value)).hexdigest()


def pex_head(value: object, n: int) -> str:
    """Return the first `n` characters."""
    return text_of(value)[: max(n, 0)]


def pex_in_subnet(address: object, networks: object) -> bool:
    """Return whether `address` is in one of the networks in CIDR notation (or the only
    one).

    Something that is no address is in no network; a wrong network is an error.
    """
    wanted = [networks] if isinstance(networks, str) else items_of(networks)
    parsed = [ipaddress.ip_network(text_of(n).strip(), strict=False) for n in wanted]
    try:
        ip = ipaddress.ip_address(text_of(address).strip())
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in parsed)


def pex_md5(value: object) -> str:
    """Return the MD5 digest in hexadecimal."""
    return hashlib.md5(_encoded(value), usedforsecurity=False).hexdigest()


def pex_regex_replace(
    value: object, find: object, replace: object, *, budget: Budget
) -> str:
    r"""Every match replaced; `\1` to `\99` and `\g<name>` stand for captured groups."""
    text, template = text_of(value), text_of(replace)
    pieces: list[str] = []
    end = size = 0
    for match in regexes.matches(text_of(find), text, budget):
        put = _expanded(template, match)
        size += len(put)
        budget.charge(1 + len(template) // 8)
        if size > MAX_SIZE:
            raise too_large()
        pieces += (match.string[end : match.start()], put)
        end = match.end()
    return concatenated([*pieces, text[end:]])


def pex_regex_search(pattern: object, text: object, *, budget: Budget) -> list[str]:
    """The captured groups of the first match, from 0; an empty list if there is none.

    Of a pattern without groups it gives the whole match, so that the result is true.
    """
    match = regexes.search(text_of(pattern), text_of(text), budget)
    if match is None:
        return []
    return list(match.groups(default="")) or [match.group()]


def pex_require_min_length(value: object, n: int) -> str:
    """`value` itself; raises InputTooShort if it has less than `n` characters."""
    text = text_of(value)
    if len(text) < n:
        raise InputTooShort(f"a value is shorter than the required {n} characters")
    return text


def pex_reverse(value: object) -> str:
    """Return the characters in reverse order."""
    return text_of(value)[::-1]


def pex_safelinks_decode(value: object) -> str:
    """Undo Microsoft's Safe Links in a text."""
    return decode_safelinks(text_of(value))


def pex_strlen(value: object) -> int:
    """Return the number of characters."""
    return len(text_of(value))


def pex_tail(value: object, n: int) -> str:
    """Return the last `n` characters."""
    return text_of(value)[-n:] if n > 0 else ""


def pex_to_json(value: Any) -> str:
    """Encode a value as JSON."""
    return json.dumps(value, ensure_ascii=False)


def pex_to_uuid(value: object) -> str:
    """The UUID in 16 bytes of base64, in the byte order of Active Directory's GUIDs."""
    data = base64.b64decode(text_of(value).strip(), validate=True)
    if len(data) != 16:
        raise TemplateError(f"pex_to_uuid needs 16 bytes in base64, not {len(data)}")
    return str(uuid.UUID(bytes_le=data))


def pex_update(value: Any, changes: Any) -> dict[Any, Any]:
    """A copy of a dict with other values for some keys."""
    if not isinstance(value, dict) or not isinstance(changes, dict):
        raise TemplateError("pex_update needs a dict and a dict of changes")
    return {**value, **changes}


def pex_url_decode(value: object) -> str:
    """Undo percent-encoding."""
    return unquote(text_of(value))


def pex_url_encode(value: object) -> str:
    """Percent-encode everything but unreserved characters."""
    return quote(_encoded(value), safe="")


def pex_urldefense_decode(value: object) -> str:
    """Undo Proofpoint's URL Defense in a text."""
    return decode_urldefense(text_of(value))


def pex_filters(
    now: Now,
    uuid4: Callable[[], str],
    digits: Callable[[int], str],
    debug: Callable[[str], None] | None,
) -> Mapping[str, Callable[..., Any]]:
    """All of them by name; the arguments are what reaches beyond a pure function.

    `digits(n)` gives n random decimal digits; `debug` takes what pex_debug_log says.
    """

    def pex_now(tz: object = "UTC") -> datetime:
        name = text_of(tz)
        try:
            return now().astimezone(ZoneInfo(name))
        except (LookupError, ValueError, OSError):
            # Folders of the zones' files, such as "Europe", cannot be opened.
            raise TemplateError(
                f'pex_now: "{name[:60]}" is no time zone such as Europe/Berlin'
            ) from None

    def pex_uuid4(*_: object) -> str:
        return uuid4()

    def pex_random_pin(*arguments: Any) -> str:
        # As a filter, `""|pex_random_pin(6)`, it has an input that means nothing.
        if not arguments or not isinstance(n := arguments[-1], int):
            raise TemplateError("pex_random_pin needs the number of digits")
        if not 0 < n <= _MAX_DIGITS:
            raise TemplateError(f"pex_random_pin gives 1 to {_MAX_DIGITS} digits")
        return digits(n)

    def pex_debug_log(*values: object) -> str:
        if debug is not None:
            debug(",".join(text_of(value) for value in values)[:MAX_SIZE])
        return ""

    pure: tuple[Callable[..., Any], ...] = (
        pex_base64,
        pex_clean_phone_number,
        pex_find_first_match,
        pex_hash,
        pex_head,
        pex_in_subnet,
        pex_md5,
        pex_regex_replace,
        pex_regex_search,
        pex_require_min_length,
        pex_reverse,
        pex_safelinks_decode,
        pex_strlen,
        pex_tail,
        pex_to_json,
        pex_to_uuid,
        pex_update,
        pex_url_decode,
        pex_url_encode,
        pex_urldefense_decode,
    )
    bound: tuple[Callable[..., Any], ...] = (
        pex_now,
        pex_uuid4,
        pex_random_pin,
        pex_debug_log,
    )
    return {function.__name__: function for function in (*pure, *bound)}


def _encoded(value: object) -> bytes:
    """UTF-8; a lone surrogate, which has no UTF-8, becomes a question mark."""
    return text_of(value).encode("utf-8", "replace")


_REFERENCE = re.compile(r"\\(?:(\d{1,2})|g<(\w+)>|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}


def _expanded(template: str, match: Any) -> str:
    def put(reference: re.Match[str]) -> str:
        number, name, other = reference.groups()
        if other is not None:
            return _ESCAPES.get(other, f"\\{other}")
        key = int(number) if number else int(name) if name.isdecimal() else name
        try:
            return match.group(key) or ""
        except IndexError:
            raise TemplateError(
                f'"{reference[0]}" in a replacement is no group of the pattern'
            ) from None

    return _REFERENCE.sub(put, template)
