"""The files of the administrator's page keep to what its policy and docs promise."""

import re

import pytest

from pexschedd.web.admin.page.routes import PACKAGE, POLICY, STATIC
from pexschedd.web.admin.page.words import words_script
from pexschedd.web.page_files import load_page

PAGE = load_page(PACKAGE, STATIC, {"words.js": words_script()})
SCRIPTS = {
    name: file.content.decode()
    for name, file in PAGE.others.items()
    if name.endswith(".js")
}
STYLES = {
    name: file.content.decode()
    for name, file in PAGE.others.items()
    if name.endswith(".css")
}
IMPORT = re.compile(r"""\bfrom "\./([\w-]+\.js)";$""", re.MULTILINE)
MOST_LINES = 400


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str) -> None:
    """None makes markup of text or keeps anything in the browser; each comes with
    those that it names, from here alone, and says what it is for."""
    text = SCRIPTS[name]
    assert re.match(r"/\* .*\. \*/\n\n", text), "the first line says what it is for"
    assert len(text.splitlines()) <= MOST_LINES
    for forbidden in (
        "insertAdjacentHTML",
        "outerHTML",
        "document.write",
        "localStorage",
        "sessionStorage",
        "indexedDB",
        "cookie =",
        "eval(",
    ):
        assert forbidden not in text
    assert not re.search(r"innerHTML\s*=[^=]", text)
    assert text.count("import ") == len(IMPORT.findall(text))
    assert set(IMPORT.findall(text)) <= SCRIPTS.keys()


def test_everything_is_used() -> None:
    """Each script is reached from the page, and each style and picture is named."""
    page = PAGE.page.decode()
    reached = {"app.js"}
    while (
        more := {other for name in reached for other in IMPORT.findall(SCRIPTS[name])}
        - reached
    ):
        reached |= more
    assert reached == SCRIPTS.keys()
    named = set(re.findall(rf"/admin/static/{PAGE.version}/([\w.-]+)", page))
    assert named == {*STYLES, "app.js", "mark.svg"}


def test_nothing_comes_from_elsewhere() -> None:
    """No address of another host is loaded, no style or script is in the page itself;
    the policy allows neither."""
    page = PAGE.page.decode()
    assert "://" not in page
    assert "style=" not in page
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    for text in STYLES.values():
        assert "url(" not in text
        assert "@import" not in text
    assert "unsafe" not in POLICY
    assert "*" not in POLICY
    assert "require-trusted-types-for 'script'" in POLICY
