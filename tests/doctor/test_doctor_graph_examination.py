"""Examinations over Microsoft Graph as a whole: what they look at, and say."""

import pytest_twisted

from pexschedd.doctor.text import text
from tests.doctor.doctor_support import ALICE, EQUIPMENT, line
from tests.doctor.graph_doctor_support import (
    CLIENT,
    GraphClinic,
    grants,
    page,
    speaks_of_graph_alone,
)
from tests.doctor.rows_support import NOT_CHECKED, PASSED


@pytest_twisted.ensureDeferred
async def test_everything_in_order(graph_clinic: GraphClinic) -> None:
    """No line complains; what cannot be seen says so, and so does Mail.Send."""
    graph_clinic.invite()
    report = await graph_clinic.examine()
    assert report.status is PASSED, text(report)
    unseen = [each.check for each in report.lines if each.status is NOT_CHECKED]
    assert unseen == ["credential", "mail_send"]
    assert f"The application {CLIENT} is signed in." in text(report)
    speaks_of_graph_alone(report)


@pytest_twisted.ensureDeferred
async def test_what_is_not_known_is_looked_at_first(graph_clinic: GraphClinic) -> None:
    """Lines that are pasted from the top show how the mailbox is before they set it,
    and none of any line is about the whole organization."""
    report = await graph_clinic.examine()
    commands = line(report, "processing").commands
    assert [each.split()[0] for each in commands] == [
        "Get-CalendarProcessing",
        "Set-CalendarProcessing",
    ]
    for each in report.lines:
        assert not any("Set-OrganizationConfig" in found for found in each.commands)


@pytest_twisted.ensureDeferred
async def test_nothing_is_changed(graph_clinic: GraphClinic) -> None:
    """An examination sends nothing, deletes nothing, and leaves messages as they are;
    nobody's event is touched."""
    graph_clinic.invite()
    exchange = graph_clinic.sandbox.exchange

    def state() -> list[tuple[str, str, tuple[str, ...], bool]]:
        return [
            (item.id, item.folder, item.categories, item.is_read)
            for address in (ALICE, EQUIPMENT)
            for folder in exchange.mailbox(address).folders.values()
            for item in folder.items.values()
        ]

    (message,) = exchange.mailbox(EQUIPMENT).folders["inbox"].items.values()
    message.categories = ("Video",)
    before, change = state(), message.change
    assert (await graph_clinic.examine()).status is PASSED
    assert state() == before
    (message,) = exchange.mailbox(EQUIPMENT).folders["inbox"].items.values()
    assert message.change > change  # the one that is there was tried
    calls = graph_clinic.sandbox.calls
    changing = {name for name in calls if name.startswith("Graph")} - {
        "GraphGetMailFolder",
        "GraphListMessages",
        "GraphGetMessage",
        "GraphListEvents",
        "GraphGetMailboxSettings",
    }
    assert changing == {"GraphUpdateMessage", "GraphUpdateEvent"}


@pytest_twisted.ensureDeferred
async def test_sending_is_not_tried(graph_clinic: GraphClinic) -> None:
    """Without the role to send the line is the same: it says how to look."""
    found = [line(await graph_clinic.examine(), "mail_send")]
    graph_clinic.application(*grants(without=("Mail.Send",)))
    found.append(line(await graph_clinic.examine(), "mail_send"))
    assert found[0] == found[1]
    assert (
        found[0]
        .commands[0]
        .startswith(
            f"Test-ServicePrincipalAuthorization -Identity '{CLIENT}' "
            f"-Resource '{EQUIPMENT}'"
        )
    )
    graph_clinic.change(graph_answer_method="MAIL")
    by_mail = line(await graph_clinic.examine(), "mail_send")
    assert "for every answer" in by_mail.message


@pytest_twisted.ensureDeferred
async def test_fields(graph_clinic: GraphClinic) -> None:
    """Findings are shown beside the fields of Graph and not beside those of EWS."""
    report = await graph_clinic.examine()
    assert line(report, "web").fields == ("graph_api_domain",)
    named = {field for each in report.lines for field in each.fields}
    assert not named & {"url", "username", "password", "authentication_method"}


@pytest_twisted.ensureDeferred
async def test_a_draft_signs_in(graph_clinic: GraphClinic) -> None:
    """An integration that is not saved yet is examined to the end: an application's
    sign-in needs nothing that is kept."""
    draft = graph_clinic.connector
    report = await graph_clinic.doctor().examine_draft(draft, ("mail.example.test",))
    for check in ("sign_in", "mail_read", "mail_write", "calendars", "kind"):
        assert line(report, check).status is PASSED, check


@pytest_twisted.ensureDeferred
async def test_hostile_answers(graph_clinic: GraphClinic) -> None:
    """Whatever answers in Graph's place, the report is whole and no check fails by
    itself."""
    for body in (b"", b"[]", b'{"value": 7}', b'{"value":[{"id":[]}]}', b"{" * 5000):
        page(401, body)(graph_clinic)
        report = await graph_clinic.examine()
        assert "internal error" not in text(report)
