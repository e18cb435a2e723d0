"""A file that is made with the rights with which a tool was started.

A tool may go on as the owner of the state folder, who can write nowhere else, and not
even remove a file that was begun. So a process of its own keeps the rights, and makes
the file once its whole content is there. If the tool ends before, by whatever signal,
there is no file.
"""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path


class OutputFile:
    """A file that is written once, by the process that keeps the rights."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self._path = path
        self._connection = connection

    def write(self, data: bytes) -> None:
        """Make the file, mode 0600. Raises `OSError`; no file is left then."""
        try:
            self._connection.send_bytes(data)
            number = int.from_bytes(self._connection.recv_bytes(), "big")
        except (EOFError, BrokenPipeError):  # that process was killed
            number = errno.EIO
        if number:
            raise OSError(number, os.strerror(number), str(self._path))


@contextmanager
def output_file(path: Path) -> Iterator[OutputFile]:
    """Have a process keep the rights of now. Raises `OSError` at once if the file could
    not be made, or is there already."""
    os.close(_create(path))
    path.unlink()
    ours, its = Pipe()
    process = os.fork()
    if not process:
        try:
            ours.close()
            _serve(path, its)
        finally:
            os._exit(0)
    its.close()
    try:
        yield OutputFile(path, ours)
    finally:
        ours.close()
        os.waitpid(process, 0)


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _serve(path: Path, connection: Connection) -> None:
    """Write what comes, and answer with the number of the error, or 0."""
    signal.set_wakeup_fd(-1)  # that of the tool's reactor
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # it ends with the tool
    with suppress(EOFError):
        data = connection.recv_bytes()
        number = 0
        try:
            _write(path, data)
        except OSError as error:
            number = error.errno or 0
        connection.send_bytes(number.to_bytes(4, "big"))


def _write(path: Path, data: bytes) -> None:
    """The file has its name only when it is whole."""
    begun = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(_create(begun), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        begun.rename(path)
    except OSError:
        begun.unlink(missing_ok=True)
        raise
