"""The web proxy of an installation, its protocol, and messages about it. Pure."""

import re
from base64 import b64encode
from urllib.parse import urlsplit

import msgspec

from pexschedd.net.bypass import bypassed
from pexschedd.net.errors import ConnectionFailure, FailureKind

ANSWER_SECONDS = 30.0
"""Seconds that a proxy may take to open a tunnel."""

MAX_HEADER = 8 * 1024
"""Bytes of a proxy's response."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r?\n|$)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a web proxy, and the account that may use it."""

    secure: bool
    """True if the connection to the proxy itself is TLS."""
    host: str
    port: int
    username: str = ""
    password: str = ""
    bypass: tuple[str, ...] = ()
    """Hosts that are reached directly: patterns of `bypass.py`."""

    def __repr__(self) -> str:
        return f"<Proxy {self.name}>"

    @property
    def name(self) -> str:
        """The proxy's URL, for messages: without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"

    def is_for(self, host: str) -> bool:
        """Return whether connections to `host` go through this proxy."""
        return not bypassed(host, self.bypass)

    def connect_request(self, target: str) -> bytes:
        """The request for a tunnel to `target`, a host and port (RFC 9110, 9.3.6)."""
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.username:
            pair = f"{self.username}:{self.password}".encode()
            lines.append(f"Proxy-Authorization: Basic {b64encode(pair).decode()}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def parse_url(url: str) -> Proxy:
    """The proxy at a URL. Raises ValueError saying what such a URL has to look like."""
    wanted = "must look like http://proxy.example.com:3128"
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in _DEFAULT_PORTS or not host or port == 0:
        raise ValueError(wanted)
    if not re.fullmatch(r"[0-9A-Za-z._:-]+", host):
        raise ValueError(wanted)
    if "@" in parts.netloc:
        raise ValueError(f"{wanted}; name and password go to username, password_file")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{wanted}, with nothing after the port")
    secure = parts.scheme == "https"
    return Proxy(secure=secure, host=host, port=port or _DEFAULT_PORTS[parts.scheme])


class ProxyResponse(msgspec.Struct, frozen=True):
    """A proxy's response to CONNECT."""

    status: int
    offered: str
    """The values of Proxy-Authenticate, separated by commas."""


def parse_answer(header: bytes) -> ProxyResponse | None:
    """Parse a response up to its empty line; None if it is not HTTP."""
    match = _STATUS.match(header)
    if match is None:
        return None
    offers = re.findall(rb"(?mi)^proxy-authenticate:[ \t]*([^\r\n]*)", header)
    return ProxyResponse(int(match[1]), b", ".join(offers).decode("latin-1"))


def refusal(
    answer: ProxyResponse, proxy: Proxy, target: str
) -> ConnectionFailure | None:
    """The failure that a response means for `target`; None if the tunnel is open."""
    status, name = answer.status, f"the proxy {proxy.name}"
    if 200 <= status < 300:
        return None
    if status in (401, 407):  # tinyproxy refuses a wrong password with 401
        return ConnectionFailure(
            FailureKind.PROXY_SIGN_IN, _not_signed_in(answer, proxy, target)
        )
    if 400 <= status < 500:
        return ConnectionFailure(
            FailureKind.PROXY_FORBIDS,
            f"{name} does not allow connections to {target} (HTTP {status})",
        )
    if status >= 500:
        return ConnectionFailure(
            FailureKind.PROXY_FAILED, f"{name} could not reach {target} (HTTP {status})"
        )
    return garbled(proxy, target, f"it answers with HTTP {status}")


def _not_signed_in(answer: ProxyResponse, proxy: Proxy, target: str) -> str:
    name = f"the proxy {proxy.name}"
    schemes = {part.split()[0].lower() for part in answer.offered.split(",") if part}
    if schemes and "basic" not in schemes:
        offered = ", ".join(sorted(schemes & {"ntlm", "negotiate", "digest", "bearer"}))
        return (
            f"{name} does not accept Basic authentication for {target}, and no other "
            f"method is supported (it offers {offered or 'something else'})"
        )
    if not proxy.username:
        return f"{name} requires a user name and password for {target}"
    return (
        f"{name} does not accept the user name {proxy.username} with its password "
        f"for {target}"
    )


def garbled(proxy: Proxy, target: str, what: str) -> ConnectionFailure:
    """The failure for a proxy that breaks the protocol; `what` completes "it …"."""
    return ConnectionFailure(
        FailureKind.PROXY_GARBLED,
        f"the proxy {proxy.name} does not open a tunnel to {target}: {what}",
    )


def unreachable(proxy: Proxy, target: str, clause: str) -> ConnectionFailure:
    """The failure for a proxy that cannot be connected to, for the reason `clause`."""
    return ConnectionFailure(
        FailureKind.PROXY_UNREACHABLE,
        f"the proxy {proxy.name}, on the way to {target}, cannot be used: {clause}",
    )
