"""Rules: what is refused, which one matches, and what it makes of a match."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.errors import InvalidFields
from pexschedd.onetouch.rules.rule import (
    ALL_TYPES,
    NEED_A_DOMAIN,
    STANDARD_RULES,
    read_rules,
    rule_problems,
)
from pexschedd.onetouch.services.catalogue import MEETING_TYPES
from tests.onetouch.onetouch_support import evaluate, rule, templates
from tests.thorough import examples

ZOOM = "https://us02web.zoom.us/j/84900000001\nPasscode: 4455\n"


def alias_by(chosen: Any, **invitation: Any) -> str | None:
    details = evaluate(chosen, **invitation).details
    return None if details is None else details.alias


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": " "}, "name", "required"),
        ({"name": "x" * 251}, "name", "250"),
        ({"priority": 0}, "priority", "1 to 200"),
        ({"priority": 201}, "priority", "1 to 200"),
        ({"meeting_type": "zooom"}, "meeting_type", "zoom"),
        ({"domain": "https://x"}, "domain", "without @"),
        ({"meeting_type": "hangouts"}, "domain", "need a domain"),
        (
            {"meeting_type": "teamssipguestjoin", "domain": "x.example"},
            "company_id",
            "customer ID",
        ),
        ({"meeting_type": "regex"}, "match_string", "Enter"),
        ({"meeting_type": "regex_re2", "match_string": "(a"}, "match_string", "RE2"),
        ({"meeting_type": "regex", "match_string": "(?=a)"}, "match_string", "RE2"),
        (
            {"meeting_type": "regex", "match_string": "(a)", "replace_string": r"\2"},
            "replace_string",
            r"\2",
        ),
        ({"meeting_type": "custom"}, "custom_template", "Enter"),
        (
            {"meeting_type": "custom", "custom_template": "{{ evil }}"},
            "custom_template",
            "calendar_event",
        ),
        (
            {"meeting_type": "custom", "custom_template": "{{ pex_random_pin(4) }}@x"},
            "custom_template",
            "cannot be random",
        ),
        ({"default_processing_enabled": False}, "transform_rule", "Enter"),
        (
            {"default_processing_enabled": False, "transform_rule": "{{ number }}"},
            "transform_rule",
            "meeting_id",
        ),
    ],
)
def test_wrong_rule_is_refused(fields: dict[str, Any], field: str, words: str) -> None:
    """An error names the field, and what would be right."""
    given_fields: dict[str, Any] = {
        "meeting_type": "zoom",
        "name": "Zoom",
        "priority": 1,
    } | fields
    found = dict(rule_problems(rule(**given_fields), templates()))
    assert words in found[field], found


def test_file_of_rules_names_every_problem() -> None:
    """All wrong rules of a file are named, each with its number."""
    raw = [
        {"name": "A", "meeting_type": "zoom", "priority": 1},
        {"name": "B", "meeting_type": "hangouts", "priority": 1},
        {"name": "C", "meeting_type": "zoom", "priority": "1"},
        {"name": "D", "meeting_type": "zoom", "priority": 1, "colour": "red"},
    ]
    with pytest.raises(InvalidFields) as refused:
        read_rules(json.dumps(raw).encode(), templates())
    assert list(refused.value.problems) == ["rules.1.domain", "rules.2", "rules.3"]


@pytest.mark.parametrize("data", [b"{", b"1", b'"x"', b"[" * 100_000, b"\xff"])
def test_file_that_is_no_list_is_refused(data: bytes) -> None:
    """What is not a JSON list of rules is refused in words."""
    with pytest.raises(InvalidFields):
        read_rules(data, templates())


def test_answer_of_the_api_is_taken() -> None:
    """Rules may be what the management API answers, with its own fields."""
    answer = {
        "meta": {"total_count": 1},
        "objects": [
            {
                "id": 4,
                "name": "Zoom",
                "meeting_type": "zoom",
                "priority": 3,
                "mjx_integration": "/api/admin/configuration/v1/mjx_integration/1/",
                "resource_uri": "/api/admin/configuration/v1/x/4/",
            }
        ],
    }
    (found,) = read_rules(json.dumps(answer).encode(), templates())
    assert (found.id, found.priority) == (4, 3)


def test_standard_rules_need_nothing() -> None:
    """A fresh installation's rules are right, and are all that need no domain."""
    assert not [p for each in STANDARD_RULES for p in rule_problems(each, templates())]
    types = {each.meeting_type for each in STANDARD_RULES}
    missing = {*MEETING_TYPES, "catalogue"} - types
    assert missing == (NEED_A_DOMAIN - {"domain"}) | {"polys4bbody"}


