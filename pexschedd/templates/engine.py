"""The administrator's jinja2 templates: check them, render them.

Templates come from administrators and values from anybody who can send a meeting
request. So a template is refused when it is saved rather than when a meeting needs it;
values are escaped in HTML; and rendering is bounded in time and space, because a
mistake in a template must not stop the daemon. How: `syntax` (what may be written),
`sandbox` (what can be reached), `values` and `budget` (how large, how long).
"""

import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from types import TracebackType
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import nodes

from pexschedd.clock import Now
from pexschedd.errors import MissingValue, TemplateError
from pexschedd.templates.budget import Budget
from pexschedd.templates.pex_filters import InputTooShort, pex_filters
from pexschedd.templates.sandbox import TESTS, RenderContext, TemplateSandbox
from pexschedd.templates.standard_filters import STANDARD_FILTERS
from pexschedd.templates.substitution import Substitution, substitution_of
from pexschedd.templates.syntax import (
    MAX_SOURCE,
    inspect,
    instrument,
    names_used,
)
from pexschedd.templates.values import bounded_range, plain

MAX_OUTPUT = 262_144
"""Characters of a rendered template, after escaping."""
_MAX_REASON = 300
"""Characters of the reason that Python gives for a failure; it may quote values."""
_CACHED = 512
"""Compiled templates; one takes about 30 kB and 2 ms to make."""

# Neither XML 1.0 nor people have a use for these: controls other than white space,
# lone surrogates, non-characters.
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
# In names also what turns the direction of writing, which can disguise the rest.
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

_SAMPLES: Mapping[str, object] = {
    "addin_server_domain": "pexip.example.com",
    "allow_guests": True,
    "alias": "555123456@example.com",
    "alias_uuid": "PXPS:-6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f#",
    "domain_aliases": ["meet.alice@example.com"],
    "guest_pin": "5678",
    "correlation_id": "6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f",
    "end_time": "15:30 on 31/07/2026",
    "numeric_alias": "555123456",
    "numeric_aliases": ["555123456"],
    "organizer_email": "alice@example.com",
    "organizer_name": "Alice Archer",
    "other_aliases": ["meet.alice"],
    "pin": "1234",
    "start_time": "15:00 on 31/07/2026",
    "subject": "Weekly review",
}
"""Values that a template is tried with before it is saved."""
_SAMPLE = "example"
"""The value of any other variable."""


class _Compiled(NamedTuple):
    template: Callable[[], jinja2.Template]
    """Compiles it when it is asked for the first time; raises TemplateError."""
    substitution: Substitution | None
    """The same template, if it is nothing but text and names: it rarely needs to be
    compiled, which takes longer than all else about it."""


