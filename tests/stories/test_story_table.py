"""docs/stories.md says what the tests play, and nothing else."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from pexschedd.scheduling.decisions.decision import AnswerTemplate

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "stories.md"

TEXTS = {
    "new single": AnswerTemplate.NEW_SINGLE,
    "edited single": AnswerTemplate.EDITED_SINGLE,
    "new series": AnswerTemplate.NEW_SERIES,
    "edited series": AnswerTemplate.EDITED_SERIES,
    "edited occurrence": AnswerTemplate.EDITED_OCCURRENCE,
    "invalid alias id": AnswerTemplate.INVALID_ALIAS,
    "alias conflict": AnswerTemplate.ALIAS_CONFLICT,
    "alias deleted": AnswerTemplate.ALIAS_DELETED,
    "single in the past": AnswerTemplate.SINGLE_PAST,
    "series in the past": AnswerTemplate.SERIES_PAST,
    "general error": AnswerTemplate.GENERAL_ERROR,
}
"""The names of the texts in the table."""


@cache
def rows() -> dict[str, str]:
    """Each story in the table, and what its organizer reads."""
    found = {}
    for line in TABLE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            assert len(cells) == 4, line
            name = cells[0].strip("`")
            assert name not in found, f"{name} is there twice"
            found[name] = cells[2]
    return found


@cache
def played() -> dict[str, set[str]]:
    """Each story that is played, and the names that its test uses, with those of the
    fixtures and helpers beside it."""
    found = {}
    for path in HERE.glob("test_stories_*.py"):
        theme = path.stem.removeprefix("test_stories_")
        uses = {name: _names(node) for name, node in _functions(path).items()}
        for name in uses:
            if name.startswith("test_"):
                found[f"{theme}.{name.removeprefix('test_')}"] = _reached(name, uses)
    return found


def _functions(path: Path) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a file of stories, and the fixtures that all files share."""
    return {
        node.name: node
        for each in (HERE / "conftest.py", path)
        for node in ast.parse(each.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _names(function: ast.AST) -> set[str]:
    """Everything that a function's source names, its fixtures included."""
    nodes = list(ast.walk(function))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _reached(name: str, uses: dict[str, set[str]]) -> set[str]:
    reached, waiting = set[str](), [name]
    while waiting:
        new = uses.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def test_every_row_is_played() -> None:
    """No row tells of a story that no test plays."""
    assert sorted(rows().keys() - played().keys()) == []


def test_every_story_has_a_row() -> None:
    """No test plays a story that the table does not tell."""
    assert sorted(played().keys() - rows().keys()) == []


def test_every_text_is_an_answer() -> None:
    """Each text that organizers can get is the answer of a row."""
    answers = " | ".join(rows().values())
    assert set(TEXTS.values()) == set(AnswerTemplate)
    assert [text for text in TEXTS if text not in answers] == []


@pytest.mark.parametrize("name", sorted(rows()))
def test_row_names_the_answers(name: str) -> None:
    """The texts that a row names are those that its test asks for."""
    used, answers = played()[name], rows()[name]
    asked = {phrase for phrase, text in TEXTS.items() if text.name in used}
    assert {phrase for phrase in TEXTS if phrase in answers} == asked


def over_one_interface() -> set[str]:
    """The stories that are not played over both: limited to one kind of mailbox, or in
    a world of their own instead of `conftest.py`'s."""
    found = set()
    for path in HERE.glob("test_stories_*.py"):
        theme = path.stem.removeprefix("test_stories_")
        body = ast.parse(path.read_text("utf-8")).body
        marks = [ast.unparse(node) for node in body if isinstance(node, ast.Assign)]
        whole = any(each.startswith("pytestmark") and ONE in each for each in marks)
        functions = _functions(path)
        asks = {
            name: {each.arg for each in node.args.args}
            for name, node in functions.items()
        }
        for name, node in functions.items():
            limited = any(ONE in ast.unparse(each) for each in node.decorator_list)
            theirs = _reached(name, asks).isdisjoint(("world", "empty_world"))
            if name.startswith("test_") and (whole or limited or theirs):
                found.add(f"{theme}.{name.removeprefix('test_')}")
    return found


ONE = "'empty_world', ['"


def test_one_interface_alone_has_a_reason() -> None:
    """The stories that are played over one kind of mailbox are those that the document
    gives a reason for; all others are played over both."""
    (paragraph,) = re.findall(
        r"\*\*One interface alone\*\*:(.+?)\n\n", TABLE.read_text("utf-8"), re.DOTALL
    )
    named: set[str] = set()
    for each in re.findall("`([a-z_]+[.](?:[a-z_]+|…))`", paragraph):
        theme, _, story = each.partition(".")
        alike = {name for name in rows() if name.startswith(f"{theme}.")}
        named |= alike if story == "…" else {each}
    assert over_one_interface() == named
