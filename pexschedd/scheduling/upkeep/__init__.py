"""Work that keeps rooms and mailboxes in order: janitor, audit, recovery, cleaning."""
