"""The two programs: a composition root, for as long as one run takes."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.control.client import Alone, carried_out
from pexschedd.control.protocol import Event, Finished, Note, Order, Progress
from pexschedd.errors import ConfigError, PexscheddError, StoreError
from pexschedd.tools import arguments
from pexschedd.tools.arguments import ToolArguments
from pexschedd.tools.program import program
from pexschedd.tools.screen import Screen, summary

DONE, FAILED, USAGE = 0, 1, 2
"""Exit status."""


def recovery() -> None:
    """`schedulingrecovery`"""
    _main(arguments.recovery)


def maintenance() -> None:
    """`schedulingmaintenance`"""
    _main(arguments.maintenance)


def _main(parse: Callable[[Sequence[str]], ToolArguments]) -> None:
    async def begin(reactor: Any) -> int:
        asked = parse(sys.argv[1:])
        return await run(asked, reactor, sys.stdout, sys.stderr, alone=without_daemon)

    program(begin)


async def run(
    asked: ToolArguments, reactor: Any, out: TextIO, err: TextIO, *, alone: Alone
) -> int:
    """Has the order carried out, by the daemon or by `alone`; returns the exit
    status."""
    screen = Screen(out, terminal=out.isatty())
    try:
        finished = await carried_out(
            asked.order, asked.config, screen.show, reactor, alone
        )
    except ConfigError as error:
        err.writelines(f"{asked.config}: {problem}\n" for problem in error.problems)
        return USAGE
    except PexscheddError as error:
        screen.end()
        err.write(f"{error.message}\n")
        return FAILED
    screen.end()
    if finished.refused:
        err.write(f"{finished.refused}\n")
        return USAGE
    out.write(summary(finished, dry_run=asked.order.dry_run))
    return FAILED if finished.failures else DONE


async def without_daemon(
    config: Config, order: Order, show: Callable[[Event], None], reactor: Any
) -> Finished:
    """Does the work on the state folder itself. Raises `StoreError`."""
    become_owner(config.state_dir)
    # The whole daemon, made but never started: no port opens, no mailbox is watched.
    from pexschedd.tap import Daemon  # noqa: PLC0415 - not needed beside a daemon

    try:
        daemon = Daemon(config, reactor=reactor, now=system_now)
    except StoreError as error:
        raise StoreError(
            f"{error.message} If the daemon is running, it does not answer on "
            f"{config.state_dir / 'control'}."
        ) from error
    show(Note("The daemon is not running: working on its state folder."))
    daemon.start_threads()
    try:
        finished: Finished = await daemon.upkeep.executor.run(
            order, _Say(show), lambda: True
        )
    finally:
        daemon.stop_threads()
        await daemon.store.close()
    return finished


def become_owner(state_dir: Path) -> None:
    """Files that root makes could not be written by the daemon afterwards: works as
    the folder's owner. Raises `StoreError` if that is not possible."""
    try:
        there = state_dir.stat()
        # Only its owner may look into it, and root.
        if os.geteuid() not in (there.st_uid, 0):
            raise StoreError(
                f"{state_dir} belongs to another user: run this as root or as that "
                "user."
            )
        (state_dir / "format.json").stat()
    except OSError as error:
        raise StoreError(
            f"There is no state of a daemon in {state_dir}: {error.strerror}."
        ) from error
    if there.st_uid == os.geteuid():
        return
    os.setgroups([])
    os.setgid(there.st_gid)
    os.setuid(there.st_uid)


class _Say:
    def __init__(self, show: Callable[[Event], None]) -> None:
        self._show = show

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        self._show(Progress(what, done, total))

    def note(self, text: str) -> None:
        self._show(Note(text))
