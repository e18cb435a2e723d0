"""Patterns of texts, as JSON schemas have them. Pure.

A pattern never refuses what the API accepts. It may accept what the API refuses, such
as a host name of digits alone: the rest of the rule is in the field's explanation.
"""

from collections.abc import Mapping
from typing import Any

from pexschedd.model.fields import addresses
from pexschedd.model.fields.declaration import Check, Field, TextPattern

_LONGEST = 1_000
"""Characters: validators compile a pattern together with the length, and long texts
would cost them hundreds of megabytes."""
_C0_C1 = r"\x00-\x1f\x7f-\x9f"
_NOT_IN_LINES = rf"{_C0_C1}\u2028\u2029"
_NOT_IN_TEXTS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"

PRINTABLE = f"^[^{_NOT_IN_LINES}]*$"
"""Of a text in one line, without control characters."""

TIME = (
    r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?$"
)
"""Of a time in UTC without a zone, as the API writes them."""

_LABEL = "[0-9A-Za-z]([0-9A-Za-z_-]{0,61}[0-9A-Za-z])?"
_HOST = rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
_PORT = "(:[0-9]{1,5})?"
_URL = rf"[Hh][Tt][Tt][Pp][Ss]?://{_HOST}{_PORT}([/?#][!#$%&()*+,./0-9:;=?@A-Z\[\]_a-z~#-]*)?"
_MAIL = rf"[^\s@\"(),:;<>\[\\\]{_C0_C1}]{{1,64}}@{_HOST}"

_CHECKS: Mapping[Check, Mapping[str, Any]] = {
    addresses.http_url: {"pattern": f"^({_URL})?$"},
    addresses.host: {"pattern": f"^({_HOST})?$"},
    addresses.host_and_port: {"pattern": f"^({_HOST}{_PORT})?$"},
    addresses.host_or_url: {"pattern": f"^({_URL}|{_HOST}{_PORT})?$"},
    addresses.identifier: {"pattern": "^[!-~]*$"},
    addresses.mail_address: {"pattern": f"^({_MAIL})?$"},
}


def pattern_of(field: Field) -> Mapping[str, Any]:
    """Return the keywords of a JSON schema for how a text field's value looks."""
    for check in field.checks:
        if isinstance(check, TextPattern):
            return {"pattern": f"^{check.pattern}$"}
        if check in _CHECKS:
            return _CHECKS[check]
    if (field.max_length or 0) > _LONGEST:
        return {}
    is_text = field.multiline or field.template is not None
    wrong = _NOT_IN_TEXTS if is_text else _NOT_IN_LINES
    if field.min_length:
        return {"pattern": rf"^[^{wrong}]*[^\s{wrong}][^{wrong}]*$"}
    return {"pattern": f"^[^{wrong}]*$"}
