"""Meeting-room scheduling for Microsoft Exchange."""

__version__ = "0.2.0"
"""The release, by the rules in CHANGELOG.md: the only place that has it."""
