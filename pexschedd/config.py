"""The configuration file: JSON, read once, every error at once.

    {
      "state_dir": "/var/lib/pexschedd",
      "key_file": null,
      "endpoints": {"addin": ["tcp:8080:interface=127.0.0.1"],
                    "admin": ["tcp:8081:interface=127.0.0.1"]},
      "ca_file": null,
      "proxy": null,
      "initial_admin_password_file": null,
      "policy": null,
      "limits": {},
      "log": {"level": "info", "format": "json"},
      "audit_log": {"folder": null, "megabytes": 10, "files": 10},
      "traces": null
    }

`key_file` is null, or the file with the key that stored secrets are sealed with, such
as "$CREDENTIALS_DIRECTORY/secret-key"; without it the key is `secret.key` in the state
folder.

`proxy` is null, or the web proxy through which other machines are reached:

    {"url": "http://proxy.example.com:3128",
     "username": "pexschedd", "password_file": "proxy-password",
     "bypass": ["*.example.com", "10.0.0.0/8"]}

`policy` is null, or the name and password that conferencing nodes have to show (HTTP
Basic): {"username": "node", "password_file": "policy-password"}. `endpoints.policy`
gives the policy interface endpoints of its own; it is then on no other.

`endpoints.rooms` is where room systems and door signs ask for their meetings, such as
["ssl:8443:privateKey=key.pem:certKey=cert.pem"]; without it they cannot. `rooms_url` is
where they reach it, such as "https://rooms.example.com": Cisco endpoints are asked to
tell there when they have lost their meetings; without it they are not.

`trusted_proxies` are the addresses and networks of reverse proxies, which are believed
about their clients: those on this machine if there is nothing else, such as
["127.0.0.1", "10.1.0.0/24"]; `forwarded_header` is the header in which they name them,
"X-Forwarded-For" or "Forwarded". Endpoints that begin with `haproxy:` take connections
from these only.

`limits` bounds how often rooms are booked; 0 a minute is no bound:

    {"bookings_per_user": {"at_once": 30, "per_minute": 10},
     "bookings_per_address": {"at_once": 600, "per_minute": 300}}

`audit_log` says where changes and sign-ins are written, in the state folder unless it
names another one, from how many megabytes on a file is begun anew, and how many are
kept beside it.

`traces` is null, or the collector that takes OpenTelemetry's traces by OTLP over HTTP:
{"url": "http://127.0.0.1:4318/v1/traces", "headers_file": "trace-headers"}. The file
has a header in each line, such as "Authorization: Bearer ..."; it may be left out.

Relative paths are relative to the file's folder. `$CREDENTIALS_DIRECTORY` in a path or
an endpoint is the folder of systemd's credentials (systemd.exec(5)).
"""

import json
import re
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec

from pexschedd.config_keys import KEYS
from pexschedd.config_reader import SettingsReader, content_of
from pexschedd.errors import ConfigError
from pexschedd.net import bypass
from pexschedd.net.proxy import Proxy, parse_url
from pexschedd.util.client_network import LOOPBACK
from pexschedd.util.token_bucket import Rate

