"""Meeting-room scheduling for Microsoft Exchange."""

__version__ = "0.1.0"
