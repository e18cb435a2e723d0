"""Reading invitations: HTML, text, mail and calendar files. Pure, and never fails."""
