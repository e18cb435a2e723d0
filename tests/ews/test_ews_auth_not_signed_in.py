"""Why the service account could not sign in, in words that help."""

import pytest

from pexschedd.errors import SignInRefused
from pexschedd.ews.not_signed_in import not_signed_in


@pytest.mark.parametrize(
    ("offered", "says"),
    [
        ("NTLM, Negotiate", "does not offer Basic"),
        ('Basic realm="x"', "wrong"),
        ('Negotiate, NTLM, basic realm="x"', "wrong"),
        ("", "wrong"),
    ],
)
def test_basic(offered: str, says: str) -> None:
    """A wrong password and a missing scheme are told apart."""
    error = not_signed_in(
        host="mail.example.test", username="svc", method="BASIC", offered=offered
    )
    assert type(error) is SignInRefused
    assert says in error.message
