"""The syntax that a template may use, and the rewriting that makes it countable.

jinja2 parses; `inspect` goes over the tree and refuses everything that is not on the
list below; `instrument` then changes the tree so that loops, lists, comparisons and
`~` go through hidden filters that count and limit. The sandbox provides those filters.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from pexschedd.errors import TemplateError
from pexschedd.templates import regexes
from pexschedd.templates.methods import METHOD_NAMES

MAX_SOURCE = 16_384
_MAX_NODES = 2_000
"""Twenty times what the longest default has; so many are compiled in 50 ms."""
_MAX_DEPTH = 60
_LOOP = "loop"

EACH, BUILT, SEEN, JOINED = "_each", "_built", "_seen", "_joined"
"""The hidden filters' names. A template cannot use names that begin so."""

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For),
    *(nodes.Assign, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict),
    *(nodes.Pair, nodes.Keyword, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Call, nodes.Filter, nodes.Test, nodes.CondExpr, nodes.Concat),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg),
    *(nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv),
    *(nodes.Mod, nodes.Pow),
)
_TAGS: Mapping[type[nodes.Node], str] = {
    nodes.AssignBlock: "{% set %} with a block; write {% set name = value %}",
    nodes.Block: "{% block %}",
    nodes.CallBlock: "{% call %}",
    nodes.Extends: "{% extends %}",
    nodes.FilterBlock: "{% filter %}",
    nodes.FromImport: "{% from %}",
    nodes.Import: "{% import %}",
    nodes.Include: "{% include %}",
    nodes.Macro: "{% macro %}",
    nodes.NSRef: "{% set %} of an attribute",
    nodes.Scope: "{% autoescape %}",
    nodes.With: "{% with %}",
}
Functions = Mapping[str, Callable[..., Any]]


def inspect(
    tree: nodes.Template, filters: Functions, tests: Functions, functions: Functions
) -> None:
    """Refuse what templates may not contain; raises TemplateError with the line."""
    for node in _walk(tree):
        try:
            _inspect(node, filters, tests, functions)
        except TemplateError as error:
            raise type(error)(error.text, node.lineno or 0) from None


def _inspect(
    node: nodes.Node, filters: Functions, tests: Functions, functions: Functions
) -> None:
    if not isinstance(node, _ALLOWED):
        what = _TAGS.get(type(node), type(node).__name__)
        raise TemplateError(f"not available in these templates: {what}")
    match node:
        case nodes.Name(name=str(name)) if name.startswith("_"):
            raise TemplateError(f'"{name}": names cannot begin with an underscore')
        case nodes.Getattr(attr=str(name)) if name.startswith("_"):
            raise TemplateError(f'"{name}": names cannot begin with an underscore')
        case nodes.For(recursive=True):
            raise TemplateError("not available in these templates: recursive loops")
        case nodes.Filter():
            if node.node is None or node.name not in filters:
                raise TemplateError(f'unknown filter "{node.name}"')
            _inspect_arguments(node.name, filters[node.name], node, [node.node])
        case nodes.Test():
            if node.name not in tests:
                raise TemplateError(f'unknown test "{node.name}"')
        case nodes.Call(node=nodes.Name(name=name)):
            if name not in functions:
                raise TemplateError(f'unknown function "{name}"')
            _inspect_arguments(name, functions[name], node, [])
        case nodes.Call(node=nodes.Getattr(attr=name)):
            if name not in METHOD_NAMES:
                raise TemplateError(f'unknown method "{name}"')
        case nodes.Call():
            raise TemplateError("only functions and methods can be called")
        case _:
            pass


def _inspect_arguments(
    name: str,
    function: Callable[..., Any],
    node: nodes.Filter | nodes.Call,
    values: list[nodes.Expr],
) -> None:
    """Find a wrong number of arguments and a wrong pattern now, not at a meeting."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise TemplateError("arguments cannot be given with * or **")
    arguments = [*values, *node.args]
    named = {str(keyword.key): keyword.value for keyword in node.kwargs}
    parameters = signature(function)
    if takes_budget(function):
        named["budget"] = nodes.Const(None)
    try:
        bound = parameters.bind(*arguments, **named)
    except TypeError as error:
        raise TemplateError(f"{name}: {error}") from None
    for parameter in ("pattern", "find"):
        given = bound.arguments.get(parameter)
        if isinstance(given, nodes.Const) and isinstance(given.value, str):
            regexes.compiled(given.value)


@lru_cache(maxsize=512)  # each engine asks this of the same functions
def takes_budget(function: Callable[..., Any]) -> bool:
    """Return whether a function has a keyword-only parameter `budget`."""
    parameter = signature(function).parameters.get("budget")
    return parameter is not None and parameter.kind is Parameter.KEYWORD_ONLY


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Every node; refuses a tree that later, recursive passes could not handle."""
    pending = [(tree, 0)]
    count = 0
    while pending:
        node, depth = pending.pop()
        count += 1
        if depth > _MAX_DEPTH or count > _MAX_NODES:
            raise TemplateError("the template is too complicated", node.lineno)
        yield node
        pending.extend((child, depth + 1) for child in node.iter_child_nodes())


def names_used(tree: nodes.Template, functions: Functions) -> dict[str, int]:
    """The variables that somebody else has to provide: name -> first line."""
    loaded: dict[str, int] = {}
    stored = {_LOOP}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load":
            loaded[name.name] = min(name.lineno, loaded.get(name.name, name.lineno))
        else:
            stored.add(name.name)
    called = {
        call.node.name
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name)
    }
    provided = stored | (called & functions.keys())
    return {name: line for name, line in loaded.items() if name not in provided}


def instrument(tree: nodes.Template) -> nodes.Template:
    """The tree with counting and limiting put in (see the module's docstring)."""
    rewritten = _Instrument().visit(tree)
    assert isinstance(rewritten, nodes.Template)  # noqa: S101 - for the type checker
    return rewritten


class _Instrument(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.Node:
        # An iteration costs as much as the body has nodes, and a little for its text.
        parts = [*node.body, *([node.test] if node.test is not None else [])]
        inner = [n for part in parts for n in (part, *part.find_all(nodes.Node))]
        text = sum(len(n.data) for n in inner if isinstance(n, nodes.TemplateData))
        cost = nodes.Const(1 + len(inner) + text // 64)
        self.generic_visit(node)
        node.iter = _filtered(EACH, node.iter, cost)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(JOINED, nodes.Tuple(node.nodes, "load", lineno=node.lineno))

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _filtered(SEEN, node.expr)
        for operand in node.ops:
            operand.expr = _filtered(SEEN, operand.expr)
        return node

    def _container(self, node: nodes.Node) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node, nodes.Tuple) and node.ctx != "load":
            return node
        return _filtered(BUILT, node)

    visit_List = visit_Tuple = visit_Dict = _container


def _filtered(name: str, node: Any, *arguments: nodes.Expr) -> nodes.Filter:
    made = nodes.Filter(node, name, list(arguments), [], None, None)
    made.set_lineno(node.lineno)
    made.set_environment(node.environment)
    return made
