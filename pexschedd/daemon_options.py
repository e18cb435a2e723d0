"""The command line of `twistd pexschedd`, and the check of its configuration file."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from os.path import exists, realpath
from pathlib import Path
from socket import socket
from typing import Any, NoReturn

from twisted.internet.endpoints import serverFromString
from twisted.python.usage import Options as UsageOptions

from pexschedd import config as configuration
from pexschedd.clock import system_now
from pexschedd.composition.network import make_network
from pexschedd.composition.permissions import permission_problems
from pexschedd.config import Config
from pexschedd.errors import ConfigError, StoreKeyUnusable
from pexschedd.identity.initial_password import read_password
from pexschedd.net.endpoint_strings import parse_endpoint
from pexschedd.net.server_tls import ServedCertificate, server_endpoint
from pexschedd.store.folder import INFO
from pexschedd.store.secrets import read_given_key
from pexschedd.supervision.certificate_renewal import in_words
from pexschedd.supervision.trace_settings import trace_headers
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.program import written_out
from pexschedd.tools.version import version_text
from pexschedd.util.access import output_text, permission_text, port_text

_PORT = re.compile(
    r"(?:(?:haproxy:)?(?:tcp6?|ssl):|.*(?<!\\):port=)(?:port=)?\s*([-+]?\d+)\s*(?::|$)"
)
_OF_SYSTEMD = re.compile(r"(?:haproxy:)?systemd:", re.IGNORECASE)
_HIGHEST_PORT = 65535
_DEFAULT_PID_FILE = "twistd.pid"


class DaemonOptions(UsageOptions):
    """The command line of `twistd pexschedd`."""

    synopsis = "[options]"
    optParameters = [
        ["config", "c", configuration.DEFAULT_PATH, "The configuration file."]
    ]
    optFlags = [
        ["check-config", None, "Report all errors in the configuration file, and exit."]
    ]
    config: Config

    def postOptions(self) -> None:
        """Load the configuration file, and exit if it was only to be checked."""
        path = Path(self["config"])
        try:
            looks_further = partial(_further_problems, path, self["check-config"])
            self.config = configuration.load(path, looks_further)
        except ConfigError as error:
            problems = "\n".join(f"{path}: {problem}" for problem in error.problems)
            refuse(problems, ExitStatus.CONFIG)
        if self["check-config"]:
            refused = "\n".join(_not_permitted(self.config))
            if refused:
                refuse(refused, ExitStatus.NOT_PERMITTED)
            said = [*_left_to_the_start(self.config), f"{path} is in order."]
            written_out(lambda: sys.stdout.write("\n".join(said) + "\n"))
            sys.exit(ExitStatus.DONE)
        # twistd would fork after the store was opened: the store's thread would stay
        # behind, and no change would become durable.
        if self.parent is not None and not self.parent.get("nodaemon", True):
            refuse(
                "run it as pexschedd run or twistd -n pexschedd: it stays in the "
                "foreground and writes its log to standard output; a supervisor such "
                "as systemd does the rest",
                ExitStatus.USAGE,
            )
        # By default twistd leaves one wherever it is started, and cannot start where
        # it may not: the state folder's lock is what keeps a second daemon out.
        if self.parent is not None and self.parent.get("pidfile") == _DEFAULT_PID_FILE:
            self.parent["pidfile"] = ""

    def opt_version(self) -> None:
        """Print the release and the format of the state, and exit."""
        written_out(lambda: sys.stdout.write(f"{version_text()}\n"))
        sys.exit(ExitStatus.DONE)

    def reread(self) -> Config:
        """Load the configuration file again. What it names is not looked into."""
        path = Path(self["config"])
        user = os.geteuid()
        return configuration.load(path, lambda c: permission_problems(c, path, user))


def refuse(text: str, status: ExitStatus) -> NoReturn:
    """End the process in words: twistd would print its whole usage before them."""
    sys.stderr.write(f"{text}\n")
    sys.exit(status)


def _further_problems(file: Path, is_check: bool, config: Config) -> Iterator[str]:
    """Errors that show only when endpoints, certificates and proxy are used, and
    permissions that let others read or change what they should not."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen it by now

    for place, endpoint in _places(config):
        try:
            if is_check and _is_handed_over(endpoint):
                _check_without_socket(reactor, endpoint)
            else:
                server_endpoint(reactor, endpoint)
        except Exception as error:  # noqa: BLE001 - each type of endpoint has its own
            yield f"{place}: {in_words(error)}"
        port = _PORT.match(endpoint)
        if port and not 0 <= float(port[1]) <= _HIGHEST_PORT:
            yield f"{place}: a port is a number from 0 to {_HIGHEST_PORT}"
    yield from permission_problems(config, file, os.geteuid())
    try:
        make_network(config, reactor, system_now)
    except ConfigError as error:
        yield from error.problems
    try:
        trace_headers(config)
    except ConfigError as error:
        yield from error.problems
    yield from _unusable_secrets(config)


