"""A Kerberos realm: MIT's KDC with a database, a port and files of its own."""

import re
from pathlib import Path

from tests.peers.processes import Server, run
from tests.ports import free_ports

REALM = "EXAMPLE.TEST"
COMMANDS = ("krb5kdc", "kdb5_util", "kadmin.local")


class Kdc:
    """Runs until `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_ports()
        self.address = f"127.0.0.1:{self.port}"
        self.config = folder / "krb5.conf"
        """For programs of the realm."""
        self._write()
        self._environment = {
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        }
        self._run("kdb5_util", "create", "-s", "-P", "only a test")
        self._server = Server(
            ["krb5kdc", "-n", "-r", REALM], self._environment, "commencing operation"
        )

    def _write(self) -> None:
        folder = self._folder
        # DNS names nobody here, and no other realm is asked.
        self.config.write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
            "[logging]\n kdc = STDERR\n"
            f"[realms]\n {REALM} = {{\n  kdc = {self.address}\n }}\n"
        )
        (folder / "kdc.conf").write_text(
            f"[realms]\n {REALM} = {{\n"
            f"  database_name = {folder}/principal\n"
            f"  key_stash_file = {folder}/stash\n"
            f"  kdc_listen = {self.address}\n  kdc_tcp_listen = {self.address}\n"
            "  default_principal_flags = +preauth\n"
            " }\n"
        )

    def _run(self, *arguments: str) -> str:
        return run([arguments[0], "-r", REALM, *arguments[1:]], self._environment)

    def add(self, principal: str, password: str, *options: str) -> None:
        """An account."""
        options = (*options, "-pw", password)
        self._run("kadmin.local", "addprinc", *options, f"{principal}@{REALM}")

    def change(self, principal: str, *options: str) -> None:
        self._run("kadmin.local", "modprinc", *options, f"{principal}@{REALM}")

    def set_password(self, principal: str, password: str) -> None:
        self._run("kadmin.local", "cpw", "-pw", password, f"{principal}@{REALM}")

    def export(self, principal: str, keytab: Path) -> None:
        """Adds the keys of an account to a keytab; its password stays."""
        keys = ("ktadd", "-k", str(keytab), "-norandkey")
        self._run("kadmin.local", *keys, f"{principal}@{REALM}")

    def attempts(self, principal: str) -> int:
        """How many wrong passwords there were, one after another."""
        said = self._run("kadmin.local", "getprinc", f"{principal}@{REALM}")
        found = re.search(r"^Failed password attempts: (\d+)$", said, re.MULTILINE)
        assert found is not None, said
        return int(found[1])

    def stop(self) -> None:
        self._server.stop()
