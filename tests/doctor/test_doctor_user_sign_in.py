"""The doctor finds what keeps users from signing in, at a provider on real sockets."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.checks import checks_of
from pexschedd.doctor.observations import DiskState
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.report import CheckStatus, ReportLine
from pexschedd.doctor.running import run
from pexschedd.identity.personal.provider_kinds import REDIRECT_PATH
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.scheduling.alarms import names
from pexschedd.store.secrets import SecretVault
from tests.identity.personal.provider_support import (
    NOW,
    TENANT,
    SignInBench,
    bench_with,
    jwk,
    reactor,
)

BACK = f"https://vc.example.test{REDIRECT_PATH}"
UNKNOWN_CODE = (400, {"error": "invalid_grant", "error_description": "AADSTS9002313"})


class AddinServer(Resource):
    """The add-in's side, as the doctor asks it."""

    isLeaf = True
    status, body, opener = 400, b"<h1>Not signed in</h1>", ""

    def render_GET(self, request: Request) -> bytes:
        request.setResponseCode(self.status)
        if self.opener:
            request.setHeader(b"cross-origin-opener-policy", self.opener.encode())
        return self.body


class SignInClinic:
    """An integration whose sign-in is in order until a test breaks it."""

    def __init__(self, bench: SignInBench, addin: AddinServer, port: Any) -> None:
        self.bench = bench
        self.addin = addin
        self.port = port
        self.alarms: tuple[tuple[str, str], ...] = ()
        self.other_providers: tuple[str, ...] = ()

    def play(self, kind: str, **changes: Any) -> None:
        self.bench.play(kind, enable_dynamic_vmrs=False, **changes)
        idp = self.bench.idp
        idp.answers[idp.auth_path] = (302, {}, f"{BACK}?error=login_required")
        idp.answers[idp.token_path] = UNKNOWN_CODE

    async def findings(self) -> dict[str, ReportLine]:
        host = f"127.0.0.1:{self.port.getHost().port}"
        network = Network(reactor, Trust())
        connector = replace(self.bench.known, addin_server_domain=host)
        case = ExaminedIntegration(
            connector=connector,
            now=NOW,
            alarms=self.alarms,
            other_providers=self.other_providers,
        )
        context = ProbeContext(
            case,
            exchange=network,
            public=network,
            poster=lambda: pytest.fail("nobody signs in to Exchange"),
            graph=lambda: pytest.fail("nobody signs in to Graph"),
            disk=lambda: DiskState("/", 1, 1),
            pane=lambda: None,
            now=lambda: NOW,
        )
        wanted = ("user_sign_in", "addin_name", "addin_port")
        checks = [c for c in checks_of(case) if c.name.startswith(wanted)]
        lines = await run(checks, context, reactor)
        return {line.check: line for line in lines}


@pytest_twisted.async_yield_fixture()
async def clinic() -> AsyncIterator[SignInClinic]:
    bench = bench_with(SecretVault(b"k" * 32))
    addin = AddinServer()
    port = reactor.listenTCP(0, Site(addin), interface="127.0.0.1")
    yield SignInClinic(bench, addin, port)
    await port.stopListening()
    await bench.close()


@pytest.mark.parametrize("kind", ["AZURE", "ADFS", "ADFS2012"])
@pytest_twisted.ensureDeferred
async def test_in_order(clinic: SignInClinic, kind: str) -> None:
    """Each check passes where all is in order, whatever the kind of provider."""
    clinic.play(kind)
    found = await clinic.findings()
    assert {f.status for f in found.values()} == {CheckStatus.PASSED}, found
    assert {name for name in found if name.startswith("user_sign_in")} == {
        "user_sign_in",
        "user_sign_in_alone",
        "user_sign_in_keys",
        "user_sign_in_window",
        "user_sign_in_token",
        "user_sign_in_redirect",
    }
    sent = clinic.bench.idp.forms
    assert all("client_secret" not in form for form in sent)


