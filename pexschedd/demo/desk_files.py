"""The files of the demo's pages.

Scripts and styles are below an address that changes with any of them: browsers keep
them. The pages themselves have that address in them, and are not kept.
"""

from importlib.resources import files

from pexschedd.web.page_files import PageFiles, load_page

STATIC = "/desk/static/"
_PACKAGE = "pexschedd.demo"
_SIGNS = "pexschedd.web.rooms.display"


def load_files() -> PageFiles:
    """Read the files of the pages, and the script by which door signs know what takes
    place now."""
    state = files(_SIGNS).joinpath("static", "state.js").read_bytes()
    return load_page(_PACKAGE, STATIC, {"state.js": state})


def read_file(name: str) -> bytes:
    """Return a file as it is in the folder; no name may be a request's."""
    return files(_PACKAGE).joinpath("static", name).read_bytes()
