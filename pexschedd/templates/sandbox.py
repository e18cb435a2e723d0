"""The jinja2 environment that templates run in: what they can reach, and how much.

Everything a template does that takes time or space passes one of the hooks here:
filters, functions, methods, operators and the hidden filters of `template_syntax`. Each
charges the rendering's budget and looks at the size of what comes out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pexschedd.templates.budget import Budget
from pexschedd.templates.methods import has_attribute, method_of
from pexschedd.templates.pex_filters import (
    pex_safelinks_decode,
    pex_to_json,
    pex_url_decode,
    pex_url_encode,
    pex_urldefense_decode,
)
from pexschedd.templates.standard_filters import striptags
from pexschedd.templates.syntax import (
    BUILT,
    EACH,
    JOINED,
    SEEN,
    Functions,
    takes_budget,
)
from pexschedd.templates.values import (
    concatenated,
    items_of,
    multiplied,
    power,
    printf,
    text_of,
)

TESTS: Functions = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: not isinstance(value, Undefined),
    "even": lambda value: isinstance(value, int) and value % 2 == 0,
    "mapping": lambda value: isinstance(value, dict),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float),
    "odd": lambda value: isinstance(value, int) and value % 2 == 1,
    "sequence": lambda value: isinstance(value, str | list | tuple | dict | range),
    "string": lambda value: isinstance(value, str),
    "undefined": lambda value: isinstance(value, Undefined),
}


SLOW = frozenset(
    {
        pex_safelinks_decode,
        pex_to_json,
        pex_url_decode,
        pex_url_encode,
        pex_urldefense_decode,
        striptags,
    }
)
"""Functions that look at each character by itself: ten times the work of others."""


class RenderContext(Context):
    """One rendering; its budget is set before it starts."""

    budget: Budget


class TemplateCallee:
    """Something that a template may call: a function, or a method of a value.

    It is not itself a value: a template that forgets the parentheses fails.
    """

    __slots__ = ("_function", "_takes_budget")

    def __init__(self, function: Callable[..., Any], takes_budget: bool) -> None:
        self._function = function
        self._takes_budget = takes_budget

    def __call__(self, budget: Budget, *args: Any, **kwargs: Any) -> Any:
        budget.charge_for(*args, *kwargs.values())
        if self._function in SLOW:
            budget.charge_slowly_for(*args, *kwargs.values())
        if self._takes_budget:
            kwargs["budget"] = budget
        result = self._function(*args, **kwargs)
        budget.charge_for(result)
        return result


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """An environment with these filters and functions, the tests above, no more."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])
    context_class = RenderContext

    def __init__(
        self, filters: Functions, functions: Functions, *, autoescape: bool
    ) -> None:
        # Not optimized: folding constants would compute them outside of the budget.
        super().__init__(
            autoescape=autoescape, optimized=False, finalize=_shown, cache_size=0
        )
        own = {name: _filter(name, function) for name, function in filters.items()}
        self.filters = {**own, **_HIDDEN}
        self.tests = dict(TESTS)
        self.globals = {name: _callee(function) for name, function in functions.items()}
        self.binop_table.update({"*": multiplied, "**": power, "%": _modulo})

    def _compile(self, source: str, filename: str) -> CodeType:
        return _code(source, filename)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute that templates may read; jinja2 calls this for
        `obj.attribute`."""
        if isinstance(obj, Undefined):
            return getattr(obj, attribute)
        method = method_of(obj, attribute)
        if method is not None:
            return TemplateCallee(partial(_applied, method, obj), takes_budget=True)
        if has_attribute(obj, attribute):
            return getattr(obj, attribute)
        return self._item(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item that templates may read; jinja2 calls this for
        `obj[argument]`."""
        return self._item(obj, argument)

    def _item(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj[key]
        if isinstance(obj, str | list | tuple | range | dict):
            try:
                return obj[key]
            except (TypeError, LookupError):
                pass
        return self.undefined(obj=obj, name=key)

    def call(  # type: ignore[override]  # jinja2 mangles these parameters' names
        self, context: RenderContext, obj: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Call a filter, function or method that templates may call, on the budget's
        account."""
        # jinja2 tells callees that take a context about variables of the loop.
        kwargs.pop("_loop_vars", None)
        kwargs.pop("_block_vars", None)
        if isinstance(obj, Undefined):
            return obj()
        if not isinstance(obj, TemplateCallee):
            raise SecurityError("only functions and methods can be called")
        return obj(context.budget, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator, on the budget's account."""
        budget = _budget(context)
        budget.charge_for(left, right)
        result = self.binop_table[operator](left, right)
        budget.charge_for(result)
        return result


def _applied(
    method: Callable[..., Any], value: object, *args: Any, budget: Budget, **kwargs: Any
) -> Any:
    if not isinstance(value, LoopContext):
        budget.charge_for(value)
    return method(value, *args, **kwargs)


def _budget(context: Context) -> Budget:
    assert isinstance(context, RenderContext)  # noqa: S101 - for the type checker
    return context.budget


# Nearly all functions are the same for each environment of a process, and so is what
# the templates that come with the product are compiled to.


@lru_cache(maxsize=64)  # those of administrators are large, and may be many
def _code(source: str, filename: str) -> CodeType:
    return compile(source, filename, "exec")


@lru_cache(maxsize=512)
def _callee(function: Callable[..., Any]) -> TemplateCallee:
    return TemplateCallee(function, takes_budget(function))


@lru_cache(maxsize=512)
def _filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    callee = _callee(function)

    @pass_context
    def apply(context: Context, *args: Any, **kwargs: Any) -> Any:
        if name != "default":
            _note_missing(context, args)
        return callee(_budget(context), *args, **kwargs)

    return apply


def _modulo(left: Any, right: Any) -> Any:
    return printf(left, right) if isinstance(left, str) else left % right


def _note_missing(context: Context, values: Iterable[object]) -> None:
    """Note in the budget if one of the values that a text is made of does not exist."""
    if any(isinstance(value, Undefined) for value in values):
        _budget(context).is_incomplete = True


@pass_context
def _shown(context: Context, value: object) -> str:
    """The text of `{{ value }}`, before it is escaped."""
    _note_missing(context, (value,))
    text = text_of(value)
    _budget(context).charge_for(text)
    return text


@pass_context
def _each(context: Context, values: object, cost: int) -> Iterator[Any]:
    """Yield what a loop goes through, and charge for each turn what its body costs."""
    budget = _budget(context)
    for item in items_of(values):
        budget.charge(cost)
        yield item


@pass_context
def _seen(context: Context, value: object) -> object:
    """An operand of a comparison."""
    _budget(context).charge_for(value)
    return value


@pass_context
def _joined(context: Context, values: tuple[object, ...]) -> str:
    _note_missing(context, values)
    text = concatenated(values)
    _budget(context).charge_for(text)
    return text


_HIDDEN: Mapping[str, Callable[..., Any]] = {
    EACH: _each,
    BUILT: _seen,
    SEEN: _seen,
    JOINED: _joined,
}
