"""Values that an administrator may enter, and those that are refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import InvalidFields
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.fields.validation import validate
from pexschedd.model.integration.connector import Connector, ExchangeDomain
from pexschedd.model.schedule import ScheduledConference
from tests.model.validation_support import (
    BASES,
    CONNECTOR,
    TEMPLATES,
    check,
    problems_of,
)

WRONG: list[tuple[type[Record], str, object]] = [
    (Connector, "name", ""),
    (Connector, "name", "  "),
    (Connector, "name", 7),
    (Connector, "name", None),
    (Connector, "name", ["a"]),
    (Connector, "name", "x" * 251),
    (Connector, "name", "a\nb"),
    (Connector, "name", "a\x00b"),
    (Connector, "description", "a\u2028b"),
    (Connector, "enable_dynamic_vmrs", "yes"),
    (Connector, "enable_dynamic_vmrs", "1"),
    (Connector, "enable_dynamic_vmrs", 1),
    (Connector, "url", "mail.example.test"),
    (Connector, "url", "ftp://mail.example.test/"),
    (Connector, "url", "http://mail.example.test/EWS"),
    (Connector, "url", "http://127.0.0.1.example.test/EWS"),
    (Connector, "url", "https://user:pw@mail.example.test/EWS"),
    (Connector, "url", "https://mail.example.test:0/EWS"),
    (Connector, "url", "https://mail.example.test:99999/EWS"),
    (Connector, "url", "https://mail example.test/EWS"),
    (Connector, "url", "https:///EWS"),
    (Connector, "url", "https://[::1/EWS"),
    (Connector, "url", "https://mail.example.test/\"'><script>"),
    (Connector, "url", "javascript:alert(1)"),
    (Connector, "url", "https://x.test/" + "a" * 250),
    (Connector, "url", ""),
    (Connector, "authentication_method", "DIGEST"),
    (Connector, "authentication_method", "basic"),
    (Connector, "username", "x" * 101),
    (Connector, "username", ""),
    (Connector, "password", "x" * 101),
    (Connector, "password", None),
    (Connector, "password", ""),
    (Connector, "room_mailbox_email_address", "rooms"),
    (Connector, "room_mailbox_email_address", "@example.test"),
    (Connector, "room_mailbox_email_address", "a b@example.test"),
    (Connector, "room_mailbox_email_address", "a@exa mple.test"),
    (Connector, "room_mailbox_email_address", "a@b@example.test"),
    (Connector, "room_mailbox_email_address", "<a@example.test>"),
    (Connector, "poll_interval", 0),
    (Connector, "poll_interval", 3601),
    (Connector, "poll_interval", "5.0"),
    (Connector, "poll_interval", " 5"),
    (Connector, "poll_interval", "0x5"),
    (Connector, "poll_interval", "9999"),
    (Connector, "poll_interval", "\u0665"),
    (Connector, "poll_interval", 5.5),
    (Connector, "poll_interval", True),
    (Connector, "scheduled_alias_prefix", "123456789"),
    (Connector, "scheduled_alias_prefix", "5 5"),
    (Connector, "scheduled_alias_prefix", "5@"),
    (Connector, "scheduled_alias_prefix", "5;a"),
    (Connector, "scheduled_alias_prefix", "sip:5"),
    (Connector, "scheduled_alias_prefix", "5#"),
    (Connector, "scheduled_alias_prefix", "5?a"),
    (Connector, "scheduled_alias_prefix", "5/a"),
    (Connector, "scheduled_alias_prefix", "5%2"),
    (Connector, "scheduled_alias_prefix", "\u00fc5"),
    (Connector, "scheduled_alias_prefix", ""),
    (Connector, "scheduled_alias_suffix_length", 4),
    (Connector, "scheduled_alias_suffix_length", 16),
    (Connector, "scheduled_alias_domain", "https://example.test"),
    (Connector, "scheduled_alias_domain", "example..test"),
    (Connector, "scheduled_alias_domain", "x" * 193),
    (Connector, "meeting_buffer_before", -1),
    (Connector, "meeting_buffer_before", 181),
    (Connector, "meeting_buffer_after", 181),
    (Connector, "meeting_buffer_after", 2**70),
    (Conference, "primary_owner_email_address", "alice"),
    (Connector, "ivr_theme", "x"),
    (Connector, "non_idp_participants", "allow"),
    (Connector, "auth_provider", "GOOGLE"),
    (Connector, "addin_server_domain", ""),
    (Connector, "addin_server_domain", "https://px.example.test"),
    (Connector, "addin_server_domain", "px.example.test:"),
    (Connector, "addin_server_domain", "px.example.test:70000"),
    (Connector, "addin_server_domain", "px.example.test/path"),
    (Connector, "addin_button_label", "x" * 251),
    (Connector, "addin_pane_title", "a\x1bb"),
    (Connector, "addin_manifest_permissions", "Restricted"),
    (Connector, "addin_frame_ancestors", "https://mail.example.test/owa"),
    (Connector, "addin_frame_ancestors", "https://a.test; script-src *"),
    (Connector, "addin_frame_ancestors", "https://a.test,https://b.test"),
    (Connector, "addin_frame_ancestors", "https://a.test\nhttp://b.test"),
    (Connector, "addin_frame_ancestors", "*"),
    (Connector, "addin_authentication_method", "TOKEN"),
    (Connector, "additional_add_in_script_sources", "https://a.test/a.js\nb.js"),
    (Connector, "office_js_url", "http://cdn.example.test/office.js"),
    (Connector, "conference_name_template", ""),
    (Connector, "conference_name_template", "{{subject"),
    (Connector, "conference_name_template", "{{alias_uuid}}"),
    (Connector, "conference_subject_template", "{{''.__class__}}"),
    (Connector, "conference_subject_template", "x" * 12289),
    (Connector, "meeting_instructions_template", "{{alias}}"),
    (Connector, "meeting_instructions_template", "{# {{alias_uuid}} #}"),
    (Connector, "meeting_instructions_template", "{{alias_uuid}}{{subject}}"),
    (Connector, "accept_new_single_meeting_template", "{{correlation_id}}"),
    (Connector, "placeholder_instructions_template", "{{alias}}"),
    (Connector, "reject_general_error_template", "{% for %}"),
    (Connector, "no_such_field", 1),
    (Connector, "oauth_state", "internal"),
    (ExchangeDomain, "domain", ""),
    (ExchangeDomain, "domain", "mail example"),
    (ExchangeDomain, "domain", "http://mail.example.test/autodiscover"),
    (ExchangeDomain, "domain", "x" * 193),
    (ExchangeDomain, "exchange_connector", None),
    (Conference, "name", ""),
    (Conference, "pin", "123"),
    (Conference, "pin", "12a4"),
    (Conference, "pin", "12#34"),
    (Conference, "pin", "1" * 21),
    (Conference, "guest_pin", "1234"),
    (Conference, "participant_limit", -1),
    (Conference, "max_callrate_in", 100),
    (Conference, "crypto_mode", "maybe"),
    (Conference, "pin", 1234),
    (Conference, "host_view", "all"),
    (ConferenceAlias, "alias", ""),
    (ConferenceAlias, "alias", "x" * 251),
    (ScheduledConference, "start_time", "today"),
    (ScheduledConference, "start_time", "2026-11-21"),
    (ScheduledConference, "start_time", 1764000000),
    (ScheduledConference, "start_time", None),
    (ScheduledConference, "end_time", "2026-11-21T09:00:00"),
    (ScheduledConference, "end_time", "0001-01-01T00:00:00+14:00"),
    (ScheduledConference, "sequence", 1),
]


@pytest.mark.parametrize(("kind", "field", "value"), WRONG)
def test_wrong_value_is_named(kind: type[Record], field: str, value: object) -> None:
    """A wrong value is refused, and the problem is about that field alone."""
    with pytest.raises(InvalidFields) as caught:
        check(kind, {**BASES[kind], field: value})
    assert set(caught.value.problems) == {field}
    assert all(caught.value.problems[field])


@pytest.mark.parametrize("kind", BASES)
def test_base_is_right(kind: type[Record]) -> None:
    """The records that the table above spoils are right before."""
    check(kind, BASES[kind])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://127.0.0.1:8082/EWS/Exchange.asmx"),
        ("url", "http://localhost/EWS"),
        ("url", "http://[::1]:8082/EWS"),
        ("url", "https://192.0.2.1/EWS"),
        ("addin_server_domain", "127.0.0.1:8080"),
        ("addin_server_domain", "[::1]:8080"),
        ("scheduled_alias_prefix", "meet.0-9"),
        ("scheduled_alias_prefix", "+47"),
        ("scheduled_alias_prefix", "*"),
        ("scheduled_alias_prefix", "._~!$*+="),
        ("scheduled_alias_prefix", "-()&,'Aa"),
        ("scheduled_alias_domain", ""),
        ("ivr_theme", None),
        ("poll_interval", 60.0),
        ("addin_frame_ancestors", "https://mail.example.test\r\nhttps://*.x.test:8443"),
        ("additional_add_in_script_sources", "https://a.test/a.js\nhttps://b.test/b"),
        ("addin_pane_title", "Räume <b>buchen</b> 会議"),
        ("conference_subject_template", ""),
        ("meeting_instructions_template", "{{ alias_uuid }}\r\n\t{{alias}}"),
        ("id", 99),
        ("uuid", 99),
    ],
)
def test_right_value_is_taken(field: str, value: object) -> None:
    """What is right is kept as it is; what the server sets is ignored."""
    record = check(Connector, {**CONNECTOR, field: value})
    if field not in ("id", "uuid"):
        assert getattr(record, field) == value


@pytest.mark.parametrize(
    ("prefix", "begin"),
    [
        ("4;7", "; cannot be in an alias: what follows it in a SIP address is a param"),
        (
            "4?7",
            "? cannot be in an alias: what follows it in a SIP address is a header",
        ),
        ("4/7;", "/ cannot be in an alias: it ends the alias in links of apps"),
        ("4%7", "% cannot be in an alias: it begins an escape"),
        ("å", "å cannot be in an alias: SIP addresses have it in an escaped"),
    ],
)
def test_a_prefix_that_cannot_be_dialled(prefix: str, begin: str) -> None:
    """The refusal names the first character that cannot be, and why."""
    with pytest.raises(InvalidFields) as caught:
        check(Connector, {**CONNECTOR, "scheduled_alias_prefix": prefix})
    (text,) = caught.value.problems["scheduled_alias_prefix"]
    assert text.startswith(begin)


def test_all_problems_at_once() -> None:
    """A request with many mistakes is told of each of them."""
    with pytest.raises(InvalidFields) as caught:
        check(Connector, {"poll_interval": 0, "authentication_method": "NTLM", "x": 1})
    assert set(caught.value.problems) == {
        "name",
        "addin_server_domain",
        "poll_interval",
        "x",
        "url",
        "username",
        "password",
        "room_mailbox_email_address",
        "scheduled_alias_prefix",
    }


@pytest.mark.parametrize("text", ["", "  "])
@pytest.mark.parametrize(
    "field",
    [
        "addin_pane_button_title",
        "addin_pane_personal_vmr_add_button",
        "addin_pane_personal_vmr_sign_in_button",
    ],
)
def test_buttons_have_a_text(field: str, text: str) -> None:
    """A button of the pane cannot be left without a text."""
    with pytest.raises(InvalidFields, match="empty"):
        check(Connector, {**CONNECTOR, field: text})


@pytest.mark.parametrize("text", ["mail.example.test", "*", "mailto:x@example.test"])
def test_an_origin_is_asked_for(text: str) -> None:
    """Where an origin is wanted, the error shows one: an address with a path, as of
    other fields, would be refused."""
    with pytest.raises(
        InvalidFields, match=r"an origin such as https://mail\.[a-z.]+$"
    ):
        check(Connector, {**CONNECTOR, "addin_frame_ancestors": text})


def test_update_looks_at_what_is_given_only() -> None:
    """A change keeps the rest, sealed secrets and server's fields included."""
    record = check(Connector, CONNECTOR)
    changed = validate(
        Connector, {"description": "new"}, current=record, templates=TEMPLATES
    )
    assert changed.description == "new"
    for name in fields_of(Connector):
        if name != "description":
            assert getattr(changed, name) == getattr(record, name)


def test_defaults_are_right() -> None:
    """Every default would be accepted, and every default template compiles."""
    for kind, base in BASES.items():
        given_values = dict(base)
        for name, declared in fields_of(kind).items():
            writable = not (declared.field.readonly or declared.field.internal)
            if writable and not declared.required:
                given_values.setdefault(name, declared.default)
        check(kind, given_values)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(
    kind=st.sampled_from(list(BASES)),
    data=st.data(),
)
def test_any_json_gives_a_record_or_problems(
    kind: type[Record], data: st.DataObject
) -> None:
    """No JSON value of any field does anything else than be taken or named."""
    names = st.sampled_from(list(fields_of(kind)))
    values = data.draw(st.dictionaries(names, _JSON, max_size=3))
    problems = problems_of(kind, {**BASES[kind], **values})
    # What depends on a wrong value may be named with it.
    assert not problems or problems & {*values} or kind in (Connector, Conference)
