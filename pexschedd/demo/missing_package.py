"""Packages that only the sandbox and the demo desk need, and that may be missing."""

_PACKAGES = frozenset({"dateutil"})


def missing_package(error: ModuleNotFoundError) -> SystemExit:
    """Return an exit that says in one line how to install what the demo needs.

    Raises the error itself if it is about any other module.
    """
    if error.name is None or error.name.partition(".")[0] not in _PACKAGES:
        raise error
    return SystemExit(
        f"{error.name} is not installed, which the sandbox and the demo need: "
        "pip install -r requirements/demo.txt"
    )
