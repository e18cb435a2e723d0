"""The configuration file, as far as others may see it, and where its secrets are.

Both work on text of any kind: a file that is not valid JSON is where they are needed
most. What is shown is what is known to be no secret: the values of the keys that the
file may have. Keys are always shown.
"""

import json
import os
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from pexschedd.config_keys import KEYS, SECRET_FILES, SECRETS_IN_STATE, URLS
from pexschedd.config_reader import SettingsReader

HIDDEN = "[removed]"

LONGEST_SEGMENT = 15
"""Characters of a part of a URL's path; a longer one may be a token."""

MOST = 1 << 20
"""Characters of the file that are looked at."""

_OBJECTS = frozenset(name.rpartition(".")[2] for name in KEYS if name)
"""Keys of objects."""

_VALUES = frozenset[str]().union(*KEYS.values()) - _OBJECTS
"""Keys of what is shown: texts, numbers, and lists of them."""

_STRING = r"\"(?:[^\"\\\n]|\\.)*+\""
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})"
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<mark>[,:=]+)|(?P<space>[\s\ufeff]+)"
    r"|(?P<other>\"[^\n]*|[^\s{}\[\],:=\"\ufeff]+)"
)
"""A part of JSON; `other` are numbers and words, and what JSON does not have, such as a
string without an end."""

_MEMBER = re.compile(rf"(?P<key>{_STRING})\s*:\s*(?P<value>{_STRING})")
_KEY_FOLLOWS = re.compile(r"\s*[:=]")
_NO_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,9}://)?(?P<user>.*@)?"
    r"(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)",
    re.DOTALL,
)

_PATHS = ("/", "./", "../", "$CREDENTIALS_DIRECTORY")
"""Beginnings of what is a path, whether there is a file or not."""


def outlined(text: str) -> str:
    """Return the text of a configuration file with `[removed]` for each value that may
    be a secret."""
    return "".join(_outlined(text[:MOST]))


class _Expected(Enum):
    """The kind of value that may come next, by the key before it."""

    NOTHING = 0
    OBJECT = 1
    VALUE = 2


def _expected(name: str, parent: str) -> _Expected:
    if name in (KEYS[parent] if parent == "endpoints" else _VALUES):
        return _Expected.VALUE
    return _Expected.OBJECT if name in _OBJECTS else _Expected.NOTHING


def _outlined(text: str) -> Iterator[str]:
    """Yield the parts. In what is under an unknown key, nothing is expected."""
    name, expected, in_list = "", _Expected.OBJECT, False
    outer: list[tuple[str, _Expected, bool]] = []
    for found in _TOKEN.finditer(text):
        token, kind = found[0], found.lastgroup
        parent, within, _ = outer[-1] if outer else ("", _Expected.OBJECT, False)
        is_scalar = kind in ("string", "other")
        is_key = is_scalar and _KEY_FOLLOWS.match(text, found.end()) is not None
        if is_key:
            name = _text(token) if kind == "string" else token
            expected = _expected(name, parent)
            is_shown = kind == "string" or expected is not _Expected.NOTHING
            if within is _Expected.NOTHING:
                expected = _Expected.NOTHING
            yield token if is_shown else HIDDEN
        elif kind == "string":
            is_shown = expected is _Expected.VALUE
            shown = _shown(name, _text(token)) if is_shown else HIDDEN
            yield token if shown == _text(token) else json.dumps(shown)
        elif kind == "other":
            is_json = _NO_TEXT.fullmatch(token) is not None
            is_shown = is_json and expected is _Expected.VALUE
            hidden = f'"{HIDDEN}"' if is_json else HIDDEN
            yield token if is_shown or found[0] == "null" else hidden
        else:
            yield token
        if kind == "open":
            outer.append((name, expected, in_list))
            in_list = found[0] == "["
            if not in_list and expected is _Expected.VALUE:
                expected = _Expected.OBJECT
            continue
        if kind == "close" and outer:
            name, expected, in_list = outer.pop()
        if (is_scalar or kind == "close") and not (is_key or in_list):
            expected = _Expected.NOTHING if outer else _Expected.OBJECT


def _shown(key: str, value: str) -> str:
    """Return the value of a known key."""
    if key in URLS:
        return _shown_url(value)
    if key == "username" and ":" in value:
        return HIDDEN  # none may have one: a password may be behind it
    return value


def _shown_url(url: str) -> str:
    parts = _URL.fullmatch(url)
    if parts is None:
        return HIDDEN
    path = "/".join(
        HIDDEN if len(each) > LONGEST_SEGMENT else each
        for each in parts["path"].split("/")
    )
    user = f"{HIDDEN}@" if parts["user"] else ""
    rest = f"?{HIDDEN}" if parts["rest"] else ""
    return f"{parts['scheme'] or ''}{user}{parts['host']}{path}{rest}"


def _text(token: str) -> str:
    """Return the text of a string; itself if JSON has no such string."""
    try:
        return str(json.loads(token, strict=False))
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
    for found in _MEMBER.finditer(text[:MOST]):
        key, value = _text(found["key"]), _text(found["value"])
        if key in URLS:
            places.texts.extend(secrets_in_url(value))
        elif key == "state_dir" or key in SECRET_FILES:
            file = reader.path({key: value}, key)
            if file is None:
                continue
            if key == "state_dir":
                places.files.extend(file / name for name in SECRETS_IN_STATE)
            elif value.startswith(_PATHS) or os.path.lexists(file):
                places.files.append(file)
            else:
                places.texts.append(value)  # given in the place of its file's path
    return places


def secrets_in_url(url: str) -> Iterator[str]:
    """Yield what may be a token in a URL: the long parts of its path."""
    parts = _URL.fullmatch(url)
    if parts is not None:
        yield from (
            each for each in parts["path"].split("/") if len(each) > LONGEST_SEGMENT
        )