def test_lowest_priority_number_matches_first() -> None:
    """The first rule that matches decides; the others say why they did not."""
    found = evaluate(
        rule("zoom", 30),
        rule("webex", 20, name="Late", enabled=False),
        rule("gotomeeting", 10),
        rule("catalogue", 40),
        text=ZOOM,
    )
    assert found.details is not None
    assert found.details.rule == "zoom"
    assert [(each.rule, each.reason) for each in found.tried] == [
        ("gotomeeting", "nothing of this kind is in the location or the body"),
        ("Late", "it is not enabled"),
        ("zoom", "found 84900000001@zoomcrc.com"),
        ("catalogue", "not needed: another one matched"),
    ]


def test_pin_is_shown_where_it_is_not_dialled() -> None:
    """Without include_pin the PIN is for people; with it, it is part of the alias."""
    by_hand = evaluate(rule("zoom"), text=ZOOM).details
    dialled = evaluate(rule("zoom", include_pin=True), text=ZOOM).details
    assert by_hand is not None
    assert dialled is not None
    assert (by_hand.alias, by_hand.pin) == ("84900000001@zoomcrc.com", "4455")
    assert (dialled.alias, dialled.pin) == ("84900000001.4455@zoomcrc.com", "")


def test_pin_of_webex_is_for_people() -> None:
    """The number for video systems is entered with the keypad, never dialled."""
    text = (
        "https://acme.webex.com/acme/j.php?MTID=m1\nMeeting number: 2551 222 3333\n"
        "Meeting password: aBc1 (99887766 when dialing from a phone or video system)\n"
    )
    details = evaluate(rule("webex", include_pin=True), text=text).details
    assert details is not None
    assert (details.alias, details.pin) == ("25512223333@acme.webex.com", "99887766")


def test_own_pin_is_dialled_if_asked_for() -> None:
    """The PIN of one's own rooms follows two asterisks."""
    link = "https://j.example.com/webapp/conference/meet.1@v.example.com?pin=1234"
    chosen = rule("pexipinfinity", include_pin=True)
    assert alias_by(chosen, location=link) == "meet.1**1234@v.example.com"


def test_domain_of_the_rule_is_dialled() -> None:
    """A rule's domain takes the place of the service's own, not of a printed one."""
    chosen = rule("zoom", domain="eu.zoomcrc.com")
    assert alias_by(chosen, text=ZOOM) == "84900000001@eu.zoomcrc.com"
    text = "84900000002@global.zoomcrc.com"
    assert alias_by(chosen, text=text) == text


def test_gateway_of_teams() -> None:
    """A rule for Teams dials the video number at the installation's gateway."""
    chosen = rule("teams", domain="gw.example.com")
    text = "acme@m.webex.com\nVideo ID: 119 600 700 1\nPhone conference ID: 5 5 5#"
    assert alias_by(chosen, text=text) == "1196007001@gw.example.com"


def test_skype_for_business() -> None:
    """The conference's number is dialled at the gateway; properties have it, too."""
    chosen = rule("s4b", domain="gw.example.com")
    fields = {"x-microsoft-conferencetelurl": "tel:+15550100,,60138"}
    assert alias_by(chosen, fields=fields) == "60138@gw.example.com"
    focus = "conf:sip:joe@corp.example;gruu;opaque=app:conf:focus:id:AB12CD34?x=1"
    found = alias_by(chosen, fields={"x-microsoft-onlinemeetingconflink": focus})
    assert found == "S4B.AB12CD34.joe@corp.example"


@pytest.mark.parametrize(
    ("transform", "alias"),
    [
        ("9{{ meeting_id }}@gw.example.com", "984900000001@gw.example.com"),
        ("{{ meeting_id }}**{{ pin }}@{{ domain }}", "84900000001**4455@zoomcrc.com"),
        ("{{ meeting_id|pex_tail(4) }}@x.example", "0001@x.example"),
        ("sips:{{ meeting_id }}@x.example;a=b", "84900000001@x.example"),
        ("h323:{{ meeting_id }}@x.example", "84900000001@x.example"),
        ("{{ tenant }}@x.example", None),
        ("{{ meeting_id }} @x.example", None),
        ("{% if pin == '1' %}x{% endif %}", None),
    ],
)
def test_transform_makes_the_alias(transform: str, alias: str | None) -> None:
    """A transform has what was found; without one of its values there is no match."""
    chosen = rule("zoom", default_processing_enabled=False, transform_rule=transform)
    assert not list(rule_problems(chosen, templates()))
    assert alias_by(chosen, text=ZOOM) == alias


