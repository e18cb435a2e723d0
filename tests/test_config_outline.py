"""The configuration file, as far as others may see it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.config_keys import KEYS
from pexschedd.config_outline import MOST, outlined, secret_places, secrets_in_url

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
         '{"lgo": {"level": "#", "x": ["#", {"url": "#"}]}, "log": {"level": "info"}}'),
        ('{"policy": "S", "log": ["S", null], "proxy": null}',
         '{"policy": "#", "log": ["#", null], "proxy": null}'),
        ('{"password": 1.5e3, "a": true, "log": 7}',
         '{"password": "#", "a": "#", "log": "#"}'),
        ('{"policy": {"username": "n:S", "password": "S"}}',
         '{"policy": {"username": "#", "password": "#"}}'),
        ('{"url": "http://x:p@S?S/S@h:1/v1?S"}', '{"url": "http://#@h:1/v1?#"}'),
        ('{"url": "https://h/SSSSSSSSSSSSSSSS/v1#S"}', '{"url": "https://h/#/v1?#"}'),
        ('{"url": "x:S@h"}', '{"url": "#@h"}'),
        ('{"state_dir": "a" "S", "b": "S"}', '{"state_dir": "a" "#", "b": "#"}'),
        ('{"state_dir": "a", "S", "ca_file": "c"}',
         '{"state_dir": "a", "#", "ca_file": "c"}'),
        ('{"pass": "S,\n "state_dir": "a"}', '{"pass": #\n "state_dir": "a"}'),
        ("{pass: S, 'pwd': 'S', state_dir: S}", "{#: #, #: #, state_dir: #}"),
        ('pass = "S"\nstate_dir = "a"\n', '# = "#"\nstate_dir = "a"\n'),
        ('{"a": {"b": 1}}} {"ca_file": "c", "d": "S"}',
         '{"a": {"b": "#"}}} {"ca_file": "c", "d": "#"}'),
        ('// S\n{"st\\u0061te_dir": "a"}', '# #\n{"st\\u0061te_dir": "a"}'),
        ("S", "#"),
        ('"S"', '"#"'),
    ],
)  # fmt: skip
def test_what_is_shown(text: str, shown: str) -> None:
    """Keys, and the values of known ones; all else is a mark, whatever is wrong."""
    assert outlined(text) == shown.replace("#", "[removed]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("s3cret"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", '"]', "lgo", "x:"]), inner)
    ),
)


@given(JSON)
def test_nothing_under_unknown_keys(value: object) -> None:
    """JSON stays JSON with the same keys; no value is left but null."""
    shown = json.loads(outlined(json.dumps(value)))
    assert shown == _masked(value)


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {key: _masked(each) for key, each in value.items()}
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
    text = """{"x": {"password_file": "/a"}, "password_file": "./b",
      "password_file": "there", "key_file": "S3cret", "headers_file": 7,
      "state_dir": "s", "initial_admin_password_file": "\\u0000"
      "url": "http://h/v1/tttttttttttttttt/x" """
    places = secret_places(text, tmp_path / "config.json")
    state = (tmp_path / "s/initial-admin-password", tmp_path / "s/secret.key")
    files = {Path("/a"), tmp_path / "b", tmp_path / "there", *state}
    assert {*places.files} == files
    assert places.texts == ["S3cret", "t" * 16]
    assert [*secrets_in_url("https://h:1/v1/traces")] == []


def test_a_hostile_file() -> None:
    """A part of it is looked at, once."""
    for part in ("[", '{"a":', '"', "\\", '"a" '):
        text = part * (2 * MOST // len(part))
        assert len(outlined(text[: MOST // 8])) < 4 * MOST
        secret_places(text[: MOST // 8], Path("config.json"))
    assert len(outlined(" " * 2 * MOST)) == MOST