DEFAULT_PATH = "/etc/pexip/scheduling/scheduling_config.json"
FORWARDED_HEADERS = ("X-Forwarded-For", "Forwarded")
LEVELS = ("debug", "info", "warn", "error", "critical")
FORMATS = ("json", "text", "journal")
_LABEL = r"[A-Za-z0-9-]{1,63}"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{0,126}}\.?|\[[0-9A-Fa-f:.]{{2,45}}\]"
_TRACES_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})"
    r"(?::(?P<port>[0-9]{1,5}))?/[!-\"$->@-~]{0,2000}"
)
_ROOMS_URL = re.compile(rf"https?://(?:{_HOST})(?::[0-9]{{1,5}})?/?")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in the configuration file."""

    state_dir: Path
    """The folder of the store, the control socket and secrets."""
    key_file: Path | None = None
    """The key that secrets are sealed with; None: `secret.key` in `state_dir`."""
    addin_endpoints: tuple[str, ...]
    """Twisted endpoint strings for the add-in, the policy interface and /health."""
    admin_endpoints: tuple[str, ...]
    """Twisted endpoint strings for the management API, /health and /metrics."""
    policy_endpoints: tuple[str, ...] = ()
    """Twisted endpoint strings for the policy interface alone; without them it is on
    the add-in's."""
    rooms_endpoints: tuple[str, ...] = ()
    """Twisted endpoint strings for the screens that ask for their meetings."""
    rooms_url: str = ""
    """The URL at which endpoints reach `rooms_endpoints`, without a final slash."""
    trusted_proxies: tuple[str, ...] = LOOPBACK
    """Addresses and networks of the reverse proxies in front of this server."""
    forwarded_header: str = "X-Forwarded-For"
    """The header in which they say who their clients are."""
    policy_username: str = ""
    policy_password_file: Path | None = None
    bookings_per_user: Rate = Rate(30, 10)
    bookings_per_address: Rate = Rate(600, 300)
    ca_file: Path | None = None
    """PEM certificates trusted for Exchange in addition to the system's."""
    proxy: Proxy | None = None
    """Without its password, which is in `proxy_password_file`."""
    proxy_password_file: Path | None = None
    initial_admin_password_file: Path | None = None
    audit_log_folder: Path | None = None
    """The folder of the audit log; None: `audit` in the state folder."""
    audit_log_megabytes: int = 10
    audit_log_files: int = 10
    """Files that are kept beside the one that grows."""
    traces_url: str = ""
    """The URL that takes traces; empty: none are made."""
    traces_headers_file: Path | None = None
    log_level: str = "info"
    log_format: str = "json"

    @property
    def endpoints(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """All endpoint strings, by the key that they have in the file."""
        return (
            ("addin", self.addin_endpoints),
            ("admin", self.admin_endpoints),
            ("policy", self.policy_endpoints),
            ("rooms", self.rooms_endpoints),
        )

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of the HTTP server that are served by ports of their own."""
        return tuple(name for name, endpoints in self.endpoints if endpoints)


Further = Callable[["Config"], Iterable[str]]
"""Finds further errors, which only the users of a setting can recognise."""


def _nothing_more(_config: "Config") -> Iterable[str]:
    return ()


def load(path: Path, further: Further = _nothing_more, *, looks: bool = True) -> Config:
    """Read the file; raises `ConfigError` with every error in it. Unless it `looks`,
    the files that it names need not be there."""
    twice: list[str] = []

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Build a JSON object; of repeated keys, `json` would take the last."""
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice.extend(
                f"{name} occurs more than once"
                for name in values
                if names.count(name) > 1
            )
        return values

    content = content_of(path)
    try:
        values = json.loads(content, object_pairs_hook=table)
        # Unpaired surrogates, which JSON can express, are no text.
        json.dumps(values, ensure_ascii=False).encode()
    except ValueError as error:
        raise ConfigError(str(path), [f"is not valid JSON: {error}"]) from None
    except RecursionError:
        raise ConfigError(str(path), ["is nested too deeply"]) from None
    return parse(values, path, lambda c: [*twice, *further(c)], looks=looks)


def parse(
    values: object, path: Path, further: Further = _nothing_more, *, looks: bool = True
) -> Config:
    """Turn the file's content into a `Config`; raises `ConfigError`. Relative paths are
    relative to the folder of `path`."""
    reader = SettingsReader(path, looks=looks)
    top = reader.table(
        values,
        "",
        KEYS[""],
    )
    endpoints = reader.table(top.get("endpoints"), "endpoints", KEYS["endpoints"])
    policy_username, policy_password_file = _policy(reader, top.get("policy"))
    limits = reader.optional_table(top, "limits", KEYS["limits"])
    log = reader.table(top.get("log", {}), "log", KEYS["log"])
    audit = reader.optional_table(top, "audit_log", KEYS["audit_log"])
    proxy, proxy_password_file = _proxy(reader, top.get("proxy"))
    traces_url, traces_headers_file = _traces(reader, top.get("traces"))
    config = Config(
        state_dir=reader.path(top, "state_dir") or Path(),
        key_file=reader.existing(top, "key_file"),
        addin_endpoints=reader.strings(endpoints, "endpoints", "addin"),
        admin_endpoints=reader.strings(endpoints, "endpoints", "admin"),
        policy_endpoints=reader.strings(endpoints, "endpoints", "policy")
        if endpoints.get("policy") is not None
        else (),
        rooms_endpoints=reader.strings(endpoints, "endpoints", "rooms")
        if endpoints.get("rooms") is not None
        else (),
        rooms_url=_rooms_url(reader, top, endpoints),
        trusted_proxies=_trusted_proxies(reader, top.get("trusted_proxies")),
        forwarded_header=reader.choice(
            top, "", "forwarded_header", FORWARDED_HEADERS, FORWARDED_HEADERS[0]
        ),
        policy_username=policy_username,
        policy_password_file=policy_password_file,
        bookings_per_user=_rate(reader, limits, "bookings_per_user", Rate(30, 10)),
        bookings_per_address=_rate(
            reader, limits, "bookings_per_address", Rate(600, 300)
        ),
        ca_file=reader.existing(top, "ca_file"),
        proxy=proxy,
        proxy_password_file=proxy_password_file,
        initial_admin_password_file=reader.existing(top, "initial_admin_password_file"),
        audit_log_folder=reader.path(audit, "folder", "audit_log.")
        if audit.get("folder") is not None
        else None,
        audit_log_megabytes=reader.number(audit, "audit_log", "megabytes", 10, 1000),
        audit_log_files=reader.number(audit, "audit_log", "files", 10, 1000),
        traces_url=traces_url,
        traces_headers_file=traces_headers_file,
        log_level=reader.choice(log, "log", "level", LEVELS, "info"),
        log_format=reader.choice(log, "log", "format", FORMATS, "json"),
    )
    problems = [*reader.problems, *further(config)]
    if problems:
        raise ConfigError(str(path), problems)
    return config


def _rooms_url(
    reader: SettingsReader, top: dict[str, Any], endpoints: dict[str, Any]
) -> str:
    value = top.get("rooms_url")
    if value is None:
        return ""
    if not isinstance(value, str) or not _ROOMS_URL.fullmatch(value):
        reader.problems.append(
            "rooms_url must be a scheme and a host, with a port if need be, such as "
            "https://rooms.example.com"
        )
        return ""
    if endpoints.get("rooms") is None:
        reader.problems.append("rooms_url needs endpoints.rooms, to which it leads")
    return value.rstrip("/")


def _trusted_proxies(reader: SettingsReader, value: object) -> tuple[str, ...]:
    if value is None:
        return LOOPBACK
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        reader.problems.append(
            "trusted_proxies must be a list of addresses and networks, such as "
            '["127.0.0.1", "10.1.0.0/24"]'
        )
        return LOOPBACK
    for number, each in enumerate(value):
        try:
            ip_network(each)
        except ValueError as error:
            reader.problems.append(f"trusted_proxies[{number}]: {error}")
            return LOOPBACK
    return tuple(value)


def _policy(reader: SettingsReader, value: object) -> tuple[str, Path | None]:
    if value is None:
        return "", None
    table = reader.table(value, "policy", KEYS["policy"])
    username = reader.text(table, "policy", "username")
    if not username or ":" in username or not username.isprintable():
        reader.problems.append(
            "policy.username must be printable and contain no colon (RFC 7617)"
        )
    if table.get("password_file") is None:
        reader.problems.append("policy.password_file must be the path of a file")
        return username, None
    return username, reader.existing(table, "password_file", "policy.")


def _rate(
    reader: SettingsReader, limits: dict[str, Any], name: str, default: Rate
) -> Rate:
    if limits.get(name) is None:
        return default
    where = f"limits.{name}"
    table = reader.table(limits[name], where, KEYS[where])
    numbers = [table.get(key) for key in ("at_once", "per_minute")]
    if not all(type(n) is int and 0 <= n <= 1_000_000 for n in numbers):
        reader.problems.append(
            f"{where} must have at_once and per_minute, whole numbers from 0 to 1000000"
        )
        return default
    return Rate(*numbers)  # type: ignore[arg-type]  # they have just been looked at


def _traces(reader: SettingsReader, value: object) -> tuple[str, Path | None]:
    if value is None:
        return "", None
    table = reader.table(value, "traces", KEYS["traces"])
    if not isinstance(value, dict):
        return "", None
    url = table.get("url")
    match = _TRACES_URL.fullmatch(url) if isinstance(url, str) else None
    if match is None or not 0 < int(match["port"] or 1) <= 65535:
        reader.problems.append(
            "traces.url must be the URL at which a collector takes traces by OTLP over "
            "HTTP, such as http://127.0.0.1:4318/v1/traces; what it asks for to sign "
            "in goes to traces.headers_file"
        )
        return "", None
    headers_file = reader.existing(table, "headers_file", "traces.")
    if (
        table.get("headers_file") is not None
        and match["scheme"] == "http"
        and not bypass.bypassed(match["host"], ())
    ):
        reader.problems.append(
            "traces.url must begin with https://, as traces.headers_file is sent to "
            "another machine"
        )
    return match[0], headers_file


def _proxy(reader: SettingsReader, value: object) -> tuple[Proxy | None, Path | None]:
    if value is None:
        return None, None
    table = reader.table(value, "proxy", KEYS["proxy"])
    if not isinstance(value, dict):
        return None, None
    username = reader.text(table, "proxy", "username")
    password_file = None
    if table.get("password_file") is not None:
        password_file = reader.existing(table, "password_file", "proxy.")
    if bool(username) != (table.get("password_file") is not None):
        reader.problems.append(
            "proxy.username and proxy.password_file go together: give both or neither"
        )
    if ":" in username or not username.isprintable():
        reader.problems.append(
            "proxy.username must be printable and contain no colon (RFC 7617)"
        )
    patterns = table.get("bypass") or []
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        reader.problems.append(
            "proxy.bypass must be a list of hosts and networks, such as "
            '["*.example.com", "10.0.0.0/8"]'
        )
        patterns = []
    for number, pattern in enumerate(patterns):
        problem = bypass.problem(pattern)
        if problem is not None:
            reader.problems.append(f"proxy.bypass[{number}]: {problem}")
    url = table.get("url")
    try:
        proxy = parse_url(url if isinstance(url, str) else "")
    except ValueError as error:
        reader.problems.append(f"proxy.url {error}")
        return None, None
    proxy = msgspec.structs.replace(proxy, username=username, bypass=tuple(patterns))
    return proxy, password_file
