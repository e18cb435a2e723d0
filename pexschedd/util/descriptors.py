"""File descriptors: how many this process may have."""

import resource

WANTED = 65_536


def raise_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit as far as the system allows; return what it is then.

    systemd starts services with 1,024 although the hard limit is far higher.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft if soft != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
