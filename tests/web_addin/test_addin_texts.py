"""The scripts' and style sheets' language."""

import re
from importlib.resources import files

import pytest

from tests import es5

NEWER_THAN_ES5 = {
    "arrow functions": r"=>",
    "let and const": r"\b(?:let|const)\s+[\w{\[]",
    "template strings": r"`",
    "classes": r"\bclass\s+\w+\s*(?:\{|extends)",
    "async and await": r"\b(?:async|await)\b",
    "for of": r"\bfor\s*\(\s*(?:var\s+)?\w+\s+of\b",
    "spread": r"\.\.\.",
    "generators": r"\bfunction\s*\*|\byield\b",
    "exponents": r"\*\*",
    "optional chaining": r"\?\.[A-Za-z_[(]|\?\?",
    "short methods": r"[{,]\s*(?!(?:function|if|for|while|switch)\b)\w+\s*"
    r"\([^()]*\)\s*\{",
    "default parameters": r"\bfunction\s*\w*\s*\([^)]*=",
    "trailing comma in calls": r",\s*\)",
    "newer library": r"\b(?:fetch|Promise|Symbol|Map|Set|WeakMap|Proxy|URLSearchParams"
    r"|URL|Reflect|globalThis)\s*[.(]",
    "newer methods": r"\.(?:includes|startsWith|endsWith|padStart|repeat|find|findIndex"
    r"|assign|entries|values|fromEntries|closest|remove|append|prepend|replaceAll"
    r"|flat|flatMap|finally)\(",
    "catch without a name": r"\bcatch\s*\{",
    "regular expressions": r"/[gim]*[suy][gimsuy]*[.,;)]|\(\?<",
}
STRINGS_AND_COMMENTS = re.compile(
    r"/\*.*?\*/|//[^\n]*|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL
)
SCRIPTS = [
    entry
    for entry in files("pexschedd.web").joinpath("static").iterdir()
    if entry.name.endswith(".js")
]


def newer_than_es5(script: str) -> list[str]:
    """What the parse finds, and what can only be seen by its name."""
    bare = STRINGS_AND_COMMENTS.sub("''", script)
    found = [name for name, what in NEWER_THAN_ES5.items() if re.search(what, bare)]
    return found + es5.newer_than_es5(script)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda entry: entry.name)
def test_scripts_are_es5(script: object) -> None:
    """Outlook 2016 and 2019 run the pane in Internet Explorer 11."""
    text = script.read_text(encoding="utf-8")  # type: ignore[attr-defined]  # Traversable
    assert newer_than_es5(text) == []


@pytest.mark.parametrize(
    "script",
    [
        "a.map(b => b)",
        "let a = 1",
        "const {a} = b",
        "x = `a`",
        "class A { }",
        "a?.b",
        "a ?? b",
        "f(...a)",
        "fetch('a')",
        "new Promise(a)",
        "a.includes(b)",
        "try { a() } catch { b() }",
        "x = { a() { return 1; } }",
        "for (var a of b) { }",
        "f(a,)",
    ],
)
def test_the_es5_check_sees_what_is_newer(script: str) -> None:
    """The check is worth something: it finds each kind of newer script."""
    assert newer_than_es5(script)


def test_the_style_sheet_is_for_old_browsers() -> None:
    """No custom properties, no grid; nothing is loaded from elsewhere."""
    css = files("pexschedd.web").joinpath("static/pane.css").read_text("utf-8")
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    assert not re.search(r"var\(|--\w|display:\s*grid|@import|url\(|inset|gap:", bare)