@pytest.mark.parametrize("meeting_type", ["regex", "regex_re2"])
def test_expression_and_replacement(meeting_type: str) -> None:
    """An expression sees the text with the senders' own links in it."""
    wrapped = (
        "https://nam12.safelinks.protection.outlook.com/?url="
        "https%3A%2F%2Fportal.example.com%2Froom%2F77%3Fx%3D1&data=1"
    )
    chosen = rule(
        meeting_type,
        match_string=r"https://portal\.example\.com/(\w+)/(?P<n>[0-9]+)",
        replace_string=r"\1.\g<n>@\g<2>.example",
    )
    assert alias_by(chosen, text=f"Join {wrapped}") == "room.77@77.example"
    assert alias_by(chosen, html=f"<a href='{wrapped}'>x</a>") == "room.77@77.example"
    assert alias_by(chosen, text="nothing") is None


@pytest.mark.parametrize(
    ("transform", "protocol"),
    [("h323:{{ meeting_id }}", "H323"), ("1.2.3.4##{{ meeting_id }}", "H323"),
     ("sips:{{ meeting_id }}@x", "SIP")],
)  # fmt: skip
def test_transform_may_name_the_protocol(transform: str, protocol: str) -> None:
    """A protocol before the alias, or H.323's own form, is understood."""
    chosen = rule("zoom", default_processing_enabled=False, transform_rule=transform)
    details = evaluate(chosen, text=ZOOM).details
    assert details is not None
    assert details.protocol == protocol


def test_expression_without_a_replacement() -> None:
    """The first group is the alias, or the whole match."""
    assert (
        alias_by(rule("regex", match_string=r"room (\w+@x)"), text="room a@x") == "a@x"
    )
    assert alias_by(rule("regex", match_string=r"\w+@x"), text="room a@x") == "a@x"


def test_custom_template_sees_the_event() -> None:
    """A template may use subject, location, body, organizer and links."""
    source = (
        "{% set g = pex_regex_search('room ([0-9]+)', calendar_event.body) %}"
        "{% if g %}{{ g[0] }}.{{ calendar_event.location|lower }}@x.example{% endif %}"
    )
    chosen = rule("custom", custom_template=source)
    assert not list(rule_problems(chosen, templates()))
    assert (
        alias_by(chosen, html="<p>room&nbsp;12</p>", location="OAK")
        == "12.oak@x.example"
    )
    assert alias_by(chosen, text="none") is None
    undo = (
        "{{ calendar_event.location|pex_safelinks_decode|pex_regex_replace('.*/','') }}"
    )
    link = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fx%2Fb%40c&data=1"
    assert alias_by(rule("custom", custom_template=undo), location=link) == "b@c"


def test_custom_template_sees_the_ends_of_a_long_body() -> None:
    """Of a long body, the beginning and the end are there."""
    source = (
        "{{ calendar_event.body|pex_head(1) }}{{ calendar_event.body|pex_tail(1) }}@x"
    )
    body = "a" + "." * 100_000 + "z"
    assert alias_by(rule("custom", custom_template=source), text=body) == "az@x"


def test_template_that_fails_does_not_stop_the_others() -> None:
    """A failure is that rule's reason, and the next rule is tried."""
    source = "{{ (10 ** 4) // (calendar_event.subject|length) }}"
    found = evaluate(
        rule("custom", 1, custom_template=source), rule("zoom", 2), text=ZOOM
    )
    assert found.details is not None
    assert found.details.rule == "zoom"
    assert "failed" in found.tried[0].reason


def test_known_service_without_a_dial_string_is_told() -> None:
    """The reason names the service, and so does the list of what was recognised."""
    found = evaluate(rule("zoom"), text="https://acme.zoom.us/my/joe")
    assert found.details is None
    assert found.recognised == ("Zoom",)
    assert "a link of Zoom is there" in found.tried[0].reason


