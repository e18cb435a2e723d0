"""The exit statuses of the daemon and of all commands: one reason, one status.

They are explained to administrators in docs/operations.md, which a test compares with
this table. Those from 64 to 78 are from sysexits.h, those above 128 are a shell's for
signals, and 2 is argparse's.
"""

from enum import IntEnum
from errno import EINVAL

from pexschedd.errors import (
    ConfigError,
    PexscheddError,
    PortNotPermitted,
    PortUnavailable,
    StoreCopyMisplaced,
    StoreCopyNotWritten,
    StoreKeyUnusable,
    StoreNotPermitted,
    WorkStopped,
)

_OF_THE_COMMAND_LINE = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
)
"""Errors of a command line that names what is not there, or is already."""


class ExitStatus(IntEnum):
    """The status with which a program ends."""

    DONE = 0
    """All was done, and all that was looked at is in order."""
    FAILED = 1
    """It ran, and something failed or is not in order; the daemon had to stop."""
    USAGE = 2
    """The command line is wrong, or names what is not there."""
    UNAVAILABLE = 69
    """The state folder cannot be worked on: not there, in use, damaged, newer; or the
    running daemon does not do as asked."""
    IO_ERROR = 74
    """The output cannot be written, as on a full disk."""
    NOT_PERMITTED = 77
    """This user may not read or write a file or folder, or open a port."""
    CONFIG = 78
    """The configuration file, or a file that it names, cannot be used as it is."""
    STOPPED = 130
    """A signal has ended it before it was done, as in a shell after Ctrl-C."""
    UNREAD = 141
    """The reader of its output has gone, as in a pipe to `head`."""


def status_of_file(error: OSError) -> ExitStatus:
    """Return the status of a program that could not use a file of its command line."""
    if isinstance(error, PermissionError):
        return ExitStatus.NOT_PERMITTED
    if isinstance(error, _OF_THE_COMMAND_LINE) or error.errno == EINVAL:
        return ExitStatus.USAGE
    return ExitStatus.IO_ERROR


def status_of(error: PexscheddError) -> ExitStatus:
    """Return the status of a program that could not do its work for this error."""
    if isinstance(error, ConfigError | StoreKeyUnusable):
        return ExitStatus.CONFIG
    if isinstance(error, StoreNotPermitted | PortNotPermitted):
        return ExitStatus.NOT_PERMITTED
    if isinstance(error, PortUnavailable):
        return ExitStatus.FAILED
    if isinstance(error, StoreCopyMisplaced):
        return ExitStatus.USAGE
    if isinstance(error, StoreCopyNotWritten):
        return ExitStatus.IO_ERROR
    if isinstance(error, WorkStopped):
        return ExitStatus.STOPPED
    return ExitStatus.UNAVAILABLE
