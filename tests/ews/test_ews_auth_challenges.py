"""What a server offers for signing in, as it stands in its header."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pexschedd.ews.auth.challenges import AuthChallenge, challenges, offer

EXCHANGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*,Second@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1", '
    'authorization_uri="https://login.example.test/common/oauth2/authorize", '
    'error="invalid_token",Basic Realm="Exchange",NTLM, Negotiate'
)


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ("", []),
        ("NTLM", [AuthChallenge("ntlm")]),
        ("Negotiate, NTLM", [AuthChallenge("negotiate"), AuthChallenge("ntlm")]),
        ("NTLM TlRMTVNTUAAC+/==", [AuthChallenge("ntlm", token="TlRMTVNTUAAC+/==")]),
        (
            "Negotiate YII=, NTLM",
            [AuthChallenge("negotiate", token="YII="), AuthChallenge("ntlm")],
        ),
        ("Basic realm=x", [AuthChallenge("basic", parameters={"realm": "x"})]),
        (
            'Basic realm="Fran\\"k, NTLM", charset=UTF-8, Negotiate',
            [
                AuthChallenge(
                    "basic", parameters={"realm": 'Fran"k, NTLM', "charset": "UTF-8"}
                ),
                AuthChallenge("negotiate"),
            ],
        ),
        (
            ' , ,Basic realm = "a" , ,',
            [AuthChallenge("basic", parameters={"realm": "a"})],
        ),
        ("@@@ what, NTLM", [AuthChallenge("ntlm")]),
        ('Basic realm="open, NTLM', [AuthChallenge("basic"), AuthChallenge("ntlm")]),
    ],
)
def test_challenges(offered: str, expected: list[AuthChallenge]) -> None:
    """Schemes, tokens and parameters are told apart, commas in quotes included."""
    assert challenges(offered) == expected


def test_exchange_offers() -> None:
    """All of what Exchange offers with everything switched on."""
    found = challenges(EXCHANGE)
    assert [each.scheme for each in found] == ["bearer", "basic", "ntlm", "negotiate"]
    bearer = found[0].parameters
    assert bearer["trusted_issuers"].endswith(",Second@*")
    assert bearer["error"] == "invalid_token"


def test_offer() -> None:
    """One scheme is found by its name; one that is not offered is not."""
    found = offer("Negotiate YII=, NTLM", "negotiate")
    assert found is not None
    assert found.token == "YII="
    assert offer("Negotiate, NTLM", "basic") is None


@given(st.text(alphabet='NTLM abc=,"\\;@é\t', max_size=60))
@example('a="')
def test_anything(offered: str) -> None:
    """Whatever a server sends is read to its end, and no scheme is empty."""
    assert all(each.scheme for each in challenges(offered))


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
VALUES = st.text(alphabet='ab ,="\\', max_size=8)
CHALLENGES = st.builds(
    AuthChallenge,
    scheme=NAMES,
    parameters=st.dictionaries(NAMES, VALUES, min_size=1, max_size=3),
)


@given(st.lists(CHALLENGES, max_size=4))
def test_what_was_written_is_read(offered: list[AuthChallenge]) -> None:
    """Challenges with quoted parameters come back as they were."""
    assert challenges(", ".join(map(written, offered))) == offered


def written(challenge: AuthChallenge) -> str:
    quoted = [
        f'{name}="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for name, value in challenge.parameters.items()
    ]
    return f"{challenge.scheme} {', '.join(quoted)}"
