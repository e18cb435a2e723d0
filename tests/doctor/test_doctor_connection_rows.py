"""Mistakes on the way to Exchange: names, ports, TLS, proxies, clocks, and what
answers in its place."""

import pytest_twisted
from OpenSSL import SSL
from twisted.internet.protocol import Factory, Protocol

from pexschedd.net.proxy import Proxy
from tests.doctor.doctor_support import INTERNAL, MAIL, Clinic, Page, line
from tests.doctor.rows_support import (
    FAILED,
    NOT_CHECKED,
    PASSED,
    STRANGER,
    WARNING,
    Row,
    assert_named,
    by_mistake,
)
from tests.net.net_support import DAY, NOW, dns


def wrong_host(c: Clinic) -> None:
    c.change(url="https://mial.example.test/EWS/Exchange.asmx")


def no_url(c: Clinic) -> None:
    c.change(url="")


def port_closed(c: Clinic) -> None:
    c.change(url=f"https://{MAIL}:1/EWS/Exchange.asmx")


class PlainHttp(Protocol):
    """A web server without TLS, which does not understand the handshake."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.transport.loseConnection()


def http_port_with_https(c: Clinic) -> None:
    port = c.listen(Factory.forProtocol(PlainHttp))
    c.change(url=f"https://{MAIL}:{port}/EWS/Exchange.asmx")


def untrusted(c: Clinic) -> None:
    c.trusted = STRANGER.pem


def wrong_name(c: Clinic) -> None:
    c.certificate(INTERNAL.server(dns("exch01.example.test")))


def expired(c: Clinic) -> None:
    c.certificate(INTERNAL.server(dns(MAIL), expires=NOW - DAY))


def expires_soon(c: Clinic) -> None:
    c.certificate(INTERNAL.server(dns(MAIL), expires=NOW + 3 * DAY))


def old_tls(c: Clinic) -> None:
    versions = (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION)
    c.certificate(INTERNAL.server(dns(MAIL), versions=versions))


def wrong_path(c: Clinic) -> None:
    c.exchange(Page(b"", 404))


def login_page(c: Clinic) -> None:
    c.exchange(Page(b"<html>Sign in</html>", 200, {"content-type": "text/html"}))


def redirected(c: Clinic) -> None:
    headers = {"location": "https://sso.example.test/login"}
    c.exchange(Page(b"", 302, headers))


def login_page_later(c: Clinic) -> None:
    c.misbehave(kind="login-page", operation="GetFolder")


def out_of_order(c: Clinic) -> None:
    c.exchange(Page(b"", 503))


class Refusing(Protocol):
    """A web proxy that wants a password."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(
            b"HTTP/1.1 407 Proxy Authentication Required\r\n"
            b'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
        )
        self.transport.loseConnection()


def proxy_wants_a_password(c: Clinic) -> None:
    port = c.listen(Factory.forProtocol(Refusing))
    c.proxy = Proxy(secure=False, host="127.0.0.1", port=port)


def proxy_not_there(c: Clinic) -> None:
    c.proxy = Proxy(secure=False, host="127.0.0.1", port=1)


def without_the_proxy(c: Clinic) -> None:
    proxy_not_there(c)
    c.domains()
    c.change(disable_proxy=True)


def clock_off(c: Clinic) -> None:
    c.clock_off(10)


def clock_a_little_off(c: Clinic) -> None:
    c.clock_off(-2)


ROWS: list[Row] = [
    # what was done wrong        check           status   the message  cause or remedy
    (wrong_host, "name", FAILED, "cannot be resolved", "EWS URL"),
    (no_url, "name", FAILED, "contains no host name", "Exchange.asmx"),
    (port_closed, "port", FAILED, "refuses connections", "Test-NetConnection"),
    (http_port_with_https, "tls", FAILED, "does not speak TLS", "port 443"),
    (untrusted, "tls", FAILED, "not trusted", "ca_certificate"),
    (wrong_name, "tls", FAILED, "exch01.example.test", "subject alternative"),
    (expired, "tls", FAILED, "expired on", "Renew"),
    (expires_soon, "tls", WARNING, "expires on", "Renew it before then"),
    (old_tls, "tls", FAILED, "TLS 1.2", "Enable TLS 1.2"),
    (wrong_path, "web", FAILED, "HTTP 404", "/EWS/Exchange.asmx"),
    (login_page, "web", FAILED, "web page", "pre-authentication"),
    (redirected, "web", FAILED, "sso.example.test", "pre-authentication"),
    (login_page_later, "sign_in", FAILED, "web page", "pre-authentication"),
    (out_of_order, "web", FAILED, "HTTP 503", "AppPool"),
    (proxy_wants_a_password, "port", FAILED, "name and password", "disable_proxy"),
    (proxy_not_there, "port", FAILED, "the proxy http://127.0.0.1:1", "disable_proxy"),
    (without_the_proxy, "sign_in", PASSED, "signed in", ""),
    (clock_off, "clock", FAILED, "10 min ahead of ours", "w32tm"),
    (clock_a_little_off, "clock", WARNING, "behind ours", "NTP"),
]


@by_mistake(ROWS)
@pytest_twisted.ensureDeferred
async def test_it_is_named(clinic: Clinic, row: Row) -> None:
    """The line of that check, and no unrelated one, says what is wrong and how to mend
    it; no secret is in the report."""
    await assert_named(clinic, *row)


@pytest_twisted.ensureDeferred
async def test_what_depends_on_a_failure_says_so(clinic: Clinic) -> None:
    """After a failure, what needs it is not tried; what does not need it still is."""
    wrong_host(clinic)
    report = await clinic.examine()
    assert "Name" in line(report, "port").message
    assert line(report, "sign_in").status is NOT_CHECKED
    assert line(report, "addin_answers").status is PASSED
    assert clinic.sandbox.calls == {}
