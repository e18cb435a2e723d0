"""Checks of URLs, host names and mail addresses that an administrator enters. Pure.

Each takes a value and returns what is wrong with it, or None: a `fields.Check`. An
empty value is always right; whether a field may be empty is said elsewhere.
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_LABEL = r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LOCAL_PART = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}")
_PLAIN_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
)
MAX_PLAIN_ADDRESS = 254
_FORBIDDEN_IN_URL = re.compile(r"[\s\"'<>\\^`{|}]")


def is_loopback(host: str) -> bool:
    """Return True if `host` can only be this machine."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_NUMBER_AT_END = re.compile(r"(?:^|\.)0x[0-9a-f]*$", re.IGNORECASE)
"""The end of an IPv4 address in another notation."""


def is_host(host: str) -> bool:
    """Return True if `host` is a host name or an IP address (IPv6 in brackets)."""
    if host.startswith("[") and host.endswith("]"):
        return _is_ip(host[1:-1], 6)
    if re.fullmatch(r"[0-9.]+", host):
        return _is_ip(host, 4)
    if _NUMBER_AT_END.search(host):
        return False
    return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None


def _is_ip(text: str, version: int) -> bool:
    try:
        # A zone index ("%eth0") has no place in a URL.
        return "%" not in text and ip_address(text).version == version
    except ValueError:
        return False


def http_url(value: str) -> str | None:
    """Check a URL: https, or http on loopback, without credentials."""
    if not value:
        return None
    parts = _split(value)
    if parts is None:
        return "This must be a URL such as https://mail.example.com/path."
    if "@" in parts.netloc:
        return "A URL with a user name or password inside is not accepted."
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return "Plain http is accepted on loopback addresses only: use https."
    return None


def http_urls(value: str) -> str | None:
    """Check a list of URLs, one a line, as by `http_url`."""
    return _each_line(value, http_url)


def host(value: str) -> str | None:
    """Check a host name or an IP address, without a port."""
    if not value or is_host(value):
        return None
    return (
        "This must be a host name such as mail.example.com, or an IP address; one of "
        "version 6 in brackets."
    )


def host_and_port(value: str) -> str | None:
    """Check a host name, with an optional port."""
    if not value:
        return None
    name, port = _host_port(value)
    if "/" in value or not is_host(name):
        return (
            "This must be a host name alone, such as mail.example.com, with :port if "
            "it is not the usual one."
        )
    if port is not None and not _is_port(port):
        return "The port must be a number from 1 to 65535."
    return None


def host_or_url(value: str) -> str | None:
    """Check a full URL, or a host name with an optional port."""
    return http_url(value) if "://" in value else host_and_port(value)


def identifier(value: str) -> str | None:
    """Check an identifier that protocols compare letter by letter: a URL, a URN or
    another name."""
    if value.isascii() and value.isprintable() and " " not in value:
        return None
    return (
        "This may have ASCII characters only, and no blanks: enter it as it was issued."
    )


def user_name(value: str) -> str | None:
    """Check a name that signs in by HTTP Basic: the first colon ends it (RFC 7617,
    section 2)."""
    return "A name with a colon cannot sign in." if ":" in value else None


def mail_address(value: str) -> str | None:
    """Check one mail address."""
    if not value:
        return None
    local, at, domain = value.rpartition("@")
    if at and _LOCAL_PART.fullmatch(local) and is_host(domain):
        return None
    return "This must be an e-mail address such as meetings@example.com."


def is_plain_address(text: str) -> bool:
    """Return whether a text is a mail address that may stand in the head of a mail as
    it is: ASCII, in the form that all servers take."""
    return len(text) <= MAX_PLAIN_ADDRESS and _PLAIN_ADDRESS.fullmatch(text) is not None


def origins(value: str) -> str | None:
    """Check a list of origins, one a line, as a page's frame-ancestors policy takes
    them."""
    return _each_line(value, _origin)


def _origin(value: str) -> str | None:
    url = value.replace("://*.", "://any.", 1)
    if _split(url) is None:
        return "This must be an origin such as https://mail.example.com."
    problem = http_url(url)
    if problem is not None:
        return problem
    if urlsplit(value).path or set(value) & set("?#;,"):
        return "An origin ends after the host and port: https://mail.example.com."
    return None


def _each_line(value: str, check: Callable[[str], str | None]) -> str | None:
    for number, line in _lines(value):
        problem = check(line)
        if problem is not None:
            return f"Line {number}: {problem}"
    return None


def _lines(value: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(value.splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _split(value: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL with a valid host and port, or None."""
    if _FORBIDDEN_IN_URL.search(value) or not value.isascii():
        return None
    try:
        parts = urlsplit(value)
        port_is_wrong = parts.port == 0
    except ValueError:
        return None
    _, _, authority = parts.netloc.rpartition("@")
    name, port = _host_port(authority)
    if parts.scheme not in ("http", "https") or not is_host(name):
        return None
    if port_is_wrong or (port is not None and not _is_port(port)):
        return None
    return parts


def _host_port(authority: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", authority)
    return ("", None) if match is None else (match[1], match[2])


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535
