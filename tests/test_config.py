"""The configuration file: read once, every error at once, in words that help."""

import json
from pathlib import Path
from typing import Any

import pytest

from pexschedd.config import load
from pexschedd.config_reader import LARGEST
from pexschedd.errors import ConfigError
from pexschedd.net.endpoint_strings import parse_endpoint
from pexschedd.util.token_bucket import Rate

GOOD: dict[str, Any] = {
    "state_dir": "state",
    "endpoints": {
        "addin": ["tcp:0:interface=127.0.0.1"],
        "admin": ["tcp:0:interface=127.0.0.1"],
    },
}


def write(folder: Path, values: object) -> Path:
    path = folder / "config.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A state folder beside the configuration file needs no absolute path."""
    (tmp_path / "ca.pem").write_text("")
    config = load(write(tmp_path, GOOD | {"ca_file": "ca.pem"}))
    assert config.state_dir == tmp_path / "state"
    assert config.ca_file == tmp_path / "ca.pem"
    assert (config.log_level, config.log_format) == ("info", "json")


def test_nulls_are_the_same_as_absent(tmp_path: Path) -> None:
    """The documented example with its nulls is valid."""
    values = GOOD | {"ca_file": None, "initial_admin_password_file": None}
    assert load(write(tmp_path, values)).ca_file is None


def test_trusted_proxies(tmp_path: Path) -> None:
    """Those of this machine, unless the file says otherwise; an empty list is none."""
    assert load(write(tmp_path, GOOD)).trusted_proxies == ("127.0.0.0/8", "::1/128")
    for proxies in ([], ["10.0.0.5", "2001:db8::/64"]):
        values = GOOD | {"trusted_proxies": proxies, "forwarded_header": "Forwarded"}
        config = load(write(tmp_path, values))
        assert config.trusted_proxies == tuple(proxies)
        assert config.forwarded_header == "Forwarded"


def test_credentials_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths may begin with their folder, those in endpoints as well; a tool beside the
    service takes those of the service."""
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "ca").write_text("")
    key = "ssl:1:privateKey=$CREDENTIALS_DIRECTORY/key"
    values = {
        "state_dir": "state",
        "endpoints": {"addin": [key], "admin": ["tcp:2"]},
        "ca_file": "$CREDENTIALS_DIRECTORY/ca",
    }
    path = write(tmp_path, values)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    config = load(path)
    assert config.ca_file == folder / "ca"
    assert parse_endpoint(config.addin_endpoints[0]).key == folder / "key"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError, "there is no file {}"),
        (PermissionError, "{}: Permission denied: run this as root"),
    ],
)
def test_credentials_that_are_not_there(
    error: type[OSError], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the service is stopped, or for who may not enter their folder: what helps
    then, and no command that would open that folder."""

    def stat(path: Path, **options: Any) -> Any:
        raise error(path)

    path = write(tmp_path, GOOD | {"ca_file": "$CREDENTIALS_DIRECTORY/ca"})
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    where = said.format("/run/credentials/pexschedd.service/ca")
    assert problem == (
        f"ca_file: {where} (systemd hands credentials over while the service runs; for "
        "a stopped one name a folder with copies in the variable CREDENTIALS_DIRECTORY)"
    )


def test_rooms_url(tmp_path: Path) -> None:
    """Where endpoints reach the screens' side, without a slash at the end."""
    endpoints = {**GOOD["endpoints"], "rooms": ["tcp:8444"]}
    for url in ("https://rooms.example.com/", "http://192.0.2.1:8444", "https://[::1]"):
        config = load(
            write(tmp_path, GOOD | {"endpoints": endpoints, "rooms_url": url})
        )
        assert config.rooms_url == url.rstrip("/")


def test_the_proxy(tmp_path: Path) -> None:
    """The documented proxy is valid; its password is no part of the configuration."""
    (tmp_path / "proxy-password").write_text("geheim\n")
    values = GOOD | {
        "proxy": {
            "url": "http://proxy.example.com:3128",
            "username": "pexschedd",
            "password_file": "proxy-password",
            "bypass": ["*.example.com", "10.0.0.0/8", "localhost", "fd00::/8"],
        }
    }
    config = load(write(tmp_path, values))
    assert config.proxy is not None
    assert config.proxy.name == "http://proxy.example.com:3128"
    assert config.proxy_password_file == tmp_path / "proxy-password"
    assert not config.proxy.is_for("mail.example.com")
    assert "geheim" not in repr(config)


