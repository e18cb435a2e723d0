"""Meeting-room scheduling for Microsoft Exchange."""
