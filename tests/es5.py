"""The parse that `make check` gives the pages' scripts: nothing newer than ES5.

Outlook 2013, 2016 and 2019 show the pane in Internet Explorer 11. Esprima parses newer
scripts too, so each node of the tree is looked at. Usage: python -m tests.es5
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parents[1] / "pexschedd/web/static"

_ES5 = """
    Program EmptyStatement BlockStatement ExpressionStatement Directive IfStatement
    LabeledStatement BreakStatement ContinueStatement SwitchStatement SwitchCase
    ReturnStatement ThrowStatement TryStatement CatchClause WhileStatement
    DoWhileStatement ForStatement ForInStatement DebuggerStatement
    FunctionDeclaration FunctionExpression VariableDeclaration VariableDeclarator
    ThisExpression ArrayExpression ObjectExpression Property SequenceExpression
    UnaryExpression BinaryExpression AssignmentExpression UpdateExpression
    LogicalExpression ConditionalExpression CallExpression NewExpression
    MemberExpression StaticMemberExpression ComputedMemberExpression Identifier
    Literal
"""
_NEWER_GLOBALS = """
    fetch Promise Symbol Map Set WeakMap WeakSet Proxy Reflect URL URLSearchParams
    globalThis AbortController TextEncoder
"""


def newer_than_es5(script: str) -> list[str]:
    """Return what an ES5 engine could not run, each with its line."""
    import esprima  # type: ignore[import-untyped]  # noqa: PLC0415 - takes a second

    try:
        tree = esprima.parseScript(script, {"loc": True})
    except esprima.Error as error:
        return [str(error)]
    return [f"line {node.loc.start.line}: {what}" for node, what in _newer(tree)]


def _newer(node: Any) -> Iterator[tuple[Any, str]]:
    for child in _children(node):
        yield from _newer(child)
    problem = _problem(node)
    if problem:
        yield node, problem


def _children(node: Any) -> Iterator[Any]:
    for name, value in vars(node).items():
        if name in ("loc", "range", "errors", "comments", "tokens", "regex"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if getattr(each, "type", None):
                yield each


def _problem(node: Any) -> str:
    kind = node.type
    if kind not in _ES5.split():
        return str(kind)
    if kind == "VariableDeclaration" and node.kind != "var":
        return str(node.kind)
    if kind.startswith("Function") and (node.generator or node.isAsync):
        return "a generator or an asynchronous function"
    if kind == "Property" and (node.shorthand or node.method or node.computed):
        return "a short or computed property"
    if kind == "CatchClause" and node.param is None:
        return "catch without a name"
    if kind == "Literal" and getattr(node, "regex", None):
        return "" if set(node.regex.flags) <= set("gim") else "flags of an expression"
    if kind in ("CallExpression", "NewExpression") and node.callee.type == "Identifier":
        return (
            str(node.callee.name) if node.callee.name in _NEWER_GLOBALS.split() else ""
        )
    return ""


def main() -> int:
    """Report every problem, and return whether there was one, for the shell."""
    problems = [
        f"{path}: {problem}"
        for path in sorted(STATIC.glob("*.js"))
        for problem in newer_than_es5(path.read_text("utf-8"))
    ]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
