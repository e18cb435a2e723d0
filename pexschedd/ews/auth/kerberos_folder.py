"""The files that the Kerberos library reads: its configuration, and keytabs.

kerberos/krb5.conf               written here, from the integrations
kerberos/authorities.pem         written here: certificates that verify KDC proxies
keytabs/<integration id>.keytab  put there by an administrator
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pexschedd.ews.auth.kerberos_config import KerberosRealm, krb5_conf
from pexschedd.util import atomic_file


class KerberosFolder:
    """The library's files in the state directory.

    `realms` gives those of all integrations, and `authorities` the trusted certificates
    (PEM), at any time. The whole process reads this configuration, by an environment
    variable: the library offers no other way. The machine's own (/etc/krb5.conf) is not
    read.
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
        """Return the current contents of the files, and point the library at them."""
        os.environ["KRB5_CONFIG"] = str(self._config)
        return {
            self.authorities: self._authorities(),
            self._config: krb5_conf(self._realms()).encode(),
        }

    def write(self, contents: Mapping[Path, bytes]) -> None:
        """Write the files that have changed. Blocks; raises OSError."""
        for path, content in contents.items():
            if not path.exists() or path.read_bytes() != content:
                atomic_file.replace_file(path, content)

    def keytab(self, integration: int) -> Path | None:
        """The keytab of an integration, if it has one."""
        path = self._keytabs / f"{integration}.keytab"
        return path if path.exists() else None
