"""The version of this program, as all commands print it."""

from pexschedd import __version__
from pexschedd.store.folder import FORMAT


def version_text() -> str:
    """Return the release and the format of the state that it writes."""
    return f"pexschedd {__version__}, state format {FORMAT}"
