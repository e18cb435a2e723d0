"""What mailboxes hold: items, their ids and bodies, and series of meetings."""
