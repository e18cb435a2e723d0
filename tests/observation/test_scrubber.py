"""The scrubber: what is secret is gone, what helps is left."""

import json
import os
import re
import tarfile
from base64 import b64encode, urlsafe_b64encode
from io import BytesIO
from pathlib import Path
from time import process_time
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pexschedd.clock import system_now
from pexschedd.observation.bundle_file import MOST, bundle_of
from pexschedd.observation.recent_lines import read_end, recent_lines
from pexschedd.observation.scrubber import Scrubber

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_"


def test_a_long_log() -> None:
    """Eight megabytes take seconds, with fifty secrets; it is one megabyte here."""
    line = (
        '{"time":"2026-01-01T00:00:00.000+00:00","level":"info","log":"support",'
        '"User":"schedulingservice","system":"pexschedd.ews","message":"mailbox refused'
        ' FindItem code=ErrorServerBusy mailbox=room@corp.example integration=1",'
        '"correlation_id":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","integration":1}\n'
    )
    made = Scrubber([f"{n:x}-{n * 7919:032d}" for n in range(50)], ["rudi", "zelda f"])
    began = process_time()
    made.scrub(line * ((1 << 20) // len(line)))
    assert process_time() - began < 2


def test_long_and_hostile_texts() -> None:
    """Time grows with the length alone: sixteen times the text, which would take 256
    times as long if a pattern went over it again and again."""
    for part in (
        "eyJaaaaa-", "a@b.cc ", 'password":"x', r'password":"\x', "token ", "token>",
        'token a="', "://", "://a:a", "Basic ", "Digest username=a,", "Cookie: a=b;",
        "authorization: a ", "@a.", '"', "\\", " ", "-----BEGIN PRIVATE KEY-----",
        "api", "a" * 50, "/feedback/", "?code=", '"password":' + " " * 19, "%40a",
        "aa:", "<token>", "<", "<a", "token','", "token=a,", "--password ", "%25",
        "code=",
    ):  # fmt: skip
        made = Scrubber(["aab-" * 5, "b.c"], ["a b"])
        times = []
        for size in (1 << 13, 1 << 17):
            text = part * (size // len(part))
            began = process_time()
            made.scrub(text)
            times.append(process_time() - began)
        assert times[1] < 100 * times[0] + 0.5, (part, times)
        assert times[1] < 3, (part, times)


@pytest.mark.parametrize("end", ["", ">", "/>"])
def test_a_tag_of_many_secrets(end: str) -> None:
    """One tag, or a text that looks like one, with many names of secrets in it takes
    no longer than many tags do."""
    began = process_time()
    Scrubber([]).scrub("a < b " + "token " * (1 << 14) + end)
    assert process_time() - began < 3


def test_beginnings_of_keys_without_an_end() -> None:
    """An end is looked for as far as the next beginning."""
    began = process_time()
    Scrubber([]).scrub("-----BEGIN PRIVATE KEY-----!" * (1 << 14))
    assert process_time() - began < 2


@pytest.mark.parametrize("secret", ["client~x?Secret", "abcd~x", "\xfc~>?~x\xff\xfe"])
def test_secrets_in_other_encodings(secret: str) -> None:
    """Known secrets are found in hexadecimal, in base64 for URLs, and in both cases of
    percent-encoding."""
    data = secret.encode()
    percent = quote(data, safe="")
    forms = [data.hex(), data.hex().upper(), percent, re.sub(
        "%..", lambda found: found[0].lower(), percent
    )]  # fmt: skip
    for form in forms:
        assert Scrubber([secret]).scrub(f"<{form}>") == "<[removed]>"
    for before in (b"", b"a", b"ab"):
        encoded = urlsafe_b64encode(before + data + b"\0\0").decode()
        left = Scrubber([secret]).scrub(encoded)
        assert left.count("[removed]") == 1
        assert len(left.replace("[removed]", "")) < 10


def test_an_address_is_known_again() -> None:
    """The same pseudonym in every text of a bundle, also if scrubbed twice."""
    scrubber = Scrubber(())
    first = scrubber.scrub("alice@example.com bob@example.com")
    second = scrubber.scrub("bob@example.com")
    assert second == "address-2@example.com"
    assert scrubber.scrub(first) == first


def test_names_are_words() -> None:
    """A name is removed where it is a word of its own, longer ones first."""
    scrubber = Scrubber((), ["rudi", "rudi.maier", " "])
    text = 'User="rudi" administrator=rudi.maier prudish'
    assert scrubber.scrub(text) == 'User="[name]" administrator=[name] prudish'
    scrubber = Scrubber((), ["Zelda Fitz", "Zo\xeb"])
    for text in ("Zelda%20Fitz", "zelda fitz", "ZELDA+FITZ", "zo\\u00eb", "zo%C3%AB"):
        assert scrubber.scrub(f"x/{text}/y") == "x/[name]/y"
    assert scrubber.scrub("azelda fitz, zelda") == "azelda fitz, zelda"


@pytest.mark.parametrize("secret", ["removed", "gone", "[name]", "address-1", "#"])
def test_secrets_that_are_words_of_ours(secret: str) -> None:
    """What takes the place of a secret is none itself."""
    scrubbed = Scrubber([secret], ["rudi"]).scrub(f"a@b.example {secret} rudi {JWT}")
    assert secret not in scrubbed


def test_short_secrets() -> None:
    """Those of up to three characters go where they are words; a text is not made
    unreadable by them."""
    assert Scrubber(["svc"]).scrub('"svc" svc2 msvc') == '"[removed]" svc2 msvc'


SECRETS = st.text(min_size=4, max_size=40).filter(
    lambda text: text.strip() == text and not text.isalnum()
)


@given(st.lists(SECRETS, min_size=1, max_size=4), st.text(), st.text())
@example(["a.a."], "", "a.")
@example(["[removed]"], "", "")
@example(["aXXa", "XX[r"], "", "")
def test_no_secret_is_left(secrets: list[str], before: str, after: str) -> None:
    """However a secret is written, it is not in the text any more."""
    scrubber = Scrubber(secrets)
    for secret in secrets:
        try:
            data = secret.encode()
        except UnicodeEncodeError:
            assume(False)
        forms = [
            secret,
            json.dumps(secret)[1:-1],
            json.dumps({"a": [secret]}, ensure_ascii=False),
            quote(data),
            quote_plus(data),
            urlencode({"p": secret}),
            repr(secret),
        ]
        for form in forms:
            scrubbed = scrubber.scrub(f"{before}{form}{after}")
            assert secret not in scrubbed
            assert form not in scrubbed or secret not in form


@given(st.binary(min_size=9, max_size=30), st.binary(max_size=7), st.binary(max_size=7))
def test_no_secret_is_left_in_base64(data: bytes, before: bytes, after: bytes) -> None:
    """A secret inside of other base64 text cannot be decoded from what is left."""
    secret = data.hex()
    encoded = b64encode(before + secret.encode() + after).decode()
    scrubbed = Scrubber([secret]).scrub(f"x {encoded} y")
    assert secret[3:-3] not in _decoded(scrubbed.split()[1])


def _decoded(text: str) -> str:
    clean = text.replace("[removed]", "").rstrip("=")
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]
    from base64 import b64decode  # noqa: PLC0415

    return b64decode(clean + "=" * (-len(clean) % 4)).decode("latin-1")


@given(st.text())
def test_it_ends_and_stays(text: str) -> None:
    """Any text is scrubbed once and for all."""
    scrubber = Scrubber(["secret-one"], ["rudi"])
    once = scrubber.scrub(text)
    assert scrubber.scrub(once) == once


def test_lines_of_the_last_hour() -> None:
    """By their times, in JSON and in text; tracebacks go with their line, and what
    templates have written is left out."""
    now = system_now().replace(microsecond=0)
    old = now.replace(year=now.year - 1).isoformat()
    new = now.isoformat()
    text = (
        f'{{"time":"{old}","message":"old"}}\n'
        f"{old} [x] old\nTraceback of old\n"
        f'{{"time":"{new}","message":"new"}}\n'
        f"{new} [x] new\nTraceback of new\n"
        f"{new} [x] template wrote debug output text=subject\nmore of it\n"
        f"{new} [x] last\n"
    )
    found = recent_lines(text, now).splitlines()
    assert [line[-5:] for line in found] == ['new"}', "] new", "f new", " last"]


def test_lines_of_the_journal() -> None:
    """With times as in the documented command, and without them: debug output may have
    more lines in either, and none of it is there."""
    now = system_now().replace(microsecond=0)
    new = f"{now.isoformat()} pexschedd[7]: "
    output = "template wrote debug output text=subject\n"
    timed = f"{new}first\n{new}{output}    more of it\n{new}last\n"
    assert recent_lines(timed, now) == f"{new}first\n{new}last\n"
    assert recent_lines(f"first\n{output}more of it\nlast\n", now) == "first\n"


def test_only_the_end_of_a_large_log(tmp_path: Path) -> None:
    """It begins with a whole line."""
    file = tmp_path / "log"
    line = b"x" * 999 + b"\n"
    file.write_bytes(line * 9_000)
    text = read_end(file)
    assert len(text) <= MOST
    assert text.startswith("x" * 999 + "\n")


@pytest.mark.parametrize("name", ["pipe", "folder", "none"])
def test_what_is_no_log(name: str, tmp_path: Path) -> None:
    """It is refused at once: a pipe might never end."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=name):
        read_end(tmp_path / name)


def test_the_content_of_a_bundle() -> None:
    """It belongs to no one, and of a long text it has the end."""
    data = bundle_of({"a/b.txt": "text\ud800", "long": "y\n" * MOST}, system_now())
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        assert archive.getnames() == [
            "pexschedd-support/a/b.txt",
            "pexschedd-support/long",
        ]
        assert {(m.mode, m.uid, m.uname) for m in archive} == {(0o600, 0, "")}
        member = archive.extractfile("pexschedd-support/a/b.txt")
        assert member is not None
        assert member.read() == b"text\\ud800"


def test_an_address_in_quotation_marks_is_the_same() -> None:
    """As in a command for administrators, whose marks stay."""
    text = "room@corp.example, -Identity 'room@corp.example' *room@corp.example*"
    assert Scrubber([]).scrub(text) == (
        "address-1@corp.example, -Identity 'address-1@corp.example' "
        "*address-1@corp.example*"
    )
