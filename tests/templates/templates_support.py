"""A `Templates` whose world stands still."""

from datetime import UTC, datetime

from pexschedd.templates.engine import Templates

NOON = datetime(2026, 7, 31, 12, 0, 5, 250, tzinfo=UTC)
UUID = "11111111-2222-4333-8444-555555555555"


def still_templates(said: list[str] | None = None) -> Templates:
    """Noon, always the same UUID, PINs of sevens; `said` takes the debug log."""
    return Templates(
        now=lambda: NOON,
        uuid4=lambda: UUID,
        digits=lambda n: "7" * n,
        debug=None if said is None else said.append,
    )
