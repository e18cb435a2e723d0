"""`schedulingrecovery` and `schedulingmaintenance`, and the work without a daemon."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.control.client import Fallback, carry_out
from pexschedd.control.protocol import Event, Finished, Note, Order, Progress
from pexschedd.errors import (
    PexscheddError,
    StoreError,
    StoreKeyUnusable,
    StoreNotPermitted,
)
from pexschedd.tools import arguments
from pexschedd.tools.arguments import ToolArguments
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.file_errors import require_owner
from pexschedd.tools.program import run_program, tell
from pexschedd.tools.screen import Screen, summary
from pexschedd.util.access import permission_text
from pexschedd.util.stop_signal import StopSignal


def recovery(name: str = "schedulingrecovery") -> None:
    """Run `schedulingrecovery`."""
    _main(arguments.recovery, name)


def maintenance(name: str = "schedulingmaintenance") -> None:
    """Run `schedulingmaintenance`."""
    _main(arguments.maintenance, name)


def _main(parse: Callable[[Sequence[str], str], ToolArguments], name: str) -> None:
    async def begin(reactor: Any) -> int:
        asked = parse(sys.argv[1:], name)
        return await run(
            asked, reactor, sys.stdout, sys.stderr, fallback=run_without_daemon
        )

    run_program(begin)


async def run(
    asked: ToolArguments, reactor: Any, out: TextIO, err: TextIO, *, fallback: Fallback
) -> int:
    """Have the order executed by the daemon, or by `fallback`; return the exit
    status."""
    screen = Screen(out, terminal=out.isatty())
    try:
        finished = await carry_out(
            asked.order, asked.config, screen.show, reactor, fallback
        )
    except PexscheddError as error:
        screen.end()
        return tell(error, err)
    screen.end()
    if finished.refused:
        err.write(f"{finished.refused}\n")
        return ExitStatus.USAGE
    out.write(summary(finished, dry_run=asked.order.dry_run))
    return ExitStatus.FAILED if finished.failures else ExitStatus.DONE


async def run_without_daemon(
    config: Config, order: Order, show: Callable[[Event], None], reactor: Any
) -> Finished:
    """Execute an order on the state folder. Raises `StoreError`."""
    become_owner(config.state_dir)
    # The daemon is made but never started: no port opens, no mailbox is watched.
    from pexschedd.tap import Daemon  # noqa: PLC0415 - not needed beside a daemon

    try:
        daemon = Daemon(config, reactor=reactor, now=system_now, listens=False)
    except (StoreNotPermitted, StoreKeyUnusable):
        raise
    except StoreError as error:
        raise StoreError(
            f"{error.message} If the daemon is running, it does not answer on "
            f"{config.state_dir / 'control'}."
        ) from error
    show(Note("The daemon is not running: working on its state folder."))
    daemon.start_threads()
    try:
        finished: Finished = await daemon.upkeep.executor.run(
            order, _ShownProgress(show), StopSignal()
        )
    finally:
        await daemon.stop_threads()
        await daemon.store.close()
    return finished


def become_owner(state_dir: Path) -> None:
    """Continue as the owner of the state folder, if this process belongs to root.

    The daemon could not write files that root has created. Raises `StoreError` if this
    user may not work on the folder.
    """
    try:
        there = require_owner(state_dir)
        (state_dir / "format.json").stat()
    except PermissionError as error:
        raise StoreNotPermitted(f"{state_dir}: {permission_text(state_dir)}") from error
    except OSError as error:
        raise StoreError(
            f"There is no state of a daemon in {state_dir}: {error.strerror}."
        ) from error
    if there.st_uid == os.geteuid():
        return
    os.setgroups([])
    os.setgid(there.st_gid)
    os.setuid(there.st_uid)


class _ShownProgress:
    def __init__(self, show: Callable[[Event], None]) -> None:
        self._show = show

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        self._show(Progress(what, done, total))

    def note(self, text: str) -> None:
        self._show(Note(text))
