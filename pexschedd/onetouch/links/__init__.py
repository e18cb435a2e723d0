"""Links of invitations: find them, undo what mail filters did to them. Pure."""
