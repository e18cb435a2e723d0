"""The few system calls that the store is made of, behind a protocol.

Everything the store does to a disk goes through a `FileSystem`, so a test can make
the n-th call fail, or keep what a crash would have kept. The rules of the game that
such a model has to know:

- what was written to a file is safe after `sync` or `datasync` of its handle;
- that a name exists, is gone or means another file is safe after `sync_dir`;
- `rename` replaces in one step: a name means the old file or the new one.

The two recipes built from these calls, `replace` and `make_dirs`, are here too.
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
from pexschedd.store.disk_reserve import DiskSpace

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says."""
SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What a machine says that has too few descriptors or too little memory just now."""


class FileSystem(Protocol):
    """System calls. Errors are OSError, as the system gives them.

    A handle is an int that `create`, `append`, `open` or `lock` returned.
    """

    def listdir(self, path: Path) -> Sequence[str]:
        """The names in a folder, in no particular order."""

    def mkdir(self, path: Path) -> None:
        """Creates a folder that only its owner can enter."""

    def rmdir(self, path: Path) -> None:
        """Removes an empty folder."""

    def size(self, path: Path) -> int:
        """Bytes in a file."""

    def mode(self, path: Path) -> int:
        """The permission bits of a file."""

    def space(self, path: Path) -> DiskSpace:
        """How much is free on the disk that a folder is on."""

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """Up to `size` bytes from `offset` on; everything if `size` is negative."""

    def create(self, path: Path) -> int:
        """Opens an empty file for writing, mode 0600; one that is there is emptied."""

    def append(self, path: Path) -> int:
        """Opens an existing file; what is written goes to its end."""

    def open(self, path: Path) -> int:
        """Opens an existing file for `read_at`."""

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on, of a file that `open` has opened."""

    def write(self, handle: int, data: bytes) -> int:
        """Writes some of `data`, at least a byte; returns how many bytes it wrote."""

    def truncate(self, handle: int, size: int) -> None:
        """Cuts a file that was opened with `append`."""

    def sync(self, handle: int) -> None:
        """Makes a file durable."""

    def datasync(self, handle: int) -> None:
        """Makes a file's content and size durable, not its times."""

    def close(self, handle: int) -> None: ...

    def rename(self, old: Path, new: Path) -> None: ...

    def link(self, old: Path, new: Path) -> None:
        """Gives a file a second name; not possible on another disk."""

    def unlink(self, path: Path) -> None: ...

    def discard(self, paths: Sequence[Path]) -> Callable[[], object]:
        """Removes files, in this order, which may be large: soon, and after those that
        were given before. Whoever calls does not wait, unless with what is returned.

        That it fails, or that the process ends before, does no harm: nobody refers to
        them any more, and the next start removes them.
        """

    def sync_dir(self, path: Path) -> None:
        """Makes a folder's names durable."""

    def lock(self, path: Path, owner: str) -> int:
        """Creates and locks a file until `close`, and notes who holds it.

        Raises `Locked` if somebody else holds it.
        """


class Locked(Exception):
    """Somebody holds the lock; the text is the owner's note, maybe empty."""


class RealFileSystem:
    """The operating system's. POSIX, as `flock` and syncing folders are."""

    def listdir(self, path: Path) -> Sequence[str]:
        return os.listdir(path)

    def mkdir(self, path: Path) -> None:
        os.mkdir(path, 0o700)

    def rmdir(self, path: Path) -> None:
        os.rmdir(path)

    def size(self, path: Path) -> int:
        return os.stat(path).st_size

    def mode(self, path: Path) -> int:
        return stat.S_IMODE(os.stat(path).st_mode)

    def space(self, path: Path) -> DiskSpace:
        found = os.statvfs(path)
        return DiskSpace(
            found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        )

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        try:
            with open(path, "rb", buffering=0) as file:
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
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def append(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY)

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        return os.pread(handle, size, offset)

    def write(self, handle: int, data: bytes) -> int:
        return os.write(handle, data)

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def datasync(self, handle: int) -> None:
        os.fdatasync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)

    def link(self, old: Path, new: Path) -> None:
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def discard(self, paths: Sequence[Path]) -> Callable[[], object]:
        # The system may take long to free what a file takes on the disk, and commits
        # would have to wait for that.
        return _REMOVER.submit(_unlink_if_possible, paths).result

    def sync_dir(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def lock(self, path: Path, owner: str) -> int:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = os.pread(handle, 100, 0).decode("ascii", "replace").strip()
            os.close(handle)
            raise Locked(note) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, owner.encode("ascii"), 0)
        return handle


_REMOVER = ThreadPoolExecutor(1, "remover")


def _unlink_if_possible(paths: Sequence[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)


def temporary_name(name: str) -> str:
    """What a file is called while `replace` writes it."""
    return f".{name}.tmp"


def is_temporary(name: str) -> bool:
    """Whether a file is the rest of an interrupted `replace`."""
    return name.startswith(".") and name.endswith(".tmp")


def write_all(fs: FileSystem, handle: int, data: bytes) -> None:
    """Writes everything, in as many calls as it takes."""
    while data:
        data = data[fs.write(handle, data) :]


def replace(fs: FileSystem, path: Path, data: bytes) -> None:
    """Makes a file hold `data`, durably; a crash leaves the old file or the new one.

    Without the first sync the new name could outlive the new content, without the
    second the new name itself could be lost after this has returned.
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
    """Creates a folder and its missing parents, durably; fine if it is there."""
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
    """Makes it durable that a folder is there, as far up as we may look."""
    with contextlib.suppress(PermissionError):
        for parent in path.parents:
            fs.sync_dir(parent)


def remove_temporaries(fs: FileSystem, directory: Path) -> None:
    """Removes what interrupted replacements left behind; nobody refers to it.

    Durably, so that starts that are interrupted again and again do not pile it up.
    """
    found = [name for name in fs.listdir(directory) if is_temporary(name)]
    for name in found:
        fs.unlink(directory / name)
    if found:
        fs.sync_dir(directory)


def take_lock(fs: FileSystem, path: Path) -> int:
    """Locks a state folder for this process; StoreError if another one has it."""
    try:
        return fs.lock(path, f"{os.getpid()}\n")
    except Locked as error:
        pid = str(error)
        who = f"process {pid}" if pid.isdecimal() else "another process"
        raise StoreError(
            f"{path.parent} is in use by {who}. Two processes would destroy each "
            "other's data: stop the other one first, or use another state folder."
        ) from None