WRONG: list[tuple[str, object, list[str]]] = [
    ("not json", "{", ["is not valid JSON"]),
    ("no object", [], ["JSON object", "state_dir"]),
    ("empty", {}, ["state_dir", "endpoints"]),
    (
        "a key twice",
        '{"state_dir": "a", "log": {"level": "info", "level": "warn"}, "state_dir": 5}',
        ["level occurs more than once", "state_dir occurs more", "endpoints must"],
    ),
    ("unknown key", GOOD | {"stat_dir": "x"}, ["stat_dir is not a known key"]),
    (
        "unknown log key",
        GOOD | {"log": {"colour": 1}},
        ["log.colour", "format, level"],
    ),
    ("wrong level", GOOD | {"log": {"level": "loud"}}, ["log.level must be one of"]),
    (
        "no list of endpoints",
        GOOD | {"endpoints": {"addin": "tcp:80", "admin": []}},
        ["endpoints.addin", "endpoints.admin"],
    ),
    (
        "proxies that are no list",
        GOOD | {"trusted_proxies": "10.0.0.5"},
        ["trusted_proxies must be a list of addresses and networks"],
    ),
    (
        "a proxy by name",
        GOOD | {"trusted_proxies": ["10.0.0.5", "proxy.test"]},
        ["trusted_proxies[1]: 'proxy.test' does not appear to be an IPv4 or IPv6"],
    ),
    (
        "a network with the bits of a host",
        GOOD | {"trusted_proxies": ["10.0.0.5/24"]},
        ["trusted_proxies[0]: 10.0.0.5/24 has host bits set"],
    ),
    (
        "another header",
        GOOD | {"forwarded_header": "X-Real-IP"},
        ["forwarded_header must be one of Forwarded, X-Forwarded-For"],
    ),
    (
        "rooms_url with a path",
        GOOD | {"rooms_url": "https://a.test/x"},
        ["rooms_url mu"],
    ),
    (
        "rooms_url of a kind",
        GOOD | {"rooms_url": "ftp://a.test"},
        ["rooms_url must be"],
    ),
    ("rooms_url alone", GOOD | {"rooms_url": "https://a.test"}, ["endpoints.rooms"]),
    ("missing ca", GOOD | {"ca_file": "none.pem"}, ["ca_file: there is no file"]),
    ("proxy as text", GOOD | {"proxy": "http://p:1"}, ["proxy must be a JSON object"]),
    ("proxy without anything", GOOD | {"proxy": {}}, ["proxy.url must look like"]),
    (
        "empty proxy",
        GOOD | {"proxy": {"bypass": []}},
        ["proxy.url must look like http://proxy.example.com:3128"],
    ),
    (
        "proxy with a password inside",
        GOOD | {"proxy": {"url": "http://me:secret@p.test:3128"}},
        ["proxy.url", "go to username, password_file"],
    ),
    (
        "proxy of a kind that is not known",
        GOOD | {"proxy": {"url": "socks5://p.test:1080"}},
        ["proxy.url must look like"],
    ),
    (
        "proxy wrong throughout",
        GOOD
        | {
            "proxy": {
                "url": "proxy.example.com",
                "username": "a:b",
                "password_file": "none",
                "bypass": ["*.good.test", "10.0.0.1/8", "*", "", "x y"],
                "port": 3128,
            }
        },
        [
            "proxy.port is not a known key",
            "proxy.password_file: there is no file",
            "proxy.username must be printable and contain no colon",
            "proxy.bypass[1]: '10.0.0.1/8' is not an IP address or network",
            "proxy.bypass[2]: '*'",
            "proxy.bypass[3]",
            "proxy.bypass[4]",
            "proxy.url must look like",
        ],
    ),
    (
        "proxy with half a sign-in",
        GOOD | {"proxy": {"url": "http://p.test:3128", "username": "me"}},
        ["proxy.username and proxy.password_file go together"],
    ),
    (
        "proxy with a list that is none",
        GOOD | {"proxy": {"url": "http://p.test", "bypass": "*.test", "username": 1}},
        ["proxy.bypass must be a list", "proxy.username must be a string"],
    ),
    (
        "a path that cannot be",
        GOOD | {"state_dir": "a\0b"},
        ["state_dir must be a path"],
    ),
    (
        "objects that are something else",
        GOOD | {"audit_log": False, "limits": []},
        ["audit_log must be a JSON object", "limits must be a JSON object"],
    ),
    ("half a character", '{"\\ud800": 1}', ["is not valid JSON"]),
    ("too large", " " * LARGEST + "{}", ["is larger than 1 MiB"]),
    ("nested without end", "[" * 100_000, ["is nested too deeply"]),
    (
        "all at once",
        {"state_dir": 5, "endpoints": 7, "log": {"format": "xml"}, "x": 1},
        ["state_dir", "endpoints", "log.format", "x is not"],
    ),
]


