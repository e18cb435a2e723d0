"""The folder that the Kerberos library reads: its configuration, and keytabs.

kerberos/krb5.conf               written here, from the integrations
kerberos/authorities.pem         written here: who is believed of KDC proxies
keytabs/<integration id>.keytab  put there by an administrator
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pexschedd.ews.auth.kerberos_config import KerberosRealm, krb5_conf
from pexschedd.util import atomic_file


class KerberosFolder:
    """`realms` are those of all integrations, and `authorities` the certificates (PEM)
    that may be believed, at any time.

    Points the whole process at its configuration: the library has no other way to be
    told. The machine's own (/etc/krb5.conf) is not read.
    """

    def __init__(
        self,
        state_dir: Path,
        realms: Callable[[], Iterable[KerberosRealm]] = lambda: (),
        authorities: Callable[[], bytes] = lambda: b"",
    ) -> None:
        self._keytabs = state_dir / "keytabs"
        self._config = state_dir / "kerberos" / "krb5.conf"
        self._realms = realms
        self.authorities = self._config.with_name("authorities.pem")
        self._authorities = authorities

    def contents(self) -> dict[Path, bytes]:
        """What the files have to hold now. Tells the library where they are."""
        os.environ["KRB5_CONFIG"] = str(self._config)
        return {
            self.authorities: self._authorities(),
            self._config: krb5_conf(self._realms()).encode(),
        }

    def write(self, contents: Mapping[Path, bytes]) -> None:
        """Blocks. Leaves a file alone if it is current. Raises OSError."""
        for path, content in contents.items():
            if not path.exists() or path.read_bytes() != content:
                atomic_file.replace_file(path, content)

    def keytab(self, integration: int) -> Path | None:
        """The keytab of an integration, if it has one."""
        path = self._keytabs / f"{integration}.keytab"
        return path if path.exists() else None