def no_keys(c: SignInClinic) -> None:
    c.bench.idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (200, {"keys": []})


def failing_keys(c: SignInClinic) -> None:
    c.bench.idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (500, {"error": "x"})


def keys_page(c: SignInClinic) -> None:
    c.bench.idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (200, b"<html>")


def weak_keys(c: SignInClinic) -> None:
    key = jwk(c.bench.idp.signer, n="AQAB")
    c.bench.idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (200, {"keys": [key]})


def keys_elsewhere(c: SignInClinic) -> None:
    path = f"/{TENANT}/v2.0/.well-known/openid-configuration"
    c.bench.idp.answers[path] = (200, {"issuer": "x", "jwks_uri": "https://x.test/k"})


def all_tenants(c: SignInClinic) -> None:
    path = f"/{TENANT}/v2.0/.well-known/openid-configuration"
    document = c.bench.idp.answers[path][1]
    c.bench.idp.answers[path] = (200, document | {"issuer": "https://x/{tenantid}/"})


def unregistered(c: SignInClinic) -> None:
    page = b"<p>AADSTS50011: The redirect URI does not match</p>"
    c.bench.idp.answers[c.bench.idp.auth_path] = (200, page)


def no_window(c: SignInClinic) -> None:
    c.bench.idp.answers[c.bench.idp.auth_path] = (404, b"")


def unknown_client(c: SignInClinic) -> None:
    answer = {"error": "unauthorized_client", "error_description": "AADSTS700016: x"}
    c.bench.idp.answers[c.bench.idp.token_path] = (400, answer)


def no_endpoint(c: SignInClinic) -> None:
    c.bench.idp.answers[c.bench.idp.token_path] = (200, b"<html>")


def expired_secret(c: SignInClinic) -> None:
    c.alarms = ((names.USER_SIGN_IN_REFUSED, "The client secret has expired."),)


def elsewhere(c: SignInClinic) -> None:
    c.addin.status, c.addin.body = 404, b"IIS"


def another_provider(c: SignInClinic) -> None:
    c.other_providers = ("Branch office",)


def cut_off(c: SignInClinic) -> None:
    c.addin.opener = "same-origin"


