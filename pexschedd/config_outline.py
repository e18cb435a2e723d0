"""The configuration file, as far as others may see it, and where its secrets are.

Both work on text of any kind: a file that is not valid JSON is where they are needed
most. Shown are the values that the daemon would accept where they are, and the keys
that the file may have or that are like one of those.
"""

import json
import os
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pexschedd.config import Config, parse
from pexschedd.config_keys import KEYS, SECRET_FILES, SECRETS_IN_STATE, URLS
from pexschedd.config_reader import SettingsReader
from pexschedd.errors import ConfigError

HIDDEN = "[removed]"

_SEGMENT = re.compile(r"[\w.~-]{0,15}")
"""A part of a URL's path that is shown; another one may be a token."""

_PLACES = {place.rpartition(".")[2]: place for place in KEYS}
"""The objects of the file, by their keys."""

_KNOWN = sorted(frozenset[str]().union(*KEYS.values()))

_MISSPELT = re.compile("[a-z_]{2,40}")
"""A key that may be meant for a known one."""

_SAMPLE = json.dumps(
    {
        "state_dir": "/state",
        "endpoints": {"addin": ["tcp:1"], "admin": ["tcp:2"], "rooms": ["tcp:3"]},
        "proxy": {"url": "http://h", "username": "n", "password_file": "/file"},
        "policy": {"username": "n", "password_file": "/file"},
        "limits": {
            "bookings_per_user": {"at_once": 1, "per_minute": 1},
            "bookings_per_address": {"at_once": 1, "per_minute": 1},
        },
        "log": {},
        "audit_log": {},
        "traces": {"url": "https://h/"},
    }
)
"""A file that the daemon accepts, in which single values are tried."""

_ENDPOINT = re.compile(r"(?:haproxy:)?(?:tcp6?|ssl|tls|unix|systemd|fd):\S+")

_STRING = r"\"(?:[^\"\\\n]|\\.)*+\""
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})"
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<mark>[,:=]+)|(?P<space>[\s\ufeff]+)"
    r"|(?P<other>\"[^\n]*|[^\s{}\[\],:=\"\ufeff]+)"
)
"""A part of JSON; `other` are numbers and words, and what JSON does not have, such as a
string without an end."""

_MEMBER = re.compile(rf"(?<!\\)(?P<key>{_STRING})\s*:\s*(?P<value>{_STRING})")
_KEY_FOLLOWS = re.compile(r"\s*[:=]")
_NO_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")

_PATHS = ("./", "../", "$CREDENTIALS_DIRECTORY")
"""Beginnings of what is a path, whether there is a file or not."""


def outlined(text: str, secrets: Collection[str] = ()) -> str:
    """Return the text of a configuration file with `[removed]` for each value that may
    be a secret, and for the known `secrets`."""
    return "".join(_outlined(text, secrets))


class _Level(NamedTuple):
    """An object or a list, and what comes next in it."""

    place: str | None
    """The object in `KEYS`; None below a key that is not known."""
    key: str | None
    """The key whose value may come next."""
    list_key: str | None = None
    """The key whose list this is."""


def _outlined(text: str, secrets: Collection[str]) -> Iterator[str]:
    """Yield the parts. A value is only shown directly behind its key, or in a list
    behind a comma."""
    here, outer = _Level("", None), list[_Level]()
    for found in _TOKEN.finditer(text):
        part, kind = found[0], found.lastgroup
        if kind in ("string", "other"):
            if _KEY_FOLLOWS.match(text, found.end()):
                here = here._replace(key=_text(part))
                yield part if _is_shown(_text(part)) else _hidden(part)
            else:
                yield _value(part, here, secrets)
                here = here._replace(key=None)
            continue
        yield part
        if part == "[":
            outer.append(here._replace(key=None))
            here = _Level(here.place, here.key, here.key)
        elif part == "{":
            outer.append(here._replace(key=None))
            here = _Level(_place_below(here) if len(outer) > 1 else "", None)
        elif kind == "close":
            here = outer.pop() if outer else _Level("", None)
        elif "," in part:
            here = here._replace(key=here.list_key)


