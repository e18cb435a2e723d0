"""The administrator log of changes that administrators make."""

from twisted.logger import Logger

from pexschedd.logs import acting

_log = Logger(namespace="administrator.configuration")


def note(what: str) -> None:
    """Says what was done, in the name of whose request this is. Which records and
    fields, never their values."""
    _log.info("{what}", what=what, user=acting.get())
