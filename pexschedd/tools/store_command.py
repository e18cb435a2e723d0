"""`pexschedd-store`: verifies and repairs a state folder while the daemon is stopped,
makes backups at any time, and restores them.

    pexschedd-store (--state-dir DIR | --config FILE) [--key-file FILE] COMMAND
"""

import argparse
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from os import urandom
from pathlib import Path
from shlex import quote
from typing import Any, TextIO

import msgspec

from pexschedd import __version__
from pexschedd import config as configuration
from pexschedd.clock import Now, system_now
from pexschedd.control.protocol import BackupOrder
from pexschedd.control.socket import NoDaemon, ask_daemon
from pexschedd.errors import PexscheddError, StoreCopyMisplaced, StoreError
from pexschedd.model.table import Table
from pexschedd.model.tables import TABLES
from pexschedd.store.archive.writer import KeyWish
from pexschedd.store.folder import KEY
from pexschedd.store.fs import RealFileSystem, take_lock
from pexschedd.store.fsck.inspection import FolderInspection, inspect, is_state_folder
from pexschedd.store.fsck.repair import Repair
from pexschedd.store.open_store import releases
from pexschedd.store.release_change import COPIES
from pexschedd.store.secrets import GivenKey, read_given_key
from pexschedd.store.snapshot import BACKUPS
from pexschedd.store.store import Store
from pexschedd.tools.archive_commands import (
    ArchiveFiles,
    make_archive,
    opened_files,
    restore_archive,
    restored_text,
    stoppable_pause,
)
from pexschedd.tools.backup_retention import MOMENT, remove_superseded
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.file_errors import (
    copy_error,
    file_error_status,
    file_error_text,
    require_owner,
    writing,
)
from pexschedd.tools.program import run_program, tell
from pexschedd.tools.store_arguments import store_parser

MIB = 1 << 20


def main(name: str = "pexschedd-store") -> None:
    """Run `pexschedd-store`, typed as `name`."""
    run_program(
        lambda reactor: run(sys.argv[1:], sys.stdout, sys.stderr, reactor, name=name)
    )


async def run(
    arguments: Sequence[str],
    out: TextIO,
    err: TextIO,
    reactor: Any,
    *,
    now: Now = system_now,
    tables: Sequence[Table[Any]] = TABLES,
    name: str = "pexschedd-store",
) -> int:
    """Execute a command line and return the exit status."""
    asked = store_parser(name).parse_args(arguments)
    try:
        try:
            files = opened_files(asked)
        except (StoreError, FileNotFoundError, IsADirectoryError) as error:
            err.write(f"{file_error_text(error)}\n")
            return ExitStatus.USAGE
        directory, key_file = _places(asked)
        # As the present user: who owns the state folder may not be allowed to read it.
        given_key = None if key_file is None else read_given_key(key_file)
        _become_owner(directory)
        tool = _Tool(directory, tables, out, now, reactor, given_key)
        if asked.command == "archive":
            return await tool.archive(asked, files)
        if asked.command == "restore":
            return tool.restore(asked, files)
        if asked.command == "backup":
            return await tool.backup(asked)
        if asked.command == "compact" and not asked.dry_run:
            return await tool.compact()
        return tool.run(asked)
    except PexscheddError as error:
        return tell(error, err)
    except BrokenPipeError:
        raise
    except OSError as error:
        err.write(f"{file_error_text(error)}\n")
        return file_error_status(error)


def _places(asked: argparse.Namespace) -> tuple[Path, Path | None]:
    """The state folder, and the file with its key if that is not kept there."""
    found: Path
    key_file: Path | None = asked.given_key_file
    if asked.state_dir is not None:
        found = asked.state_dir
    else:
        config = configuration.load(asked.config, looks=False)
        found, key_file = config.state_dir, key_file or config.key_file
    if asked.command == "restore":
        return found, key_file
    _require_folder(found)
    if not is_state_folder(RealFileSystem(), found):
        raise StoreError(f"{found} is not a state folder.")
    return found, key_file


