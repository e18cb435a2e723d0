"""The catalogue of services, and what an installation adds to it."""

import pytest

from pexschedd.errors import InvalidFields
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.rule_sets import failed_tests, services_with
from pexschedd.onetouch.services.catalogue import (
    MEETING_TYPES,
    own_catalogue,
    own_services,
    own_unchecked,
    own_words,
    prepare_own_services,
    read_catalogue,
    with_entries,
)
from pexschedd.onetouch.services.entry import ServiceEntry
from pexschedd.onetouch.services.patterns import compiled
from tests.onetouch.onetouch_support import evaluate, rule, templates

ENTRIES = own_catalogue().entries

ADDED = rb"""
version = "2026-12-24"

[[entries]]
name = "acme-meet"
title = "Acme Meet"
hosts = ["meet.acme.example"]
pins = ['%passcode_number%']
dial = "{meeting_id}@{domain}"
dial_pin = "{meeting_id}.{pin}@{domain}"
domain = "sip.acme.example"

[[entries.ways]]
link = { path = '/room/(?P<meeting_id>[0-9]{4})$' }

[[entries.tests]]
body = "https://meet.acme.example/room/1234"
alias = "1234@sip.acme.example"
"""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_entry_finds_its_invitations(entry: ServiceEntry) -> None:
    """A rule for a service finds what its entry says in its invitations."""
    assert not list(failed_tests(entry, own_services()))


def test_each_way_is_needed_by_a_rule_type() -> None:
    """Every meeting type that is about a service has an entry."""
    assert {entry.meeting_type for entry in ENTRIES} == {*MEETING_TYPES, "catalogue"}


def test_installation_adds_an_entry() -> None:
    """An entry of an installation is found as ours are, with our words."""
    services = services_with(ADDED)
    chosen = rule("catalogue", include_pin=True)
    text = "https://meet.acme.example/room/1234\nKenncode: 5566"
    found = RuleSet([chosen], services, templates()).evaluate(Invitation(text=text))
    assert found.details is not None
    assert found.details.alias == "1234.5566@sip.acme.example"
    assert services.version.endswith(", with 2026-12-24")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"1234@sip", b"1235@sip", "Found was 1234@sip.acme.example SIP Other"),
        (b"room/1234", b"room/12345", "Nothing was found"),
        (b'alias = "1234@sip.acme.example"', b"", "There should be nothing to dial"),
        (b'1234"\nalias = "1234@sip.acme.example"', b'x"', "not recognised"),
    ],
)
def test_entry_whose_test_fails_is_refused(old: bytes, new: bytes, words: str) -> None:
    """An installation's entry has to find what its own invitations say."""
    assert old in ADDED
    with pytest.raises(InvalidFields) as refused:
        services_with(ADDED.replace(old, new))
    (problem,) = refused.value.problems["entries.0.tests.0"]
    assert words in problem


def test_installation_replaces_an_entry() -> None:
    """An entry with the name of one of ours takes its place."""
    added = read_catalogue(ADDED.replace(b'"acme-meet"', b'"lifesize"'))
    names = [entry.name for entry in with_entries(own_catalogue(), added).entries]
    assert names.count("lifesize") == 1
    assert len(names) == len(ENTRIES)


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        (b"[0-9]{4})$", b"[0-9]{4}$", "entries.0.ways.0.link", "regular expression"),
        (b"?P<meeting_id>", b"?P<number>", "entries.0.ways.0.link", '"number"'),
        (b'"{meeting_id}@', b'"{user}@', "entries.0.ways.0", '"user"'),
        (b'"acme-meet"', b'"Acme Meet"', "entries.0.name", "short name"),
        (b'"Acme Meet"', b'" "', "entries.0.title", "service's name"),
        (b'["meet.acme.example"]', b'["https://x"]', "entries.0.hosts", "domain"),
        (b'["meet.acme.example"]', b"[]", "entries.0.ways.0.link.hosts", "any_host"),
        (b"title =", b'platform = "Skype"\ntitle =', "entries.0.platform", "Zoom"),
        (b"title =", b'meeting_type = "x"\ntitle =', "entries.0.meeting_type", "zoom"),
        (b"title =", b'colour = "red"\ntitle =', "entries[0]", "colour"),
        (b"version =", b"versions =", "__all__", "version"),
        (b"[[entries]]", b"[[entries", "__all__", "TOML"),
        (b"[[entries]]", b"words = 1\n[[entries]]", "words", "table"),
    ],
)
def test_wrong_entry_is_refused_in_words(
    old: bytes, new: bytes, field: str, words: str
) -> None:
    """An error names the entry's field, and what is wrong or would be right."""
    assert old in ADDED
    with pytest.raises(InvalidFields) as refused:
        read_catalogue(ADDED.replace(old, new, 1))
    problems = refused.value.problems
    assert field in problems, problems
    assert words in " ".join(problems[field]), problems


