"""The configuration file, as far as others may see it."""

import json
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.config_keys import KEYS
from pexschedd.config_outline import outlined, secret_places, secrets_in_url
from pexschedd.config_reader import LARGEST

FULL = {
    "state_dir": "/var/lib/pexschedd",
    "key_file": "$CREDENTIALS_DIRECTORY/secret-key",
    "endpoints": {side: ["tcp:1:interface=\\:\\:1"] for side in KEYS["endpoints"]},
    "ca_file": None,
    "initial_admin_password_file": None,
    "proxy": {
        "url": "http://proxy.example.com:3128",
        "username": "svc",
        "password_file": "proxy-password",
        "bypass": ["*.example.com", "10.0.0.0/8"],
    },
    "policy": {"username": "node", "password_file": "policy-password"},
    "rooms_url": "https://rooms.example.com:8443/",
    "trusted_proxies": ["127.0.0.1"],
    "forwarded_header": "Forwarded",
    "limits": {
        "bookings_per_user": {"at_once": 30, "per_minute": 10},
        "bookings_per_address": {"at_once": 0, "per_minute": 0},
    },
    "log": {"level": "info", "format": "json"},
    "audit_log": {"folder": None, "megabytes": 10, "files": 10},
    "traces": {"url": "http://127.0.0.1:4318/v1/traces", "headers_file": None},
}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_right_file_is_shown_as_it_is(indent: int | None) -> None:
    """Each key that there is, with its value."""
    assert FULL.keys() == KEYS[""]
    text = json.dumps(FULL, indent=indent)
    assert outlined(text) == text
    assert outlined("\ufeff" + text) == "\ufeff" + text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"lgo": {"level": "S", "x": [1, {"url": "S"}]}, "log": {"level": "info"}}',
         '{"lgo": {"level": "#", "#": ["#", {"url": "#"}]}, "log": {"level": "info"}}'),
        ('{"policy": "S", "log": ["S", null], "proxy": null}',
         '{"policy": "#", "log": ["#", null], "proxy": null}'),
        ('{"password": 1.5e3, "hunter2": true, "log": 7}',
         '{"password": "#", "#": "#", "log": "#"}'),
        ('{"policy": {"username": "n:S", "password": "S"}}',
         '{"policy": {"username": "#", "password": "#"}}'),
        ('{"url": "http://x:p@S?S/S@h:1/v1?S"}', '{"url": "#"}'),
        ('{"traces": {"url": "https://h/SSSSSSSSSSSSSSSS/v1"}}',
         '{"traces": {"url": "https://h/#/v1"}}'),
        ('{"traces": {"url": "https://h/v1;k=S/a=S"}}',
         '{"traces": {"url": "https://h/#/#"}}'),
        ('{"traces": {"url": "https://h/v1?S"}}', '{"traces": {"url": "#"}}'),
        ('{"proxy": {"url": "http://u:S"}}', '{"proxy": {"url": "#"}}'),
        ('{"proxy": {"bypass": ["u:S@h", "10.0.0.0/8"]}}',
         '{"proxy": {"bypass": ["#", "10.0.0.0/8"]}}'),
        ('{"forwarded_header": "X-Key: S", "trusted_proxies": ["S"]}',
         '{"forwarded_header": "#", "trusted_proxies": ["#"]}'),
        ('{"endpoints": {"addin": ["S", "tcp:1"], "rooms": "S", "admin": [1]}}',
         '{"endpoints": {"addin": ["#", "tcp:1"], "rooms": "#", "admin": ["#"]}}'),
        ('{"log": {"level": "S"}, "state_dir": ["S"], "ca_file": 5}',
         '{"log": {"level": "#"}, "state_dir": ["#"], "ca_file": "#"}'),
        ('{"limits": {"bookings_per_user": {"at_once": 1234567, "per_minute": 5}}}',
         '{"limits": {"bookings_per_user": {"at_once": "#", "per_minute": 5}}}'),
        ('{"S": "password_file"}', '{"#": "#"}'),
        ('{"state_dir": "a" "S", "b": "S"}', '{"state_dir": "a" "#", "#": "#"}'),
        ('{"state_dir": "a", "S", "ca_file": "c"}',
         '{"state_dir": "a", "#", "ca_file": "c"}'),
        ('{"state_dir": , "S", "ca_file" "S"}', '{"state_dir": , "#", "#" "#"}'),
        ('{"bypass": ["h" "S", "h"]}', '{"bypass": ["h" "#", "h"]}'),
        ('{"zz": "S,\n "state_dir": "a"}', '{"#": #\n "state_dir": "a"}'),
        ("{zz: S, 'pwd': 'S', state_dir: S}", "{#: #, #: #, state_dir: #}"),
        ('zz = "S"\nstate_dir = "a"\n', '# = "#"\nstate_dir = "a"\n'),
        ('{"lgo": {"b": 1}}} {"ca_file": "c", "d": "S"}',
         '{"lgo": {"#": "#"}}} {"ca_file": "c", "#": "#"}'),
        ('// S\n{"st\\u0061te_dir": "a"}', '# #\n{"st\\u0061te_dir": "a"}'),
        ('{"password_file": "given", "key_file": "/k"}',
         '{"password_file": "#", "key_file": "/k"}'),
        ("S", "#"),
        ('"S"', '"#"'),
    ],
)  # fmt: skip
def test_what_is_shown(text: str, shown: str) -> None:
    """Keys that are known or misspelt, and values that the daemon accepts; all else is
    a mark, whatever is wrong."""
    assert outlined(text, ["given"]) == shown.replace("#", "[removed]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("s3cret"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", '"]', "lgo", "x:"]), inner)
    ),
)


