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
from pexschedd.observation import scrubber
from pexschedd.observation.bundle_file import MOST, bundle_of
from pexschedd.observation.recent_lines import read_end, recent_lines
from pexschedd.observation.scrubber import Scrubber

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_"
OWN = "pexschedd_" + "Ab3" * 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"token {JWT}.", "token [removed]"),
        (f"Authorization: Bearer {OWN}", "Authorization: Bearer [removed]"),
        ("Authorization: Basic YWRtaW46aHVudGVyMg==", "Authorization: Basic [removed]"),
        (f"has {OWN} in it", "has [removed] in it"),
        ("http://svc:hunter2@proxy.example:3128/", "http://[removed]@proxy.example:3128/"),
        ("password=hunter2 next", "password=[removed] next"),
        ("client_secret=abc&grant=x", "client_secret=[removed]&grant=x"),
        ('{"a_secret": "a\\"b", "x": 1}', '{"a_secret": "[removed]", "x": 1}'),
        ('{"password": "(set)"}', '{"password": "(set)"}'),
        ('{"state": "writable"}', '{"state": "writable"}'),
        ("/callback?code=abc&state=def", "/callback?code=[removed]&state=[removed]"),
        ('store_state{state="writable"} 1', 'store_state{state="writable"} 1'),
        ("-----BEGIN EC PRIVATE KEY-----\nMI\n-----END EC PRIVATE KEY-----\nx",
         "[removed]\nx"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "[removed]"),
        ("-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII"),
        ("Alice@Example.com wrote to bob@example.com, alice@example.com",
         "address-1@Example.com wrote to address-2@example.com, address-1@example.com"),
        ("a?user=alice%40example.com", "a?user=address-1%40example.com"),
        ("System.Web@2 and @decorated", "System.Web@2 and @decorated"),
        ("basic settings, bearer of news", "basic settings, bearer of news"),
    ],
)  # fmt: skip
def test_what_looks_secret(text: str, expected: str) -> None:
    """Known forms of credentials and addresses, and what only resembles them."""
    assert Scrubber(()).scrub(text) == expected


HIDDEN = "hunter2,XyZ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'{"m":"sent {\"password\": \"@\"}"}', r'{"m":"sent {\"password\": \"#\"}"}'),
        (r'{"m":"{\"b\": \"{\\\"pwd\\\": \\\"@\\\\\\\"q\\\"}\"}"}',
         r'{"m":"{\"b\": \"{\\\"pwd\\\": \\\"#\\\"}\"}"}'),
        (r'{"m":"{\"password\": \"@ (9 more)","x":1}',
         r'{"m":"{\"password\": \"#","x":1}'),
        ("{'password': '@', 'a': 1}", "{'password': '#', 'a': 1}"),
        ('"passcode" : "@', '"passcode" : "#'),
        ('"secretKey": "(set) @"', '"secretKey": "#"'),
        ('{"token": 12345, "x": 1}', '{"token": "#", "x": 1}'),
        (r'{\"pass\": 12345}', r'{\"pass\": \"#\"}'),
        ('{"secret": null}', '{"secret": null}'),
        ("password: hunter2 x", "password: # x"),
        ("password = hunter2 x", "password = # x"),
        ("pwd=(hunter2)", "pwd=#"),
        ("passwd={hunter2", "passwd=#"),
        ("<t:Password>@</t:Password>", "<t:Password>#</t:Password>"),
        ('<Password Type="a">@</Password>', '<Password Type="a">#</Password>'),
        ("&lt;Password&gt;@&lt;/Password&gt;", "&lt;Password&gt;#&lt;/Password&gt;"),
        ("a=<the token>\n\nTo <id>/", "a=<the token>\n\nTo <id>/"),
        ("Cookie: a=@; b=c User=", "Cookie: # User="),
        ("Set-Cookie: a=@; Path=/", "Set-Cookie: #"),
        ("X-Api-Key: hunter2", "X-Api-Key: #"),
        ("x-honeycomb-team: hunter2", "x-honeycomb-team: #"),
        ('Authorization: Digest username="a", response="@" User="b"',
         'Authorization: Digest # User="b"'),
        ('said Digest username="a", response="@"', "said Digest #"),
        ("Authorization: Scheme hunter2", "Authorization: #"),
        ("Authorization: Bearer ...", "Authorization: Bearer ..."),
        ('"Authorization": "Api-Token hunter2"', '"Authorization": "Api-Token #"'),
        ('"token": "", "a": 1', '"token": "", "a": 1'),
        (r'{\"token\": \"\", \"a\": 1}', r'{\"token\": \"\", \"a\": 1}'),
        ('"private_key": "@"', '"private_key": "#"'),
        ("ssl:443:privateKey=/k:certKey=/c", "ssl:443:privateKey=/k:certKey=/c"),
        ('"clientState": "@"', '"clientState": "#"'),
        ("reason=bad secret: AADSTS7000222", "reason=bad secret: AADSTS7000222"),
        ("bypass: none of it", "bypass: none of it"),
        ("compass=north bypass=south", "compass=north bypass=south"),
        ("Basic authentication", "Basic authentication"),
        ("POST /feedback/7/abcdef", "POST /feedback/7/#"),
        ("/a/1/change_notifications/abcdef?x", "/a/1/change_notifications/#?x"),
        ("/feedback/7/...", "/feedback/7/..."),
        ("http://c.example/v1?api-key=hunter2&a=b", "http://c.example/v1?api-key=#&a=b"),
        ("http://px:p@@host", "http://#@host"),
        ("http://px:pa/@@host:80/", "http://#@host:80/"),
        ("http://h:80/users/x@localhost", "http://h:80/users/address-1@localhost"),
        ('"john doe"@corp.example, x', "address-1@corp.example, x"),
        (r'\"john doe\"@corp.example', "address-1@corp.example"),
        ("alice=40corp.example alice@corp.example",
         "address-1=40corp.example address-1@corp.example"),
        ("\u0130 password=hunter2", "\u0130 password=#"),
    ],
)  # fmt: skip
def test_more_that_looks_secret(text: str, expected: str) -> None:
    """Each form in which something of ours, of Exchange or a library writes a secret;
    `@` stands for one, and what was around it stays."""
    if "#" in expected:
        text = text.replace("@", HIDDEN, 1) if "@@" not in text else (
            text.replace("@@", f"@{HIDDEN}@", 1)
        )  # fmt: skip
    assert Scrubber(()).scrub(text) == expected.replace("#", "[removed]")


