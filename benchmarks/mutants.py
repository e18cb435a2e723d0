"""Mistakes for the unit tests to notice: `python -m benchmarks.mutants [SEED] [COUNT]`.

Some dozens of small mistakes, drawn at random, are made in the pure decisions, the
recurrence rules and the record changes, one at a time and in a temporary copy of the
tree: a condition is negated, a comparison swapped, a number is off by one, a statement
is left out, `and` becomes `or`. Each is run against the unit tests of its folder. One
that no test notices survives, and is printed with its place, the code before and after:
either a test is missing, or the mistake makes no difference.

Ends by itself after `LIMIT` seconds and says how many mistakes it got to. The same seed
and tree give the same mistakes.
"""

import ast
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("scheduling/decisions", "scheduling/recurrence", "scheduling/records")
COUNT = 36
LIMIT = 600.0
"""Seconds for all of them."""
SLOW = ("test_recurrence_reference.py",)
"""Files whose tests take half a minute each: they come last."""

_OPPOSITES: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}


class Mutant(NamedTuple):
    """One mistake: a piece of a source file and what stands there instead."""

    start: int
    end: int
    """Offsets in the file's UTF-8 bytes."""
    replacement: str
    line: int


class Result(NamedTuple):
    """The outcome of one run of the tests."""

    killed: bool
    finished: bool


class _Source:
    """Offsets of the nodes of a parsed file."""

    def __init__(self, text: str) -> None:
        self.code = text.encode()
        self._starts = [0]
        for line in self.code.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.code[start:end].decode()


def mutants(text: str) -> list[Mutant]:
    """Every mistake that can be made in a source file, in the order of the file."""
    source = _Source(text)
    found = set()
    for node in _executed(ast.parse(text)):
        for at, replacement in _changes(source, node):
            found.add(Mutant(*source.span(at), replacement, at.lineno))
    return sorted(found)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations and assertions, which are for the type checker."""
    yield node
    if isinstance(node, ast.Assert):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _executed(child)


def _changes(
    source: _Source, node: ast.AST
) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield test, f"(not ({source.text(test)}))"
        case ast.comprehension(ifs=conditions):
            for each in conditions:
                yield each, f"(not ({source.text(each)}))"
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            sides = source.text(left), source.text(right)
            yield node, f"({sides[0]} {_OPPOSITES[type(op)]} {sides[1]})"
        case ast.BoolOp(op=op, values=values):
            other = " or " if isinstance(op, ast.And) else " and "
            yield node, f"({other.join(f'({source.text(each)})' for each in values)})"
        case ast.Constant(value=value) if type(value) is int:
            yield node, f"({value} + 1)"
            yield node, f"({value} - 1)"
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            yield node, "pass"
        case ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            yield node, "pass"


def _tests_of(folder: str, *, slow: bool) -> list[str]:
    files = sorted((ROOT / "tests" / folder).glob("test_*.py"))
    files.sort(key=lambda path: path.name in SLOW)
    return [str(f.relative_to(ROOT)) for f in files if slow or f.name not in SLOW]


def _run(copy: Path, tests: list[str], seconds: float) -> Result:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, "--hypothesis-seed=1", *tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(killed=False, finished=False)
    return Result(killed=done.returncode != 0, finished=True)


def _copy_tree(to: Path) -> None:
    for name in ("pexschedd", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", ".hypothesis")
        shutil.copytree(ROOT / name, to / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", to)


def _say(place: str, code: bytes, mutant: Mutant) -> None:
    """The lines in question, before and after, as a patch has them."""
    first = code.rfind(b"\n", 0, mutant.start) + 1
    last = code.find(b"\n", mutant.end)
    before = code[first:last].decode()
    prefix, suffix = code[first : mutant.start], code[mutant.end : last]
    after = f"{prefix.decode()}{mutant.replacement}{suffix.decode()}"
    print(f"\nsurvived: {place}:{mutant.line}")
    for mark, lines in (("-", before), ("+", after)):
        for line in lines.splitlines():
            print(f"  {mark} {line}")


def main(seed: int, count: int) -> None:
    """Run the mutants of one seed, and print what survives."""
    ends = monotonic() + LIMIT
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not secret
    drawn = []
    for folder in FOLDERS:
        every = [
            (folder, path.relative_to(ROOT), mutant)
            for path in sorted((ROOT / "pexschedd" / folder).glob("*.py"))
            for mutant in mutants(path.read_text())
        ]
        drawn += chance.sample(every, min(len(every), count // len(FOLDERS)))
    chance.shuffle(drawn)
    print(f"seed {seed}: {len(drawn)} mutants")
    tried = survived = 0
    with tempfile.TemporaryDirectory() as folder_name:
        copy = Path(folder_name)
        _copy_tree(copy)
        for folder in FOLDERS:
            if _run(copy, _tests_of(folder, slow=False), LIMIT).killed:
                sys.exit(f"the tests of {folder} fail without any mutant")
        for folder, place, mutant in drawn:
            code = (ROOT / place).read_bytes()
            changed = code[: mutant.start], mutant.replacement, code[mutant.end :]
            (copy / place).write_bytes(changed[0] + changed[1].encode() + changed[2])
            tests = _tests_of(folder, slow=True)
            result = _run(copy, tests, max(ends - monotonic(), 1.0))
            (copy / place).write_bytes(code)
            if not result.finished:
                break
            tried += 1
            if not result.killed:
                survived += 1
                _say(str(place), code, mutant)
    print(f"\nseed {seed}: {tried} of {len(drawn)} mutants tried, {survived} survived")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    seed = given[0] if given else secrets.randbelow(10**6)
    main(seed, given[1] if given[1:] else COUNT)