def test_all_problems_are_named_at_once() -> None:
    """Two wrong entries are two problems, and a name that stands twice is one."""
    twice = ADDED + ADDED.partition(b"\n\n")[2].replace(b"{4})$", b"{4}$")
    with pytest.raises(InvalidFields) as refused:
        read_catalogue(twice)
    assert {"entries.1.name", "entries.1.ways.0.link"} <= refused.value.problems.keys()


def test_version_is_a_day() -> None:
    """The catalogue's version says when it was changed."""
    assert own_catalogue().version.count("-") == 2


def words_of(name: str) -> list[str]:
    """The plain ones among the words of our catalogue."""
    return [
        word for word in own_words()[name].split("|") if not set(word) & set("(?.[")
    ]


@pytest.mark.parametrize("word", words_of("passcode"))
@pytest.mark.parametrize(
    "form", ["{}: 246810", "{}\u00a0\uff1a\uff12\uff146810", "{}\n246810."]
)
def test_passcode_in_each_language(word: str, form: str) -> None:
    """Each word for a passcode is understood, with the colons that languages have."""
    text = f"https://us02web.zoom.us/j/84900000002\n{form.format(word.upper())}\n"
    found = evaluate(rule("zoom", include_pin=True), text=text).details
    assert found is not None
    assert found.alias == "84900000002.246810@zoomcrc.com"


@pytest.mark.parametrize("word", words_of("meeting_number"))
def test_meeting_number_in_each_language(word: str) -> None:
    """Each word for a meeting's number is understood beside a personal link."""
    text = f"https://acme.zoom.us/my/joe\n{word.capitalize()}: 849 0000 0003\n"
    found = evaluate(rule("zoom"), text=text).details
    assert found is not None
    assert found.alias == "84900000003@zoomcrc.com"


@pytest.mark.parametrize("word", words_of("video_number"))
def test_video_number_in_each_language(word: str) -> None:
    """Each word for a number of video systems is understood beneath an address."""
    text = f"teams@cvi.example.com\n{word.capitalize()}-ID: 119 200 300 4\n"
    found = evaluate(rule("pexipinfinityteamsbody"), text=text).details
    assert found is not None
    assert found.alias == "1192003004@cvi.example.com"


def test_reading_it_in_steps() -> None:
    """Preparing reads and compiles everything in many small steps: nothing is left to
    be compiled when the services are first used."""
    for cached in (own_services, own_catalogue, own_unchecked, compiled):
        cached.cache_clear()
    steps = list(prepare_own_services())
    assert len(steps) > len(ENTRIES)
    known = compiled.cache_info().misses
    assert own_services.cache_info().currsize == 1
    found = evaluate(rule("zoom"), html="<p>https://zoom.us/j/1234567890</p>")
    assert found.details is not None
    assert compiled.cache_info().misses == known
    assert list(prepare_own_services()) == []
