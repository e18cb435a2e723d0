"""The texts in which a room system looks for what it has to dial. Pure.

Two forms stand side by side: a line with `sip:` or `h323:`, which also stands in the
location, and the block that Poly's systems know, base64 of lines `POLYCOM-KEY=value`
between two marker lines.
"""

from base64 import b64encode
from html import escape

from pexschedd.model.onetouch.room_calendar import JoinDetails
from pexschedd.onetouch.invitation.machine_block import BEGIN, END

_EMPTY_KEYS = (
    *("DIALINPREFIX", "SIGNALINGPOSTFIX", "CHAIRPASSWORD", "CHAIRPASSWORDREQUIRED"),
    *("RECORDMEETING", "STREAMMEETING", "INVITATIONLANGUAGE", "AUDIONUMBER1"),
    *("AUDIONUMBER2", "RSSVMRNAME", "RECORDINGFILENAME", "RECORDINGURI", "MEETING-URL"),
)


def dial_uri(details: JoinDetails) -> str:
    """Return the address with its scheme, such as `sip:4021@example.com`."""
    return f"{'h323' if details.protocol == 'H323' else 'sip'}:{details.alias}"


def location_text(details: JoinDetails | None) -> str:
    """Return the location that is shown to a room system: what to dial, or nothing."""
    return "" if details is None else dial_uri(details)


def plain_body(details: JoinDetails | None) -> str:
    """Return the body as text; empty if there is nothing to dial."""
    if details is None:
        return ""
    lines = _lines(details)
    if details.protocol != "H323":
        lines += ["", BEGIN, _token(details), END]
    return "\r\n".join(lines) + "\r\n"


def html_body(details: JoinDetails | None) -> str:
    """Return the body as HTML, with the block where people do not see it."""
    if details is None:
        return "<html><body></body></html>"
    shown = "".join(f"<p>{escape(line)}</p>" for line in _lines(details))
    block = ""
    if details.protocol != "H323":
        lines = "<br>".join((BEGIN, _token(details), END))
        style = "height:1px;overflow:hidden;font-size:1px"
        block = f'<div style="{style}">{lines}</div>'
    return f"<html><body>{shown}{block}</body></html>"


def _lines(details: JoinDetails) -> list[str]:
    lines = [dial_uri(details)]
    if details.pin:
        lines.append(f"PIN: {details.pin}")
    return lines


def _token(details: JoinDetails) -> str:
    pairs = {
        "VERSION": "1",
        "VMRNUMBER": details.alias,
        "SIGNALINGPREFIX": "sip",
        "MEETINGPASSWORD": details.pin,
        **dict.fromkeys(_EMPTY_KEYS, ""),
    }
    text = "\r\n".join(f"POLYCOM-{key}={value}" for key, value in pairs.items())
    return b64encode(text.encode()).decode()
