"""The few system calls that the store needs, behind a protocol.

All disk access of the store goes through a `FileSystem`, so that a test can make the
n-th call fail, or keep only what would survive a crash. Such a test model has to follow
these rules:

- data written to a file is safe after `sync` or `datasync` of its handle;
- a name that was created, removed or given to another file is safe after `sync_dir`;
- `rename` replaces in one step: the name means either the old file or the new one.

The operations built from these calls, such as `replace` and `make_dirs`, are here too.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from pexschedd.errors import StoreError
from pexschedd.store.disk.reserve import DiskSpace
from pexschedd.util.descriptors import SPARE

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk or an exhausted quota."""
SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Error numbers of a machine temporarily short of file descriptors or memory."""


def may_pass(error: Exception) -> bool:
    """Return whether the same write may succeed later, with nothing lost meanwhile.

    The disk has refused it before anything was written, as for lack of space or because
    it is mounted read-only. After any other error, such as EIO, the content of the disk
    is unknown.
    """
    return isinstance(error, OSError) and error.errno in (
        *NO_SPACE,
        *SHORT,
        errno.EROFS,
    )


class FileSystem(Protocol):
    """System calls on files and folders. Their errors are the system's own OSError.

    A handle is an int that `create`, `append`, `open` or `lock` returned.
    """

    def listdir(self, path: Path) -> Sequence[str]:
        """Return the names in a folder, in no particular order."""

    def mkdir(self, path: Path) -> None:
        """Create a folder that only its owner can enter."""

    def rmdir(self, path: Path) -> None:
        """Remove an empty folder."""

    def size(self, path: Path) -> int:
        """Return the size of a file in bytes."""

    def mode(self, path: Path) -> int:
        """Return the permission bits of a file."""

    def space(self, path: Path) -> DiskSpace:
        """Return the size and the free space of the disk that holds a folder."""

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """Read up to `size` bytes from `offset` on, or all if `size` is negative."""

    def create(self, path: Path) -> int:
        """Open an empty file for writing at its end, mode 0600; an existing one is
        emptied."""

    def append(self, path: Path) -> int:
        """Open an existing file for writing at its end."""

    def open(self, path: Path) -> int:
        """Open an existing file for `read_at`."""

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset` on; the handle is from `open`."""

    def write(self, handle: int, data: bytes) -> int:
        """Write at least one byte of `data`; return the number of bytes written."""

    def truncate(self, handle: int, size: int) -> None:
        """Cut a file to `size` bytes; what is written next follows these."""

    def sync(self, handle: int) -> None:
        """Make a file durable."""

    def datasync(self, handle: int) -> None:
        """Make a file's content and size durable, but not its times."""

    def close(self, handle: int) -> None:
        """Close a handle; for one that `lock` returned this releases the lock."""

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file in one step, replacing any file that has the new name."""

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name, which must be on the same disk."""

    def unlink(self, path: Path) -> None:
        """Remove a file."""

    def discard(self, paths: Sequence[Path]) -> Callable[[], object]:
        """Remove files, which may be large, in this order, without making the caller
        wait.

        Files given in earlier calls are removed first. Calling the returned function
        waits until these are removed. A failure, or the end of the process before that,
        does no harm: nothing refers to the files any more, and the next start removes
        them.
        """

    def sync_dir(self, path: Path) -> None:
        """Make the names in a folder durable."""

    def lock(self, path: Path, owner: str) -> int:
        """Create and lock a file until `close`, and write `owner` to it.

        A disk that is full or read-only keeps the note out, not the lock. Raises
        `Locked` if another process holds the lock.
        """


class Locked(Exception):
    """Another process holds the lock. The text is its owner's note and may be empty."""


