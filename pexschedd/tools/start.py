"""The entry points of the commands. What a command needs is imported only within them:
an interrupt ends it without a traceback from its first moment on.
"""

import signal
import sys
from functools import partial
from pkgutil import resolve_name

from pexschedd.tools.exit_status import ExitStatus


def start(function: str) -> None:
    """Call `module:function` of this package.

    What it imports takes a second, in which the system would end the daemon on SIGHUP:
    that waits until `util.signals` heeds it.
    """
    if sys.argv[1:2] == ["run"]:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resolve_name(f"{__package__}.{function}")()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the next one
        sys.exit(ExitStatus.STOPPED)


pexschedd = partial(start, "main:main")
check = partial(start, "check:main")
join = partial(start, "join:main")
maintenance = partial(start, "command:maintenance")
password = partial(start, "password:main")
recovery = partial(start, "command:recovery")
store = partial(start, "store_command:main")