class Templates:
    """Checks and renders templates; keeps the compiled ones.

    `now`, `uuid4`, `digits` (n -> n random decimal digits) and `debug` (what
    pex_debug_log says) are all that a template can learn of or tell to the world.
    """

    def __init__(
        self,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
        debug: Callable[[str], None] | None = None,
    ) -> None:
        own = pex_filters(now, uuid4, digits, self._debugged)
        self._debug = debug
        self._is_trying = False
        self._filters = {**STANDARD_FILTERS, **own}
        self._functions = {"range": bounded_range, **own}
        self._sandboxes = {
            html: TemplateSandbox(self._filters, self._functions, autoescape=html)
            for html in (True, False)
        }
        self._compiled: OrderedDict[tuple[bool, str], _Compiled] = OrderedDict()
        self._passed: OrderedDict[tuple[str, frozenset[str]], None] = OrderedDict()
        """The templates that were found right last, each with the names it may use."""

    def check(self, source: str, variables: frozenset[str]) -> None:
        """Refuse a template that cannot be rendered or uses other variables.

        It is tried with values such as it will get: what fails with every meeting is
        refused here.

        One that was right lately is not looked at again: clients that change one field
        of an integration send all of its twenty templates with it.

        Raises TemplateError, which says what is wrong, what would be right, and where.
        """
        key = (source, variables)
        if key not in self._passed:
            self._check(source, variables)
            self._passed[key] = None
            if len(self._passed) > _CACHED:
                self._passed.popitem(last=False)
        self._passed.move_to_end(key)

    def _check(self, source: str, variables: frozenset[str]) -> None:
        tree = self._parse(source)
        used = names_used(tree, self._functions)
        for name, line in sorted(used.items(), key=lambda item: item[1]):
            if name not in variables:
                may = ", ".join(sorted(variables)) or "no variables"
                raise TemplateError(
                    f'unknown variable "{name}"; this template may use {may}', line
                )
        template = self._compile(tree, html=True)
        self._is_trying = True
        try:
            self._fill(template, {name: _SAMPLES.get(name, _SAMPLE) for name in used})
        except InputTooShort:
            pass  # the template's own wish, for values shorter than these
        except TemplateError as error:
            raise TemplateError(f"{error.text}, when tried", error.line) from None
        finally:
            self._is_trying = False

    def _debugged(self, text: str) -> None:
        if self._debug is not None and not self._is_trying:
            self._debug(text)

    def uses(self, source: str, variable: str) -> bool:
        """Return whether `variable` is used outside of comments; raises
        `TemplateError`."""
        return variable in names_used(self._parse(source), self._functions)

    def render(
        self,
        source: str,
        values: Mapping[str, object],
        *,
        html: bool = True,
        max_length: int | None = None,
        complete: bool = False,
    ) -> str:
        """The text that `source` makes of `values`; raises TemplateError.

        html: values are escaped, the template's own text is not. Otherwise the result
        is one line of plain text without control characters, cut after `max_length`
        characters (HTML is never cut). A variable without a value, or an element that
        a list has not, shows nothing; with `complete` it raises MissingValue.
        """
        compiled = self._compiled_of(source, html)
        text = None
        if compiled.substitution is not None:
            text = compiled.substitution.fill(values, html=html)
        if text is None:
            text = self._fill(compiled.template(), values, complete=complete)
        text = _ILLEGAL.sub("", text)
        return text if html else _one_line(text)[:max_length].rstrip()

    def _fill(
        self,
        template: jinja2.Template,
        values: Mapping[str, object],
        *,
        complete: bool = False,
    ) -> str:
        """Render a template; whatever goes wrong within it is a `TemplateError`."""
        context = template.new_context({n: plain(v) for n, v in values.items()})
        assert isinstance(context, RenderContext)  # noqa: S101 - for the type checker
        context.budget = Budget()
        pieces = []
        size = 0
        try:
            for piece in template.root_render_func(context):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise TemplateError(f"the result is over {MAX_OUTPUT} characters")
        except TemplateError as error:
            line = _line(template, error.__traceback__)
            raise type(error)(error.text, line) from None
        except jinja2.UndefinedError as error:
            line = _line(template, error.__traceback__)
            kind = MissingValue if complete else TemplateError
            raise kind(_said(error), line) from None
        except Exception as error:  # noqa: BLE001 - no list of classes is complete
            line = _line(template, error.__traceback__)
            raise TemplateError(_said(error), line) from None
        if complete and context.budget.is_incomplete:
            raise MissingValue("the template shows something that does not exist")
        return "".join(pieces)

    def _compiled_of(self, source: str, html: bool) -> "_Compiled":
        key = (html, source)
        compiled = self._compiled.get(key)
        if compiled is None:
            tree = self._parse(source)
            substitution = substitution_of(tree, self._functions)
            compiled = _Compiled(
                cache(partial(self._compile, tree, html)), substitution
            )
            self._compiled[key] = compiled
            if len(self._compiled) > _CACHED:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return compiled

    def _parse(self, source: str) -> nodes.Template:
        if len(source) > MAX_SOURCE:
            raise TemplateError(f"the template is over {MAX_SOURCE} characters")
        try:
            # A regular expression in a template has escapes that Python warns about.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = self._sandboxes[True].parse(source)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(_said(error), error.lineno) from None
        except Exception as error:  # noqa: BLE001 - as in `_fill`
            _refuse(error)
        inspect(tree, self._filters, TESTS, self._functions)
        return tree

    def _compile(self, tree: nodes.Template, html: bool) -> jinja2.Template:
        try:
            return self._sandboxes[html].from_string(instrument(tree))
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(_said(error), error.lineno) from None
        except Exception as error:  # noqa: BLE001 - as in `_fill`
            _refuse(error)


def format_time(instant: datetime, zone: str) -> str:
    """`15:30 on 31/07/2017`, the fixed format of `start_time` and `end_time`.

    `zone` is an IANA name; the time is in UTC, and says so, if nobody knows the zone.
    """
    if instant.tzinfo is None:
        raise ValueError("a naive time has no place on Earth")
    form = "%H:%M on %d/%m/%Y"
    try:
        return instant.astimezone(ZoneInfo(zone)).strftime(form)
    except (LookupError, ValueError, OSError):
        return instant.astimezone(UTC).strftime(f"{form} (UTC)")


def _refuse(error: Exception) -> NoReturn:
    what = "a number" if isinstance(error, ValueError) else "the nesting"
    raise TemplateError(f"the template is too complicated: {what} is too large")


_AS_WRITTEN = (
    ("Jinja was looking for the following tags:", "Missing:"),
    ("The innermost block that needs to be closed is", "The open block is"),
    ("'end of print statement'", "'}}'"),
    ("end of print statement", "}}"),
    ("'end of statement block'", "'%}'"),
    ("end of statement block", "%}"),
    ("Missing end of comment tag", "a comment is not closed with #}"),
    ("token 'name'", "a name"),
    ("expected token", "expected"),
)
"""jinja2's names of what templates contain, and what an administrator has written."""


def _said(error: BaseException) -> str:
    if isinstance(error, jinja2.TemplateError):
        message = error.message or "the template is wrong"
        for words, written in _AS_WRITTEN:
            message = message.replace(words, written)
        return message.removesuffix(".")
    if isinstance(error, RecursionError | MemoryError):
        return "the template is too complicated"
    return f"the template failed: {error}"[:_MAX_REASON]


def _line(template: jinja2.Template, traceback: TracebackType | None) -> int:
    """The template's line that was being rendered; 0 if that cannot be told."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def _one_line(text: str) -> str:
    return " ".join(_INVISIBLE.sub("", text).split())