class RealFileSystem:
    """The operating system's files; needs POSIX for `flock` and for syncing folders."""

    def listdir(self, path: Path) -> Sequence[str]:
        """Return the names in a folder, in no particular order."""
        return os.listdir(path)

    def mkdir(self, path: Path) -> None:
        """Create a folder with mode 0700."""
        os.mkdir(path, 0o700)

    def rmdir(self, path: Path) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def size(self, path: Path) -> int:
        """Return the size of a file in bytes."""
        return os.stat(path).st_size

    def mode(self, path: Path) -> int:
        """Return the permission bits of a file."""
        return stat.S_IMODE(os.stat(path).st_mode)

    def space(self, path: Path) -> DiskSpace:
        """Return the size of the disk and the space free for ordinary processes."""
        found = os.statvfs(path)
        return DiskSpace(
            found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        )

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """Read a part of a file, or all of it; every OSError names the file."""
        try:
            with open(path, "rb", buffering=0, opener=SPARE.open) as file:
                file.seek(offset)
                if size < 0:
                    return file.readall()
                return file.read(size) or b""
        except OSError as error:
            # Only `open` says by itself which file it was, and a bad spot on the disk
            # is noticed later.
            error.filename = str(path)
            raise

    def create(self, path: Path) -> int:
        """Open an empty file for writing at its end, mode 0600; an existing one is
        emptied."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        return SPARE.open(path, flags, 0o600)

    def append(self, path: Path) -> int:
        """Open an existing file for writing at its end."""
        return SPARE.open(path, os.O_WRONLY | os.O_APPEND)

    def open(self, path: Path) -> int:
        """Open an existing file for `read_at`."""
        return SPARE.open(path, os.O_RDONLY)

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset` on."""
        return os.pread(handle, size, offset)

    def write(self, handle: int, data: bytes) -> int:
        """Write some of `data`; return the number of bytes written."""
        return os.write(handle, data)

    def truncate(self, handle: int, size: int) -> None:
        """Cut a file to `size` bytes."""
        os.ftruncate(handle, size)

    def sync(self, handle: int) -> None:
        """Make a file durable, with `fsync`."""
        os.fsync(handle)

    def datasync(self, handle: int) -> None:
        """Make a file's content and size durable, with `fdatasync`."""
        os.fdatasync(handle)

    def close(self, handle: int) -> None:
        """Close a handle, and release its lock if it has one."""
        os.close(handle)
        SPARE.refill()

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file in one step, replacing any file that has the new name."""
        os.replace(old, new)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name on the same disk."""
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)

    def discard(self, paths: Sequence[Path]) -> Callable[[], object]:
        """Remove files on a separate thread; return a function that waits for that."""
        # The system may take long to free what a file takes on the disk, and commits
        # would have to wait for that.
        return _REMOVER.submit(_unlink_if_possible, paths).result

    def sync_dir(self, path: Path) -> None:
        """Make the names in a folder durable, with `fsync` of the folder."""
        handle = SPARE.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def lock(self, path: Path, owner: str) -> int:
        """Lock a file with `flock`, and write `owner` to it if the disk takes it.

        Raises `Locked` with the present owner's note if another process holds the lock.
        """
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = os.pread(handle, 100, 0).decode("ascii", "replace").strip()
            os.close(handle)
            raise Locked(note) from None
        # It is for people only, so a lack of space must not prevent the start.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, owner.encode("ascii"), 0)
        return handle


_REMOVER = ThreadPoolExecutor(1, "remover")


def _unlink_if_possible(paths: Sequence[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)


def temporary_name(name: str) -> str:
    """Return the name that `replace` gives a file while it is being written."""
    return f".{name}.tmp"


def is_temporary(name: str) -> bool:
    """Return whether a file was left behind by an interrupted `replace`."""
    return name.startswith(".") and name.endswith(".tmp")


def write_all(fs: FileSystem, handle: int, data: bytes) -> None:
    """Write all of `data`, in as many calls as necessary."""
    while data:
        data = data[fs.write(handle, data) :]


def replace(fs: FileSystem, path: Path, data: bytes) -> None:
    """Replace a file's content durably; a crash leaves the old file or the new one.

    Without the first sync the new name could become durable before the new content;
    without the second the new name itself could be lost after this has returned.
    """
    temporary = path.with_name(temporary_name(path.name))
    handle = fs.create(temporary)
    try:
        write_all(fs, handle, data)
        fs.sync(handle)
    finally:
        fs.close(handle)
    fs.rename(temporary, path)
    fs.sync_dir(path.parent)


def make_dirs(fs: FileSystem, path: Path) -> None:
    """Create a folder and its missing parents durably, unless it exists already."""
    if path.parent == path:
        return
    try:
        fs.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_dirs(fs, path.parent)
        fs.mkdir(path)
    fs.sync_dir(path.parent)


def sync_parents(fs: FileSystem, path: Path) -> None:
    """Make a folder's existence durable, in as many parents as access permits."""
    with contextlib.suppress(PermissionError):
        for parent in path.parents:
            fs.sync_dir(parent)


def remove_temporaries(fs: FileSystem, directory: Path) -> None:
    """Remove the temporary files that interrupted replacements left behind.

    Nothing refers to them. The removal is durable, so that repeatedly interrupted
    starts do not accumulate them. On a read-only disk they stay until another start.
    """
    found = [name for name in fs.listdir(directory) if is_temporary(name)]
    try:
        for name in found:
            fs.unlink(directory / name)
        if found:
            fs.sync_dir(directory)
    except OSError as error:
        if not may_pass(error):
            raise


def take_lock(fs: FileSystem, path: Path) -> int:
    """Lock a state folder for this process; return the handle that keeps it locked.

    Raises StoreError if another process holds the lock.
    """
    try:
        return fs.lock(path, f"{os.getpid()}\n")
    except Locked as error:
        pid = str(error)
        who = f"process {pid}" if pid.isdecimal() else "another process"
        raise StoreError(
            f"{path.parent} is in use by {who}. Two processes would destroy each "
            "other's data: stop the other one first, or use another state folder."
        ) from None
