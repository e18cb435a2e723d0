"""The command that installs the library, and what is said where it is missing. Pure."""

COMMAND = "python -m pexschedd.web.addin.msal"

MISSING = (
    "Nested app authentication needs Microsoft's library, which is not installed. Run "
    f"`{COMMAND}` with the Python of this server (with --file where it has no "
    "internet access), then save again."
)

GONE = (
    "Microsoft's library for nested app authentication is not installed, so the pane "
    f"can get no token and no user a room. Run `{COMMAND}` with the Python of this "
    "server (with --file where it has no internet access)."
)
