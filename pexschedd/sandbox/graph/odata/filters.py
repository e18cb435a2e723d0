"""The $filter option: a predicate over JSON documents.

Comparisons, `and`, `or`, `not`, parentheses, `startswith`, `contains`, `endswith`,
`cast`, and `singleValueExtendedProperties/any(…)`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.query_options import look_up

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<time>\d{4}-\d\d-\d\d(?:T[\d:.]+"
    r"(?:Z|[+-]\d\d:\d\d)?)?)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<mark>[(),:])|(?P<word>[A-Za-z_$@][\w./]*))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a is not None and b is not None and a > b),
    "ge": lambda a, b: bool(a is not None and b is not None and a >= b),
    "lt": lambda a, b: bool(a is not None and b is not None and a < b),
    "le": lambda a, b: bool(a is not None and b is not None and a <= b),
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": lambda a, b: a.casefold().startswith(b.casefold()),
    "endswith": lambda a, b: a.casefold().endswith(b.casefold()),
    "contains": lambda a, b: b.casefold() in a.casefold(),
}
_DEPTH = 20
Value = Callable[[Any], Any]


@dataclass
class ODataFilter:
    """A parsed filter."""

    holds: Callable[[Any], bool]
    """Returns whether a document passes."""
    paths: list[str] = field(default_factory=list)
    """The properties it looks at, in order."""
    equal: dict[str, str] = field(default_factory=dict)
    """Properties that must equal a text, by path; only of filters without `or`."""
    extended: list[str] = field(default_factory=list)
    """The ids of extended properties it looks at."""


def parse(text: str) -> ODataFilter:
    """Return a filter. Raises `GraphError`."""
    parser = _Parser(text)
    found = ODataFilter(lambda _: True)
    parser.into = found
    found.holds = parser.disjunction(0)
    if parser.peek() is not None:
        raise parser.error()
    if parser.alternatives:
        found.equal.clear()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.error()
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind]))
            at = match.end()
        self._at = 0
        self.into = ODataFilter(lambda _: True)
        self.alternatives = False
        self._variable = ""

    def error(self) -> GraphError:
        """Return the error of a filter that cannot be read."""
        return GraphError(
            "ErrorInvalidUrlQueryFilter", f"Invalid filter clause: {self._text[:200]}"
        )

    def peek(self) -> str | None:
        """Return the next token in lower case, or None at the end."""
        if self._at >= len(self._tokens):
            return None
        return self._tokens[self._at][1].lower()

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self.error()
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, token: str) -> None:
        if self._take()[1].lower() != token:
            raise self.error()

    def disjunction(self, depth: int) -> Callable[[Any], bool]:
        """Parse alternatives."""
        if depth > _DEPTH:
            raise self.error()
        terms = [self._conjunction(depth)]
        while self.peek() == "or":
            self._take()
            self.alternatives = True
            terms.append(self._conjunction(depth))
        return terms[0] if len(terms) == 1 else lambda d: any(t(d) for t in terms)

    def _conjunction(self, depth: int) -> Callable[[Any], bool]:
        terms = [self._term(depth)]
        while self.peek() == "and":
            self._take()
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else lambda d: all(t(d) for t in terms)

    def _term(self, depth: int) -> Callable[[Any], bool]:
        word = self.peek()
        if word == "not":
            self._take()
            self.alternatives = True
            inner = self._term(depth + 1)
            return lambda d: not inner(d)
        if word == "(":
            self._take()
            inner = self.disjunction(depth + 1)
            self._expect(")")
            return inner
        if word in _FUNCTIONS:
            return self._function()
        if word == "singlevalueextendedproperties/any":
            return self._any(depth)
        return self._comparison()

    def _function(self) -> Callable[[Any], bool]:
        test = _FUNCTIONS[self._take()[1].lower()]
        self._expect("(")
        left = self._value()
        self._expect(",")
        right = self._value()
        self._expect(")")
        return lambda d: test(str(left(d) or ""), str(right(d) or ""))

    def _comparison(self) -> Callable[[Any], bool]:
        start = self._at
        left = self._value()
        operator = self._take()[1].lower()
        if operator not in _COMPARISONS:
            raise self.error()
        right = self._value()
        compare = _COMPARISONS[operator]
        tokens = self._tokens[start : self._at]
        if operator == "eq" and [kind for kind, _ in tokens] == [
            "word",
            "word",
            "text",
        ]:
            text = tokens[2][1][1:-1].replace("''", "'")
            self.into.equal[tokens[0][1].casefold()] = text
            if self._variable and tokens[0][1] == f"{self._variable}/id":
                self.into.extended.append(text)

        def test(document: Any) -> bool:
            try:
                return compare(left(document), right(document))
            except TypeError:
                return False

        return test

    def _any(self, depth: int) -> Callable[[Any], bool]:
        self._take()
        self._expect("(")
        self._variable = self._take()[1]
        self._expect(":")
        inner = self.disjunction(depth + 1)
        self._expect(")")
        name, self._variable = self._variable, ""

        def test(document: Any) -> bool:
            values = document.get("singleValueExtendedProperties") or []
            return any(inner({name: each}) for each in values)

        return test

    def _value(self) -> Value:
        kind, text = self._take()
        constant: Any
        if kind == "text":
            constant = text[1:-1].replace("''", "'")
        elif kind == "time":
            constant = _moment(text)
        elif kind == "number":
            constant = float(text)
        elif kind == "word" and text.lower() in ("true", "false", "null"):
            constant = {"true": True, "false": False, "null": None}[text.lower()]
        elif kind == "word" and text.lower() == "cast" and self.peek() == "(":
            self._take()
            inner = self._value()
            self._expect(",")
            self._take()
            self._expect(")")
            return lambda d: _number(inner(d))
        elif kind == "word":
            self.into.paths.append(text)
            return lambda d: _comparable(look_up(d, text))
        else:
            raise self.error()
        return lambda _: constant


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _comparable(value: Any) -> Any:
    """Return a time as a time, so that spellings do not matter."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
        return _moment(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _moment(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return text
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