def test_opaque_link_is_told() -> None:
    """A link that nobody can undo is reported with what would help."""
    found = evaluate(text="https://protect-eu.mimecast.com/s/A?domain=zoom.us")
    assert found.details is None
    assert "Exempt the rooms' mailboxes" in found.notes[0]


def test_misleading_words_are_told() -> None:
    """A link that shows another address is reported."""
    html = (
        "<a href='https://us02web.zoom.us/j/84900000001'>https://evil.example/j/1</a>"
    )
    assert "leads to" in evaluate(html=html).notes[0]
    same = "<a href='https://us02web.zoom.us/j/84900000001?a=b'>us02web.zoom.us/j/8490…</a>"
    assert not evaluate(html=same).notes


def test_properties_of_the_meeting_count() -> None:
    """A link in a property is looked at, and keeps older meetings from being joined."""
    fields = {"x-google-conference": "https://meet.google.com/abc-defg-hij"}
    chosen = rule("hangouts", domain="gw.example.com")
    assert alias_by(chosen, fields=fields) == "abc-defg-hij@gw.example.com"
    teams = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Q%40thread.v2/0"
    fields = {"x-microsoft-skypeteamsmeetingurl": teams}
    text = f"See you\n\nFrom: A\nSent: B\n{ZOOM}"
    assert alias_by(rule("zoom"), fields=fields, text=text) is None
    assert alias_by(rule("zoom"), text=text) == "84900000001@zoomcrc.com"


def test_hidden_meeting_is_told() -> None:
    """A meeting that people do not see is no meeting, and is reported."""
    found = evaluate(html=f"<p>Lunch</p><div style='display:none'>{ZOOM}</div>")
    assert found.details is None
    assert not found.recognised
    assert "people do not see names a meeting of Zoom" in found.notes[0]


def test_left_out_history_is_told() -> None:
    """An older meeting that does not count is named."""
    text = f"https://acme.webex.com/meet/joe\n\nFrom: A\nSent: B\n{ZOOM}"
    found = evaluate(text=text)
    assert found.details is not None
    assert found.details.platform == "Webex"
    assert "Zoom is left out" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("Dial sip:a@b.example.", "a@b.example"),
        ("(sip:a@b.example;transport=tls)", "a@b.example"),
        ("sip:a@b.example@c.example", None),
        ("sip:a@b.example@c.example or sips:d@e.example", "d@e.example"),
        ("Dial h323:1.2.3.4##5.", "1.2.3.4##5"),
        ("h323:a@b.example, please", "a@b.example"),
        ("h323:a@b.example@c.example", None),
    ],
)
def test_written_with_its_protocol(text: str, alias: str | None) -> None:
    """Without a rule, the first address that is written with its protocol is dialled;
    what has two @ is none, and is not cut to one."""
    details = evaluate(text=text).details
    assert (details.alias if details else None) == alias


WORDS = (
    "https://us02web.zoom.us/j/84900000001",
    "Passcode: 12",
    "acme@m.webex.com",
    "\n",
    " ",
    "Video ID: 119 200 300 1",
    "<a href='",
    "'>",
    "</a>",
    "<p>",
    "<div hidden>",
    "</div>",
    "From: a\nSent: b\n",
    "> ",
    "-----Original Message-----",
    "sip:a@b.example",
    "&#",
    ";",
    "https://urldefense.com/v3/__https:/",
    "__;",
    "!!",
    "--=BEGIN POLYCOM VMR ENCODED ",
    "TOKEN=--",
    "\ufffc",
    "\x02",
    "\u202e",
    "\ud800",
    "%",
    "<blockquote type=cite>",
    "</blockquote>",
    "<!--",
    "-->",
    "<pre>",
    "h323:1.2.3.4##5",
    "会议号：",
    "\r\n",
    "##",
)


@settings(max_examples=examples(600))
@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=30).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=6).map("".join),
    st.booleans(),
)
def test_no_invitation_makes_rules_fail(body: str, location: str, html: bool) -> None:
    """Whatever an invitation holds, there is an answer, and its alias is one word."""
    found = evaluate(**{"html" if html else "text": body, "location": location})
    if found.details is not None:
        assert found.details.alias.isprintable()
        assert " " not in found.details.alias
        assert found.details.protocol in ("SIP", "H323")
    assert evaluate(**{"html" if html else "text": body, "location": location}) == found


def test_every_type_has_a_place() -> None:
    """The types are those of the platform, and one of ours."""
    assert len(set(ALL_TYPES)) == len(ALL_TYPES) == 20
