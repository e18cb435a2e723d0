"""Signals and the processes that tests start."""

import signal


def heed_signals() -> None:
    """For `preexec_fn`. A shell starts what it puts into the background with Ctrl-C
    ignored, and `nohup` ignores the end of the terminal; that is inherited: by the
    tests, and by what they start."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
