"""Which way to sign in an integration's settings lead to."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pexschedd.clock import system_now
from pexschedd.composition.authentication import AuthenticatorFactory, KerberosSupport
from pexschedd.errors import SignInRefused
from pexschedd.model.integration.connector import Connector
from tests.ews.ews_auth_support import REQUEST, ScriptedConnection, answer


def connector(method: str, **settings: Any) -> Connector:
    return Connector(
        **{
            "id": 7,
            "uuid": "3d8f1a3c-0000-4000-8000-000000000007",
            "name": "office",
            "addin_server_domain": "addin.example.test",
            "url": "https://mail.example.test/EWS/Exchange.asmx",
            "authentication_method": method,
            "username": "svc@example.test",
            "kerberos_realm": "EXAMPLE.TEST",
            **settings,
        }
    )


class Token:
    def __init__(self, connector: Connector) -> None:
        self.name = connector.name

    async def token(self) -> str:
        return f"for-{self.name}"

    def rejected(self, token: str) -> None:
        pass


async def in_place(work: Any) -> Any:
    return work()


def signing_in(state: Path) -> AuthenticatorFactory:
    kerberos = KerberosSupport(
        state, lambda: (), authorities=bytes, in_thread=in_place, now=system_now
    )
    return AuthenticatorFactory(tokens=Token, kerberos=kerberos)


@pytest.mark.parametrize(
    ("method", "proof"),
    [
        ("BASIC", "Basic c3ZjQGV4YW1wbGUudGVzdDpwdw=="),
        ("NTLM", "NTLM TlRMTVNTUAAB"),
        ("OAUTH", "Bearer for-office"),
        ("APP_PERM", "Bearer for-office"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_methods(tmp_path: Path, method: str, proof: str) -> None:
    """Each method shows what belongs to it."""
    connection = ScriptedConnection([answer(403)])
    chosen = signing_in(tmp_path).authenticator(connector(method), "pw")
    assert (await chosen.send(REQUEST, connection)).status == 403
    assert connection.sent[0].headers["Authorization"].startswith(proof)


@pytest.mark.parametrize(
    ("method", "settings", "says"),
    [
        ("BASIC", {"username": "a:b"}, "colon"),
        ("KERBEROS", {"kerberos_realm": "no realm"}, "kerberos_realm"),
        ("KERBEROS", {"username": "@"}, "username"),
        ("KERBEROS", {"kerberos_exchange_spn": "x"}, "kerberos_exchange_spn"),
        ("KERBEROS", {"kerberos_kdc_https_proxy": "http://x"}, "https"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_settings(
    tmp_path: Path, method: str, settings: dict[str, Any], says: str
) -> None:
    """Settings that cannot work are refused when they are used, naming the field."""
    wrong = connector(method, **settings)
    chosen = signing_in(tmp_path).authenticator(wrong, "pw")
    connection = ScriptedConnection([])
    with pytest.raises(SignInRefused, match=says):
        await chosen.send(REQUEST, connection)


@pytest.mark.parametrize("method", ["OAUTH", "APP_PERM", "KERBEROS"])
@pytest_twisted.ensureDeferred
async def test_not_set_up(method: str) -> None:
    """Where no tokens or tickets can be obtained, the error says so."""
    chosen = AuthenticatorFactory().authenticator(connector(method), "pw")
    with pytest.raises(SignInRefused, match="not set up here"):
        await chosen.send(REQUEST, ScriptedConnection([]))
