"""Old joining instructions are taken out of an invitation, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.bodies import tags
from pexschedd.bodies.old_instructions import (
    SAMPLE_DIGITS,
    SAMPLE_UUID,
    without_instructions,
    without_instructions_text,
)
from pexschedd.bodies.plain_text import plain_text
from pexschedd.bodies.visible_text import visible_text
from pexschedd.model.fields.default_texts import JOINING_INSTRUCTIONS

UUID = "4d3c2b1a-0f0e-4000-8abc-00000000beef"
OTHER = "0a1b2c3d-0f0e-4000-8abc-0000000000aa"


def made(digits: str, uuid: str, template: str = JOINING_INSTRUCTIONS) -> str:
    """The instructions for an alias, as the template's rendering makes them."""
    values = {
        "alias": f"555{digits}@example.com",
        "numeric_alias": f"555{digits}",
        "addin_server_domain": "vc.example.com",
        "alias_uuid": tags.make_pxps(uuid),
    }
    for name, value in values.items():
        template = template.replace("{{" + name + "}}", value)
    return template


SAMPLE = made(SAMPLE_DIGITS, SAMPLE_UUID)
OLD = made("123456", UUID)


def shown(html: str) -> str:
    return "".join(visible_text(html).replace("\0", "").split())


@pytest.mark.parametrize(
    "rewritten",
    [
        OLD,
        OLD.replace("\r\n", ""),
        OLD.replace(" ", "\n"),
        OLD.replace(" ", "&nbsp;"),
        OLD.replace("<br>", "<o:p></o:p></p><p class=MsoNormal>"),
        OLD.replace("telephone", "<span lang=EN>tele</span><b>phone</b>"),
        OLD.replace("555123456", "<span>555</span>12<!-- x -->3456"),
        OLD.replace(" then 5", "&#32;then &#53;"),
        OLD.replace("-", "\u2011"),
        OLD.upper(),
    ],
)
def test_however_they_were_rewritten(rewritten: str) -> None:
    """Wrapped, divided, quoted by references or in capitals: what is seen counts."""
    html = f"<html><body><p>Before</p>{rewritten}<p>Agenda</p></body></html>"
    rest, found = without_instructions(html, SAMPLE)
    assert found
    assert shown(rest) == "BeforeAgenda"
    assert rest.startswith("<html><body><p>Before</p>")
    assert rest.endswith("<p>Agenda</p></body></html>")
    assert tags.find(rest).pxps == ()


def test_all_of_them() -> None:
    """Those of an earlier recovery and of a quoted invitation go, too."""
    html = f"{OLD}<hr><p>Hi</p><blockquote>{made('77777', OTHER)}</blockquote>"
    rest, found = without_instructions(html, SAMPLE)
    assert found
    assert shown(rest) == "Hi"


@pytest.mark.parametrize(
    "edited",
    [
        OLD.replace("From a web browser", "From your browser"),
        OLD.replace("pexip://555123456", "pexip://555123457"),
        OLD.replace("vc.example.com", "old.example.com"),
    ],
)
def test_edited_ones_lose_their_tag(edited: str) -> None:
    """What an organizer has written is not thrown away, but the tag would count."""
    rest, found = without_instructions(f"<p>Hi</p>{edited}", SAMPLE)
    assert not found
    assert tags.find(rest).pxps == ()
    assert (
        shown(rest)
        == shown(f"<p>Hi</p>{edited}").replace(tags.make_pxps(UUID), "").strip()
    )


@pytest.mark.parametrize(
    "sample", ["", "Dial " + SAMPLE_DIGITS, tags.make_pxps(SAMPLE_UUID)]
)
def test_short_instructions_are_not_looked_for(sample: str) -> None:
    """They may be anybody's words; the tag goes all the same."""
    html = f"<p>Dial 12345 or ask {tags.make_pxps(UUID)}</p>"
    rest, found = without_instructions(html, sample)
    assert (rest, found) == ("<p>Dial 12345 or ask </p>", False)


def test_plain_text() -> None:
    """A plain body, quoted or not, keeps its lines."""
    old = plain_text(OLD)
    text = f"Hello\r\n\r\n{old}\r\nAgenda\r\n"
    rest, found = without_instructions_text(text, plain_text(SAMPLE))
    assert found
    assert rest.split() == ["Hello", "Agenda"]
    quoted = "\r\n".join(f"> {line}" for line in text.splitlines())
    rest, found = without_instructions_text(quoted, plain_text(SAMPLE))
    assert found
    assert tags.find("", rest).pxps == ()
    rest, found = without_instructions_text(f"Hi {tags.make_pxps(UUID)}!", "")
    assert (rest, found) == ("Hi !", False)


@given(st.lists(st.sampled_from([*"<>&;#=/'\"aps5 \n", "<b>", "PXPS:-", "&nbsp;"])))
def test_what_has_no_instructions_stays(words: list[str]) -> None:
    """Byte for byte, whatever it is."""
    html = "".join(words)
    assert without_instructions(html, SAMPLE) == (html, False)
    assert without_instructions_text(html, plain_text(SAMPLE)) == (html, False)
