"""The configuration file, read again while the daemon runs: on SIGHUP."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from twisted.logger import Logger

from pexschedd.config import Config
from pexschedd.errors import ConfigError
from pexschedd.logs import LevelObserver
from pexschedd.net.network import Network
from pexschedd.supervision.network_settings import reread_authorities, reread_proxy

Part = Callable[[Config], bool]
"""Puts a part of a configuration into effect; returns whether that changed anything.
May raise `ConfigError`, OSError or ValueError, after which all is as before."""

_KEYS = {
    "state_dir": "state_dir",
    "key_file": "key_file",
    "addin_endpoints": "endpoints.addin",
    "admin_endpoints": "endpoints.admin",
    "policy_endpoints": "endpoints.policy",
    "rooms_endpoints": "endpoints.rooms",
    "rooms_url": "rooms_url",
    "trusted_proxies": "trusted_proxies",
    "forwarded_header": "forwarded_header",
    "bookings_per_user": "limits.bookings_per_user",
    "bookings_per_address": "limits.bookings_per_address",
    "initial_admin_password_file": "initial_admin_password_file",
    "log_format": "log.format",
    "audit_log_folder": "audit_log.folder",
    "audit_log_megabytes": "audit_log.megabytes",
    "audit_log_files": "audit_log.files",
    "traces_url": "traces.url",
}
"""The settings that count from the next start only: field and key in the file."""


class ConfigurationReload:
    """Reads the configuration file again, and puts into effect what can be.

    `read` raises `ConfigError`; `config` is the one of the start. `parts` are put into
    effect one by one, by the keys that they have in the file, so that an error in one
    does not hold up the others. `certificates` reads those of our endpoints again and
    returns the names of the endpoints that keep their old one.
    """

    _log = Logger()

    def __init__(
        self,
        read: Callable[[], Config],
        config: Config,
        parts: Mapping[str, Part],
        certificates: Callable[[], list[str]],
    ) -> None:
        self._read = read
        self._config = config
        self._parts = parts
        self._certificates = certificates

    def run(self) -> None:
        """Read everything again, and say what has become of it."""
        self._log.info("configuration reload begins")
        kept = self._certificates()
        try:
            config = self._read()
        except ConfigError as error:
            for problem in error.problems:
                self._log.error(
                    "configuration not reloaded, settings stay as they were "
                    "problem={problem}",
                    problem=problem,
                )
            return
        changed = []
        for key, part in self._parts.items():
            try:
                if part(config):
                    changed.append(key)
            except (ConfigError, OSError, ValueError) as error:
                kept.append(key)
                self._log.error(
                    "setting not reloaded, it stays as it was key={key} "
                    "reason={reason}",
                    key=key,
                    reason=error,
                )
        waiting = list(_differences(self._config, config))
        for key in waiting:
            self._log.warn(
                "setting not reloaded, it counts from the next start key={key}", key=key
            )
        self._log.info(
            "configuration reloaded changed={changed} kept={kept} next_start={waiting}",
            changed=_listed(changed),
            kept=_listed(kept),
            waiting=_listed(waiting),
        )


def reloadable(
    config: Config,
    log_lines: LevelObserver,
    use_access_level: Callable[[str], object],
    network: Network,
    trust_changed: Callable[[], object],
    policy_account: Part,
) -> dict[str, Part]:
    """Return the parts of a running daemon's configuration that can be replaced, by
    their keys in the file; `config` is in effect now."""
    level = config.log_level

    def use_level(config: Config) -> bool:
        nonlocal level
        before, level = level, config.log_level
        log_lines.use_level(level)
        use_access_level(level)
        return before != level

    def trust(config: Config) -> bool:
        has_changed = reread_authorities(network, config)
        if has_changed:
            trust_changed()
        return has_changed

    return {
        "log.level": use_level,
        "ca_file": trust,
        "proxy": partial(reread_proxy, network),
        "policy": policy_account,
    }


def _differences(old: Config, new: Config) -> Iterator[str]:
    for field, key in _KEYS.items():
        if getattr(old, field) != getattr(new, field):
            yield key
    if (old.policy_password_file is None) != (new.policy_password_file is None):
        yield "policy"


def _listed(names: list[str]) -> str:
    return ",".join(names) or "-"
