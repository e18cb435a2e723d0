"""The add-in's manifest, icon and texts, as administrators meet them."""

from io import BytesIO

import pytest
import pytest_twisted
from PIL import Image

from pexschedd.doctor.case import AddinState
from pexschedd.model.integration.manifest_history import ManifestsInUse
from tests.web_admin.web_admin_support import (
    CONNECTOR,
    DOMAIN,
    HEAD_OFFICE,
    Answer,
    Server,
)


def red_square() -> bytes:
    out = BytesIO()
    Image.new("RGB", (80, 80), "red").save(out, "PNG")
    return out.getvalue()


@pytest_twisted.ensureDeferred
async def test_the_manifest_is_a_file(server: Server) -> None:
    """It downloads under a name that carries the integration's."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE | {"name": "Büro / Oslo"})
    answer = await server.client.ask("GET", f"{uri}manifest/")
    assert answer.status == 200
    assert answer.body.startswith(b"<?xml")
    assert answer.headers.getRawHeaders("content-type") == ["application/xml"]
    assert answer.headers.getRawHeaders("cache-control") == ["no-store"]
    (disposition,) = answer.headers.getRawHeaders("content-disposition")
    assert disposition == (
        'attachment; filename="addin-manifest-1-Buro - Oslo.xml"; '
        "filename*=UTF-8''addin-manifest-1-B%C3%BCro%20-%20Oslo.xml"
    )
    assert (await server.client.ask("GET", f"{CONNECTOR}7/manifest/")).status == 404


@pytest_twisted.ensureDeferred
async def test_the_icon(server: Server) -> None:
    """An icon that differs raises the manifest's revision; DELETE gives the default
    one back."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)

    async def revision() -> int:
        number: int = (await server.client.get(uri))["manifest_revision"]
        return number

    first = (await server.client.ask("GET", f"{uri}icon/")).body
    for _ in range(2):
        answer = await server.client.ask("PUT", f"{uri}icon/", body=red_square())
        assert answer.status == 202, answer.body
        assert await revision() == 2
    assert (await server.client.ask("GET", f"{uri}icon/")).body != first
    answer = await server.client.ask("PUT", f"{uri}icon/", body=b"no picture")
    assert (answer.status, await revision()) == (400, 2)
    for _ in range(2):
        answer = await server.client.ask("DELETE", f"{uri}icon/")
        assert (answer.status, answer.body, await revision()) == (204, b"", 3)
    assert (await server.client.ask("GET", f"{uri}icon/")).body == first


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("addin_display_name", "", "may not be empty"),
        ("addin_group_label", " \u200b", "may not be empty"),
        ("addin_supertip_description", "", "may not be empty"),
        ("addin_command_label", "", "may not be empty"),
        ("addin_button_label", "a\nb", "Control characters"),
        ("addin_button_label", "a\ufffe", "refused here"),
        ("addin_description", "x" * 251, "250 characters at most"),
        ("addin_default_locale", "english", "such as en-US"),
        ("addin_label_translations", "de-DE addin_button_label", "Line 1: A line is"),
        ("addin_label_translations", "de addin_button_label = x", "Line 1: 'de'"),
        ("addin_label_translations", "de-DE name = x", "is none of"),
        (
            "addin_label_translations",
            "\nde-DE addin_button_label =",
            "Line 2: The text",
        ),
        (
            "addin_label_translations",
            "de-DE addin_button_label = a\nde-DE addin_button_label = b",
            "Line 2: de-DE addin_button_label is there twice",
        ),
        (
            "addin_label_translations",
            "de-DE addin_button_label = " + "x" * 251,
            "more than 250",
        ),
        ("addin_label_translations", "en-US addin_button_label = x", "change those"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_no_manifest_takes(
    server: Server, field: str, value: str, words: str
) -> None:
    """A text that a manifest cannot hold is refused when it is saved."""
    problems = await server.client.refused(
        "POST", CONNECTOR, HEAD_OFFICE | {field: value}
    )
    assert list(problems) == [field]
    assert words in problems[field][0]


@pytest_twisted.ensureDeferred
async def test_a_command_without_rooms(server: Server) -> None:
    """The one-click command is for integrations that hand out single-use rooms."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    change = {"enable_addin_command": True, "enable_dynamic_vmrs": False}
    problems = await server.client.refused("PATCH", uri, change)
    assert "single-use" in problems["enable_addin_command"][0]


def warnings(answer: Answer) -> list[str]:
    return list(answer.headers.getRawHeaders("x-configuration-warning") or [])


@pytest_twisted.ensureDeferred
async def test_what_people_do_not_get_to_see_is_said(server: Server) -> None:
    """The answer, whose body stays empty, names the fields whose texts are shortened in
    the manifest or lose a part in the pane; each time that they are sent."""
    ask = server.client.ask
    texts = {
        "addin_button_label": "meeting " * 20,
        "addin_pane_title": "<h1>Rooms</h1>",
        "addin_pane_success_message": "<b style='position:fixed'>x</b><script>y",
        "addin_pane_general_error_message": "<b style='color:red'>x</b>",
        "addin_label_translations": "de-DE addin_group_label = " + "é" * 200,
    }
    answer = await ask("POST", CONNECTOR, HEAD_OFFICE | texts)
    assert (answer.status, answer.body) == (201, b"")
    found = warnings(answer)
    assert [line.split(": ")[0] for line in found] == [
        "addin_button_label",
        "addin_label_translations",
        "addin_pane_title",
        "addin_pane_success_message",
    ]
    assert "takes 125 characters here, and this has 159" in found[0]
    assert ": <h1>." in found[2]
    assert ": style position, <script>." in found[3]
    uri = answer.location
    answer = await ask("PATCH", uri, {"description": "x"})
    assert (answer.status, answer.body, warnings(answer)) == (202, b"", [])
    message = {"addin_pane_success_message": "<img src=x>"}
    answer = await ask("PATCH", uri, message)
    (line,) = warnings(answer)
    assert line.startswith("addin_pane_success_message: The pane does not show")
    assert line.endswith(": <img>.")
    answer = await ask("PUT", uri, HEAD_OFFICE | message)
    assert (answer.status, len(warnings(answer))) == (204, 1)
    many = {"objects": [{"id": 1, "description": "y"}, {"id": 1, **message}]}
    answer = await ask("PATCH", CONNECTOR, many)
    assert (answer.status, answer.body) == (202, b"")
    (line,) = warnings(answer)
    assert line.startswith("objects[1].addin_pane_success_message: ")


@pytest_twisted.ensureDeferred
async def test_translations_do_not_get_to_be_seen_as_a_whole_either(
    server: Server,
) -> None:
    """The answer names the language and the text of a translation that loses a part;
    the pane's own words are plain text, which loses nothing."""
    lines = "de close = <u>Zu</u>\nde addin_pane_title = <h1>Raum</h1>"
    texts = {"addin_pane_translations": lines}
    answer = await server.client.ask("POST", CONNECTOR, HEAD_OFFICE | texts)
    (line,) = warnings(answer)
    assert line.startswith(
        "addin_pane_translations: de addin_pane_title: The pane does"
    )
    assert line.endswith(": <h1>.")


@pytest_twisted.ensureDeferred
async def test_an_integration_without_a_domain(server: Server) -> None:
    """Each time that it is saved without one, or loses its last one, the answer says
    that nobody gets a room; not with one, and not with a method that needs none."""
    ask = server.client.ask
    answer = await ask("POST", CONNECTOR, HEAD_OFFICE | {"domains": []})
    assert answer.status == 201
    (line,) = warnings(answer)
    assert line.startswith("domains: No Exchange metadata domain is configured")
    uri = answer.location
    answer = await ask("PATCH", uri, {"description": "x"})
    assert warnings(answer) == [line]
    many = {"objects": [{"id": 1, "description": "y"}]}
    assert warnings(await ask("PATCH", CONNECTOR, many)) == [f"objects[0].{line}"]
    tokens = {
        "addin_authentication_method": "SSO_TOKEN",
        "addin_application_id": "bbbbbbbb-0000-4000-8000-000000000002",
        "addin_oidc_metadata_url": "https://login.microsoftonline.com/contoso.example"
        "/v2.0/.well-known/openid-configuration",
    }
    told = warnings(await ask("PATCH", uri, tokens))
    assert not any(each.startswith("domains") for each in told)
    method = {"addin_authentication_method": "EXCHANGE_USER_ID_TOKEN"}
    assert line in warnings(await ask("PATCH", uri, method))
    domain = {"domains": [{"domain": "mail.example.com"}]}
    assert warnings(await ask("PATCH", uri, domain)) == []
    (last,) = await server.client.objects(DOMAIN)
    assert warnings(await ask("DELETE", last["resource_uri"])) == [line]
    assert warnings(await ask("PATCH", uri, domain)) == []
    found = f"{DOMAIN}?domain=mail.example.com"
    assert warnings(await ask("DELETE", found)) == [line]
    assert warnings(await ask("PATCH", uri, domain)) == []
    assert warnings(await ask("PATCH", uri, {"description": "z"})) == []
    assert warnings(await ask("PATCH", uri, {"domains": []})) == [line]


@pytest_twisted.ensureDeferred
async def test_an_integration_over_graph_without_a_domain(server: Server) -> None:
    """No domain is asked for, as Exchange Online gives no identity tokens: the warning
    is about the method."""
    graph = {
        "domains": [],
        "mailbox_protocol": "GRAPH",
        "oauth_client_id": "11111111-2222-4333-8444-555555555555",
        "oauth_client_secret": "a~secret",
        "oauth_token_endpoint": "https://login.microsoftonline.com/contoso.example"
        "/oauth2/v2.0/token",
    }
    answer = await server.client.ask("POST", CONNECTOR, HEAD_OFFICE | graph)
    assert answer.status == 201
    (line,) = warnings(answer)
    assert line.startswith("addin_authentication_method: Exchange Online gives")
    assert "NAA_TOKEN" in line
    domain = {"domains": [{"domain": "mail.example.com"}]}
    told = await server.client.ask("PATCH", answer.location, domain)
    assert warnings(told) == []


ADFS = {
    "enable_personal_vmrs": True,
    "personal_vmr_oauth_auth_endpoint": "https://fs.example.test/adfs/oauth2/authorize",
    "personal_vmr_oauth_token_endpoint": "https://fs.example.test/adfs/oauth2/token",
    "personal_vmr_adfs_relying_party_trust_identifier": "https://vc.example.test/",
    "auth_provider": "ADFS",
}


@pytest_twisted.ensureDeferred
async def test_two_identity_providers(server: Server) -> None:
    """An integration with personal rooms whose provider is not that of another one is
    taken with a note; not again when something else is changed."""
    ask = server.client.ask
    first = await ask("POST", CONNECTOR, HEAD_OFFICE | ADFS)
    assert (first.status, warnings(first)) == (201, [])
    branch = HEAD_OFFICE | ADFS | {"name": "Branch", "room_mailbox_email_address": ""}
    branch["room_mailbox_email_address"] = "branch@example.test"
    second = await ask("POST", CONNECTOR, branch)
    assert (second.status, warnings(second)) == (201, [])
    endpoint = "https://fs.branch.test/adfs/oauth2/authorize"
    other = {"personal_vmr_oauth_auth_endpoint": endpoint}
    (line,) = warnings(await ask("PATCH", second.location, other))
    assert line.startswith(
        "personal_vmr_oauth_auth_endpoint: Integration 1 has another identity provider."
    )
    assert warnings(await ask("PATCH", second.location, {"description": "x"})) == []
    off = {"enable_personal_vmrs": False}
    assert warnings(await ask("PATCH", second.location, off)) == []
    on = {"enable_personal_vmrs": True}
    assert warnings(await ask("PATCH", second.location, on)) == [line]


STATUS = "/api/admin/status/v1/exchange_scheduler_addin/"


@pytest_twisted.ensureDeferred
async def test_a_deployed_manifest_that_is_old(server: Server) -> None:
    """The status says which revision is in use, and which fields changed since."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    status = await server.client.get(f"{STATUS}1/")
    assert status == {
        "id": 1,
        "exchange_connector_id": 1,
        "manifest_revision": 1,
        "newest_revision_in_use": None,
        "oldest_revision_in_use": None,
        "newest_revision_time": None,
        "manifest_is_current": None,
        "changed_fields": [],
        "changed_fields_complete": True,
        "frame_ancestors": [],
        "refused_frames": [],
        "warnings": [],
        "resource_uri": f"{STATUS}1/",
    }
    for change in (
        {"addin_button_label": "Book"},
        {"addin_display_name": "Rooms", "description": "x"},
        {"addin_pane_title": "Rooms"},
        {"addin_button_label": "Book a room", "addin_default_locale": "de-DE"},
    ):
        assert (await server.client.ask("PATCH", uri, change)).status == 202
    await server.client.ask("PUT", f"{uri}icon/", body=red_square())
    used = ManifestsInUse(newest=2, oldest=1, newest_time=server.clock())
    server.addin_states[1] = AddinState(manifests=used, notes=("a: b",))
    status = await server.client.get(f"{STATUS}1/")
    assert status["manifest_revision"] == 5
    assert status["manifest_is_current"] is False
    assert status["newest_revision_in_use"] == 2
    assert status["newest_revision_time"] == "2026-11-21T09:00:00.000000"
    assert status["changed_fields"] == [
        "addin_display_name",
        "addin_button_label",
        "addin_default_locale",
        "icon",
    ]
    assert status["changed_fields_complete"] is True
    assert status["warnings"] == ["a: b"]
    assert (await server.client.get(STATUS))["objects"] == [status]
    assert (await server.client.ask("GET", f"{STATUS}2/")).status == 404
    before = {
        "addin_button_label": "Book",
        "addin_display_name": "Pexip Scheduling Service",
        "addin_default_locale": "en-US",
    }
    assert (await server.client.ask("PATCH", uri, before)).status == 202
    assert (await server.client.ask("DELETE", f"{uri}icon/")).status == 204
    status = await server.client.get(f"{STATUS}1/")
    assert (status["manifest_revision"], status["changed_fields"]) == (7, [])
    assert status["manifest_is_current"] is True
    assert "manifest_history" not in await server.client.get(uri)


@pytest_twisted.ensureDeferred
async def test_the_status_is_for_administrators(server: Server) -> None:
    """It names servers of the installation."""
    answer = await server.client.ask("GET", STATUS, auth=None)
    assert answer.status == 401


@pytest.mark.parametrize("text", ["<b> </b>", "<img src=x>", "<script>x</script>"])
@pytest_twisted.ensureDeferred
async def test_a_button_needs_words(server: Server, text: str) -> None:
    """A label of which nothing can be read is refused, in translations, too; a heading
    may be empty."""
    ask = server.client.ask
    uri = (await ask("POST", CONNECTOR, HEAD_OFFICE)).location
    for field, value in (
        ("addin_pane_button_title", text),
        ("addin_pane_translations", f"de addin_pane_button_title = {text}"),
    ):
        answer = await ask("PATCH", uri, {field: value})
        (problem,) = answer.json["ms_exchange_connector"][field]
        assert answer.status == 400
        assert problem.endswith(
            "Nothing can be read in this, and a button needs words."
        )
    assert (await ask("PATCH", uri, {"addin_pane_title": text})).status == 202
