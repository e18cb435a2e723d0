"""Whoever writes records in an administrator's name records that."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pexschedd"
FOLDERS = ("composition", "control", "doctor", "identity", "management", "web")

NO_CHANGES = {
    # module                            what it writes instead
    "identity/known_addresses.py": "addresses, which are internal",
    "identity/last_use.py": "times of use",
    "identity/oauth/token_cache.py": "tokens that the provider renews by itself",
    "identity/rooms/accounts.py": "addresses of room systems, which are internal",
}


def writers() -> dict[str, str]:
    """The modules that begin transactions, with their text."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            text = path.read_text()
            if "tore.transaction(" in text and ".put(" in text:
                found[path.relative_to(PACKAGE).as_posix()] = text
    return found


def test_every_write_is_recorded() -> None:
    """A module that begins a transaction calls `record_changes`, or is known to change
    nothing that administrators configure."""
    texts = writers()
    forgotten = {name for name, text in texts.items() if "record_changes(" not in text}
    assert forgotten == NO_CHANGES.keys()
