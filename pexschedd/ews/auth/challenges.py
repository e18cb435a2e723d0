"""The authentication schemes a server offers (WWW-Authenticate, RFC 9110, 11). Pure.

All challenges stand in one text, separated by commas, as are the parameters of each.
"""

import re
from collections.abc import Mapping

import msgspec

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# A token68 stands alone: it ends the challenge.
_TOKEN68 = re.compile(r" +([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)")
_PARAMETER = re.compile(
    r"[ \t,]*(?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))[ \t]*(?=,|$)'
)
_GAP = re.compile(r"[ \t,]*")
_REST = re.compile(r"[^,]*")


class AuthChallenge(msgspec.Struct, frozen=True):
    """One scheme that the server offers."""

    scheme: str
    """In lower case."""
    token: str = ""
    """The base64 text that follows the scheme, with NTLM and Negotiate."""
    parameters: Mapping[str, str] = {}
    """Names in lower case."""


def challenges(offered: str) -> list[AuthChallenge]:
    """Parse all challenges, in the server's order, passing over what is none."""
    found: list[AuthChallenge] = []
    at = _end(_GAP, offered, 0)
    while at < len(offered):
        scheme = _TOKEN.match(offered, at)
        if scheme is None:
            at = _end(_REST, offered, at)
        else:
            challenge, at = _challenge(offered, scheme.group().lower(), scheme.end())
            found.append(challenge)
        at = _end(_GAP, offered, max(at, _end(_REST, offered, at)))
    return found


def _challenge(offered: str, scheme: str, at: int) -> tuple[AuthChallenge, int]:
    alone = _TOKEN68.match(offered, at)
    if alone is not None:
        return AuthChallenge(scheme, token=alone.group(1)), alone.end()
    parameters: dict[str, str] = {}
    while (parameter := _PARAMETER.match(offered, at)) is not None:
        quoted = parameter["quoted"]
        value = (
            parameter["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        )
        parameters.setdefault(parameter["name"].lower(), value)
        at = parameter.end()
    return AuthChallenge(scheme, parameters=parameters), at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match is not None else at


def offer(offered: str, scheme: str) -> AuthChallenge | None:
    """Return the first challenge of a scheme (in lower case), if there is one."""
    return next((each for each in challenges(offered) if each.scheme == scheme), None)
