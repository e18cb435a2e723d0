"""The folder that the Kerberos library reads: its configuration, and keytabs.

kerberos/krb5.conf               written here, from the integrations
keytabs/<integration id>.keytab  put there by an administrator
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from pexschedd import files
from pexschedd.ews.auth.kerberos_config import Realm, krb5_conf


class KerberosFolder:
    """`realms` are those of all integrations, at any time.

    Points the whole process at its configuration: the library has no other way to be
    told. The machine's own (/etc/krb5.conf) is not read.
    """

    def __init__(
        self, state_dir: Path, realms: Callable[[], Iterable[Realm]] = lambda: ()
    ) -> None:
        self._keytabs = state_dir / "keytabs"
        self._config = state_dir / "kerberos" / "krb5.conf"
        self._realms = realms

    def configuration(self) -> bytes:
        """What the file has to hold now. Tells the library where it is."""
        os.environ["KRB5_CONFIG"] = str(self._config)
        return krb5_conf(self._realms()).encode()

    def write(self, configuration: bytes) -> None:
        """Blocks. Leaves the file alone if it is current. Raises OSError."""
        try:
            if self._config.read_bytes() == configuration:
                return
        except FileNotFoundError:
            pass
        files.replace_file(self._config, configuration)

    def keytab(self, integration: int) -> Path | None:
        """The keytab of an integration, if it has one."""
        path = self._keytabs / f"{integration}.keytab"
        return path if path.exists() else None
