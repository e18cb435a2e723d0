"""Which files of tests `make test-fast` runs: those that need little but a processor.

A file says so itself, by what it imports. One that leads to a process, a browser, a
socket, the reactor, the server or the disk that is played, or the source of everything,
directly or through the helpers it imports, is left to `make test`, and so is one whose
tests may take more time than others.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ELSEWHERE = (
    "ast",
    "pexschedd.sandbox",
    "playwright",
    "pytest_twisted",
    "schemathesis",
    "socket",
    "subprocess",
    "tests.store.store_disk",
    "twisted.internet.reactor",
)
"""Modules that lead out of the test's own process, let time pass in it, have thousands
of crashes tried, play a whole server, or read all of the source."""


class FastTests:
    """The fast ones of the files below one root, each read when it is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, bool] = {}

    def has(self, path: Path) -> bool:
        """Return whether a file of tests needs nothing but the processor."""
        if path not in self._known:
            self._known[path] = True  # while it is read: helpers may import each other
            self._known[path] = self._is_fast(path)
        return self._known[path]

    def _is_fast(self, path: Path) -> bool:
        text = path.read_text()
        if "pytest.mark.timeout" in text:
            return False
        names = set(_imports(ast.parse(text)))
        if any(_is_below(name, names) for name in ELSEWHERE):
            return False
        files = (self._root / f"{name.replace('.', '/')}.py" for name in names)
        tests = self._root / "tests"
        return all(self.has(f) for f in files if f.is_relative_to(tests) and f.exists())


def _imports(code: ast.Module) -> Iterator[str]:
    """Every module that is imported, and what may be one: the names taken from it."""
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_below(module: str, names: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for name in names)
