"""The hosts of a company and of Microsoft, played over https by one server.

Chromium resolves every name to it. Microsoft's office.js comes from its npm package,
the add-in from a real daemon, which has this server as its reverse proxy. Addresses of
this machine, such as an identity provider's, are asked themselves.
"""

import base64
import hashlib
import http.client
import shutil
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.net.net_support import Authority, Server, dns

ADDIN = "vc.example.test"
OFFICE = "appsforoffice.microsoft.com"
AJAX = "ajax.aspnetcdn.com"
MICROSOFT_365 = "outlook.office.com"
"""Outlook on the web at Microsoft, which office.js trusts."""
ON_PREMISES = "mail.example.test"
"""A company's own Outlook on the web, which office.js asks the user about."""
HOSTS = (ADDIN, OFFICE, AJAX, MICROSOFT_365, ON_PREMISES)

PAGES = Path(__file__).parent / "owa"
PACKAGES = Path(__file__).parents[1] / "peers" / "officejs" / "node_modules"
LIBRARY = "/lib/1/hosted/"
TIMEOUT = 30
TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding"}


def lacking() -> str:
    """The reason why Microsoft's library is not here; empty if it is."""
    if shutil.which("npm") is None:
        return "npm is missing"
    if not (PACKAGES / "installed.json").is_file():
        return "make officejs has not run"
    return ""


class OutlookWeb:
    """The server, in threads. `arguments` make Chromium ask it for everything.

    `refused` has paths of the add-in that are answered with this status, and not asked
    of the daemon; `asked` has the host and path of every request.
    """

    def __init__(self, daemon: str, folder: Path) -> None:
        self.daemon = urlsplit(daemon).netloc
        self.refused: dict[str, int] = {}
        self.asked: list[str] = []
        self.library = _by_lower_case_name(
            PACKAGES / "@microsoft" / "office-js" / "dist"
        )
        shown = Authority("The authority of the web").server(dns(*HOSTS))
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.web = self
        self._server.socket = _context(shown, folder).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()
        key = shown.certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
        rules = f"MAP * 127.0.0.1:{self._server.server_port}, EXCLUDE 127.0.0.1"
        self.arguments = [
            f"--host-resolver-rules={rules}",
            f"--ignore-certificate-errors-spki-list={digest}",
        ]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: OutlookWeb

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores a browser that goes away in the middle of an answer."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    server: _Server

    def do_GET(self) -> None:
        host = str(self.headers.get("host", ""))
        path = urlsplit(self.path).path
        self.server.web.asked.append(host + path)
        if host == OFFICE:
            # The library asks for AgaveErrorUX/, the package has agaveerrorux/.
            name = path.removeprefix(LIBRARY).lower()
            self._file(self.server.web.library.get(name))
        elif host in (AJAX, MICROSOFT_365, ON_PREMISES):
            name = path.rsplit("/", 1)[1]
            self._file({file.name: file for file in PAGES.iterdir()}.get(name))
        elif host == ADDIN:
            self._daemon(path)
        else:
            self.send_error(404)

    do_POST = do_GET
    do_DELETE = do_GET

    def _file(self, file: Path | None) -> None:
        if file is None:
            self.send_error(404)
            return
        content = file.read_bytes()
        self.send_response(200)
        self.send_header(
            "Content-Type", TYPES.get(file.suffix, "application/octet-stream")
        )
        self.send_header("Content-Length", str(len(content)))
        # The library asks for its parts with CORS; Microsoft's servers allow all.
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(content)

    def _daemon(self, path: str) -> None:
        """As a reverse proxy does it."""
        refused = self.server.web.refused.get(path.rsplit("/", 1)[1])
        if refused:
            self.send_error(refused)
            return
        length = int(self.headers.get("content-length", 0))
        connection = http.client.HTTPConnection(self.server.web.daemon, timeout=TIMEOUT)
        connection.request(
            self.command, self.path, self.rfile.read(length), dict(self.headers)
        )
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the base's
        """Keeps quiet."""


def _by_lower_case_name(folder: Path) -> dict[str, Path]:
    return {
        str(file.relative_to(folder)).lower(): file
        for file in folder.rglob("*")
        if file.is_file()
    }


def _context(shown: Server, folder: Path) -> ssl.SSLContext:
    """The files that the standard library needs for a server's TLS."""
    chain, key = folder / "web.pem", folder / "web.key"
    chain.write_bytes(shown.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(
        shown.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context
