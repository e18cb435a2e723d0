"""`pexschedd-check --bundle`: writes what helps others to find a fault into one file.

The running daemon gathers it; without one, the tool does. Nothing leaves the machine.
All texts go through the same scrubber, which is told the secrets by the daemon. Where
the configuration or the state cannot be used, the reason takes the place of what the
daemon would have given.
"""

import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, TextIO

import msgspec

import pexschedd
from pexschedd import __version__
from pexschedd.clock import system_now
from pexschedd.config_outline import outlined, secret_places
from pexschedd.config_reader import content_of
from pexschedd.control.bundle_gatherer import secrets_in_files
from pexschedd.control.client import Fallback, carry_out
from pexschedd.control.protocol import BundleOrder, BundleParts
from pexschedd.doctor.text import harmless
from pexschedd.errors import ConfigError, PexscheddError, StoreNotPermitted
from pexschedd.observation.bundle_file import bundle_of
from pexschedd.observation.recent_lines import read_end, recent_lines
from pexschedd.observation.scrubber import Scrubber
from pexschedd.tools.exit_status import ExitStatus, status_of_file
from pexschedd.tools.output_file import output_file
from pexschedd.tools.program import reason_text, tell
from pexschedd.tools.screen import Screen
from pexschedd.util.access import output_text
from pexschedd.util.stop_signal import StopSignal

NOTE = (
    "{file} is written, for its owner alone. Secrets, subjects and persons' addresses "
    "were removed; look into it before you send it: tar -xzf {file}\n"
)
PARTIAL_NOTE = (
    "{file} is written, for its owner alone, without what is in the state. Not all "
    "passwords are known without that, and no names of administrators, so they may "
    "be left in any of its files, the log above all: look into them before you send "
    "it: tar -xzf {file}\n"
)


_WORD = re.compile("[a-z]+|[0-9]+")


class BundleRequest(msgspec.Struct, frozen=True):
    """The file that is asked for, and where the log is, if that is known."""

    file: Path
    log: Path | None = None


async def run_bundle(
    request: BundleRequest,
    config: Path,
    reactor: Any,
    err: TextIO,
    *,
    fallback: Fallback,
) -> int:
    """Make the bundle; return the exit status."""
    screen = Screen(err, terminal=err.isatty())
    now = system_now()
    stop = StopSignal()
    reactor.addSystemEventTrigger("before", "shutdown", stop.set)
    try:
        # While this process may still read them: without a daemon it goes on as the
        # owner of the state folder.
        text = _text_of(config)
        places = secret_places(text, config)
        texts = {"configuration_file.json": outlined(text, places.texts)}
        if request.log is not None:
            texts["log.txt"] = recent_lines(read_end(request.log), now)
        known = (*places.texts, *secrets_in_files(places.files))
        problem = None
        with output_file(request.file) as out:
            try:
                finished = await carry_out(
                    BundleOrder(), config, screen.show, reactor, fallback
                )
                if finished.bundle is None:
                    raise PexscheddError(
                        finished.refused or "The daemon gave no parts."
                    )
                parts = finished.bundle
            except StoreNotPermitted:
                raise  # another user makes a better one
            except PexscheddError as error:
                problem = error
                parts = BundleParts({"problem.txt": reason_text(error)}, known, ())
            if stop.is_set:  # a signal has ended it, and it is not whole
                return ExitStatus.STOPPED
            out.write(bundle_of(scrubbed(parts, texts, known), now))
    except PexscheddError as error:
        screen.end()
        return tell(error, err)
    except OSError as error:
        screen.end()
        where = Path(os.fsdecode(error.filename or request.file))
        err.write(f"{harmless(str(where))}: {_reason(error, where, request.file)}\n")
        return status_of_file(error)
    screen.end()
    status = ExitStatus.DONE if problem is None else tell(problem, err)
    note = NOTE if problem is None else PARTIAL_NOTE
    err.write(note.format(file=harmless(str(request.file))))
    return status


def _text_of(config: Path) -> str:
    """Return the configuration file as it is. Raises `ConfigError`."""
    if config.exists() and not config.is_file():
        raise ConfigError(str(config), ["is not a file"])
    return content_of(config).decode("utf-8", "replace")


def _reason(error: OSError, where: Path, bundle: Path) -> str:
    """Return why the log cannot be read, or the bundle not be made. No command is
    proposed: neither the log nor the bundle's folder need be anyone else's."""
    if isinstance(error, PermissionError) and where == bundle:
        return f"{output_text(bundle)}, or run this as a user who may"
    if isinstance(error, FileExistsError):
        return "It is there already; name a new file"
    return error.strerror or str(error)


def scrubbed(
    parts: BundleParts, beside: Mapping[str, str], known: Iterable[str] = ()
) -> dict[str, str]:
    """Return all texts of a bundle as they may be sent. `known` are secrets beside
    those of the parts: the daemon may have read another configuration."""
    scrubber = Scrubber((*parts.secrets, *known), parts.names, own_words())
    texts = {**parts.texts, **beside, "versions.json": versions()}
    return {name: scrubber.scrub(text) for name, text in texts.items()}


def own_words() -> frozenset[str]:
    """Return the words of the program, in lower case, of which its texts consist."""
    package = Path(pexschedd.__file__).parent
    return frozenset(
        word
        for module in package.rglob("*.py")
        for word in _WORD.findall(module.read_text("utf-8").lower())
    )


def versions() -> str:
    """Return the releases of all that is at work here, as JSON."""
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        system = ""
    packages = {each.name: each.version for each in distributions()}
    found = {
        "pexschedd": __version__,
        "python": platform.python_version(),
        "system": system,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items(), key=lambda each: each[0].lower())),
    }
    return json.dumps(found, indent=2) + "\n"
