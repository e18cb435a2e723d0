"""`pexschedd-join`: an invitation in, a report and an exit status out."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pexschedd.tools.join import arguments, run
from tests.tools.entry_points import program_text

TEXT = "Title\nhttps://us02web.zoom.us/j/84900000001\nPasscode: 4455\n"


def joined(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = run(arguments(["test", *words]), io.BytesIO(stdin), out, err)
    return status, out.getvalue(), err.getvalue()


def test_report_for_people(tmp_path: Path) -> None:
    """The report has what the screen shows, and each rule with its reason."""
    file = tmp_path / "a.txt"
    file.write_text(TEXT)
    status, out, err = joined(str(file), "--subject", "Plan")
    assert (status, err) == (0, "")
    assert "Title:     Plan\n" in out
    assert "Join:      84900000001@zoomcrc.com\n" in out
    assert "PIN:       4455, to be entered in the call\n" in out
    assert "  Zoom: found 84900000001@zoomcrc.com\n" in out
    assert "  Webex: not needed: another one matched\n" in out


def test_links_are_listed() -> None:
    """Each link is listed as its sender wrote it, with its service."""
    wrapped = (
        b"https://nam12.safelinks.protection.outlook.com/?url="
        b"https%3A%2F%2Facme.webex.com%2Fmeet%2Fjoe&data=1 https://a.example/b"
    )
    _, out, _ = joined("-", stdin=wrapped)
    assert "  Webex: https://acme.webex.com/meet/joe\n" in out
    assert "  no meeting that is known: https://a.example/b\n" in out
    _, out, _ = joined("-", "--json", stdin=wrapped)
    assert json.loads(out)["links"][0]["rewritten_by"] == ["Microsoft Safe Links"]


def test_report_for_programs() -> None:
    """With --json it is one object; the status is 1 if there is no button."""
    status, out, _ = joined("-", "--json", stdin=b"https://zoom.us/my/joe")
    found = json.loads(out)
    assert (status, found["alias"], found["recognised"]) == (1, None, ["Zoom"])
    assert found["tried"][-1]["rule"] == "fallback"
    assert "no button" in found["notes"][0]


ENCODINGS = "utf-8", "utf-8-sig"
"""The second one begins with a mark, as editors and scripts on Windows write it."""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rules_of_an_installation(tmp_path: Path, encoding: str) -> None:
    """The rules may be an installation's own."""
    rules = tmp_path / "rules.json"
    rules.write_text(
        '[{"name": "Gateway", "meeting_type": "zoom", "priority": 1, "domain": '
        '"gw.example.com", "include_pin": true}]',
        encoding,
    )
    status, out, _ = joined("-", "--rules", str(rules), stdin=TEXT.encode())
    assert status == 0
    assert "84900000001.4455@gw.example.com" in out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_services_of_an_installation(tmp_path: Path, encoding: str) -> None:
    """The catalogue may have entries of an installation."""
    catalogue = tmp_path / "own.toml"
    catalogue.write_text(
        'version = "1"\n[[entries]]\nname = "acme"\ntitle = "Acme"\n'
        'hosts = ["acme.example"]\ndomain = "acme.example"\n'
        "[[entries.ways]]\nlink = { path = '/(?P<meeting_id>[0-9]+)$' }\n"
        '[[entries.tests]]\nbody = "https://acme.example/7"\n'
        'alias = "7@acme.example"\n',
        encoding,
    )
    text = b"https://acme.example/12"
    status, out, _ = joined("-", "--catalogue", str(catalogue), stdin=text)
    assert status == 0
    assert "Service:   Acme" in out


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("--rules", "[{}]", "rules.0: Object missing required field"),
        ("--rules", '[{"name":"A","meeting_type":"domain","priority":1}]', "0.domain"),
        ("--rules", "{", "This is not JSON"),
        ("--rules", "\udcff", "This is not JSON"),
        ("--catalogue", "x", "This is not TOML"),
        ("--catalogue", 'name = "\udcff"', "This is not TOML"),
        ("--catalogue", f"a = {'9' * 5000}", "This is not TOML"),
    ],
)
def test_wrong_file_is_refused(
    tmp_path: Path, option: str, content: str, words: str
) -> None:
    """A wrong file ends with 2, and each problem has a line with the file's name."""
    file = tmp_path / "wrong"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    status, out, err = joined("-", option, str(file), stdin=TEXT.encode())
    assert (status, out) == (2, "")
    assert err.startswith(f"{file}: ")
    assert words in err


@pytest.mark.parametrize("option", ["--rules", "--catalogue"])
def test_a_file_of_any_size(tmp_path: Path, option: str) -> None:
    """As much of it is read as it may have, whatever the machine has of memory."""
    file = tmp_path / "huge"
    with file.open("wb") as huge:
        huge.truncate(1 << 40)
    status, _, err = joined("-", option, str(file), stdin=TEXT.encode())
    assert status == 2
    assert "bytes at most" in err


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is named with the system's reason."""
    for path in (tmp_path / "none", tmp_path):
        status, _, err = joined(str(path))
        assert status == 2
        assert err.startswith(f"{path}: ")


def test_terminal_is_not_commanded() -> None:
    """Characters that a terminal would obey are not printed."""
    _, out, _ = joined("-", "--subject", "a\x1b[2Jb", stdin=b"sip:a@b.example")
    assert "\x1b" not in out


@pytest.mark.parametrize("words", [[], ["test"], ["test", "-", "--kind", "doc"], ["x"]])
def test_wrong_command_line(words: list[str]) -> None:
    """A wrong command line ends with 2."""
    with pytest.raises(SystemExit) as ended:
        arguments(words)
    assert ended.value.code == 2


def test_program_as_it_is_installed() -> None:
    """The program reads standard input, and does not mind a reader that has gone."""
    done = subprocess.run(
        [sys.executable, "-c", program_text("pexschedd-join"), "test", "-"],
        input=TEXT.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"84900000001@zoomcrc.com" in done.stdout
