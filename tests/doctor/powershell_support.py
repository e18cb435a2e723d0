"""Reads PowerShell as its tokenizer does, as far as strings and comments go: written
from about_Quoting_Rules, and sharing nothing with what writes it."""

from typing import NamedTuple

SINGLE = "'\u2018\u2019\u201a\u201b"
DOUBLE = '"\u201c\u201d\u201e'


class Token(NamedTuple):
    kind: str
    """code, string (single-quoted), expandable (double-quoted) or comment."""
    text: str


class Unterminated(Exception):
    """A string does not end."""


def tokens(script: str) -> list[Token]:
    found: list[Token] = []
    code = ""
    at = 0
    while at < len(script):
        char = script[at]
        if char == "`":
            code += script[at : at + 2]
            at += 2
            continue
        begins_word = at == 0 or not script[at - 1].isalnum()
        if char in SINGLE or char in DOUBLE or (char == "#" and begins_word):
            if code:
                found.append(Token("code", code))
                code = ""
            if char == "#":
                end = at
                while end < len(script) and script[end] not in "\r\n":
                    end += 1
                found.append(Token("comment", script[at:end]))
                at = end
                continue
            kind = "string" if char in SINGLE else "expandable"
            value, at = _quoted(script, at, SINGLE if kind == "string" else DOUBLE)
            found.append(Token(kind, value))
            continue
        code += char
        at += 1
    if code:
        found.append(Token("code", code))
    return found


def _quoted(script: str, at: int, quotes: str) -> tuple[str, int]:
    """The value of the string that begins at `at`, and where it ends."""
    value = ""
    at += 1
    while at < len(script):
        char = script[at]
        if quotes == DOUBLE and char == "`":
            value += script[at : at + 2]
            at += 2
        elif quotes == DOUBLE and script.startswith("$(", at):
            inner, at = _subexpression(script, at)
            value += inner
        elif char in quotes:
            if script[at + 1 : at + 2] not in tuple(quotes):
                return value, at + 1
            value += script[at + 1]
            at += 2
        else:
            value += char
            at += 1
    raise Unterminated(value)


def _subexpression(script: str, at: int) -> tuple[str, int]:
    """From `$(` to its own closing parenthesis, strings inside and all."""
    begin, depth = at, 0
    at += 1
    while at < len(script):
        char = script[at]
        if char in SINGLE or char in DOUBLE:
            _, at = _quoted(script, at, SINGLE if char in SINGLE else DOUBLE)
            continue
        depth += {"(": 1, ")": -1}.get(char, 0)
        at += 1
        if depth == 0:
            return script[begin:at], at
    raise Unterminated(script[begin:])
