"""The exit statuses of the daemon and of all commands: one reason, one status.

They are explained to administrators in docs/operations.md, which a test compares with
this table. Those from 64 to 78 are from sysexits.h, those above 128 are a shell's for
signals, and 2 is argparse's.
"""

from enum import IntEnum

from pexschedd.errors import (
    ConfigError,
    PexscheddError,
    StoreKeyUnusable,
    StoreNotPermitted,
)


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
    """This user may not read or write a file or folder."""
    CONFIG = 78
    """The configuration file, or a file that it names, cannot be used as it is."""
    STOPPED = 130
    """A signal has ended it before it was done, as in a shell after Ctrl-C."""
    UNREAD = 141
    """The reader of its output has gone, as in a pipe to `head`."""


def status_of(error: PexscheddError) -> ExitStatus:
    """Return the status of a program that could not do its work for this error."""
    if isinstance(error, ConfigError | StoreKeyUnusable):
        return ExitStatus.CONFIG
    if isinstance(error, StoreNotPermitted):
        return ExitStatus.NOT_PERMITTED
    return ExitStatus.UNAVAILABLE
