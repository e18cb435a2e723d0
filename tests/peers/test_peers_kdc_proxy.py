"""A realm behind a KDC proxy, as for machines that reach domain controllers only so."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import MailboxUnreachable
from tests.ews.conftest import serve
from tests.net.net_support import Authority, dns
from tests.peers.apache import Apache
from tests.peers.kdc import Kdc
from tests.peers.kdc_proxy import KdcProxy
from tests.peers.office import Office
from tests.peers.peers_work import work
from tests.peers.processes import missing

__all__ = ["serve"]

TLS = "/usr/lib/x86_64-linux-gnu/krb5/plugins/tls/k5tls.so"


@pytest.fixture
def proxied(serve: Any, realm: Kdc, authority: Authority) -> dict[str, Any]:
    """Settings that lead to the realm through a proxy, and the proxy."""
    if missing((), (TLS,)):
        pytest.skip("not installed: krb5-k5tls")
    proxy = KdcProxy(realm)
    proxy.site = serve(proxy, authority.server(dns("localhost")))
    return {
        "proxy": proxy,
        "settings": {
            "kerberos_kdc": "",
            "kerberos_kdc_https_proxy": f"https://localhost:{proxy.site.port}",
            "kerberos_verify_tls_using_custom_ca": True,
        },
    }


@pytest_twisted.ensureDeferred
async def test_through_a_proxy(
    kerberized: Apache, behind: Any, office: Office, proxied: dict[str, Any]
) -> None:
    """Tickets come through the proxy, at its usual path."""
    await work(behind(kerberized), **office.account(**proxied["settings"]))
    assert len(proxied["proxy"].paths) >= 3  # without and with a proof, and the service
    assert set(proxied["proxy"].paths) == {"/KdcProxy"}


@pytest_twisted.ensureDeferred
async def test_an_untrusted_proxy(
    kerberized: Apache, behind: Any, office: Office, proxied: dict[str, Any]
) -> None:
    """A proxy whose certificate is not believed is not talked to."""
    settings = {**proxied["settings"], "kerberos_verify_tls_using_custom_ca": False}
    mailbox = behind(kerberized).mailbox(**office.account(**settings))
    with pytest.raises(MailboxUnreachable, match="that its certificate is trusted"):
        await mailbox.check()
    assert proxied["proxy"].paths == []