@pytest.mark.parametrize(
    ("values", "says"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_every_error_at_once(tmp_path: Path, values: object, says: list[str]) -> None:
    """The error names the file and every key that is wrong."""
    path = write(tmp_path, values)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in caught.value.message
    for text in says:
        assert text in caught.value.message


def test_missing_file_is_said_plainly(tmp_path: Path) -> None:
    """A wrong path is not a traceback."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "nowhere.json")


def test_policy_and_limits(tmp_path: Path) -> None:
    """An interface of its own for conferencing nodes, its account, and other rates."""
    (tmp_path / "policy-password").write_text("geheim\n")
    values = GOOD | {
        "endpoints": GOOD["endpoints"] | {"policy": ["tcp:0:interface=127.0.0.1"]},
        "policy": {"username": "node", "password_file": "policy-password"},
        "limits": {"bookings_per_user": {"at_once": 5, "per_minute": 0}},
    }
    config = load(write(tmp_path, values))
    assert config.policy_endpoints == ("tcp:0:interface=127.0.0.1",)
    assert config.policy_username == "node"
    assert config.policy_password_file == tmp_path / "policy-password"
    assert config.bookings_per_user == Rate(5, 0)
    assert config.bookings_per_address == Rate(600, 300)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"policy": {"username": "node"}}, "policy.password_file"),
        ({"policy": {"username": "a:b", "password_file": None}}, "policy.username"),
        ({"policy": []}, "policy must be"),
        ({"limits": {"bookings": {}}}, "limits.bookings is not a known key"),
        ({"audit_log": {"size": 1}}, "audit_log.size is not a known key"),
        ({"audit_log": {"megabytes": 0}}, "audit_log.megabytes must be a whole number"),
        ({"audit_log": {"files": True}}, "audit_log.files must be a whole number"),
        ({"audit_log": {"folder": 7}}, "audit_log.folder must be a path"),
        (
            {"limits": {"bookings_per_user": {"at_once": 1.5, "per_minute": 1}}},
            "limits.bookings_per_user must have",
        ),
        (
            {"limits": {"bookings_per_user": {"at_once": True, "per_minute": 1}}},
            "limits.bookings_per_user must have",
        ),
        (
            {"limits": {"bookings_per_user": {"at_once": 1, "per_minute": -1}}},
            "limits.bookings_per_user must have",
        ),
    ],
)
def test_wrong_policy_and_limits(
    tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    """The field is named, and what would be right."""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, GOOD | more))
    assert says in str(caught.value)


def test_traces(tmp_path: Path) -> None:
    """None by default; a collector on this machine needs a URL only, another one to
    which secrets go is reached over TLS."""
    assert load(write(tmp_path, GOOD)).traces_url == ""
    assert load(write(tmp_path, GOOD | {"traces": None})).traces_url == ""
    (tmp_path / "headers").write_text("Authorization: Bearer geheim\n")
    for url, headers in (
        ("http://127.0.0.1:4318/v1/traces", None),
        ("http://tempo.example.test:4318/v1/traces", None),
        ("https://otlp.example.test/v1/traces", "headers"),
        ("http://[::1]:4318/v1/traces", "headers"),
        ("http://localhost:4318/v1/traces", "headers"),
    ):
        values = {"url": url} | ({"headers_file": headers} if headers else {})
        config = load(write(tmp_path, GOOD | {"traces": values}))
        assert config.traces_url == url
        expected = tmp_path / headers if headers else None
        assert config.traces_headers_file == expected
        assert "geheim" not in repr(config)


@pytest.mark.parametrize(
    ("traces", "says"),
    [
        (
            "http://127.0.0.1:4318",
            "traces must be a JSON object with headers_file, url",
        ),
        ({}, "traces.url must be the URL at which a collector takes traces"),
        ({"url": "http://127.0.0.1:4318"}, "such as http://127.0.0.1:4318/v1/traces"),
        ({"url": "grpc://127.0.0.1:4317/"}, "traces.url must be"),
        ({"url": "http://127.0.0.1:0/v1/traces"}, "traces.url must be"),
        ({"url": "http://127.0.0.1:65536/v1/traces"}, "traces.url must be"),
        ({"url": "https://me:secret@a.test/v1/traces"}, "goes to traces.headers_file"),
        ({"url": "https://a.test/v1/traces?key=secret"}, "goes to traces.headers_file"),
        ({"url": "https://a.test/v1/tra ces"}, "traces.url must be"),
        ({"url": "https://a.test/v1/\r\nHost: b"}, "traces.url must be"),
        ({"url": "https://a..test/v1/traces"}, "traces.url must be"),
        ({"url": f"https://{'a' * 64}.test/v1/traces"}, "traces.url must be"),
        ({"url": 4318}, "traces.url must be"),
        (
            {"url": "https://a.test/v1/traces", "headers": {"a": "b"}},
            "traces.headers is not a known key; known are headers_file, url",
        ),
        (
            {"url": "https://a.test/v1/traces", "headers_file": "none"},
            "traces.headers_file: there is no file",
        ),
        (
            {"url": "http://a.test/v1/traces", "headers_file": "config.json"},
            "traces.url must begin with https://, as traces.headers_file is sent to",
        ),
    ],
)
def test_wrong_traces(tmp_path: Path, traces: object, says: str) -> None:
    """What is wrong and what would be right; no secret is repeated."""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, GOOD | {"traces": traces}))
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