def test_what_helps_stays() -> None:
    """Ids, codes, times and the keys of our own log."""
    line = (
        '{"time":"2026-11-30T21:21:51.000+00:00","level":"warn","log":"support",'
        '"User":"schedulingservice","system":"pexschedd.ews","message":"server refused '
        "FindItem code=ErrorAccessDenied status=401 mailbox=3 token_kind=app "
        "error=invalid_token reason=AADSTS7000215 password_file=/etc/p url="
        'https://mail.example/EWS/Exchange.asmx seconds=1.2","correlation_id":'
        '"6f9619ff-8b86-d011-b42d-00cf4fc964ff","integration":1}\n'
        '2026-11-30 WWW-Authenticate: Bearer error="invalid_token", Basic realm="x"\n'
        "ErrorInvalidToken, InvalidAuthenticationToken: [removed]\n"
        "GET /api/admin/configuration/v1/mjx_exchange_deployment/ 200 "
        "6f9619ff8b86d011b42d00cf4fc964ff\n"
    )
    assert Scrubber(["hunter2", "4711"], ["rudi"]).scrub(line) == line


def test_keys_of_our_log_stay() -> None:
    """No key of an event in the source is taken for the name of a secret, but for one
    whose value is true or false."""
    package = Path(scrubber.__file__).parents[1]
    keys = {
        key
        for module in package.rglob("*.py")
        if "sandbox" not in module.parts
        for key in re.findall(r'[" ](\w+)=\{\w+\}', module.read_text("utf-8"))
    }
    assert len(keys) > 50
    line = " ".join(f"{key}=value" for key in sorted(keys - {"with_secrets"}))
    assert Scrubber(()).scrub(line) == line


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


@pytest.mark.parametrize("secret", ["removed", "gone", "name", "address", "move", "#"])
def test_secrets_that_are_words_of_ours(secret: str) -> None:
    """What takes the place of a secret is none itself."""
    scrubbed = Scrubber([secret], ["rudi"]).scrub(f"a@b.example {secret} rudi {JWT}")
    assert secret not in scrubbed


def test_short_secrets() -> None:
    """Those of up to three characters go where they are words; a text is not made
    unreadable by them."""
    assert Scrubber(["svc"]).scrub('"svc" svc2 msvc') == '"[removed]" svc2 msvc'


SECRETS = st.text(min_size=4, max_size=40).filter(lambda text: text.strip() == text)


@given(st.lists(SECRETS, min_size=1, max_size=4), st.text(), st.text())
@example(["abab"], "", "ab")
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
