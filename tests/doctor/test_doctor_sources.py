"""The doctor loads the integration's own copies of scripts, as the pane would."""

import pytest
import pytest_twisted
from twisted.web.resource import Resource
from twisted.web.server import Site

from pexschedd.doctor.report import CheckStatus
from pexschedd.doctor.text import text
from tests.doctor.doctor_support import ADDIN, OWN_PANE, Clinic, Page, line
from tests.doctor.rows_support import Arrange

FAILED, PASSED, WARNING = CheckStatus.FAILED, CheckStatus.PASSED, CheckStatus.WARNING


def own_sources(c: Clinic, part: Page, office: Page | None = None) -> None:
    """Scripts on a host beside the add-in's."""
    root = Resource()
    root.putChild(b"office.js", office or Page(b"load('office_strings.js')"))
    root.putChild(b"outlook-web-16.01.js", part)
    port = c.listen(Site(root), c.good_addin)
    url = f"https://{ADDIN}:{port}/office.js"
    c.change(use_custom_add_in_sources=True, office_js_url=url)


def sources_of_one_file(c: Clinic) -> None:
    own_sources(c, Page(status=404), Page(b"Office = {};"))


def sources_good(c: Clinic) -> None:
    origin = f"https://{c.connector.addin_server_domain}".upper().replace(
        "HTTPS", "https"
    )
    own_sources(c, Page(headers={"access-control-allow-origin": origin}))


def sources_for_all(c: Clinic) -> None:
    own_sources(c, Page(headers={"access-control-allow-origin": "*"}))


def sources_without_cors(c: Clinic) -> None:
    own_sources(c, Page())


def sources_for_another(c: Clinic) -> None:
    own_sources(c, Page(headers={"access-control-allow-origin": "https://other.test"}))


def sources_incomplete(c: Clinic) -> None:
    own_sources(c, Page(status=404))


def sources_not_reached(c: Clinic) -> None:
    own_sources(c, Page())
    ours = f"https://{c.connector.addin_server_domain}/office.js"
    elsewhere = "https://scripts.example.test/MicrosoftAjax.js"
    c.change(additional_add_in_script_sources=f"{ours}\n{elsewhere}")


def sources_on_the_same_host(c: Clinic) -> None:
    c.pane = OWN_PANE + b"<!-- office_strings.js -->"
    c.addin(Page(c.pane))
    ours = f"https://{c.connector.addin_server_domain}/office.js"
    c.change(use_custom_add_in_sources=True, office_js_url=ours)


@pytest.mark.parametrize(
    ("arrange", "status", "message", "advice"),
    [
        (sources_good, PASSED, "2 file(s)", ""),
        (sources_for_all, PASSED, "2 file(s)", ""),
        (sources_of_one_file, PASSED, "1 file(s)", ""),
        (sources_on_the_same_host, PASSED, "2 file(s)", ""),
        (
            sources_without_cors,
            FAILED,
            "outlook-web-16.01.js comes without a header Access-Control-Allow-Origin",
            'Have the server send "Access-Control-Allow-Origin: https://addin.example',
        ),
        (
            sources_for_another,
            FAILED,
            "it allows https://other.test",
            "crossorigin",
        ),
        (sources_incomplete, FAILED, "HTTP 404", "stay together"),
        (
            sources_not_reached,
            WARNING,
            "MicrosoftAjax.js cannot be loaded from here",
            "on a user's device",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_own_sources(
    clinic: Clinic, arrange: Arrange, status: CheckStatus, message: str, advice: str
) -> None:
    """Scripts that are missing, and a header that office.js needs for those beside it,
    are named; nothing else fails."""
    arrange(clinic)
    report = await clinic.examine()
    found = line(report, "addin_sources")
    assert found.status is status, text(report)
    assert message in found.message, found.message
    assert advice in f"{found.cause} {found.remedy}", found
    failed = {each.check for each in report.lines if each.status is FAILED}
    assert failed <= {"addin_sources"}, text(report)


@pytest_twisted.ensureDeferred
async def test_microsofts_sources(clinic: Clinic) -> None:
    """Without sources of its own nothing is loaded."""
    clinic.change(office_js_url="https://nowhere.example.test/office.js")
    found = line(await clinic.examine(), "addin_sources")
    assert (found.status, found.message[-9:]) == (PASSED, "icrosoft.")