def _place_below(level: _Level) -> str | None:
    if level.place is None or not level.key:
        return None
    return _PLACES.get(level.key)


def _value(part: str, level: _Level, secrets: Collection[str]) -> str:
    """Return a value as it is shown."""
    key = level.key
    if part == "null":
        return part
    if key is None or level.place is None or _text(part) in secrets:
        return _hidden(part)
    place = next((p for p in (level.place, *KEYS) if key in KEYS[p]), None)
    if place is None or not _is_accepted(place, key, part, bool(level.list_key)):
        return _hidden(part)
    return json.dumps(_shown_url(_text(part))) if key in URLS else part


def _hidden(part: str) -> str:
    is_json = part.endswith('"') or _NO_TEXT.fullmatch(part)
    return f'"{HIDDEN}"' if is_json else HIDDEN


@lru_cache(maxsize=1000)
def _is_shown(key: str) -> bool:
    """Return whether a key is known, or perhaps misspelt."""
    return key in _KNOWN or (
        _MISSPELT.fullmatch(key) is not None and bool(get_close_matches(key, _KNOWN))
    )


@lru_cache(maxsize=1000)
def _is_accepted(place: str, key: str, part: str, in_list: bool) -> bool:
    """Return whether the daemon accepts a value, whatever else is in its file."""
    document: dict[str, Any] = json.loads(_SAMPLE)
    table = document
    for name in place.split(".") if place else ():
        table = table[name]
    try:
        value = json.loads(part)
        table[key] = [value] if in_list else value
        parse(document, Path("/file"), _wrong_endpoints, looks=False)
    except (ValueError, ConfigError):
        return False
    return True


def _wrong_endpoints(config: Config) -> Iterator[str]:
    for _, endpoints in config.endpoints:
        yield from (each for each in endpoints if not _ENDPOINT.fullmatch(each))


def _shown_url(url: str) -> str:
    scheme, host, *path = _url_parts(url)
    shown = (each if _SEGMENT.fullmatch(each) else HIDDEN for each in path)
    return f"{scheme}://" + "/".join([host, *shown])


def _url_parts(url: str) -> list[str]:
    """Return the scheme, the host, and the parts of the path."""
    scheme, _, rest = url.partition("://")
    return [scheme, *rest.split("/")]


def _text(token: str) -> str:
    """Return the text of a string; itself if JSON has no such string."""
    try:
        return str(json.loads(token, strict=False)) if token[0] == '"' else token
    except ValueError:
        return token


class SecretPlaces(NamedTuple):
    """The secrets that a configuration file names or has."""

    files: list[Path]
    texts: list[str]
    """Secrets in the file itself."""


def secret_places(text: str, path: Path) -> SecretPlaces:
    """Return what the text of the file `path` says, whatever is wrong with it."""
    reader = SettingsReader(path, looks=False)
    places = SecretPlaces([], [])
    for found in _MEMBER.finditer(text):
        key, value = _text(found["key"]), _text(found["value"])
        if key in URLS:
            places.texts.extend(secrets_in_url(value))
        elif key == "state_dir" or key in SECRET_FILES:
            file = reader.path({key: value}, key)
            if file is None:
                continue
            if key == "state_dir":
                places.files.extend(file / name for name in SECRETS_IN_STATE)
            elif _is_path(value) or os.path.lexists(file):
                places.files.append(file)
            else:
                places.texts.append(value)  # given in the place of its file's path
    return places


def _is_path(value: str) -> bool:
    """Return whether a text is the path of a file, be it there or not: base64 may begin
    with a slash, too."""
    root, *folders = Path(value).parts[:-1] or [""]
    is_below = root == "/" and bool(folders) and Path(root, folders[0]).is_dir()
    return is_below or value.startswith(_PATHS)


def secrets_in_url(url: str) -> Iterator[str]:
    """Yield what may be a token in a URL: the parts of its path that are not shown."""
    _, _, *path = _url_parts(url)
    yield from (each for each in path if not _SEGMENT.fullmatch(each))
