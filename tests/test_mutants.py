"""The tool behind `make mutants` makes the mistakes that it says it makes."""

import ast

from benchmarks.mutants import FOLDERS, ROOT, mutants

SOURCE = '''\
def f(ä: int = 3, *, b: "int | None" = None) -> bool:
    """Not 7."""
    assert ä != 5
    if ä < 2 and b is None:
        g(ä)
        raise ValueError
    return [x for x in ä if x]
'''


def applied(source: str) -> set[str]:
    code = source.encode()
    return {
        (code[: m.start] + m.replacement.encode() + code[m.end :]).decode()
        for m in mutants(source)
    }


def test_each_mistake_is_made_once() -> None:
    """Conditions, comparisons, numbers, statements and `and`, but no annotations."""
    expected = {
        ("int = 3", "int = (3 + 1)"),
        ("int = 3", "int = (3 - 1)"),
        ("if ä < 2 and b is None", "if (not (ä < 2 and b is None))"),
        ("ä < 2 and b is None", "((ä < 2) or (b is None))"),
        ("ä < 2", "(ä <= 2)"),
        ("< 2", "< (2 + 1)"),
        ("< 2", "< (2 - 1)"),
        ("b is None", "(b is not None)"),
        ("g(ä)", "pass"),
        ("raise ValueError", "pass"),
        ("if x]", "if (not (x))]"),
    }
    assert applied(SOURCE) == {SOURCE.replace(old, new) for old, new in expected}


def test_mutants_of_the_product_are_python() -> None:
    """Every one can be compiled: none is killed by a syntax error alone."""
    for folder in FOLDERS:
        for path in (ROOT / "pexschedd" / folder).glob("*.py"):
            for changed in applied(path.read_text()):
                ast.parse(changed)