def _require_folder(path: Path) -> None:
    """Raise StoreError unless there is a folder that this user may work on."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if stat.S_ISDIR(require_owner(path).st_mode):
            return
    raise StoreError(f"There is no folder {path}.")


def _become_owner(directory: Path) -> None:
    """Continue as the folder's owner: the daemon could not write files of root's."""
    try:
        there = require_owner(directory)
    except (FileNotFoundError, NotADirectoryError):
        return  # it is to be made
    if there.st_uid == os.geteuid() or not stat.S_ISDIR(there.st_mode):
        return
    os.setgroups([])
    os.setgid(there.st_gid)
    os.setuid(there.st_uid)


class _Tool:
    def __init__(
        self,
        directory: Path,
        tables: Sequence[Table[Any]],
        out: TextIO,
        now: Callable[[], datetime],
        reactor: Any,
        given_key: GivenKey | None,
    ) -> None:
        self._fs = RealFileSystem()
        self._given_key = given_key
        self._directory = directory
        self._tables = tables
        self._out = out
        self._now = now
        self._reactor = reactor

    async def backup(self, asked: argparse.Namespace) -> int:
        """Have the running daemon make a copy, or make it without one."""
        if asked.to is not None and (asked.into is not None or asked.keep is not None):
            self._say(
                "A copy in a FOLDER of its own is not one of a row: leave FOLDER out, "
                "or --into and --keep."
            )
            return ExitStatus.USAGE
        beside = asked.into or self._directory / BACKUPS
        to = Path(os.path.abspath(asked.to or beside / self._moment()))
        await self._copy_to(to)
        copied = [path for path in to.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in copied)
        self._say(
            f"A copy of the state folder is in {to}: {len(copied)} files, "
            f"{size / MIB:.1f} MiB."
        )
        if not (to / KEY).exists():
            self._say(self._without_key())
        if asked.keep is not None:
            for name in remove_superseded(self._fs, to.parent, asked.keep):
                self._say(f"Removed {to.parent / name}.")
        return ExitStatus.DONE

    async def _copy_to(self, to: Path) -> None:
        try:
            finished = await ask_daemon(
                self._directory, BackupOrder(to=str(to)), lambda _: None, self._reactor
            )
            problem = finished.refused or "; ".join(finished.reasons)
            if problem:
                raise copy_error(finished.code, problem)
        except NoDaemon:
            store = self._open()
            try:
                await store.snapshot(to)
            finally:
                await store.close()

    async def archive(self, asked: argparse.Namespace, files: ArchiveFiles) -> int:
        """Make an archive, by a copy that the daemon or this process makes."""
        to = Path(os.path.abspath(asked.file))
        if self._directory.resolve() in to.parents:
            raise StoreCopyMisplaced(
                f"{to} would be in the state folder: name a file elsewhere"
            )
        is_plain = not (files.passphrase or asked.without_key)
        wish = KeyWish(is_plain, files.passphrase)
        with writing(to):
            size = await make_archive(
                self._fs,
                self._directory,
                to,
                wish,
                self._now(),
                self._copy_to,
                urandom,
                stoppable_pause(self._reactor),
            )
        self._say(f"The state is in {to}: {size / MIB:.1f} MiB.")
        if not (self._directory / KEY).exists():
            self._say(self._without_key())
        elif is_plain:
            self._say("It has secret.key in plain text: keep it safe.")
        return ExitStatus.DONE

    def _without_key(self) -> str:
        given = self._given_key
        where = "the file that key_file names" if given is None else f"{given.source}"
        return f"The key of its secrets is not in it: keep a copy of {where}, apart."

    def restore(self, asked: argparse.Namespace, files: ArchiveFiles) -> int:
        """Restore an archive into an empty folder."""
        with writing(self._directory):
            manifest = restore_archive(
                self._fs, self._directory, asked, files, self._tables, self._given_key
            )
        self._say(restored_text(manifest, self._directory))
        if asked.without_key:
            self._say(f"It has no key. Next: {self._repair_command()} --new-key")
        self._say(
            "After the start, schedulingrecovery restores the rooms of meetings that "
            "were accepted since then."
        )
        return ExitStatus.DONE

    async def compact(self) -> int:
        store = self._open()
        try:
            problem = await store.compact()
        finally:
            await store.close()
        if problem:
            raise StoreError(problem)
        self._say("The journal is compacted. Replaced segments are kept for some time.")
        return ExitStatus.DONE

    def _open(self) -> Store:
        def failed(error: StoreError) -> None:
            self._say(error.message)

        return Store.open(
            self._directory,
            self._tables,
            reactor=self._reactor,
            failed=failed,
            version=__version__,
            compact_from=1 << 62,
            copies=COPIES,
            given_key=self._given_key,
        )

    def _moment(self) -> str:
        return self._now().strftime(MOMENT)

    def run(self, asked: argparse.Namespace) -> int:
        """Execute a command that needs no reactor."""
        lock = take_lock(self._fs, self._directory / "LOCK")
        try:
            if asked.command == "repair":
                return self._repair(asked)
            found = self._inspected()
            if asked.command == "export":
                return self._export(found)
            if asked.command == "compact":
                return self._could_compact(found)
            return self._verdict(found)
        finally:
            self._fs.close(lock)

    def _repair_command(self) -> str:
        words = ["pexschedd-store", "--state-dir", str(self._directory)]
        if self._given_key is not None:
            words += ["--key-file", str(self._given_key.source)]
        return " ".join(map(quote, [*words, "repair"]))

    def _inspected(self) -> FolderInspection:
        return inspect(self._fs, self._directory, self._tables, self._given_key)

    def _say(self, text: str) -> None:
        self._out.write(f"{text}\n")

    def _verdict(self, found: FolderInspection) -> int:
        for note in found.notes:
            self._say(f"note: {note}.")
        for finding in found.findings:
            what = "NEWER" if finding.kind == "newer" else "DAMAGED"
            self._say(f"{what}: {finding.path}: {finding.text}")
        if found.findings:
            self._advise(found)
            return ExitStatus.FAILED
        counts = {n: len(c) for n, c in found.collections.items() if len(c)}
        for name, count in sorted(counts.items()):
            self._say(f"{name}: {count}")
        self._say(f"{self._directory} is sound.")
        return ExitStatus.DONE

    def _advise(self, found: FolderInspection) -> None:
        self._say("The daemon will not start in this state.")
        if all(finding.kind == "newer" for finding in found.findings):
            self._say(
                "Nothing is damaged, but this program is too old."
                + releases(found.release, __version__)
            )
            return
        if any(finding.kind == "newer" for finding in found.findings):
            self._say(
                "A newer release has used this folder: its pexschedd-store can tell "
                "more." + releases(found.release, __version__)
            )
            return
        self._say("The best remedy is to restore these files from a backup.")
        command = self._repair_command()
        repair = Repair(
            self._fs,
            self._directory,
            self._tables,
            self._moment(),
            given_key=self._given_key,
        )
        if any(repair.steps(found)):
            self._say(
                f"The second best is `{command}`, "
                "with --dry-run to see what it would do."
            )
        for finding in found.findings:
            option = repair.only_if_asked(finding)
            if option and not any(repair.steps(found, finding)):
                self._say(f"If {finding.path} is lost for good: {command} {option}")

    def _repair(self, asked: argparse.Namespace) -> int:
        moment = self._moment()
        repair = Repair(
            self._fs,
            self._directory,
            self._tables,
            moment,
            new_key=asked.new_key,
            give_up=asked.give_up,
            given_key=self._given_key,
        )
        if asked.dry_run:
            found = self._inspected()
            steps = list(repair.steps(found))
            for step in steps:
                self._say(f"would be done: {step.text}")
            if steps:
                aside = self._directory / "set-aside" / moment
                self._say(f"Replaced files would be kept in {aside}.")
            return self._verdict(found)
        found = repair.run(lambda text: self._say(f"done: {text}"))
        return self._verdict(found)

    def _export(self, found: FolderInspection) -> int:
        if found.findings:
            return self._verdict(found)
        for name, collection in sorted(found.collections.items()):
            for record in collection.all():
                # With defaults, which a reader of the export does not know.
                fields = msgspec.structs.asdict(record)
                line = msgspec.json.encode({"table": name, "record": fields})
                self._say(line.decode())
        return ExitStatus.DONE

    def _could_compact(self, found: FolderInspection) -> int:
        if found.findings:
            return self._verdict(found)
        size = sum(lines.size for lines in found.line_index.segments)
        live = sum(lines.live for lines in found.line_index.segments)
        self._say(
            f"The journal has {size / MIB:.1f} MiB, of which {live / MIB:.1f} MiB "
            "are needed: the rest would be removed."
        )
        return ExitStatus.DONE
