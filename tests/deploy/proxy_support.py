"""The sample configurations of reverse proxies, run by the real programs."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import requests
from cryptography.hazmat.primitives import serialization
from requests.adapters import HTTPAdapter

from tests.net.net_support import Authority, dns
from tests.ports import free_ports
from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, ROOT, World, eventually

DEPLOY = ROOT / "deploy"
NODE, ADMINISTRATOR, PROMETHEUS = "127.0.0.2", "127.0.0.3", "127.0.0.4"
STRANGER = "127.0.0.9"
_NETWORKS = {
    "10.44.0.0/24": f"{NODE}/32",
    "10.45.0.0/24": f"{ADMINISTRATOR}/32",
    "10.46.0.5": PROMETHEUS,
}


class ProxyProgram(msgspec.Struct, frozen=True):
    """A reverse proxy: its name, its sample, and how it is run."""

    name: str
    package: str
    sample: str
    command: Callable[[Path, str], list[str]]
    """Writes the configuration with the sample into a folder, and returns the words
    that start it."""

    @property
    def is_there(self) -> bool:
        return shutil.which(self.name, path=_PATH) is not None


_UNPACKED = Path(sys.prefix) / "proxies" / "usr"
"""The folder of programs that are unpacked and not installed, see the Makefile."""
_PATH = os.pathsep.join(
    [
        os.environ.get("PATH", ""),
        "/usr/sbin",
        "/sbin",
        str(_UNPACKED / "sbin"),
        str(_UNPACKED / "bin"),
    ]
)
_LIBRARIES = os.pathsep.join(map(str, _UNPACKED.glob("lib/*-linux-gnu")))


def _nginx(folder: Path, sample: str) -> list[str]:
    user = "user root;" if os.geteuid() == 0 else ""
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off;\n{user}\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"worker_processes 1;\nevents {{}}\nhttp {{\n{paths}\n{sample}\n}}\n"
    )
    return ["nginx", "-c", str(config), "-p", str(folder), "-e", f"{folder}/error.log"]


def _caddy(folder: Path, sample: str) -> list[str]:
    config = folder / "Caddyfile"
    # No API on a fixed port, and no redirection on port 80.
    config.write_text(
        "{\n\tadmin off\n\tauto_https disable_redirects\n"
        "\tskip_install_trust\n}\n" + sample
    )
    return ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]


def _haproxy(folder: Path, sample: str) -> list[str]:
    config = folder / "pexschedd.cfg"
    config.write_text(sample)
    return ["haproxy", "-db", "-f", str(config)]


NGINX = ProxyProgram("nginx", "nginx-light", "nginx/pexschedd.conf", _nginx)
CADDY = ProxyProgram("caddy", "caddy", "caddy/Caddyfile", _caddy)
HAPROXY = ProxyProgram("haproxy", "haproxy", "haproxy/pexschedd.cfg", _haproxy)


class From(HTTPAdapter):
    """Connects from one of this machine's addresses."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        options["source_address"] = (self._address, 0)
        super().init_poolmanager(*arguments, **options)


class ProxiedWorld(World):
    """A daemon behind a proxy. It trusts the proxy's address alone, so that the clients
    of the tests, on the same machine, are clients."""

    def __init__(self, folder: Path, program: ProxyProgram) -> None:
        super().__init__(folder, trusted_proxies=["127.0.0.1"])
        self._program = program
        ports = free_ports(4)
        self.public, self.private, self.rooms, self.rooms_behind = range(
            ports, ports + 4
        )
        root = Authority("Root")
        server = root.server(dns("localhost"))
        key = server.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        chain = server.certificate.public_bytes(serialization.Encoding.PEM) + root.pem
        self.root = folder / "root.pem"
        self.root.write_bytes(root.pem)
        for name, data in (
            ("key.pem", key),
            ("chain.pem", chain),
            ("haproxy.pem", chain + key),
        ):
            path = folder / name
            path.touch(0o600)
            path.write_bytes(data)
        values = msgspec.json.decode(self.config.read_bytes())
        files = f"privateKey={folder}/key.pem:certKey={folder}/chain.pem"
        values["endpoints"]["rooms"] = [
            f"haproxy:ssl:{self.rooms_behind}:interface=127.0.0.1:{files}"
        ]
        self.config.write_bytes(msgspec.json.encode(values))
        self._process: subprocess.Popen[bytes] | None = None

    def sample(self) -> str:
        """The sample, with the ports, files and addresses of this test."""
        text = (DEPLOY / self._program.sample).read_text()
        for old, new in _NETWORKS.items():
            assert old in text
            text = text.replace(old, new)
        text = text.replace("/etc/pexip/scheduling/", f"{self.folder}/")
        text = text.replace("rooms.example.com", "localhost")
        addin, admin = (url.rpartition(":")[2] for url in (self.addin, self.admin))
        for pattern, new in (
            (r"127\.0\.0\.1:8080", f"127.0.0.1:{addin}"),
            (r"127\.0\.0\.1:8081", f"127.0.0.1:{admin}"),
            (r"127\.0\.0\.1:8082", f"127.0.0.1:{self.rooms_behind}"),
            (r"(listen |localhost:|bind :)443\b", rf"\g<1>{self.public}"),
            (r"(listen |localhost:|bind :)8443\b", rf"\g<1>{self.private}"),
            (r"bind :9443\b", f"bind :{self.rooms}"),
        ):
            text = re.sub(pattern, new, text)
        return text

    def start_proxy(self, sample: str | None = None) -> None:
        folder = self.folder / "proxy"
        folder.mkdir(exist_ok=True)
        words = self._program.command(folder, sample or self.sample())
        with (folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                words,
                stdout=output,
                stderr=output,
                env=os.environ
                | {
                    "HOME": str(folder),
                    "PATH": _PATH,
                    "LD_LIBRARY_PATH": _LIBRARIES,
                },
                preexec_fn=heed_signals,
            )

        def is_open() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, (folder / "output").read_text()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.public), timeout=5).close()
                return True
            return False

        eventually(is_open, "the proxy's start")

    def stop_proxy(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=PATIENCE)
            self._process = None

    def stop(self) -> None:
        self.stop_proxy()
        super().stop()

    def visit(
        self,
        address: str,
        port: int,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        """A request of a client at an address, with the path as it is spelt."""
        with requests.Session() as session:
            session.mount("https://", From(address))
            request = requests.Request(method, headers=dict(headers or {}), **options)
            request.url = f"https://localhost:{port}/"
            prepared = session.prepare_request(request)
            prepared.url = f"https://localhost:{port}{path}"
            return session.send(prepared, verify=str(self.root), timeout=30)

    def access_lines(self, path: str) -> list[dict[str, Any]]:
        found = []
        for line in self.daemon.log.read_text().splitlines():
            if '"log":"access"' in line:
                entry = msgspec.json.decode(line)
                if entry["path"] == path:
                    found.append(entry)
        return found
