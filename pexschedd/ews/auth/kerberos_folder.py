"""The files that the Kerberos library reads: its configuration, and keytabs.

kerberos/krb5.conf               written here, from the integrations
kerberos/<integration id>.conf   written here: what its sign-in reads
kerberos/authorities.pem         written here: certificates that verify KDC proxies
keytabs/<integration id>.keytab  put there by an administrator

Those of a deployment of One-Touch Join have `one-touch-<id>` for the integration's id.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from pexschedd.ews.auth.kerberos_config import KerberosRealm, krb5_conf
from pexschedd.util import atomic_file

_VARIABLE = "KRB5_CONFIG"
_variable_in_use = Lock()


@contextmanager
def configured_by(path: Path) -> Iterator[None]:
    """Have the library's contexts that are made meanwhile read the file `path`.

    Keep it short: nobody else can have it at the same time, the reactor included.
    """
    with _variable_in_use:
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = str(path)
        try:
            yield
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before


class KerberosFolder:
    """The library's files in the state directory.

    `realms` gives those of all integrations, and `authorities` the trusted certificates
    (PEM), at any time. The whole process reads this configuration, by an environment
    variable: the library offers no other way. The machine's own (/etc/krb5.conf) is not
    read.

    Sign-ins read another file, with their own realm alone. Otherwise whoever adds an
    integration with the same realm would name a KDC for the passwords of all.
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

    def contents(
        self, integration: int | str, realm: KerberosRealm
    ) -> dict[Path, bytes]:
        """Return the current contents of the files that an integration needs, and
        point the library at them. `realm` is the integration's own."""
        with _variable_in_use:
            os.environ[_VARIABLE] = str(self._config)
        return {
            self.authorities: self._authorities(),
            self._config: krb5_conf(self._realms()).encode(),
            self.sign_in_config(integration): krb5_conf([realm]).encode(),
        }

    def sign_in_config(self, integration: int | str) -> Path:
        """Return the path of the configuration for an integration's sign-in."""
        return self._config.with_name(f"{integration}.conf")

    def write(self, contents: Mapping[Path, bytes]) -> None:
        """Write the files that have changed. Blocks; raises OSError."""
        for path, content in contents.items():
            if not path.exists() or path.read_bytes() != content:
                atomic_file.replace_file(path, content)

    def keytab(self, integration: int | str) -> Path | None:
        """The keytab of an integration, if it has one."""
        path = self._keytabs / f"{integration}.keytab"
        return path if path.exists() else None
