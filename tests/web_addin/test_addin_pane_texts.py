"""The pane's words: built-in translations, and those of an administrator."""

import re
from collections.abc import Iterator
from importlib.resources import files

import msgspec
import pytest

from pexschedd.bodies.plain_text import plain_text
from pexschedd.errors import (
    PersonalRoomsOff,
    PexscheddError,
    StoreFull,
    TooManyRequests,
    UnknownUser,
)
from pexschedd.identity.personal.faults import UserSignInFailed
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.fields.default_texts import (
    JOINING_INSTRUCTIONS,
    PERSONAL_INSTRUCTIONS,
    PLACEHOLDER_INSTRUCTIONS,
)
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.pane_texts import (
    ENGLISH,
    THEIRS,
    filled_in,
    pane_translations,
    reason_word,
    translations,
)
from pexschedd.web.addin.pane_settings import opening_line, pane_settings
from pexschedd.web.routes import Forbidden

STATIC = files("pexschedd.web").joinpath("static")
LANGUAGES = ("ar", "de", "es", "fr", "nb", "nl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_built_in_languages(language: str) -> None:
    """Each has every word, with the same places to fill in."""
    script = STATIC.joinpath(f"pane-words-{language}.js").read_text("utf-8")
    found = re.search(r'words\.add\("(\w+)", (\{.*\})\);\n$', script, re.DOTALL)
    assert found
    assert found[1] == language
    words = msgspec.json.decode(found[2], type=dict[str, str])
    assert words.keys() == ENGLISH.keys()
    for name, text in words.items():
        assert filled_in(text) == filled_in(ENGLISH[name]), name
        assert text.strip() == text != ""


def test_the_scripts_know_the_words() -> None:
    """Every word that a script or a window's page says by its name is there, and none
    is left over."""
    scripts = "".join(
        entry.read_text("utf-8")
        for entry in STATIC.iterdir()
        if entry.name.startswith("pane") and "words" not in entry.name
    )
    named = set(re.findall(r"['\"](\w+)['\"]", scripts))
    cards = {f"{name}{part}" for name in named for part in ("Heading", "Message")}
    tags = {f"{name}Tag" for name in ("another", "spent", "expired", "unknown")}
    pages = "".join(
        files("pexschedd.web").joinpath("pages", name).read_text("utf-8")
        for name in ("sign_in_confirm.html", "signed_in.html")
    )
    windows = set(re.findall(r'"(window\w+|reference)"', pages))
    assert windows - ENGLISH.keys() == set()
    reasons = {name for name in ENGLISH if name.startswith("reason")}
    assert ENGLISH.keys() - named - cards - tags - windows - reasons == set()
    said = set(re.findall(r"\bsay\('(\w+)'", scripts))
    assert said - ENGLISH.keys() == set()


def test_the_reasons_are_those_of_errors() -> None:
    """Each failure of a sign-in has a word by its code, in English what the server says
    itself; and no reason is that of no error."""
    kinds = [*every(UserSignInFailed), *every(UnknownUser)]
    for kind in kinds:
        told = ENGLISH[reason_word(kind.code)]
        assert getattr(kind, "reason", kind.public) in ("", told), kind
    kinds += [TooManyRequests, PersonalRoomsOff, StoreFull, Forbidden]
    known = {reason_word(kind.code) for kind in kinds}
    assert {name for name in ENGLISH if name.startswith("reason")} == known


def every(kind: type[PexscheddError]) -> Iterator[type[PexscheddError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


def test_the_texts_that_are_fields() -> None:
    """The administrator's texts are fields of the integration."""
    assert fields_of(Connector).keys() >= THEIRS


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", None),
        ("de close = Zu\n\npt-BR addin_pane_title = <b>Sala</b>", None),
        ("de close", "Line 1: A line is like this: de close = Schließen."),
        ("\n8 close = x", "Line 2: '8' is not a language such as de or pt-BR."),
        ("de clos = x", "Line 1: 'clos' is none of loading, looking"),
        ("de close = ", "Line 1: The text is empty."),
        ("de close = " + "x" * 501, "Line 1: The text has more than 500 characters."),
        ("de close = x\nDE close = y", "Line 2: de close is there twice."),
        ("de close = {room}", "Line 1: The pane fills in nothing here, not {room}."),
        (
            "de roomsFound = {zahl}",
            "Line 1: The pane fills in {count} here, not {zahl}.",
        ),
    ],
)
def test_checks_of_translations(value: str, problem: str | None) -> None:
    """A line that cannot be used is refused with what would be right."""
    found = pane_translations(value)
    assert found == problem or (found or "").startswith(problem or "-")


def test_translations_reach_the_pane() -> None:
    """Those of fields are HTML and sanitised, the others plain text."""
    connector = Connector(
        id=1,
        uuid="1",
        name="x",
        addin_server_domain="vc.test",
        addin_pane_translations="DE close = <b>Zu</b>\n"
        "de addin_pane_title = <b>Raum</b><script>x</script>",
    )
    settings = pane_settings(connector, "", {})
    assert settings["translations"] == {
        "de": {"close": "<b>Zu</b>", "addin_pane_title": "<b>Raum</b>"}
    }
    assert next(translations("de close = a = b")).text == "a = b"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        (
            JOINING_INSTRUCTIONS,
            "Please join my Pexip Virtual Meeting Room in one of the following ways:",
        ),
        (
            PLACEHOLDER_INSTRUCTIONS,
            plain_text(PLACEHOLDER_INSTRUCTIONS).split("\n")[0],
        ),
        (PERSONAL_INSTRUCTIONS, ""),
        ("<p>Join {{alias}}</p>", ""),
        ("<p>Hello</p><p>{{alias}}</p>", "Hello"),
        ("{{alias}}", ""),
    ],
)
def test_how_instructions_begin(template: str, line: str) -> None:
    """The first line that is the same in all instructions of a template."""
    assert opening_line(template) == line
