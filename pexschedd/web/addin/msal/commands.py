"""The command that installs the library, and what is said where it is missing. Pure."""

COMMAND = "python -m pexschedd.web.addin.msal"

MISSING = (
    "Nested app authentication needs Microsoft's library, which is not installed. Run "
    f"`{COMMAND}` with the Python of this server (with --file where it has no "
    "internet access), then save again."
)
