"""The block for Poly's systems that some add-ins put into a body. Pure.

Between two marker lines stands base64 of lines `POLYCOM-KEY=value`. The number may be
whole (`4021@example.com`), or in two parts with the domain as a postfix.
"""

import base64
import re

BEGIN = "--=BEGIN POLYCOM VMR ENCODED TOKEN=--"
END = "--=END POLYCOM VMR ENCODED TOKEN=--"
_BLOCK = re.compile(
    rf"{re.escape(BEGIN)}(?P<data>[A-Za-z0-9+/=\s]{{4,8000}}){re.escape(END)}"
)
_LINE = re.compile(r"POLYCOM-(?P<key>[A-Z0-9-]{1,40})=(?P<value>.{0,400})")
_PARTS = re.compile(r"[^\s@<>;,\"]{1,120}")


def take_machine_block(text: str) -> tuple[str, str]:
    """Return the text without the first block, and the number that it says to dial:
    empty if there is none or it cannot be read."""
    match = _BLOCK.search(text)
    if match is None:
        return text, ""
    rest = text[: match.start()] + text[match.end() :]
    try:
        data = base64.b64decode("".join(match["data"].split()), validate=True)
    except ValueError:
        return rest, ""
    values = {
        found["key"]: found["value"].strip()
        for line in data.decode("utf-8", "replace").splitlines()
        if (found := _LINE.fullmatch(line.strip()))
    }
    return rest, _number(values)


def _number(values: dict[str, str]) -> str:
    number = values.get("DIALINPREFIX", "") + values.get("VMRNUMBER", "")
    domain = values.get("SIGNALINGPOSTFIX", "").lstrip("@")
    local, at, host = number.partition("@")
    if not at:
        host = domain
    parts = [local, host] if host else [local]
    if not all(_PARTS.fullmatch(part) for part in parts):
        return ""
    return "@".join(parts)