@pytest.mark.parametrize(
    ("broken", "check", "status", "words"),
    [
        (another_provider, "user_sign_in_alone", "warning", "Branch office"),
        (no_keys, "user_sign_in_keys", "failed", "/keys (HTTP 200): it holds no RSA"),
        (failing_keys, "user_sign_in_keys", "failed", "/discovery/v2.0/keys (HTTP 500"),
        (keys_page, "user_sign_in_keys", "failed", "/keys (HTTP 200): it is not JSON"),
        (weak_keys, "user_sign_in_keys", "failed", "2048 bits"),
        (
            keys_elsewhere,
            "user_sign_in_keys",
            "failed",
            "configuration (HTTP 200): it ",
        ),
        (all_tenants, "user_sign_in_keys", "failed", "your tenant"),
        (unregistered, "user_sign_in_window", "failed", "AADSTS50011"),
        (no_window, "user_sign_in_window", "failed", "404"),
        (unknown_client, "user_sign_in_token", "failed", "client_id"),
        (no_endpoint, "user_sign_in_token", "failed", "not a token endpoint"),
        (expired_secret, "user_sign_in_token", "failed", "expired"),
        (elsewhere, "user_sign_in_redirect", "failed", "does not lead"),
        (cut_off, "user_sign_in_redirect", "warning", "Opener-Policy"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_out_of_order(
    clinic: SignInClinic, broken: Any, check: str, status: str, words: str
) -> None:
    """What is broken is named, with a cause and a remedy, and nothing else is."""
    clinic.play("AZURE")
    broken(clinic)
    found = await clinic.findings()
    line = found.pop(check)
    assert line.status == status
    assert words in f"{line.message} {line.cause} {line.remedy}"
    assert line.remedy
    assert {f.status for f in found.values()} == {CheckStatus.PASSED}


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("invalid_request", "AADSTS9002327: x", "single-page application"),
        ("invalid_request", "AADSTS90002: x", "tenant is not known"),
        ("invalid_request", "AADSTS50011: x", "not registered"),
        ("invalid_grant", "AADSTS50011: x", "not registered"),
        ("invalid_grant", "MSIS9602: x", "relying_party_trust_identifier"),
        ("invalid_client", "AADSTS7000218: x", ""),
        ("invalid_request", "AADSTS9002313: x", ""),
        ("invalid_grant", "AADSTS70008: x", ""),
        ("invalid_grant", "AADSTS123456: x", ""),
        ("invalid_grant", "", ""),
        ("invalid_request", "", ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_answers_of_the_token_endpoint(
    clinic: SignInClinic, error: str, description: str, words: str
) -> None:
    """A refusal of the code alone is what the doctor asks for; one whose number says
    that the registration is wrong has its remedy, whatever the error is called."""
    clinic.play("AZURE")
    answer = {"error": error, "error_description": description}
    clinic.bench.idp.answers[clinic.bench.idp.token_path] = (400, answer)
    line = (await clinic.findings())["user_sign_in_token"]
    assert line.status == (CheckStatus.FAILED if words else CheckStatus.PASSED)
    assert words in line.remedy


@pytest_twisted.ensureDeferred
async def test_a_number_that_is_not_known(clinic: SignInClinic) -> None:
    """A request that is refused with another number than the expected ones is neither
    taken for right nor for wrong."""
    clinic.play("AZURE")
    answer = {"error": "invalid_request", "error_description": "AADSTS123456: x"}
    clinic.bench.idp.answers[clinic.bench.idp.token_path] = (400, answer)
    line = (await clinic.findings())["user_sign_in_token"]
    assert line.status == CheckStatus.WARNING
    assert "AADSTS123456" in line.message


@pytest_twisted.ensureDeferred
async def test_settings_that_cannot_work(clinic: SignInClinic) -> None:
    """Wrong settings are told by field, and nothing is asked of the provider then."""
    v1 = "https://login.microsoftonline.com/t/oauth2/authorize"
    clinic.play("AZURE", personal_vmr_oauth_auth_endpoint=v1)
    found = await clinic.findings()
    assert found["user_sign_in"].status == CheckStatus.FAILED
    assert "/oauth2/v2.0/authorize" in found["user_sign_in"].message
    assert found["user_sign_in_token"].status == CheckStatus.NOT_CHECKED
    assert clinic.bench.idp.asked == []


@pytest_twisted.ensureDeferred
async def test_endpoints_of_two_tenants(clinic: SignInClinic) -> None:
    """Endpoints that do not belong together are a warning."""
    clinic.play("AZURE")
    other = f"{clinic.bench.idp.url}/other/oauth2/v2.0/token"
    clinic.bench.idp.answers["/other/oauth2/v2.0/token"] = UNKNOWN_CODE
    clinic.bench.connector = replace(
        clinic.bench.known, personal_vmr_oauth_token_endpoint=other
    )
    found = await clinic.findings()
    assert found["user_sign_in"].status == CheckStatus.WARNING


@pytest_twisted.ensureDeferred
async def test_ad_fs_commands_are_complete(clinic: SignInClinic) -> None:
    """On AD FS the commands name the client and the redirect address."""
    clinic.play("ADFS")
    idp = clinic.bench.idp
    idp.answers[idp.auth_path] = (200, b"MSIS9224: The redirect_uri is not registered")
    found = await clinic.findings()
    commands = " ".join(found["user_sign_in_window"].commands)
    assert "Set-AdfsClient -TargetClientId '141c7f59" in commands
    assert REDIRECT_PATH in commands
