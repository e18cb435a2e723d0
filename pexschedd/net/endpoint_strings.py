"""Twisted's strings for server endpoints, as far as the daemon looks into them. Pure.

Such a string has a kind and arguments, by position or by name, separated by colons;
what follows a backslash is literal. `haproxy:` before another one has its connections
begin with the PROXY protocol.

Beyond what Twisted knows, `systemd:` endpoints take the options of `ssl:` that name
files: the socket that systemd has opened is then served with TLS.
"""

import re
from pathlib import Path

import msgspec

_PARAMETERS = (
    "port", "privateKey", "certKey", "sslmethod", "interface", "backlog",
    "extraCertChain", "dhParameters",
)  # fmt: skip
"""The parameters of `ssl:`, in the order in which they need no names."""
_OF_TLS = ("privateKey", "certKey", "sslmethod", "extraCertChain", "dhParameters")
_FILES = ("privateKey", "certKey", "extraCertChain", "dhParameters")
_DEFAULT_KEY = "server.pem"
_LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7))."""


class EndpointString(msgspec.Struct, frozen=True):
    """A server endpoint: how to listen, and the TLS on top of that."""

    transport: str
    """Twisted's string for the endpoint without TLS and the PROXY protocol."""
    tls: str
    """Twisted's `ssl:` string for the same certificate and key; empty without TLS."""
    is_proxied: bool
    """True if each connection begins with the PROXY protocol."""
    key: Path | None
    """The file of the private key; None without TLS, as for the next two."""
    certificate: Path | None
    socket: Path | None
    """The path of a Unix socket; None for others."""
    files: tuple[Path, ...]
    """All files that the TLS context is made of."""


def parse_endpoint(description: str) -> EndpointString:
    """Take an endpoint's string apart. Raises ValueError for `tls:` endpoints, and
    for `unix:` ones that no socket can be made for."""
    kind, *parts = re.split(r"(?<!\\):", description)
    is_proxied = kind.lower() == "haproxy" and bool(parts)
    if is_proxied:
        kind, *parts = parts
    kind = kind.lower()
    if kind == "tls":
        raise ValueError(
            "the ciphers of tls: endpoints cannot be restricted; use "
            "ssl:PORT:privateKey=FILE:certKey=FILE"
        )
    positional = iter(_PARAMETERS if kind == "ssl" else ())
    rest, tls, socket = [], {}, None
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            name, value = next(positional, ""), part
        if kind == "unix" and name in ("", "address") and socket is None:
            socket = _path(value)
            if not value or len(str(socket).encode()) > _LONGEST_SOCKET:
                raise ValueError(
                    f"unix: needs a socket's path, of up to {_LONGEST_SOCKET} bytes"
                )
        if kind in ("ssl", "systemd") and name in _OF_TLS:
            tls[name] = value
        else:
            rest.append(f"{name}={value}" if name else value)
    has_tls = kind == "ssl" or "privateKey" in tls
    transport = ":".join(["tcp" if kind == "ssl" else kind, *rest])
    options = [f"{name}={value}" for name, value in tls.items()]
    files = {name: _path(tls[name]) for name in _FILES if name in tls}
    if has_tls:
        files.setdefault("privateKey", Path(_DEFAULT_KEY))
    key = files.get("privateKey")
    return EndpointString(
        transport=transport,
        tls=":".join(["ssl:0", *options]) if has_tls else "",
        is_proxied=is_proxied,
        key=key,
        certificate=files.get("certKey", key),
        socket=socket,
        files=tuple(dict.fromkeys(files.values())),
    )


def _path(value: str) -> Path:
    return Path(re.sub(r"\\(.)", r"\1", value))
