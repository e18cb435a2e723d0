"""Why the service account could not sign in, in words that help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import SignInRefused
from pexschedd.ews.sign_in_advice import not_signed_in

METHODS = ("BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM")
AUDIENCE = '2000003;reason="The audience claim value is invalid.";error_category="x"'
EXPIRED = 'Bearer error="invalid_token", error_description="The token\texpired"'


def words(method: str, offered: str, diagnostics: str = "") -> str:
    error = not_signed_in(
        host="mail.example.test:444",
        username="EXAMPLE\\svc",
        method=method,
        offered=offered,
        diagnostics=diagnostics,
    )
    assert type(error) is SignInRefused
    return error.message


@pytest.mark.parametrize(
    ("method", "offered", "says"),
    [
        ("BASIC", "NTLM", ["only NTLM (", "-BasicAuthentication $true", "to NTLM."]),
        ("BASIC", 'Negotiate, Bearer x="Basic "', ["Negotiate and OAuth"]),
        ("NTLM", 'Basic realm="NTLM"', ["-WindowsAuthentication $true", "to BASIC."]),
        ("KERBEROS", "NTLM, Basic realm=x", ["does not offer Kerberos", "to NTLM."]),
        ("OAUTH", "Negotiate, NTLM", ["-OAuthAuthentication $true", "to NTLM."]),
        ("APP_PERM", "Basic realm=x", ["does not offer OAuth", "to BASIC."]),
        ("BASIC", "Digest realm=x, Digest realm=y", ["only digest (", "$true."]),
    ],
)
def test_not_offered(method: str, offered: str, says: list[str]) -> None:
    """What is offered, how to offer what is set, and what to set instead."""
    message = words(method, offered)
    assert message.startswith("mail.example.test:444 does not offer ")
    for each in says:
        assert each in message
    assert "password" not in message


@pytest.mark.parametrize(
    ("method", "offered", "says"),
    [
        ("BASIC", 'Basic realm="x"', ["EXAMPLE\\svc", "password is wrong"]),
        ("BASIC", 'Negotiate, NTLM, basic realm="x"', ["password is wrong"]),
        ("NTLM", "Negotiate, NTLM", ["password is wrong", "0xC000035B", "same cert"]),
        ("NTLM", "Negotiate", ["password is wrong"]),
        ("KERBEROS", "Negotiate", ["setspn -S HTTP/mail.example.test <DOMAIN>"]),
        ("OAUTH", EXPIRED, ['("The token expired")', "EWS.AccessAsUser.All"]),
        ("OAUTH", "Bearer", ["was refused. It", "https://mail.example.test -"]),
        ("APP_PERM", EXPIRED, ["the application", "full_access_as_app"]),
    ],
)
def test_refused(method: str, offered: str, says: list[str]) -> None:
    """What was used is offered: then it is who used it."""
    message = words(method, offered)
    assert message.startswith("mail.example.test:444 did not let ")
    for each in says:
        assert each in message


def test_diagnostics() -> None:
    """Exchange's own reason for refusing a token stands before the general one."""
    message = words("OAUTH", EXPIRED, AUDIENCE)
    assert '("The audience claim value is invalid.")' in message
    assert '("token odd")' in words("OAUTH", "Bearer", "token\0odd")


@pytest.mark.parametrize("method", METHODS)
def test_nothing_offered(method: str) -> None:
    """A server that does not say what it offers may offer the wrong thing."""
    message = words(method, "")
    assert "does not say" in message
    assert "Set-WebServicesVirtualDirectory" in message


@given(st.sampled_from(METHODS), st.text(max_size=80), st.text(max_size=900))
def test_whatever_the_server_says(method: str, offered: str, said: str) -> None:
    """The words are bounded and on one line."""
    message = words(method, offered, said)
    assert len(message) < 1800
    assert message.isprintable()