@given(JSON)
def test_nothing_under_unknown_keys(value: object) -> None:
    """JSON stays JSON with as many keys; no value is left but null."""
    shown = json.loads(outlined(json.dumps(value)), object_pairs_hook=list)
    assert shown == _masked(value)


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return [
            ("lgo" if key == "lgo" else "[removed]", _masked(each))
            for key, each in value.items()
        ]
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return None if value is None else "[removed]"


@given(st.text(st.sampled_from('{}[]":,= \\\nas1'), max_size=60))
def test_any_text(text: str) -> None:
    """No text is too wrong, and its lines stay."""
    assert outlined(text).count("\n") == text.count("\n")
    secret_places(text, Path("config.json"))


def test_secret_places(tmp_path: Path) -> None:
    """Paths, wherever they are in the file and however often; of what is no path and
    no file, the text."""
    (tmp_path / "there").touch()
    text = """{"x": {"password_file": "/etc/none/a"}, "password_file": "./b",
      "password_file": "there", "key_file": "S3cret", "headers_file": 7,
      "key_file": "/S3/cr3t+==", "key_file": "/S3cr3t+==",
      "state_dir": "s", "initial_admin_password_file": "\\u0000"
      "url": "http://h/v1/tttttttttttttttt/x" """
    places = secret_places(text, tmp_path / "config.json")
    state = (tmp_path / "s/initial-admin-password", tmp_path / "s/secret.key")
    files = {Path("/etc/none/a"), tmp_path / "b", tmp_path / "there", *state}
    assert {*places.files} == files
    assert places.texts == ["S3cret", "/S3/cr3t+==", "/S3cr3t+==", "t" * 16]
    assert [*secrets_in_url("https://h:1/v1/traces")] == []


def test_a_hostile_file() -> None:
    """A large file is gone over once, and single values are tried once."""
    for part in (
        "[",
        '{"a":',
        '"',
        "\\",
        '\\"',
        '"a" ',
        '"level":"x",',
        '"level":["x"],',
    ):
        text = '"' + part * (LARGEST // 32 // len(part))
        began = process_time()
        assert len(outlined(text)) < LARGEST
        secret_places(text, Path("config.json"))
        assert process_time() - began < 1