def _places(config: Config) -> Iterator[tuple[str, str]]:
    """Yield each endpoint, after where in the file it is."""
    for name, endpoints in config.endpoints:
        for number, endpoint in enumerate(endpoints):
            yield f"endpoints.{name}[{number}]: {endpoint!r}", endpoint


def _not_permitted(config: Config) -> Iterator[str]:
    """Yield what this user may not do, and the daemon would: work in the state folder,
    open a port."""
    state = Path(realpath(config.state_dir))
    place = next(each for each in (state, *state.parents) if exists(each))
    needed = os.R_OK | os.W_OK | os.X_OK if place == state else os.W_OK | os.X_OK
    is_read_only = os.statvfs(place).f_flag & os.ST_RDONLY
    if not os.access(place, needed) and not is_read_only:
        yield f"state_dir: {state}: {permission_text(state)}"
    for where, endpoint in _places(config):
        port = _PORT.match(endpoint)
        if port and _is_closed(int(port[1])):
            yield f"{where}: {port_text(os.geteuid())}"
        file = parse_endpoint(endpoint).socket
        if (
            file
            and exists(file.parent)
            and not os.access(file.parent, os.W_OK | os.X_OK)
        ):
            yield f"{where}: {output_text(file)}"


def _is_closed(port: int) -> bool:
    """Return whether this user may not open a port, be it in use or not."""
    with socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return True
        except OSError:
            return False  # the start shows it: it may be the daemon that has it open
    return False


def _is_handed_over(endpoint: str) -> bool:
    """Return whether only a service can have its socket, and this process is none."""
    return "LISTEN_FDS" not in os.environ and _OF_SYSTEMD.match(endpoint) is not None


def _check_without_socket(reactor: Any, endpoint: str) -> None:
    """Read an endpoint of systemd and its certificate. Raises what `server_endpoint`
    raises, but for the missing socket."""
    parts = parse_endpoint(endpoint)
    with suppress(LookupError):
        serverFromString(reactor, parts.transport)
    if parts.tls:
        ServedCertificate(parts)


def _left_to_the_start(config: Config) -> Iterator[str]:
    """Yield a line for each endpoint of which a check does not see all: its socket or
    its socket's folder may be made for the start only."""
    for place, endpoint in _places(config):
        if _is_handed_over(endpoint):
            yield f"{place}: whether systemd passes this socket, the start shows"
        file = parse_endpoint(endpoint).socket
        if file and not exists(file.parent):
            yield f"{place}: {file.parent} is not there, and must be for the start"


def _unusable_secrets(config: Config) -> Iterator[str]:
    """Yield what is wrong with the files of the key and of the passwords. The
    initial one is only looked at before the first start: later it counts no more."""
    if config.key_file is not None:
        yield from _unusable_key(config.key_file, config.state_dir)
    passwords = [("policy.password_file", config.policy_password_file)]
    if not exists(config.state_dir / INFO):
        file = config.initial_admin_password_file
        passwords.append(("initial_admin_password_file", file))
    for name, path in passwords:
        if path is not None:
            try:
                read_password(path)
            except ConfigError as error:
                yield from (f"{name}: {path}: {each}" for each in error.problems)


def _unusable_key(path: Path, state_dir: Path) -> Iterator[str]:
    if Path(realpath(path)).is_relative_to(realpath(state_dir)):
        # It would be taken for a copy of itself, which is best removed.
        yield (
            f"key_file: {path} is in the state folder, whose backups would have it. "
            "Name a file elsewhere; without key_file, secret.key of the state folder "
            "is used"
        )
        return
    try:
        read_given_key(path)
    except StoreKeyUnusable as error:
        yield error.message
